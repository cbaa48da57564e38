"""ELAN documents read again: what was exported, and what was changed or made there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.output.elan_sink import (
    BEGINS_PROPERTY,
    PROPERTY,
    RECORDING_PROPERTY,
    REVIEW_TIERS,
    TIERS,
    span_ms,
)
from megc_live.output.reviewed import ReviewInterval, from_text
from megc_live.output.tables import IntervalRecord
from megc_live.review.change import HUMAN_SCORE
from megc_live.spotting.interval import Kind

F64 = NDArray[np.float64]
_TIER = re.compile(rf"({'|'.join((*TIERS, *REVIEW_TIERS))})(?:@face(\d+))?(?: \(\d+\))?")
_NUMBER = re.compile(r"#(\d+)\s?")


@dataclass(frozen=True)
class _Annotation:
    """One annotation: on which tier, of which face, of which interval (None: made in ELAN), when, what."""

    tier: str
    face: int
    number: int | None
    onset_ms: int
    offset_ms: int
    text: str

    def overlap_ms(self, other: _Annotation) -> int:
        return min(self.offset_ms, other.offset_ms) - max(self.onset_ms, other.onset_ms)


def read_elan(
    path: Path, times_s: F64 | None = None, missing: Callable[[int, int], int] | None = None
) -> tuple[list[ReviewInterval], str]:
    """Read an ELAN document.

    What was not touched in ELAN comes back as it was exported. Moved borders, annotations that were made,
    taken away or put on another tier, and changed labels and comments are taken over. Documents made in
    ELAN alone are read too: tiers ``micro``, ``macro`` and ``label``, the label's first word being a class.

    Parameters
    ----------
    path : Path
    times_s : ndarray of float64, shape (n_frames,), optional
        Time of each frame: needed for what was made or moved in ELAN.
    missing : callable, optional
        Returns how many frames are missing from one frame to another, for what was made or moved in ELAN;
        without it that is as it was exported, 0 for what was made.

    Returns
    -------
    list of ReviewInterval
    str
        What the document says of its recording, as JSON; empty if it says nothing.

    Raises
    ------
    DatasetError
        The file cannot be read or is no such document, or ``times_s`` is needed.
    """
    document = _Document(path)
    marks = [mark for mark in document.annotations if mark.tier in ("micro", "macro", "rejected")]
    notes = [note for note in document.annotations if note.tier in ("label", "comment")]
    placed = _Placed(document, times_s, missing)
    made: dict[int, tuple[_Annotation, ReviewInterval]] = {}
    free = max([0, *document.known, *(mark.number or 0 for mark in marks)]) + 1
    first_ones = _first_ones(document, marks)
    for k, mark in enumerate(marks):
        if mark.number is None or k not in first_ones:
            made[free] = (mark, placed.new(free, mark))
            free += 1
        else:
            made[mark.number] = (mark, placed.again(mark, document.known[mark.number]))
    unseen = {
        number: item
        for number, item in document.known.items()
        if number not in made and span_ms(item.record)[1] <= document.begins_ms
    }
    texts = {
        tier: _texts([note for note in notes if note.tier == tier], made) for tier in ("label", "comment")
    }
    items = {
        number: _with_words(item, document, texts["label"].get(number, ""), texts["comment"].get(number, ""))
        for number, (_, item) in made.items()
    }
    items.update(unseen)  # over before the linked video begins: ELAN never had them
    in_order = [number for number in document.known if number in items]
    ordered = [items[number] for number in (*in_order, *(n for n in items if n not in document.known))]
    return ordered, document.recording


class _Document:
    """What is in the file.

    Attributes
    ----------
    path : Path
    author, date : str
        Who wrote it and when, as ELAN says; empty if the program did.
    known : dict of int to ReviewInterval
        What was exported.
    recording : str
        What it says of its recording; empty: nothing.
    begins_ms : int
        When the linked video begins on the clock of the results.
    annotations : list of _Annotation
        Of the tiers that are read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            root = ET.parse(path).getroot()
        except OSError as error:
            raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
        except (ET.ParseError, ValueError, LookupError) as error:
            raise self._bad(str(error)) from None
        if root.tag != "ANNOTATION_DOCUMENT":
            raise self._bad(f"its root is {root.tag}")
        author = root.get("AUTHOR", "")
        self.author = "" if author in ("megc-live", "unspecified") else author
        self.date = root.get("DATE", "")
        self.known: dict[int, ReviewInterval] = {}
        self.recording = ""
        self.begins_ms = 0
        for item in root.iterfind("HEADER/PROPERTY"):
            if item.get("NAME") == RECORDING_PROPERTY:
                self.recording = item.text or ""
            if item.get("NAME") == BEGINS_PROPERTY:
                self.begins_ms = self._whole(item.text)
            if item.get("NAME") == PROPERTY:
                try:
                    self.known = {known.id: known for known in from_text(item.text or "[]")}
                except ValueError as error:
                    raise self._bad(f"property {PROPERTY}: {error}") from None
        try:
            self.annotations = list(self._read(root))
        except (KeyError, TypeError, ValueError) as error:
            raise self._bad(f"an annotation has no time, or a damaged one ({error})") from None

    def _read(self, root: ET.Element) -> Iterator[_Annotation]:
        slots = {
            slot.attrib["TIME_SLOT_ID"]: slot.get("TIME_VALUE")
            for slot in root.iterfind("TIME_ORDER/TIME_SLOT")
        }
        marks = {
            mark.attrib["ANNOTATION_ID"]: mark
            for kind in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")
            for mark in root.iterfind(f"TIER/ANNOTATION/{kind}")
        }
        for tier in root.iterfind("TIER"):
            name = _TIER.fullmatch(tier.get("TIER_ID", ""))
            if name is None:
                continue
            for mark in tier.iterfind("ANNOTATION/*"):
                timed = _timed_parent(mark, marks)
                onset, offset = (slots[timed.attrib[f"TIME_SLOT_REF{k}"]] for k in (1, 2))
                text = mark.findtext("ANNOTATION_VALUE") or ""
                number = _NUMBER.match(text)
                yield _Annotation(
                    name[1],
                    int(name[2] or 0),
                    int(number[1]) if number else None,
                    int(onset) + self.begins_ms,  # type: ignore[arg-type]  # None is told above
                    int(offset) + self.begins_ms,  # type: ignore[arg-type]
                    text[number.end() :] if number else text,
                )

    def _whole(self, text: str | None) -> int:
        try:
            return int(text or "")
        except ValueError:
            raise self._bad(f"property {BEGINS_PROPERTY}: {text!r} is no number") from None

    def _bad(self, why: str) -> DatasetError:
        return DatasetError(f"{str(self.path)!r} is not a document of ELAN that can be read: {why}.")


def _timed_parent(mark: ET.Element, marks: dict[str, ET.Element]) -> ET.Element:
    """Return the annotation that has the time of one that refers to another (a tier with a parent tier)."""
    for _ in range(len(marks) + 1):
        if mark.tag != "REF_ANNOTATION":
            return mark
        mark = marks[mark.attrib["ANNOTATION_REF"]]
    raise ValueError("annotations refer to each other in a circle")


class _Placed:
    """Puts what ELAN has in milliseconds on frames."""

    def __init__(
        self, document: _Document, times_s: F64 | None, missing: Callable[[int, int], int] | None
    ) -> None:
        self._document = document
        self._times_s = times_s
        self._missing = missing

    def again(self, mark: _Annotation, known: ReviewInterval) -> ReviewInterval:
        """Return an exported interval as it is in ELAN now."""
        record = known.record
        was = span_ms(record, self._document.begins_ms)
        if (mark.onset_ms, mark.offset_ms) != was:
            onset = record.onset_frame if mark.onset_ms == was[0] else self._frame(mark.onset_ms)
            offset = record.offset_frame if mark.offset_ms == was[1] else self._frame(mark.offset_ms)
            offset = max(onset, offset)
            inside = onset <= record.apex_frame <= offset
            record = self._timed(
                record, onset, record.apex_frame if inside else (onset + offset) // 2, offset
            )
            if not inside or onset != known.record.onset_frame:
                record = replace(record, probabilities=None)  # the classifier saw another onset or apex
        if mark.face != record.face_id:  # it was put on another face's tier
            record = replace(record, face_id=mark.face, probabilities=None)
        if mark.tier != "rejected" and mark.tier != record.kind:
            record = replace(record, kind=_kind(mark.tier))
        item = known if record == known.record else self._by_hand(known, record)
        rejected = mark.tier == "rejected"
        if rejected != (known.status == "rejected"):
            item = replace(self._seen(item), status="rejected" if rejected else "open")
        return item

    def new(self, number: int, mark: _Annotation) -> ReviewInterval:
        """Return an interval that was made in ELAN."""
        onset = self._frame(mark.onset_ms)
        offset = max(onset, self._frame(mark.offset_ms))
        blank = IntervalRecord(
            id=number,
            face_id=mark.face,
            onset_frame=0,
            apex_frame=0,
            offset_frame=0,
            onset_s=0.0,
            apex_s=0.0,
            offset_s=0.0,
            kind="macro" if mark.tier == "macro" or mark.text.startswith("macro") else "micro",
            score=HUMAN_SCORE,
        )
        record = self._timed(blank, onset, (onset + offset) // 2, offset)
        item = self._by_hand(ReviewInterval(blank), record)
        return replace(item, status="rejected") if mark.tier == "rejected" else item

    def _by_hand(self, item: ReviewInterval, record: IntervalRecord) -> ReviewInterval:
        return self._seen(replace(item, record=replace(record, source="human")))

    def _seen(self, item: ReviewInterval) -> ReviewInterval:
        return touched(item, self._document.author, self._document.date)

    def _frame(self, t_ms: int) -> int:
        if self._times_s is None or not len(self._times_s):
            raise DatasetError(
                f"{str(self._document.path)!r}: the one at {t_ms / 1000:.3f} s was made or moved in ELAN, "
                "which knows no frames.",
                "Open the results of the same video first and import it there.",
            )
        return int(np.argmin(np.abs(self._times_s - t_ms / 1000)))

    def _timed(self, record: IntervalRecord, onset: int, apex: int, offset: int) -> IntervalRecord:
        """Put a record on other frames, with their times."""
        if self._times_s is None or offset >= len(self._times_s):
            raise DatasetError(
                f"{str(self._document.path)!r}, interval {record.id}: the video has no frame {offset}.",
                "Import it into the results of the same video.",
            )
        at = [round(float(self._times_s[frame]), 6) for frame in (onset, apex, offset)]
        return replace(
            record,
            onset_frame=onset,
            apex_frame=apex,
            offset_frame=offset,
            onset_s=at[0],
            apex_s=at[1],
            offset_s=at[2],
            n_dropped=record.n_dropped if self._missing is None else self._missing(onset, offset),
        )


def touched(item: ReviewInterval, author: str, date: str) -> ReviewInterval:
    """Return an interval with who changed it in ELAN, where ELAN says who and when."""
    record = replace(item.record, reviewer=author or item.record.reviewer)
    return replace(item, record=record, changed=date or item.changed)


def _first_ones(document: _Document, marks: list[_Annotation]) -> set[int]:
    """Which annotations, by place in the list, are those that were exported: a copy has the same number."""
    best: dict[int, tuple[int, int]] = {}
    for k, mark in enumerate(marks):
        known = document.known.get(-1 if mark.number is None else mark.number)
        if known is not None:
            onset, offset = span_ms(known.record, document.begins_ms)
            shared = min(mark.offset_ms, offset) - max(mark.onset_ms, onset)
            best[known.id] = max(best.get(known.id, (shared, -k)), (shared, -k))
    return {-place for _, place in best.values()}


def _texts(notes: list[_Annotation], made: dict[int, tuple[_Annotation, ReviewInterval]]) -> dict[int, str]:
    """Which interval each label or comment is of: by its number, else by the time that they share.

    Where annotations were copied in ELAN, several have one number: then the time decides among them. One that
    shares no time with any of its number is of the exported one, unless that has its own.
    """
    texts: dict[int, str] = {}
    shared = [
        (note.overlap_ms(mark), note.face == mark.face, -number, -k)
        for k, note in enumerate(notes)
        for number, (mark, _) in made.items()
        if note.number is not None
        and note.number == mark.number
        and (note.overlap_ms(mark) > 0 or number == note.number)
    ]
    left = set(range(len(notes)))
    for _, _, number, k in sorted(shared, reverse=True):
        if -k in left and -number not in texts:
            texts[-number] = notes[-k].text
            left.remove(-k)
    for k in sorted(left):
        note = notes[k]
        near = [
            (note.overlap_ms(mark), -number)
            for number, (mark, _) in made.items()
            if number not in texts and mark.face == note.face and note.overlap_ms(mark) > 0
        ]
        if near:
            texts[-max(near)[1]] = note.text
    return texts


def _with_words(item: ReviewInterval, document: _Document, label_text: str, comment: str) -> ReviewInterval:
    """Take over label and comment where they are others than what was exported."""
    known = document.known.get(item.id)
    word = re.search(r"\w+", label_text)
    label = word[0].lower() if word else ""
    if label not in ("", *LABELS):
        raise DatasetError(
            f"{str(document.path)!r}, interval {item.id}: there is no label {label!r}.",
            f"Begin it with {', '.join(LABELS)}.",
        )
    exported = known is not None and known.status != "rejected"
    # Rejected intervals are exported without an annotation of their label: that it is missing says nothing.
    if label != item.record.label and (label or exported):
        record = replace(item.record, label=label, source="human")
        item = touched(replace(item, record=record), document.author, document.date)
    if comment != item.comment:
        item = touched(replace(item, comment=comment), document.author, document.date)
    return item


def _kind(tier: str) -> Kind:
    return "macro" if tier == "macro" else "micro"
