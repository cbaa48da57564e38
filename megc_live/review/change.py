"""What an edit does to the intervals, as a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from megc_live.errors import ReviewError
from megc_live.events import LABELS
from megc_live.output.reviewed import STATUSES, ReviewInterval, plain_text
from megc_live.output.tables import IntervalRecord
from megc_live.review.edits import (
    Add,
    Comment,
    Edit,
    Import,
    Merge,
    SetKind,
    SetLabel,
    SetRecognition,
    SetStatus,
    SetTimes,
    Several,
    Single,
    Split,
)
from megc_live.review.footage import Footage
from megc_live.spotting.interval import Kind

Intervals = Mapping[int, ReviewInterval]
Changed = dict[int, ReviewInterval | None]
"""Number to what is there after the edit; None: nothing any more."""

HUMAN_SCORE = 1.0
"""Score of an interval that a person added: no spotter has said anything of it."""

LEAST_PART = 2
"""Frames of each part of an interval that is split: with one alone, onset and offset would be the same."""


@dataclass(frozen=True)
class Who:
    """Who makes a change, and when (ISO 8601)."""

    reviewer: str
    at: str


def changed_by(
    edit: Edit, intervals: Intervals, footage: Footage, who: Who, free_id: int, *, again: bool = False
) -> Changed:
    """Return what an edit changes, nothing where all is as it says; the intervals themselves stay.

    Parameters
    ----------
    edit : Edit
    intervals : mapping of int to ReviewInterval
        All there are, by number.
    footage : Footage
        Times of the frames.
    who : Who
    free_id : int
        The number that a new interval gets.
    again : bool
        It was made before and is only done again, as a journal says: what reviews already hold stays.

    Raises
    ------
    ReviewError
        The edit cannot be made; the message says why.
    """
    if isinstance(edit, Several):
        return _changed_by_several(edit, intervals, footage, who, free_id, again)
    return _changed_by_one(edit, intervals, footage, who, free_id, again)


def _changed_by_several(
    edit: Several, intervals: Intervals, footage: Footage, who: Who, free_id: int, again: bool
) -> Changed:
    """Make the edits one after another, each on what those before have left."""
    if not edit.edits:
        raise ReviewError("there is nothing to change.", "Select an interval.")
    now = dict(intervals)
    after: Changed = {}
    for part in edit.edits:
        changed = _changed_by_one(part, now, footage, who, free_id, again)
        for number, item in changed.items():
            if item is None:
                now.pop(number, None)
            else:
                now[number] = item
        free_id = max(free_id, max(changed, default=0) + 1)
        after |= changed
    return after


def _changed_by_one(
    edit: Single, intervals: Intervals, footage: Footage, who: Who, free_id: int, again: bool
) -> Changed:
    maker = _Maker(intervals, footage, who, free_id, again)
    makers: dict[type, Callable[..., Changed]] = {
        SetTimes: maker.set_times,
        SetStatus: maker.set_status,
        SetLabel: maker.set_label,
        SetKind: maker.set_kind,
        Comment: maker.comment,
        SetRecognition: maker.set_recognition,
        Add: maker.add,
        Split: maker.split,
        Merge: maker.merge,
        Import: maker.take_in,
    }
    return makers[type(edit)](edit)


class _Maker:
    def __init__(self, intervals: Intervals, footage: Footage, who: Who, free_id: int, again: bool) -> None:
        self._intervals = intervals
        self._footage = footage
        self._who = who
        self._free_id = free_id
        self._again = again

    def set_times(self, edit: SetTimes) -> Changed:
        old = self._get(edit.id)
        was = (old.record.onset_frame, old.record.apex_frame, old.record.offset_frame)
        if (edit.onset, edit.apex, edit.offset) == was:
            return {}
        record = self._timed(old.record, edit.onset, edit.apex, edit.offset)
        if (edit.onset, edit.apex) != was[:2]:
            record = replace(record, probabilities=None)
        return self._corrected(old, record)

    def set_status(self, edit: SetStatus) -> Changed:
        if edit.status not in STATUSES:
            raise ReviewError(f"there is no status {edit.status!r}.", f"Choose {', '.join(STATUSES)}.")
        return self._looked_at(replace(self._get(edit.id), status=edit.status))

    def set_label(self, edit: SetLabel) -> Changed:
        old = self._get(edit.id)
        return self._corrected(old, replace(old.record, label=_label(edit.label)))

    def set_kind(self, edit: SetKind) -> Changed:
        old = self._get(edit.id)
        return self._corrected(old, replace(old.record, kind=_kind(edit.kind)))

    def comment(self, edit: Comment) -> Changed:
        text = plain_text(edit.text, "comment", lines=True)
        return self._looked_at(replace(self._get(edit.id), comment=text))

    def set_recognition(self, edit: SetRecognition) -> Changed:
        if not edit.label or abs(sum(edit.probabilities) - 1) > 1e-3 or min(edit.probabilities) < 0:
            raise ReviewError(
                f"{edit.probabilities} with the label {edit.label!r} is no answer of a classifier.",
                "Give one of its labels, and probabilities that sum to 1.",
            )
        old = self._get(edit.id)
        record = replace(old.record, label=_label(edit.label), probabilities=edit.probabilities)
        return self._corrected(old, record)

    def add(self, edit: Add) -> Changed:
        if edit.face_id < 0:
            raise ReviewError(f"there is no face {edit.face_id}.", "Name a face with a number of 0 or more.")
        blank = IntervalRecord(
            id=self._free_id,
            face_id=edit.face_id,
            onset_frame=0,
            apex_frame=0,
            offset_frame=0,
            onset_s=0.0,
            apex_s=0.0,
            offset_s=0.0,
            kind=_kind(edit.kind),
            score=HUMAN_SCORE,
            label=_label(edit.label),
        )
        record = self._timed(blank, edit.onset, edit.apex, edit.offset)
        return self._corrected(ReviewInterval(record, "accepted"), record)

    def split(self, edit: Split) -> Changed:
        old = self._get(edit.id)
        record = old.record
        least = 1 if self._again else LEAST_PART  # a review may hold parts of one frame, and stays what it is
        first, last = record.onset_frame + least, record.offset_frame + 1 - least
        if not first <= edit.at <= last:
            raise ReviewError(
                f"interval {edit.id} has frames {record.onset_frame} to {record.offset_frame}: it cannot "
                f"be split at frame {edit.at}, as each part needs {least} frames.",
                f"Go to a frame from {first} to {last} and split there."
                if first <= last
                else "Move its onset or offset instead.",
            )
        parts = (
            (record.id, record.onset_frame, edit.at - 1),
            (self._free_id, edit.at, record.offset_frame),
        )
        made: Changed = {}
        for number, onset, offset in parts:
            inside = onset <= record.apex_frame <= offset
            part = self._timed(
                replace(record, id=number),
                onset,
                record.apex_frame if inside else (onset + offset) // 2,
                offset,
            )
            if number != record.id or not inside:
                part = replace(part, probabilities=None)  # the classifier saw another onset or apex
            made |= self._corrected(replace(old, record=part), part)
        return made

    def merge(self, edit: Merge) -> Changed:
        parts = [self._get(number) for number in dict.fromkeys(edit.ids)]
        if len(parts) < 2:
            raise ReviewError("one interval alone cannot be merged.", "Select two or more.")
        faces = sorted({part.record.face_id for part in parts})
        if len(faces) > 1:
            raise ReviewError(
                f"these intervals are of the faces {', '.join(str(face) for face in faces)}.",
                "Merge intervals of one face.",
            )
        parts.sort(key=lambda part: (*part.span, part.id))
        first = parts[0]
        best = max(parts, key=lambda part: part.record.score)
        record = self._timed(
            replace(
                best.record,
                id=first.id,
                regions=tuple(dict.fromkeys(name for part in parts for name in part.record.regions)),
            ),
            first.record.onset_frame,
            best.record.apex_frame,
            max(part.record.offset_frame for part in parts),
        )
        if record.onset_frame != best.record.onset_frame:
            record = replace(record, probabilities=None)
        comment = "\n".join(dict.fromkeys(part.comment for part in parts if part.comment))
        # What one part was accepted for is in the whole; what was not decided of one is open again.
        status = min((part.status for part in parts), key=("accepted", "open", "rejected").index)
        gone: Changed = {part.id: None for part in parts}
        return gone | self._corrected(replace(first, comment=comment, status=status), record)

    def take_in(self, edit: Import) -> Changed:
        numbers = [item.id for item in edit.intervals]
        if len(set(numbers)) < len(numbers):
            raise ReviewError(f"{edit.name}: two intervals have the same number.", "Give each its own.")
        for item in edit.intervals:
            record = item.record
            try:
                self._check(record.onset_frame, record.apex_frame, record.offset_frame)
                plain_text(item.comment, "comment", lines=True)
                plain_text(record.reviewer, "reviewer's name")
            except ReviewError as error:
                raise ReviewError(f"{edit.name}, interval {item.id}: {error.got}", error.do) from None
        gone: Changed = dict.fromkeys(self._intervals)
        return gone | {item.id: item for item in edit.intervals}

    def _get(self, number: int) -> ReviewInterval:
        try:
            return self._intervals[number]
        except KeyError:
            raise ReviewError(f"there is no interval {number}.", "Choose one that is in the list.") from None

    def _timed(self, record: IntervalRecord, onset: int, apex: int, offset: int) -> IntervalRecord:
        """Put a record on other frames, with their times."""
        self._check(onset, apex, offset)
        times = [round(float(self._footage.times_s[frame]), 6) for frame in (onset, apex, offset)]
        return replace(
            record,
            onset_frame=onset,
            apex_frame=apex,
            offset_frame=offset,
            onset_s=times[0],
            apex_s=times[1],
            offset_s=times[2],
            n_dropped=self._footage.missing(onset, offset),
        )

    def _check(self, onset: int, apex: int, offset: int) -> None:
        if not onset <= apex <= offset:
            raise ReviewError(
                f"onset {onset}, apex {apex}, offset {offset} are not in order.",
                "The apex lies between onset and offset.",
            )
        if onset < 0 or offset >= self._footage.n_frames:
            raise ReviewError(
                f"frames {onset} to {offset} are not all in the video: it has frames 0 to "
                f"{self._footage.n_frames - 1}.",
                "Stay inside the video.",
            )

    def _corrected(self, old: ReviewInterval, record: IntervalRecord) -> Changed:
        """The record itself was set by a person."""
        return self._looked_at(replace(old, record=replace(record, source="human")))

    def _looked_at(self, item: ReviewInterval) -> Changed:
        record = replace(item.record, reviewer=self._who.reviewer)
        return {item.id: replace(item, record=record, changed=self._who.at)}


def _label(label: str) -> str:
    if label not in ("", *LABELS):
        raise ReviewError(f"there is no label {label!r}.", f"Choose {', '.join(LABELS)}, or none.")
    return label


def _kind(kind: Kind) -> Kind:
    if kind not in get_args(Kind):
        raise ReviewError(f"there is no kind {kind!r}.", "Choose micro or macro.")
    return kind
