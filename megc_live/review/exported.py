"""Results that are the export of a review: what in them is the machine's, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from megc_live.errors import DatasetError, ReviewError
from megc_live.output.columns import REVIEW_HEADER
from megc_live.output.csv_sink import INTERVALS
from megc_live.output.session import SESSION, SessionInfo
from megc_live.output.tables import IntervalRecord, table_rows

REVIEW = "review.csv"
"""All intervals with status and comment, beside the intervals.csv of those that were not rejected."""

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
            f"{folder.name!r} is the export of a review{people}, not the results that were reviewed: a "
            "review goes on where these are.",
            f"Open {str(original)!r}.",
        )
        self.original = original


def is_export(session: SessionInfo) -> bool:
    """Whether a record of a run is of a review that was written out."""
    return bool(session.run.get("reviewed", False))


def reviewers_of(session: SessionInfo) -> tuple[str, ...]:
    """Return the people whose changes are in an export."""
    names = session.run.get("reviewers", [])
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def same_recording(one: SessionInfo, other: SessionInfo) -> bool:
    """Whether two records are of one recording: as many frames in as many seconds."""
    ours, theirs = one.source, other.source
    return ours.frames == theirs.frames and abs(ours.duration_s - theirs.duration_s) < _SAME_S


def check_original(folder: Path, session: SessionInfo) -> None:
    """Raise :class:`ExportedError` if the folder is an export inside the folder of what was reviewed."""
    above = folder.resolve().parent
    if not is_export(session) or not (above / INTERVALS).is_file():
        return
    with suppress(DatasetError):  # no results there: it was copied into some other folder
        if same_recording(SessionInfo.read(above / SESSION), session):
            people = people_in(reviewers_of(session))
            raise ExportedError(folder, above, f" by {people}" if people else "")


def export_note(folder: Path, session: SessionInfo, *, begun: bool) -> str:
    """Return what should be known of results that are an export; empty if they are not.

    ``begun``: somebody has changed something in them since.
    """
    if not is_export(session):
        return ""
    people = people_in(reviewers_of(session)) or "Somebody"
    when = _last_change(folder / REVIEW)
    text = f"{people} reviewed and exported these results{f' (last change {when})' if when else ''}"
    if begun:
        return f"{text}; this review began with that export."
    return f"{text}: you see the intervals that were kept, with {people}'s corrections."


def _last_change(path: Path) -> str:
    """Return the day and minute of the last change in a review.csv; empty if it is not there or not known."""
    with suppress(DatasetError):
        changed = max((row.text("changed") for row in table_rows(path, REVIEW_HEADER)), default="")
        return changed[:16].replace("T", " ")
    return ""


def by_machine(records: Iterable[IntervalRecord]) -> tuple[IntervalRecord, ...]:
    """Return the intervals that are as the machine found them, in order."""
    return tuple(record for record in records if record.source != "human")


def as_left(records: Iterable[IntervalRecord]) -> tuple[IntervalRecord, ...]:
    """Return intervals without the names of those who only looked at them, in order.

    The table of an export names who accepted an interval of the machine's but has no place for the decision:
    where a review begins with it nobody has decided, and nobody's name must stand beside that.
    """
    return tuple(replace(record, reviewer="") if record.source == "auto" else record for record in records)


def people_in(names: Iterable[str]) -> str:
    """Return people as a sentence has them.

    Examples
    --------
    >>> people_in(["Anna", "Ben"])
    'Anna and Ben'
    """
    return " and ".join(names)
