"""Asks before what runs is ended: with its window, or for another session."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, pyqtBoundSignal
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


def ask_to_end_session(
    window: QWidget, spec: str, then: Callable[[], object], gone: pyqtBoundSignal, lapse: Callable[[], object]
) -> None:
    """Ask whether the live session that runs is to be ended for another one.

    Parameters
    ----------
    window : QWidget
        Above which it is asked.
    spec : str
        Source of the other one.
    then : callable
        Called if the user says so.
    gone : signal of str
        A camera is there no more: if it is that of ``spec``, the question is closed and ``lapse`` called.
    lapse : callable
    """
    box = QMessageBox(window)
    box.setWindowTitle("A session is running")
    box.setText("A live session is running. End it, keep its results, and begin the new one?")
    end = box.addButton("&End it and begin", QMessageBox.ButtonRole.AcceptRole)
    keep = box.addButton("&Keep it running", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)

    def unplugged(other: str) -> None:
        if other == spec:
            box.reject()
            lapse()

    def decided() -> None:
        gone.disconnect(unplugged)
        box.deleteLater()
        if box.clickedButton() is end:
            then()

    gone.connect(unplugged)
    box.finished.connect(decided)
    box.open()
