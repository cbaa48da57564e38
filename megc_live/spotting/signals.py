"""The signals that every spotter is fed: one :class:`RegionSignal` a measured frame and face."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.observation import FaceObservation
from megc_live.face.regions import REGION_POINTS
from megc_live.spotting.ltp import CN_MAX, LtpWindow
from megc_live.spotting.motion import LAG_S, PATCH_PX, Motion, cut_patches, measure_motion

F64 = NDArray[np.float64]

WINDOW_S = 1.0
PATTERN_S = 0.3
PATTERN_POINTS = 9
"""A pattern is given at this many equal steps of 300 ms, whatever the frame rate."""
_REGIONS = list(REGION_POINTS.values())
_KEEP_S = 0.2
_GAP_S = 0.17
_MAX_TICKS = 48
_SAME_GREY = 0.12
_REPEAT_S = 0.06
"""Only video of more than 16 frames/s has frames that repeat for its rate's sake."""


@dataclass(frozen=True)
class RegionSignal:
    """What moved on one frame of one face.

    Attributes
    ----------
    index, pts_s
        The frame's.
    motion : Motion or None
        None on the first frames of a face and after a gap or a jump.
    pattern : ndarray of float64, shape (12, 9), or None
        Normalised LTP distances of each region for the pattern that ends on this frame, resampled to
        steps of 300 ms / 9. None until a window holds one.
    cn : ndarray of float64, shape (12,), or None
        Coefficient of normalisation of each region's window.
    pattern_start_s : float
        Presentation time of the frame from which the pattern starts.
    blink : float
        Eyelid closure 0 to 1.
    eye_px : float
        Eye distance in source pixels.
    fresh : bool
        True if the signal's history starts here: nothing before may be compared with it.
    """

    index: int
    pts_s: float
    motion: Motion | None
    pattern: F64 | None
    cn: F64 | None
    pattern_start_s: float
    blink: float
    eye_px: float
    fresh: bool


class SignalMeter:
    """Turns the observations of one face into signals. Times come in order."""

    def __init__(self) -> None:
        self._crops: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._window = LtpWindow(len(_REGIONS), PATCH_PX * PATCH_PX, _MAX_TICKS)
        self._times: deque[float] = deque(maxlen=_MAX_TICKS)
        self._centres = np.zeros((len(_REGIONS), 2))
        self._skipped = False
        self._last_s = -np.inf

    def measure(self, face: FaceObservation) -> RegionSignal | None:
        """Return the signal of one frame, or None for a frame that repeats the one before.

        Video that was resampled from 25 to 30 frames/s repeats every sixth frame; such frames carry
        no motion of their own and would give the signal a false rhythm. Never two in a row are left
        out: a still picture is a measurement too.
        """
        step = face.pts_s - self._last_s
        self._last_s = face.pts_s
        fresh = face.jump or not self._crops or step > _GAP_S
        if not fresh and step < _REPEAT_S and self._repeats(face.crop):
            return None
        if fresh:
            self._crops.clear()
            self._window.clear()
            self._times.clear()
        motion = self._motion(face)
        self._crops.append((face.pts_s, face.crop))
        while face.pts_s - self._crops[0][0] > _KEEP_S:
            self._crops.popleft()
        pattern, cn, start = self._pattern(face)
        return RegionSignal(
            face.index, face.pts_s, motion, pattern, cn, start, face.blink, face.quality.eye_px, fresh
        )

    def _repeats(self, crop: NDArray[np.uint8]) -> bool:
        last = self._crops[-1][1]
        same = not self._skipped and cv2.norm(crop, last, cv2.NORM_L1) < _SAME_GREY * crop.size
        self._skipped = same
        return same

    def _motion(self, face: FaceObservation) -> Motion | None:
        if not self._crops:
            return None
        seconds, before = min(
            ((face.pts_s - t, crop) for t, crop in self._crops), key=lambda item: abs(item[0] - LAG_S)
        )
        if seconds < 0.6 * LAG_S:
            return None  # too little history yet for motion per tenth of a second
        return measure_motion(before, face.crop, face.canonical, face.depth, seconds)

    def _pattern(self, face: FaceObservation) -> tuple[F64 | None, F64 | None, float]:
        if not self._times:
            self._centres = face.canonical[_REGIONS].copy()
        # The published code takes the regions' places from the window's first frame and freezes them;
        # a sliding window follows slowly, in steps below a pixel that rounding mostly hides.
        self._centres += 0.05 * (face.canonical[_REGIONS] - self._centres)
        self._times.append(face.pts_s)
        while self._times[-1] - self._times[0] > WINDOW_S + 1e-6:
            self._times.popleft()
        self._window.push(cut_patches(face.crop, self._centres), len(self._times))
        frames = len(self._times)
        span = self._times[-1] - self._times[0]
        if span < 2 * PATTERN_S:
            return None, None, face.pts_s
        length = max(2, round(PATTERN_S * (frames - 1) / span))
        if frames <= length:
            return None, None, face.pts_s
        distances, cn = self._window.newest_pattern(length)
        return _resampled(distances), np.minimum(cn, CN_MAX), self._times[frames - 1 - length]


def _resampled(distances: F64) -> F64:
    """Curves (regions, frames) that start at 0, read at ``PATTERN_POINTS`` equal steps of their length."""
    length = distances.shape[1]
    if length == PATTERN_POINTS:
        return distances
    at = np.arange(1, PATTERN_POINTS + 1) * (length / PATTERN_POINTS)
    left = np.minimum(at.astype(int), length - 1)
    share = at - left
    from_zero = np.concatenate([np.zeros((len(distances), 1)), distances], axis=1)
    return np.asarray((1 - share) * from_zero[:, left] + share * from_zero[:, left + 1])
