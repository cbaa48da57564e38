"""What the window shows around its workspaces: tabs and buttons above, the purpose below."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QWidget,
)

from megc_live.gui import icons
from megc_live.output.session import PURPOSE_NOTICE


class Header(QFrame):
    """A tab for each workspace, tools, and the menu.

    Parameters
    ----------
    workspaces : sequence of (title, icon, tip)
    go : sequence of QAction
        One for each of them.
    tools : sequence of (icon, QAction)

    Attributes
    ----------
    tabs : list of QToolButton
    menu_button : QToolButton
    """

    def __init__(
        self,
        workspaces: Sequence[tuple[str, str, str]],
        go: Sequence[QAction],
        tools: Sequence[tuple[str, QAction]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 6, 12, 6)
        group = QButtonGroup(self)
        self.tabs: list[QToolButton] = []
        for (title, icon, _), action in zip(workspaces, go, strict=True):
            tab = QToolButton()
            tab.setText(title)
            tab.setIcon(icons.icon(icon))
            tab.setIconSize(QSize(22, 22))
            tab.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tab.setMinimumSize(128, 36)
            tab.setCheckable(True)
            tab.setToolTip(action.toolTip())
            tab.setProperty("role", "tab")
            tab.clicked.connect(lambda _checked=False, action=action: action.trigger())
            group.addButton(tab)
            line.addWidget(tab)
            self.tabs.append(tab)
        line.addStretch(1)
        for icon, action in tools:
            tool = QToolButton()
            tool.setIcon(icons.icon(icon))
            tool.setIconSize(QSize(20, 20))
            tool.setToolTip(action.toolTip())
            tool.setAccessibleName(action.text().replace("&", ""))
            tool.clicked.connect(lambda _checked=False, action=action: action.trigger())
            line.addWidget(tool)
        self.menu_button = QToolButton()
        self.menu_button.setText("Menu")
        self.menu_button.setProperty("role", "menu")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        line.addWidget(self.menu_button)

    def set_menu(self, menu: QMenu, tip: str) -> None:
        """Give the button its menu."""
        self.menu_button.setMenu(menu)
        self.menu_button.setToolTip(tip)


def purpose_label() -> QLabel:
    """Return the line that says what the program is not for."""
    label = QLabel(PURPOSE_NOTICE)
    label.setProperty("role", "notice")
    label.setToolTip("What this program is not for; more under Menu, About")
    return label
