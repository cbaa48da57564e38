"""The benchmark of an hour's stream counts right, and says so when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.live_hour import FLOOD_FPS, Watched
from tests.simulated import swaying_face


def test_a_camera_that_waits_loses_nothing(tmp_path: Path) -> None:
    run = Watched(150, 30.0, swaying_face(), tmp_path, held=True)
    run.run()
    assert run.faults() == [] and len(run.memory) >= 4
    assert [stage.dropped for stage in run.session.stages()] == [0, 0]
    assert run.frames_in_table() == 150


def test_what_is_dropped_in_a_flood_is_counted(tmp_path: Path) -> None:
    run = Watched(1500, FLOOD_FPS, swaying_face(), tmp_path, held=False)
    run.run()
    capture, process = run.session.stages()[:2]
    assert run.faults() == []
    assert capture.dropped > 0 and capture.enqueued == 1500
    assert run.frames_in_table() == process.processed == 1500 - capture.dropped - process.dropped


@pytest.mark.parametrize("name", ["process", "rows"])
def test_what_is_beyond_its_bound_is_a_fault(tmp_path: Path, name: str) -> None:
    run = Watched(60, 30.0, swaying_face(), tmp_path, held=True)
    run.run()
    run.bounds[name] = run.most[name] - 1
    assert any(fault.startswith(name) for fault in run.faults())
    run.handed_out += 1
    assert any("61 frames that the camera handed out" in fault for fault in run.faults())


def test_memory_that_grows_and_comes_back_is_seen(tmp_path: Path) -> None:
    run = Watched(100, 30.0, swaying_face(), tmp_path, held=True)
    run.memory = {10: 1000, 50: 1200, 99: 1001}
    assert run.growth() == pytest.approx(0.2)
