"""Buttons of actions, above the list of intervals."""

from __future__ import annotations

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from megc_live.gui.review.editor import Editor


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


def edit_bar(editor: Editor, further: list[QAction], *at_end: QWidget) -> QHBoxLayout:
    """Return the row of buttons that change the selected intervals.

    Parameters
    ----------
    editor : Editor
    further : list of QAction
        What else can be done with the selected interval, in the menu *More*.
    *at_end : QWidget
        Stand at the right end.
    """
    row = QHBoxLayout()
    row.setSpacing(3)
    for action in (editor.accept, editor.reject):
        row.addWidget(tool_button(action))
    row.addWidget(menu_button("Label", editor.labels, "Class of the selected intervals (1, 2, 3; 0: none)"))
    for action in (editor.kind, editor.add, editor.split, editor.merge):
        row.addWidget(tool_button(action))
    more = [editor.reopen, *editor.marks, editor.comment, *further]
    row.addWidget(menu_button("More", more, "Further things to do with the selected interval"))
    row.addStretch(1)
    for widget in at_end:
        row.addWidget(widget)
    return row
