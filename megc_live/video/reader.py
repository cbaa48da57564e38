"""Random access to the frames of a file by index, exact to the frame."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import av
from av.video.frame import PictureType

from megc_live.closing import Closing
from megc_live.errors import SourceError
from megc_live.video.base import Source, SourceInfo
from megc_live.video.decoding import Decoder, PacketIndex, VideoPacket, file_target, open_video
from megc_live.video.files import FileSource
from megc_live.video.folder import FolderSource
from megc_live.video.frame import Frame
from megc_live.video.pixels import FrameConverter
from megc_live.video.timeline import Timeline

CACHE_BYTES = 64 * 2**20


class _Backend(Protocol):
    times: list[float]

    def walk_to(self, index: int) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class FrameReader(Closing):
    """Frames of a video file or a folder of images by index: the same that a source reads in order.

    The timestamps of all packets are indexed without decoding; a frame is found by seeking to
    the keyframe before it and decoding up to it. Files whose packets have no usable timestamps
    are decoded from the start instead: slower, and as exact. Not for several threads at once.

    Parameters
    ----------
    path : str or Path
        A video file or a folder of numbered images.
    fps : float, optional
        As for :func:`megc_live.video.open_source`.
    cache_bytes : int
        Memory for recently decoded frames.

    Raises
    ------
    SourceError
        As the source itself would.
    """

    def __init__(self, path: str | Path, *, fps: float | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self._cache: OrderedDict[int, Frame] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._cached = 0
        self._shown = str(path)
        self._backend: _Backend
        if Path(path).is_dir():
            folder = FolderSource(path, fps=fps)
            self.info: SourceInfo = folder.info
            self._backend = _Images(folder)
            return
        with FileSource(path, fps=fps) as source:
            self.info = source.info
            first_pts, convert = source.first_pts, source.convert
        index = PacketIndex.read(file_target(Path(path)), str(path), first_pts)
        if index.reliable and index.pts[0] == first_pts and index.keys:
            self._backend = _Indexed(Path(path), index, convert, self.info.fps, replace_times=fps is not None)
        else:
            self._backend = _FromStart(Path(path), fps)

    @property
    def n_frames(self) -> int:
        """Number of frame indices: the last one is ``n_frames - 1``."""
        return len(self._backend.times)

    def pts_s(self, index: int) -> float:
        """Return the time of a frame in seconds since the first frame."""
        self._check(index)
        return self._backend.times[index]

    def nearest(self, pts_s: float) -> int:
        """Return the index of the frame nearest to a time in seconds."""
        times = self._backend.times
        after = bisect_left(times, pts_s)
        near = [k for k in (after - 1, after) if 0 <= k < len(times)]
        return min(near, key=lambda k: abs(times[k] - pts_s))

    def frame(self, index: int) -> Frame:
        """Return one frame.

        Raises
        ------
        SourceError
            The file has no such frame, or it cannot be decoded.
        """
        self._check(index)
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        for frame in self._backend.walk_to(index):
            self._keep(frame)
            if frame.index == index:
                return frame
        raise SourceError(
            f"frame {index} of {self._shown!r} cannot be decoded.",
            "The file is damaged there: choose another frame.",
        )

    def _check(self, index: int) -> None:
        if not 0 <= index < self.n_frames:
            raise SourceError(
                f"{self._shown!r} has no frame {index}; it has frames 0 to {self.n_frames - 1}.",
                "Choose a frame that is there.",
            )

    def _keep(self, frame: Frame) -> None:
        if frame.index in self._cache:
            return
        self._cache[frame.index] = frame
        self._cached += frame.image.data.nbytes
        while self._cached > self._cache_bytes and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._cached -= old.image.data.nbytes

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        self._cache.clear()
        self._cached = 0
        self._backend.close()


class _Images:
    """A folder: every image stands alone."""

    def __init__(self, folder: FolderSource) -> None:
        self._folder = folder
        self.times = [k / folder.info.fps for k in range(folder.last_index + 1)]

    def walk_to(self, index: int) -> Iterator[Frame]:
        yield self._folder.frame_at(index)

    def close(self) -> None:
        self._folder.close()


class _FromStart:
    """A file without usable packet times: decoded in order, opened anew to go back."""

    def __init__(self, path: Path, fps: float | None) -> None:
        self._path = path
        self._fps = fps
        self._source: Source = FileSource(path, fps=fps)
        self._at = -1
        self.times = self._all_times()

    def _all_times(self) -> list[float]:
        times: list[float] = []
        with FileSource(self._path, fps=self._fps) as source:
            for frame in source:
                times.extend([frame.pts_s] * (frame.index + 1 - len(times)))
        return times

    def walk_to(self, index: int) -> Iterator[Frame]:
        if index <= self._at:
            self._source.close()
            self._source = FileSource(self._path, fps=self._fps)
            self._at = -1
        while self._at < index and (frame := self._source.read()) is not None:
            self._at = frame.index
            yield frame

    def close(self) -> None:
        self._source.close()


class _Indexed:
    """A file with a timestamp on every packet: keyframe before the target, then forward."""

    def __init__(
        self, path: Path, index: PacketIndex, convert: FrameConverter, fps: float, *, replace_times: bool
    ) -> None:
        self._path = path
        self._pts = index.pts
        self._rank = {p: k for k, p in enumerate(index.pts)}
        self._keys = index.keys
        self._places = index.places
        self._open()
        line = Timeline(1 / fps)
        stamps = [line.push(p * self._decoder.tick_s) for p in index.pts]
        self.times = [k / fps for k in range(len(stamps))] if replace_times else stamps
        self._convert = convert
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._at: int | None = None
        self._from = index.pts[0]

    def _open(self) -> None:
        self._container, self._stream = open_video(file_target(self._path), str(self._path))
        self._decoder = Decoder(self._container, self._stream)
        self._open_now = True

    def walk_to(self, index: int) -> Iterator[Frame]:
        """Yield the frames from the current position or a keyframe on, until ``index``."""
        key = bisect_right(self._keys, self._pts[index]) - 1
        before = -1 if self._at is None else self._at
        if self._at is None or index <= before or (key >= 0 and self._keys[key] > self._pts[before]):
            self._seek(key)
        yield from self._forward(index)
        if self._reached(index):
            return
        # Frames after an open entry point may need pictures before it: start over from the beginning
        self._seek(-1)
        yield from self._forward(index)

    def _reached(self, index: int) -> bool:
        return self._at == index

    def _forward(self, index: int) -> Iterator[Frame]:
        for picture in self._frames:
            rank = None if picture.pts is None else self._rank.get(picture.pts)
            if rank is None or self._pts[rank] < self._from:
                continue
            if self._at is None and self._false_entry(rank, picture):
                self._keys = self._keys[:1]
                return
            self._at = rank
            yield Frame(rank, self.times[rank], self._convert(picture), time.perf_counter())
            if rank >= index:
                return

    def _false_entry(self, rank: int, picture: av.VideoFrame) -> bool:
        """Tell entry points that are not whole pictures (intra refresh): what follows would be smeared."""
        if self._from <= self._pts[0]:
            return False
        return self._pts[rank] != self._from or picture.pict_type != PictureType.I

    def _seek(self, key: int) -> None:
        self._at = None
        if key < 0:
            self._restart()
            self._from, self._frames = self._pts[0], self._decoder.frames()
            return
        self._from = self._keys[key]
        try:
            self._container.seek(self._from, stream=self._stream, backward=True)
        except (av.FFmpegError, OSError):
            self._restart()
        self._frames = self._frames_from(self._from)

    def _frames_from(self, key_pts: int) -> Iterator[av.VideoFrame]:
        """Yield frames from the packet with ``key_pts`` on."""
        packets = self._decoder.packets()
        entry = _find(packets, key_pts)
        if entry is None or entry.pos != self._places[key_pts]:
            # containers without an index may seek past it, damaged ones number packets anew
            self._restart()
            packets = self._decoder.packets()
            entry = _find(packets, key_pts)
        if entry is not None:
            yield from self._decoder.decode(entry)
        for packet in packets:
            yield from self._decoder.decode(packet)
        yield from self._decoder.flush()

    def _restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        if self._open_now:
            self._open_now = False
            self._frames = iter(())
            self._container.close()


def _find(packets: Iterator[VideoPacket], key_pts: int) -> VideoPacket | None:
    """Return the packet with ``key_pts``; None if a later keyframe or the end comes first."""
    for packet in packets:
        if packet.pts == key_pts:
            return packet
        if packet.is_keyframe and packet.pts is not None and packet.pts > key_pts:
            return None
    return None
