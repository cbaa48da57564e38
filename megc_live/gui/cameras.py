"""Which cameras there are: listed in a worker thread, never opened to find out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QLoggingCategory, QObject, QTimer, pyqtSignal

from megc_live.video.camera import CameraInfo, list_cameras

ListCameras = Callable[[], list[CameraInfo]]
POLL_MS = 50


class CameraList(QObject):
    """The cameras of this computer; tells when they have been listed.

    OpenCV numbers the cameras and the operating system names them (:func:`list_cameras`); Qt, where its
    multimedia part loads, tells when one is plugged in or out, and the list is then made anew.

    Parameters
    ----------
    listing : callable
        Returns the cameras; called in a thread.
    parent : QObject, optional
        Owner.
    """

    listed = pyqtSignal(object)
    """A list of :class:`~megc_live.video.camera.CameraInfo`."""

    def __init__(self, listing: ListCameras = list_cameras, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._listing = listing
        self._found: list[list[CameraInfo]] = []
        self._thread: threading.Thread | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._look)
        self._devices: Any = None

    def watch(self) -> bool:
        """Have the list made anew when a camera comes or goes; False where this system cannot tell."""
        QLoggingCategory.setFilterRules("qt.multimedia.*=false")  # it lists each codec that it lacks
        try:
            from PyQt6.QtMultimedia import QMediaDevices
        except ImportError:
            return False
        self._devices = QMediaDevices(self)
        self._devices.videoInputsChanged.connect(self.refresh)
        return True

    def refresh(self) -> None:
        """List them; :attr:`listed` tells the result."""
        if self._thread is not None and self._thread.is_alive():
            self._again = True
            return
        self._again = False
        self._thread = threading.Thread(target=self._run, name="list cameras", daemon=True)
        self._thread.start()
        self._timer.start()

    def _run(self) -> None:
        try:
            found = self._listing()
        except Exception:  # a driver's listing that fails lists none: the page then says so
            found = []
        self._found.append(found)

    def _look(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._timer.stop()
        found = self._found[-1] if self._found else []
        self._found.clear()
        self.listed.emit(found)
        if self._again:
            self.refresh()
