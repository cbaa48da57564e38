"""The intervals as a model of a table: columns, what they are sorted by, what the filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from PyQt6.QtWidgets import QWidget

from megc_live.gui import theme
from megc_live.output.reviewed import STATUSES, ReviewInterval
from megc_live.output.words import clock
from megc_live.review.doubts import label_doubt, length_doubt

STATUS_SIGNS = {"open": "○ open", "accepted": "✓ accepted", "rejected": "✕ rejected"}


@dataclass(frozen=True)
class Column:
    """One column: its head, what the head explains, a cell's text, and what it is sorted by.

    ``doubt`` says what does not fit in a cell, which has a sign then; empty: nothing.
    """

    head: str
    tip: str
    text: Callable[[ReviewInterval], str]
    key: Callable[[ReviewInterval], Any]
    width: int
    doubt: Callable[[ReviewInterval], str] = lambda item: ""

    def shown(self, item: ReviewInterval) -> str:
        """Return what stands in a cell."""
        return f"⚠ {self.text(item)}" if self.doubt(item) else self.text(item)


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
        80,
        label_doubt,
    ),
    Column(
        "Onset",
        "Time of the first frame, minutes:seconds",
        lambda i: clock(i.record.onset_s, 0.001),
        lambda i: i.record.onset_s,
        72,
    ),
    Column(
        "ms",
        "Length from onset to offset, milliseconds; ⚠ where it does not fit the kind",
        lambda i: f"{_length_ms(i):.0f}",
        _length_ms,
        58,
        length_doubt,
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
SORT_KEY = Qt.ItemDataRole.UserRole
ITEM = Qt.ItemDataRole.UserRole + 1


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
            return column.shown(item)
        if role == SORT_KEY:
            return column.key(item)
        if role == ITEM:
            return item
        if role == Qt.ItemDataRole.ToolTipRole:
            changed = f", changed {item.changed}" if item.changed else ""
            lines = (column.doubt(item), f"{column.tip}: {column.text(item)}", f"{_who(item)}{changed}")
            return "\n".join(filter(None, (*lines, item.comment)))
        if role == Qt.ItemDataRole.ForegroundRole:
            if column.head == "Status":
                return theme.colour(item.status)
            if item.status == "rejected":
                return theme.colour("soft")
            if column.doubt(item):
                return theme.colour("warn")
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


class Filter(QSortFilterProxyModel):
    """Sorts, and lets through what is wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.wanted = Wanted()
        self.setSortRole(SORT_KEY)

    def want(self, wanted: Wanted) -> None:
        """Let other intervals through."""
        self.wanted = wanted
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        """Tell Qt whether a row is shown."""
        model = self.sourceModel()
        return isinstance(model, IntervalModel) and self.wanted.lets(model.items[row])

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        """Tell Qt which of two cells comes first."""
        # sort keys are Python values of one type per column; ties stay in the order of the onsets
        first, second = left.data(SORT_KEY), right.data(SORT_KEY)
        if first == second:
            return left.row() < right.row()
        return bool(first < second)
