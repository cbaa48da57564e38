"""What movements are planted into: moving footage, or a frame of it brought to life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.face.geometry import head_angles
from megc_live.synthesis.footage import Survey, read_frames
from megc_live.synthesis.movements import Movement
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.retime import retimed
from megc_live.video.frame import PixelImage


@dataclass(frozen=True)
class Material:
    """What movements are planted into."""

    frames: Iterable[PixelImage]
    landmarks: NDArray[np.float32]
    times_s: NDArray[np.float64]
    fps: float
    variable: bool
    blocked: list[tuple[float, float]]
    background: tuple[Movement, ...] = ()


def moving_material(path: Path, found: Survey, rates: Sequence[float], rng: np.random.Generator) -> Material:
    """The source's own frames, at another rate if one is asked for."""
    frames = read_frames(path, found)
    if not rates:
        return Material(frames, found.landmarks, found.times_s, found.fps, found.variable, found.blocked())
    fps = float(rng.choice(rates))
    frames, landmarks, times_s = retimed(frames, found.landmarks, found.times_s, fps)
    return Material(frames, landmarks, times_s, fps, False, found.blocked())


def still_material(
    path: Path, found: Survey, rates: Sequence[float], seconds: float, rng: np.random.Generator
) -> Material:
    """One of the source's most frontal frames, brought to life."""
    seen = np.flatnonzero(np.isfinite(found.landmarks[:, 0, 0]) & ~found.cuts)
    turned = [sum(abs(angle) for angle in head_angles(found.landmarks[i])[:2]) for i in seen]
    frontal = seen[np.argsort(turned)[: max(1, len(seen) // 5)]]
    chosen = int(rng.choice(frontal))
    picture = next(image for i, image in enumerate(read_frames(path, found)) if i == chosen)
    photo = animate_photo(
        picture.rgb(),
        found.landmarks[chosen],
        seconds,
        float(rng.choice(rates)) if rates else found.fps,
        rng,
        size=None,
        liveliness=float(rng.uniform(0.2, 1.3)),
        blinks_per_min=float(rng.uniform(4, 20)),
    )
    points = np.broadcast_to(photo.landmarks, (len(photo.times_s), *photo.landmarks.shape))
    fps = 1 / float(photo.times_s[1])
    return Material(repeat(photo.picture), points, photo.times_s, fps, False, [], photo.movements)
