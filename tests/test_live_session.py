"""The live session without a window: a simulated camera, the real engine where it matters."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from megc_live import live_run
from megc_live.batch import analyse
from megc_live.errors import OutputError, SourceError
from megc_live.events import Event, FrameRow
from megc_live.face.observation import FaceObservation
from megc_live.live_analysis import BASELINE_GAP, NO_BASELINE
from megc_live.live_session import LiveSession, LslSettings, Snapshot
from megc_live.output.tables import read_frames, read_intervals
from megc_live.rows import no_face_row
from megc_live.settings import Settings
from megc_live.spotting.interval import Interval
from megc_live.video import Frame, LivePlayer, ManualClock, Source, SourceInfo, open_source, recorder
from megc_live.video.reader import FrameReader
from megc_live.video.recorder import Recorder
from tests.conftest import FaceClip
from tests.indexed import read_index
from tests.output.test_lsl import Info, Outlet
from tests.simulated import SimulatedCamera, jump_clock, swaying_face

PATIENCE = 20.0
"""Seconds after which a test that hangs is given up; never reached otherwise."""
GREY = [np.full((48, 64, 3), 90, np.uint8)]
SETTINGS = Settings.from_dict({"video": {"live_queue_seconds": 30}})


@dataclass
class Meter:
    """An engine that finds a movement in every ten frames, and no face; it may be held up or break."""

    gate: threading.Event = field(default_factory=threading.Event)
    breaks_at: int | None = None
    closed: int = 0
    pushed: int = 0
    last: Frame | None = None
    _rows: list[FrameRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, settings: Settings, info: SourceInfo) -> Meter:
        return self

    def push(self, frame: Frame) -> list[Event]:
        assert self.gate.wait(PATIENCE)
        if self.pushed == self.breaks_at:
            raise ZeroDivisionError("nothing to divide")
        self.pushed += 1
        self.last = frame
        self._rows.append(no_face_row(frame))
        if self.pushed % 10:
            return []
        return [self._event(frame)]

    def _event(self, frame: Frame) -> Event:
        times = frame.pts_s - 0.3, frame.pts_s - 0.2, frame.pts_s - 0.1
        span = Interval(frame.index - 6, frame.index - 4, frame.index - 2, *times, score=0.9, kind="micro")
        return Event(self.pushed // 10, 0, span, frame.pts_s)

    def flush(self) -> list[Event]:
        return [self._event(self.last)] if self.last is not None else []

    def take_rows(self) -> list[FrameRow]:
        rows, self._rows = self._rows, []
        return rows

    def face_near(self, face_id: int, t_s: float) -> FaceObservation | None:
        return None

    def describe(self) -> dict[str, Any]:
        facts = {"stated_delay_s": 0.1, "models": {}, "provider": "CPU", "measured_fps": 30.0}
        return {**facts, "faces_seen": 0, "stages": [], "ring_scale": 1.0, "warnings": []}

    def close(self) -> None:
        self.closed += 1


def until(
    session: LiveSession, holds: Callable[[Snapshot], bool], what: str = "", patience: float = PATIENCE
) -> Snapshot:
    """Look at the session until something holds."""
    tick = threading.Event()
    for _ in range(round(patience / 0.01)):
        shot = session.snapshot()
        if holds(shot):
            return shot
        assert shot.state != "failed", shot.message
        tick.wait(0.01)
    raise AssertionError(f"not reached: {what or holds} in state {shot.state}: {shot.message}")


def ended(session: LiveSession) -> Snapshot:
    tick = threading.Event()
    for _ in range(2000):
        shot = session.snapshot()
        if shot.state in ("ended", "failed"):
            return shot
        tick.wait(0.01)
    raise AssertionError(f"still {shot.state}")


def record_of(shot: Snapshot) -> dict[str, Any]:
    assert shot.folder is not None
    values: dict[str, Any] = json.loads((shot.folder / "session.json").read_text(encoding="utf-8"))
    return values


@pytest.fixture
def open_session() -> Iterator[Callable[..., LiveSession]]:
    """Make sessions that are closed in the end, whatever happened."""
    made: list[LiveSession] = []

    def make(source: Callable[[], Source], settings: Settings = SETTINGS, **options: Any) -> LiveSession:
        session = LiveSession(source, settings, retry_s=0.02, **options)
        made.append(session)
        session.start()
        return session

    yield make
    for session in made:
        session.close(PATIENCE)


def test_a_face_is_watched_and_leaves_a_whole_folder(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    camera = SimulatedCamera(30.0, pictures=swaying_face(30, (320, 240)))
    consent = {"purpose": "test", "agreed": "2026-01-01T10:00:00+01:00"}
    session = open_session(camera.open, folder=tmp_path, name="person", consent=consent)
    assert session.snapshot().state == "opening"
    session.take_baseline(1.0)
    shot = until(session, lambda shot: shot.baseline is not None and len(shot.faces) == 1, "a baseline")
    assert shot.state == "running" and shot.analysed is not None and shot.info is not None
    face = shot.faces[0]
    assert face.landmarks.shape == (478, 2) and face.regions.shape == (12, 2)
    assert face.row.frame == shot.analysed.index == read_index(shot.analysed.image.grey)
    x, y, width, height = face.box
    assert 60 < x < 160 and 20 < y < 120 and 50 < width < 160 and 60 < height < 160
    assert (face.regions.min(0) > (x - 5, y - 5)).all()
    assert (face.regions.max(0) < (x + width + 5, y + height + 5)).all()
    assert 4 < face.region_px < 20
    assert shot.stated_delay_s > 0 and shot.data_age_s < PATIENCE and shot.latency_p50_s > 0
    assert "face too small: come closer" in shot.warnings and not shot.spotting_only
    session.stop()
    last = ended(session)
    assert last.state == "ended" and last.folder == tmp_path / "person"
    rows = list(read_frames(last.folder / "frames.csv"))
    capture, process = last.stages
    assert len(rows) == last.n_rows == process.processed and process.in_flight == capture.in_flight == 0
    record = record_of(last)
    assert record["consent"] == consent and record["baseline"]["frames"] == last.baseline.frames  # type: ignore[union-attr]
    assert list(record["baseline"]["mean"].values()) == pytest.approx(last.baseline.mean)  # type: ignore[union-attr]
    assert record["run"]["complete"] and {stage["name"] for stage in record["stages"]} > {
        "capture",
        "process",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["person"]


def test_it_finds_what_analyze_finds(
    tmp_path: Path, face_clip: FaceClip, open_session: Callable[..., LiveSession]
) -> None:
    clock = jump_clock()
    session = open_session(
        lambda: LivePlayer(open_source(face_clip.path), clock), folder=tmp_path / "live", now=clock.now
    )
    last = until(session, lambda shot: shot.state == "ended", "the end", 60.0)
    assert last.dropped == 0
    analyse(str(face_clip.path), tmp_path / "file", SETTINGS)
    (whole,) = (tmp_path / "file").iterdir()
    assert last.folder is not None
    found = read_intervals(last.folder / "intervals.csv")
    assert found and found == read_intervals(whole / "intervals.csv")
    assert (last.folder / "frames.csv").read_bytes() == (whole / "frames.csv").read_bytes()
    events, count = session.events_since(0)
    assert [event.id for event in events] == [record.id for record in found] and count == len(found)
    assert all(event.pictures is not None for event in events)
    assert session.events_since(count) == ([], count)


def test_two_hundred_frames_a_second_are_all_accounted_for(open_session: Callable[..., LiveSession]) -> None:
    clock = jump_clock()
    camera = SimulatedCamera(200.0, pictures=swaying_face(40), clock=clock, limit=300)
    session = open_session(camera.open, now=clock.now)
    last = ended(session)
    rows, count = session.rows_since(0)
    assert [row.frame for row in rows] == list(range(300)) and count == 300
    assert [row.frame for row in session.rows_since(290)[0]] == list(range(290, 300))
    assert rows[-1].timestamp == pytest.approx(299 / 200)
    assert last.analysed is not None and read_index(last.analysed.image.grey) == last.analysed.index == 299
    assert last.dropped == 0 and last.folder is None


def test_rows_older_than_half_a_minute_are_let_go(open_session: Callable[..., LiveSession]) -> None:
    clock, engine, tick = jump_clock(), Meter(), threading.Event()

    def wait_for_room(number: int) -> None:
        while number - engine.pushed > 50:
            tick.wait(0.001)

    camera = SimulatedCamera(10.0, pictures=GREY, clock=clock, limit=400, before_frame=wait_for_room)
    session = open_session(camera.open, make_engine=engine, now=clock.now)
    ended(session)
    rows, count = session.rows_since(0)
    assert count == session.stages()[1].processed == 400
    assert [row.frame for row in rows] == list(range(99, 400))
    assert rows[-1].timestamp - rows[0].timestamp == pytest.approx(30.0)


def test_pause_is_a_gap_and_no_loss(tmp_path: Path, open_session: Callable[..., LiveSession]) -> None:
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter(), folder=tmp_path)
    session.record(True)
    until(session, lambda shot: shot.n_rows > 10, "rows")
    session.pause()
    shot = until(session, lambda shot: shot.state == "paused", "paused")
    before = session.snapshot().frame
    assert before is not None
    until(
        session, lambda shot: shot.frame is not None and shot.frame.index > before.index + 20, "live picture"
    )
    session.resume()
    shot = until(session, lambda shot: shot.state == "running" and shot.n_rows > 100, "running again")
    assert shot.dropped == 0
    session.stop()
    last = ended(session)
    frames = [row.frame for row in read_frames(tmp_path / "live" / "frames.csv")]
    gaps = [b - a - 1 for a, b in pairwise(frames) if b - a > 1]
    record = record_of(last)
    assert len(gaps) == 1 and record["source"]["extras"]["paused"] == gaps[0] >= 20
    assert record["warnings"] == []
    with (tmp_path / "live" / "recording.csv").open(newline="") as file:
        recorded = [int(line["frame"]) for line in csv.DictReader(file)]
    assert set(recorded) & set(frames) and not set(recorded) & set(range(before.index + 5, before.index + 20))


def test_a_session_can_begin_paused() -> None:
    session = LiveSession(SimulatedCamera(200.0, pictures=GREY).open, SETTINGS, make_engine=Meter())
    session.pause()
    session.start()
    shot = until(session, lambda shot: shot.frame is not None and shot.frame.index > 10, "a live picture")
    assert shot.state == "paused" and shot.n_rows == 0
    session.resume()
    until(session, lambda shot: shot.n_rows > 3, "rows")
    assert session.close(PATIENCE)


def test_a_camera_that_is_unplugged_returns(tmp_path: Path, open_session: Callable[..., LiveSession]) -> None:
    camera = SimulatedCamera(100.0, pictures=GREY)
    session = open_session(camera.open, make_engine=Meter(), folder=tmp_path)
    until(session, lambda shot: shot.n_rows > 20, "rows")
    camera.unplug()
    lost = until(session, lambda shot: shot.state == "lost", "lost")
    assert "Plug it in" in lost.message and "tried again" in lost.message
    n = lost.n_rows
    camera.plug()
    until(session, lambda shot: shot.state == "running" and shot.n_rows > n + 20, "rows again")
    session.stop()
    last = ended(session)
    rows = list(read_frames(tmp_path / "live" / "frames.csv"))
    steps = np.diff([row.frame for row in rows])
    assert (steps > 0).all() and (steps > 1).sum() == 1
    assert last.dropped == steps.max() - 1 == record_of(last)["source"]["extras"]["dropped"] > 0
    at = int(steps.argmax())
    assert (rows[at + 1].timestamp - rows[at].timestamp) * 100 == pytest.approx(steps.max(), abs=1.0)
    assert "the source was lost once" in record_of(last)["warnings"]


def test_a_camera_that_falls_silent_is_lost_without_a_word_from_its_driver(
    open_session: Callable[..., LiveSession],
) -> None:
    clock = ManualClock()
    camera = SimulatedCamera(30.0, pictures=GREY, clock=clock)
    session = open_session(camera.open, make_engine=Meter(), now=clock.now)
    until(session, lambda shot: shot.n_rows == 1, "the first frame")
    camera.hang()
    try:
        clock.advance(1 / 30)
        assert camera.hanging.wait(PATIENCE)
        assert session.snapshot().state == "running"
        clock.advance(3.0)
        shot = session.snapshot()
        assert shot.state == "lost" and shot.message.startswith("no frame has come for 3 s")
        assert "driver does not answer" in shot.message and "Stop, plug the camera in" in shot.message
        assert shot.data_age_s == pytest.approx(3.0)
    finally:
        camera.release()
    assert until(session, lambda shot: shot.n_rows > 60, "it goes on").state == "running"


def test_without_reconnecting_what_was_found_before_the_loss_is_kept(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    camera = SimulatedCamera(100.0, pictures=GREY)
    session = open_session(camera.open, make_engine=Meter(), folder=tmp_path, reconnect=False)
    until(session, lambda shot: shot.n_rows > 20, "rows")
    camera.unplug()
    last = ended(session)
    assert last.state == "failed" and "Plug it in" in last.message and "live" in last.message
    assert len(list(read_frames(tmp_path / "live" / "frames.csv"))) == last.n_rows
    assert not record_of(last)["run"]["complete"]
    assert len(read_intervals(tmp_path / "live" / "intervals.csv")) == last.n_rows // 10 + 1  # flushed


def test_closing_while_a_read_hangs_leaves_the_camera_and_keeps_the_results(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    camera = SimulatedCamera(100.0, pictures=GREY)
    engine = Meter()
    session = open_session(camera.open, make_engine=engine, folder=tmp_path)
    until(session, lambda shot: shot.n_rows > 20, "rows")
    camera.hang()
    try:
        assert camera.hanging.wait(PATIENCE)
        assert session.close(1.5) is False
        last = session.snapshot()
        assert last.state == "ended" and last.folder == tmp_path / "live"
        assert len(list(read_frames(last.folder / "frames.csv"))) == last.n_rows
        assert engine.closed == 1
    finally:
        camera.release()


def test_closing_while_the_camera_is_being_opened(tmp_path: Path) -> None:
    may_open = threading.Event()
    cameras: list[SimulatedCamera] = []

    def slow() -> Source:
        assert may_open.wait(PATIENCE)
        cameras.append(SimulatedCamera(30.0, pictures=GREY))
        return cameras[0]

    session = LiveSession(slow, Settings(), folder=tmp_path, make_engine=Meter())
    session.start()
    assert session.close() is False
    assert session.snapshot().state == "ended" and list(tmp_path.iterdir()) == []
    may_open.set()
    for _ in range(1000):
        if cameras and cameras[0].closed.wait(0.01):
            return
        threading.Event().wait(0.01)
    raise AssertionError("a camera that opens late is closed")


def test_a_camera_that_does_not_open_is_said_so(open_session: Callable[..., LiveSession]) -> None:
    camera = SimulatedCamera(30.0, pictures=GREY)
    camera.unplug()
    session = open_session(camera.open, make_engine=Meter())
    last = ended(session)
    assert last.state == "failed" and last.message == "camera sim does not open. Plug it in."
    assert session.close() and session.rows_since(0) == ([], 0)
    with pytest.raises(SourceError, match="no picture yet"):
        session.save_snapshot(Path("never.png"))


def test_a_fault_of_the_engine_costs_nothing_that_was_found(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    engine = Meter(breaks_at=25)
    session = open_session(
        SimulatedCamera(200.0, pictures=GREY).open, make_engine=engine, folder=tmp_path, exports=("json",)
    )
    last = ended(session)
    assert last.state == "failed" and "ZeroDivisionError" in last.message and str(tmp_path) in last.message
    assert len(list(read_frames(tmp_path / "live" / "frames.csv"))) == 25
    assert len(read_intervals(tmp_path / "live" / "intervals.csv")) == 2
    assert (tmp_path / "live" / "events.json").exists() and engine.closed == 1


def test_stopping_analyses_what_is_queued(tmp_path: Path, open_session: Callable[..., LiveSession]) -> None:
    engine = Meter()
    engine.gate.clear()
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=engine, folder=tmp_path)
    until(session, lambda shot: bool(shot.stages) and shot.stages[1].in_flight > 30, "a queue")
    session.stop()
    assert session.snapshot().state == "stopping"
    waiting = session.stages()[1].enqueued
    engine.gate.set()
    last = ended(session)
    assert last.stages[1].processed == engine.pushed >= waiting and last.dropped == 0


def test_a_queue_that_is_too_long_to_close_is_dropped_and_counted(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    engine = Meter()
    engine.gate.clear()
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=engine, folder=tmp_path)
    until(session, lambda shot: bool(shot.stages) and shot.stages[1].in_flight > 30, "a queue")
    assert session.close(0.1) is False  # one frame is being worked on, for ever as far as one can see
    until(session, lambda shot: shot.stages[1].dropped > 20, "drops")
    engine.gate.set()
    last = ended(session)
    process = last.stages[1]
    assert process.processed == last.n_rows == 1 and process.enqueued == process.processed + process.dropped
    assert f"{last.dropped} frames were dropped because" in record_of(last)["warnings"][0]


def test_a_recording_says_which_frame_each_picture_is(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    session = open_session(
        SimulatedCamera(100.0, pictures=[np.full((120, 160, 3), 90, np.uint8)]).open,
        make_engine=Meter(),
        folder=tmp_path,
    )
    assert until(session, lambda shot: shot.n_rows > 10, "rows").recording is None
    session.record(True)
    shot = until(session, lambda s: s.recording is not None and s.recording.written > 20, "recording")
    assert shot.recording is not None and shot.recording.path == tmp_path / "live" / "recording.mp4"
    session.record(False)
    off = session.snapshot()
    assert off.recording is None and off.frame is not None
    until(session, lambda s: s.frame is not None and s.frame.index > off.frame.index + 10, "a break")  # type: ignore[union-attr]
    session.record(True)
    until(session, lambda s: s.recording is not None and s.recording.written > 50, "recording again")
    session.stop()
    last = ended(session)
    assert last.folder is not None
    told = record_of(last)["source"]["extras"]["recording"]
    with (last.folder / told["frames"]).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert told["complete"] and told["waiting"] == 0
    assert told["offered"] == told["written"] + told["dropped"] and len(lines) == told["written"]
    assert told["first_frame"] == int(lines[0]["frame"]) >= 10
    reader = FrameReader(last.folder / told["file"])
    assert reader.n_frames == len(lines)
    first_s = float(lines[0]["timestamp"])
    for k in (0, 5, 19, len(lines) - 1):
        assert read_index(reader.frame(k).image.grey) % 2**16 == int(lines[k]["frame"])
        assert reader.pts_s(k) == pytest.approx(float(lines[k]["timestamp"]) - first_s, abs=0.001)
    reader.close()
    gaps = np.diff([int(line["frame"]) for line in lines])
    assert gaps.max() > 10  # the break
    record = next(stage for stage in record_of(last)["stages"] if stage["name"] == "record")
    assert record["processed"] == told["written"] and record["in_flight"] == 0


def test_a_recorded_source_that_ends_by_itself_leaves_a_whole_folder(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    camera = SimulatedCamera(200.0, pictures=GREY, limit=60)
    session = LiveSession(camera.open, SETTINGS, folder=tmp_path, make_engine=Meter())
    session.record(True)
    session.start()
    last = ended(session)
    assert last.state == "ended" and last.folder is not None, last.message
    told = record_of(last)["source"]["extras"]["recording"]
    assert told["complete"] and told["written"] + told["dropped"] == 60 == last.n_rows


def test_a_fault_of_the_recorder_costs_no_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    def broken(self: Recorder, timeout: float | None = None) -> bool:
        raise KeyError("odd")

    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter(), folder=tmp_path)
    session.record(True)
    until(session, lambda shot: shot.recording is not None and shot.recording.written > 5, "recording")
    monkeypatch.setattr(Recorder, "close", broken)
    session.stop()
    last = ended(session)
    assert last.state == "ended", last.message
    assert "the recording could not be finished: KeyError" in record_of(last)["warnings"][0]
    assert len(list(read_frames(tmp_path / "live" / "frames.csv"))) == last.n_rows


def test_after_an_error_another_recording_may_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    broken = threading.Event()
    write = recorder._File.write

    def breaks(self: recorder._File, frame: Frame) -> None:
        if broken.is_set():
            raise LookupError("the encoder fell over")
        write(self, frame)

    monkeypatch.setattr(recorder._File, "write", breaks)
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter(), folder=tmp_path)
    session.record(True)
    until(session, lambda shot: shot.recording is not None and shot.recording.written > 5, "recording")
    broken.set()
    shot = until(session, lambda shot: shot.recording is not None and shot.recording.error != "", "an error")
    assert shot.recording is not None and "the encoder fell over" in shot.recording.error
    first = shot.recording.written
    session.record(False)
    assert session.snapshot().recording is None
    broken.clear()
    session.record(True)
    shot = until(session, lambda s: s.recording is not None and s.recording.written > first + 10, "again")
    assert shot.recording is not None and shot.recording.error == ""
    assert shot.recording.path == tmp_path / "live" / "recording-2.mp4"
    session.stop()
    last = ended(session)
    assert last.state == "ended" and last.folder is not None
    extras, warnings = record_of(last)["source"]["extras"], record_of(last)["warnings"]
    one, two = extras["recordings"]
    assert (one["file"], one["complete"], one["written"]) == ("recording.mp4", False, first)
    assert two["complete"] and extras["recording"] == two and two["frames"] == "recording-2.csv"
    assert any("the recording broke off" in line and "the encoder fell over" in line for line in warnings)
    for told in (one, two):
        with (last.folder / told["frames"]).open(newline="") as file:
            frames = [int(line["frame"]) for line in csv.DictReader(file)]
        reader = FrameReader(last.folder / told["file"])
        assert reader.n_frames == told["written"] == len(frames) and told["first_frame"] == frames[0]
        reader.close()
    record = next(stage for stage in record_of(last)["stages"] if stage["name"] == "record")
    assert record["processed"] == one["written"] + two["written"] and record["in_flight"] == 0


def test_a_recording_that_is_not_finished_in_time_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    may_write, writing = threading.Event(), threading.Event()
    write = recorder._File.write

    def held_up(self: recorder._File, frame: Frame) -> None:
        writing.set()
        assert may_write.wait(PATIENCE)
        write(self, frame)

    monkeypatch.setattr(recorder._File, "write", held_up)
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter(), folder=tmp_path)
    session.record(True)
    try:
        assert writing.wait(PATIENCE)
        session.close(0.5)
        last = ended(session)
        assert last.state == "ended" and last.folder is not None
        told = record_of(last)["source"]["extras"].get("recording")
        assert told is None  # not one frame is in the file
        assert any("was not finished in time" in line for line in record_of(last)["warnings"])
        record = next(stage for stage in record_of(last)["stages"] if stage["name"] == "record")
        assert record["in_flight"] == 1 and record["enqueued"] == 1 + record["dropped"]
    finally:
        may_write.set()


def test_a_recording_that_goes_with_nothing_analysed_is_told(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    engine = Meter(breaks_at=0)
    engine.gate.clear()
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=engine, folder=tmp_path)
    session.record(True)
    until(session, lambda shot: shot.recording is not None and shot.recording.written > 5, "recording")
    engine.gate.set()
    last = ended(session)
    assert last.state == "failed" and last.folder is None and list(tmp_path.iterdir()) == []
    assert "No frame was analysed: nothing is kept, nor are the" in last.message


def test_a_frame_that_takes_for_ever_changes_nothing_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    monkeypatch.setattr(live_run, "_STUCK_S", 0.1)
    engine = Meter()
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=engine, folder=tmp_path)
    until(session, lambda shot: shot.n_rows > 20, "rows")
    engine.gate.clear()
    until(session, lambda shot: shot.stages[1].in_flight > 3, "a queue")
    pushed = engine.pushed
    session.close(0.1)
    last = ended(session)
    assert last.state == "failed" and "does not end" in last.message and last.n_rows == pushed
    engine.gate.set()
    tick = threading.Event()
    for _ in range(2000):
        if not any(thread.name == "process" for thread in threading.enumerate()):
            break
        tick.wait(0.01)
    assert engine.pushed == pushed + 1
    assert session.snapshot().n_rows == pushed == record_of(last)["source"]["frames"]
    assert len(list(read_frames(tmp_path / "live" / "frames.csv"))) == pushed


def test_a_baseline_is_not_taken_over_a_pause(open_session: Callable[..., LiveSession]) -> None:
    session = open_session(SimulatedCamera(100.0, pictures=GREY).open, make_engine=Meter())
    session.take_baseline(60.0)
    until(session, lambda shot: 0 < shot.baseline_left_s < 60, "it is being taken")
    session.pause()
    n = session.snapshot().frame
    assert n is not None
    until(session, lambda s: s.frame is not None and s.frame.index > n.index + 40, "a pause")
    session.resume()
    shot = until(session, lambda shot: BASELINE_GAP in shot.warnings, "told")
    assert shot.baseline is None and shot.baseline_left_s == 0


def test_open_outlets_are_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    Outlet.made = []
    fake = SimpleNamespace(StreamInfo=Info, StreamOutlet=Outlet, local_clock=lambda: 1000.0)
    monkeypatch.setitem(sys.modules, "pylsl", fake)
    asked = LslSettings("lab", signals=False)
    camera = SimulatedCamera(200.0, pictures=GREY, limit=30)
    last = ended(open_session(camera.open, make_engine=Meter(), folder=tmp_path, lsl=asked))
    assert record_of(last)["source"]["extras"]["lsl"] == {"markers": "lab-markers"}
    (outlet,) = Outlet.made
    assert len(outlet.pushed) == last.n_events == 4
    other = SimulatedCamera(200.0, pictures=GREY, limit=30)
    last = ended(open_session(other.open, make_engine=Meter(), folder=tmp_path))
    assert "lsl" not in record_of(last)["source"]["extras"]


def test_a_snapshot_says_whether_outlets_are_open(
    monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    fake = SimpleNamespace(StreamInfo=Info, StreamOutlet=Outlet, local_clock=lambda: 1000.0)
    monkeypatch.setitem(sys.modules, "pylsl", fake)
    camera = SimulatedCamera(100.0, pictures=GREY)
    session = open_session(camera.open, make_engine=Meter(), lsl=LslSettings())
    until(session, lambda shot: shot.lsl, "open outlets")
    session.stop()
    assert not ended(session).lsl
    session = open_session(SimulatedCamera(100.0, pictures=GREY).open, make_engine=Meter())
    assert not until(session, lambda shot: shot.n_rows > 5, "rows").lsl


def test_a_device_error_is_not_told_as_one_of_the_disk(open_session: Callable[..., LiveSession]) -> None:
    def denied() -> Source:
        raise PermissionError(13, "Permission denied", "/dev/video0")

    last = ended(open_session(denied, make_engine=Meter()))
    assert last.state == "failed" and "Permission denied" in last.message
    assert "does not open" in last.message and "no other program uses it" in last.message


def test_a_session_without_a_folder_cannot_record(open_session: Callable[..., LiveSession]) -> None:
    session = open_session(SimulatedCamera(30.0, pictures=GREY).open, make_engine=Meter())
    with pytest.raises(OutputError, match="Choose a folder"):
        session.record(True)


def test_the_picture_of_the_moment(tmp_path: Path, open_session: Callable[..., LiveSession]) -> None:
    pictures = [np.full((120, 160, 3), (200, 90, 30), np.uint8)]
    session = open_session(SimulatedCamera(100.0, pictures=pictures).open, make_engine=Meter())
    shot = until(session, lambda shot: shot.n_rows > 3, "rows")
    assert shot.frame is not None
    path = tmp_path / "made" / "moment.png"
    session.save_snapshot(path)
    until(session, lambda _: path.exists(), "the picture")
    bgr = cv2.imread(str(path))
    assert bgr is not None and bgr.shape == (120, 160, 3) and tuple(bgr[0, 0]) == (30, 90, 200)
    assert read_index(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)) >= shot.frame.index
    (tmp_path / "file").write_text("")
    session.save_snapshot(tmp_path / "file" / "moment.png")
    until(session, lambda shot: any("cannot write" in line for line in shot.warnings), "a warning")


def test_results_are_never_written_over(tmp_path: Path, open_session: Callable[..., LiveSession]) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / ".live_2.partial-1").mkdir()  # what a run that died left behind
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter(), folder=tmp_path)
    until(session, lambda shot: shot.n_rows > 3, "rows")
    session.stop()
    assert ended(session).folder == tmp_path / "live_3"


def test_results_that_came_under_its_name_meanwhile_stay(
    tmp_path: Path, open_session: Callable[..., LiveSession]
) -> None:
    session = open_session(
        lambda: SimulatedCamera(pictures=GREY), folder=tmp_path, name="talk", make_engine=Meter()
    )
    until(session, lambda shot: shot.n_rows > 15)
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "session.json").write_text("of another run")
    session.stop()
    shot = ended(session)
    assert shot.folder == tmp_path / "talk_2" and len(read_intervals(shot.folder / "intervals.csv")) > 0
    assert (tmp_path / "talk" / "session.json").read_text() == "of another run"


def test_a_baseline_without_a_face_is_none_and_is_said(open_session: Callable[..., LiveSession]) -> None:
    session = open_session(SimulatedCamera(200.0, pictures=GREY).open, make_engine=Meter())
    session.take_baseline(0.2)
    shot = until(session, lambda shot: NO_BASELINE in shot.warnings, "told")
    assert shot.baseline is None and shot.baseline_left_s == 0


def test_what_a_slow_camera_and_an_empty_picture_are_told(open_session: Callable[..., LiveSession]) -> None:
    settings = Settings.from_dict({"recognition": {"recognizer": "none"}})
    session = open_session(SimulatedCamera(15.0, pictures=GREY).open, settings, make_engine=Meter())
    shot = until(session, lambda shot: len(shot.warnings) == 2, "two warnings")
    assert shot.warnings == ("below 25 fps: 15 frames/s come", "no face") and shot.spotting_only
    assert shot.capture_fps == pytest.approx(15, abs=1.5)


def test_outlets_without_pylsl_are_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, open_session: Callable[..., LiveSession]
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    session = open_session(SimulatedCamera(30.0, pictures=GREY).open, make_engine=Meter(), lsl=LslSettings())
    last = ended(session)
    assert last.state == "failed" and "megc-live[lsl]" in last.message


def test_a_session_that_never_started_is_closed() -> None:
    session = LiveSession(SimulatedCamera(30.0, pictures=GREY).open, Settings())
    assert session.close() and session.snapshot().state == "ended"


FORGETFUL = """
import sys, threading
from pathlib import Path
from megc_live.live_session import LiveSession
from tests.test_live_session import GREY, SETTINGS, Meter, until
from tests.simulated import SimulatedCamera
camera = SimulatedCamera(100.0, pictures=GREY)
session = LiveSession(camera.open, SETTINGS, folder=Path(sys.argv[1]), make_engine=Meter())
session.start()
until(session, lambda shot: shot.n_rows > 20)
camera.hang()
assert camera.hanging.wait(20)
"""


def test_a_program_that_ends_without_closing_keeps_the_results(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL, str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(read_frames(tmp_path / "live" / "frames.csv"))) > 20
    assert json.loads((tmp_path / "live" / "session.json").read_text())["run"]["complete"]
