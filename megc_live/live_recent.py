"""The newest rows, events and rates of a live session, in memory that does not grow."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from megc_live.events import Event, FrameRow

Item = TypeVar("Item")

HISTORY_S = 30.0
EVENTS_KEPT = 500
PICTURES_KEPT = 40
"""Events that keep their pictures, about 0.3 MB each: enough for whoever looks once in a minute."""
RATE_WINDOW_S = 2.0
_TIMES_KEPT = 4096
_LATENCIES_KEPT = 256
_DELAYS_KEPT = 1000


class RecentRows:
    """Rows of the last 30 s, each with its place since the beginning.

    Attributes
    ----------
    count : int
        Rows added since the beginning.
    """

    def __init__(self, seconds: float = HISTORY_S) -> None:
        self.count = 0
        self._seconds = seconds
        self._rows: deque[FrameRow] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Sequence[FrameRow]) -> None:
        """Append rows; forget those that are older than the newest by more than the window."""
        self._rows.extend(rows)
        self.count += len(rows)
        while self._rows and self._rows[-1].timestamp - self._rows[0].timestamp > self._seconds:
            self._rows.popleft()

    def since(self, n: int) -> tuple[list[FrameRow], int]:
        """Return the rows from the ``n``-th on that are still held, and the number for the next call."""
        return _newest(self._rows, self.count - n), self.count


class RecentEvents:
    """The newest 500 events; the newest 40 of them with pictures.

    Attributes
    ----------
    count : int
        Events added since the beginning.
    """

    def __init__(self, kept: int = EVENTS_KEPT, with_pictures: int = PICTURES_KEPT) -> None:
        self.count = 0
        self._with_pictures = with_pictures
        self._events: deque[Event] = deque(maxlen=kept)

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        """Append an event."""
        self._events.append(event)
        self.count += 1
        if len(self._events) > self._with_pictures:
            place = -1 - self._with_pictures
            old = self._events[place]
            if old.pictures is not None:
                self._events[place] = replace(
                    old, pictures=None, note=f"no pictures: {self._with_pictures} newer events have them"
                )

    def since(self, n: int) -> tuple[list[Event], int]:
        """Return the events from the ``n``-th on that are still held, and the number for the next call."""
        return _newest(self._events, self.count - n), self.count


def _newest(items: deque[Item], n: int) -> list[Item]:
    """Return the last ``n`` items, oldest first; all if there are fewer."""
    newest = list(islice(reversed(items), max(0, n)))
    newest.reverse()
    return newest


class RateMeter:
    """How many a second, over the last 2 s.

    Examples
    --------
    >>> meter = RateMeter()
    >>> for k in range(90):
    ...     meter.add(k / 30)
    >>> round(meter.rate(89 / 30), 1)
    30.0
    """

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque(maxlen=_TIMES_KEPT)

    def add(self, t_s: float) -> None:
        """Note that one came at a time in seconds; times do not run back."""
        self._times.append(t_s)
        while t_s - self._times[0] > self._window_s:
            self._times.popleft()

    @property
    def span_s(self) -> float:
        """Time between the oldest and the newest that are kept, seconds."""
        return self._times[-1] - self._times[0] if self._times else 0.0

    def rate(self, now_s: float) -> float:
        """Return the rate in 1/s; NaN when nothing, or only one, came in the window before ``now_s``."""
        if self.span_s <= 0 or now_s - self._times[-1] > self._window_s:
            return math.nan
        return (len(self._times) - 1) / self.span_s


class Sample:
    """The newest values of something, for percentiles."""

    def __init__(self, kept: int) -> None:
        self._values: deque[float] = deque(maxlen=kept)

    def add(self, value: float) -> None:
        """Note a value."""
        self._values.append(value)

    def percentiles(self) -> tuple[float, float]:
        """Return median and 95th percentile (nearest rank); NaN before the first value."""
        if not self._values:
            return math.nan, math.nan
        ordered = sorted(self._values)
        last = len(ordered) - 1
        p50, p95 = (ordered[min(last, math.ceil(p * len(ordered)) - 1)] for p in (0.50, 0.95))
        return p50, p95


def latencies() -> Sample:
    """Return a sample of the newest frames' latencies."""
    return Sample(_LATENCIES_KEPT)


def delays() -> Sample:
    """Return a sample of the newest events' delays."""
    return Sample(_DELAYS_KEPT)
