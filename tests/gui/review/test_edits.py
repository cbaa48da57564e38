"""Corrections with mouse and keys, on the real widgets and a real result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from megc_live.gui.review.memory import Memory
from megc_live.gui.review.view import ReviewView
from megc_live.review import ReviewDocument
from tests.gui.review.conftest import NAME, Hand, frames_of, interval, number_in, open_in, wait_for_picture

EDGE, APEX = 0.45, 0.93
"""Heights in the lane where an edge and where the apex is caught."""


def key(view: ReviewView, qtbot: QtBot, name: str, *modifiers: Qt.KeyboardModifier) -> None:
    """Press a key while the table has the focus."""
    held = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        held |= modifier
    qtbot.keyClick(view.work.list.table, getattr(Qt.Key, f"Key_{name}"), held)


def first(view: ReviewView) -> int:
    """Select the first interval alone and return its number."""
    assert view.document is not None
    number = view.document.intervals[0].id
    view.work._select(frozenset({number}), seek=True)
    return number


def undo(view: ReviewView, qtbot: QtBot) -> None:
    key(view, qtbot, "Z", Qt.KeyboardModifier.ControlModifier)


@pytest.fixture
def hand(view: ReviewView, qtbot: QtBot) -> Hand:
    """The mouse, with the first interval large."""
    first(view)
    view.work._zoom()
    wait_for_picture(view, qtbot)
    return Hand(view)


def test_an_edge_is_dragged_frame_by_frame(view: ReviewView, hand: Hand, qtbot: QtBot) -> None:
    number = first(view)
    onset, apex, offset = frames_of(view, number)
    assert view.document is not None
    revision = view.document.revision
    hand.press(onset, EDGE)
    hand.move(onset - 1.4, EDGE)
    hand.move(onset - 3.3, EDGE)
    assert view.work.timeline.bars.held is not None and view.work.timeline.bars.held.onset == onset - 3
    wait_for_picture(view, qtbot)
    assert number_in(view) == onset - 3, "the picture follows while the edge is held"
    assert frames_of(view, number) == (onset, apex, offset) and view.document.revision == revision
    hand.release(onset - 3.3, EDGE)
    assert frames_of(view, number) == (onset - 3, apex, offset)
    record = interval(view, number).record
    assert record.onset_s == pytest.approx((onset - 3) / 25) and record.source == "human"
    assert record.reviewer == NAME and view.document.revision == revision + 1
    undo(view, qtbot)
    assert frames_of(view, number) == (onset, apex, offset), "one drag is one step"
    assert interval(view, number).record.source == "auto"


def test_the_apex_is_dragged_and_stays_inside(view: ReviewView, hand: Hand, qtbot: QtBot) -> None:
    number = first(view)
    onset, apex, offset = frames_of(view, number)
    hand.drag((apex, APEX), (apex + 1.2, APEX), (offset + 6, APEX))
    assert frames_of(view, number) == (onset, offset, offset)
    hand.drag((offset, EDGE), (offset + 1, EDGE), (offset + 2, EDGE))
    assert frames_of(view, number) == (onset, offset, offset + 2)


def test_a_drag_that_ends_where_it_began_changes_nothing(view: ReviewView, hand: Hand) -> None:
    number = first(view)
    onset, apex, offset = frames_of(view, number)
    assert view.document is not None
    hand.drag((onset, EDGE), (onset - 3, EDGE), (onset, EDGE))
    assert frames_of(view, number) == (onset, apex, offset) and not view.document.can_undo


def test_an_interval_is_drawn_on_an_empty_place(view: ReviewView, hand: Hand) -> None:
    assert view.document is not None
    number = first(view)
    onset = frames_of(view, number)[0]
    before = {item.id for item in view.document.intervals}
    hand.drag((onset - 9, EDGE), (onset - 7, EDGE), (onset - 4, EDGE))
    (new,) = {item.id for item in view.document.intervals} - before
    assert frames_of(view, new)[::2] == (onset - 9, onset - 4)
    assert view.work.editor.selection == (new,)
    assert interval(view, new).record.source == "human"


def test_a_click_selects_and_an_empty_place_seeks(view: ReviewView, hand: Hand, qtbot: QtBot) -> None:
    assert view.document is not None
    last = view.document.intervals[-1].id
    view.work._select(frozenset({last}), seek=False)
    target = view.document.intervals[0]
    onset, apex, offset = frames_of(view, target.id)
    middle = (apex + offset) / 2
    hand.press(middle, 0.6)
    hand.release(middle, 0.6)
    assert view.work.editor.selection == view.work.list.selection() == (target.id,)
    wait_for_picture(view, qtbot)
    assert number_in(view) == apex
    hand.press(onset - 6, 0.6)
    hand.release(onset - 6, 0.6)
    wait_for_picture(view, qtbot)
    assert number_in(view) == onset - 6


def test_a_double_click_plays_the_interval(view: ReviewView, hand: Hand, qtbot: QtBot) -> None:
    number = first(view)
    onset, apex, offset = frames_of(view, number)
    hand.double_click((apex + offset) / 2, 0.6)
    player = view.work.player
    assert player.playing and player.loop_action.isChecked() and player._loop == (onset, offset)
    player.pause()


def test_keys_accept_reject_label_and_switch_the_kind(view: ReviewView, qtbot: QtBot) -> None:
    number = first(view)
    key(view, qtbot, "A")
    assert interval(view, number).status == "accepted"
    key(view, qtbot, "R")
    assert interval(view, number).status == "rejected"
    key(view, qtbot, "U")
    assert interval(view, number).status == "open"
    for name, label in (("1", "negative"), ("2", "positive"), ("3", "surprise"), ("0", "")):
        key(view, qtbot, name)
        assert interval(view, number).record.label == label
    kind = interval(view, number).record.kind
    key(view, qtbot, "K")
    assert interval(view, number).record.kind != kind
    assert interval(view, number).changed and "saved" in view.saved.text()


def test_undo_and_redo_go_all_the_way_back_and_forth(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    states = [view.document.intervals]
    first(view)
    for name in ("A", "3", "K", "N", "R"):
        key(view, qtbot, name)
        assert view.document.intervals != states[-1]
        states.append(view.document.intervals)
    for state in states[-2::-1]:
        undo(view, qtbot)
        assert view.document.intervals == state
    assert not view.work.editor.undo.isEnabled()
    for state in states[1:]:
        key(view, qtbot, "Z", control, shift)
        assert view.document.intervals == state
    assert not view.work.editor.redo.isEnabled()


def test_an_interval_is_added_at_the_playhead(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    view.work.player.go(120)
    wait_for_picture(view, qtbot)
    before = {item.id for item in view.document.intervals}
    key(view, qtbot, "N")
    (new,) = {item.id for item in view.document.intervals} - before
    onset, apex, offset = frames_of(view, new)
    assert onset == 120 and onset < apex < offset <= 128
    assert view.work.editor.selection == (new,)
    view.work.player.go(118)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "I")
    view.work.player.go(126)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "O")
    view.work.player.go(121)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "P")
    assert frames_of(view, new) == (118, 121, 126)


def test_split_and_merge_are_each_other_s_way_back(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    number = first(view)
    onset, _, offset = frames_of(view, number)
    before = {item.id for item in view.document.intervals}
    view.work.player.go(onset + 2)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "S")
    (new,) = {item.id for item in view.document.intervals} - before
    assert frames_of(view, number)[::2] == (onset, onset + 1)
    assert frames_of(view, new)[::2] == (onset + 2, offset)
    view.work._select(frozenset({number, new}), seek=False)
    assert view.work.editor.merge.isEnabled()
    key(view, qtbot, "M")
    assert {item.id for item in view.document.intervals} == before
    assert frames_of(view, number)[::2] == (onset, offset)
    assert not view.work.editor.merge.isEnabled(), "one alone cannot be merged"


def test_what_cannot_be_done_is_said_and_changes_nothing(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    number = first(view)
    state = view.document.intervals
    view.work.player.go(frames_of(view, number)[2] + 5)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "S")
    assert view.document.intervals == state
    assert view.banner.isVisible() and "cannot be split" in view.banner.text.text()
    key(view, qtbot, "Escape")
    assert not view.banner.isVisible()


def test_a_split_beside_an_edge_is_refused_with_what_to_do(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    number = first(view)
    state = view.document.intervals
    onset, _, offset = frames_of(view, number)
    view.work.player.go(offset)
    wait_for_picture(view, qtbot)
    key(view, qtbot, "S")
    assert view.document.intervals == state
    assert f"Go to a frame from {onset + 2} to {offset - 1}" in view.banner.text.text()


def test_a_comment_is_kept_with_enter_and_left_with_escape(view: ReviewView, qtbot: QtBot) -> None:
    number = first(view)
    before = interval(view, number)
    key(view, qtbot, "C")
    assert view.work.comment.hasFocus()
    qtbot.keyClicks(view.work.comment, "brow only, 3 AM")
    qtbot.keyClick(view.work.comment, Qt.Key.Key_Return)
    assert interval(view, number).comment == "brow only, 3 AM"
    now = interval(view, number)
    assert (now.status, now.record.kind, now.record.label) == (
        before.status,
        before.record.kind,
        before.record.label,
    ), "A and 3 are keys elsewhere"
    qtbot.keyClicks(view.work.comment, " no")
    qtbot.keyClick(view.work.comment, Qt.Key.Key_Escape)
    assert interval(view, number).comment == "brow only, 3 AM" == view.work.comment.text()


def test_a_comment_that_was_begun_is_kept_when_another_interval_is_chosen(
    view: ReviewView, qtbot: QtBot
) -> None:
    assert view.document is not None
    number, other = (item.id for item in view.document.intervals[:2])
    first(view)
    key(view, qtbot, "C")
    qtbot.keyClicks(view.work.comment, "doubtful")
    view.work._pick(other, False)
    assert interval(view, number).comment == "doubtful" and interval(view, other).comment == ""
    assert view.work.editor.selection == (other,) and view.work.comment.text() == ""


def test_a_comment_that_was_begun_stays_with_its_own_result(
    view: ReviewView, qtbot: QtBot, analysed: Path, tmp_path: Path
) -> None:
    assert view.document is not None
    before, number = view.document.folder, first(view)
    other = Path(shutil.copytree(analysed, tmp_path / "other"))
    key(view, qtbot, "C")
    qtbot.keyClicks(view.work.comment, "of the first")
    open_in(view, other, qtbot)
    assert view.document.folder == other and view.document.get(number).comment == ""
    with ReviewDocument.open(before, NAME) as document:
        assert document.get(number).comment == "of the first"


def test_several_are_accepted_together(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(view.work.editor.selection) == len(view.document.intervals) > 1
    key(view, qtbot, "A")
    assert {item.status for item in view.document.intervals} == {"accepted"}
    assert len(view.work.editor.selection) == len(view.document.intervals)


def test_a_crash_loses_nothing(
    view: ReviewView, qtbot: QtBot, tmp_path: Path, new_view: Callable[[], ReviewView]
) -> None:
    """The folder is copied as it lies on the disk, without the view having been closed."""
    assert view.document is not None
    first(view)
    for name in ("A", "2", "N"):
        key(view, qtbot, name)
    key(view, qtbot, "C")
    qtbot.keyClicks(view.work.comment, "after the blink")
    qtbot.keyClick(view.work.comment, Qt.Key.Key_Return)
    crashed = Path(shutil.copytree(view.document.folder, tmp_path / "crashed"))
    with (crashed / "review.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"do": "edit", "edit": "SetSta')
    again = new_view()
    open_in(again, crashed, qtbot)
    assert again.document is not None and again.document.intervals == view.document.intervals
    assert again.banner.isVisible(), "the line that was cut off is told"
    assert again.document.can_undo


def test_who_did_what_and_when_is_on_the_disk(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    number = first(view)
    key(view, qtbot, "R")
    lines = (view.document.folder / "review.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    assert (last["edit"], last["reviewer"]) == ("SetStatus", NAME)
    assert last["values"] == {"id": number, "status": "rejected"}
    assert last["at"] == interval(view, number).changed


def test_the_name_is_asked_once(
    qtbot: QtBot, memory: Memory, new_view: Callable[[], ReviewView], folder: Path
) -> None:
    memory.reviewer = ""
    view = new_view()
    view.open(folder)
    assert view.pages.currentWidget() is view.name_page and view.document is None
    assert not view.name_page.go_on.isEnabled()
    qtbot.keyClicks(view.name_page.name, "rater 2")
    qtbot.keyClick(view.name_page.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.document is not None, timeout=10_000)
    assert view.document is not None and view.document.reviewer == "rater 2" == memory.reviewer
    wait_for_picture(view, qtbot)
    open_in(view, folder, qtbot)
    assert view.pages.currentWidget() is view.work_page


def test_a_folder_under_review_can_be_looked_at(
    view: ReviewView, qtbot: QtBot, new_view: Callable[[], ReviewView]
) -> None:
    assert view.document is not None
    first(view)
    key(view, qtbot, "A")
    other = new_view()
    other.open(view.document.folder)
    qtbot.waitUntil(other.banner.isVisible, timeout=10_000)
    assert other.document is None
    qtbot.mouseClick(other.banner.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: other.document is not None, timeout=10_000)
    assert other.document is not None and other.document.intervals == view.document.intervals
    assert not other.work.editor.accept.isEnabled() and "look at only" in other.saved.text()


def test_what_is_no_result_is_said(qtbot: QtBot, new_view: Callable[[], ReviewView], tmp_path: Path) -> None:
    view = new_view()
    view.open(tmp_path)
    qtbot.waitUntil(view.banner.isVisible, timeout=10_000)
    assert "session.json" in view.banner.text.text()
    assert view.pages.currentWidget() is view.empty and view.document is None


def test_the_document_agrees_with_what_is_shown(view: ReviewView, qtbot: QtBot, folder: Path) -> None:
    """Closed and opened by the document alone, without a window."""
    first(view)
    for name in ("R", "3", "Down", "A"):
        key(view, qtbot, name)
    assert view.document is not None
    shown = view.document.intervals
    view.document.close()
    with ReviewDocument.open(folder, "other") as document:
        assert document.intervals == shown
