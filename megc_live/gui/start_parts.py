"""What the cards of the start page are made of."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from megc_live.gui import icons, theme


class Card(QFrame):
    """A frame with a heading; what is added to ``inside`` comes below it.

    Parameters
    ----------
    title : str
        The heading.
    text : str
        A line below it, ``""`` for none.
    corner : QWidget, optional
        Beside the heading.
    """

    def __init__(self, title: str, text: str = "", corner: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.inside = QVBoxLayout(self)
        self.inside.setContentsMargins(12, 10, 12, 10)
        top = QHBoxLayout()
        top.addWidget(label(title, "heading"), 1)
        if corner is not None:
            top.addWidget(corner)
        self.inside.addLayout(top)
        if text:
            self.inside.addWidget(label(text, "soft"))


def label(text: str = "", role: str = "") -> QLabel:
    """Return a label that wraps; ``role`` is one of the style sheet: title, heading, soft, warn, bad."""
    made = QLabel(text)
    made.setWordWrap(True)
    made.setMinimumWidth(1)  # a long word, such as a path in an error, must not widen the window
    if role:
        made.setProperty("role", role)
    return made


def row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return the widgets side by side: equally wide, or only number ``stretch`` growing."""
    layout = QHBoxLayout()
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch is None or number == stretch else 0)
    return layout


def button(text: str, icon: str, slot: Callable[[], object], tip: str) -> QPushButton:
    """Return a button with an icon and a tooltip; ``slot`` is called without arguments."""
    made = QPushButton(icons.icon(icon), text)
    made.setToolTip(tip)
    made.clicked.connect(lambda _checked=False: slot())
    return made


def button_of(action: QAction, icon: str, *, primary: bool = False) -> QPushButton:
    """Return a button that follows an action: its text, tooltip and whether it can be used.

    Parameters
    ----------
    action : QAction
        What it does.
    icon : str
        Name of the icon.
    primary : bool
        It is the main button of its place, and stands out.
    """
    made = QPushButton(icons.icon(icon, "accent_text" if primary else "ink"), action.text())
    made.setProperty("primary", "true" if primary else "false")

    def follow() -> None:
        made.setText(action.text())
        made.setToolTip(action.toolTip())
        made.setEnabled(action.isEnabled())

    action.changed.connect(follow)
    theme.changed.connect(made.update)
    follow()
    made.clicked.connect(lambda _checked=False: action.trigger())
    return made
