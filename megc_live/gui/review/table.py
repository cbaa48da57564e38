"""The list of intervals: filtered, sorted, selected together with the timeline."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QByteArray, QItemSelectionModel, Qt, pyqtSignal
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
from megc_live.gui.review.model import COLUMNS, ITEM, STATUS_SIGNS, Filter, IntervalModel, Wanted
from megc_live.gui.shortcuts import make_action
from megc_live.output.reviewed import STATUSES, ReviewInterval

_ANY, _NO_LABEL = "any", "none"


class IntervalList(QWidget):
    """Filter bar and table.

    Attributes
    ----------
    selected : pyqtSignal()
        The selection has changed by the user's doing.
    opened : pyqtSignal(int)
        An interval was double-clicked, or Enter pressed on it.
    filtered : pyqtSignal()
        The filter lets other intervals through.
    """

    selected = pyqtSignal()
    opened = pyqtSignal(int)
    filtered = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = IntervalModel(self)
        self.proxy = Filter(self)
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
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._fit_comments()
        head.setHighlightSections(False)
        for k, column in enumerate(COLUMNS):  # wide enough for the head with the arrow of what is sorted
            table.setColumnWidth(k, max(column.width, head.sectionSizeHint(k)))
        onset = [column.head for column in COLUMNS].index("Onset")
        table.sortByColumn(onset, Qt.SortOrder.AscendingOrder)
        selection = table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._changed)
        table.doubleClicked.connect(lambda index: self.opened.emit(index.data(ITEM).id))

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

    def _fit_comments(self) -> None:
        """The comments take the room that is left, without a scroll bar; the tooltip has them whole."""
        last = len(COLUMNS) - 1
        self.head.setStretchLastSection(False)
        self.head.setSectionResizeMode(last, QHeaderView.ResizeMode.Stretch)

    @property
    def head(self) -> QHeaderView:
        """The columns' heads: widths, order and what is sorted by."""
        head = self.table.horizontalHeader()
        assert head is not None
        return head

    def restore_columns(self, state: QByteArray) -> None:
        """Give the columns the widths and the order of rows that they had; a state of others does nothing."""
        head = self.head
        if head.restoreState(state):
            self._fit_comments()
            self.table.sortByColumn(head.sortIndicatorSection(), head.sortIndicatorOrder())

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
        return tuple(index.data(ITEM).id for index in rows)

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

    def bring(self, number: int) -> None:
        """Scroll to an interval, if the filter lets it through."""
        if number in (shown := self.shown_ids()):
            self.table.scrollTo(self.proxy.index(shown.index(number), 0))

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
        return int(self.proxy.index(row, 0).data(ITEM).id)

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
        self.filtered.emit()

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
