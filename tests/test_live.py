"""The live runner: order, drops and counts, ends and errors; no test waits for real time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.errors import SourceError
from megc_live.live import RESERVOIR, LiveRunner, StageStats, format_stats
from megc_live.video import Frame, LivePlayer, ManualClock, PixelImage, Source, SourceInfo, open_source
from tests.indexed import read_index, write_indexed

PATIENCE = 20.0
"""Seconds after which a test that hangs is given up; never reached otherwise."""


class Scripted(Source):
    """Delivers ``n`` frames; before frame k it waits for ``gates[k]``; may fail or hang at the end."""

    def __init__(self, n: int, gates: dict[int, threading.Event] | None = None) -> None:
        self.name = "scripted"
        self.info = SourceInfo("scripted", "camera", 4, 4, 10.0, None, None, True, "raw")
        self.n = n
        self.gates = gates or {}
        self.error: Exception | None = None
        self.closed = threading.Event()
        self.interrupted = threading.Event()
        self._next = 0

    def read(self) -> Frame | None:
        gate = self.gates.get(self._next)
        if gate is not None:
            assert gate.wait(PATIENCE)
        if self._next >= self.n:
            if self.error is not None:
                raise self.error
            return None
        index = self._next
        self._next += 1
        return Frame(index, index / 10, PixelImage(np.zeros((4, 4), np.uint8), "grey"), 0.0)

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def balanced(runner: LiveRunner) -> bool:
    capture, process = runner.stats()
    return capture.in_flight >= 0 and process.in_flight >= 0 and process.enqueued == capture.processed


def test_everything_is_processed_in_order_when_there_is_room() -> None:
    seen: list[int] = []
    source = Scripted(25)
    runner = LiveRunner(source, lambda f: seen.append(f.index), queue_seconds=3.0)
    runner.start()
    assert runner.join(PATIENCE)
    assert seen == list(range(25))
    capture, process = runner.stats()
    assert (capture.enqueued, capture.processed, capture.dropped) == (25, 25, 0)
    assert (process.enqueued, process.processed, process.dropped, process.in_flight) == (25, 25, 0, 0)
    assert runner.newest is not None and runner.newest.index == 24
    assert source.closed.is_set() and not runner.running


def test_capture_does_not_wait_for_a_slow_worker(gate: threading.Event) -> None:
    seen: list[int] = []
    first = threading.Event()
    source = Scripted(40, {1: first})

    def work(frame: Frame) -> None:
        first.set()
        assert gate.wait(PATIENCE)
        seen.append(frame.index)

    runner = LiveRunner(source, work, queue_seconds=0.5)
    runner.start()
    assert source.closed.wait(PATIENCE)  # all 40 were captured while the worker holds frame 0
    assert runner.newest is not None and runner.newest.index == 39
    capture, process = runner.stats()
    assert runner.queue_length == 5
    assert (capture.enqueued, capture.processed, capture.dropped) == (40, 6, 34)
    assert (process.enqueued, process.processed, process.in_flight) == (6, 0, 6)
    gate.set()
    assert runner.join(PATIENCE)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert balanced(runner)


def test_pause_drops_and_resume_goes_on_with_a_gap() -> None:
    gates = {3: threading.Event(), 6: threading.Event()}
    reached = {2: threading.Event()}
    seen: list[int] = []

    def work(frame: Frame) -> None:
        seen.append(frame.index)
        if frame.index in reached:
            reached[frame.index].set()

    class Watched(Scripted):
        at_six = threading.Event()

        def read(self) -> Frame | None:
            if self._next == 6:
                self.at_six.set()
            return super().read()

    source = Watched(9, gates)
    runner = LiveRunner(source, work, queue_seconds=3.0)
    runner.start()
    assert reached[2].wait(PATIENCE)
    runner.pause()
    assert runner.paused
    gates[3].set()
    assert source.at_six.wait(PATIENCE)
    assert runner.newest is not None and runner.newest.index == 5  # the picture stays live
    runner.resume()
    gates[6].set()
    assert runner.join(PATIENCE)
    assert seen == [0, 1, 2, 6, 7, 8]
    assert runner.stats()[0].dropped == 3


def test_stop_drops_what_waits_and_counts_it() -> None:
    seen: list[int] = []
    working = threading.Event()
    source = Scripted(4)

    def work(frame: Frame) -> None:
        working.set()
        assert source.interrupted.wait(PATIENCE)  # stop() has begun
        seen.append(frame.index)

    runner = LiveRunner(source, work, queue_seconds=3.0)
    runner.start()
    assert working.wait(PATIENCE) and source.closed.wait(PATIENCE)
    assert runner.stop(PATIENCE)
    process = runner.stats()[1]
    assert seen == [0]
    assert (process.enqueued, process.processed, process.dropped, process.in_flight) == (4, 1, 3, 0)
    assert not runner.abandoned


def test_a_camera_that_hangs_is_left_behind(gate: threading.Event) -> None:
    source = Scripted(3, {2: gate})
    runner = LiveRunner(source, lambda f: None, queue_seconds=3.0)
    runner.start()
    assert not runner.stop(0.05)
    assert runner.abandoned and not source.closed.is_set()
    assert not runner.join()  # does not wait for it
    gate.set()
    assert source.closed.wait(PATIENCE)  # its own thread closes it when the driver returns


def test_an_error_of_the_source_comes_out_of_join_after_its_frames_are_done() -> None:
    seen: list[int] = []
    source = Scripted(3)
    source.error = SourceError("camera 0 has delivered no frame.", "Plug it in.")
    runner = LiveRunner(source, lambda f: seen.append(f.index), queue_seconds=3.0)
    runner.start()
    with pytest.raises(SourceError, match="Plug it in"):
        runner.join(PATIENCE)
    assert seen == [0, 1, 2] and runner.error is source.error
    assert source.closed.is_set()


def test_an_error_of_the_source_waits_for_the_frames_that_were_captured(gate: threading.Event) -> None:
    seen: list[int] = []
    source = Scripted(3)
    source.error = SourceError("camera 0 has delivered no frame.", "Plug it in.")

    def work(frame: Frame) -> None:
        assert gate.wait(PATIENCE)
        seen.append(frame.index)

    runner = LiveRunner(source, work, queue_seconds=3.0)
    runner.start()
    assert source.closed.wait(PATIENCE)  # lost, while the worker still holds frame 0
    assert not runner.join(0.0)
    assert runner.error is source.error and runner.processing and seen == []
    gate.set()
    with pytest.raises(SourceError, match="Plug it in"):
        runner.join(PATIENCE)
    assert seen == [0, 1, 2] and not runner.processing


def test_the_queue_is_bounded_by_memory_too(gate: threading.Event) -> None:
    first = threading.Event()
    source = Scripted(40, {1: first})

    def work(frame: Frame) -> None:
        first.set()
        assert gate.wait(PATIENCE)

    runner = LiveRunner(source, work, queue_seconds=3.0, queue_bytes=4 * 16)  # a frame has 16 bytes
    assert runner.queue_length == 30
    runner.start()
    assert source.closed.wait(PATIENCE)
    assert runner.queue_length == 4
    assert runner.stats()[1].enqueued == 5
    gate.set()
    assert runner.join(PATIENCE)
    assert balanced(runner)


def test_an_error_of_the_worker_stops_the_capture() -> None:
    broken = threading.Event()
    source = Scripted(10**9)  # never ends by itself

    def work(frame: Frame) -> None:
        if frame.index == 2:
            broken.set()
            raise ValueError("boom")

    runner = LiveRunner(source, work, queue_seconds=3.0)
    runner.start()
    assert broken.wait(PATIENCE)
    with pytest.raises(ValueError, match="boom"):
        runner.join(PATIENCE)
    assert source.closed.wait(PATIENCE)
    process = runner.stats()[1]
    assert process.processed == 2 and process.in_flight == 0


def test_stop_before_start_closes_the_source() -> None:
    source = Scripted(3)
    assert LiveRunner(source, lambda f: None, queue_seconds=1.0).stop()
    assert source.closed.is_set()


def test_a_replayed_file_comes_through_whole(tmp_path: Path) -> None:
    clock = ManualClock(jump=True)
    player = LivePlayer(open_source(write_indexed(tmp_path / "a.mp4", 40)), clock)
    seen: list[tuple[int, int]] = []
    runner = LiveRunner(
        player, lambda f: seen.append((f.index, read_index(f.image.grey))), queue_seconds=3.0, now=clock.now
    )
    runner.start()
    assert runner.join(PATIENCE)
    assert seen == [(k, k) for k in range(40)]


def test_stop_ends_a_player_that_waits_for_its_clock(tmp_path: Path) -> None:
    first = threading.Event()
    player = LivePlayer(open_source(write_indexed(tmp_path / "a.mp4", 5)), ManualClock())
    runner = LiveRunner(player, lambda f: first.set(), queue_seconds=3.0)
    runner.start()
    assert first.wait(PATIENCE)
    assert runner.stop(PATIENCE)


@given(st.lists(st.sampled_from(["in", "done", "drop"]), max_size=60))
def test_the_identity_of_the_counts(steps: list[str]) -> None:
    stage = StageStats("process")
    for step in steps:
        if step == "in":
            stage.enqueued += 1
        elif stage.in_flight:
            stage.processed += step == "done"
            stage.dropped += step == "drop"
        assert stage.enqueued == stage.processed + stage.dropped + stage.in_flight
    assert stage.snapshot() == stage and stage.snapshot() is not stage


def test_percentiles_of_a_long_run_come_from_a_bounded_sample() -> None:
    stage = StageStats("process")
    assert np.isnan(stage.p50_s) and stage.as_dict()["latency_p50_s"] is None
    for k in range(5 * RESERVOIR):
        stage.add_latency((k % 1000) / 1000)
    assert len(stage._latencies) == RESERVOIR
    assert stage.p50_s == pytest.approx(0.5, abs=0.05)
    assert stage.p95_s == pytest.approx(0.95, abs=0.02)


def test_one_formatter() -> None:
    stage = StageStats("process", enqueued=10, processed=8, dropped=1, busy_s=0.08, wait_s=0.4)
    stage.add_latency(0.033)
    text = format_stats([StageStats("capture"), stage])
    assert text.splitlines()[1] == (
        "process  in 10 = done 8 + dropped 1 + waiting 1  "
        "work 10.0 ms, queue 50.0 ms, latency p50 33.0 ms p95 33.0 ms"
    )
