"""Where the frames of a result come from, and which of them is which."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megc_live.errors import ReviewError
from megc_live.output.session import SessionInfo
from megc_live.video.sources import open_source, source_kind


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
    recording = _recording(folder, session)
    if recording is not None:
        return recording
    if session.source.kind not in ("file", "folder"):
        return None
    spec = Path(session.source.spec)
    asked = [Path(located)] if located else []
    known = [Path(str(session.run["source"]))] if "source" in session.run else []
    beside = [folder / spec.name, folder.parent / spec.name, folder.parent.parent / spec.name]
    for path in (*asked, *known, spec, *beside):
        if path.exists():
            return VideoPlace(path.resolve(), _set_rate(session))
    return None


def place_of(path: Path, session: SessionInfo, folder: Path) -> VideoPlace:
    """Return the place of a video that a reviewer names, once it is seen to have the right size.

    Raises
    ------
    SourceError
        It cannot be read.
    ReviewError
        It has pictures of another size, or cannot be read again.
    """
    if source_kind(path) not in ("file", "folder"):
        raise ReviewError(f"{str(path)!r} cannot be read again.", "Name a video file or a folder of images.")
    wanted = (session.source.width, session.source.height)
    with open_source(path, fps=_set_rate(session)) as source:
        got = (source.info.width, source.info.height)
    if any(abs(a - b) > 1 for a, b in zip(got, wanted, strict=True)):  # a recording has even sides
        raise ReviewError(
            f"{str(path)!r} has {got[0]} x {got[1]} pixels; what was analysed had {wanted[0]} x {wanted[1]}.",
            "Name the video that was analysed.",
        )
    recording = _recording(folder, session)
    return VideoPlace(path.resolve(), _set_rate(session), recording.recorded if recording else None)


def _set_rate(session: SessionInfo) -> float | None:
    rate = session.run.get("fps")
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _recording(folder: Path, session: SessionInfo) -> VideoPlace | None:
    """The recording that a live session made beside its results; not all of its frames need be in it."""
    record: Any = session.source.extras.get("recording")
    if not isinstance(record, dict):
        return None
    # Names only: a record that was changed by hand must not point anywhere else.
    path, table = (folder / Path(str(record.get(key))).name for key in ("file", "frames"))
    if not path.is_file():
        return None
    return VideoPlace(path, None, _frames_of(table))


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
