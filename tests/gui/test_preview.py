"""A look through the camera: its rate, its end, and an unplugged camera that comes back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from pytestqt.qtbot import QtBot

from megc_live.errors import SourceError
from megc_live.gui.preview import Preview, PreviewNow, PreviewPicture, measured_text, wait_then_open
from megc_live.video import Source
from megc_live.video.camera import CameraInfo
from tests.gui.conftest import CAMERA, Windows
from tests.gui.forms import consent
from tests.simulated import SimulatedCamera, jump_clock

LEFT = Qt.MouseButton.LeftButton
SLOW_MS = 20_000


@pytest.fixture
def begin() -> Iterator[Callable[[Callable[[], Source]], Preview]]:
    """Begins previews and ends them with the test."""
    begun: list[Preview] = []

    def make(opening: Callable[[], Source]) -> Preview:
        begun.append(Preview(opening))
        return begun[-1]

    yield make
    for preview in begun:
        preview.stop()
        assert preview.wait_closed(10)


Begin = Callable[[Callable[[], Source]], Preview]


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_the_rate_is_that_of_the_camera(new_window: Windows, qtbot: QtBot, fps: float) -> None:
    """Of all frames that the camera gave, not of those that are painted."""
    device = SimulatedCamera(fps)
    window = new_window(cameras=[CAMERA], opening=lambda spec: device.open())
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)

    def measured() -> float:
        found = re.fullmatch(r"320 x 240 px, ([\d.]+) frames/s measured", card.measured.text())
        return float(found.group(1)) if found else 0.0

    def near() -> bool:
        preview = card.picture.preview
        assert preview is not None
        return preview.now().count > fps and abs(measured() - fps) < 0.05 * fps

    qtbot.waitUntil(near, timeout=SLOW_MS)
    assert card.picture._image is not None


def test_the_rate_is_of_the_last_two_seconds(begin: Begin) -> None:
    """A camera that was slow at first, as one that has to adjust to the light, is not told so for ever."""
    clock, begun = jump_clock(), threading.Event()
    rates: list[float] = []

    def slow_at_first(number: int) -> None:
        assert begun.wait(20)
        rates.append(preview.now().fps)
        if number < 20:
            clock.advance(0.5)
            device._device.began = clock.now() - number / device.info.fps  # it does not catch up

    device = SimulatedCamera(100.0, clock=clock, limit=1200, before_frame=slow_at_first)
    preview = begin(device.open)
    begun.set()
    assert preview.wait_closed(20)
    assert rates[19] < 5
    assert rates[-1] == pytest.approx(100, rel=0.01)


def test_nothing_is_measured_from_one_frame() -> None:
    info = SimulatedCamera(30.0).info
    assert measured_text(PreviewNow("opening", "", None, float("nan"), None, 0)) == ""
    said = measured_text(PreviewNow("running", "", info, float("nan"), None, 1))
    assert said == "320 x 240 px, measuring the rate ..."


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_unplugged_in_the_middle_and_back(new_window: Windows, qtbot: QtBot, fps: float) -> None:
    """It says so, the system's list follows, and it can be looked through again when it is back."""
    device = SimulatedCamera(fps)
    plugged = [CAMERA]
    window = new_window(cameras=plugged, opening=lambda spec: device.open())
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)
    qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
    before = card.picture.preview
    assert before is not None
    device.unplug()
    qtbot.waitUntil(lambda: not card.is_previewing() and card.measured.text() == "")
    assert card.picture._text.startswith("camera sim has delivered no frame") and "Plug" in card.picture._text
    assert card.picture._image is None
    assert card.preview_button.text().replace("&", "") == "Preview"
    assert before.wait_closed(10)
    plugged.clear()
    card.cameras.refresh()
    qtbot.waitUntil(card.no_camera.isVisible)
    assert not card.preview_button.isEnabled() and not card.start_button.isEnabled()
    plugged.append(CAMERA)
    device.plug()
    card.cameras.refresh()
    qtbot.waitUntil(card.preview_button.isEnabled)
    assert not card.no_camera.isVisible()
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)
    qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
    assert card.picture._image is not None and not card.lapsed.isVisible()


def test_a_camera_that_hangs_holds_up_neither_the_window_nor_the_next_preview(
    new_window: Windows, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("megc_live.gui.preview.LET_GO_S", 0.2)
    stuck, other = SimulatedCamera(30.0), SimulatedCamera(30.0)
    devices = {"camera:0": stuck, "camera:1": other}
    cameras = [CAMERA, CameraInfo(1, "Another", "/dev/other")]
    window = new_window(cameras=cameras, opening=lambda spec: devices[spec].open())
    card = window.start.camera
    try:
        qtbot.mouseClick(card.preview_button, LEFT)
        consent(qtbot)
        qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
        stuck.hang()
        qtbot.waitUntil(stuck.hanging.is_set)
        card.picker.setCurrentIndex(1)
        qtbot.mouseClick(card.preview_button, LEFT)
        consent(qtbot)
        qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
        assert other.opened == 2 and not stuck._device.free.is_set()  # it hangs to this moment
    finally:
        stuck.release()


def test_a_device_is_let_go_of_before_it_is_opened_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preview holds the device until somebody waits for it: only then does its read come back."""
    device = SimulatedCamera(30.0)
    device.hang()
    preview = begin(device.open)
    assert device.hanging.wait(10)
    preview.stop()
    wait = preview.wait_closed

    def wait_closed(timeout_s: float) -> bool:
        device.release()
        return wait(timeout_s)

    monkeypatch.setattr(preview, "wait_closed", wait_closed)
    open_or_not: list[bool] = []

    def again() -> Source:
        open_or_not.append(preview.is_closed())
        return device.open()

    try:
        wait_then_open(preview, again)().close()
    finally:
        device.release()
    assert open_or_not == [True]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (SourceError("camera 0 does not open.", "Close other programs."), "camera 0 does not open."),
        (OSError("no bandwidth on the bus"), "the preview failed: no bandwidth on the bus."),
        (RuntimeError(), "the preview failed: RuntimeError."),
    ],
)
def test_whatever_goes_wrong_is_told(begin: Begin, fault: Exception, said: str) -> None:
    def opening() -> Source:
        raise fault

    preview = begin(opening)
    assert preview.wait_closed(10)
    assert preview.now().state == "failed" and preview.now().message.startswith(said)


def test_the_picture_is_as_in_a_mirror(qtbot: QtBot, begin: Begin) -> None:
    """The left half of what the camera sees is shown on the right."""
    import numpy as np

    half = np.zeros((240, 320, 3), np.uint8)
    half[:, :160] = (250, 0, 0)
    device = SimulatedCamera(30.0, pictures=[half], stamped=False)
    widget = PreviewPicture()
    qtbot.addWidget(widget)
    widget.resize(320, 240)
    widget.show()
    widget.show_preview(begin(device.open))
    qtbot.waitUntil(lambda: widget._image is not None)
    shown = widget.grab().toImage()
    left, right = QColor(shown.pixel(40, 120)), QColor(shown.pixel(280, 120))
    assert right.red() > 200 and left.red() < 50
    widget.stop()
    assert QColor(widget.grab().toImage().pixel(280, 40)).red() != right.red()
