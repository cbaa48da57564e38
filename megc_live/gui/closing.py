"""Asks before what runs is ended: with its window, or for another session."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, pyqtBoundSignal
from PyQt6.QtWidgets import QMessageBox, QWidget

from megc_live.gui.questions import ask


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
        def answered(stop: bool) -> None:
            self.box = None
            if stop:
                self._allowed = True
                self._window.close()

        self.box = ask(
            self._window,
            "Close the window",
            f"{running}\n\nStop, keep what was found so far, and close?",
            "&Stop and close",
            "&Go on working",
            answered,
        )


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

    def unplugged(other: str) -> None:
        if other == spec:
            box.reject()
            lapse()

    def answered(end: bool) -> None:
        gone.disconnect(unplugged)
        if end:
            then()

    gone.connect(unplugged)
    box = ask(
        window,
        "A session is running",
        "A live session is running. End it, keep its results, and begin the new one?",
        "&End it and begin",
        "&Keep it running",
        answered,
    )
