"""An interval as a reviewer left it: the record, the decision, the comment."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from megc_live.errors import ReviewError
from megc_live.events import Pictures
from megc_live.output.columns import REVIEW_HEADER
from megc_live.output.session import json_values
from megc_live.output.tables import IntervalRecord, TableRow, csv_line, interval_of

Status = Literal["open", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)
REVIEWS = "review*.jsonl"
"""What the files of all reviews in a folder of results are named like, those set aside too."""


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

    def cells(self) -> dict[str, str]:
        """Return the row of review.csv: column name to text."""
        more = {"status": self.status, "comment": self.comment, "changed": self.changed}
        return {**self.record.cells(), **more}

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


@dataclass(frozen=True)
class Seen:
    """What the report shows of an interval of a review.

    ``pictures``: the aligned face at onset, apex and offset; ``flow``: what the classifier saw, (28, 28, 3)
    uint8; ``note``: why something is missing, or empty.
    """

    pictures: Pictures | None = None
    flow: NDArray[np.uint8] | None = None
    note: str = ""


def to_text(items: Iterable[ReviewInterval]) -> str:
    """Return intervals as JSON text on one line, all that is known of them."""
    values = [json_values(asdict(item)) for item in items]
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_text(text: str) -> tuple[ReviewInterval, ...]:
    """Return the intervals that :func:`to_text` wrote; raises ValueError for anything else."""
    try:
        return _ITEMS.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


_ITEMS = TypeAdapter(tuple[ReviewInterval, ...])


def reviewed_table(items: Iterable[ReviewInterval]) -> str:
    """Return review.csv: the columns of intervals.csv, then status, comment and time of the last change."""
    lines = [csv_line([item.cells()[name] for name in REVIEW_HEADER]) for item in items]
    return csv_line(REVIEW_HEADER) + "".join(lines)


def reviewed_of(row: TableRow) -> ReviewInterval:
    """Return the interval of a row that has the columns of review.csv."""
    status = row.one_of("status", STATUSES)
    return ReviewInterval(
        interval_of(row),
        next(known for known in STATUSES if known == status),
        row.text("comment"),
        row.text("changed"),
    )


def escaped(text: str) -> str:
    r"""Return text for a cell of a BIDS table, which has one line and in which ``n/a`` is nothing.

    Examples
    --------
    >>> print(escaped("two\nlines"))
    two\nlines
    """
    for plain, code in _ESCAPES:
        text = text.replace(plain, code)
    return r"n\/a" if text == "n/a" else text


def unescaped(text: str) -> str:
    """Return the text that :func:`escaped` was given."""
    back = {code[1]: plain for plain, code in _ESCAPES}
    return re.sub(r"\\(.)", lambda found: back.get(found[1], found[1]), text)


_ESCAPES = (("\\", r"\\"), ("\n", r"\n"), ("\t", r"\t"))
