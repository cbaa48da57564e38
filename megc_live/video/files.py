"""Video files and network streams, read with PyAV."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from megc_live.errors import SourceError
from megc_live.video.base import SOURCES, Source, SourceInfo, safe_name
from megc_live.video.decoding import (
    Decoder,
    PacketIndex,
    check_file,
    file_target,
    hide_password,
    nominal_fps,
    open_video,
)
from megc_live.video.frame import Frame
from megc_live.video.pixels import FrameConverter
from megc_live.video.timeline import Timeline

OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 5.0
LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps")
HEAD_PACKETS, LIVE_HEAD_PACKETS = 24, 5
"""Packets by which a stated rate is checked; few where each has to be waited for."""
UNTIMED_FORMATS = ("mpjpeg",)
"""Stream formats that carry no time: frames are stamped when they arrive."""


class _Decoded(Source):
    """The part that files and streams share: frames out of a PyAV container."""

    def __init__(self, container: InputContainer, decoder: Decoder, shown: str, fps: float) -> None:
        self._container: InputContainer | None = container
        self._decoder = decoder
        self._frames = self._decoder.frames()
        self._shown = shown
        self._fps = fps
        self._index = -1
        try:
            self._first = next(self._frames, None)
            if self._first is None:
                raise SourceError(
                    f"{shown!r} has a video stream, but not one of its frames can be decoded.",
                    "It is damaged or cut off, or cannot be played while it loads: download the file first."
                    if "://" in shown
                    else "The file is damaged or cut off: copy or record it again.",
                )
            self.convert = FrameConverter(self._first)
        except BaseException:
            container.close()
            raise
        self.first_pts = self._first.pts
        self._line = Timeline(1 / fps)

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        if self._container is None:
            return None
        frame = self._first or next(self._frames, None)
        self._first = None
        self.decode_errors = self._decoder.errors
        return self._end() if frame is None else self._made(frame, time.perf_counter())

    def _made(self, frame: av.VideoFrame, now: float) -> Frame:
        index = self._next_index(frame)
        self.dropped += index - self._index - 1
        self._index = index
        image = self.convert(frame)
        self.rescaled = self.convert.rescaled
        return Frame(index, self._time_s(frame, now), image, now)

    def _time_s(self, frame: av.VideoFrame, now: float) -> float:
        pts_s = self._line.push(self._stamp_s(frame, now))
        self.timestamps_repaired = self._line.repaired
        return pts_s

    def _stamp_s(self, frame: av.VideoFrame, now: float) -> float | None:
        return self._decoder.stamp_s(frame)

    def _next_index(self, frame: av.VideoFrame) -> int:
        return self._index + 1

    def _end(self) -> Frame | None:
        return None

    def close(self) -> None:
        """Release the container."""
        if self._container is not None:
            self._frames = iter(())
            self._first = None
            self._container.close()
            self._container = None


@SOURCES.register("file", summary="a video file", live=False, seekable=True, needs_fps=False)
class FileSource(_Decoded):
    """A video file: mp4, mov, mkv, webm, avi, mpg, gif and whatever else FFmpeg reads.

    The index is the frame's position in the file. If some packets cannot be decoded, their
    positions are left out, so that a gap in the index is a gap in time.

    Parameters
    ----------
    path : str or Path
        The file.
    fps : float, optional
        Frames per second that the camera took. The time of a frame is then its index / ``fps``, and the
        container's own timestamps are left aside (said in ``notes``): high-speed recordings are often
        stored to be played slowly. Needed where the container has no times (raw H.264).

    Raises
    ------
    SourceError
        The file is missing, empty, unreadable, not a video, or none of its frames decodes.
    """

    def __init__(self, path: str | Path, *, fps: float | None = None) -> None:
        self._path = Path(path)
        check_file(self._path)
        container, stream = open_video(file_target(self._path), str(path))
        decoder = Decoder(container, stream)
        rate = fps or nominal_fps(stream, measured=decoder.measured_fps(HEAD_PACKETS))
        duration = _duration_s(container, stream)
        n_frames, codec = stream.frames or None, stream.codec_context.codec.canonical_name
        self._asked = fps
        if fps is not None:
            if stream.duration is not None or stream.start_time is not None:
                self.notes = (times_replaced(fps),)
            duration = n_frames / fps if n_frames else None
        super().__init__(container, decoder, str(path), rate)
        self._rank: dict[int, int] | None = None
        self.name = safe_name(self._path.stem)
        size = self.convert.width, self.convert.height
        self.info = SourceInfo(str(path), "file", *size, rate, n_frames, duration, False, codec)

    def _time_s(self, frame: av.VideoFrame, now: float) -> float:
        return super()._time_s(frame, now) if self._asked is None else self._index / self._asked

    def _next_index(self, frame: av.VideoFrame) -> int:
        if not self._decoder.errors:
            return self._index + 1
        if self._rank is None:
            index = PacketIndex.read(file_target(self._path), self._shown, self.first_pts)
            self._rank = {p: k for k, p in enumerate(index.pts)} if index.reliable else {}
        return max(self._rank.get(frame.pts, 0) if frame.pts is not None else 0, self._index + 1)


@SOURCES.register("stream", summary="an http, rtsp or rtmp URL", live=True, seekable=False, needs_fps=False)
class StreamSource(_Decoded):
    """A network stream. Formats without times (MJPEG over HTTP) are stamped on arrival.

    Parameters
    ----------
    url : str
        ``http://``, ``https://``, ``rtsp://`` or ``rtmp://`` address.
    fps : float, optional
        Nominal rate, where the stream does not state one.
    open_timeout_s, read_timeout_s : float
        Seconds without an answer after which the stream is given up.

    Raises
    ------
    SourceError
        The stream cannot be opened; from :meth:`read`: the connection is lost.
    """

    def __init__(
        self,
        url: str,
        *,
        fps: float | None = None,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        shown = hide_password(url)
        # frame threads would hold back as many frames as there are cores
        container, stream = open_video(url, shown, timeout=(open_timeout_s, read_timeout_s), threads="SLICE")
        self._untimed = container.format.name in UNTIMED_FORMATS
        parts = urlsplit(shown)
        duration = _duration_s(container, stream)
        live = parts.scheme.lower() in LIVE_SCHEMES or duration is None
        codec = stream.codec_context.codec.canonical_name
        decoder = Decoder(container, stream)
        measured = (
            None if self._untimed else decoder.measured_fps(LIVE_HEAD_PACKETS if live else HEAD_PACKETS)
        )
        rate = nominal_fps(stream, fps, measured)
        super().__init__(container, decoder, shown, rate)
        self._arrivals: list[tuple[av.VideoFrame, float]] = []
        if self._untimed:
            rate = fps or self._measure(rate)
            self._line = Timeline(1 / rate)
        self.name = safe_name(f"{parts.hostname}{parts.path}")
        size = self.convert.width, self.convert.height
        self.info = SourceInfo(shown, "stream", *size, rate, None, duration, live, codec)

    def _measure(self, stated: float, n: int = 6) -> float:
        """Return the rate at which the first frames arrive; they are kept for :meth:`read`."""
        frame, self._first = self._first, None
        while frame is not None:
            self._arrivals.append((frame, time.perf_counter()))
            frame = next(self._frames, None) if len(self._arrivals) < n else None
        times = [t for _, t in self._arrivals]
        # the first frames may come in one burst out of the server's buffer: not a rate
        steps = [b - a for a, b in pairwise(times[1:])]
        rate = 1 / max(median(steps), 1e-6) if steps else stated
        return rate if 1 <= rate <= 250 else stated

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end; raises :class:`SourceError` if the stream is lost."""
        if not self._arrivals or self._container is None:
            return super().read()
        return self._made(*self._arrivals.pop(0))

    def _stamp_s(self, frame: av.VideoFrame, now: float) -> float | None:
        return now if self._untimed else super()._stamp_s(frame, now)

    def _end(self) -> Frame | None:
        if not self._decoder.lost:
            return None
        raise SourceError(
            f"the stream {self._shown!r} was lost after {self._index + 1} frames: {self._decoder.lost}.",
            "Check the network and the camera, then open it again.",
        )


def times_replaced(fps: float) -> str:
    """Say that the times are not those of the file."""
    return f"times are frame number / {fps:g} as asked with --fps; the file's own times were replaced"


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base
