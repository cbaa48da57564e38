"""A real result under review: the tests' face clip, analysed once; each test corrects a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QImage, QMouseEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from megc_live.batch import analyse
from megc_live.gui import theme
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.view import ReviewView
from megc_live.output.reviewed import ReviewInterval
from megc_live.settings import Settings
from tests.conftest import FaceClip
from tests.indexed import read_index

NAME = "A. Coder"
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


@pytest.fixture(scope="session")
def analysed(face_clip: FaceClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the engine wrote of the face clip."""
    out = tmp_path_factory.mktemp("analysed")
    outcome = analyse(str(face_clip.path), out, Settings(), name="face")
    assert outcome.status == "done" and outcome.micro >= 2, outcome
    return out / "face"


@pytest.fixture
def folder(analysed: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(analysed, tmp_path / "result"))


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A memory of this test's own, in which a reviewer has given a name."""
    made = Memory(tmp_path / "window.ini")
    made.reviewer = NAME
    return made


@pytest.fixture
def new_view(qtbot: QtBot, memory: Memory) -> Iterator[Callable[[], ReviewView]]:
    """Makes views that are shown, and ended with the test."""
    theme.apply("light")
    pg.setConfigOption("mouseRateLimit", -1)  # a test's mouse is quicker than a hand
    made: list[ReviewView] = []

    def make() -> ReviewView:
        view = ReviewView(Settings, memory=memory)
        qtbot.addWidget(view)
        view.resize(1280, 680)
        view.show()
        made.append(view)
        return view

    yield make
    for view in made:
        assert view.shutdown(5.0)


@pytest.fixture
def view(qtbot: QtBot, new_view: Callable[[], ReviewView], folder: Path) -> ReviewView:
    """The result, open and with its first picture shown."""
    made = new_view()
    open_in(made, folder, qtbot)
    return made


def open_in(view: ReviewView, folder: Path, qtbot: QtBot) -> None:
    """Open a folder and wait until its picture is there."""
    view.open(folder)
    assert view.pages.currentWidget() is view.wait_page
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page, timeout=20_000)
    assert view.document is not None and view.document.folder == folder, view.banner.text.text()
    if view.document is not None and view.document.video is not None:
        wait_for_picture(view, qtbot)


def wait_for_picture(view: ReviewView, qtbot: QtBot) -> None:
    """Wait until the frame that was asked for is shown."""
    player = view.work.player
    qtbot.waitUntil(lambda: player.frame == player.position, timeout=20_000)


def pixels(image: QImage | None) -> np.ndarray:
    """Return what a picture shows, (h, w, 3) uint8."""
    assert image is not None
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    data = plain.constBits()
    assert data is not None
    data.setsize(plain.sizeInBytes())
    flat = np.frombuffer(bytes(data), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return flat[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3)


def number_in(view: ReviewView) -> int:
    """Read the frame number out of the picture that is shown."""
    return read_index(pixels(view.work.player.picture.image).astype(float).mean(axis=2))


def interval(view: ReviewView, number: int) -> ReviewInterval:
    """Return an interval of the document."""
    assert view.document is not None
    return view.document.get(number)


def frames_of(view: ReviewView, number: int) -> tuple[int, int, int]:
    """Return onset, apex and offset."""
    record = interval(view, number).record
    return record.onset_frame, record.apex_frame, record.offset_frame


class Hand:
    """The mouse in the lane of intervals: places are a frame and a height from 0 (below) to 1 (above)."""

    def __init__(self, view: ReviewView) -> None:
        self.bars = view.work.timeline.bars
        viewport = view.work.timeline.view.viewport()
        assert viewport is not None
        self.viewport = viewport
        self.graphics = view.work.timeline.view

    def point(self, frame: float, height: float) -> QPoint:
        times = self.bars._times
        t_s = float(np.interp(frame, np.arange(len(times)), times))
        scene = self.bars.mapToScene(QPointF(t_s, height))
        return self.graphics.mapFromScene(scene)

    def press(self, frame: float, height: float) -> None:
        self._send(QEvent.Type.MouseMove, frame, height, _NONE, _NONE)
        self._send(QEvent.Type.MouseButtonPress, frame, height, _LEFT, _LEFT)

    def move(self, frame: float, height: float) -> None:
        self._send(QEvent.Type.MouseMove, frame, height, _NONE, _LEFT)

    def release(self, frame: float, height: float) -> None:
        self._send(QEvent.Type.MouseButtonRelease, frame, height, _LEFT, _NONE)

    def double_click(self, frame: float, height: float) -> None:
        self.press(frame, height)
        self.release(frame, height)
        self._send(QEvent.Type.MouseButtonDblClick, frame, height, _LEFT, _LEFT)
        self.release(frame, height)

    def drag(self, start: tuple[float, float], *way: tuple[float, float]) -> None:
        self.press(*start)
        for place in way:
            self.move(*place)
        self.release(*way[-1])

    def _send(
        self, kind: QEvent.Type, frame: float, height: float, button: Qt.MouseButton, held: Qt.MouseButton
    ) -> None:
        # QTest.mouseMove says that no button is held, which no mouse does while it drags
        here = QPointF(self.point(frame, height))
        there = QPointF(self.viewport.mapToGlobal(here.toPoint()))
        event = QMouseEvent(kind, here, there, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.viewport, event)
