"""What the threshold spotters share: contrasts and thresholds of a course that is still going on.

The published methods look at a whole video: a frame against those a time before and after it, a threshold
from the mean and the largest value of all frames. Here each frame is judged as soon as the frames that it is
compared with are there, and the threshold is that of the part seen so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from megc_live.spotting.base import Span
from megc_live.spotting.interval import Kind

F64 = NDArray[np.float64]
T = TypeVar("T")

HORIZON_S = 120.0
"""A threshold forgets what is longer ago: a session may last for hours, a video of the corpora does not."""
WARM_S = 1.0
"""Nothing is judged before so much of the course is known."""
RESET_S = 1.0
"""After a gap of more than this nothing of before counts."""
WAIT_S = 0.07
"""Two further frames at 30 frames/s: what lies a fixed time ahead is seen with the first frame behind it,
and a run is over with the first frame that is not of it."""
_EPS = 1e-6


class Centred(Generic[T]):
    """Pairs each item of a course with those a fixed time before and after it.

    Parameters
    ----------
    reach_s : float
        The time in seconds; the nearest frames are taken.
    """

    def __init__(self, reach_s: float) -> None:
        self._reach = reach_s
        self._items: deque[tuple[float, T]] = deque()
        self._next = 0

    def push(self, t_s: float, item: T) -> list[tuple[float, T, T, T]]:
        """Take the next item; return (time, before, at, after) of those that are complete by it.

        Items nearer than ``reach_s`` to the start of the course are left out.
        """
        self._items.append((t_s, item))
        out = []
        while self._items[self._next][0] + self._reach <= t_s + _EPS:
            at_s, at = self._items[self._next]
            if at_s - self._reach >= self._items[0][0] - _EPS:
                out.append((at_s, self._nearest(at_s - self._reach), at, self._nearest(at_s + self._reach)))
            self._next += 1
            self._trim()
        return out

    def clear(self) -> None:
        """Start anew."""
        self._items.clear()
        self._next = 0

    def __len__(self) -> int:
        return len(self._items)

    def _nearest(self, t_s: float) -> T:
        return min(self._items, key=lambda item: abs(item[0] - t_s))[1]

    def _trim(self) -> None:
        oldest = self._items[self._next][0] - self._reach
        while self._items[1][0] <= oldest + _EPS:
            self._items.popleft()
            self._next -= 1


class RunningThreshold:
    """Mean and largest value of a course so far, and the threshold between them.

    T = mean(C) + p (max(C) - mean(C)) of Moilanen et al. 2014, over the values of the last
    ``HORIZON_S``, the newest one included.

    Parameters
    ----------
    share : float
        p, 0 to 1.
    """

    def __init__(self, share: float, horizon_s: float = HORIZON_S) -> None:
        self._share = share
        self._horizon = horizon_s
        self._values: deque[tuple[float, float]] = deque()
        self._largest: deque[tuple[float, float]] = deque()
        self._sum = 0.0
        self._start: float | None = None

    def push(self, t_s: float, value: float) -> None:
        """Take the next value."""
        if self._start is None:
            self._start = t_s
        self._values.append((t_s, value))
        self._sum += value
        # Of values that are both older and smaller than another one none can become the largest.
        while self._largest and self._largest[-1][1] <= value:
            self._largest.pop()
        self._largest.append((t_s, value))
        while t_s - self._values[0][0] > self._horizon + _EPS:
            self._sum -= self._values.popleft()[1]
        while t_s - self._largest[0][0] > self._horizon + _EPS:
            self._largest.popleft()

    @property
    def warm(self) -> bool:
        """True once the course is long enough to be judged by."""
        return (
            self._start is not None and self._values[-1][0] - self._start >= min(WARM_S, self._horizon) - _EPS
        )

    @property
    def value(self) -> float:
        """T; raises ZeroDivisionError before the first value."""
        mean = self._sum / len(self._values)
        return mean + self._share * (self._largest[0][1] - mean)

    def share_of(self, value: float) -> float:
        """The largest p at which a value would still reach the threshold, kept within 0 and 1."""
        mean = self._sum / len(self._values)
        room = self._largest[0][1] - mean
        return min(1.0, max(0.0, (value - mean) / room)) if room > 0 else 0.0

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Judged:
    """One frame with its contrast judged.

    Attributes
    ----------
    t_s : float
    value : float
        The contrast.
    share : float
        :meth:`RunningThreshold.share_of` it, at the time of the judgement.
    positive : bool
        True above the threshold.
    blocks : ndarray of float64, shape (36,)
        What each block of the face adds.
    """

    t_s: float
    value: float
    share: float
    positive: bool
    blocks: F64


def judge(threshold: RunningThreshold, t_s: float, value: float, blocks: F64) -> Judged:
    """Add a contrast to a threshold and hold it against it."""
    threshold.push(t_s, value)
    positive = threshold.warm and value > threshold.value
    return Judged(t_s, value, threshold.share_of(value), positive, blocks)


def span_of(frames: Sequence[Judged], kind: Kind, regions: tuple[str, ...]) -> Span:
    """Return the span from the first to the last of some positive frames; the apex is the largest."""
    apex = peak_of(frames)
    return Span(frames[0].t_s, apex.t_s, frames[-1].t_s, apex.share, kind, regions)


def peak_of(frames: Sequence[Judged]) -> Judged:
    """Return the frame of the largest contrast."""
    return max(frames, key=lambda frame: frame.value)


class Runs:
    """Runs of consecutive positive frames.

    Parameters
    ----------
    longest_s : float
        A run that lasts so long is told in parts.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest = longest_s
        self._run: list[Judged] = []

    def push(self, frame: Judged) -> list[Judged]:
        """Take the next frame; return the run that it ended, if any."""
        if not frame.positive:
            return self.end()
        over = bool(self._run) and frame.t_s - self._run[0].t_s > self._longest
        out = self.end() if over else []
        self._run.append(frame)
        return out

    def end(self) -> list[Judged]:
        """No frame follows on these: return the run that was going on."""
        run, self._run = self._run, []
        return run


class Peaks:
    """Positive frames with the largest contrast within a fixed time on both sides.

    Parameters
    ----------
    reach_s : float
    """

    def __init__(self, reach_s: float) -> None:
        self._reach = reach_s
        self._frames: deque[Judged] = deque()
        self._next = 0

    def push(self, frame: Judged) -> list[Judged]:
        """Take the next frame; return the peaks that it makes certain."""
        self._frames.append(frame)
        return self._until(frame.t_s - self._reach)

    def end(self) -> list[Judged]:
        """No frame follows: return the peaks among the rest, and start anew."""
        out = self._until(np.inf)
        self._frames.clear()
        self._next = 0
        return out

    def _until(self, last_s: float) -> list[Judged]:
        out = []
        while self._next < len(self._frames) and self._frames[self._next].t_s <= last_s + _EPS:
            peak = self._frames[self._next]
            while self._frames[0].t_s < peak.t_s - self._reach - _EPS:
                self._frames.popleft()
                self._next -= 1
            before = [f.value for i, f in enumerate(self._frames) if i < self._next]
            after = [
                f.value
                for i, f in enumerate(self._frames)
                if i > self._next and f.t_s <= peak.t_s + self._reach + _EPS
            ]
            if peak.positive and peak.value > max(before, default=-np.inf):
                out += [peak] if peak.value >= max(after, default=-np.inf) else []
            self._next += 1
        return out
