"""The list of intervals, newest first: pictures, kind, label, probabilities, times, delay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from megc_live.events import LABELS, Event, Pictures
from megc_live.gui import theme
from megc_live.gui.live.marks import SIGNS
from megc_live.gui.live.painting import to_image
from megc_live.output.words import region_words

MOST = 500
THUMB = QSize(40, 48)
_GAP = 2

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("Onset apex offset", "The face at onset, apex and offset"),
    ("Kind", "▼ micro: under half a second; ■ macro: longer. With the interval's number"),
    ("Label", "What the classifier says of a micro-expression: negative, positive or surprise"),
    *((f"p {name[:3]}", f"Probability of {name}, 0 to 1") for name in LABELS),
    ("Onset s", "Start of the movement, s of the stream"),
    ("Apex s", "Peak of the movement, s of the stream"),
    ("Offset s", "End of the movement, s of the stream"),
    ("Length ms", "Length from onset to offset, ms"),
    ("Delay ms", "From the offset to this entry, ms of the stream"),
)
PICTURES, KIND, LABEL, FIRST_P, ONSET, APEX, OFFSET, LENGTH, DELAY = 0, 1, 2, 3, 6, 7, 8, 9, 10
LABEL_COLUMNS = (LABEL, FIRST_P, FIRST_P + 1, FIRST_P + 2)
_WIDTHS = (3 * THUMB.width() + 2 * _GAP + 8, 84, 60, 40, 40, 40, 54, 50, 56, 70, 64)


@dataclass(frozen=True)
class Entry:
    """What is kept of an event: words and small pictures, not the frames."""

    cells: tuple[str, ...]
    kind: str
    about: str
    thumbs: QPixmap | None

    @classmethod
    def of(cls, event: Event) -> Entry:
        """Make the entry of an event."""
        interval, seen = event.interval, event.recognition
        cells = (
            "" if event.pictures is not None else "no pictures",
            f"{SIGNS[interval.kind]} {interval.kind} {event.id}",
            seen.label if seen else "-",
            *((f"{p:.2f}" for p in seen.probabilities) if seen else ("-",) * len(LABELS)),
            *(f"{t:.3f}" for t in (interval.onset_s, interval.apex_s, interval.offset_s)),
            f"{1000 * (interval.offset_s - interval.onset_s):.0f}",
            f"{1000 * (event.decided_s - interval.offset_s):.0f}",
        )
        where = ", ".join(region_words(name) for name in interval.regions) or "unknown"
        about = f"Face {event.face_id}. Moved most: {where}. Score {interval.score:.2f}"
        thumbs = _thumbs(event.pictures) if event.pictures is not None else None
        return cls(cells, interval.kind, ". ".join(filter(None, (about, event.note))), thumbs)


class EventModel(QAbstractTableModel):
    """The newest :data:`MOST` events, the newest in the first row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: deque[Entry] = deque()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        name, tip = _COLUMNS[section]
        return {Qt.ItemDataRole.DisplayRole: name, Qt.ItemDataRole.ToolTipRole: tip}.get(
            Qt.ItemDataRole(role)
        )

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        entry, column = self._entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.cells[column]
        if role == Qt.ItemDataRole.DecorationRole and column == PICTURES:
            return entry.thumbs
        if role == Qt.ItemDataRole.ForegroundRole and column == KIND:
            return _ink(entry.kind)
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= FIRST_P:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return entry.about
        return None

    def add(self, events: Iterable[Event]) -> None:
        """Put events on top."""
        entries = [Entry.of(event) for event in events][-MOST:]
        if not entries:
            return
        self.beginInsertRows(QModelIndex(), 0, len(entries) - 1)
        self._entries.extendleft(entries)
        self.endInsertRows()
        if len(self._entries) > MOST:
            self.beginRemoveRows(QModelIndex(), MOST, len(self._entries) - 1)
            self._entries = deque(islice(self._entries, MOST))
            self.endRemoveRows()

    def clear(self) -> None:
        """Remove all."""
        self.beginResetModel()
        self._entries.clear()
        self.endResetModel()


class EventTable(QTableView):
    """The list as it is shown.

    Attributes
    ----------
    events : EventModel
        What it shows.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.events = EventModel(self)
        self.setModel(self.events)
        self.setAccessibleName("Intervals found")
        self.setIconSize(QSize(3 * THUMB.width() + 2 * _GAP, THUMB.height()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            rows.setDefaultSectionSize(THUMB.height() + 6)
            columns.setHighlightSections(False)
            columns.setStretchLastSection(True)
            columns.setMinimumSectionSize(32)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)

    def show_labels(self, on: bool) -> None:
        """Show or hide what the classifier says."""
        for column in LABEL_COLUMNS:
            self.setColumnHidden(column, not on)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102
        super().paintEvent(event)
        room = self.viewport()
        if self.events.rowCount() or room is None:
            return
        painter = QPainter(room)
        painter.setPen(theme.colour("soft"))
        painter.drawText(
            room.rect(),
            Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
            "Intervals appear here as they become certain,\na fraction of a second after their offset.",
        )


def _ink(kind: str) -> QColor:
    return theme.colour("micro_text" if kind == "micro" else "macro")


def _thumbs(pictures: Pictures) -> QPixmap:
    """Return the three pictures side by side."""
    wide, high = THUMB.width(), THUMB.height()
    out = QPixmap(3 * wide + 2 * _GAP, high)
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    for k, crop in enumerate((pictures.onset, pictures.apex, pictures.offset)):
        small = to_image(crop).scaled(
            THUMB, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        painter.drawImage(k * (wide + _GAP), 0, small)
    painter.end()
    return out
