"""Asks before what runs is ended: with its window, or for another session."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QMessageBox, QWidget


class AskBeforeClosing(QObject):
    """Holds the closing of a window back until the user has answered.

    Parameters
    ----------
    window : QWidget
    running : callable
        What closing would stop, in a sentence or two; empty: the window may be closed.
    """

    def __init__(self, window: QWidget, running: Callable[[], str]) -> None:
        super().__init__(window)
        self._window = window
        self._running = running
        self._allowed = False
        self.box: QMessageBox | None = None
        window.installEventFilter(self)

    def eventFilter(self, target: QObject | None, event: QEvent | None) -> bool:
        """Hold the window's closing back once, to ask."""
        if event is None or target is not self._window or event.type() != QEvent.Type.Close:
            return False
        running = "" if self._allowed else self._running()
        if not running:
            return False
        event.ignore()
        if self.box is None:
            self._ask(running)
        return True

    def _ask(self, running: str) -> None:
        box = QMessageBox(self._window)
        box.setWindowTitle("Close the window")
        box.setText(f"{running}\n\nStop, keep what was found so far, and close?")
        stop = box.addButton("&Stop and close", QMessageBox.ButtonRole.AcceptRole)
        go_on = box.addButton("&Go on working", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(go_on)  # Enter and Esc end nobody's session
        box.setEscapeButton(go_on)
        self.box = box

        def answered() -> None:
            self.box = None
            box.deleteLater()
            if box.clickedButton() is stop:
                self._allowed = True
                self._window.close()

        box.finished.connect(answered)
        box.open()


def ask_to_end_session(window: QWidget, then: Callable[[], object]) -> None:
    """Ask whether the live session that runs is to be ended for another one, and call ``then`` if it is."""
    box = QMessageBox(window)
    box.setWindowTitle("A session is running")
    box.setText("A live session is running. End it, keep its results, and begin the new one?")
    end = box.addButton("&End it and begin", QMessageBox.ButtonRole.AcceptRole)
    keep = box.addButton("&Keep it running", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)

    def decided() -> None:
        box.deleteLater()
        if box.clickedButton() is end:
            then()

    box.finished.connect(decided)
    box.open()
