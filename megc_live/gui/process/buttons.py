"""Buttons that follow an action: text, tooltip and whether it can be done now."""

from __future__ import annotations

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QPushButton, QWidget


class ActionButton(QPushButton):
    """A push button for an action.

    Parameters
    ----------
    action : QAction
    primary : bool
        It is what is done most here: shown in the accent's colour.
    """

    def __init__(self, action: QAction, parent: QWidget | None = None, *, primary: bool = False) -> None:
        super().__init__(parent)
        self._action = action
        self.setAutoDefault(False)
        if primary:
            self.setProperty("primary", "true")
        self.clicked.connect(lambda _checked=False: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        self.setText(self._action.text())
        self.setToolTip(self._action.toolTip())
        self.setEnabled(self._action.isEnabled())
