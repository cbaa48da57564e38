"""A camera or stream that is opened again when it was lost, as one source without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np

from megc_live.errors import MegcError, SourceError
from megc_live.video.base import Source
from megc_live.video.frame import U8, Frame, PixelImage

RETRY_S = 1.0
_RETURNING = ("camera", "stream")


class Reconnecting(Source):
    """Opens a live source again, every second, until it is back or :meth:`interrupt` is called.

    Index and time go on: the time without frames, measured by the frames' own times of capture, is a gap in
    both, and the frames that would have come are counted in ``dropped``. What comes back in another size or
    layout is put into the first one's. Files and folders end and fail as they always do.

    Parameters
    ----------
    open_source : callable
        Opens the source; called again after each loss.
    retry_s : float
        Seconds between two attempts.
    returns : bool
        False: nothing is opened again, the first loss is raised.

    Raises
    ------
    SourceError
        It does not open the first time; what the device's library raises itself is told as one, too.

    Attributes
    ----------
    lost : str
        Why no frames come at the moment and what to do; empty while they do.
    times_lost : int
        How often it was lost.
    """

    def __init__(
        self, open_source: Callable[[], Source], *, retry_s: float = RETRY_S, returns: bool = True
    ) -> None:
        if not retry_s > 0:
            raise ValueError(f"attempts need a time between them, got {retry_s} s")
        self._open = open_source
        self._retry_s = retry_s
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        try:
            self._source: Source | None = open_source()
        except _DEVICE_ERRORS as error:
            raise _as_source_error("the source does not open", error) from error
        self.name = self._source.name
        self.info = self._source.info
        self.lost = ""
        self.times_lost = 0
        self._returns = returns and self.info.live and self.info.kind in _RETURNING
        self._layout = ""
        self._newest: Frame | None = None
        self._shift = 0
        self._shift_s = 0.0
        self._joined = True
        self._gaps = 0
        self._past_notes = self._source.notes
        self._past = dict.fromkeys(_COUNTS, 0)
        self._rescaled = 0
        self._count()

    def read(self) -> Frame | None:
        """Return the next frame, waiting for a lost source; None when interrupted or closed, or at the end.

        Raises
        ------
        SourceError
            A source that cannot come back (a file) cannot be read.
        """
        while not self._cancel.is_set():
            source = self._source
            if source is None:
                self._reopen()
                continue
            try:
                frame = source.read()
            except Exception as error:  # whatever a driver's library raises, the device may come back
                told = _as_source_error(f"{self.info.spec!r} cannot be read", error)
                if not self._returns:
                    raise (told if isinstance(error, _DEVICE_ERRORS) else error) from None
                self._lose(source, str(told))
                continue
            if frame is not None:
                return self._follow(source, frame)
            # a server that is switched off may end its stream in good order; a camera never ends by itself
            if not self._returns or self.info.kind != "stream" or self._cancel.is_set():
                self._count()
                return None
            self._lose(source, f"{self.info.spec!r} sends no more frames.")
        return None

    def _lose(self, source: Source, why: str) -> None:
        for name in _COUNTS:
            self._past[name] += getattr(source, name)
        self._past_notes = tuple(dict.fromkeys((*self._past_notes, *source.notes)))
        with self._lock:
            self._source = None
        with suppress(Exception):  # a device that is gone may not even close
            source.close()
        self._joined = False
        self.times_lost += 1
        self.lost = f"{why} It is tried again every {self._retry_s:g} s."
        self._count()

    def _reopen(self) -> None:
        if self._cancel.wait(self._retry_s):
            return
        try:
            source = self._open()
        except Exception as error:
            told = _as_source_error(f"{self.info.spec!r} does not open", error)
            self.lost = f"{told} It is tried again every {self._retry_s:g} s."
            return
        with self._lock:
            late = self._cancel.is_set()
            if not late:
                self._source = source
        if late:  # interrupted while the device was being opened
            source.close()

    def _follow(self, source: Source, frame: Frame) -> Frame:
        """Put a frame's index and time behind those of the frames before the loss."""
        before = self._newest
        if not self._joined and before is not None:
            period_s = 1 / self.info.fps if self.info.fps > 0 else 1 / 30
            away_s = max(frame.t_capture - before.t_capture, period_s)
            missed = max(0, round(away_s / period_s) - 1)
            self._gaps += missed
            self._shift = before.index + 1 + missed - frame.index
            self._shift_s = before.pts_s + away_s - frame.pts_s
        self._joined = True
        self.lost = ""
        follows = replace(
            frame,
            index=frame.index + self._shift,
            pts_s=frame.pts_s + self._shift_s,
            image=self._alike(frame.image),
        )
        # only the numbers of the newest frame are needed: its pixels may be large
        self._newest = replace(follows, image=_NO_PIXELS)
        self._count()
        return follows

    def _alike(self, image: PixelImage) -> PixelImage:
        """Return the picture in the size and layout of the first one."""
        self._layout = self._layout or image.layout
        size = (self.info.width, self.info.height)
        resized = (image.width, image.height) != size
        if not resized and image.layout == self._layout:
            return image
        rgb = image.rgb()
        if resized:
            self._rescaled += 1
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return PixelImage(_as_layout(rgb, self._layout), self._layout)

    def _count(self) -> None:
        """Sum what all the sources up to now have lost and put right."""
        now = {name: getattr(self._source, name, 0) for name in _COUNTS}
        self.timestamps_repaired = self._past["timestamps_repaired"] + now["timestamps_repaired"]
        self.decode_errors = self._past["decode_errors"] + now["decode_errors"]
        self.dropped = self._past["dropped"] + now["dropped"] + self._gaps
        self.rescaled = self._past["rescaled"] + now["rescaled"] + self._rescaled
        times = "once" if self.times_lost == 1 else f"{self.times_lost} times"
        said = (f"the source was lost {times}",) if self.times_lost else ()
        self.notes = (*self._past_notes, *said)

    def interrupt(self) -> None:
        """End a waiting :meth:`read`; may be called from any thread."""
        self._cancel.set()
        with self._lock:
            source = self._source
        if source is not None:
            source.interrupt()

    def close(self) -> None:
        """Close what is open; calling it again does nothing."""
        self._cancel.set()
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            for name in _COUNTS:
                self._past[name] += getattr(source, name)
            source.close()


_COUNTS = ("timestamps_repaired", "decode_errors", "dropped", "rescaled")
_NO_PIXELS = PixelImage(np.zeros((1, 1), np.uint8), "grey")
_DEVICE_ERRORS = (OSError, cv2.error)


def _as_source_error(what: str, error: Exception) -> MegcError:
    """Return an error of ours as it is, and a library's as one that says what to do."""
    if isinstance(error, MegcError):
        return error
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return SourceError(f"{what}: {reason}.", "Check that it is plugged in and that no other program uses it.")


def _as_layout(rgb: U8, layout: str) -> U8:
    if layout == "rgb":
        return rgb
    code = cv2.COLOR_RGB2GRAY if layout == "grey" else cv2.COLOR_RGB2YUV_I420
    return np.asarray(cv2.cvtColor(rgb, code), dtype=np.uint8)
