"""What a review is after all that its journal says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from megc_live.errors import MegcError
from megc_live.output.csv_sink import INTERVALS
from megc_live.output.tables import IntervalRecord
from megc_live.review.change import Who
from megc_live.review.edits import edit_of
from megc_live.review.exported import as_left
from megc_live.review.footage import Footage
from megc_live.review.history import History, by_onset
from megc_live.review.journal import VERSION, Journal, JournalError

_RECORDS = TypeAdapter(tuple[IntervalRecord, ...])


@dataclass
class Replayed:
    """A review as its journal leaves it.

    Attributes
    ----------
    machine : tuple of IntervalRecord
        What it began with, by onset.
    history : History
        The changes, to be taken back and gone on with.
    located : str
        Where the video was found; empty: nobody was asked.
    notes : list of str
        What the reviewer should know, ready to be shown.
    reviewers : list of str
        Who made changes, in the order in which they came.
    run : dict
        What the journal keeps of the analysis that it began with; empty: it has not begun.
    other_intervals : bool
        Whether it began with other intervals than are there now.
    """

    machine: tuple[IntervalRecord, ...]
    history: History
    located: str = ""
    notes: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    other_intervals: bool = False


def replay(journal: Journal, footage: Footage, machine: Sequence[IntervalRecord]) -> Replayed:
    """Do again what a journal says; one without lines begins with ``machine``.

    Raises
    ------
    JournalError
        It is of other results or of a later version, or was changed by hand.
    """
    notes = [journal.torn] if journal.torn else []
    found = as_left(sorted(machine, key=by_onset))
    began = as_left(_began(journal, footage)) if journal.lines else found
    if began != found:
        notes.append(
            f"{INTERVALS} was written anew after this review began: the review goes on with the "
            f"intervals that it began with. Move {journal.path.name} away to begin anew."
        )
    review = Replayed(began, History(began, footage), notes=notes, other_intervals=began != found)
    if journal.lines and isinstance(run := journal.lines[0].get("session"), dict):
        review.run = run
    for number, line in enumerate(journal.lines[1:], start=2):
        try:
            _read(review, line)
        except (MegcError, ValueError, KeyError, TypeError, IndexError) as error:
            raise JournalError(
                f"{str(journal.path)!r}, line {number}: {error}",
                "It is of other results, or was changed by hand; set it aside to begin anew.",
            ) from None
    return review


def _began(journal: Journal, footage: Footage) -> tuple[IntervalRecord, ...]:
    """What the review began with: the journal's own intervals, which outlive another analysis."""
    first, where = journal.lines[0], repr(str(journal.path))
    version = first.get("version")
    if isinstance(version, int) and version > VERSION:
        raise JournalError(
            f"{where} was written by a later version of this program ({version}, known is {VERSION}).",
            "Update megc-live to go on with it, or set it aside to begin anew.",
        )
    session = first.get("session")
    n_frames = session.get("n_frames") if isinstance(session, dict) else None
    if isinstance(n_frames, int) and n_frames != footage.n_frames:
        raise JournalError(
            f"{where} is a review of {n_frames} frames; these results have {footage.n_frames}: "
            "the source was analysed again and is another one now.",
            "Set it aside to begin anew; it is kept.",
        )
    try:
        return _RECORDS.validate_json(json.dumps(first["machine"]), strict=True)
    except (KeyError, ValidationError):
        raise JournalError(
            f"{where}, line 1: it does not say what the review began with.",
            "Set it aside to begin the review anew.",
        ) from None


def _read(review: Replayed, line: dict[str, Any]) -> None:
    values = dict(line)
    do = values.pop("do")
    if do == "video":
        review.located = str(values["path"])
        return
    who = Who(str(values.pop("reviewer")), str(values.pop("at")))
    if who.reviewer not in review.reviewers:
        review.reviewers.append(who.reviewer)
    if do == "edit":
        review.history.do(review.history.step(edit_of(values), who, again=True))
    elif do == "undo":
        review.history.undo()
    elif do == "redo":
        review.history.redo()
    else:
        raise ValueError(f"it does {do!r}, which is unknown")
