"""What is going on when there is no live picture, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from megc_live.live_snapshot import Snapshot


class Notice(QFrame):
    """A card over the picture: a title, a sentence, and buttons for what can be done.

    Parameters
    ----------
    buttons : sequence of QAction
        Each gets a button; :meth:`say` chooses which are seen.
    """

    def __init__(self, buttons: tuple[QAction, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAccessibleName("State of the session")
        self.title, self.text = QLabel(), QLabel()
        self.title.setProperty("role", "heading")
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setMinimumWidth(330)
        self.buttons = {action: _button(action) for action in buttons}
        row = QHBoxLayout()
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        for label in (self.title, self.text):
            layout.addWidget(label)
        layout.addLayout(row)
        self._said: tuple[object, ...] = ()

    def say(self, title: str, text: str, actions: tuple[QAction, ...] = ()) -> None:
        """Show the card."""
        said = (title, text, *actions)
        if said != self._said:
            self._said = said
            self.title.setText(title)
            self.text.setText(text)
            for action, button in self.buttons.items():
                button.setVisible(action in actions)
            self.adjustSize()
        self.show()


def _button(action: QAction) -> QPushButton:
    button = QPushButton(action.text())
    button.setToolTip(action.toolTip())
    button.clicked.connect(lambda _checked=False: action.trigger())

    def follow() -> None:
        button.setText(action.text())
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())

    action.changed.connect(follow)
    return button


def words(snapshot: Snapshot, source: str, found: Callable[[], str]) -> tuple[str, str] | None:
    """Return title and sentence for a state that needs them, else None.

    Parameters
    ----------
    snapshot : Snapshot
    source : str
        The source as it was asked for.
    found : callable
        Says how much was found; asked when the session has ended.
    """
    state, message = snapshot.state, snapshot.message
    if state == "opening":
        return "Opening", message or f"Opening {source} and loading the models. This takes a few seconds."
    if state == "lost":
        again = "The session goes on when it is back; Stop ends it and keeps what was found."
        return "The source is lost", " ".join(filter(None, (message or f"{source} delivers nothing.", again)))
    if state == "stopping":
        return "Finishing", "The last frames are analysed and the results are written."
    if state == "failed":
        return "This did not work", message or f"{source} cannot be analysed."
    if state == "ended":
        where = f" Results: {snapshot.folder}" if snapshot.folder is not None else ""
        return "Session finished", " ".join(filter(None, (message, f"{found()}{where}")))
    if snapshot.frame is None and snapshot.analysed is None:
        return "Waiting for the first frame", f"{source} is open."
    return None
