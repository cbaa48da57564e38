"""The keyboard and the mouse in Review: each key does what is seen, and only there."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from megc_live.errors import OutputError
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.player import SPEEDS
from megc_live.gui.review.stage import AGREEMENT, VIDEO
from megc_live.gui.review.view import ReviewView
from megc_live.review import Add, Comment, Import, ReviewDocument, SetStatus
from tests.gui.review.conftest import interval, open_in, wait_for_picture

Key = Qt.Key


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the focus is."""
    widget = QApplication.focusWidget()
    assert widget is not None, "no key would reach anything"
    qtbot.keyClick(widget, key, modifier)


@pytest.fixture
def active(view: ReviewView, qtbot: QtBot) -> ReviewView:
    """The view with the keyboard in its list."""
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow, timeout=5_000)
    view.work.list.table.setFocus()
    return view


def test_enter_gives_the_keys_back_to_the_intervals(active: ReviewView, qtbot: QtBot) -> None:
    first = active.work.selected()
    assert first is not None
    press(qtbot, Key.Key_C)
    qtbot.keyClicks(active.work.comment, "blink, no movement")
    press(qtbot, Key.Key_Return)
    assert interval(active, first.id).comment == "blink, no movement"
    press(qtbot, Key.Key_Down)
    press(qtbot, Key.Key_R)
    second = active.work.selected()
    assert second is not None and second.id != first.id and second.status == "rejected"
    assert second.comment == ""


def test_undo_takes_back_what_is_being_typed_and_can_make_it_again(active: ReviewView, qtbot: QtBot) -> None:
    document, item = active.document, active.work.selected()
    assert document is not None and item is not None
    active.work.editor.set_status("rejected")
    active.work.comment.setText("hello")
    active.work.comment.setModified(True)
    active.work.editor.undo.trigger()  # the button takes no focus: the comment is still being typed
    assert document.get(item.id).status == "rejected" and document.get(item.id).comment == ""
    assert document.can_redo and document.redo_text == f"comment on interval {item.id}"
    active.work.editor.redo.trigger()
    assert document.get(item.id).comment == "hello"


def test_keys_change_nothing_that_is_not_shown(
    active: ReviewView, memory: Memory, folder: Path, qtbot: QtBot
) -> None:
    document = active.document
    assert document is not None
    active.work.editor.set_status("accepted")
    revision = document.revision
    active._change_name()
    for button in (active.name_page.go_on, active.name_page.name):
        button.setFocus()
        press(qtbot, Key.Key_Tab)
        press(qtbot, Key.Key_R)
        press(qtbot, Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    assert document.revision == revision and not active.import_action.isEnabled()
    active.name_page.left.emit()
    memory.reviewer = "B. Rater"
    active.open(folder)
    qtbot.waitUntil(lambda: active.pages.currentWidget() is active.choice_page, timeout=20_000)
    active.choice_page.alone.setFocus()
    press(qtbot, Key.Key_R)
    assert document.revision == revision
    assert not active.export_action.isEnabled() and not active.files["locate"].isEnabled()
    active.choice_page.left.emit()
    qtbot.waitUntil(lambda: active.pages.currentWidget() is active.work_page, timeout=20_000)
    assert active.export_action.isEnabled()


def test_space_presses_the_button_that_has_the_keyboard(active: ReviewView, qtbot: QtBot) -> None:
    pressed: list[int] = []
    active.banner.tell("There is something to do.", "Do it", "", lambda: pressed.append(1))
    for key in (Key.Key_Space, Key.Key_Return):
        active.banner.button.setFocus()
        press(qtbot, key)
    assert pressed == [1, 1] and not active.work.player.playing
    active.work.list.table.setFocus()
    active.banner.press()
    assert pressed == [1, 1, 1], "from anywhere"
    active.banner.button.setFocus()
    active.banner.leave()
    assert QApplication.focusWidget() is active.work.list.table
    press(qtbot, Key.Key_Space)
    assert active.work.player.playing
    active.work.player.pause()


def test_lists_and_choices_have_their_own_arrows(active: ReviewView, qtbot: QtBot) -> None:
    selected = active.work.editor.selection
    active.work.player.speed.setFocus()
    at = active.work.player.speed.currentIndex()
    press(qtbot, Key.Key_Up)
    assert active.work.player.speed.currentIndex() == at - 1 and active.work.editor.selection == selected
    active.work.stage.tabs.setCurrentIndex(AGREEMENT)
    page = active.work.stage.agreement
    qtbot.waitUntil(lambda: page.list.count() > 1, timeout=10_000)
    page.list.setFocus()
    press(qtbot, Key.Key_Down)
    press(qtbot, Key.Key_Down)
    assert page.list.currentRow() == 1 and active.work.editor.selection == selected
    assert not active.work.player.speed.focusPolicy() & Qt.FocusPolicy.ClickFocus


def test_an_open_list_takes_all_keys(active: ReviewView, qtbot: QtBot) -> None:
    document = active.document
    assert document is not None
    before, selected = document.revision, active.work.editor.selection
    for box in (active.work.list.status, active.work.player.speed):
        box.showPopup()
        shown = box.view()
        assert shown is not None and QApplication.activePopupWidget() is not None
        at = shown.currentIndex().row()
        qtbot.keyClick(shown, Key.Key_R)
        qtbot.keyClick(shown, Key.Key_Up if at else Key.Key_Down)
        assert shown.currentIndex().row() != at
        box.hidePopup()
    assert document.revision == before and active.work.editor.selection == selected


def test_what_the_filter_hides_is_not_changed_by_the_next_key(active: ReviewView, qtbot: QtBot) -> None:
    document = active.document
    assert document is not None
    before = document.intervals
    active.work.list.text.setText("no interval has this comment")
    assert active.work.list.shown_ids() == [] and active.work.editor.selection == ()
    press(qtbot, Key.Key_R)
    assert document.intervals == before and not active.work.editor.reject.isEnabled()
    active.work.list.clear_filter()
    press(qtbot, Key.Key_Down)
    assert len(active.work.editor.selection) == 1


def test_the_keyboard_is_back_after_an_import(active: ReviewView, qtbot: QtBot, folder: Path) -> None:
    document = active.document
    assert document is not None
    active.work.editor.set_status("rejected")
    before = document.intervals
    active.import_file(folder / "intervals.csv")
    assert not active.work.editor.undo.isEnabled(), "no change crosses what another thread does"
    qtbot.waitUntil(lambda: "in the place of" in active.banner.text.text(), timeout=10_000)
    assert "nothing of decisions" in active.banner.text.text()
    selected = active.work.editor.selection
    press(qtbot, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert document.intervals == before
    assert active.work.editor.selection == selected, "not all that the import had changed"


def test_a_rejected_interval_does_not_come_back_untold_by_a_merge(active: ReviewView) -> None:
    document = active.document
    assert document is not None
    one, two = (item.id for item in document.intervals[:2])
    active.work.editor.apply(SetStatus(one, "rejected"))
    active.work._select(frozenset({one, two}), seek=False)
    active.work.editor.merge.trigger()
    made = active.work.selected()
    assert made is not None and f"{one} had been rejected" in active.banner.text.text()
    assert active.work.player.position == made.record.apex_frame


def test_where_there_is_but_one_frame_nothing_is_added(active: ReviewView, qtbot: QtBot) -> None:
    document = active.document
    assert document is not None
    before = document.intervals
    active.work.player.go(document.n_frames - 1)
    wait_for_picture(active, qtbot)
    active.work.editor.add_at_playhead()
    assert document.intervals == before and "needs two" in active.banner.text.text()


def test_down_goes_on_where_the_filter_has_hidden_what_was_decided(active: ReviewView, qtbot: QtBot) -> None:
    assert active.work.editor.apply(Add(20, 24, 30, face_id=0))
    assert active.work.editor.apply(SetStatus(active.work.editor.selection[0], "open"))
    shown = active.work.list.shown_ids()
    assert len(shown) > 2
    active.work._select(frozenset({shown[1]}), seek=True)
    active.work.list.status.setCurrentIndex(active.work.list.status.findData("open"))
    press(qtbot, Key.Key_A)
    assert active.work.list.shown_ids() == [shown[0], *shown[2:]]
    press(qtbot, Key.Key_Down)
    assert active.work.editor.selection == (shown[2],)


def test_a_long_word_in_a_message_does_not_widen_the_window(active: ReviewView, qtbot: QtBot) -> None:
    width = active.minimumSizeHint().width()
    active.banner.tell("x" * 3000)
    qtbot.waitUntil(lambda: active.banner.isVisible())
    assert active.minimumSizeHint().width() <= width + 40
    assert active.banner.text.toolTip() == "x" * 3000


def test_other_results_begin_with_the_video_at_its_own_pace(
    active: ReviewView, new_view: Callable[[], ReviewView], folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    active.work.stage.tabs.setCurrentIndex(AGREEMENT)
    active.work.player.loop_action.setChecked(True)
    active.work.player.speed.setCurrentIndex(0)
    open_in(active, folder, qtbot)
    assert active.work.stage.tabs.currentIndex() == AGREEMENT, "the same results are looked at as before"
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    open_in(active, other, qtbot)
    assert active.work.stage.tabs.currentIndex() == VIDEO and not active.work.player.loop_action.isChecked()
    assert active.work.player.speed.currentIndex() == len(SPEEDS) - 1


def test_closing_says_if_a_comment_cannot_be_kept(
    active: ReviewView, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(document: ReviewDocument, edit: object) -> None:
        raise OutputError("the disk is full.")

    active.work.comment.setText("long thought about")
    active.work.comment.setModified(True)
    with monkeypatch.context() as patch:
        patch.setattr(ReviewDocument, "apply", full)
        assert "cannot be kept" in active.question() and "full" in active.question()
    assert active.question() == ""


def test_a_very_long_comment_is_not_cut(active: ReviewView) -> None:
    document, item = active.document, active.work.selected()
    assert document is not None and item is not None
    text = "word " * 9000
    assert active.work.editor.apply(Comment(item.id, text))
    active.work.comment.setModified(True)
    assert active.work.finish_typing()
    assert document.get(item.id).comment == text.strip() or document.get(item.id).comment == text


def test_an_import_is_one_change_whatever_is_selected(active: ReviewView) -> None:
    document = active.document
    assert document is not None
    kept = document.intervals[1:]
    active.work._select(frozenset({document.intervals[0].id}), seek=False)
    active.work.editor.apply(Import("fewer.csv", kept))
    active.work.editor.undo.trigger()
    assert len(active.work.editor.selection) == 1


def test_two_threads_write_no_line_over_another(folder: Path) -> None:
    with ReviewDocument.open(folder, "A. Coder") as document:
        journal = document._journal
        gate = threading.Barrier(2)

        def write(name: str) -> None:
            gate.wait(10)
            for k in range(40):
                journal.append({"do": name, "n": k})

        threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        lines = journal.path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 80 and sum('"one"' in line for line in lines) == 40


def test_a_shorter_recording_with_two_faces_opens_from_beyond_its_end(
    active: ReviewView, folder: Path
) -> None:
    work = active.work
    assert work.opened is not None
    courses = work.opened.courses[0]
    work.opened.courses[1] = courses
    active.work.player.go(200)
    work._frame_face(len(courses.box) + 50)
    assert np.isfinite(work.player.position)
