"""Files and folders can be dropped anywhere in the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QWidget


class FileDrops(QObject):
    """Takes drops of files before the widget under them does: plots and lists have own uses for drops.

    Parameters
    ----------
    window : QWidget
        Where they are taken.
    take : callable
        Is called with the paths.
    """

    def __init__(self, window: QWidget, take: Callable[[Sequence[Path]], None]) -> None:
        super().__init__(window)
        self._window, self._take = window, take
        window.setAcceptDrops(True)
        app = QCoreApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def eventFilter(self, target: QObject | None, event: QEvent | None) -> bool:
        """Accept drags of local files over the window, and take them when they are dropped."""
        kinds = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)
        if event is None or event.type() not in kinds or not isinstance(event, QDropEvent):
            return False
        if not isinstance(target, QWidget) or target.window() is not self._window:
            return False
        paths = _local_files(event)
        if not paths:
            return False
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if event.type() == QEvent.Type.Drop:
            self._take(paths)
        return True


def _local_files(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    if data is None or not data.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
