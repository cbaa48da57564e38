"""Records frames to a video file beside the analysis, without ever making the camera wait."""

from __future__ import annotations

import csv
import errno
import math
import shutil
import threading
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

import av
import numpy as np

from megc_live.errors import OutputError
from megc_live.video.frame import Frame, PixelImage

RECORDING = "recording.mp4"
RECORDING_FRAMES = "recording.csv"
HEADER = ("recording_frame", "frame", "timestamp")

_TICKS = 90_000
_QUEUE_S = 2.0
_QUEUE_BYTES = 256 * 2**20
_KEYFRAME_S = 0.5
_FLUSH_S = 1.0
"""What a crash of the program costs at most of the table, seconds."""
_FINISH_S = 0.25
"""Part of the time for closing that is kept for the frame being written and the end of the file."""
RESERVE_BYTES = 512 * 2**20
"""Free space on the disk at which recording ends, so that the tables of results still fit on it."""
# Near-lossless to the eye and quick: a recording that drops frames is worth less than a large one.
_OPTIONS = {"crf": "16", "preset": "ultrafast", "tune": "zerolatency"}
# What was recorded before a crash can still be read, and closing a long recording takes no second pass.
_CONTAINER = {"movflags": "hybrid_fragmented"}


@dataclass(frozen=True)
class RecorderStats:
    """Counts of a recording: ``offered = written + dropped + waiting`` at any moment.

    Attributes
    ----------
    offered, written, dropped, waiting : int
        Frames that came, are in the file, were given up, and wait or are being written.
    path : Path
        The video file.
    error : str
        Why nothing is recorded any more; empty while all is well.
    """

    offered: int
    written: int
    dropped: int
    waiting: int
    path: Path
    error: str = ""


class Recorder:
    """Writes the frames it is offered to an H.264 mp4 at their own times, in a thread of its own.

    Beside the video it writes a table with one line a frame, ``recording_frame,frame,timestamp``:
    the place in the file, the index in the source, and the source's own time in seconds. Frames that were
    dropped are not in it. It may be offered frames with breaks in between: the file's times keep them.
    Recording ends, with an error in :meth:`stats`, when the disk is nearly full: the results of the
    analysis need the rest.

    Parameters
    ----------
    path : Path
        The mp4; ``path`` and the table are written under these very names.
    fps : float
        Nominal rate in frames per second.
    frames_path : Path, optional
        The table; default: beside ``path``, with the ending ``.csv``.
    queue_seconds : float
        Length of the queue in seconds at ``fps``; a frame that does not fit is dropped and counted.
    queue_bytes : int
        Most memory of the frames that wait; two always fit.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        *,
        frames_path: Path | None = None,
        queue_seconds: float = _QUEUE_S,
        queue_bytes: int = _QUEUE_BYTES,
    ) -> None:
        self.path = path
        self.frames_path = frames_path or path.with_suffix(".csv")
        self.queue_length = max(2, math.ceil(queue_seconds * fps))
        self._queue_bytes = queue_bytes
        self._fps = fps
        self._look_every = max(1, round(fps))
        self._queue: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._offered = self._written = self._dropped = 0
        self._busy_s = 0.0
        self._first_index: int | None = None
        self._first_s = 0.0
        self._error = ""
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="record", daemon=True)
        self._thread.start()

    def offer(self, frame: Frame) -> bool:
        """Take a frame if there is room; never waits. Return whether it was taken."""
        with self._changed:
            if not self._offered:
                fitting = self._queue_bytes // max(1, frame.image.data.nbytes)
                self.queue_length = max(2, min(self.queue_length, fitting))
            self._offered += 1
            if self._ending or self._error or len(self._queue) >= self.queue_length:
                self._dropped += 1
                return False
            self._queue.append(frame)
            self._changed.notify_all()
            return True

    def stats(self) -> RecorderStats:
        """Return the counts at this moment."""
        with self._changed:
            waiting = self._offered - self._written - self._dropped
            return RecorderStats(self._offered, self._written, self._dropped, waiting, self.path, self._error)

    @property
    def first_index(self) -> int | None:
        """Index in the source of the file's first frame; None before it."""
        return self._first_index

    @property
    def first_s(self) -> float:
        """Time in the source of the file's first frame, seconds: there the file is at 0."""
        return self._first_s

    @property
    def busy_s(self) -> float:
        """Seconds spent writing."""
        return self._busy_s

    @property
    def finished(self) -> bool:
        """Whether nothing will be written any more: it was closed, or it failed."""
        return not self._thread.is_alive()

    def close(self, timeout: float | None = None) -> bool:
        """Write what waits, finish the file; calling it again only waits.

        Parameters
        ----------
        timeout : float, optional
            Seconds in all; None or infinite: as long as it takes. Frames that still wait shortly before
            the end of this time are dropped, counted, and the file is finished without them.

        Returns
        -------
        bool
            Whether the file is finished.
        """
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if timeout is None or timeout >= threading.TIMEOUT_MAX:
            self._thread.join()
            return True
        deadline = time.monotonic() + timeout
        self._thread.join(timeout - min(_FINISH_S, timeout / 4))
        if self._thread.is_alive():
            with self._changed:
                self._dropped += len(self._queue)
                self._queue.clear()
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _work(self) -> None:
        file: _File | None = None
        try:
            while (frame := self._next()) is not None:
                began = time.perf_counter()
                if self._written % self._look_every == 0:
                    self._check_space()
                if file is None:
                    file = _File(self.path, self.frames_path, frame, self._fps)
                file.write(frame)
                with self._changed:
                    if self._first_index is None:
                        self._first_index, self._first_s = frame.index, frame.pts_s
                    self._written += 1
                    self._busy_s += time.perf_counter() - began
            if file is not None:
                file.close()
        except Exception as error:  # PyAV's errors are of no one family, and none may end this thread unseen
            self._fail(error, file)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if free < RESERVE_BYTES:
            raise OSError(
                errno.ENOSPC, f"only {free / 2**20:.0f} MB are free on the disk, results need the rest"
            )

    def _next(self) -> Frame | None:
        with self._changed:
            while not self._queue and not self._ending:
                self._changed.wait()
            return self._queue.popleft() if self._queue else None

    def _fail(self, error: Exception, file: _File | None) -> None:
        """Stop recording; the analysis goes on. What waits is dropped, and what is written stays."""
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        told = OutputError(
            f"cannot write {self.path.name!r}: {reason}.",
            "Free some space on the disk, or choose another folder; the analysis goes on.",
        )
        with self._changed:
            self._error = str(told)
            self._dropped = self._offered - self._written
            self._queue.clear()
        if file is not None:
            with suppress(Exception):
                file.close()
        if not self._written:
            for path in (self.path, self.frames_path):
                with suppress(OSError):
                    path.unlink(missing_ok=True)


class _File:
    """The mp4 and its table."""

    def __init__(self, path: Path, frames_path: Path, first: Frame, fps: float) -> None:
        # 4:2:0 needs even sides; only images in other layouts can have odd ones
        self._width, self._height = first.image.width // 2 * 2, first.image.height // 2 * 2
        self._zero_s = first.pts_s
        self._last_tick = -1
        self._count = 0
        with ExitStack() as opened:
            table: TextIO = opened.enter_context(frames_path.open("w", newline="", encoding="utf-8"))
            self._table, self._flushed = table, time.monotonic()
            self._lines = csv.writer(table, lineterminator="\n")
            self._lines.writerow(HEADER)
            self._container = av.open(str(path), "w", format="mp4", options=_CONTAINER)
            opened.callback(self._container.close)
            self._stream = self._new_stream(fps)
            self._open = opened.pop_all()

    def _new_stream(self, fps: float) -> av.VideoStream:
        rate = Fraction(fps).limit_denominator(1001) if fps > 0 else Fraction(30)
        stream = self._container.add_stream("libx264", rate=rate, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.gop_size = max(1, round(_KEYFRAME_S * float(rate)))
        stream.codec_context.thread_count = 1
        return stream

    def write(self, frame: Frame) -> None:
        picture = self._picture(frame.image)
        self._last_tick = max(self._last_tick + 1, round((frame.pts_s - self._zero_s) * _TICKS))
        picture.pts, picture.time_base = self._last_tick, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(picture))
        self._lines.writerow((self._count, frame.index, f"{frame.pts_s:.6f}"))
        if time.monotonic() - self._flushed > _FLUSH_S:
            self._table.flush()
            self._flushed = time.monotonic()
        self._count += 1

    def _picture(self, image: PixelImage) -> av.VideoFrame:
        if image.layout == "i420":
            return av.VideoFrame.from_ndarray(image.data, "yuv420p")
        cut = np.ascontiguousarray(image.data[: self._height, : self._width])
        return av.VideoFrame.from_ndarray(cut, "rgb24" if image.layout == "rgb" else "gray")

    def close(self) -> None:
        with self._open:
            if self._count:
                self._container.mux(self._stream.encode(None))
