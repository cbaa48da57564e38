"""The work itself: player, list and timeline on one document, kept in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QAction, QKeyEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from megc_live.gui.review.bars import bar_of, machine_bar
from megc_live.gui.review.buttons import edit_bar
from megc_live.gui.review.editor import Editor
from megc_live.gui.review.opening import Opened
from megc_live.gui.review.own_keys import OwnKeys
from megc_live.gui.review.player import SPEEDS, Player
from megc_live.gui.review.stage import VIDEO, Stage
from megc_live.gui.review.steps import Steps
from megc_live.gui.review.table import IntervalList
from megc_live.gui.review.timeline import Timeline
from megc_live.gui.shortcuts import make_action
from megc_live.output.reviewed import ReviewInterval

_LINE = " ⏎ "
"""Stands for a line's end in the one-line field of the comment."""


class Workspace(QWidget):
    """Player, list of intervals, timeline; selection and playhead are one in all of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opened: Opened | None = None
        self._own_keys = OwnKeys(self)
        self._comment_of: int | None = None
        self._steps = Steps()
        self.player = Player()
        self.stage = Stage(self.player)
        self.list = IntervalList()
        self.timeline = Timeline()
        self.editor = Editor(self)
        self.editor.playhead = self._playhead
        self.editor.snap = self.timeline.bars.snap
        self.editor.begin_comment = self._begin_comment
        self.editor.finish_typing = self.finish_typing
        self.comment = QLineEdit()
        self.comment.setMaxLength(10_000_000)  # Qt's own limit would cut an imported comment unseen
        self.comment.setPlaceholderText("Comment on the selected interval (C; Enter keeps it)")
        self.comment.setToolTip("Free text on the selected interval; Enter keeps it, Esc leaves it as it was")
        self.face = QComboBox()
        self.face.setToolTip("Face whose motion the timeline shows, and to which new intervals belong")
        self.face_label = QLabel("Face")
        self._make_actions()
        self._lay_out()
        self._connect()

    def _make_actions(self) -> None:
        self.nav_actions = [
            make_action(self, "Interval before", "Up", lambda: self._move(-1), tip="Select the one before"),
            make_action(self, "Next interval", "Down", lambda: self._move(1), tip="Select the next one"),
            make_action(self, "One interval more or less, upwards", "Shift+Up", lambda: self._extend(-1)),
            make_action(self, "One interval more or less, downwards", "Shift+Down", lambda: self._extend(1)),
            make_action(self, "Zoom to interval", "Z", self._zoom, tip="Show the selected interval large"),
            make_action(self, "Play interval", "Shift+Space", self._play, tip="Play it over and over"),
            make_action(self, "Go to onset", "Ctrl+Left", lambda: self._go("onset_frame")),
            make_action(self, "Go to apex", "Ctrl+Up", lambda: self._go("apex_frame")),
            make_action(self, "Go to offset", "Ctrl+Right", lambda: self._go("offset_frame")),
        ]

    def _lay_out(self) -> None:
        self.side = QWidget()
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(edit_bar(self.editor, self.nav_actions, self.face_label, self.face))
        column.addWidget(self.list, 1)
        column.addWidget(self.comment)
        self.top = QSplitter(Qt.Orientation.Horizontal)
        self.top.setObjectName("review_top")
        self.top.addWidget(self.stage)
        self.top.addWidget(self.side)
        self.top.setStretchFactor(0, 5)
        self.top.setStretchFactor(1, 6)
        self.top.setSizes([540, 730])
        self.whole = QSplitter(Qt.Orientation.Vertical)
        self.whole.setObjectName("review_whole")
        self.whole.addWidget(self.top)
        self.whole.addWidget(self.timeline)
        self.whole.setStretchFactor(0, 3)
        self.whole.setStretchFactor(1, 2)
        self.whole.setSizes([372, 278])
        for splitter in (self.top, self.whole):
            splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.whole)

    def _connect(self) -> None:
        bars = self.timeline.bars
        self.player.shown.connect(self._shown)
        self.timeline.sought.connect(self.player.go)
        bars.dragging.connect(self._dragged)
        bars.released.connect(lambda: self.stage.dragging(False))
        self.stage.faces.sought.connect(lambda mark: self._go(f"{mark}_frame"))
        self.stage.agreement.chosen.connect(lambda number: self._pick(number, False))
        self.stage.agreement.sought.connect(self.player.go)
        self.stage.flow.taken.connect(self._take_answer)
        bars.moved.connect(self.editor.set_times)
        bars.drawn.connect(self.editor.add_between)
        bars.picked.connect(self._pick)
        bars.opened.connect(self._open_interval)
        self.list.selected.connect(self._list_selected)
        self.list.opened.connect(self._open_interval)
        self.list.filtered.connect(self._filtered)
        self.editor.changed.connect(self.refresh)
        self.comment.editingFinished.connect(self._keep_comment)
        for field in (self.comment, self.list.text):
            field.installEventFilter(self)
        self.comment.returnPressed.connect(self._comment_done)
        self.editor.elsewhere.connect(self._go_there)
        self._own_keys.keep_all(self)
        self.face.currentIndexChanged.connect(self._face_chosen)

    def show_results(self, opened: Opened, player_text: str) -> None:
        """Show another document.

        Parameters
        ----------
        opened : Opened
        player_text : str
            What the player shows if there is no video.
        """
        if not self._read_only():
            self._keep_comment()  # it belongs to what was shown before
        document = opened.document
        if self.opened is None or self.opened.document.folder != document.folder:
            self._begin_plainly()
        self.opened, self._comment_of = opened, None
        self.editor.document = document
        self.face.blockSignals(True)
        self.face.clear()
        for face in opened.courses:
            self.face.addItem(str(face), face)
        self.face.blockSignals(False)
        for widget in (self.face, self.face_label):
            widget.setVisible(len(opened.courses) > 1)
        self.show_video(opened, player_text)
        self._face_chosen()
        self.refresh(frozenset())
        first = document.intervals[:1]
        if first:
            self._select(frozenset({first[0].id}), seek=True)

    def _begin_plainly(self) -> None:
        """Other results begin with the video at its own pace, however the last ones were looked at."""
        self.stage.tabs.setCurrentIndex(VIDEO)
        self.player.loop_action.setChecked(False)
        self.player.speed.setCurrentIndex(len(SPEEDS) - 1)

    def replace_video(self, opened: Opened) -> None:
        """Take another video for the same document; what is selected and looked at stays."""
        position = self.player.position
        self.show_video(opened, "No video")
        self._select(frozenset(self.editor.selection), seek=False)
        self.player.go(position)

    def show_video(self, opened: Opened, text: str) -> None:
        """Take the video of the document, which is there now or is not."""
        self.opened = opened
        self.stage.set_results(opened)
        document = opened.document
        self.player.set_video(opened.loader(), document.times_s, present=document.present_frames, text=text)

    def refresh(self, selected: frozenset[int]) -> None:
        """Show the document as it is now, with these intervals selected."""
        if self.opened is None:
            return
        document = self.opened.document
        self.list.set_items(document.intervals, selected)
        several = len(document.faces) > 1
        self.timeline.set_bars(
            [bar_of(item, several) for item in document.intervals],
            [machine_bar(record) for record in document.found],
        )
        self._select(selected, seek=False)

    def selected(self) -> ReviewInterval | None:
        """Return the interval that alone is selected."""
        chosen = self.editor.selection
        return self.editor.get(chosen[0]) if len(chosen) == 1 else None

    def finish_typing(self) -> bool:
        """Keep a comment that is still being written; call it before the document is closed.

        Returns False if it cannot be kept, which was told.
        """
        return self._keep_comment()

    def shutdown(self, left_s: Callable[[], float]) -> bool:
        """End what runs beside the window's thread; False if it hangs and was left behind.

        Parameters
        ----------
        left_s : callable
            Returns how long it may still take, seconds.
        """
        self.finish_typing()
        ended = self.player.shutdown(left_s() / 2)
        return self.stage.shutdown(left_s) and ended

    def actions_in_order(self) -> list[QAction]:
        """Return all actions, in the order of the sheet of shortcuts."""
        player = self.player
        return [
            *(player.play_action, player.loop_action, *player.step_actions, *player.other_actions),
            *self.stage.actions_,
            *self.editor.actions(),
            *self.nav_actions,
            *self.timeline.actions_,
            *self.list.actions_,
        ]

    def _select(self, ids: frozenset[int], *, seek: bool) -> None:
        """Select in list, timeline and editor; ``seek`` shows the apex of what alone is selected."""
        typing = not self._keep_comment()
        if typing and self._comment_of is not None:  # it would be lost with its interval
            ids, seek = frozenset({self._comment_of}), False
        self.list.select(ids)
        # what the filter hides can still be selected, in the timeline
        shown = self.list.selection()
        self.editor.selection = (*shown, *sorted(ids - set(shown)))
        self._steps.note(self.list.shown_ids(), ids)
        self.editor.update_actions()
        self.timeline.bars.select(ids)
        item = self.selected()
        self._comment_of = item.id if item is not None else None
        self.comment.setEnabled(item is not None and not self._read_only())
        if not typing:
            self.comment.setText(item.comment.replace("\n", _LINE) if item is not None else "")
        self.player.set_loop(item.span if item is not None else None)
        if item is not None and seek:
            self.timeline.bring(*item.span)
            self.player.go(item.record.apex_frame)
        self.stage.set_interval(item, can_edit=not self._read_only())

    def _playhead(self) -> int:
        """The frame that is on the screen, which need not be the one that was asked for last."""
        self.player.pause()
        shown = self.player.frame
        return self.timeline.bars.snap(self.player.position if shown is None else shown)

    def _read_only(self) -> bool:
        return self.opened is None or self.opened.document.read_only

    def _filtered(self) -> None:
        """What the filter hides is no longer selected: nothing is changed that is not seen in the list."""
        shown = set(self.list.shown_ids())
        self._select(frozenset(self.editor.selection) & shown, seek=False)

    def _list_selected(self) -> None:
        self._select(frozenset(self.list.selection()), seek=True)

    def _pick(self, number: int, more: bool) -> None:
        chosen = frozenset(self.editor.selection)
        ids = chosen ^ {number} if more else frozenset({number})
        self._select(ids, seek=self.timeline.bars.held is None and not more)

    def _shown(self, frame: int) -> None:
        # a frame that comes late, when another one is wanted already, must not move the timeline
        self.timeline.set_playhead(frame, follow=frame == self.player.position)
        self._frame_face(frame)

    def _frame_face(self, frame: int) -> None:
        """Draw a box around the face that the timeline shows, where there are several."""
        box = None
        courses = self.timeline.courses
        several = self.opened is not None and len(self.opened.courses) > 1
        if several and courses is not None and frame < len(courses.box):
            x, y, width, height = (float(value) * self.player.scale for value in courses.box[frame])
            box = (x, y, width, height) if width == width else None  # NaN: not seen on this frame
        self.player.picture.show_box(box)

    def _dragged(self, frame: int) -> None:
        self.stage.dragging(True)
        self.player.go(frame)

    def _take_answer(self, answer: object) -> None:
        edit = self.stage.recognition_edit(answer)
        if edit is not None:
            self.editor.apply(edit)

    def _move(self, by: int) -> None:
        if wanted := self._steps.move(self.list.shown_ids(), self.editor.selection, by):
            self._select(wanted, seek=True)

    def _extend(self, by: int) -> None:
        shown = self.list.shown_ids()
        if not set(shown) & set(self.editor.selection):
            self._move(by)
            return
        wanted, end = self._steps.extend(shown, self.editor.selection, by)
        self._select(wanted, seek=True)
        self.list.bring(end)

    def _go_there(self, known: Sequence[tuple[int, int]]) -> None:
        """Show what is selected now, the first of it if it is more, unless the reviewer is there."""
        chosen = self.editor.selection
        item = self.editor.get(chosen[0]) if chosen else None
        if item is None:
            return
        here = any(onset <= self.player.position <= offset for onset, offset in known)
        if not here or not self.timeline.shows(*item.span):
            self.timeline.bring(*item.span)
        if not here:
            self.player.go(item.record.apex_frame)

    def _zoom(self) -> None:
        item = self.selected()
        if item is not None:
            self.timeline.show_interval(*item.span)

    def _play(self) -> None:
        item = self.selected()
        if item is not None:
            self.player.loop(item.span)

    def _open_interval(self, number: int) -> None:
        self._select(frozenset({number}), seek=False)
        self._zoom()
        self._play()

    def _go(self, field: str) -> None:
        item = self.selected()
        if item is not None:
            self.player.go(getattr(item.record, field))

    def _face_chosen(self) -> None:
        if self.opened is None or self.face.currentData() is None:
            return
        face = int(self.face.currentData())
        self.editor.face_id = face
        self.timeline.set_courses(self.opened.courses[face])
        self._frame_face(self.player.position)
        self.timeline.set_playhead(self.player.position)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Esc leaves a text field, and the comment as it was."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
        ):
            if watched is self.comment:
                item = self.selected()
                self.comment.setText(item.comment.replace("\n", _LINE) if item is not None else "")
            self.list.table.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        return super().eventFilter(watched, event)

    def _begin_comment(self) -> None:
        self.comment.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.comment.selectAll()

    def _comment_done(self) -> None:
        """Enter: the next keys are for the intervals again, once the comment is kept."""
        if self._keep_comment():
            self.list.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _keep_comment(self) -> bool:
        """Write down what was typed; False if that fails: then it stays in the field."""
        number, self._comment_of = self._comment_of, None
        kept = True
        if number is not None and self.comment.isModified():
            self.comment.setModified(False)
            kept = self.editor.set_comment(number, self.comment.text().replace(_LINE, "\n"))
            self.comment.setModified(not kept)
        if self._comment_of is None:
            self._comment_of = number
        return kept
