"""Results that are the export of a review: what in them is the machine's, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from megc_live.errors import DatasetError, ReviewError
from megc_live.output.csv_sink import INTERVALS
from megc_live.output.session import SESSION, SessionInfo
from megc_live.output.tables import IntervalRecord

_SAME_S = 0.002


class ExportedError(ReviewError):
    """The folder is the export of a review of other results, which are there to be opened.

    Attributes
    ----------
    original : Path
        The folder of these results.
    """

    def __init__(self, folder: Path, original: Path, people: str) -> None:
        super().__init__(
            f"{folder.name!r} is the export of a review{people}: what a person changed there is no longer "
            "what the machine found.",
            f"Open {str(original)!r}, which was reviewed.",
        )
        self.original = original


def is_export(session: SessionInfo) -> bool:
    """Whether a record of a run is of a review that was written out."""
    return bool(session.run.get("reviewed", False))


def check_original(folder: Path, session: SessionInfo) -> None:
    """Raise :class:`ExportedError` if the folder is an export inside the folder of what was reviewed."""
    above = folder.resolve().parent
    if not is_export(session) or not (above / INTERVALS).is_file():
        return
    with suppress(DatasetError):  # no results there: it was copied into some other folder
        theirs, ours = SessionInfo.read(above / SESSION).source, session.source
        if theirs.frames == ours.frames and abs(theirs.duration_s - ours.duration_s) < _SAME_S:
            raise ExportedError(folder, above, _by(session))


def export_note(session: SessionInfo) -> str:
    """Return what should be known of results that are an export; empty if they are not."""
    if not is_export(session):
        return ""
    return (
        f"These results are the export of a review{_by(session)}: as the machine's only those intervals are "
        "shown that nobody moved, added or rejected."
    )


def by_machine(records: Iterable[IntervalRecord]) -> tuple[IntervalRecord, ...]:
    """Return the intervals that are as the machine found them, in order."""
    return tuple(record for record in records if record.source != "human")


def _by(session: SessionInfo) -> str:
    names = session.run.get("reviewers", [])
    return f" by {' and '.join(str(name) for name in names)}" if isinstance(names, list) and names else ""
