"""The imaginary camera of a clip: unsteadiness, sensor noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.synthesis.courses import Wander

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """How a clip is taken.

    Attributes
    ----------
    drift_px : float
        Largest offset of the picture on either axis, pixels. Every frame lies at another sub-pixel
        offset, so that every frame is interpolated and a warp's softening tells nothing.
    read_noise : float
        Standard deviation of the noise in the dark, grey levels.
    shot_noise : float
        Noise at full brightness, grey levels; grows with the root of brightness.
    grain : float
        Standard deviation of the noise's blur in pixels; 0 is white noise.
    crf : int
        Quality of the x264 encoder: 0 lossless, 51 worst.
    """

    drift_px: float = 0.5
    read_noise: float = 0.8
    shot_noise: float = 1.2
    grain: float = 0.5
    crf: int = 18


STEADY = Camera(drift_px=0.0, read_noise=0.0, shot_noise=0.0, grain=0.0, crf=10)
"""No drift, no noise: for looking at warps."""


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw a camera between good and poor."""
    return Camera(
        drift_px=float(rng.uniform(0.3, 0.5)),
        read_noise=float(rng.uniform(0.2, 2.0)),
        shot_noise=float(rng.uniform(0.2, 2.5)),
        grain=float(rng.uniform(0.0, 0.9)),
        crf=int(rng.integers(14, 28)),
    )


class Drift:
    """A slow, smooth wander of the picture within ``+-reach`` pixels on either axis."""

    def __init__(self, rng: np.random.Generator, reach: float) -> None:
        self._reach = reach
        self._axes = Wander(rng, (1.5, 15.0)), Wander(rng, (1.5, 15.0))

    def __call__(self, t_s: float) -> tuple[float, float]:
        """Offset x, y in pixels at a time in seconds."""
        x, y = (self._reach * float(axis(t_s)) for axis in self._axes)
        return x, y


class Sensor:
    """Adds noise that grows with brightness, from one large tile at a fresh offset each frame."""

    _SPARE = 61

    def __init__(self, rng: np.random.Generator, camera: Camera, height: int, width: int) -> None:
        self._rng = rng
        self._quiet = camera.read_noise == 0 and camera.shot_noise == 0
        if self._quiet:
            return
        tile = rng.standard_normal((height + self._SPARE, width + self._SPARE), dtype=np.float32)
        if camera.grain > 0.2:
            tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), camera.grain), dtype=np.float32)
            tile /= tile.std()
        self._tile = tile
        grey = np.arange(256, dtype=np.float32)
        self._deviation = np.sqrt(camera.read_noise**2 + camera.shot_noise**2 * grey / 255).astype(np.float32)

    def expose(self, luma: F32) -> U8:
        """Return the picture as the sensor reads it; ``luma``: (height, width), 0 to 255."""
        if self._quiet:
            return np.asarray(cv2.convertScaleAbs(np.maximum(luma, 0)), dtype=np.uint8)
        height, width = luma.shape
        top, left = self._rng.integers(0, self._SPARE, 2)
        noise = self._tile[top : top + height, left : left + width]
        flip = int(self._rng.integers(4))
        noise = noise[:: -1 if flip & 1 else 1, :: -1 if flip & 2 else 1]
        rough = np.asarray(cv2.convertScaleAbs(np.maximum(luma, 0)), dtype=np.uint8)
        deviation = self._deviation[rough]
        return np.asarray(np.clip(luma + noise * deviation + 0.5, 0, 255), dtype=np.uint8)
