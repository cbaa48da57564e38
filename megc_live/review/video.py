"""Where the frames of a result come from, and which of them is which."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ReviewError
from megc_live.output.session import SessionInfo
from megc_live.video.reader import FrameReader
from megc_live.video.sources import source_kind

_DO = "Show where the video that was analysed is now."


@dataclass(frozen=True)
class VideoPlace:
    """A video that can be read again.

    Attributes
    ----------
    path : Path
        A video file or a folder of images.
    fps : float or None
        What the rate was set to in the analysis; None: the video's own times.
    recorded : dict of int or None
        Of a recording of a live source: frame of the source to frame of the file; None: they are the same.
    """

    path: Path
    fps: float | None = None
    recorded: dict[int, int] | None = field(default=None, repr=False)

    def index_of(self, frame: int) -> int | None:
        """Return the index in the file of a frame of the source; None: it was not recorded."""
        return frame if self.recorded is None else self.recorded.get(frame)


@dataclass(frozen=True)
class Analysed:
    """What is known of the pictures that were analysed, to tell them from those of another recording.

    Attributes
    ----------
    size : tuple of int
        Width and height, pixels.
    times_s : ndarray of float64, shape (n_frames,)
        Frame to seconds.
    present : ndarray of int64, shape (m,)
        The frames that were read.
    whole : bool
        The file was read to its end: it has no more frames than these.
    """

    size: tuple[int, int]
    times_s: NDArray[np.float64] = field(repr=False)
    present: NDArray[np.int64] = field(repr=False)
    whole: bool

    def check(self, place: VideoPlace, reader: FrameReader) -> None:
        """Compare size, number of frames and their times with a video; nothing is decoded.

        Raises
        ------
        ReviewError
            They are of another recording.
        """
        differs = (
            self._size_differs(reader)
            or self._length_differs(place, reader)
            or self._times_differ(place, reader)
        )
        if differs:
            raise ReviewError(f"{place.path.name!r} is another recording: {differs}.", _DO)

    def _size_differs(self, reader: FrameReader) -> str:
        got = (reader.info.width, reader.info.height)
        if all(abs(a - b) <= 1 for a, b in zip(got, self.size, strict=True)):  # recordings have even sides
            return ""
        return f"it has {got[0]} x {got[1]} pixels, what was analysed had {self.size[0]} x {self.size[1]}"

    def _length_differs(self, place: VideoPlace, reader: FrameReader) -> str:
        if place.recorded is not None:
            return "" if reader.n_frames else "it has no frames"
        n = len(self.times_s)
        # the last frames of a damaged file may be announced and not be there
        more = self.whole and reader.n_frames > n + max(2, round(0.01 * n))
        if reader.n_frames >= n and not more:
            return ""
        return f"it has {reader.n_frames} frames, what was analysed had {n}"

    def _times_differ(self, place: VideoPlace, reader: FrameReader) -> str:
        pairs = self._pairs(place, reader.n_frames)
        if len(pairs) < 2:
            return ""
        frames, at = np.array(pairs).T
        there = np.array([reader.pts_s(k) for k in at.tolist()])
        here = self.times_s[frames]
        # a recording begins at 0; a file's times are as they were
        here = here - here[0] + there[0] if place.recorded is not None else here
        apart = np.abs(there - here)
        worst = int(apart.argmax())
        if apart[worst] <= max(0.5 * float(np.median(np.diff(here))), 0.002):
            return ""
        return (
            f"its frame {at[worst]} is at {there[worst]:.3f} s, in the results it is at {here[worst]:.3f} s"
        )

    def _pairs(self, place: VideoPlace, n_in_file: int) -> list[tuple[int, int]]:
        """Frames of the source and of the file that are the same."""
        pairs = ((frame, place.index_of(frame)) for frame in self.present.tolist())
        return [(frame, at) for frame, at in pairs if at is not None and at < n_in_file]


def analysed(session: SessionInfo, times_s: NDArray[np.float64], present: NDArray[np.int64]) -> Analysed:
    """Return what a result knows of its pictures; arrays as of :class:`Analysed`."""
    source = session.source
    # a session that was stopped, or lost frames on a slow computer, has read less than there is
    whole = session.run.get("complete") is True and len(present) == len(times_s)
    return Analysed((source.width, source.height), times_s, present, whole)


def find_video(folder: Path, session: SessionInfo, located: str = "") -> VideoPlace | None:
    """Look for the video of a result where it was, beside the result, and where a reviewer has said.

    Parameters
    ----------
    folder : Path
        The result's.
    session : SessionInfo
    located : str
        Where a reviewer found it; empty: nobody was asked.

    Raises
    ------
    ReviewError
        There is a recording, but not what says which frame is which.
    """
    asked = [Path(located)] if located else []
    if was_recorded(session):
        return _recording(folder, session, [*asked, folder / _name_in(session, "file")])
    if session.source.kind not in ("file", "folder"):
        return None
    spec = Path(session.source.spec)
    known = [Path(str(session.run["source"]))] if "source" in session.run else []
    beside = [folder / spec.name, folder.parent / spec.name, folder.parent.parent / spec.name]
    for path in (*asked, *known, spec, *beside):
        if _is_there(path):
            return VideoPlace(path.resolve(), _set_rate(session))
    return None


def place_of(path: Path, session: SessionInfo, folder: Path, what: Analysed) -> VideoPlace:
    """Return the place of a video that a reviewer names, once it is seen to be the one that was analysed.

    Raises
    ------
    SourceError
        It cannot be read.
    ReviewError
        It is of another recording, cannot be read again, or nothing says which of its frames is which.
    """
    if source_kind(path) not in ("file", "folder"):
        raise ReviewError(f"{str(path)!r} cannot be read again.", "Name a video file or a folder of images.")
    place: VideoPlace | None = VideoPlace(path.resolve(), _set_rate(session))
    if was_recorded(session):
        place = _recording(folder, session, [path.resolve()])
    if place is None:
        raise ReviewError(f"{str(path)!r} is not a file.", _DO)
    with FrameReader(place.path, fps=place.fps) as reader:
        what.check(place, reader)
    return place


def _set_rate(session: SessionInfo) -> float | None:
    rate = session.run.get("fps")
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def was_recorded(session: SessionInfo) -> bool:
    """Whether a live session made a recording beside its results."""
    return isinstance(session.source.extras.get("recording"), dict)


def _name_in(session: SessionInfo, key: str) -> str:
    # Names only: a record that was changed by hand must not point anywhere else.
    return Path(str(session.source.extras["recording"].get(key))).name


def _recording(folder: Path, session: SessionInfo, places: Sequence[Path]) -> VideoPlace | None:
    """The recording that a live session made, at the first place where it is; it need not hold all frames."""
    table = _name_in(session, "frames")
    for path in filter(_is_there, places):
        # where the video was moved to its table may have been moved, too
        tables = (folder / table, path.with_name(table), path.with_suffix(".csv"))
        return VideoPlace(path, None, _frames_of(next(filter(_is_there, tables), tables[0])))
    return None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be looked into: for us it is not there
        return False


def _frames_of(path: Path) -> dict[int, int]:
    """Read which frame of the source is which of the recording."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {int(row["frame"]): int(row["recording_frame"]) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise ReviewError(
            f"{str(path)!r} does not say which frame of the recording is which: {error}.",
            "Review without pictures, or bring the file back.",
        ) from None
