"""The timeline of the Live workspace: painted once for each drawing, and words chosen by their room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.live.commands import Commands
from megc_live.gui.live.scale import ActivityScale
from megc_live.gui.live.timeline import Timeline
from tests.gui.fake_live import event, row


class Paintings(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, happened: QEvent | None) -> bool:
        self.count += happened is not None and happened.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def timeline(qtbot: QtBot) -> Iterator[Timeline]:
    theme.apply("light")
    holder = QWidget()
    qtbot.addWidget(holder)
    made = Timeline(Commands(holder), holder)
    holder.resize(1280, 260)
    made.resize(1280, 260)
    holder.show()
    qtbot.waitExposed(holder)
    made.take([row(k) for k in range(300)], [event(1, 5.0)])
    made.redraw(30)
    yield made


def settle(qapp: QApplication) -> None:
    """Let everything be done that was asked for, also what that asks for in turn."""
    for _ in range(5):
        qapp.sendPostedEvents()
        qapp.processEvents()


def test_a_drawing_is_one_painting(timeline: Timeline, qapp: QApplication) -> None:
    """Each item that moves would else ask for its own: the window then has no time for the picture."""
    settle(qapp)
    paintings = Paintings(timeline._widget.viewport())
    for number in range(1, 6):
        timeline.take([row(300 + 3 * number + k, level=5.0) for k in range(3)], [])
        timeline.redraw(30)
        settle(qapp)
        assert paintings.count == number


CHANGES: dict[str, Callable[[Timeline], object]] = {
    "rows": lambda timeline: (
        timeline.take([row(k, level=5.0) for k in range(300, 330)], []),
        timeline.redraw(30),
    ),
    "lines": lambda timeline: timeline.set_heat(False),
    "span": lambda timeline: timeline.change_span(1),
    "scale": lambda timeline: timeline.set_scale(ActivityScale().stepped(3)),
    "scheme": lambda timeline: theme.apply("dark"),
    "another face": lambda timeline: timeline.refill([row(k, level=9.0) for k in range(30)]),
    "another session": lambda timeline: timeline.clear(),
    "size": lambda timeline: timeline.resize(900, 240),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_painted(timeline: Timeline, qapp: QApplication, change: str) -> None:
    """Nothing but a drawing asks for a painting: what is on the screen is what a fresh one would show."""
    settle(qapp)
    window, viewport = timeline.window(), timeline._widget.viewport()
    assert window is not None and viewport is not None
    before = on_screen(window)
    CHANGES[change](timeline)
    settle(qapp)
    seen = on_screen(window)
    assert seen != before
    viewport.update()
    settle(qapp)
    assert on_screen(window) == seen
    theme.apply("light")


def on_screen(window: QWidget) -> QImage:
    """What was painted, without painting it anew as `grab` does."""
    screen = window.screen()
    assert screen is not None
    return screen.grabWindow(window.winId()).toImage()


def test_words_that_have_no_room_are_short_and_stay_so(timeline: Timeline) -> None:
    timeline.take([], [event(2, 7.0), event(3, 7.5), event(4, 9.4)])
    timeline.redraw(30)
    first = timeline.marks.words()
    assert [len(words.split()) for words in first] == [6, 6, 6, 2]
    timeline.redraw(30)
    assert timeline.marks.words() == first
    left_s, right_s = timeline._plot.vb.viewRange()[0]
    s_per_px = (right_s - left_s) / timeline._plot.vb.width()
    lanes: dict[float, float] = {}
    for mark in timeline.marks._marks:
        if mark.text.isVisible():
            lane, at = mark.text.pos().y(), mark.text.pos().x()
            assert at >= lanes.get(lane, left_s)
            lanes[lane] = at + mark.text.textItem.boundingRect().width() * s_per_px
            assert lanes[lane] <= right_s
    assert len(lanes) == 2
