"""Where the frames of a result come from, and which of them is which."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import MegcError, ReviewError
from megc_live.output.session import SessionInfo
from megc_live.video.reader import CACHE_BYTES, FrameReader
from megc_live.video.sources import source_kind

_DO = "Show where the video that was analysed is now."
_MOST_COMPARED = 2000
"""Frames whose times are compared, spread over the video: of an hour at 200 frames/s not all 720,000."""
_END = 5
"""Frames at each end that are compared as well: by most of them, so that one may be odd there, too."""
_CRASH_S = 3.0
"""What the recording and its table may differ by after a crash, seconds."""
_ODD_SHARE = 0.05
"""Share of the frames whose times may be others: a damaged stamp is not another recording."""


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
    others : tuple of VideoPlace
        Where it may be as well, if what is at ``path`` is another recording.
    """

    path: Path
    fps: float | None = None
    recorded: dict[int, int] | None = field(default=None, repr=False)
    others: tuple[VideoPlace, ...] = ()

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
            return self._recording_differs(place.recorded, reader.n_frames)
        n = len(self.times_s)
        # the last frames of a damaged file may be announced and not be there
        more = self.whole and reader.n_frames > n + max(2, round(0.01 * n))
        if reader.n_frames >= n and not more:
            return ""
        return f"it has {reader.n_frames} frames, what was analysed had {n}"

    def _recording_differs(self, recorded: dict[int, int], n_in_file: int) -> str:
        """A crash may have cost the end of the recording, or that of its table: seconds, not most of it."""
        n = max(recorded.values(), default=-1) + 1
        period_s = float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1.0
        spare = max(2, round(0.02 * n), round(_CRASH_S / max(period_s, 1e-3)))
        if n_in_file and abs(n_in_file - n) <= min(spare, n / 2):
            return ""
        return f"it has {n_in_file} frames, the recording of the session had {n}"

    def _times_differ(self, place: VideoPlace, reader: FrameReader) -> str:
        frames, at = self._pairs(place, reader.n_frames)
        there = np.array([reader.pts_s(k) for k in at.tolist()])
        here = self.times_s[frames]
        known = np.isfinite(there) & np.isfinite(here)
        at, there, here = at[known], there[known], here[known]
        if len(at) < 2:
            return ""
        # a recording begins at 0; a file's times are as they were
        here = here + float(np.median(there - here)) if place.recorded is not None else here
        apart = np.abs(there - here)
        limit = max(0.5 * self._period(frames), 0.002)
        few = np.count_nonzero(apart > limit) <= max(1, _ODD_SHARE * len(apart))
        if few and all(float(np.median(end)) <= limit for end in (apart[:_END], apart[-_END:])):
            return ""
        worst = int(apart.argmax())
        return (
            f"its frame {at[worst]} is at {there[worst]:.3f} s, in the results it is at {here[worst]:.3f} s"
        )

    def _period(self, frames: NDArray[np.int64]) -> float:
        """Median time from a frame to the next one, seconds."""
        last = len(self.times_s) - 1
        frames = frames[frames < last]
        steps = self.times_s[frames + 1] - self.times_s[frames]
        steps = steps[np.isfinite(steps)]
        return float(np.median(steps)) if len(steps) else 0.0

    def _pairs(self, place: VideoPlace, n_in_file: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Frames of the source and of the file that are the same: some of them, and those at the ends."""
        if place.recorded is None:
            there = self.present[: np.searchsorted(self.present, n_in_file)]
            frames = there[_spread(len(there))]
            return frames, frames
        keys = list(place.recorded)
        pairs = [(keys[k], place.recorded[keys[k]]) for k in _spread(len(keys)).tolist()]
        n = len(self.times_s)
        inside = [(frame, at) for frame, at in pairs if 0 <= frame < n and 0 <= at < n_in_file]
        frames, ats = np.array(inside, dtype=np.int64).reshape(-1, 2).T
        read = np.isin(frames, self.present)
        return frames[read], ats[read]


def _spread(n: int) -> NDArray[np.int64]:
    """Return at most some thousand of ``n`` places, evenly spread, with all at both ends."""
    if n <= _MOST_COMPARED:
        return np.arange(n)
    evenly = np.linspace(0, n - 1, _MOST_COMPARED).round().astype(np.int64)
    places: NDArray[np.int64] = np.union1d(evenly, np.r_[0:_END, n - _END : n])
    return places


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
    recorded = None
    if was_recorded(session):
        name = _name_in(session, "file")
        # an export stands in the folder of the results, which the recording is in
        beside = [place / name for place in (folder, folder.parent)] if name else []
        recorded = _recording(folder, session, [*asked, *beside])
    source = _source(folder, session, [] if was_recorded(session) else asked)
    if source is None or recorded is None:
        return source or recorded
    # of a file that was replayed as if live: it has all frames, the recording those while it was on
    return replace(source, others=(*source.others, replace(recorded, others=()), *recorded.others))


def _source(folder: Path, session: SessionInfo, asked: list[Path]) -> VideoPlace | None:
    """The video or the folder of images that was analysed, where it may be; None: it was live."""
    if session.source.kind not in ("file", "folder"):
        return None
    spec = Path(session.source.spec)
    known = [Path(str(session.run["source"]))] if "source" in session.run else []
    beside = [place / spec.name for place in (folder, *folder.parents[:2]) if spec.name]
    places = [*asked, *known, spec, *beside]
    # without a name it is what the program was started in; results are often named as their folder of images
    there = [path for path in _those_there(filter(_has_name, places)) if path != folder.resolve()]
    return _first_of([VideoPlace(path, _set_rate(session)) for path in there])


def _first_of(places: list[VideoPlace]) -> VideoPlace | None:
    return replace(places[0], others=tuple(places[1:])) if places else None


def settled(place: VideoPlace, what: Analysed) -> VideoPlace:
    """Return the first of the places of a video where what was analysed is; slow with long videos.

    An older video may still be where the one that was analysed once was, and the right one beside the
    results. Where it is at none of them, the first is returned: opening it says why it is not.
    """
    for here in (place, *place.others) if place.others else ():
        try:
            open_checked(here, what).close()
        except MegcError:
            continue
        return replace(here, others=())
    return replace(place, others=())


def open_checked(place: VideoPlace, what: Analysed, cache_bytes: int = CACHE_BYTES) -> FrameReader:
    """Open a video and see that it is what was analysed; the caller closes the reader.

    Raises
    ------
    ReviewError
        It is another one.
    SourceError
        It cannot be read.
    """
    reader = FrameReader(place.path, fps=place.fps, cache_bytes=cache_bytes)
    try:
        what.check(place, reader)
    except BaseException:
        reader.close()
        raise
    return reader


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
    if not _is_there(path):
        raise ReviewError(f"{str(path)!r} is not a file.", _DO)
    place = VideoPlace(path.resolve(), _set_rate(session))
    if was_recorded(session):
        # of a file that was replayed it may be that file, which has all frames, or what was recorded of it
        if session.source.kind in ("file", "folder"):
            with suppress(MegcError):
                open_checked(place, what).close()
                return place
        place = _recording(folder, session, [path.resolve()]) or place
    open_checked(place, what).close()
    return place


def _set_rate(session: SessionInfo) -> float | None:
    rate = session.run.get("fps")
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def was_recorded(session: SessionInfo) -> bool:
    """Whether a live session made a recording beside its results."""
    return isinstance(session.source.extras.get("recording"), dict)


def _name_in(session: SessionInfo, key: str) -> str:
    """Return the name of a file of the recording; empty if none is given."""
    # Names only: a record that was changed by hand must not point anywhere else.
    given = session.source.extras["recording"].get(key)
    return Path(given).name if isinstance(given, str) and _has_name(Path(given)) else ""


def _recording(folder: Path, session: SessionInfo, places: Iterable[Path]) -> VideoPlace | None:
    """The recording that a live session made, where it may be; it need not hold all frames."""
    there = _those_there(filter(_has_name, places))
    if not there:
        return None
    name = _name_in(session, "frames")
    first, *others = (_table_of(path, folder, name) for path in there)
    made = [VideoPlace(there[0], None, _frames_of(first))]
    for path, table in zip(there[1:], others, strict=True):
        with suppress(ReviewError):  # the first one's is told
            made.append(VideoPlace(path, None, made[0].recorded if table == first else _frames_of(table)))
    return _first_of(made)


def _table_of(recording: Path, folder: Path, name: str) -> Path:
    """Where the table of a recording is: where the recording was moved to it may have been moved, too."""
    named = [folder / name, recording.with_name(name)] if name else []
    tables = [*named, recording.with_suffix(".csv")]
    return next(filter(_is_there, tables), tables[0])


def _those_there(places: Iterable[Path]) -> list[Path]:
    """Those of some paths that there are, each once."""
    return list(dict.fromkeys(path.resolve() for path in places if _is_there(path)))


def _has_name(path: Path) -> bool:
    return path.name not in ("", "..")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a folder that may not be looked into, no path: for us it is not there
        return False


def _frames_of(path: Path) -> dict[int, int]:
    """Read which frame of the source is which of the recording.

    After a crash the last line may have been written in part: it is left out.
    """
    try:
        *lines, torn = path.read_bytes().rstrip(b"\0").split(b"\n")
        rows = csv.DictReader(line.decode("utf-8") for line in lines)
        if not {"frame", "recording_frame"} <= set(rows.fieldnames or ()):
            raise ValueError("its columns are not named" if lines else f"all it says is {torn[:40]!r}")
        return {int(row["frame"]): int(row["recording_frame"]) for row in rows}
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise ReviewError(
            f"{str(path)!r} does not say which frame of the recording is which: {error}.",
            "Review without pictures, or bring the file back.",
        ) from None
