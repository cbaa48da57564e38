"""The intervals of a review with all changes that led to them, to be taken back and made again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from megc_live.output.reviewed import ReviewInterval
from megc_live.output.tables import IntervalRecord
from megc_live.review.change import Changed, Who, changed_by
from megc_live.review.edits import Edit, describe
from megc_live.review.footage import Footage


@dataclass(frozen=True)
class Step:
    """One change that can be taken back: what was there before it and what after it."""

    text: str
    before: Changed
    after: Changed


class History:
    """Intervals, and the steps done and undone.

    Parameters
    ----------
    records : iterable of IntervalRecord
        What the review begins with.
    footage : Footage
        Times of the frames.

    Attributes
    ----------
    intervals : tuple of ReviewInterval
        As they are now, by onset.
    by_id : dict of int to ReviewInterval
        The same by number; not to be changed.
    revision : int
        Grows with every step, also with those taken back.
    """

    def __init__(self, records: Iterable[IntervalRecord], footage: Footage) -> None:
        self.by_id = {record.id: ReviewInterval(record) for record in records}
        self.intervals = self._in_order()
        self.revision = 0
        self._footage = footage
        self._free_id = max(self.by_id, default=0) + 1
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def undo_text(self) -> str:
        """What would be taken back, in a few words; empty if nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What would be made again, in a few words; empty if nothing."""
        return self._undone[-1].text if self._undone else ""

    def step(self, edit: Edit, who: Who, *, again: bool = False) -> Step:
        """Work out a step without making it; raises :class:`~megc_live.errors.ReviewError`.

        ``again``: it is one of a journal, see :func:`~megc_live.review.change.changed_by`.
        """
        after = changed_by(edit, self.by_id, self._footage, who, self._free_id, again=again)
        return Step(describe(edit), {number: self.by_id.get(number) for number in after}, after)

    def do(self, step: Step) -> None:
        """Make a step; what was undone before can no longer be made again."""
        self._done.append(step)
        self._undone.clear()
        self._put(step.after)

    def undo(self) -> None:
        """Take back the last step; raises IndexError if there is none."""
        step = self._done.pop()
        self._undone.append(step)
        self._put(step.before)

    def redo(self) -> None:
        """Make again the last step that was taken back; raises IndexError if there is none."""
        step = self._undone.pop()
        self._done.append(step)
        self._put(step.after)

    def _put(self, changed: Changed) -> None:
        for number, item in changed.items():
            if item is None:
                self.by_id.pop(number, None)
            else:
                self.by_id[number] = item
        # A number is never given twice, not even that of an interval that was taken back.
        self._free_id = max(self._free_id, max(changed, default=0) + 1)
        self.intervals = self._in_order()
        self.revision += 1

    def _in_order(self) -> tuple[ReviewInterval, ...]:
        return tuple(sorted(self.by_id.values(), key=lambda item: by_onset(item.record)))


def by_onset(record: IntervalRecord) -> tuple[int, int, int]:
    """Return what intervals are sorted by."""
    return record.onset_frame, record.offset_frame, record.id
