"""Replays any source as if it were live."""

from __future__ import annotations

import threading
from dataclasses import replace

from megc_live.video.base import Source
from megc_live.video.clock import Clock, ManualClock, RealClock
from megc_live.video.frame import Frame

__all__ = ["Clock", "LivePlayer", "ManualClock", "RealClock"]


class LivePlayer(Source):
    """Hands out a source's frames when a clock reaches their times.

    Index, time and pixels of a frame stay as they are; ``t_capture`` is the clock's reading at
    its release. A reader that is late gets the frames that are due at once, none is dropped:
    dropping is the business of whoever queues them.

    Parameters
    ----------
    source : Source
        What is replayed; closed together with the player.
    clock : Clock, optional
        Default: the machine's clock.
    """

    def __init__(self, source: Source, clock: Clock | None = None) -> None:
        self.clock: Clock = RealClock() if clock is None else clock
        self.name = source.name
        self.info = replace(source.info, live=True)
        self.notes = source.notes
        self._source = source
        self._start: float | None = None
        self._next: Frame | None = None
        self._cancel = threading.Event()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the last frame has been handed out."""
        return self._ended and self._next is None

    def read(self) -> Frame | None:
        """Wait for the next frame's time and return it; None at the end, or when interrupted."""
        due = self._due()
        if due is None or not self.clock.wait_until(due, self._cancel):
            return None
        return self._release()

    def poll(self) -> Frame | None:
        """Return the next frame if it is due, else None, without waiting."""
        due = self._due()
        if due is None or due > self.clock.now():
            return None
        return self._release()

    def _due(self) -> float | None:
        """Return the time at which the next frame is to be released, None at the end."""
        if self._cancel.is_set() or self._ended:
            return None
        if self._next is None:
            self._next = self._source.read()
            self.timestamps_repaired = self._source.timestamps_repaired
            self.decode_errors = self._source.decode_errors
            self.dropped = self._source.dropped
            self.rescaled = self._source.rescaled
        if self._next is None:
            self._ended = True
            return None
        if self._start is None:
            self._start = self.clock.now() - self._next.pts_s
        return self._start + self._next.pts_s

    def _release(self) -> Frame | None:
        frame, self._next = self._next, None
        return None if frame is None else replace(frame, t_capture=self.clock.now())

    def interrupt(self) -> None:
        """End a waiting :meth:`read`; nothing is handed out after that."""
        self._cancel.set()
        self.clock.wake()
        self._source.interrupt()

    def close(self) -> None:
        """Close the replayed source."""
        self.interrupt()
        self._next = None
        self._ended = True
        self._source.close()
