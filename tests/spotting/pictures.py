"""Signals with pictures for tests: the photograph's aligned face, bent where a movement is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import FaceObservation
from megc_live.face.regions import REGION_POINTS
from megc_live.face.tracker import FaceTracker
from megc_live.models import ModelStore
from megc_live.settings import FaceSettings
from megc_live.spotting.picture import FaceSignal, with_picture
from megc_live.spotting.signals import RegionSignal
from tests.faces import frame, scene

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
_SIGMA_PX = 12.0
Lift = Callable[[float], dict[str, tuple[float, float]]]


@cache
def observation() -> FaceObservation:
    """The photograph's face as the tracker sees it; do not write into it."""
    with Landmarker(ModelStore().landmarker(), 1, 0.5) as landmarker:
        return FaceTracker(landmarker, FaceSettings()).update(frame(0, scene()))[0]


def bent(shifts: dict[str, tuple[float, float]], rng: np.random.Generator | None = None) -> U8:
    """The aligned face with some regions moved by (x, y) crop pixels, with a camera's noise if asked for."""
    face = observation()
    y, x = np.mgrid[: face.crop.shape[0], : face.crop.shape[1]].astype(np.float32)
    map_x, map_y = x.copy(), y.copy()
    for name, (dx, dy) in shifts.items():
        at = face.canonical[REGION_POINTS[name]]
        bump = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * _SIGMA_PX**2))
        map_x -= dx * bump
        map_y -= dy * bump
    out = cv2.remap(face.crop, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if rng is not None:
        out = np.clip(np.rint(out + rng.normal(0, 0.7, out.shape)), 0, 255)
    return np.asarray(out, dtype=np.uint8)


def with_crop(signal: RegionSignal, crop: U8) -> FaceSignal:
    """A signal of numbers with a picture."""
    return replace(with_picture(signal, observation()), crop=crop)


def moving(
    seconds: float,
    lift: Lift,
    fps: float = 30.0,
    start: float = 0.0,
    seed: int = 0,
    fresh_at: tuple[float, ...] = (),
) -> list[FaceSignal]:
    """Signals without numbers of a face whose regions are where ``lift`` says at each time (since the start).

    ``fresh_at`` are the times, since the start, at which the history is said to begin anew.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * fps)) / fps
    breaks = {0, *(int(np.abs(times - t).argmin()) for t in fresh_at)}
    crops = [bent(lift(float(t)), rng) for t in times]
    return [
        with_crop(blank(i, start + float(t), i in breaks), crop)
        for i, (t, crop) in enumerate(zip(times, crops, strict=True))
    ]


def blank(index: int, pts_s: float, fresh: bool) -> RegionSignal:
    """A signal in which no number was measured."""
    return RegionSignal(index, pts_s, None, None, None, pts_s, 0.0, 80.0, fresh)


def smile(
    at_s: float, lasts_s: float = 0.4, px: float = 3.0
) -> Callable[[float], dict[str, tuple[float, float]]]:
    """Both mouth corners go up and come back, once."""

    def lift(t: float) -> dict[str, tuple[float, float]]:
        phase = (t - at_s) / lasts_s
        if not 0 < phase < 1:
            return {}
        up = -px * float(np.sin(np.pi * phase))
        return {"mouth_r": (0.0, 0.9 * up), "mouth_l": (0.0, up)}

    return lift
