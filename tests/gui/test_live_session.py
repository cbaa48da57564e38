"""The Live workspace with real sessions and a simulated camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import QObject, pyqtSignal
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.live.view import PAINT_S, LiveView
from megc_live.live_session import LiveSession
from megc_live.output import SessionInfo, read_intervals
from megc_live.output.tables import read_frames
from megc_live.settings import Settings
from megc_live.video import LivePlayer, Source, open_source
from tests.conftest import FaceClip
from tests.simulated import SimulatedCamera, jump_clock

LONG = 20_000
CONSENT = {"given": True, "purpose": "test"}


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[LiveView]:
    theme.apply("light")
    made = LiveView(Settings)
    qtbot.addWidget(made)
    made.resize(1280, 660)
    made.show()
    yield made
    made.shutdown()


def start(view: LiveView, make: Callable[[], Source], folder: Path | None, spec: str = "camera:7") -> None:
    view.start(spec, make, consent=CONSENT, folder=folder)


def until(qtbot: QtBot, view: LiveView, state: str) -> None:
    qtbot.waitUntil(lambda: view._snapshot is not None and view._snapshot.state == state, timeout=LONG)


def snapshot(view: LiveView) -> Any:
    assert view._snapshot is not None
    return view._snapshot


def action(view: LiveView, text: str) -> Any:
    return next(found for found in view.actions() if found.text() == text)


def wait_for(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=LONG)


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_start_pause_record_stop(view: LiveView, qtbot: QtBot, tmp_path: Path, fps: float) -> None:
    camera = SimulatedCamera(fps)
    start(view, camera.open, tmp_path)
    assert view.notice.title.text() == "Opening"
    until(qtbot, view, "running")
    began, painted = time.monotonic(), view.picture.stats.enqueued
    wait_for(qtbot, lambda: len(snapshot(view).faces) == 1 and snapshot(view).n_rows > 1.5 * fps)
    assert not view.notice.isVisible()
    most = 2 + (time.monotonic() - began) / PAINT_S
    assert 1 < view.picture.stats.enqueued - painted <= most  # whatever the camera's rate
    assert np.isfinite(view.timeline.history.window(1.0)[1][:, 0]).any()

    action(view, "Pause").trigger()
    until(qtbot, view, "paused")
    wait_for(qtbot, lambda: snapshot(view).stages[1].in_flight == 0)
    still = view._session.snapshot()  # type: ignore[union-attr]  # one's own rows may be older than its stages
    rows, shown = still.n_rows, still.frame.index  # type: ignore[union-attr]
    wait_for(qtbot, lambda: snapshot(view).frame.index > shown + 5)  # the picture stays live
    assert snapshot(view).n_rows == rows
    action(view, "Pause").trigger()
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: snapshot(view).n_rows > rows)

    action(view, "Record").trigger()
    wait_for(qtbot, lambda: snapshot(view).recording is not None and snapshot(view).recording.written > 5)
    assert action(view, "Record").isChecked()
    action(view, "Record").trigger()
    wait_for(qtbot, lambda: not action(view, "Record").isChecked() and snapshot(view).recording is None)

    action(view, "Stop").trigger()
    until(qtbot, view, "ended")
    folder = tmp_path / "camera7"
    with qtbot.waitSignal(view.opened_results) as opened:
        action(view, "Open in Review").trigger()
    assert opened.args == [folder]
    session = SessionInfo.read(folder / "session.json")
    assert session.consent == CONSENT
    assert session.source.extras["recording"] is not None
    assert (folder / "recording.mp4").stat().st_size > 0
    assert len(list(read_frames(folder / "frames.csv"))) == snapshot(view).n_rows


def test_intervals_are_found_and_listed(
    view: LiveView, qtbot: QtBot, tmp_path: Path, face_clip: FaceClip
) -> None:
    """A clip with planted movements, as if live: what is listed is what is written."""
    start(view, lambda: LivePlayer(open_source(face_clip.path)), tmp_path, spec=str(face_clip.path))
    wait_for(qtbot, lambda: view.table.events.rowCount() > 0)
    assert view.timeline.marks.words()[0].startswith(("▼ 1", "■ 1"))
    until(qtbot, view, "ended")
    wait_for(qtbot, lambda: "interval" in view.notice.text.text())
    written = read_intervals(tmp_path / "face" / "intervals.csv")
    assert len(written) == view.table.events.rowCount() == snapshot(view).n_events
    assert f"{len(written)} interval" in view.notice.text.text()


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_a_camera_s_intervals_come_while_it_runs(
    qtbot: QtBot, tmp_path: Path, face_clip: FaceClip, fps: float
) -> None:
    """Planted movements in front of a camera that never ends: listed live, written at the end.

    The camera's clock waits while there is no room in the queue, so that no slow computer drops a frame.
    """
    theme.apply("light")
    clock = jump_clock()
    view = LiveView(Settings, make_session=lambda *what, **how: LiveSession(*what, now=clock.now, **how))
    qtbot.addWidget(view)
    view.show()

    def hold(_number: int) -> None:
        session = view._session
        while session is not None and len(stages := session.stages()) > 1 and stages[1].in_flight > 20:
            threading.Event().wait(0.002)

    with open_source(face_clip.path) as source:
        pictures = [frame.image.rgb() for frame in source]
    each = round(fps / 25)  # the movements last as long as in the clip, or a little less
    pictures = [picture for picture in pictures for _ in range(each)]
    camera = SimulatedCamera(fps, pictures=pictures, clock=clock, stamped=False, before_frame=hold)
    try:
        start(view, camera.open, tmp_path)
        qtbot.waitUntil(lambda: view.table.events.rowCount() >= 2, timeout=120_000)
        assert snapshot(view).state == "running" and snapshot(view).dropped == 0
        view.stop()
        until(qtbot, view, "ended")
    finally:
        view.shutdown()
    written = read_intervals(tmp_path / "camera7" / "intervals.csv")
    assert len(written) == snapshot(view).n_events >= 2
    assert "micro" in {record.kind for record in written}
    assert all(0.05 < record.offset_s - record.onset_s < 0.5 for record in written if record.kind == "micro")


def test_neutral_baseline_is_taken_and_kept(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    start(view, SimulatedCamera(30.0).open, tmp_path)
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: action(view, "Neutral").isEnabled() and len(snapshot(view).faces) == 1)
    action(view, "Neutral").trigger()
    wait_for(qtbot, lambda: action(view, "Relative to neutral").isChecked())
    assert "SD" in view.timeline.full.text()
    view.stop()
    until(qtbot, view, "ended")
    assert SessionInfo.read(tmp_path / "camera7" / "session.json").baseline is not None


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_unplugged_and_back_again(view: LiveView, qtbot: QtBot, tmp_path: Path, fps: float) -> None:
    camera = SimulatedCamera(fps)
    start(view, camera.open, tmp_path)
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: snapshot(view).n_rows > 5)
    camera.unplug()
    wait_for(qtbot, lambda: view.notice.title.text() == "The source is lost")
    assert "Plug it in" in view.notice.text.text()
    assert action(view, "Stop").isEnabled()
    rows = snapshot(view).n_rows
    camera.plug()
    wait_for(qtbot, lambda: not view.notice.isVisible())
    wait_for(qtbot, lambda: snapshot(view).n_rows > rows + 5)
    assert snapshot(view).dropped > 0


@pytest.mark.parametrize("rates", [(30.0, 30.0), (30.0, 200.0), (200.0, 30.0)])
def test_switching_the_source_keeps_both_results(
    view: LiveView, qtbot: QtBot, tmp_path: Path, rates: tuple[float, float]
) -> None:
    start(view, SimulatedCamera(rates[0]).open, tmp_path, spec="camera:1")
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: snapshot(view).n_rows > 5)
    first = view._session
    start(view, SimulatedCamera(rates[1]).open, tmp_path, spec="camera:2")
    wait_for(qtbot, lambda: view._session is not first and view.is_running())
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: snapshot(view).n_rows > 5)
    view.stop()
    until(qtbot, view, "ended")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["camera1", "camera2"]


def test_a_camera_that_does_not_open_is_told(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    camera = SimulatedCamera(30.0)
    camera.unplug()
    start(view, camera.open, tmp_path)
    until(qtbot, view, "failed")
    assert view.notice.text.text() == "camera sim does not open. Plug it in."
    assert action(view, "Start again").isEnabled()
    assert not list(tmp_path.iterdir())


def test_a_camera_that_hangs_does_not_keep_the_window(view: LiveView, qtbot: QtBot) -> None:
    camera = SimulatedCamera(30.0)
    start(view, camera.open, None)
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: snapshot(view).n_rows > 5)
    session = view._session
    assert session is not None
    camera.hang()
    try:
        wait_for(qtbot, camera.hanging.is_set)
        view.shutdown(0.3)  # returns although the read does not
        assert camera.hanging.is_set() and not view.is_running()
        assert session.snapshot().state != "failed"
    finally:
        camera.release()


def test_a_snapshot_is_in_the_session_s_folder(view: LiveView, qtbot: QtBot, tmp_path: Path) -> None:
    """Whoever deletes the folder has deleted every picture of the session."""
    start(view, SimulatedCamera(30.0).open, tmp_path)
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: action(view, "Snapshot").isEnabled())
    action(view, "Snapshot").trigger()
    assert "Snapshot:" not in view.controls.said.toolTip(), "it is not written yet"
    wait_for(qtbot, lambda: view.controls.said.toolTip().startswith("Snapshot: "))
    assert "when the session has ended" in view.controls.said.toolTip()
    action(view, "Stop").trigger()
    until(qtbot, view, "ended")
    (path,) = (tmp_path / "camera7").glob("snapshot_frame_*.png")
    assert [found.name for found in tmp_path.iterdir()] == ["camera7"]
    wait_for(qtbot, lambda: view.controls.said.toolTip() == f"Snapshot: {path}")


def test_recording_without_a_folder_says_why_not(view: LiveView, qtbot: QtBot) -> None:
    start(view, SimulatedCamera(30.0).open, None)
    until(qtbot, view, "running")
    wait_for(qtbot, lambda: action(view, "Record").isEnabled())
    action(view, "Record").trigger()
    assert "no place for a recording" in view.controls.said.toolTip()
    wait_for(qtbot, lambda: not action(view, "Record").isChecked())


def test_no_frames_travel_in_signals(view: LiveView) -> None:
    """Frames are pulled by the painter: no signal of the workspace carries a frame or a snapshot."""
    parts = [view, *view.findChildren(QObject)]
    ours = {type(part) for part in parts if type(part).__module__.startswith("megc_live.gui.live")}
    signals = {name for kind in ours for name, value in vars(kind).items() if isinstance(value, pyqtSignal)}
    assert signals == {"opened_results", "source_wanted", "face_chosen", "kept"}
