"""What Review says of a document: how it was saved, what should be known of it and what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from megc_live.gui.review.opening import had_video, no_video
from megc_live.review import REVIEW, Earlier, ReviewDocument

Offer = Literal["", "locate", "take over"]


@dataclass(frozen=True)
class Greeting:
    """What is told when a document is shown, and what the button beside it does."""

    text: str
    offer: Offer = ""


def greeting(document: ReviewDocument) -> Greeting:
    """Return what a reviewer should know first; without text if there is nothing."""
    notes = " ".join(document.notes)
    if document.video is None and had_video(document):
        return Greeting(f"{no_video(document)} {notes}".strip(), "locate")
    begun = document.revision or document.reviewers_before or document.read_only
    if not begun and (document.folder / REVIEW).is_file():
        return Greeting(
            f"{REVIEW} beside these results holds the decisions of a review. {notes}", "take over"
        )
    return Greeting(notes)


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
