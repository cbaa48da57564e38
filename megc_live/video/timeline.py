"""Times of frames: the container's own where they make sense, repaired where they do not."""

from __future__ import annotations

SMALL_STEP_BACK_S = 1.0
"""A time that runs back by less is one wrong stamp; by more, the clock was set anew."""


class Timeline:
    """Turns container timestamps into seconds since the first frame that always increase.

    Parameters
    ----------
    period_s : float
        Nominal time between frames in seconds, used where a timestamp is missing.

    Attributes
    ----------
    repaired : int
        Timestamps that were missing or did not increase.

    Examples
    --------
    >>> line = Timeline(0.04)
    >>> [round(line.push(t), 2) for t in (5.0, 5.04, None, 5.12)]
    [0.0, 0.04, 0.08, 0.12]
    """

    def __init__(self, period_s: float) -> None:
        self.repaired = 0
        self._period = period_s
        self._zero: float | None = None
        self._last: float | None = None

    def push(self, stamp_s: float | None) -> float:
        """Return the time of the next frame in seconds, the first frame being at 0.

        A missing stamp is one period after the frame before. A stamp that runs back by less than
        a second is put half a period after the frame before, so that the right stamps around it
        stay as they are. After a longer way back the rest is moved to follow on.
        """
        if self._last is None:
            return self._first(stamp_s)
        if stamp_s is None:
            self.repaired += 1
            self._last += self._period
            return self._last
        if self._zero is None:
            self._zero = stamp_s - (self._last + self._period)
        time = stamp_s - self._zero
        if time <= self._last:
            self.repaired += 1
            if self._last - time < SMALL_STEP_BACK_S:
                time = self._last + self._period / 2
            else:
                time = self._last + self._period
                self._zero = stamp_s - time
        self._last = time
        return time

    def _first(self, stamp_s: float | None) -> float:
        self._zero = stamp_s
        self._last = 0.0
        if stamp_s is None:
            self.repaired += 1
        return 0.0
