"""The heads of the list of intervals."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHeaderView
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.review.model import COLUMNS
from megc_live.gui.review.table import IntervalList
from tests.gui.review.conftest import pixels

HEADS = [column.head for column in COLUMNS]
UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def sorted_by(shown: IntervalList, head: str, order: Qt.SortOrder) -> np.ndarray:
    """The right end of the head of the score, (h, w, 3)."""
    shown.table.sortByColumn(HEADS.index(head), order)
    picture = pixels(shown.head.grab().toImage())
    end = shown.head.sectionViewportPosition(HEADS.index("Score")) + shown.head.sectionSize(
        HEADS.index("Score")
    )
    return picture[:, end - 13 : end - 2].astype(int)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("order", [UP, DOWN])
def test_the_arrow_points_up_where_values_grow(qtbot: QtBot, mode: theme.Mode, order: Qt.SortOrder) -> None:
    theme.apply(mode)
    shown = IntervalList()
    qtbot.addWidget(shown)
    shown.resize(1200, 200)
    shown.show()
    without = sorted_by(shown, "#", order)
    arrow = (np.abs(sorted_by(shown, "Score", order) - without).sum(axis=-1) > 60).sum(axis=1)
    rows = arrow[arrow > 0]
    assert len(rows) >= 3
    assert (rows[0] < rows[-1]) == (order == UP) and rows[0] != rows[-1]


def test_heads_have_room_for_their_words_and_the_arrow(qtbot: QtBot) -> None:
    shown = IntervalList()
    qtbot.addWidget(shown)
    for k, column in enumerate(COLUMNS):
        words = shown.head.fontMetrics().horizontalAdvance(column.head)
        assert shown.head.sectionSize(k) >= words + 12, column.head


def test_comments_take_the_room_that_is_left_and_bring_no_scroll_bar(qtbot: QtBot) -> None:
    """Also with widths from a time when the comments had one of their own."""
    shown = IntervalList()
    qtbot.addWidget(shown)
    last = len(COLUMNS) - 1
    shown.table.setColumnHidden(HEADS.index("Face"), True)
    shown.head.setSectionResizeMode(last, QHeaderView.ResizeMode.Interactive)
    shown.head.resizeSection(last, 400)
    shown.restore_columns(shown.head.saveState())
    shown.show()
    across, room = shown.table.horizontalScrollBar(), shown.table.viewport()
    assert across is not None and room is not None
    for width in (680, 1000):
        shown.resize(width, 200)
        qtbot.waitUntil(lambda: shown.head.length() == room.width())
        assert across.maximum() == 0
