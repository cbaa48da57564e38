"""What every source of frames has in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from megc_live.registry import Registry
from megc_live.video.frame import Frame

SourceKind = Literal["file", "stream", "camera", "folder"]


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source once it is open.

    Attributes
    ----------
    spec : str
        What was asked for: a path, a URL or ``camera:N``. A password in a URL is left out.
    kind : str
        ``"file"``, ``"stream"``, ``"camera"`` or ``"folder"``.
    width, height : int
        Size of every frame in pixels, after rotation.
    fps : float
        Nominal rate, frames per second; the frames' own times are what counts.
    n_frames : int or None
        Frames announced by the container or found in the folder, None where that is unknown.
    duration_s : float or None
        Announced duration in seconds, None where that is unknown.
    live : bool
        Frames arrive when they happen, and are lost to those who are late.
    codec : str
        Name of the codec, for example ``"h264"``.
    """

    spec: str
    kind: SourceKind
    width: int
    height: int
    fps: float
    n_frames: int | None
    duration_s: float | None
    live: bool
    codec: str


class Source(ABC):
    """A sequence of frames: a video file, a stream, a camera or a folder of images.

    One thread reads and closes it; only :meth:`interrupt` may be called from another one.

    Attributes
    ----------
    name : str
        Name that is safe for a folder: the file's stem, ``camera0``, ``host_path``.
    info : SourceInfo
        What is known of the source.
    timestamps_repaired : int
        Frames whose time was missing or ran backwards and was put right.
    decode_errors : int
        Packets or images that could not be decoded and were skipped.
    dropped : int
        Frames that are known to be missing: gaps in the index.
    rescaled : int
        Frames that came in another size and were scaled to the first one's.
    notes : tuple of str
        What a reader of the results should know of the source.
    """

    name: str
    info: SourceInfo
    timestamps_repaired: int = 0
    decode_errors: int = 0
    dropped: int = 0
    rescaled: int = 0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def read(self) -> Frame | None:
        """Return the next frame, or None at the end and after :meth:`close`.

        Raises
        ------
        SourceError
            The source is lost: a broken connection, an unplugged camera.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device or file; calling it again does nothing."""

    def interrupt(self) -> None:  # noqa: B027  (most sources never wait, so there is nothing to wake)
        """Make a :meth:`read` that is waiting return None soon; may be called from any thread."""

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


SOURCES: Registry[Source] = Registry("source")
"""Every kind of source; capabilities: ``live``, ``seekable`` (by :class:`FrameReader`), ``needs_fps``."""


def is_folder(path: str | Path) -> bool:
    """Tell whether ``path`` is a folder; False where that cannot be seen, so that opening it says why."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def safe_name(text: str) -> str:
    """Return ``text`` as a name that every file system takes.

    Examples
    --------
    >>> safe_name("my clip: take 2")
    'my_clip_take_2'
    """
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "source"
