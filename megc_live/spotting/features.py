"""Signals on a clock of their own: 30 feature vectors a second, whatever the camera's rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import MIRROR, REGIONS, SIGNALS
from megc_live.spotting.signals import RegionSignal

F32 = NDArray[np.float32]

GRID_HZ = 30.0
MAX_GAP_S = 0.17
"""Signals further apart than this are not interpolated: the samples between are marked invalid."""
PATTERN_PICKS = (2, 5, 8)
"""Which of the nine points of a pattern are features: 100, 200 and 300 ms after its start."""

N_SIGNALS, N_REGIONS = len(SIGNALS), len(REGIONS)
_U = slice(0, N_SIGNALS)
_V = slice(N_SIGNALS, 2 * N_SIGNALS)
_PATTERN = slice(2 * N_SIGNALS, 2 * N_SIGNALS + 3 * N_REGIONS)
_CN = slice(_PATTERN.stop, _PATTERN.stop + N_REGIONS)
_HEAD = slice(_CN.stop, _CN.stop + 8)
_CONTEXT = slice(_HEAD.stop, _HEAD.stop + 6)
RESIDUAL, KEPT, BLINK, EYE, HAS_PATTERN, VALID = range(_CONTEXT.start, _CONTEXT.stop)
N_FEATURES = _CONTEXT.stop
MOTION_FEATURES = slice(0, 2 * N_SIGNALS)
HEAD_FEATURES = _HEAD
LTP_FEATURES = slice(_PATTERN.start, _CN.stop)
CONTEXT_FEATURES = slice(_HEAD.start, N_FEATURES)
"""Head motion, fit residual and share, blink, eye distance, flags: what is no region's own."""


@dataclass(frozen=True)
class GridSample:
    """One vector of the grid.

    ``step`` counts samples since the grid started, ``t_s`` is the sample's presentation time,
    ``vector`` is float32 of shape (N_FEATURES,): all 0 where invalid.
    """

    step: int
    t_s: float
    vector: F32

    @property
    def valid(self) -> bool:
        """True if it lies between two signals that are close enough in time."""
        return bool(self.vector[VALID] > 0)


def feature_vector(signal: RegionSignal) -> F32 | None:
    """One signal as features; None where it carries no motion.

    Motions are compressed by asinh, so that a tremor of noise and a turn of the head are both of the
    order of 1. Layout: u of 24 signals, v of 24, LTP distances at 100, 200, 300 ms of 12 regions, log CN of
    12, the head's 8 parameters, then fit residual, share kept, blink, log eye distance, has-pattern, valid.
    """
    if signal.motion is None:
        return None
    out = np.zeros(N_FEATURES, dtype=np.float32)
    out[_U] = np.arcsinh(signal.motion.regions[:, 0])
    out[_V] = np.arcsinh(signal.motion.regions[:, 1])
    if signal.pattern is not None and signal.cn is not None:
        out[_PATTERN] = signal.pattern[:, PATTERN_PICKS].T.ravel()
        out[_CN] = np.log(np.maximum(signal.cn, 0.1))
        out[HAS_PATTERN] = 1
    out[_HEAD] = np.arcsinh(signal.motion.head / 2)
    out[RESIDUAL] = np.arcsinh(signal.motion.residual)
    out[KEPT] = signal.motion.kept
    out[BLINK] = signal.blink
    out[EYE] = np.log(max(signal.eye_px, 1.0) / 64)
    out[VALID] = 1
    return out


def mirrored(vectors: F32) -> F32:
    """Features of the same face flipped left to right; ``vectors`` is (..., N_FEATURES)."""
    out = vectors.copy()
    mirror = np.array(MIRROR)
    out[..., _U] = -vectors[..., _U][..., mirror]
    out[..., _V] = vectors[..., _V][..., mirror]
    regions = mirror[:N_REGIONS]
    pattern = vectors[..., _PATTERN].reshape(*vectors.shape[:-1], 3, N_REGIONS)
    out[..., _PATTERN] = pattern[..., regions].reshape(*vectors.shape[:-1], 3 * N_REGIONS)
    out[..., _CN] = vectors[..., _CN][..., regions]
    # u is odd and v even under a flip; of the terms, only the one along x changes sign.
    signs = np.array([-1, 1, -1, -1, 1, -1, 1, 1], dtype=np.float32)
    out[..., _HEAD] = vectors[..., _HEAD] * signs
    return out


class Grid:
    """Interpolates signals onto samples at 30 Hz, as soon as each can be known.

    The grid starts at the first signal and runs on through gaps; its samples in a gap are invalid.
    """

    def __init__(self) -> None:
        self._start: float | None = None
        self._step = 0
        self._last: tuple[float, F32 | None] | None = None

    def push(self, signal: RegionSignal) -> list[GridSample]:
        """Return the samples up to this signal's time."""
        vector = feature_vector(signal)
        if self._start is None or self._last is None:
            self._start = signal.pts_s
            self._last = (signal.pts_s, vector)
            return self._upto(signal.pts_s, None, vector)
        before = self._last
        self._last = (signal.pts_s, vector)
        if signal.fresh or signal.pts_s - before[0] > MAX_GAP_S:
            return self._upto(signal.pts_s, None, vector)
        return self._upto(signal.pts_s, before, vector)

    def _upto(
        self, now: float, before: tuple[float, F32 | None] | None, vector: F32 | None
    ) -> list[GridSample]:
        assert self._start is not None
        out = []
        while (t := self._start + self._step / GRID_HZ) <= now + 1e-6:
            out.append(GridSample(self._step, t, _between(t, before, now, vector)))
            self._step += 1
        return out


def _between(t: float, before: tuple[float, F32 | None] | None, now: float, vector: F32 | None) -> F32:
    if before is None or before[1] is None or vector is None:
        return np.zeros(N_FEATURES, dtype=np.float32)
    share = np.float32(np.clip((t - before[0]) / (now - before[0]), 0, 1))
    return (1 - share) * before[1] + share * vector
