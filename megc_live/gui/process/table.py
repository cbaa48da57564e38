"""The queue as a table: one row a file."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import Any, Final

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from megc_live.batch_items import ItemState, ItemView
from megc_live.gui import theme
from megc_live.gui.process.wording import frames_words, how_long, progress_text, state_text

FILE, STATE, PROGRESS, RATE, LEFT, MICRO, MACRO = range(7)
_TITLES: Final = ("File", "State", "Progress", "Frames/s", "Time left", "Micro", "Macro")
_TIPS: Final = (
    "The file or folder of images; the whole path is in the tooltip",
    "waiting, running, paused, done, failed, cancelled or skipped",
    "Share of the frames that are read; with an annotated video the file is read twice",
    "Frames analysed a second, in the last seconds; of files that are over, on the average",
    "Time until this file is done, at its present pace",
    "Micro-expressions found: under half a second",
    "Macro-expressions found",
)
_WIDTHS: Final = (0, 260, 150, 72, 92, 58, 58)
_STATE_COLOURS: Final[dict[ItemState, str]] = {
    "waiting": "soft",
    "running": "accent",
    "paused": "warn",
    "done": "good",
    "failed": "bad",
    "cancelled": "soft",
    "skipped": "soft",
}
ITEM = Qt.ItemDataRole.UserRole
_NONE: Final = QModelIndex()


class QueueModel(QAbstractTableModel):
    """The newest items of the queue."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items: tuple[ItemView, ...] = ()

    def show(self, items: tuple[ItemView, ...]) -> bool:
        """Take newer items; return whether rows came, went or moved, which loses the selection."""
        if [item.id for item in items] != [item.id for item in self.items]:
            self.beginResetModel()
            self.items = items
            self.endResetModel()
            return True
        before, self.items = self.items, items
        for row, (old, new) in enumerate(zip(before, items, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(_TITLES) - 1))
        return False

    def rowCount(self, parent: QModelIndex = _NONE) -> int:
        """Return the number of files."""
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: QModelIndex = _NONE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title and what it means, or a row's number."""
        if orientation == Qt.Orientation.Vertical:
            return section + 1 if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        item, column = self.items[index.row()], index.column()
        if role == ITEM:
            return item
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return _text(item, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(item, column)
        if role == Qt.ItemDataRole.ForegroundRole and column == STATE:
            return theme.colour(_STATE_COLOURS[item.state])
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (RATE, LEFT, MICRO, MACRO):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


def _text(item: ItemView, column: int) -> str:
    outcome = item.outcome
    if column == FILE:
        path = Path(item.spec)
        return f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    if column == STATE:
        return state_text(item)
    if column == PROGRESS:
        return progress_text(item)
    if column == RATE:
        return f"{item.rate:.0f}" if math.isfinite(item.rate) else ""
    if column == LEFT:
        return how_long(item.eta_s)
    if outcome is None or item.state in ("failed", "skipped"):
        return ""
    return str(outcome.micro if column == MICRO else outcome.macro)


def _tip(item: ItemView, column: int) -> str:
    if column == FILE:
        return item.spec
    if column == STATE and item.outcome is not None:
        where = f"In {item.folder.name}: {item.beside}." if item.folder is not None and item.beside else ""
        said = [html.escape(text) for text in (item.outcome.error, where, *item.outcome.warnings) if text]
        return f"<p>{'</p><p>'.join(said or [item.state])}</p>"  # as HTML, long lines are wrapped
    if column == PROGRESS and item.done:
        return frames_words(item.done, item.total)
    return _TIPS[column]


class _FileCell(QStyledItemDelegate):
    """A name that is too long loses its middle: both ends tell files apart."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Set how one cell is painted."""
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideMiddle


def bar_colour(state: ItemState) -> QColor:
    """Return the colour of a bar's done part, which lies over the theme's ``raised``."""
    return theme.colour(_STATE_COLOURS[state], 90)


def words_colour(palette: QPalette, *, on_bar: bool, selected: bool) -> QColor:
    """Return the colour of a progress cell's words.

    Parameters
    ----------
    palette : QPalette
        The cell's.
    on_bar : bool
        They stand on the bar, else on the row itself.
    selected : bool
        The row is selected.
    """
    if on_bar:
        return theme.colour("ink")
    role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
    return palette.color(role)


class _ProgressCell(QStyledItemDelegate):
    """Paints a bar with its text; where the length is unknown, the text alone."""

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        if painter is None:
            return
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style() if option.widget is not None else QApplication.style()
        if style is not None:
            style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        item: ItemView = index.data(ITEM)
        if item.state == "waiting":
            return
        frame = QRectF(option.rect).adjusted(6, 6, -6, -6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fraction = item.fraction
        on_bar = item.state != "failed" and math.isfinite(fraction)
        if on_bar:
            painter.setPen(QPen(theme.colour("line")))
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(frame, 3, 3)
            full = frame.adjusted(1, 1, -1, -1)
            full.setWidth(full.width() * fraction)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(bar_colour(item.state))
            painter.drawRoundedRect(full, 2, 2)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(words_colour(option.palette, on_bar=on_bar, selected=selected))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the least room that a bar needs."""
        return super().sizeHint(option, index).expandedTo(QSize(90, 28))


class QueueTable(QTableView):
    """The table; says what to do while it is empty."""

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hint = ""
        self.setModel(model)
        self.setItemDelegateForColumn(FILE, _FileCell(self))
        self.setItemDelegateForColumn(PROGRESS, _ProgressCell(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)  # reasons are read from their beginning
        self.setTabKeyNavigation(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setAccessibleName("Queue of files")
        across, down = self.horizontalHeader(), self.verticalHeader()
        if across is not None and down is not None:
            across.setHighlightSections(False)
            across.setSectionResizeMode(FILE, QHeaderView.ResizeMode.Stretch)
            for column, width in enumerate(_WIDTHS):
                if width:
                    across.resizeSection(column, width)
            down.setDefaultSectionSize(30)
            down.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)

    def selected_ids(self) -> list[int]:
        """Return the selected items, from the top."""
        chosen = self.selectionModel()
        rows = sorted(index.row() for index in chosen.selectedRows()) if chosen is not None else []
        model = self.model()
        return [model.index(row, 0).data(ITEM).id for row in rows] if model is not None else []

    def select_ids(self, ids: list[int]) -> None:
        """Select those items that are still there."""
        model, chosen = self.model(), self.selectionModel()
        if model is None or chosen is None:
            return
        flags = chosen.SelectionFlag.Select | chosen.SelectionFlag.Rows
        first = True
        for row in range(model.rowCount()):
            index = model.index(row, 0)
            if index.data(ITEM).id in ids:
                if first:
                    chosen.setCurrentIndex(index, chosen.SelectionFlag.NoUpdate)
                    first = False
                chosen.select(index, flags)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rows, or the hint where there are none."""
        super().paintEvent(event)
        model, port = self.model(), self.viewport()
        if model is None or port is None or model.rowCount() or not self.hint:
            return
        with QPainter(port) as painter:
            painter.setPen(theme.colour("soft"))
            room = port.rect().adjusted(24, 24, -24, -24)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)
