"""The heads of the list of intervals."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHeaderView
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.review.looks import Clip, Looks
from megc_live.gui.review.model import COLUMNS, IntervalModel
from megc_live.gui.review.table import IntervalList
from megc_live.output import IntervalRecord
from megc_live.output.reviewed import ReviewInterval, Status
from megc_live.spotting.interval import Kind
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


def made(kind: Kind, ms: int, label: str = "", status: Status = "open") -> ReviewInterval:
    """An interval of a video with 200 frames/s."""
    frames = ms // 5
    return ReviewInterval(
        IntervalRecord(
            id=1,
            face_id=0,
            onset_frame=100,
            apex_frame=100 + frames // 2,
            offset_frame=100 + frames,
            onset_s=0.5,
            apex_s=0.5 + frames // 2 / 200,
            offset_s=0.5 + frames / 200,
            kind=kind,
            score=0.9,
            label=label,
        ),
        status,
    )


@pytest.mark.parametrize(
    ("item", "column", "why"),
    [
        (made("micro", 735), "ms", "500 ms at most, this micro-expression has 735 ms: K makes it a macro"),
        (made("macro", 65), "ms", "more than 500 ms, this macro-expression has 65 ms: K makes it a micro"),
        (made("micro", 0), "ms", "no length"),
        (made("macro", 900, "surprise"), "Label", "0 takes it away"),
        (made("micro", 515), "", ""),
        (made("macro", 485), "", ""),
        (made("macro", 900), "", ""),
        (made("micro", 300, "surprise"), "", ""),
        (made("micro", 735, status="rejected"), "", ""),
    ],
)
def test_what_does_not_fit_the_kind_has_a_sign_that_explains_itself(
    item: ReviewInterval, column: str, why: str
) -> None:
    model = IntervalModel()
    model.set_items([item])
    texts = {head: model.index(0, k).data() for k, head in enumerate(HEADS)}
    assert [head for head, text in texts.items() if "⚠" in text] == ([column] if column else [])
    if column:
        assert why in model.index(0, HEADS.index(column)).data(Qt.ItemDataRole.ToolTipRole).splitlines()[0]


def test_clips_are_kept_by_what_they_take_not_by_their_number() -> None:
    looks = Looks()
    try:
        for k in range(12):  # 40 MB each with the magnified: of no real memory until it is written to
            picture = np.empty((217, 192, 160, 3), np.uint8)
            looks._keep(("clip", k), Clip((), picture, picture, 8.0))
        assert [key for key in looks._done] == [("clip", k) for k in range(6, 12)]
        long = np.empty((3000, 192, 160, 3), np.uint8)
        looks._keep(("clip", 99), Clip((), long, long, 8.0))
        assert list(looks._done) == [("clip", 99)], "the one that is shown"
    finally:
        looks.close()


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
