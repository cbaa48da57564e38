"""The commands with the real engine and the models that ship, on a short clip of a real face."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megc_live import Engine
from megc_live.cli import app
from megc_live.commands.demo import compare, is_good, summary
from megc_live.output import IntervalRecord, SessionInfo, read_frames, read_intervals
from megc_live.synthesis.demo import make_demo_clip
from megc_live.video import open_source

FRAMES = 120
DICTIONARY = Path(__file__).parent.parent / "docs" / "data-dictionary.md"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    make_demo_clip(path, seed=7, seconds=FRAMES / 30, fps=30.0, size=(320, 240))
    return path


def test_analyze_writes_everything_that_was_asked_for(clip: Path, tmp_path: Path) -> None:
    export = "csv,json,elan,bids,html"
    command = ["analyze", str(clip), "--out", str(tmp_path), "--export", export, "--annotate"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "face"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {
        *("intervals.csv", "frames.csv", "session.json", "events.json", "intervals.eaf"),
        *("bids/events.tsv", "bids/events.json", "report.html", "annotated.mp4"),
    }
    rows = list(read_frames(folder / "frames.csv"))
    assert [row.frame for row in rows] == list(range(FRAMES))
    assert sum(row.success for row in rows) > 0.9 * FRAMES
    for interval in read_intervals(folder / "intervals.csv"):
        assert 0 <= interval.onset_frame <= interval.offset_frame < FRAMES
    session = SessionInfo.read(folder / "session.json")
    assert session.run["complete"] and len(session.models) == 3
    told = DICTIONARY.read_text(encoding="utf-8")
    stages = {key for stage in session.stages for key in stage}
    for name in (*session.source.extras, *stages, *(stage["name"] for stage in session.stages)):
        assert f"`{name}`" in told, f"{name} is written and not explained"
    assert session.source.measured_fps == pytest.approx(30, abs=0.1)
    with open_source(folder / "annotated.mp4") as drawn:
        assert sum(1 for _ in drawn) == FRAMES


def test_spotting_only_writes_no_label(clip: Path, tmp_path: Path) -> None:
    command = ["analyze", str(clip), "--out", str(tmp_path), "--recognizer", "none", "--threshold", "0.01"]
    assert CliRunner().invoke(app, command).exit_code == 0
    intervals = read_intervals(tmp_path / "face" / "intervals.csv")
    assert intervals
    assert all(interval.label == "" and interval.probabilities is None for interval in intervals)
    assert set(SessionInfo.read(tmp_path / "face" / "session.json").models) == {
        "face_landmarker.task",
        "ltp-net",
    }


def test_stages_of_a_live_run_are_explained(clip: Path, tmp_path: Path) -> None:
    command = ["analyze", str(clip), "--out", str(tmp_path), "--as-live", "--recognizer", "none"]
    assert CliRunner().invoke(app, command).exit_code == 0
    session = SessionInfo.read(tmp_path / "face" / "session.json")
    live = {stage["name"]: stage for stage in session.stages if "enqueued" in stage}
    assert set(live) == {"capture", "process"} and session.source.extras["as_live"] is True
    told = DICTIONARY.read_text(encoding="utf-8")
    assert [key for stage in live.values() for key in stage if f"`{key}`" not in told] == []


def test_the_demo_s_movements_are_found(tmp_path: Path) -> None:
    """The clip that `megc-live demo` renders; as live it gives the same intervals, only slower."""
    path = tmp_path / "demo.mp4"
    planted = make_demo_clip(path, seed=5)
    with open_source(path) as source, Engine(source_info=source.info, overlap=True) as engine:
        events = [event for frame in source for event in engine.push(frame)] + engine.flush()
    matches = compare(planted, [IntervalRecord.of(event) for event in events])
    assert is_good(matches), summary(matches)


def test_bench_measures_every_figure(clip: Path) -> None:
    result = CliRunner().invoke(app, ["bench", str(clip), "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["source"]["frames"] == FRAMES
    for rate in ("decode_fps", "landmarker_every_frame_fps", "analysis_fps", "ratio_analysis_to_decode"):
        assert facts[rate] > 0
    live = facts["live"]
    assert live["captured"] == live["processed"] + live["dropped"] == FRAMES
    assert set(live["latency_ms"]) == {"p50", "p95", "p99"}
    assert all(stage["passes"] > 0 for stage in facts["stages"])
    assert facts["rss_end_mib"] > 0 and facts["rss_during_mib"]
