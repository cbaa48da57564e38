"""The mouse's wheel scrolls; it changes a value only where somebody has clicked or gone to with Tab."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QAbstractSpinBox, QComboBox, QSlider, QWidget


class WheelGuard(QObject):
    """Keeps the wheel from fields without the focus, which a hand only passes over.

    Parameters
    ----------
    root : QWidget
        All fields in it that are there now are guarded.
    """

    def __init__(self, root: QWidget) -> None:
        super().__init__(root)
        for kind in (QComboBox, QAbstractSpinBox, QSlider):
            for field in root.findChildren(kind):
                field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hand the wheel on to what is around the field."""
        if event is None or event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True
