"""Small clips of the bundled photograph, aligned and kept as those of a corpus are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.io import imsave

from megc_live.synthesis.demo import portrait
from megc_live.synthesis.units import draw_unit, peak_of
from training.datasets.base import ClipRecord
from training.recognition.clip_align import cache_path, keep
from training.recognition.clip_data import ClipData

U8 = NDArray[np.uint8]

UNITS = ("AU4", "AU12", "AU2")
"""By the label that they stand for."""
_SPAN = (slice(0, 300), slice(80, 380))
"""The head in the photograph."""


_portrait = cache(portrait)


def moving_face(unit: str, amplitude: float, frames: int, seed: int) -> U8:
    """A movement from rest to its apex in the middle and back, (frames, 300, 300, 3); in eye distances."""
    rgb, landmarks = _portrait()
    rgb, points = rgb[_SPAN], landmarks - np.array([_SPAN[1].start, 0, 0], dtype=landmarks.dtype)
    field = draw_unit(np.random.default_rng(seed), unit, "B")
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]].astype(np.float32)
    grid = np.stack([x, y], axis=-1)
    moved = amplitude / peak_of((field,), points)[0] * field.displacement(points, grid)
    levels = np.sin(np.linspace(0, np.pi, frames))
    return np.stack([_warped(rgb, grid - level * moved) for level in levels])


def _warped(rgb: U8, source: NDArray[np.floating]) -> U8:
    at = source.astype(np.float32)
    return np.asarray(cv2.remap(rgb, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def make_clips(
    folder: Path,
    dataset: str,
    labels: tuple[int | None, ...],
    *,
    per_subject: int = 2,
    fps: float = 100.0,
    frames: int = 7,
    amplitude: float = 0.03,
    annotated: bool = True,
    emotions: tuple[str, ...] = (),
) -> tuple[ClipData, list[ClipRecord]]:
    """Write, align and keep one clip a label; its apex is the middle frame."""
    records = []
    for k, label in enumerate(labels):
        pictures = moving_face(UNITS[label or 0], amplitude, frames, seed=k)
        paths = tuple(folder / dataset / str(k) / f"{t:03d}.png" for t in range(frames))
        paths[0].parent.mkdir(parents=True)
        for path, picture in zip(paths, pictures, strict=True):
            imsave(path, picture, check_contrast=False)
        apex = frames // 2 if annotated else None
        emotion = emotions[k] if emotions else ""
        subject = f"s{k // per_subject}"
        records.append(
            ClipRecord(
                dataset, subject, f"c{k}", label, emotion, "", 0, apex, frames - 1, fps, paths,
                tuple(range(frames)),
            )
        )  # fmt: skip
    cache = folder / "cache"
    assert keep(records, cache) == [None] * len(records)
    data = ClipData(
        dataset=np.array([r.dataset for r in records]),
        subject=np.array([r.subject for r in records]),
        clip=np.array([r.clip for r in records]),
        label=np.array([-1 if r.label is None else r.label for r in records], dtype=np.int64),
        files=tuple(cache_path(r, cache) for r in records),
    )
    return data, records
