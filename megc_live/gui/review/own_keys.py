"""Keys that a field, a list or a button needs are its own while the focus is there."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QListWidget,
    QTabBar,
    QWidget,
)

_K = Qt.Key
_ENTER = (_K.Key_Return, _K.Key_Enter)
_ACROSS = (_K.Key_Left, _K.Key_Right, _K.Key_Home, _K.Key_End)
_UP_DOWN = (_K.Key_Up, _K.Key_Down)
_OWN: tuple[tuple[type[QWidget], tuple[Qt.Key, ...]], ...] = (
    (QLineEdit, (*_ACROSS, *_ENTER, _K.Key_Escape)),
    (QAbstractSpinBox, (*_ACROSS, *_UP_DOWN, *_ENTER, _K.Key_Escape)),
    (QComboBox, (*_UP_DOWN, _K.Key_Home, _K.Key_End, _K.Key_Space, _K.Key_F4)),
    (QAbstractSlider, (*_ACROSS, *_UP_DOWN)),
    (QListWidget, (*_UP_DOWN, _K.Key_Home, _K.Key_End, *_ENTER)),
    (QTabBar, _ACROSS),
    (QAbstractButton, (_K.Key_Space,)),
)
_BY_TAB = (QComboBox, QAbstractSlider, QAbstractButton)


class OwnKeys(QObject):
    """Event filter of widgets: the keys that work in them are theirs, not those of actions."""

    def keep(self, *widgets: QWidget | None) -> None:
        """Watch over widgets."""
        for widget in widgets:
            if widget is not None:
                widget.installEventFilter(self)

    def keep_all(self, parent: QWidget) -> None:
        """Watch over all fields, lists and buttons inside of a widget.

        Choices, sliders and buttons take the keyboard by Tab only: a click leaves it where the intervals are.
        """
        for kind, _ in _OWN:
            for widget in parent.findChildren(kind):
                self.keep(widget)
                if isinstance(widget, QComboBox):  # what is open takes all keys
                    shown = widget.view()
                    self.keep(shown, shown.parentWidget() if shown is not None else None)
                if isinstance(widget, _BY_TAB) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                    widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Claim a key before an action takes it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            if QApplication.activePopupWidget() is not None:
                event.accept()
                return True
            own = next((keys for kind, keys in _OWN if isinstance(watched, kind)), ())
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            # in text, Shift and Ctrl with these keys select and go by words
            if event.key() in own and (plain or isinstance(watched, QLineEdit | QAbstractSpinBox)):
                event.accept()
                return True
        return super().eventFilter(watched, event)
