"""Real widgets without a display, in folders of the test's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.app import make_app
from megc_live.gui.main_window import MainWindow
from megc_live.gui.preferences import Places, Preferences
from megc_live.gui.review.memory import Memory
from megc_live.gui.start_demo import DemoClip, Make, Report
from megc_live.settings import Settings
from megc_live.video import Source
from megc_live.video.camera import CameraInfo

PATIENCE_MS = 120_000
CAMERA = CameraInfo(0, "Simulated camera", "/dev/none")


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    app = make_app()
    theme.apply("light")
    return app


@pytest.fixture
def qtbot(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> QtBot:
    """Waits for as long as a computer needs that has much else to do; what comes is not waited for longer."""
    for name in ("waitUntil", "waitSignal", "waitSignals"):
        monkeypatch.setattr(qtbot, name, patient(getattr(qtbot, name)))
    return qtbot


def patient(wait: Callable[..., Any]) -> Callable[..., Any]:
    """Return a way to wait with at least :data:`PATIENCE_MS`."""

    def waiting(*args: Any, timeout: int = 0, **more: Any) -> Any:
        return wait(*args, timeout=max(timeout, PATIENCE_MS), **more)

    return waiting


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "config", tmp_path / "state", tmp_path / "cache", tmp_path / "home")


def no_source(spec: str) -> Source:
    raise AssertionError(f"{spec!r} was opened")


def no_clip(path: Path, stop: threading.Event, report: Report) -> None:
    raise AssertionError("the demo clip was rendered")


@dataclass
class Windows:
    """Makes windows that are shown, and closes them with the test."""

    qtbot: QtBot
    places: Places
    made: list[MainWindow] = field(default_factory=list)

    def __call__(
        self,
        *,
        cameras: list[CameraInfo] | None = None,
        opening: Callable[[str], Source] = no_source,
        make_clip: Make = no_clip,
    ) -> MainWindow:
        Memory(self.places.config / "window.ini").reviewer = "A. Coder"
        window = MainWindow(
            self.places,
            Preferences(self.places),
            Settings(),
            clip=DemoClip(self.places.cache, make_clip),
            listing=lambda: list(cameras or ()),
            opening=opening,
        )
        self.made.append(window)
        self.qtbot.addWidget(window)
        with self.qtbot.waitExposed(window):
            window.show()
        window.activateWindow()
        self.qtbot.waitUntil(window.isActiveWindow)
        self.qtbot.waitUntil(lambda: window.start.camera.picker.currentText() != "Looking for cameras …")
        return window


@pytest.fixture
def new_window(qtbot: QtBot, places: Places) -> Iterator[Windows]:
    windows = Windows(qtbot, places)
    yield windows
    for window in windows.made:
        window.end()
        window.close()


def turn_wheel(field: QWidget) -> None:
    """Turn the mouse's wheel over a field, by one notch down."""
    here = QPointF(5, 5)
    event = QWheelEvent(
        here, QPointF(field.mapToGlobal(here.toPoint())), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(field, event)
