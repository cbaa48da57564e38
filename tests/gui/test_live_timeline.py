"""The timeline of the Live workspace: painted once for each drawing, and words chosen by their room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.live.commands import Commands
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


def test_a_drawing_is_one_painting(timeline: Timeline, qtbot: QtBot) -> None:
    """Each item that moves would else ask for its own: the window then has no time for the picture."""
    viewport = timeline._widget.viewport()
    qtbot.wait(50)  # whatever the first showing still asks for
    paintings = Paintings(viewport)
    before = viewport.grab().toImage()
    paintings.count = 0
    for number in range(5):
        timeline.take([row(300 + 3 * number + k, level=5.0) for k in range(3)], [])
        timeline.redraw(30)
        qtbot.waitUntil(lambda seen=number + 1: paintings.count >= seen)
    qtbot.wait(50)
    assert paintings.count == 5
    assert viewport.grab().toImage() != before


def test_what_changes_is_painted(timeline: Timeline, qtbot: QtBot) -> None:
    """Nothing but a drawing asks for a painting: whatever changes what is seen must draw."""
    paintings = Paintings(timeline._widget.viewport())
    for change in (
        lambda: timeline.set_heat(False),
        lambda: timeline.change_span(1),
        lambda: theme.apply("dark"),
        lambda: timeline.refill([row(k) for k in range(30)]),
        timeline.clear,
    ):
        qtbot.wait(30)
        before = paintings.count
        change()
        qtbot.waitUntil(lambda before=before: paintings.count > before)
    theme.apply("light")


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
