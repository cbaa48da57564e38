"""Clocks that can be waited for: the machine's own, and one that a test turns by hand."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What a player or a camera needs to know of time."""

    def now(self) -> float:
        """Return the time in seconds; it never runs back."""
        ...

    def wait_until(self, time_s: float, cancel: threading.Event) -> bool:
        """Wait until ``time_s``; return False as soon as ``cancel`` is set and :meth:`wake` was called."""
        ...

    def wake(self) -> None:
        """Make every wait look at its ``cancel`` event."""
        ...


class RealClock:
    """The machine's finest monotonic clock, the one that stamps ``Frame.t_capture``.

    ``time.monotonic`` moves in steps of 16 ms on Windows before Python 3.13: half a frame and more.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def now(self) -> float:
        """Return ``time.perf_counter()``."""
        return time.perf_counter()

    def wait_until(self, time_s: float, cancel: threading.Event) -> bool:
        """Wait until ``time_s``; return False if cancelled before."""
        with self._changed:
            while not cancel.is_set():
                left = time_s - time.perf_counter()
                if left <= 0:
                    return True
                self._changed.wait(left)
        return False

    def wake(self) -> None:
        """Make every wait look at its ``cancel`` event."""
        with self._changed:
            self._changed.notify_all()


class ManualClock:
    """A clock that stands still until it is told otherwise.

    Parameters
    ----------
    start : float
        Its first reading in seconds.
    jump : bool
        If True, a wait does not wait: the clock jumps to the awaited time. A player then releases
        its frames at their right times, as fast as they can be read.

    Examples
    --------
    >>> clock = ManualClock()
    >>> clock.advance(0.5)
    >>> clock.now()
    0.5
    """

    def __init__(self, start: float = 0.0, *, jump: bool = False) -> None:
        self._now = start
        self._jump = jump
        self._changed = threading.Condition()

    def now(self) -> float:
        """Return the time that the clock was set to."""
        with self._changed:
            return self._now

    def advance(self, seconds: float) -> None:
        """Turn the clock on by ``seconds`` (not negative)."""
        if seconds < 0:
            raise ValueError(f"a clock does not run back, got {seconds} s")
        with self._changed:
            self._now += seconds
            self._changed.notify_all()

    def wait_until(self, time_s: float, cancel: threading.Event) -> bool:
        """Wait until somebody has turned the clock to ``time_s``; return False if cancelled before."""
        with self._changed:
            while not cancel.is_set():
                if self._jump:
                    self._now = max(self._now, time_s)
                if self._now >= time_s:
                    return True
                self._changed.wait()
        return False

    def wake(self) -> None:
        """Make every wait look at its ``cancel`` event."""
        with self._changed:
            self._changed.notify_all()
