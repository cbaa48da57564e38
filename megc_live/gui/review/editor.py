"""What the reviewer does to the selected intervals, and the actions with their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from megc_live.errors import MegcError
from megc_live.events import LABELS
from megc_live.gui.review.bars import Bar
from megc_live.gui.shortcuts import make_action
from megc_live.output.reviewed import ReviewInterval, Status
from megc_live.review import (
    Add,
    Comment,
    Edit,
    Import,
    Merge,
    ReviewDocument,
    SetKind,
    SetLabel,
    SetStatus,
    SetTimes,
    Several,
    Split,
)
from megc_live.review.edits import IMPORTING, Single

NEW_S = 0.3
"""Length of an interval that is added at the playhead, seconds."""


class Editor(QObject):
    """Applies edits to the document and says what has come of it.

    Attributes
    ----------
    changed : pyqtSignal(object)
        The document has changed; frozenset of the numbers that are to be selected now.
    failed : pyqtSignal(str)
        An edit cannot be made; one line.
    told : pyqtSignal(str)
        What an edit has done that may not be seen at once; one line.
    elsewhere : pyqtSignal(object)
        What is selected now was changed from another place, by an undo for example, and is to be shown:
        tuple of (onset, offset), frames, from which the reviewer has it in view already.
    """

    changed = pyqtSignal(object)
    failed = pyqtSignal(str)
    told = pyqtSignal(str)
    elsewhere = pyqtSignal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.document: ReviewDocument | None = None
        self.selection: tuple[int, ...] = ()
        self.face_id = 0
        self.playhead: Callable[[], int] = lambda: 0
        self.snap: Callable[[int], int] = lambda frame: frame
        self.begin_comment: Callable[[], object] = lambda: None
        self.finish_typing: Callable[[], bool] = lambda: True
        """Keeps a comment that is being written; False if it cannot be kept, which was told."""
        self._held = False
        self._make_actions(parent)

    def _make_actions(self, parent: QWidget) -> None:
        def action(text: str, keys: str | Sequence[str], slot: Callable[[], object], tip: str) -> QAction:
            return make_action(parent, text, keys, slot, tip=tip)

        def status(to: Status) -> Callable[[], None]:
            return lambda: self.set_status(to)

        def label(to: str) -> Callable[[], None]:
            return lambda: self._each(lambda item: SetLabel(item.id, to) if item.record.label != to else None)

        def mark(name: str) -> Callable[[], None]:
            return lambda: self.set_mark(name)

        self.accept = action("Accept interval", "A", status("accepted"), "The selected intervals are right")
        self.reject = action(
            "Reject interval", "R", status("rejected"), "The selected intervals are no movement"
        )
        self.reopen = action(
            "Leave interval open", "U", status("open"), "Take back the decision on the selected"
        )
        self.labels = [
            action(f"Label {name}", str(k), label(name), f"The selected show class {name}")
            for k, name in enumerate(LABELS, start=1)
        ]
        self.labels.append(action("No label", "0", label(""), "Take the label of the selected away"))
        self.kind = action(
            "Kind of interval", "K", self.switch_kind, "Micro to macro and back, of the selected"
        )
        self.add = action(
            "Add interval",
            "N",
            self.add_at_playhead,
            f"New interval of {NEW_S:g} s from the playhead; or drag in the lane",
        )
        self.split = action(
            "Split interval", "S", self.split_here, "Cut the selected interval in two at the playhead"
        )
        self.merge = action(
            "Merge intervals", "M", self.merge_selected, "Make one interval of two or more selected"
        )
        self.comment = action(
            "Comment on interval", "C", lambda: self.begin_comment(), "Write a comment on the selected"
        )
        self.marks = [
            action("Onset here", "I", mark("onset"), "Put the selected interval's onset on the playhead"),
            action("Apex here", "P", mark("apex"), "Put the selected interval's apex on the playhead"),
            action("Offset here", "O", mark("offset"), "Put the selected interval's offset on the playhead"),
        ]
        for short, of in (
            ("Accept", self.accept),
            ("Reject", self.reject),
            ("Kind", self.kind),
            ("Add", self.add),
            ("Split", self.split),
            ("Merge", self.merge),
        ):
            of.setIconText(short)
        self.undo = action("Undo", "Ctrl+Z", lambda: self._back("undo"), "Take back the last change")
        self.redo = action("Redo", ["Ctrl+Shift+Z", "Ctrl+Y"], lambda: self._back("redo"), "Make it again")
        self._of_selection = [*(self.accept, self.reject, self.reopen, *self.labels, self.kind, self.comment)]
        self._of_one = [self.split, *self.marks]
        self.update_actions()

    def actions(self) -> list[QAction]:
        """Return all actions, in the order of the sheet of shortcuts."""
        rest = [self.add, self.split, self.merge, *self.marks, self.undo, self.redo]
        return [*self._of_selection, *rest]

    def update_actions(self) -> None:
        """Grey out what cannot be done now."""
        document = self.document
        writable = document is not None and not document.read_only and not self._held
        for action in self._of_selection:
            action.setEnabled(writable and len(self.selection) > 0)
        for action in self._of_one:
            action.setEnabled(writable and len(self.selection) == 1)
        self.merge.setEnabled(writable and len(self.selection) > 1)
        self.add.setEnabled(writable)
        for action, text in (
            (self.undo, document.undo_text if document else ""),
            (self.redo, document.redo_text if document else ""),
        ):
            can = writable and bool(text)
            action.setEnabled(can)
            word = "Undo" if action is self.undo else "Redo"
            action.setText(f"{word}: {text}" if can else word)
            action.setIconText(word)
            keys = action.shortcuts()[0].toString()
            action.setToolTip(f"{word}: {text or 'nothing'} ({keys})")

    def hold(self, held: bool) -> None:
        """Hold all changes back, or no longer: while another thread has the document."""
        self._held = held
        self.update_actions()

    def apply(self, edit: Edit, select: frozenset[int] | None = None) -> bool:
        """Make one change; tells if it cannot be made.

        Parameters
        ----------
        edit : Edit
        select : frozenset of int, optional
            What is selected then; default: what the change has made, or what is selected now.
        """
        document = self.document
        if document is None:
            return False
        before = self._by_number()
        try:
            document.apply(edit)
        except MegcError as error:
            self.failed.emit(str(error))
            if not isinstance(edit, Comment):  # what was dragged goes back; what was typed stays
                self.changed.emit(frozenset(self.selection))
            return False
        if isinstance(edit, Import):
            self._show(self._kept(), before)
            return True
        there = self._by_number().keys()
        self.changed.emit((select or frozenset(there - before) or frozenset(self.selection)) & there)
        return True

    def set_status(self, status: Status) -> None:
        """Accept or reject the selected intervals, or leave them open."""
        self._each(lambda item: SetStatus(item.id, status) if item.status != status else None)

    def switch_kind(self) -> None:
        """Make micro-expressions of macro-expressions, and the other way round."""
        self._each(lambda item: SetKind(item.id, "macro" if item.record.kind == "micro" else "micro"))

    def set_comment(self, number: int, text: str) -> bool:
        """Write the comment of an interval; False: it cannot be kept, which was told."""
        item = self.get(number)
        if item is None or item.comment == text:
            return True
        return self.apply(Comment(number, text), frozenset(self.selection))

    def set_times(self, bar: Bar) -> None:
        """Put an interval on the frames to which it was dragged."""
        self.apply(SetTimes(bar.id, bar.onset, bar.apex, bar.offset), frozenset({bar.id}))

    def set_mark(self, name: str) -> None:
        """Put onset, apex or offset of the selected interval on the playhead; the apex is taken along."""
        item, frame = self._one(), self.playhead()
        if item is None:
            return
        record = item.record
        onset, apex, offset = record.onset_frame, record.apex_frame, record.offset_frame
        if name == "onset":
            onset, apex = frame, max(apex, frame)
        elif name == "offset":
            offset, apex = frame, min(apex, frame)
        else:
            apex = frame
        self.apply(SetTimes(item.id, onset, apex, offset))

    def add_at_playhead(self) -> None:
        """Add an interval of a usual length from the playhead on."""
        document = self.document
        if document is None or not document.n_frames:
            return
        onset = min(self.playhead(), document.n_frames - 1)
        offset = max(self.snap(document.frame_at(float(document.times_s[onset]) + NEW_S)), onset)
        self.add_between(onset, offset)

    def add_between(self, onset: int, offset: int) -> None:
        """Add an interval; its apex is in the middle until it is moved."""
        if offset <= onset:
            self.failed.emit(
                f"There is but one frame here ({onset}), and an interval needs two: "
                "go to where there are frames."
            )
            return
        apex = min(max(self.snap((onset + offset) // 2), onset), offset)
        self.apply(Add(onset, apex, offset, face_id=self.face_id))

    def split_here(self) -> None:
        """Split the selected interval at the playhead."""
        item = self._one()
        if item is not None:
            self.apply(Split(item.id, self.playhead()))

    def merge_selected(self) -> None:
        """Merge the selected intervals into the first of them; a rejected one does not come back untold."""
        items = [item for item in map(self.get, self.selection) if item is not None]
        rejected = [str(item.id) for item in items if item.status == "rejected"]
        if not self.apply(Merge(self.selection)):
            return
        there = [item.id for item in items if self.get(item.id) is not None]
        self.elsewhere.emit(())
        if 0 < len(rejected) < len(items):
            self.told.emit(
                f"{' and '.join(rejected)} had been rejected and is part of interval {there[0]} now: "
                "decide on it anew, or Undo."
            )

    def _each(self, edit_of: Callable[[ReviewInterval], Single | None]) -> None:
        """Make the same change to all that are selected, as one step of Undo."""
        items = [item for item in map(self.get, self.selection) if item is not None]
        edits = tuple(edit for edit in map(edit_of, items) if edit is not None)
        if edits:
            self.apply(edits[0] if len(edits) == 1 else Several(edits), frozenset(self.selection))

    def _back(self, which: str) -> None:
        document = self.document
        # what is being typed is a change too, and the last one: written after an undo it would end the redo
        if document is None or not self.finish_typing():
            return
        before = self._by_number()
        text = document.undo_text if which == "undo" else document.redo_text
        try:
            document.undo() if which == "undo" else document.redo()
        except MegcError as error:
            self.failed.emit(str(error))
            return
        now = self._by_number()
        changed = frozenset(number for number, item in now.items() if before.get(number) != item)
        if text.startswith(IMPORTING):
            changed = self._kept()
        if changed:
            self._show(changed, before)
        else:  # what it had added is gone
            self.changed.emit(frozenset(self.selection) & now.keys())

    def _kept(self) -> frozenset[int]:
        """What is selected after an import: with all that differs, the next key would change it."""
        there = self._by_number().keys()
        return frozenset(self.selection) & there or frozenset(list(there)[:1])

    def _show(self, changed: frozenset[int], before: Mapping[int, ReviewInterval]) -> None:
        """Select what has changed and have it shown, which may be far from where the reviewer was."""
        self.changed.emit(changed)
        known = (
            state[number].span for state in (before, self._by_number()) for number in changed & state.keys()
        )
        self.elsewhere.emit(tuple(known))

    def _by_number(self) -> dict[int, ReviewInterval]:
        """All intervals by number, in their order."""
        return {item.id: item for item in self.document.intervals} if self.document is not None else {}

    def _one(self) -> ReviewInterval | None:
        return self.get(self.selection[0]) if len(self.selection) == 1 else None

    def get(self, number: int) -> ReviewInterval | None:
        """Return an interval by its number; None if there is none, or no document."""
        there = self.document.intervals if self.document is not None else ()
        return next((item for item in there if item.id == number), None)
