"""From what a user writes to an open source."""

from __future__ import annotations

import re
from pathlib import Path

from megc_live.errors import SourceError
from megc_live.video.base import SOURCES, Source, SourceInfo, is_folder
from megc_live.video.camera import CameraInfo, CameraSource, list_cameras
from megc_live.video.files import FileSource, StreamSource
from megc_live.video.folder import FolderSource

__all__ = [
    "SOURCES",
    "CameraInfo",
    "CameraSource",
    "FileSource",
    "FolderSource",
    "Source",
    "SourceInfo",
    "StreamSource",
    "list_cameras",
    "open_source",
    "source_kind",
]

STREAM_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps")


def source_kind(spec: str | Path) -> str:
    """Return the name in :data:`SOURCES` that ``spec`` stands for.

    Examples
    --------
    >>> source_kind("camera:0"), source_kind("rtsp://host/live"), source_kind("a.mp4")
    ('camera', 'stream', 'file')
    """
    text = str(spec)
    if isinstance(spec, Path):
        return "folder" if is_folder(spec) else "file"
    if text.startswith("camera:"):
        return "camera"
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", text)
    if scheme:
        if scheme[1].lower() not in STREAM_SCHEMES:
            raise SourceError(
                f"{text!r}: streams of the kind {scheme[1]}:// are not read.",
                f"Use one of: {', '.join(s + '://' for s in STREAM_SCHEMES)}.",
            )
        return "stream"
    return "folder" if is_folder(text) else "file"


def open_source(spec: str | Path, *, fps: float | None = None) -> Source:
    """Open a camera, a stream, a folder of numbered images or a video file.

    Parameters
    ----------
    spec : str or Path
        ``camera:0``, an http/https/rtsp/rtmp address, or a path.
    fps : float, optional
        Frames per second: needed for folders that do not say it; replaces the times of a file
        (frame index / fps, said in ``notes``); asked of a camera; used for streams only where
        these carry no times of their own.

    Returns
    -------
    Source
        Open and ready to read.

    Raises
    ------
    SourceError
        It cannot be opened; the message says what was found and what to do.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise SourceError(f"{fps} is not a frame rate.", "Give --fps in frames per second, above 0.")
    if not str(spec).strip():
        raise SourceError("the name of the source is empty.", "Name a file, a folder, a URL or camera:0.")
    kind = source_kind(spec)
    if kind != "camera":
        return SOURCES[kind].make(spec, fps=fps)
    number = str(spec).partition(":")[2]
    if not number.isdecimal():
        raise SourceError(
            f"{str(spec)!r} does not name a camera.",
            "Write camera:0 for the first one; `megc-live cameras` lists them.",
        )
    return SOURCES[kind].make(int(number), fps=fps)
