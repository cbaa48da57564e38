"""Movements planted into signals: the generator's own events, without rendering a frame.

A rendered corpus holds a few hundred movements. Their spatial pattern and course are cheap to draw,
though: planted straight into the regions' motion of real footage, they give each training window
movements that were never seen before and never will be again. Evaluation never uses them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from megc_live.errors import DatasetError
from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import CANONICAL_EYE_PX
from megc_live.face.regions import SIGNAL_POINTS
from megc_live.models import ModelStore
from megc_live.spotting.features import GRID_HZ, N_SIGNALS, VALID
from megc_live.spotting.motion import LAG_S, PATCH_PX
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.movements import SkinMovement, realise
from megc_live.synthesis.plan import PlannedEvent, draw_plan

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_CONTEXT_S = 0.25


@dataclass(frozen=True)
class _Planted:
    """One event: where it moves which signal how far, and how it runs."""

    event: PlannedEvent
    pattern: F64
    movement: SkinMovement

    @property
    def length_s(self) -> float:
        return self.event.offset_s - self.event.onset_s


class EventBank:
    """Events drawn from the generator, as motion of the 24 signals.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
        About how many events.
    units : sequence of str, optional
        Units to draw from (for held-out units); default all.
    """

    def __init__(
        self, rng: np.random.Generator, size: int = 3000, units: tuple[str, ...] | None = None
    ) -> None:
        landmarks = neutral_face()
        frame = FaceFrame.of(landmarks)
        places = _patch_points(frame.to_face(landmarks[list(SIGNAL_POINTS.values()), :2]))
        minutes = size / 40
        plan = draw_plan(
            rng,
            60 * minutes,
            30.0,
            micro_per_min=26.0,
            macro_per_min=5.0,
            negatives_per_min=32.0,
            units=units,
            min_gap_s=0.05,
        )
        self.events = [
            _planted(event, landmarks, frame, places)
            for event in plan
            if event.kind in ("micro", "macro", "step", "talk")
        ]
        if not any(p.event.kind == "micro" for p in self.events):
            raise DatasetError("no movement can be drawn from these units.", "Give more units.")

    def plant(
        self, rng: np.random.Generator, features: F32, targets: F32, past: int, events_per_s: float
    ) -> None:
        """Plant events into one window, in place.

        Parameters
        ----------
        features : ndarray, shape (N_FEATURES, past + steps + future)
            The window's features with their margins.
        targets : ndarray, shape (6, steps)
            As :class:`training.spotting.sequences.Sequence` has them, transposed.
        past : int
            Steps of margin before the first target.
        events_per_s : float
            Mean density.
        """
        steps = targets.shape[1]
        for _ in range(rng.poisson(events_per_s * features.shape[1] / GRID_HZ)):
            planted = self.events[int(rng.integers(len(self.events)))]
            onset = float(rng.uniform(0, features.shape[1] - 1))
            offset = onset + min(planted.length_s, 3.0) * GRID_HZ
            low, high = (
                int(onset - _CONTEXT_S * GRID_HZ) - past,
                int(offset + _CONTEXT_S * GRID_HZ) + 1 - past,
            )
            near = targets[:2, max(0, low) : max(0, min(steps, high))]
            if near.any() or not _all_valid(features, onset, offset):
                continue
            self._add(rng, planted, features, onset)
            if planted.event.kind in ("micro", "macro"):
                _mark(targets, planted.event.kind, onset - past, onset - past + planted.length_s * GRID_HZ)

    def _add(self, rng: np.random.Generator, planted: _Planted, features: F32, onset: float) -> None:
        start = max(0, int(onset))
        end = min(features.shape[1], int(onset + planted.length_s * GRID_HZ + LAG_S * GRID_HZ) + 2)
        t = planted.event.onset_s + (np.arange(start, end) - onset) / GRID_HZ
        level = planted.movement.level
        change = level(t) - level(t - LAG_S)
        # Flow between compressed pictures shows part of a movement, the weaker the smoother the skin.
        seen = float(rng.uniform(0.4, 1.0)) * 100
        for axis in range(2):
            part = features[axis * N_SIGNALS : (axis + 1) * N_SIGNALS, start:end]
            part[:] = np.arcsinh(np.sinh(part) + seen * planted.pattern[:, axis, None] * change)
        features[:, start:end] *= features[VALID, start:end] > 0


def neutral_face() -> F64:
    """Mesh of the photograph that ships with scikit-image, made symmetric enough: (478, 3) pixels."""
    with Landmarker(ModelStore().landmarker()) as landmarker:
        found = landmarker.detect(astronaut()[0:256, 96:352])
    if not found:
        raise DatasetError("no face was found in the bundled photograph.", "Run `megc-live models verify`.")
    return found[0].astype(np.float64)


def _planted(event: PlannedEvent, landmarks: F64, frame: FaceFrame, places: F64) -> _Planted:
    (movement,) = realise(event, landmarks)
    if not isinstance(movement, SkinMovement):
        raise TypeError(f"an event of kind {event.kind!r} does not move the skin alone")
    moved = np.zeros_like(places)
    for field in movement.fields:
        moved += field.in_face(landmarks, frame, places)
    return _Planted(event, moved.mean(1), movement)


def _patch_points(centres: F64) -> F64:
    """Points spread over each signal's patch, (24, 25, 2), face coordinates."""
    half = PATCH_PX / 2 / CANONICAL_EYE_PX
    steps = np.linspace(-half, half, 5)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return centres[:, None] + grid[None]


def _all_valid(features: F32, onset: float, offset: float) -> bool:
    inside = features[VALID, int(onset) : int(offset) + 1]
    return bool(inside.size and inside.min() > 0)


def _mark(targets: F32, kind: str, onset: float, offset: float) -> None:
    """Set the targets of a planted movement; ``onset`` and ``offset`` in (fractional) steps."""
    step = np.arange(targets.shape[1])
    inside = (step >= onset) & (step <= offset)
    border = (np.abs(step - onset) < 0.5) | (np.abs(step - offset) < 0.5)
    targets[0 if kind == "micro" else 1, inside] = 1
    targets[4, border] = 0
    if kind == "micro":
        targets[2, inside] = (step[inside] - onset) / GRID_HZ
        targets[3, inside] = (offset - step[inside]) / GRID_HZ
        targets[5, inside] = 1
