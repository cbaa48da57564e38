"""Frames of the recording, decoded beside the window's thread: only the newest request counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import MegcError
from megc_live.gui.review.worker import Latest, Ticket
from megc_live.video.reader import FrameReader

CACHE_BYTES = 192 * 2**20
MOST_SIDE = 1280
"""Pictures are shrunk to this longest side, pixels: no player is larger."""
AHEAD = 6
"""Frames that are decoded ahead in the direction of the last step."""


@dataclass(frozen=True)
class Shown:
    """A frame to be painted.

    Attributes
    ----------
    asked, frame : int
        Frame of the source that was asked for; the one that this is.
    rgb : ndarray of uint8, shape (height, width, 3)
    scale : float
        Pixels of ``rgb`` per pixel of the source.
    """

    asked: int
    frame: int
    rgb: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True)
class FrameMap:
    """Which frame of a file is which frame of the source.

    Attributes
    ----------
    recorded : ndarray of int, shape (n,), or None
        Frames of the source that the file holds, growing, in the order of the file; None: all of them.
    """

    recorded: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, in_file: Sequence[int | None]) -> FrameMap:
        """Make a map of the file's frame for each frame of the source, None where it was not recorded."""
        if all(at == k for k, at in enumerate(in_file)):
            return cls()
        recorded = sorted((at, k) for k, at in enumerate(in_file) if at is not None)
        return cls(np.array([k for _, k in recorded], dtype=np.int64))

    def holds(self, frame: int) -> bool:
        """Whether a frame of the source is in the file."""
        if self.recorded is None:
            return True
        at = int(np.searchsorted(self.recorded, frame))
        return at < len(self.recorded) and int(self.recorded[at]) == frame

    def file_frame(self, frame: int) -> int:
        """Return the file's frame; where the source's was not recorded, the one recorded before it."""
        if self.recorded is None:
            return frame
        return max(0, int(np.searchsorted(self.recorded, frame, side="right")) - 1)

    def source_frame(self, at: int) -> int:
        """Return the source's frame of a frame of the file."""
        if self.recorded is None or not len(self.recorded):
            return at
        return int(self.recorded[min(at, len(self.recorded) - 1)])


class FrameLoader:
    """Decodes the newest frame asked for, then a few more in the direction of the last step.

    Parameters
    ----------
    open_video : callable
        Opens the video, called in the loader's thread when the first frame is wanted; what it raises is told
        for every frame.
    in_file : FrameMap, optional
        Which frame of the file is which of the source; default: they are the same.
    """

    def __init__(self, open_video: Callable[[], FrameReader], in_file: FrameMap | None = None) -> None:
        self._open = open_video
        self._map = in_file or FrameMap()
        self._reader: FrameReader | None = None
        self._closed_to_us: MegcError | None = None
        self._lock = threading.Lock()
        self._ready: Shown | None = None
        self._error = ""
        self._wanted: int | None = None
        self._last = -1
        self._worker = Latest("megc-review-frames")

    @property
    def waiting(self) -> bool:
        """Whether a frame that was asked for has not been taken yet."""
        return self._wanted is not None

    def holds(self, frame: int) -> bool:
        """Whether there is a picture of a frame of the source: of a recording, not all need be in it."""
        return self._map.holds(frame)

    def forget(self) -> None:
        """Take back what was asked for: it is not shown any more."""
        with self._lock:
            self._wanted, self._ready, self._error = None, None, ""
        self._worker.drop()

    def ask(self, frame: int) -> None:
        """Ask for a frame of the source; what was asked for before is forgotten."""
        forward = frame >= self._last
        self._last = frame
        with self._lock:
            self._wanted = frame
        self._worker.ask(frame, lambda ticket: self._load(ticket, frame, forward))

    def take(self) -> Shown | None:
        """Return the newest decoded frame once, or None.

        Raises
        ------
        MegcError
            The video cannot be opened, or the frame not be decoded.
        """
        self._worker.take()  # says only that the work is done: the frame itself is in _ready
        with self._lock:
            shown, self._ready = self._ready, None
            error, self._error = self._error, ""
            if error or (shown is not None and shown.asked == self._wanted):
                self._wanted = None
        if error:
            raise MegcError(error)
        return shown

    def close(self, timeout_s: float = 1.0) -> bool:
        """End the thread and close the file in it; False if it hangs and was left behind."""
        return self._worker.close(timeout_s, at_end=self._close_reader)

    def _load(self, ticket: Ticket, frame: int, forward: bool) -> None:
        try:
            shown = self._decode(frame)
        except MegcError as error:
            self._fail(frame, str(error))
            return
        except Exception as error:  # told in the window: a fault here must not leave it waiting for ever
            self._fail(frame, f"internal fault, please report it: {type(error).__name__}: {error}")
            return
        with self._lock:
            if self._wanted is not None:  # else it was taken back meanwhile
                self._ready = shown
        self._look_ahead(ticket, frame, forward)

    def _fail(self, frame: int, error: str) -> None:
        with self._lock:
            if self._wanted == frame:
                self._error = error

    def _decode(self, frame: int) -> Shown:
        if self._closed_to_us is not None:
            raise self._closed_to_us
        if self._reader is None:
            try:
                self._reader = self._open()
            except MegcError as error:  # a long video is not to be looked through again for each frame
                self._closed_to_us = error
                raise
        decoded = self._reader.frame(self._map.file_frame(frame))
        rgb = np.ascontiguousarray(decoded.image.rgb(MOST_SIDE))
        return Shown(
            frame,
            self._map.source_frame(decoded.index),
            rgb,
            rgb.shape[1] / decoded.image.width,
        )

    def _look_ahead(self, ticket: Ticket, frame: int, forward: bool) -> None:
        reader = self._reader
        for k in range(1, AHEAD + 1):
            if ticket.stale:
                return
            at = self._map.file_frame(frame + k if forward else frame - k)
            if reader is None or not 0 <= at < reader.n_frames:
                return
            try:
                reader.frame(at)
            except MegcError:  # told when that very frame is asked for
                return

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
