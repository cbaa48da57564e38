"""The annotated video: a second pass over the source with what was found drawn on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from megc_live.errors import OutputError
from megc_live.events import Event, FrameRow
from megc_live.output.files import PendingFile, writing
from megc_live.output.overlay import WINDOW_S, Overlay
from megc_live.output.tables import IntervalRecord, read_frames
from megc_live.video.sources import open_source, source_kind

_TICKS = 90_000
Report = Callable[[int], None]


def annotate_video(
    source_path: str | Path,
    rows: Path | Iterable[FrameRow],
    events: Iterable[Event | IntervalRecord],
    out_path: Path,
    *,
    fps: float | None = None,
    on_frame: Report | None = None,
) -> None:
    """Write an H.264 mp4 at the source's own times, without sound.

    Drawn are the face boxes, words on image quality, a label during each interval, and below the
    picture the activity of the twelve regions and the intervals of 3 s before and after. Small
    videos are enlarged to 480 px of height, large ones shrunk to 1280 px.

    Parameters
    ----------
    source_path : str or Path
        A video file or a folder of images: what was analysed.
    rows : Path or iterable of FrameRow
        frames.csv, or the rows themselves in the order of frames.
    events : iterable of Event or IntervalRecord
        What was found, in any order.
    out_path : Path
        The mp4 to write.
    fps : float, optional
        As for :func:`megc_live.video.open_source`.
    on_frame : callable, optional
        Called with the number of frames written so far.

    Raises
    ------
    OutputError
        The source is live and cannot be read again, or the file cannot be written.
    SourceError, DatasetError
        The source or the table of rows cannot be read.
    """
    if source_kind(source_path) not in ("file", "folder"):
        raise OutputError(
            f"{str(source_path)!r} cannot be read a second time to be annotated.",
            "Record it to a file first and analyse that.",
        )
    records = [item if isinstance(item, IntervalRecord) else IntervalRecord.of(item) for item in events]
    window = _Window(read_frames(rows) if isinstance(rows, Path) else iter(rows))
    with open_source(source_path, fps=fps) as source:
        overlay = Overlay(source.info.width, source.info.height, records)
        video = _Video(
            out_path, overlay.layout.width, overlay.layout.height + overlay.layout.strip, source.info.fps
        )
        try:
            for done, frame in enumerate(source, start=1):
                near = window.around(frame.pts_s)
                video.write(overlay.draw(frame.image.rgb(), frame.index, frame.pts_s, near), frame.pts_s)
                if on_frame is not None:
                    on_frame(done)
            video.publish()
        except BaseException:
            video.discard()
            raise


class _Window:
    """The rows around a moving time; read as they are needed, forgotten when they are past."""

    def __init__(self, rows: Iterator[FrameRow]) -> None:
        self._rows = rows
        self._kept: deque[FrameRow] = deque()

    def around(self, t_s: float) -> list[FrameRow]:
        """Return the rows within the strip's reach of ``t_s``; times grow from call to call."""
        while not self._kept or self._kept[-1].timestamp <= t_s + WINDOW_S:
            row = next(self._rows, None)
            if row is None:
                break
            self._kept.append(row)
        while self._kept and self._kept[0].timestamp < t_s - WINDOW_S:
            self._kept.popleft()
        return [row for row in self._kept if row.timestamp <= t_s + WINDOW_S]


class _Video:
    """An mp4 under a temporary name."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self._pending = PendingFile(path)
        self._path = path
        self._last_tick = -1
        self._container = av.open(
            str(self._pending.part), "w", format="mp4", options={"movflags": "+faststart"}
        )
        rate = Fraction(fps).limit_denominator(1001) if fps > 0 else Fraction(30)
        stream = self._container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream = stream

    def write(self, rgb: NDArray[np.uint8], t_s: float) -> None:
        """Append a picture, (h, w, 3), shown at ``t_s`` seconds."""
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
        self._last_tick = max(self._last_tick + 1, round(t_s * _TICKS))
        frame.pts, frame.time_base = self._last_tick, Fraction(1, _TICKS)
        self._mux(frame)

    def publish(self) -> None:
        """Finish the file and give it its name."""
        if self._last_tick >= 0:
            self._mux(None)
        with writing(self._path):
            self._container.close()
        self._pending.finish()
        self._pending.publish()

    def discard(self) -> None:
        """Leave nothing."""
        with suppress(OSError, FFmpegError, ValueError):
            self._container.close()
        self._pending.discard()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with writing(self._path):
            self._container.mux(self._stream.encode(frame))
