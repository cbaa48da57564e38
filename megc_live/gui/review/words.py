"""What Review says of a document: how it was saved, what should be known of it and what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from megc_live.cut_off import MARK
from megc_live.review import REVIEW, Earlier, ReviewDocument, ReviewInterval


def not_taken_over(document: ReviewDocument) -> str:
    """Return what is said of decisions that lie beside results and are not shown; empty: there are none.

    They are offered until the review has begun; what is open to look at only cannot take them over.
    """
    if document.revision or document.reviewers_before or not (document.folder / REVIEW).is_file():
        return ""
    if document.read_only:
        return f"What was decided is in {REVIEW}."
    return (
        f"The decisions and comments in {REVIEW} are not shown yet: “Take them over” shows them, Undo takes "
        "that back."
    )


def title_words(document: ReviewDocument) -> str:
    """Return what is under review, and whether the run did not come to its end."""
    name, run = document.session.source.name or document.folder.name, document.session.run
    if run.get(MARK):
        return f"{name} · cut off"
    return f"{name} · stopped before its end" if run.get("complete") is False else name


def before_taking_over(document: ReviewDocument) -> str:
    """Return what is asked before decisions are taken over; empty: nothing has been changed here."""
    if not document.can_undo:
        return ""
    began = {ReviewInterval(record) for record in document.machine}
    n = sum(item not in began for item in document.intervals)
    if n == 0:  # intervals were taken from a file, or removed
        return f"The list was changed here. The intervals in {REVIEW} would replace it; Undo brings it back."
    what = "1 interval was" if n == 1 else f"{n} intervals were"
    return (
        f"{what} decided on or changed here. All intervals would be replaced by those in {REVIEW}, "
        f"{'this one' if n == 1 else 'these'} too; Undo brings them back."
    )


def reviewed_before(document: ReviewDocument) -> str:
    """Return what a second reviewer is asked before anything of the first one's is shown; empty: nothing."""
    known = document.reviewers_before
    if not known or document.reviewer in known or document.independent or document.read_only:
        return ""
    return f"{' and '.join(known)} reviewed these results before you."


def saved_words(document: ReviewDocument) -> str:
    """Return what stands beside the title: whether the changes are on the disk."""
    if document.read_only:
        return "to look at only: nothing can be changed"
    own = "your own review · " if document.independent else ""
    if not document.revision:
        return f"{own}✓ no changes yet; each is saved as it is made"
    # without a time: what an undo leaves was changed before it, and yet the undo is written down
    return f"{own}✓ all changes are saved"


def before_export(earlier: Earlier) -> str:
    """Return what is asked before a review goes where something lies already; empty: nothing."""
    replaced, older = _named(earlier.replaced), _named(earlier.older)
    if not replaced and not older:
        return ""
    if not earlier.own:
        return (
            f"⚠ There already, and not from an earlier export of this review by you: {replaced}. “Replace” "
            "puts the new files in their place."
        )
    when = datetime.fromtimestamp(earlier.written_s).strftime("%Y-%m-%d %H:%M")
    text = f"⚠ Your export of {when} is there."
    if replaced:
        text += f" Replaced if you go on: {replaced}."
    if older:
        text += f"\nNot ticked, so they stay as they are and no longer agree with the review: {older}."
    return text


def _named(paths: Iterable[Path]) -> str:
    return ", ".join(path.as_posix() for path in paths)
