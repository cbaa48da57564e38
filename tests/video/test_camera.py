"""The camera source, driven by a fake device."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import cv2
import pytest

from megc_live.errors import SourceError
from megc_live.video import ManualClock, list_cameras
from megc_live.video.camera import RETRY_S, WARM_UP_FRAMES, CameraSource
from tests.indexed import read_index
from tests.video.fakes import FakeCamera

FIRST = WARM_UP_FRAMES


def opened(device: FakeCamera, **options: float) -> CameraSource:
    return CameraSource(0, make=device, clock=device.clock, **options)


def test_the_rate_is_measured_whatever_the_driver_says() -> None:
    device = FakeCamera(ManualClock(jump=True), fps=12.0)
    device.settings[cv2.CAP_PROP_FPS] = 30.0
    with opened(device) as source:
        assert source.info.fps == pytest.approx(12 / 1.25)  # retrieving takes a quarter period more


def test_frames_are_stamped_between_grab_and_retrieve() -> None:
    device = FakeCamera(ManualClock(jump=True), fps=25.0)
    with opened(device) as source:
        frame = source.read()
        assert frame is not None
        assert frame.t_capture == pytest.approx(device.clock.now() - 0.25 / 25)


def test_the_rate_asked_for_is_passed_on() -> None:
    device = FakeCamera(ManualClock(jump=True))
    with opened(device, fps=60.0):
        assert device.settings[cv2.CAP_PROP_FPS] == 60.0


def test_failing_reads_are_a_gap_in_index_and_time() -> None:
    device = FakeCamera(ManualClock(jump=True), unplugged=range(FIRST + 3, FIRST + 6))
    with opened(device) as source:
        frames = [source.read() for _ in range(6)]
        rate = source.info.fps
    assert source.failed_reads == 3
    kept = [f for f in frames if f is not None]
    assert [read_index(f.image.grey) - FIRST for f in kept] == [0, 1, 2, 6, 7, 8]
    gap = kept[3].index - kept[2].index
    assert gap - 1 == source.dropped > 0
    assert (kept[3].pts_s - kept[2].pts_s) * rate == pytest.approx(gap, abs=0.5)
    assert kept[3].pts_s - kept[2].pts_s > 3 * RETRY_S


def test_an_unplugged_camera_that_returns_is_opened_again_and_goes_on() -> None:
    device = FakeCamera(ManualClock(jump=True), unplugged=range(FIRST + 2, FIRST + 14))
    with opened(device) as source:
        frames = [f for _ in range(4) if (f := source.read()) is not None]
        assert device.released >= 1
    assert [read_index(f.image.grey) - FIRST for f in frames] == [0, 1, 14, 15]
    assert frames[2].pts_s - frames[1].pts_s > 0.5


def test_a_camera_that_stays_away_is_an_error() -> None:
    device = FakeCamera(ManualClock(jump=True), ends=FIRST + 2)
    with opened(device, patience_s=2.0) as source:
        assert source.read() is not None and source.read() is not None
        before = device.clock.now()
        with pytest.raises(SourceError, match="delivered no frame"):
            source.read()
        assert device.clock.now() - before == pytest.approx(2.0, abs=0.2)
    assert device.released >= 1


def test_a_camera_that_does_not_open_is_an_error() -> None:
    device = FakeCamera(ManualClock(jump=True))
    device.isOpened = lambda: False  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="megc-live cameras"):
        opened(device)
    assert device.released == 1


def test_listing_opens_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2_enumerate_cameras

    def forbidden(*args: object) -> None:
        raise AssertionError("a camera was opened")

    found = [SimpleNamespace(index=k, name=f"cam {k}", path=f"/dev/video{k}") for k in (2, 0)]
    backend = {"win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}.get(sys.platform, cv2.CAP_V4L2)
    monkeypatch.setattr(cv2, "VideoCapture", forbidden)
    monkeypatch.setattr(cv2_enumerate_cameras, "supported_backends", (backend,))
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", lambda api: found)
    assert [(c.index, c.name) for c in list_cameras()] == [(0, "cam 0"), (2, "cam 2")]
