"""Buttons of actions, above the list of intervals."""

from __future__ import annotations

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QToolButton


def tool_button(action: QAction) -> QToolButton:
    """Return a button of an action."""
    button = QToolButton()
    button.setDefaultAction(action)
    return button


def menu_button(text: str, actions: list[QAction], tip: str) -> QToolButton:
    """Return a button that opens a menu of actions; ``tip`` is its tooltip."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(button)
    menu.setToolTipsVisible(True)
    menu.addActions(actions)
    button.setMenu(menu)
    return button
