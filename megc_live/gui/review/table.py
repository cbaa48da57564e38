"""The list of intervals: filtered, sorted, selected together with the timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    pyqtSignal,
)
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from megc_live.events import LABELS
from megc_live.gui import theme
from megc_live.gui.shortcuts import make_action
from megc_live.output.reviewed import STATUSES, ReviewInterval
from megc_live.output.words import clock

STATUS_SIGNS = {"open": "○ open", "accepted": "✓ accepted", "rejected": "✕ rejected"}
_ANY, _NO_LABEL = "any", "none"


@dataclass(frozen=True)
class Column:
    """One column: its head, what the head explains, a cell's text, and what it is sorted by."""

    head: str
    tip: str
    text: Callable[[ReviewInterval], str]
    key: Callable[[ReviewInterval], Any]
    width: int


def _length_ms(item: ReviewInterval) -> float:
    return 1000 * (item.record.offset_s - item.record.onset_s)


def _who(item: ReviewInterval) -> str:
    record = item.record
    return record.reviewer or ("machine" if record.source == "auto" else "human")


COLUMNS = (
    Column("#", "Number of the interval", lambda i: str(i.id), lambda i: i.id, 34),
    Column(
        "Status",
        "Accepted, rejected, or still open",
        lambda i: STATUS_SIGNS[i.status],
        lambda i: STATUSES.index(i.status),
        84,
    ),
    Column(
        "Kind",
        "micro: under half a second; macro: longer",
        lambda i: i.record.kind,
        lambda i: i.record.kind,
        50,
    ),
    Column(
        "Label",
        "Class of MEGC 2019; - without one",
        lambda i: i.record.label or "-",
        lambda i: i.record.label,
        66,
    ),
    Column(
        "Onset",
        "Time of the first frame, minutes:seconds",
        lambda i: clock(i.record.onset_s, 0.001),
        lambda i: i.record.onset_s,
        72,
    ),
    Column(
        "ms", "Length from onset to offset, milliseconds", lambda i: f"{_length_ms(i):.0f}", _length_ms, 46
    ),
    Column(
        "Frames",
        "Onset-apex-offset, frame numbers from 0",
        lambda i: f"{i.record.onset_frame}-{i.record.apex_frame}-{i.record.offset_frame}",
        lambda i: i.record.onset_frame,
        128,
    ),
    Column(
        "Score",
        "The spotter's confidence, 0 to 1; 1 for what a person added",
        lambda i: f"{i.record.score:.2f}",
        lambda i: i.record.score,
        44,
    ),
    Column("Face", "Which tracked face", lambda i: str(i.record.face_id), lambda i: i.record.face_id, 40),
    Column("By", "Who set or looked at it last", _who, _who, 66),
    Column(
        "Comment", "Free text", lambda i: " ".join(i.comment.split()), lambda i: i.comment.casefold(), 120
    ),
)
_SORT = Qt.ItemDataRole.UserRole
_ITEM = Qt.ItemDataRole.UserRole + 1


class IntervalModel(QAbstractTableModel):
    """The intervals of a document as a table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items: list[ReviewInterval] = []

    def set_items(self, items: Sequence[ReviewInterval]) -> None:
        """Show other intervals."""
        self.beginResetModel()
        self.items = list(items)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of intervals."""
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what Qt asks of a cell."""
        item, column = self.items[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(item)
        if role == _SORT:
            return column.key(item)
        if role == _ITEM:
            return item
        if role == Qt.ItemDataRole.ToolTipRole:
            changed = f", changed {item.changed}" if item.changed else ""
            return f"{column.tip}: {column.text(item)}\n{_who(item)}{changed}" + (
                f"\n{item.comment}" if item.comment else ""
            )
        if role == Qt.ItemDataRole.ForegroundRole:
            if column.head == "Status":
                return theme.colour(item.status)
            if item.status == "rejected":
                return theme.colour("soft")
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's head or its explanation."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].head
        return COLUMNS[section].tip if role == Qt.ItemDataRole.ToolTipRole else None


@dataclass(frozen=True)
class Wanted:
    """What the filter lets through; None: any."""

    kind: str | None = None
    label: str | None = None
    status: str | None = None
    least_score: float = 0.0
    text: str = ""

    def lets(self, item: ReviewInterval) -> bool:
        """Whether an interval is shown."""
        record = item.record
        words = f"{item.id} {record.kind} {record.label} {item.status} {_who(item)} {item.comment} "
        words += " ".join(record.regions).replace("_", " ")
        return (
            self.kind in (None, record.kind)
            and self.label in (None, record.label)
            and self.status in (None, item.status)
            and record.score >= self.least_score
            and all(part in words.casefold() for part in self.text.casefold().split())
        )


class _Filter(QSortFilterProxyModel):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.wanted = Wanted()
        self.setSortRole(_SORT)

    def want(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        model = self.sourceModel()
        return isinstance(model, IntervalModel) and self.wanted.lets(model.items[row])

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        # sort keys are Python values of one type per column; ties stay in the order of the onsets
        first, second = left.data(_SORT), right.data(_SORT)
        if first == second:
            return left.row() < right.row()
        return bool(first < second)


class IntervalList(QWidget):
    """Filter bar and table.

    Attributes
    ----------
    selected : pyqtSignal()
        The selection has changed by the user's doing.
    opened : pyqtSignal(int)
        An interval was double-clicked, or Enter pressed on it.
    """

    selected = pyqtSignal()
    opened = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = IntervalModel(self)
        self.proxy = _Filter(self)
        self.proxy.setSourceModel(self.model)
        self.table = QTableView()
        self.count = QLabel()
        self._quiet = False
        self._make_filter()
        self._make_table()
        self._lay_out()

    def _make_filter(self) -> None:
        self.kind = _choice(("any kind", _ANY), ("micro", "micro"), ("macro", "macro"))
        self.kind.setToolTip("Show only intervals of this kind")
        self.label = _choice(("any label", _ANY), *((name, name) for name in LABELS), ("no label", _NO_LABEL))
        self.label.setToolTip("Show only intervals with this label")
        self.status = _choice(("any status", _ANY), *((STATUS_SIGNS[name], name) for name in STATUSES))
        self.status.setToolTip("Show only intervals with this status")
        self.score = QDoubleSpinBox()
        self.score.setRange(0, 1)
        self.score.setSingleStep(0.05)
        self.score.setPrefix("score ≥ ")
        self.score.setToolTip("Show only intervals with at least this score, 0 to 1")
        self.text = QLineEdit()
        self.text.setPlaceholderText("Filter (Ctrl+F)")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip("Show only intervals with these words: comment, reviewer, region, label, number")
        for box in (self.kind, self.label, self.status):
            box.currentIndexChanged.connect(self._filter)
        self.score.valueChanged.connect(self._filter)
        self.text.textChanged.connect(self._filter)
        self.actions_ = [
            make_action(self, "Filter by text", "Ctrl+F", self._find),
            make_action(self, "Clear the filter", "Ctrl+Shift+F", self.clear_filter),
            make_action(self.table, "Zoom to it and play it, in the list", ["Return", "Enter"], self._enter),
        ]

    def _make_table(self) -> None:
        table = self.table
        table.setModel(self.proxy)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSortingEnabled(True)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setToolTip("Intervals; Up, Down select, with Shift more than one; Enter plays")
        head, side = table.horizontalHeader(), table.verticalHeader()
        assert head is not None and side is not None
        side.hide()
        side.setDefaultSectionSize(22)
        head.setStretchLastSection(True)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setHighlightSections(False)
        for k, column in enumerate(COLUMNS):
            table.setColumnWidth(k, column.width)
        onset = [column.head for column in COLUMNS].index("Onset")
        table.sortByColumn(onset, Qt.SortOrder.AscendingOrder)
        selection = table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._changed)
        table.doubleClicked.connect(lambda index: self.opened.emit(index.data(_ITEM).id))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.setContentsMargins(0, 0, 0, 0)
        for box in (self.kind, self.label, self.status, self.score):
            row.addWidget(box)
        row.addWidget(self.text, 1)
        row.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)

    def set_items(self, items: Sequence[ReviewInterval], selected: frozenset[int]) -> None:
        """Show other intervals and select some of them, without telling anybody."""
        self._quiet = True
        try:
            self.model.set_items(items)
            faces = {item.record.face_id for item in items}
            self.table.setColumnHidden([column.head for column in COLUMNS].index("Face"), len(faces) < 2)
            self.select(selected)
        finally:
            self._quiet = False
        self._count()

    def selection(self) -> tuple[int, ...]:
        """Numbers of the selected intervals, in the order of the rows."""
        model = self.table.selectionModel()
        assert model is not None
        rows = sorted(model.selectedRows(), key=lambda index: index.row())
        return tuple(index.data(_ITEM).id for index in rows)

    def select(self, ids: frozenset[int] | set[int]) -> None:
        """Select intervals and bring the first of them into view, without telling anybody."""
        before, self._quiet = self._quiet, True
        try:
            model = self.table.selectionModel()
            assert model is not None
            model.clearSelection()
            flags = QItemSelectionModel.SelectionFlag
            rows = [row for row in range(self.proxy.rowCount()) if self._id_at(row) in ids]
            for row in rows:
                model.select(self.proxy.index(row, 0), flags.Select | flags.Rows)
            if rows:
                model.setCurrentIndex(self.proxy.index(rows[0], 0), flags.NoUpdate)
                self.table.scrollTo(self.proxy.index(rows[0], 0))
        finally:
            self._quiet = before

    def shown_ids(self) -> list[int]:
        """Numbers of the intervals that the filter lets through, in the order of the rows."""
        return [self._id_at(row) for row in range(self.proxy.rowCount())]

    def clear_filter(self) -> None:
        """Show all intervals."""
        for box in (self.kind, self.label, self.status):
            box.setCurrentIndex(0)
        self.score.setValue(0)
        self.text.clear()

    def _id_at(self, row: int) -> int:
        return int(self.proxy.index(row, 0).data(_ITEM).id)

    def _filter(self) -> None:
        label = _chosen(self.label)
        self.proxy.want(
            Wanted(
                _chosen(self.kind),
                "" if label == _NO_LABEL else label,
                _chosen(self.status),
                self.score.value(),
                self.text.text(),
            )
        )
        self._count()

    def _count(self) -> None:
        shown, there = self.proxy.rowCount(), len(self.model.items)
        self.count.setText(f"{shown} of {there}")
        self.count.setToolTip("Intervals that the filter lets through, of all")

    def _find(self) -> None:
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.text.selectAll()

    def _enter(self) -> None:
        chosen = self.selection()
        if len(chosen) == 1:
            self.opened.emit(chosen[0])

    def _changed(self) -> None:
        if not self._quiet:
            self.selected.emit()


def _choice(*items: tuple[str, str]) -> QComboBox:
    box = QComboBox()
    for text, value in items:
        box.addItem(text, value)
    return box


def _chosen(box: QComboBox) -> str | None:
    value = str(box.currentData())
    return None if value == _ANY else value
