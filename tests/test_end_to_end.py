"""The commands with the real engine and the models that ship, on a short clip of a real face."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megc_live.cli import app
from megc_live.models import LANDMARKER_FILE
from megc_live.output import SessionInfo, read_frames, read_intervals
from megc_live.synthesis.demo import make_demo_clip
from megc_live.video import open_source

FRAMES = 120


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
    assert session.run["complete"]
    assert set(session.models) == {"ltp-net", "ststnet", LANDMARKER_FILE}
    assert session.source.measured_fps == pytest.approx(30, abs=0.1)
    with open_source(folder / "annotated.mp4") as drawn:
        assert sum(1 for _ in drawn) == FRAMES


def test_spotting_only_writes_no_label(clip: Path, tmp_path: Path) -> None:
    command = ["analyze", str(clip), "--out", str(tmp_path), "--recognizer", "none", "--threshold", "0.01"]
    assert CliRunner().invoke(app, command).exit_code == 0
    intervals = read_intervals(tmp_path / "face" / "intervals.csv")
    assert all(interval.label == "" and interval.probabilities is None for interval in intervals)
    session = SessionInfo.read(tmp_path / "face" / "session.json")
    assert set(session.models) == {"ltp-net", LANDMARKER_FILE}


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
