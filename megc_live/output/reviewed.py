"""An interval as a reviewer left it: the record, the decision, the comment."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from megc_live.errors import ReviewError
from megc_live.output.tables import IntervalRecord

Status = Literal["open", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True)
class ReviewInterval:
    """One interval of a review.

    Attributes
    ----------
    record : IntervalRecord
        When, which kind, which label; as in intervals.csv.
    status : str
        ``"open"``: nobody has decided; ``"accepted"``; ``"rejected"``: kept, but not a result.
    comment : str
        Free text.
    changed : str
        ISO 8601 time of the last change, empty if there was none.
    """

    record: IntervalRecord
    status: Status = "open"
    comment: str = ""
    changed: str = ""

    @property
    def id(self) -> int:
        """The record's number."""
        return self.record.id

    @property
    def span(self) -> tuple[int, int]:
        """First and last frame, inclusive."""
        return self.record.onset_frame, self.record.offset_frame


def plain_text(text: str, what: str, *, lines: bool = False) -> str:
    """Return text that every export can hold, with one sort of line ends.

    Parameters
    ----------
    text : str
    what : str
        Its name in the message.
    lines : bool
        Whether it may have several lines.

    Raises
    ------
    ReviewError
        There are control characters in it, or several lines where one is wanted.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for char in text:
        if lines and char in "\n\t":
            continue
        # XML and UTF-8 have no place for these.
        if unicodedata.category(char) in ("Cc", "Cs") or ord(char) & 0xFFFE == 0xFFFE:
            raise ReviewError(
                f"the {what} holds the character U+{ord(char):04X}, which cannot be written.",
                "Leave it out." if lines or char not in "\n\t" else "Write it on one line.",
            )
    return text
