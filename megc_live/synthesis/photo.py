"""A photograph brought to life: the head sways and breathes, the light lives, the lids blink."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SourceError
from megc_live.synthesis.camera import Camera
from megc_live.synthesis.courses import Wander, draw_course
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.movements import Blink, HeadMovement, LightChange, Movement, SkinMovement
from megc_live.synthesis.plan import PlannedEvent
from megc_live.synthesis.render import render
from megc_live.synthesis.units import draw_unit, peak_of
from megc_live.video.frame import PixelImage

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class LivingPhoto:
    """A photograph with the movements that bring it to life.

    Attributes
    ----------
    picture : PixelImage
        The photograph, cut and scaled to the clip's size, ``i420``.
    landmarks : ndarray of float32, shape (478, 3)
        On that picture: the face at rest.
    times_s : ndarray, shape (frames,)
    movements : tuple of Movement
        Sway, breath, light, blinks, slow play of the face.
    """

    picture: PixelImage
    landmarks: F32
    times_s: F64
    movements: tuple[Movement, ...]

    def frames(
        self, plan: Sequence[PlannedEvent], *, rng: np.random.Generator, camera: Camera
    ) -> Iterator[PixelImage]:
        """Yield the clip's frames with a plan planted; all movements are one interpolation."""
        points = np.broadcast_to(self.landmarks, (len(self.times_s), *self.landmarks.shape))
        return render(
            repeat(self.picture),
            points,
            self.times_s,
            plan,
            rng=rng,
            camera=camera,
            background=self.movements,
        )


def animate_photo(
    rgb: U8,
    landmarks: NDArray[np.floating],
    duration_s: float,
    fps: float,
    rng: np.random.Generator,
    *,
    size: tuple[int, int] | None = (640, 480),
    eye_px: float = 90.0,
    liveliness: float = 1.0,
    blinks_per_min: float = 12.0,
    avoid: Sequence[tuple[float, float]] = (),
) -> LivingPhoto:
    """Bring a photograph to life.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        R, G, B.
    landmarks : ndarray, shape (478, 3)
        Mesh points of the face in pixels of ``rgb``.
    duration_s, fps : float
        Length in seconds, rate in frames/s (any).
    rng : numpy.random.Generator
    size : tuple of int, optional
        Width and height of the clip, even, with the face in its middle. None: the photograph as it is.
    eye_px : float
        Eye distance in the clip, pixels; of no effect without ``size``.
    liveliness : float
        Size of the natural movements: 0 a still, 1 a person who sits and listens.
    blinks_per_min : float
    avoid : sequence of (start, end)
        Spans in seconds in which no blink falls.

    Raises
    ------
    SourceError
        The clip's size is odd or tiny.
    """
    width, height = size or (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
    if width % 2 or height % 2 or min(width, height) < 16:
        raise SourceError(
            f"a clip of {width} x {height} pixels cannot be made.", "Give even sides of 16 and more."
        )
    if size is None:
        picture, points = _packed(rgb[:height, :width]), np.asarray(landmarks, dtype=np.float32)
    else:
        picture, points = _framed(rgb, landmarks, size, eye_px)
    times_s = np.arange(max(1, round(duration_s * fps))) / fps
    movements: list[Movement] = []
    if liveliness > 0:
        movements += _sway(rng, liveliness)
        movements += [_breathing_light(rng), *_play(rng, points, liveliness)]
    movements += _blinks(rng, duration_s, blinks_per_min, avoid)
    return LivingPhoto(picture, points, times_s, tuple(movements))


def _framed(
    rgb: U8, landmarks: NDArray[np.floating], size: tuple[int, int], eye_px: float
) -> tuple[PixelImage, F32]:
    """Cut and scale the photograph so that the face is in the middle at the wanted size."""
    frame = FaceFrame.of(landmarks)
    scale = eye_px / frame.eye_px
    middle = frame.to_pixels(np.array([0.0, 0.35]))
    shift = np.array([size[0] / 2, size[1] / 2]) - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    smooth = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.5 / scale), dtype=np.uint8) if scale < 0.7 else rgb
    cut = cv2.warpAffine(smooth, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    points = np.asarray(landmarks, dtype=np.float64) * scale
    points[:, :2] += shift
    return _packed(np.asarray(cut, dtype=np.uint8)), points.astype(np.float32)


def _packed(rgb: U8) -> PixelImage:
    planes = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2YUV_I420)
    return PixelImage(np.asarray(planes, dtype=np.uint8), "i420")


def _sway(rng: np.random.Generator, size: float) -> list[Movement]:
    """Slow wander of the head in all six directions, and breath."""
    slow = (2.5, 14.0)
    still = {"shift": (0.0, 0.0), "roll": 0.0, "zoom": 0.0, "turn": (0.0, 0.0)}
    reaches: list[dict[str, float | tuple[float, float]]] = [
        {"shift": (0.12 * size, 0.0)},
        {"shift": (0.0, 0.08 * size)},
        {"roll": 0.035 * size},
        {"zoom": 0.03 * size},
        {"turn": (0.09 * size, 0.0), "shift": (0.05 * size, 0.0)},
        {"turn": (0.0, 0.07 * size), "shift": (0.0, 0.05 * size)},
    ]
    movements: list[Movement] = [
        HeadMovement(whole=False, level=Wander(rng, slow), **{**still, **reach})  # type: ignore[arg-type]
        for reach in reaches
    ]
    breath = float(rng.uniform(3.2, 5.0))
    movements.append(
        HeadMovement((0.0, 0.012 * size), 0.0, 0.0, (0.0, 0.0), False, Wander(rng, (breath, breath * 1.1)))
    )
    return movements


def _breathing_light(rng: np.random.Generator) -> LightChange:
    return LightChange(float(rng.uniform(0.01, 0.03)), 0.0, 0.0, Wander(rng, (3.0, 12.0)))


def _play(rng: np.random.Generator, points: F32, size: float) -> list[Movement]:
    """Two slow, faint movements of the face, as of a listener."""
    movements: list[Movement] = []
    for unit in rng.choice(["AU12", "AU2", "AU4", "AU25", "AU17", "AU14"], 2, replace=False):
        field = draw_unit(rng, str(unit), "B")
        peak, _ = peak_of((field,), points)
        movements.append(SkinMovement((field.scaled(0.02 * size / peak),), Wander(rng, (4.0, 14.0))))
    return movements


def _blinks(
    rng: np.random.Generator, duration_s: float, per_min: float, avoid: Sequence[tuple[float, float]]
) -> list[Movement]:
    movements: list[Movement] = []
    t_s = float(rng.exponential(60 / per_min)) if per_min > 0 else duration_s
    while t_s < duration_s - 0.5:
        length = float(rng.uniform(0.15, 0.35))
        if not any(t_s - 0.1 < end and start < t_s + length + 0.1 for start, end in avoid):
            level = draw_course(rng, t_s, length, apex_at=(0.3, 0.45))
            movements.append(Blink((1.0, 1.0), level))
        t_s += length + 0.4 + float(rng.exponential(60 / per_min))
    return movements
