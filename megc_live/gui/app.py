"""Opens the window and runs it until it is closed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from types import TracebackType

from PyQt6.QtCore import QCoreApplication, QEvent, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication, QMessageBox

from megc_live import __version__
from megc_live.errors import MegcError, SettingsError
from megc_live.gui import icons, theme
from megc_live.gui.display import clean_environment
from megc_live.gui.main_window import MainWindow
from megc_live.gui.preferences import APP, Places, Preferences, load_settings
from megc_live.gui.style import Style
from megc_live.live_session import SESSION_THREAD
from megc_live.settings import Settings
from megc_live.threads import share_cores


def run(source: str | None = None, settings: Settings | None = None) -> int:
    """Open the window and return the exit code once it is closed.

    Parameters
    ----------
    source : str, optional
        What to open in it at once: a camera, an address, a video, a folder of videos, images or results.
    settings : Settings, optional
        Those to use instead of the saved ones; not saved unless they are saved in the window.
    """
    share_cores()  # as `analyze` does
    app = make_app()
    places = Places.of_this_user()
    problem = ""
    if settings is None:
        try:
            settings = load_settings(places)
        except SettingsError as error:
            settings, problem = Settings(), f"{error} The defaults are used."
    preferences = Preferences(places)
    theme.apply(preferences.theme)
    window = MainWindow(places, preferences, settings)
    sys.excepthook = FaultHook(window)
    _end_on_signals(app, window)
    window.show()
    if problem:
        window.tell(problem)
    if source is not None:
        window.open_source(source)
    code = app.exec()
    _take_down(app, window)
    _leave(code)
    return code


def _take_down(app: QApplication, window: MainWindow) -> None:
    """Delete the window before the application: left to Python, the order is chance, and Qt may crash."""
    sys.excepthook = sys.__excepthook__
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    window.hide()
    window.deleteLater()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def make_app() -> QApplication:
    """Return the application object, one for each process."""
    clean_environment()
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    QCoreApplication.setApplicationName(APP)
    QCoreApplication.setApplicationVersion(__version__)
    QGuiApplication.setApplicationDisplayName(APP)
    QGuiApplication.setDesktopFileName(APP)
    app = QApplication([APP])
    app.setStyle(Style())  # Fusion is the one style that follows our palette on every system
    app.setWindowIcon(icons.icon("review", "accent"))
    return app


def _end_on_signals(app: QApplication, window: MainWindow) -> None:
    """End in good order, and without questions, on Ctrl-C and when the system asks the program to end.

    Python looks for signals whenever it runs: the window's timers see to that.
    """

    def end(*_: object) -> None:
        window.end()
        app.exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


class FaultHook:
    """Shows what nobody caught: Qt would end the program otherwise, and the session with it."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._showing = False

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show it: an error of ours as a line, anything else as a box with the details."""
        if isinstance(error, MegcError):
            self._window.tell(str(error))
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        print(text, file=sys.stderr)
        if self._showing:  # one box, not one for each tick of a timer
            return
        self._showing = True
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Critical)
        box.setWindowTitle("A fault of the program")
        box.setText(f"{kind.__name__}: {error}\n\nWhat runs goes on. Please report this with the details.")
        box.setDetailedText(text)
        box.finished.connect(self._shown)
        box.open()

    def _shown(self) -> None:
        self._showing = False


_RESULTS_S = 10.0
"""Longest time, after the window is gone, for the results of a live session to be written."""


def _leave(code: int) -> None:
    """End the process at once if a thread hangs in a driver: Python's own end could wait for it.

    A live session that still writes its results is waited for: the window is closed already.
    """
    ends = time.monotonic() + _RESULTS_S
    for thread in threading.enumerate():
        if thread.name == SESSION_THREAD:
            thread.join(max(0.0, ends - time.monotonic()))
    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(thread.is_alive() and thread.name != "stderr filter" for thread in left):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
