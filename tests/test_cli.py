"""The command lines: what is bad usage, what is a failure, what is said and where."""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from megc_live.batch import Outcome
from megc_live.cli import app
from megc_live.commands import analyze, demo, progress
from megc_live.commands.demo import compare, delay_line, summary
from megc_live.cut_off import RUNNING
from megc_live.errors import SettingsError
from megc_live.events import Event
from megc_live.info import opencv_warnings, settings_table
from megc_live.jobs import Job
from megc_live.models import shipped_folder
from megc_live.output import SINKS, IntervalRecord, SessionInfo, SourceRecord
from megc_live.settings import Settings
from megc_live.spotting.interval import Interval, Kind
from megc_live.synthesis.plan import PlannedEvent
from megc_live.video import ManualClock
from megc_live.video.camera import CameraSource
from tests.video.fakes import FakeCamera
from training.cli import app as train_app

runner = CliRunner()


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "a.mp4"],
        ["analyze", "--out", "out"],
        ["analyze", "a.mp4", "--out", "out", "--faces", "some"],
        ["analyze", "a.mp4", "--out", "out", "--jobs", "0"],
        ["analyze", "a.mp4", "--out", "out", "--fps", "-1"],
        ["analyze", "a.mp4", "--out", "out", "--spotter", "guess"],
        ["analyze", "a.mp4", "--out", "out", "--recognizer", "guess"],
        ["analyze", "a.mp4", "--out", "out", "--export", "csv,docx"],
        ["analyze", "a.mp4", "--out", "out", "--threshold", "2"],
        ["analyze", "a.mp4", "--out", "out", "--settings", "missing.toml"],
        ["analyze", "camera:0", "--out", "out", "--annotate"],
        ["analyze", "", "--out", "out"],
        ["analyze", "a.mp4", " ", "--out", "out"],
        ["analyze", "a.mp4", "--out", ""],
        ["demo", "--out", " "],
        ["models", "burn"],
        ["unknown"],
        ["demo", "--seconds", "1"],
        ["bench", "a.mp4", "--fps", "0"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr and "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["analyze", "", "--out", "out"])
    assert result.stderr.startswith("error: the name of a source is empty.")
    evaluation = ["evaluate", "recognition", "--dataset", "smic", "--root", "smic"]
    for command, of in ((["analyze", "a.mp4"], app), (evaluation, train_app)):
        result = runner.invoke(of, [*command, "--out", ""])
        assert result.exit_code == 2 and "the name of the folder is empty" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_name_says_which_names_there_are() -> None:
    result = runner.invoke(app, ["analyze", "a.mp4", "--out", "out", "--spotter", "guess"])
    assert result.stderr.startswith("error: there is no spotter named 'guess'.")
    assert "ltp-net" in result.stderr and result.stderr.count("\n") == 1


def test_a_wrong_setting_says_where(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text("[face]\nfaces = 'three'\n")
    result = runner.invoke(app, ["analyze", "a.mp4", "--out", str(tmp_path), "--settings", str(toml)])
    assert result.exit_code == 2 and "face.faces" in result.stderr


def test_a_failed_source_is_exit_code_1_a_line_and_a_row(tmp_path: Path) -> None:
    text = tmp_path / "notes [1].txt"
    text.write_text("no video")
    result = runner.invoke(app, ["analyze", str(text), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert any(str(text) in line for line in errors)
    assert "Traceback" not in result.output
    assert str(text) in (tmp_path / "out" / "failures.csv").read_text()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"failures.csv"}


def test_what_the_system_refuses_is_one_line_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "failures.csv")

    monkeypatch.setattr(analyze, "run", full)
    result = runner.invoke(app, ["analyze", "a.mp4", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == "error: No space left on device: 'failures.csv'.\n"


def test_a_live_source_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never ends, so reading it as fast as possible would not either."""
    clock = ManualClock()
    camera = CameraSource(0, make=FakeCamera(clock), clock=clock)
    monkeypatch.setattr("megc_live.bench.open_source", lambda spec, fps: camera)
    result = runner.invoke(app, ["bench", "camera:0"])
    assert result.exit_code == 1
    assert "is live" in result.stderr and "Record it to a file" in result.stderr


def test_training_alone_prints_help() -> None:
    result = runner.invoke(train_app, [])
    assert result.exit_code == 0 and "Commands:" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is always there")
@pytest.mark.parametrize("arguments", [[], ["gui"], ["gui", "camera:0"]], ids=" ".join)
def test_without_a_display_the_window_is_one_line_and_exit_code_1(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("error: no display") and result.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is always there")
def test_a_display_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    result = runner.invoke(app, ["gui"])
    assert result.exit_code == 1 and "':4711'" in result.stderr and result.stderr.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from megc_live.cli import app; app(['analyze', '--help'], standalone_mode=False);"
        "heavy = ('cv2', 'mediapipe', 'numpy', 'onnxruntime', 'av', 'torch', 'PyQt6');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for word in (
        "SOURCE",
        "--out",
        "--recognizer",
        "--as-live",
        "--resume",
        "--jobs",
        "--export",
        "--annotate",
    ):
        assert word in done.stdout


def test_the_program_in_a_process_of_its_own(tmp_path: Path) -> None:
    def megc_live(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "megc_live", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert megc_live("--version").stdout.startswith("megc-live ")
    missing = megc_live("analyze", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"))
    assert missing.returncode == 1
    assert "none.mp4" in missing.stderr and "Traceback" not in missing.stderr
    assert megc_live("analyze").returncode == 2


def test_native_chatter_is_dropped_and_nothing_else() -> None:
    code = """
import os, sys
from megc_live.commands.quiet import without_chatter
with without_chatter():
    os.write(2, b"W0000 00:00:1795470650.212831    1488 face_landmarker_graph.cc:181] Sets it\\n")
    os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n")
    os.write(2, b"Warning: kept\\n")
    print("from python", file=sys.stderr)
    os.write(2, b"cut off")
print("after", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stderr.splitlines()) == ["Warning: kept", "cut offafter", "from python"]


def test_info_as_json_names_versions_models_and_delays() -> None:
    result = runner.invoke(app, ["info", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["versions"]["mediapipe"][0].isdigit()
    assert facts["provider"].endswith("ExecutionProvider")
    assert {row["name"] for row in facts["spotters"]} >= {"ltp-ml", "ltp-net"}
    for row in facts["spotters"]:
        assert ("stated_delay_s" in row) != ("error" in row)
    (landmarker,) = (row for row in facts["models"] if row["name"] == "face_landmarker.task")
    assert len(landmarker["sha256"]) == 64 and landmarker["licence"].startswith("Apache-2.0")


def test_printed_settings_are_a_settings_file_with_the_defaults() -> None:
    result = runner.invoke(app, ["info", "--settings"])
    values = tomllib.loads(result.stdout)
    assert Settings.from_dict(values) == Settings()
    described = list(settings_table())
    assert all(row["description"] for row in described)
    (faces,) = (row for row in described if row["name"] == "face.max_faces")
    assert (faces["default"], faces["kind"], faces["limits"]) == ("4", "int", ">= 1, <= 16")


def test_a_name_that_is_no_setting_is_called_so() -> None:
    with pytest.raises(SettingsError, match=r"there is no setting 'spotting\.spoter'\."):
        Settings.from_dict({"spotting": {"spoter": "ltp-net"}})


def test_models_of_a_settings_file_are_verified(tmp_path: Path) -> None:
    """The advice for an altered model: it must look where that model is."""
    models, mine = tmp_path / "models", tmp_path / "mine.toml"
    shutil.copytree(shipped_folder(), models)
    with (models / "ltp-net.onnx").open("ab") as file:
        file.write(b"more")
    mine.write_text(f"[models]\ndirectory = {json.dumps(str(models))}\n")
    verified = runner.invoke(app, ["models", "verify", "--settings", str(mine)])
    assert verified.exit_code == 1 and str(models / "ltp-net.onnx") in verified.stderr
    assert len(verified.stderr.splitlines()) == 1
    listed = runner.invoke(app, ["models", "list", "--settings", str(mine)])
    assert listed.exit_code == 0 and str(models / "ststnet.onnx") in listed.stdout


def test_the_session_of_an_earlier_run_gives_its_settings(tmp_path: Path) -> None:
    settings = Settings.from_dict(
        {"spotting": {"spotter": "ltp-ml", "threshold": 0.7}, "face": {"faces": "all"}}
    )
    session = SessionInfo(SourceRecord("a.mp4"), settings=settings.model_dump(mode="json"))
    assert Settings.from_file(session.write(tmp_path)) == settings
    for name, content in (("other.json", "{}"), ("broken.json", "{"), ("list.json", "[]")):
        (tmp_path / name).write_text(content)
        with pytest.raises(SettingsError, match=r"is not the session\.json"):
            Settings.from_file(tmp_path / name)
    with pytest.raises(SettingsError, match="Check the path"):
        Settings.from_file(tmp_path / "missing.json")


def test_the_bars_fit_80_columns_and_errors_stand_above_them(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(progress, "console", lambda stderr: terminal)
    name = "W009_front_contempt_level3_001_" * 3
    with progress.SourceBars([9.0, 1.0], [name, "b"]) as bars:
        bars.advance(0, 12345, 100000)
        bars._progress.refresh()
    drawn = [line for line in re.split(r"[\r\n]", screen.getvalue()) if "12345 frames" in line]
    assert drawn and all(re.search(r"12345 frames +\d:\d\d:\d\d left +[-\d]", line) for line in drawn)
    assert max(len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line)) for line in drawn) <= 80


def test_a_source_that_was_stopped_is_not_counted_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "console", lambda stderr: Console(file=screen, width=80))
    with progress.SourceBars([1.0, 1.0], ["a", "b"]) as bars:
        bars.advance(1, 50, 100)
        bars.finish(0)
        bars.finish(1, whole=False)
    assert re.search(r" 75% 1/2 ", screen.getvalue())


def test_nothing_is_drawn_where_no_source_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (True, False):
        screen = io.StringIO()
        made = Console(file=screen, force_terminal=terminal, width=80)
        monkeypatch.setattr(progress, "console", lambda stderr, made=made: made)
        with progress.SourceBars([0.0], ["a"]) as bars:
            bars.finish(0)
        assert screen.getvalue() == ""


def test_opencv_trouble_is_told() -> None:
    good = {"opencv-python": "5.0.0.93", "opencv-contrib-python": "5.0.0.93"}
    assert opencv_warnings(good, has_optflow=True) == []
    assert "overwrite" in opencv_warnings({**good, "opencv-python": "4.1"}, has_optflow=True)[0]
    assert "scikit-image" in opencv_warnings(good, has_optflow=False)[0]


def test_models_verify_and_cameras_answer() -> None:
    verified = runner.invoke(app, ["models", "verify"])
    assert verified.exit_code == 0, verified.output
    assert "face_landmarker.task" in verified.stdout
    listed = json.loads(runner.invoke(app, ["cameras", "--json"]).stdout)
    assert isinstance(listed, list)


def planted(kind: str, onset: int, offset: int) -> PlannedEvent:
    return PlannedEvent(kind, (), (), 0.0, 0.0, 0.0, onset, onset + 1, offset, 0.1, "", 0)


def found(onset: int, offset: int, kind: Kind = "micro") -> IntervalRecord:
    return IntervalRecord(1, 0, onset, onset, offset, 0.0, 0.0, 0.0, kind, 0.9)


def test_comparison_is_one_to_one_and_best_overlap_first() -> None:
    plan = [
        planted("micro", 10, 19),
        planted("micro", 40, 49),
        planted("macro", 60, 90),
        planted("blink", 5, 7),
    ]
    matches = compare(plan, [found(12, 19), found(10, 19), found(40, 44), found(60, 90, "macro")])
    assert [(m.verdict, m.overlap) for m in matches] == [("hit", 1.0), ("false", 0.0), ("hit", 0.5)]
    assert "Found 2 of 2" in summary(matches) and "1 false interval " in summary(matches)
    assert "not good" not in summary(matches)


def test_a_session_that_was_cut_off_is_told_and_stays(tmp_path: Path) -> None:
    part = tmp_path / "out" / ".talk.partial-99999999"
    part.mkdir(parents=True)
    session = SessionInfo(SourceRecord("camera:0", "talk"), run=dict(RUNNING))
    session.write(part)
    result = runner.invoke(app, ["analyze", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    notes = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1 and "a live session until" in notes[0] and "keep" in notes[0]
    assert (part / "session.json").is_file()


@pytest.mark.parametrize(
    ("sources", "ended", "code"),
    [
        (["a.mp4", "b.mp4"], ["done", "skipped"], 0),
        (["a.mp4", "b.mp4"], ["done", "failed"], 1),
        (["a.mp4", "b.mp4"], ["done", "interrupted"], 1),
        (["a.mp4", "b.mp4"], ["done"], 1),
        (["a.mp4"], ["interrupted"], 1),
        (["camera:0"], ["interrupted"], 0),
        (["rtsp://host/door"], ["interrupted"], 0),
        (["camera:0"], ["failed"], 1),
        (["camera:0", "a.mp4"], ["interrupted"], 1),
    ],
)
def test_exit_code_0_means_that_all_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str], ended: list[Any], code: int
) -> None:
    def made_up(work: list[Job], *_: object, on_outcome: Any, **__: object) -> list[Outcome]:
        outcomes = [Outcome(job.spec, job.name, how) for job, how in zip(work, ended, strict=False)]
        for index, outcome in enumerate(outcomes):
            on_outcome(index, outcome)
        return outcomes

    monkeypatch.setattr(analyze, "analyse_all", made_up)
    result = runner.invoke(app, ["analyze", *sources, "--out", str(tmp_path)])
    assert result.exit_code == code, result.output
    left = len(sources) - sum(how in ("done", "skipped", "failed") for how in ended)
    assert ("--resume goes on" in result.stderr) is (code == 1 and left > 0)


@pytest.mark.parametrize(
    ("spans", "status", "code"),
    [
        ([10, 40, 70, 100, 130], "done", 0),
        ([10, 40, 70, 100, 500], "done", 0),  # 4 of 5 found, one false
        ([10, 40, 70, 500], "done", 1),
        ([10, 40, 70, 100, 130, 500, 600], "done", 1),
        ([10, 40, 70, 100, 130], "interrupted", 1),
        ([], "failed", 1),
    ],
)
def test_the_demo_fails_when_it_does_not_find_what_it_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spans: list[int], status: Any, code: int
) -> None:
    plan = [planted("micro", onset, onset + 9) for onset in (10, 40, 70, 100, 130)]

    def made_up(spec: str, out: Path, *_: object, name: str, **__: object) -> Outcome:
        folder = out / name
        folder.mkdir(parents=True)
        session = SessionInfo(SourceRecord(spec), delay={"look_ahead_s": 0.4, "p50_s": None, "p95_s": None})
        sink = SINKS["csv"].make(folder, session)
        for number, onset in enumerate(spans, start=1):
            span = Interval(onset, onset + 4, onset + 9, 0.0, 0.1, 0.3, score=0.9, kind="micro")
            sink.on_event(Event(number, 0, span, 1.0))
        sink.close(True)
        session.write(folder)
        return Outcome(spec, name, status, error="made up" if status == "failed" else "")

    monkeypatch.setattr(demo, "make_demo_clip", lambda *_, **__: plan)
    monkeypatch.setattr(demo, "analyse", made_up)
    result = runner.invoke(app, ["demo", "--out", str(tmp_path)])
    assert result.exit_code == code, result.output
    assert ("This is not good" in result.stdout) is (code == 1 and status == "done")
    assert ("stopped before the end" in result.stderr) is (status == "interrupted")


def test_the_delay_is_told_with_and_without_events() -> None:
    session = SessionInfo(SourceRecord("a.mp4"), delay={"look_ahead_s": 0.4, "p50_s": 0.3, "p95_s": 0.35})
    assert "at most 0.4 s" in delay_line(session) and "here 0.3 s (median), 0.35 s" in delay_line(session)
    session.delay = {"look_ahead_s": 0.4, "p50_s": None, "p95_s": None}
    assert delay_line(session).endswith("at most 0.4 s after the offset.")


def test_a_poor_result_is_called_so() -> None:
    matches = compare([planted("micro", 10, 19), planted("micro", 40, 49)], [found(10, 19)])
    assert [m.verdict for m in matches] == ["hit", "miss"]
    assert "This is not good" in summary(matches)
    assert "This is not good" in summary(compare([], [found(1, 5), found(20, 25)]))
    assert "dropped" not in summary(matches)
    assert "366 frames were dropped" in summary(matches, 366) and "run it again" in summary(matches, 366)


@pytest.mark.parametrize(
    "arguments",
    [
        ["synth"],
        ["synth", "out"],
        ["fit"],
        ["fit", "nothing"],
        ["fit", "recognizer"],
        ["synth", "out", "--jobs", "0"],
    ],
)
def test_training_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    result = runner.invoke(train_app, arguments)
    assert result.exit_code == 2 and "Traceback" not in result.output


def test_synth_without_footage_is_one_line(tmp_path: Path) -> None:
    result = runner.invoke(train_app, ["synth", str(tmp_path / "out"), "--footage", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if line.startswith("error: ")]
