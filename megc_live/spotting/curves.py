"""From the curve of one channel's displacement to movements, while the curve is still going on.

The rules are those of He Yuhong's spotter (MEGC 2021 and 2024), with what looks ahead taken out: a frame is
held against the lowest values of the past only, and curves are smoothed by a window that ends 0.1 s later.
Heights are in the unit of the curve, which is the caller's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

SMOOTH_S = 0.1
"""Reach of the smoothing to both sides."""
_SIGMA_S = float(np.sqrt(np.log(2)) / (2 * np.pi * 5.0))
"""Half the power is left at 5 Hz."""
PAST_S = 1.0
"""A peak is prominent over the lowest value of this time: 30 frames at 30 fps."""
GAP_S = 0.1
"""Positive frames that are nearer belong together: fewer than 3 frames between them."""
END_SHARE = 0.33
"""A movement is over where its curve is down to this share of its peak."""
SPLIT_S = 19 / 30
"""From first to last frame of 20 at 30 fps: what lasts longer may be two movements."""
SPLIT_DEPTH = 0.7
HOLD_S = 0.35
"""A valley that parts two movements must be followed by the second one's height within this time."""
_EPS = 1e-6


class Smoother:
    """Gaussian smoothing of several curves at once, whatever the times of their samples."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, F64]] = deque()
        self._next = 0

    def push(self, t_s: float, values: F64) -> list[tuple[float, F64]]:
        """Take the next sample, (curves,); return the smoothed ones that are complete by it."""
        self._samples.append((t_s, values))
        return self._until(t_s - SMOOTH_S)

    def end(self) -> list[tuple[float, F64]]:
        """No sample follows: return the rest, smoothed with what there is, and start anew."""
        out = self._until(np.inf)
        self._samples.clear()
        self._next = 0
        return out

    def _until(self, last_s: float) -> list[tuple[float, F64]]:
        out = []
        while self._next < len(self._samples) and self._samples[self._next][0] <= last_s + _EPS:
            at = self._samples[self._next][0]
            while self._samples[0][0] < at - SMOOTH_S - _EPS:
                self._samples.popleft()
                self._next -= 1
            near = [(t, v) for t, v in self._samples if t <= at + SMOOTH_S + _EPS]
            weights = np.exp(-0.5 * ((np.array([t for t, _ in near]) - at) / _SIGMA_S) ** 2)
            out.append((at, np.asarray(weights @ np.stack([v for _, v in near]) / weights.sum())))
            self._next += 1
        return out


@dataclass(frozen=True)
class Movement:
    """A movement of one channel. ``strength`` is its prominence over the one that is needed, 1 or more."""

    onset_s: float
    apex_s: float
    offset_s: float
    strength: float


class Channel:
    """Finds the movements in one curve.

    Parameters
    ----------
    rise : float
        Height over the lowest value since the curve began that a frame must have.
    prominence : float
        Height over the lowest value of the last second that it must exceed.
    """

    def __init__(self, rise: float, prominence: float) -> None:
        self._rise, self._prominence = rise, prominence
        self.begin()

    def begin(self) -> None:
        """Forget the curve: a new one starts."""
        self._times: list[float] = []
        self._heights: list[float] = []
        self._lowest = np.inf
        self._first: float | None = None
        self._last = -np.inf
        self._offset: float | None = None
        self._floor_s = -np.inf

    def push(self, t_s: float, height: float) -> list[Movement]:
        """Take the next sample; return the movements that are over by it, in order."""
        self._times.append(t_s)
        self._heights.append(height)
        self._lowest = min(self._lowest, height)
        out: list[Movement] = []
        if height - self._lowest >= self._rise and self.above_past > self._prominence:
            if self._first is None:
                self._first = t_s
            self._last, self._offset = t_s, None
        elif self._first is not None:
            self._extend()
            if self._offset is not None and t_s - self._last > GAP_S + _EPS:
                out += self._close(self._offset)
        if self._first is not None:
            out += self._part()
        else:
            self._forget(t_s - PAST_S)
        return out

    def end(self) -> list[Movement]:
        """The curve ends: return the movement that is going on."""
        out: list[Movement] = []
        if self._first is not None:
            out = self._close(self._times[-1] if self._offset is None else self._offset)
        self.begin()
        return out

    @property
    def onset_s(self) -> float | None:
        """Where the movement that is going on began, as far as can be told yet; None if there is none."""
        return None if self._first is None else self._times[self._start(self._peak())]

    @property
    def above_past(self) -> float:
        """Height of the newest sample over the lowest one of the last second."""
        return self._above_past(len(self._times) - 1)

    def _above_past(self, at: int) -> float:
        first = at
        while first > 0 and self._times[first - 1] >= self._times[at] - PAST_S - _EPS:
            first -= 1
        return self._heights[at] - min(self._heights[first : at + 1])

    def _extend(self) -> None:
        """Follow the curve down from the last positive frame: where it is low or rises the movement ends."""
        if self._offset is not None:
            return
        if self._heights[-1] <= END_SHARE * self._heights[self._peak()]:
            self._offset = self._times[-1]
        elif self._heights[-1] > self._heights[-2]:
            self._offset = self._times[-2]

    def _close(self, offset_s: float) -> list[Movement]:
        movement = self._movement(offset_s)
        self._first, self._offset, self._floor_s = None, None, offset_s
        return [movement]

    def _movement(self, offset_s: float) -> Movement:
        peak = self._peak(offset_s)
        strength = max(1.0, self._above_past(peak) / self._prominence)
        return Movement(self._times[self._start(peak)], self._times[peak], offset_s, strength)

    def _peak(self, last_s: float = np.inf) -> int:
        """Position of the largest height since the first positive frame."""
        assert self._first is not None
        inside = [i for i, t in enumerate(self._times) if self._first <= t <= last_s]
        return max(inside, key=lambda i: self._heights[i])

    def _start(self, peak: int) -> int:
        """Follow the curve down to the left of the first positive frame, as :meth:`_extend` to the right."""
        assert self._first is not None
        at = self._times.index(self._first)
        low = END_SHARE * self._heights[peak]
        while (
            at > 0
            and self._heights[at] > low
            and self._heights[at - 1] < self._heights[at]
            and self._times[at - 1] > self._floor_s
        ):
            at -= 1
        return at

    def _part(self) -> list[Movement]:
        """Cut a long movement at its deepest valley, once what comes behind it is high enough."""
        start = self._start(self._peak())
        if self._times[-1] - self._times[start] < SPLIT_S - _EPS:
            return []
        valley = deepest_valley(np.array(self._heights[start:]))
        if valley is None or self._times[-1] - self._times[start + valley] > HOLD_S + _EPS:
            return []
        at_s = self._times[start + valley]
        first = self._movement(at_s)
        later = self._times[start + valley + 1]
        # Without a positive frame behind the valley there is no second movement yet.
        self._first, self._floor_s = (later if self._last >= later else None), at_s
        return [replace(first, onset_s=self._times[start])]

    def _forget(self, before_s: float) -> None:
        gone = 0
        while self._times[gone] < before_s - _EPS:
            gone += 1
        del self._times[:gone], self._heights[:gone]


def deepest_valley(heights: F64) -> int | None:
    """Position of the deepest valley that parts two movements; None if there is none.

    It lies below the largest heights on both sides by more than 0.7 and by more than 33 % of either.
    """
    left = np.maximum.accumulate(heights)
    right = np.maximum.accumulate(heights[::-1])[::-1]
    depth = np.minimum(
        left - heights - np.maximum(SPLIT_DEPTH, END_SHARE * left),
        right - heights - np.maximum(SPLIT_DEPTH, END_SHARE * right),
    )
    at = int(depth.argmax())
    return at if depth[at] > 0 else None
