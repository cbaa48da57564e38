"""Flow images without any data set: movements planted in the bundled photograph.

Good for trying the whole way from pixels to a class, and for nothing else: which units stand for which
class is settled by the table that plants them, and all of it is one face.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import LABELS
from megc_live.recognition.crop import face_pair
from megc_live.recognition.flow import flow_image
from megc_live.synthesis.demo import portrait
from megc_live.synthesis.plan import COMBINATIONS
from megc_live.synthesis.units import draw_unit, peak_of
from training.datasets.flow_file import FlowData

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

DATASET = "planted"
AMPLITUDE = (0.015, 0.06)
"""Largest displacement, eye distances."""
_NOISE = 1.0
"""Standard deviation of the sensor's noise, grey levels."""
_COARSE = 4
_HEAD_SHIFT_PX, _HEAD_TURN, _HEAD_ZOOM = 1.0, 0.005, 0.005


def planted_flow(rng: np.random.Generator, per_class: int = 60, parts: int = 6) -> FlowData:
    """Make flow images of known units.

    Parameters
    ----------
    rng : numpy.random.Generator
    per_class : int
        Images of each class.
    parts : int
        The images are dealt to so many make-believe subjects, so that some can be left out. They are all
        the same person.

    Returns
    -------
    FlowData
        ``per_class * 3`` samples; the data set is called ``planted``.
    """
    rgb, landmarks = portrait()
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    flow, label = [], []
    for index, name in enumerate(LABELS):
        for _ in range(per_class):
            units = COMBINATIONS[name][int(rng.integers(len(COMBINATIONS[name])))]
            onset, apex = _pair(rng, grey, landmarks, units)
            flow.append(flow_image(*face_pair(onset, landmarks, apex, landmarks)))
            label.append(index)
    n = len(label)
    part = np.arange(n) % parts
    return FlowData(
        flow=np.array(flow),
        label=np.array(label, dtype=np.int64),
        subject=np.array([f"part{k}" for k in part]),
        dataset=np.full(n, DATASET),
        clip=np.array([f"{DATASET}{k:04d}" for k in range(n)]),
    )


def _pair(rng: np.random.Generator, grey: F32, landmarks: F32, units: tuple[str, ...]) -> tuple[U8, U8]:
    """Grey pictures at onset and apex; both are resampled, so that softness gives nothing away."""
    fields = tuple(draw_unit(rng, unit, "B") for unit in units)
    size = np.exp(rng.uniform(*np.log(AMPLITUDE))) / peak_of(fields, landmarks)[0]
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]].astype(np.float32)
    grid = np.stack([x, y], axis=-1)
    # Units are smooth: a coarse grid is enough.
    coarse = grid[::_COARSE, ::_COARSE] + (_COARSE - 1) / 2
    moved = size * sum(field.displacement(landmarks, coarse) for field in fields)
    skin = cv2.resize(moved, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    middle = landmarks[:, :2].mean(0)
    turn = rng.normal(0, _HEAD_TURN)
    zoom = rng.normal(0, _HEAD_ZOOM)
    head = (grid - middle) @ np.array([[zoom, turn], [-turn, zoom]]) + rng.normal(0, _HEAD_SHIFT_PX, 2)
    drift = rng.uniform(-0.5, 0.5, 2)
    return _exposed(rng, grey, grid - drift), _exposed(rng, grey, grid - drift - skin - head)


def _exposed(rng: np.random.Generator, grey: F32, source: NDArray[np.floating]) -> U8:
    at = source.astype(np.float32)
    picture = cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    noisy = picture + rng.normal(0, _NOISE, grey.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)
