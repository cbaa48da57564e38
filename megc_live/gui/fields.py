"""Fields of forms that Qt does not have."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget


class WrappedTick(QWidget):
    """A tick box with a text of several lines, which Qt's own cannot have; a click on the text ticks it."""

    def __init__(self, tick: QCheckBox, text: str) -> None:
        super().__init__()
        self._tick = tick
        tick.setToolTip(f"{text} (Space)")
        label = QLabel(text)
        label.setWordWrap(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(tick, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label, 1)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Tick or untick."""
        self._tick.toggle()
        self._tick.setFocus()


def with_hint(field: QWidget, hint: QLabel) -> QVBoxLayout:
    """Return a field with a hint below it, whose room is there also while it is hidden.

    What stands further below would else move away under the mouse as the hint appears.
    """
    room = hint.sizePolicy()
    room.setRetainSizeWhenHidden(True)
    hint.setSizePolicy(room)
    column = QVBoxLayout()
    column.setSpacing(2)
    column.addWidget(field)
    column.addWidget(hint)
    return column


def height_of(field: QPlainTextEdit, lines: int) -> int:
    """Height of a field that shows so many lines, pixels."""
    document = field.document()
    margins = 2 * (document.documentMargin() if document is not None else 0.0) + 2 * field.frameWidth()
    return round(lines * field.fontMetrics().lineSpacing() + margins) + 2
