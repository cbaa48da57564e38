"""List, video and timeline show the same interval, also where a change comes from elsewhere."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from megc_live.gui.review.steps import Steps
from megc_live.gui.review.view import ReviewView
from megc_live.gui.shortcuts import collect
from megc_live.review import Import
from tests.gui.review.conftest import Hand, frames_of, interval, number_in, wait_for_picture

EDGE = 0.45
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def ends(view: ReviewView) -> tuple[int, int]:
    """The first and the last interval."""
    assert view.document is not None
    first, *_, last = (item.id for item in view.document.intervals)
    return first, last


def choose(view: ReviewView, qtbot: QtBot, number: int) -> None:
    """Select an interval and show it large."""
    view.work._select(frozenset({number}), seek=True)
    view.work._zoom()
    wait_for_picture(view, qtbot)


def in_view(view: ReviewView, number: int) -> bool:
    onset, _, offset = frames_of(view, number)
    low, high = view.work.timeline.span()
    times = view.work.timeline.bars._times
    return bool(low <= times[onset] and times[offset] <= high)


@pytest.mark.parametrize("way", ["undo", "redo"])
def test_what_is_taken_back_elsewhere_is_shown(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int], way: str
) -> None:
    first, last = ends
    editor = view.work.editor
    choose(view, qtbot, first)
    editor.set_status("rejected")
    if way == "redo":
        editor.undo.trigger()
    choose(view, qtbot, last)
    assert not in_view(view, first)
    view.work.stage.tabs.setCurrentIndex(2)
    getattr(editor, way).trigger()
    assert interval(view, first).status == ("open" if way == "undo" else "rejected")
    assert view.work.editor.selection == view.work.list.selection() == (first,)
    wait_for_picture(view, qtbot)
    assert number_in(view) == frames_of(view, first)[1] and in_view(view, first)
    large = view.work.stage.large
    qtbot.waitUntil(lambda: large.clip is not None and view.work.player.position in large.clip.frames)


def test_a_drag_split_and_the_way_back_to_another_interval(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int]
) -> None:
    first, last = ends
    editor = view.work.editor
    choose(view, qtbot, first)
    editor.set_status("rejected")
    choose(view, qtbot, last)
    onset, _, offset = frames_of(view, last)
    Hand(view).drag((offset, EDGE), (offset - 1, EDGE))
    wait_for_picture(view, qtbot)
    assert view.work.player.position == offset - 1, "a drag leaves the playhead on the edge"
    view.work.player.go(onset + 2)
    wait_for_picture(view, qtbot)
    editor.split_here()
    for _ in range(2):
        editor.undo.trigger()
        assert view.work.player.position == onset + 2, "the reviewer is there already"
        assert editor.selection == (last,)
    editor.undo.trigger()
    assert editor.selection == (first,) and not editor.undo.isEnabled()
    wait_for_picture(view, qtbot)
    assert number_in(view) == frames_of(view, first)[1] and in_view(view, first)


@pytest.mark.parametrize("name", ["onset", "apex", "offset"])
def test_a_mark_by_a_key_leaves_the_playhead_also_when_it_is_taken_back(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int], name: str
) -> None:
    first, _ = ends
    choose(view, qtbot, first)
    onset, apex, offset = frames_of(view, first)
    there = {"onset": onset - 2, "apex": apex - 1, "offset": offset + 2}[name]
    view.work.player.go(there)
    wait_for_picture(view, qtbot)
    span = view.work.timeline.span()
    view.work.editor.set_mark(name)
    assert there in frames_of(view, first) and view.work.player.position == there
    view.work.editor.undo.trigger()
    assert frames_of(view, first) == (onset, apex, offset) and view.work.player.position == there
    assert view.work.timeline.span() == span


def test_an_undo_at_the_same_place_keeps_the_zoom(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int]
) -> None:
    first, _ = ends
    choose(view, qtbot, first)
    onset, _, offset = frames_of(view, first)
    times, timeline = view.work.timeline.bars._times, view.work.timeline
    view.work.editor.set_status("accepted")
    view.work.player.go(offset)
    wait_for_picture(view, qtbot)
    timeline.show_span(float(times[onset + 1]), float(times[offset]) + 0.2)
    span = timeline.span()
    view.work.editor.undo.trigger()
    assert timeline.span() == span and view.work.player.position == offset
    timeline.show_span(float(times[offset]) + 1.0, float(times[offset]) + 2.0)
    view.work.editor.redo.trigger()
    assert in_view(view, first), "it had been scrolled away"
    assert view.work.player.position == offset


def test_where_an_added_interval_is_taken_back_nothing_moves(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int]
) -> None:
    _, last = ends
    view.work.player.go(2)
    wait_for_picture(view, qtbot)
    view.work.editor.add_at_playhead()
    choose(view, qtbot, last)
    view.work.player.go(frames_of(view, last)[2] + 3)
    wait_for_picture(view, qtbot)
    position, span = view.work.player.position, view.work.timeline.span()
    view.work.editor.undo.trigger()
    assert view.work.editor.selection == (last,)
    assert (view.work.player.position, view.work.timeline.span()) == (position, span)


def test_several_that_are_taken_back_are_selected_and_the_first_is_shown(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int]
) -> None:
    first, last = ends
    view.work._select(frozenset(ends), seek=False)
    view.work.editor.set_status("rejected")
    assert view.document is not None
    view.work.player.go(view.document.n_frames - 1)
    view.work.timeline.show_span(0.0, 0.5)
    view.work.editor.undo.trigger()
    assert view.work.editor.selection == (first, last)
    wait_for_picture(view, qtbot)
    assert number_in(view) == frames_of(view, first)[1] and in_view(view, first)


def test_an_import_shows_what_was_selected_and_selects_nothing_else(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int]
) -> None:
    first, last = ends
    assert view.document is not None
    document = view.document
    choose(view, qtbot, last)
    taken = tuple(item for item in document.intervals if item.id != last)
    view.work.editor.apply(Import("other.csv", taken))
    assert view.work.editor.selection == view.work.list.selection() == (first,)
    wait_for_picture(view, qtbot)
    assert number_in(view) == frames_of(view, first)[1] and in_view(view, first)
    view.work.editor.undo.trigger()
    assert view.work.editor.selection == (first,)
    assert number_in(view) == frames_of(view, first)[1] == view.work.player.position


@pytest.mark.parametrize("where", ["timeline", "list", "slider"])
def test_shift_and_the_arrows_extend_the_selection_wherever_the_focus_is(
    view: ReviewView, qtbot: QtBot, ends: tuple[int, int], where: str
) -> None:
    work = view.work
    work.list.table.setFocus()
    focus: QWidget = {"timeline": work.timeline.view, "list": work.list.table, "slider": work.player.slider}[
        where
    ]
    work.editor.add_between(2, 8)
    shown = work.list.shown_ids()
    assert len(shown) == 3
    choose(view, qtbot, shown[-2])
    Hand(view).drag((frames_of(view, shown[-2])[2], EDGE), (frames_of(view, shown[-2])[2] + 1, EDGE))
    focus.setFocus(Qt.FocusReason.MouseFocusReason)
    qtbot.keyClick(focus, Qt.Key.Key_Up, SHIFT)
    assert work.editor.selection == work.list.selection() == tuple(shown[-3:-1])
    qtbot.keyClick(focus, Qt.Key.Key_Down, SHIFT)
    assert work.editor.selection == (shown[-2],)
    for _ in range(2):
        qtbot.keyClick(focus, Qt.Key.Key_Down, SHIFT)
    assert work.editor.selection == work.list.selection() == tuple(shown[-2:])
    qtbot.keyClick(focus, Qt.Key.Key_M)
    assert shown[-1] not in work.list.shown_ids() and work.editor.selection == (shown[-2],)


def test_the_sheet_of_keys_names_them(view: ReviewView) -> None:
    keys = {line.keys: line.text for line in collect({"Review": view.actions()})}
    assert "Shift+Up" in keys and "Shift+Down" in keys


def test_the_end_that_was_moved_last_is_moved_on() -> None:
    steps, shown = Steps(), [7, 3, 9, 4, 8]
    selected, end = steps.extend(shown, {9}, 1)
    assert (selected, end) == ({9, 4}, 4)
    selected, end = steps.extend(shown, selected, 1)
    assert (selected, end) == ({9, 4, 8}, 8)
    assert steps.extend(shown, selected, 1) == ({9, 4, 8}, 8), "the last row"
    for _ in range(3):
        selected, end = steps.extend(shown, selected, -1)
    assert (selected, end) == ({3, 9}, 3), "beyond the end that stays"
    assert steps.extend(shown, {7, 4}, -1) == ({7, 3, 9, 4}, 7), "something else was selected: its upper end"
    assert steps.extend(shown, {7, 4}, 1) == ({7, 3, 9, 4, 8}, 8)
