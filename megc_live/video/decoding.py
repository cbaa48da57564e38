"""PyAV behind one door: opening with clear errors, decoding past damage, timestamps of packets."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from megc_live.errors import SourceError
from megc_live.video.base import is_folder

VideoPacket: TypeAlias = "Packet[VideoStream]"
PICTURE_FORMATS = ("image2", "_pipe")
MAX_PLAUSIBLE_FPS = 1000.0
WRONG_RATE = 2.0
"""A stated rate that is this many times above or below the measured one is not believed."""
_HEAD_BYTES = 64 * 2**20
MAX_READ_ERRORS = 100
"""Damaged stretches of a container that are stepped over in a row before reading ends."""


def check_file(path: Path) -> None:
    """Raise :class:`SourceError` unless ``path`` is a readable file with something in it."""
    if is_folder(path):
        raise SourceError(f"{str(path)!r} is a folder, not a video file.", "Name the file inside it.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise SourceError(f"there is no file {str(path)!r}.", "Check the path.") from None
    except PermissionError:
        raise SourceError(
            f"no permission to read {str(path)!r}.", "Change the file's permissions or ask its owner."
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error.strerror}.", "Check the path.") from None
    if empty:
        raise SourceError(f"{str(path)!r} is empty (0 bytes).", "Copy or record it again.")


def open_video(
    target: str, shown: str, *, timeout: tuple[float, float] | None = None, threads: str = "AUTO"
) -> tuple[InputContainer, VideoStream]:
    """Open a container and choose its first moving video stream.

    Parameters
    ----------
    target : str
        Path or URL for libavformat.
    shown : str
        How messages name it.
    timeout : tuple of float, optional
        Seconds to wait for the connection and for each read.
    threads : str
        ``"AUTO"`` decodes several frames at a time; ``"SLICE"`` adds no delay, for live streams.

    Raises
    ------
    SourceError
        It cannot be opened, has no video, or is a single picture.
    """
    options = {"rtsp_transport": "tcp"} if target.lower().startswith("rtsp") else {}
    try:
        container = av.open(target, mode="r", timeout=timeout, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _open_error(error, shown, is_url=timeout is not None) from None
    try:
        return container, _video_stream(container, shown, threads)
    except BaseException:
        container.close()
        raise


def _video_stream(container: InputContainer, shown: str, threads: str) -> VideoStream:
    name = container.format.name
    if name.startswith(PICTURE_FORMATS[0]) or name.endswith(PICTURE_FORMATS[1]):
        raise SourceError(
            f"{shown!r} is one picture, not a video.",
            "Name a video file, or the folder that holds the numbered images.",
        )
    covers = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & covers]
    if not streams:
        sound = " only sound" if container.streams.audio else " no video stream"
        raise SourceError(f"{shown!r} has{sound}, a video was expected.", "Name a file with pictures.")
    stream = streams[0]
    try:
        stream.codec_context.thread_type = threads
    except (AttributeError, ValueError, RuntimeError):
        raise SourceError(
            f"{shown!r} holds video in a format that this build cannot decode.",
            "Convert it to H.264 in mp4, for example with ffmpeg.",
        ) from None
    return stream


def _open_error(error: Exception, shown: str, *, is_url: bool) -> SourceError:
    if is_url:
        return SourceError(
            f"cannot open the stream {shown!r}: {_reason(error)}.",
            "Check the address and that the camera or server is on.",
        )
    if isinstance(error, PermissionError):
        return SourceError(f"no permission to read {shown!r}.", "Change the file's permissions.")
    return SourceError(
        f"{shown!r} is not a video that can be read: {_reason(error)}.",
        "Check that the file is complete and plays, or convert it to H.264 in mp4.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, av.ExitError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def nominal_fps(stream: VideoStream, fallback: float | None = None, measured: float | None = None) -> float:
    """Return the rate that the container states, or the measured one where that is far from it.

    Parameters
    ----------
    stream : VideoStream
        Its average rate counts, else its guess.
    fallback : float, optional
        Frames per second where neither is known; 25 by default.
    measured : float, optional
        Frames per second of the first packets (:meth:`Decoder.measured_fps`). A stated rate that differs
        by more than a factor of two is that of a clock or a field in the header, not of the frames.

    Returns
    -------
    float
        Frames per second, at most 1000.
    """
    if stream.codec_context.name == "gif" and stream.frames and stream.duration and stream.time_base:
        # FFmpeg's average is that of the first few frames, whose delays may differ from the rest
        return min(stream.frames / float(stream.duration * stream.time_base), MAX_PLAUSIBLE_FPS)
    stated = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate and rate > 0]
    if measured is not None:
        agreeing = (rate for rate in stated if measured / WRONG_RATE <= rate <= measured * WRONG_RATE)
        return min(next(agreeing, measured), MAX_PLAUSIBLE_FPS)
    plausible = (rate for rate in (*stated, fallback or 0.0) if 0 < rate <= MAX_PLAUSIBLE_FPS)
    return next(plausible, 25.0)


def hide_password(url: str) -> str:
    """Return ``url`` without the user name and password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Decoder:
    """Decodes one video stream, stepping over what cannot be decoded.

    Attributes
    ----------
    errors : int
        Packets that could not be read or decoded.
    tick_s : float
        The stream's time base in seconds; 0 if it has none.
    lost : str
        Why a stream ended early; empty for files, and at a regular end.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.errors = 0
        self.lost = ""
        self._container = container
        self._stream = stream
        self._head: deque[VideoPacket] = deque()
        self._rest: Iterator[VideoPacket] | None = None
        self.tick_s = 0.0 if stream.time_base is None else float(stream.time_base)

    def stamp_s(self, frame: av.VideoFrame) -> float | None:
        """Return the frame's presentation time in the container's own seconds, None if it has none."""
        return None if frame.pts is None or not self.tick_s else frame.pts * self.tick_s

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield the frames in presentation order."""
        for packet in self.packets():
            yield from self.decode(packet)
        yield from self.flush()

    def measured_fps(self, packets: int) -> float | None:
        """Return the rate by the median time step of the first packets, None where they have no times.

        Parameters
        ----------
        packets : int
            How many to look at, once and before anything is decoded; they are kept until then.
        """
        self._rest = self._read_packets()
        size = 0
        while len(self._head) < packets and size < _HEAD_BYTES:
            packet = next(self._rest, None)
            if packet is None:
                break
            self._head.append(packet)
            size += packet.size
        for stamps in ([p.pts for p in self._head], [p.dts for p in self._head]):
            times = sorted({stamp for stamp in stamps if stamp is not None})
            if len(times) == len(stamps) > 2 and self.tick_s:
                return 1 / (median(b - a for a, b in pairwise(times)) * self.tick_s)
        return None

    def packets(self) -> Iterator[VideoPacket]:
        """Yield the packets in the order of storage; a broken container ends early, counted."""
        while self._head:
            yield self._head.popleft()
        rest, self._rest = self._rest or self._read_packets(), None
        yield from rest

    def _read_packets(self) -> Iterator[VideoPacket]:
        failed_in_a_row = 0
        while failed_in_a_row < MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    failed_in_a_row = 0
                    if packet.size:
                        yield packet
                return
            except av.InvalidDataError:
                self.errors += 1
                failed_in_a_row += 1
            except (av.FFmpegError, OSError) as error:
                if not self._regular_end(error):
                    self.errors += 1
                    self.lost = _reason(error)
                return

    def _regular_end(self, error: Exception) -> bool:
        """Tell whether a server has simply ended an MJPEG answer: FFmpeg calls that an I/O error."""
        return self._container.format.name == "mpjpeg" and getattr(error, "errno", None) == errno.EIO

    def decode(self, packet: VideoPacket | None) -> list[av.VideoFrame]:
        """Return the frames that become ready with ``packet``."""
        try:
            return list(self._stream.codec_context.decode(packet))
        except av.EOFError:
            return []
        except (av.FFmpegError, OSError):
            self.errors += 1
            return []

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that the decoder still holds."""
        before = -1
        while before != self.errors:  # an error on the way out may hide frames behind it
            before = self.errors
            yield from self.decode(None)


@dataclass(frozen=True)
class PacketIndex:
    """Presentation timestamps of a file by demuxing alone, without decoding.

    Attributes
    ----------
    pts : list of int
        Ticks of the stream's time base in presentation order: position is frame index.
    keys : list of int
        Ticks of the packets at which decoding can start, ascending.
    places : dict of int to int
        Byte position of each of them: in a damaged file a seek may find other ticks there.
    reliable : bool
        Every packet has its own timestamp, so that position and frame index agree.
    """

    pts: list[int]
    keys: list[int]
    places: dict[int, int | None]
    reliable: bool

    @classmethod
    def read(cls, target: str, shown: str, first_pts: int | None) -> PacketIndex:
        """Demux the whole file; frames before ``first_pts`` (not decodable) are left out."""
        container, stream = open_video(target, shown)
        stamps: list[int | None] = []
        places: dict[int, int | None] = {}
        try:
            # VP8 stores frames that are never shown as packets of their own
            hidden = stream.codec_context.name in ("vp8", "libvpx")
            for packet in Decoder(container, stream).packets():
                if packet.is_keyframe and packet.pts is not None:
                    places[packet.pts] = packet.pos
                if not packet.is_discard:  # cut off by an edit list: decoded, not shown
                    stamps.append(packet.pts)
        finally:
            container.close()
        known = [p for p in stamps if p is not None and (first_pts is None or p >= first_pts)]
        complete = None not in stamps and len(set(known)) == len(known)
        reliable = complete and not hidden and first_pts is not None and bool(known)
        return cls(sorted(set(known)), sorted(places), places, reliable)


def file_target(path: Path) -> str:
    """Return ``path`` in a form that libavformat never takes for a URL."""
    return os.fspath(path.resolve())
