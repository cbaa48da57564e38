"""Keys that move the cursor in a text field must not move through the video."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QLineEdit

_KEYS = (
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End),
    *(Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape),
)


class TextKeys(QObject):
    """Event filter of text fields: the keys that they need are theirs, not those of actions."""

    def keep(self, *fields: QLineEdit | None) -> None:
        """Watch over text fields."""
        for field in fields:
            if field is not None:
                field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Claim a key before an action takes it."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in _KEYS
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)
