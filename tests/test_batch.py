"""Sources become folders of results: whole or not at all, one failing alone, resumed where unchanged."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from megc_live import one_source, publish
from megc_live.batch import How, Outcome, analyse, analyse_all
from megc_live.cut_off import RUNNING, cut_off
from megc_live.engine_stats import TOO_SHORT
from megc_live.errors import SourceError
from megc_live.events import Event, FrameRow
from megc_live.jobs import Job, name_jobs
from megc_live.live import LiveRunner
from megc_live.models import shipped_folder
from megc_live.output.tables import read_frames, read_intervals
from megc_live.publish import clear_partials, partial_folder
from megc_live.review.journal import ReviewLock
from megc_live.rows import no_face_row
from megc_live.settings import Settings
from megc_live.spotting.interval import Interval
from megc_live.video import Frame, PixelImage, Source, SourceInfo, open_source
from tests.indexed import backdrop, write_images, write_indexed
from tests.output import made_up
from tests.video.fakes import MJPEG, mjpeg, serve


class CountingEngine:
    """Finds a movement in every ten frames; dies or breaks on files of that name."""

    def __init__(self, settings: Settings, info: SourceInfo) -> None:
        self.settings = settings
        self._spec = info.spec
        self._rows: list[FrameRow] = []
        self._times: list[float] = []
        self.closed = 0

    def push(self, frame: Frame) -> list[Event]:
        if "die" in self._spec and len(self._times) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if "broken" in self._spec:
            raise ZeroDivisionError("nothing to divide")
        self._rows.append(no_face_row(frame))
        self._times.append(frame.pts_s)
        last = len(self._times) - 1
        if last % 10 != 9:
            return []
        times = self._times[last - 6], self._times[last - 4], self._times[last - 2]
        span = Interval(last - 6, last - 4, last - 2, *times, score=0.9, kind="micro")
        return [Event(last // 10 + 1, 0, span, frame.pts_s)]

    def flush(self) -> list[Event]:
        return []

    def take_rows(self) -> list[FrameRow]:
        rows, self._rows = self._rows, []
        return rows

    def describe(self) -> dict[str, Any]:
        return {
            "stated_delay_s": 0.1,
            "models": {},
            "provider": "CPUExecutionProvider",
            "measured_fps": 25.0,
            "faces_seen": 0,
            "stages": [],
            "ring_scale": 1.0,
            "warnings": [],
        }

    def close(self) -> None:
        self.closed += 1


HOW = How(make_engine=CountingEngine)


def run(specs: list[Path], out: Path, how: How = HOW, **options: Any) -> list[Outcome]:
    return analyse_all(name_jobs([str(spec) for spec in specs]), out, Settings(), how, **options)


def session(out: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((out / name / "session.json").read_text(encoding="utf-8"))
    return values


def failures(out: Path) -> list[list[str]]:
    with (out / "failures.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def left_over(out: Path) -> list[str]:
    return [path.name for path in out.rglob("*") if "part" in path.name]


def test_one_source_becomes_its_folder(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 25)
    out = tmp_path / "out"
    seen: list[tuple[int, int | None]] = []
    outcome = analyse(str(video), out, Settings(), HOW, on_progress=lambda *args: seen.append(args))
    assert (outcome.status, outcome.name, outcome.frames, outcome.micro) == ("done", "a", 25, 2)
    assert seen[-1] == (25, 25)
    intervals = read_intervals(out / "a" / "intervals.csv")
    assert [(i.onset_frame, i.apex_frame, i.offset_frame) for i in intervals] == [(3, 5, 7), (13, 15, 17)]
    assert [row.frame for row in read_frames(out / "a" / "frames.csv")] == list(range(25))
    record = session(out, "a")
    assert record["run"]["complete"] is True
    assert record["source"]["frames"] == 25 and record["source"]["nominal_fps"] == 25
    assert record["events"] == {"micro": 2, "macro": 0}
    assert record["delay"] == {"look_ahead_s": 0.1, "p50_s": 0.08, "p95_s": 0.08}
    assert record["settings"] == Settings().model_dump(mode="json")
    assert left_over(out) == []


def test_folder_of_images_and_exports(tmp_path: Path) -> None:
    images = write_images(tmp_path / "clip", 12)
    how = How(exports=("json", "elan", "bids"), fps=200.0, make_engine=CountingEngine)
    outcome = analyse(str(images), tmp_path / "out", Settings(), how)
    assert outcome.status == "done", outcome.error
    names = {path.name for path in (tmp_path / "out" / "clip").iterdir()}
    assert {"intervals.csv", "frames.csv", "session.json", "events.json"} < names


def test_annotated_video_has_every_frame(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 15, size=(320, 240))
    seen: list[tuple[int, int | None]] = []
    how = How(annotate=True, make_engine=CountingEngine)
    outcome = analyse(
        str(video), tmp_path / "out", Settings(), how, on_progress=lambda *args: seen.append(args)
    )
    assert outcome.status == "done", outcome.error
    with open_source(tmp_path / "out" / "a" / "annotated.mp4") as drawn:
        assert sum(1 for _ in drawn) == 15
    assert {total for _, total in seen} == {30}


def test_stopping_while_the_annotated_video_is_drawn_keeps_the_tables(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 15, size=(320, 240))
    asked = iter([*[False] * 18, *[True] * 9])
    how = How(annotate=True, make_engine=CountingEngine)
    outcome = analyse(str(video), tmp_path / "out", Settings(), how, stopped=lambda: next(asked))
    assert (outcome.status, outcome.frames) == ("interrupted", 15)
    assert {p.name for p in (tmp_path / "out" / "a").iterdir()} == {
        "intervals.csv",
        "frames.csv",
        "session.json",
    }


def test_as_live_finds_the_same(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 20, fps=100)
    for name, as_live in (("file", False), ("live", True)):
        how = How(as_live=as_live, make_engine=CountingEngine)
        assert analyse(str(video), tmp_path / name, Settings(), how).status == "done"
    for table in ("intervals.csv", "frames.csv"):
        assert (tmp_path / "file/a" / table).read_bytes() == (tmp_path / "live/a" / table).read_bytes()
    assert [stage["name"] for stage in session(tmp_path / "live", "a")["stages"]] == ["capture", "process"]


class SlowEngine(CountingEngine):
    """Takes four frames' time for each one."""

    def push(self, frame: Frame) -> list[Event]:
        time.sleep(0.16)
        return super().push(frame)


def test_frames_dropped_on_the_way_are_not_taken_for_a_file_that_was_cut_off(tmp_path: Path) -> None:
    video, out = write_indexed(tmp_path / "a.mp4", 25), tmp_path / "out"
    hurried = Settings.from_dict({"video": {"live_queue_seconds": 0.08}})
    outcome = analyse(str(video), out, hurried, How(as_live=True, make_engine=SlowEngine))
    assert outcome.status == "done" and 2 <= outcome.frames < 20
    told = " ".join(session(out, "a")["warnings"])
    assert f"{25 - outcome.frames} frames were dropped" in told
    assert "cut off" not in told


def test_frames_of_another_size_are_counted_and_told(tmp_path: Path) -> None:
    body = mjpeg(4) + mjpeg(4, (320, 240))
    with serve(body, MJPEG, announce=False) as url:
        assert analyse(url, tmp_path, Settings(), HOW, name="sizes").status == "done"
    facts = session(tmp_path, "sizes")
    assert facts["source"]["extras"]["rescaled"] == 4
    assert any("4 frames came in another size" in warning for warning in facts["warnings"])


@pytest.mark.parametrize("lanes", [1, 2])
def test_failures_stand_alone(tmp_path: Path, lanes: int) -> None:
    good, last = (write_indexed(tmp_path / name, 12) for name in ("good.mp4", "last.mp4"))
    die, broken = (write_indexed(tmp_path / name, 12) for name in ("die.mp4", "broken.mp4"))
    empty = tmp_path / "empty.mp4"
    empty.touch()
    specs = [good, die, tmp_path / "missing.mp4", broken, empty, last]
    out = tmp_path / "out"
    told: list[int] = []
    outcomes = run(specs, out, lanes=lanes, on_outcome=lambda index, outcome: told.append(index))
    assert [o.status for o in outcomes] == ["done", "failed", "failed", "failed", "failed", "done"]
    assert sorted(told) == list(range(6))
    header, *rows = failures(out)
    assert header == ["source", "error"]
    assert [row[0] for row in rows] == [str(spec) for spec in specs[1:5]]
    assert "ended from outside or crashed" in rows[0][1]
    assert "ZeroDivisionError" in rows[2][1] and "nothing to divide" in rows[2][1]
    assert all(row[1] and "\n" not in row[1] for row in rows)
    assert {path.name for path in out.iterdir()} == {"good", "last", "failures.csv"}
    assert left_over(out) == []
    run([good], out)
    assert not (out / "failures.csv").exists()


def test_resume_skips_only_what_is_complete_and_unchanged(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    out = tmp_path / "out"
    again = How(resume=True, make_engine=CountingEngine)

    def status(how: How = again, **settings: Any) -> str:
        return analyse(str(video), out, Settings.from_dict(settings), how).status

    assert status() == "done"
    assert status() == "skipped"
    assert status(HOW) == "done"
    assert status(spotting={"spotter": "ltp-ml"}) == "done"
    assert status() == "done"
    exporting = How(resume=True, exports=("json", "bids"), make_engine=CountingEngine)
    assert status(exporting) == "done"
    os.utime(video, (2, 2))
    assert status(exporting) == "done"
    (out / "a" / "notes.txt").write_text("kept")
    assert status() == "done"
    for name in ("events.json", "bids"):
        assert not (out / "a" / name).exists(), "an export of an earlier run was left behind"
    assert (out / "a" / "notes.txt").read_text() == "kept"
    os.utime(video, (1, 1))
    assert status() == "done"
    (out / "a" / "session.json").unlink()
    assert status() == "done"
    assert status() == "skipped"


def test_stopping_keeps_what_was_found_and_resume_does_it_again(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    asked = iter([*[False] * 14, True])
    outcome = analyse(str(video), out, Settings(), HOW, stopped=lambda: next(asked))
    assert (outcome.status, outcome.frames, outcome.micro) == ("interrupted", 15, 1)
    record = session(out, "a")
    assert record["run"]["complete"] is False
    assert "stopped before the end of the source" in record["warnings"]
    assert analyse(str(video), out, Settings(), How(resume=True, make_engine=CountingEngine)).frames == 30


def test_results_of_another_source_are_not_overwritten(tmp_path: Path) -> None:
    one, other = tmp_path / "s1" / "clip.mp4", tmp_path / "s2" / "clip.mp4"
    for video in (one, other):
        video.parent.mkdir()
        write_indexed(video, 12)
    out = tmp_path / "out"
    assert run([one], out)[0].status == "done"
    before = (out / "clip" / "session.json").read_bytes()
    outcome = run([other], out)[0]
    assert outcome.status == "failed" and str(one) in outcome.error
    assert (out / "clip" / "session.json").read_bytes() == before


def test_a_failed_rerun_leaves_the_earlier_result(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    before = {path.name: path.read_bytes() for path in (out / "a").iterdir()}
    video.write_bytes(b"no video any more")
    assert run([video], out)[0].status == "failed"
    assert {path.name: path.read_bytes() for path in (out / "a").iterdir()} == before


class ShortEngine(CountingEngine):
    """Has seen too little."""

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "warnings": [TOO_SHORT]}


def test_a_file_that_was_stopped_is_not_told_to_be_short(tmp_path: Path) -> None:
    video, how = write_indexed(tmp_path / "a.mp4", 30), How(make_engine=ShortEngine)
    assert TOO_SHORT in analyse(str(video), tmp_path / "whole", Settings(), how).warnings
    asked = iter([*[False] * 14, True])
    stopped = analyse(str(video), tmp_path / "out", Settings(), how, stopped=lambda: next(asked))
    assert stopped.warnings == ("stopped before the end of the source",)


def test_what_is_complete_is_not_given_for_what_was_stopped(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    exporting = How(exports=("elan", "html"), make_engine=CountingEngine)
    assert run([video], out, exporting)[0].status == "done"
    before = {path.name: path.read_bytes() for path in (out / "a").iterdir()}
    for name in ("a-stopped", "a-stopped_2"):
        asked = iter([*[False] * 14, True])
        outcome = analyse(str(video), out, Settings(), HOW, stopped=lambda asked=asked: next(asked))
        assert (outcome.status, outcome.frames, outcome.name) == ("interrupted", 15, name)
        assert outcome.beside == "a is complete and was kept"
        assert session(out, name)["run"]["complete"] is False
        assert {path.name: path.read_bytes() for path in (out / "a").iterdir()} == before
    assert run([video], out)[0].name == "a" and not (out / "a" / "report.html").exists()


def test_what_somebody_reviewed_is_not_replaced(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    (out / "a" / "review-by-B.jsonl").write_text('{"do": "edit", "reviewer": "B. Coder"}\n')
    before = {path.name: path.read_bytes() for path in (out / "a").iterdir()}
    again = run([video], out)[0]
    assert again.status == "failed" and "reviewed by B. Coder" in again.error and "--" not in again.error
    assert {path.name: path.read_bytes() for path in (out / "a").iterdir()} == before
    assert run([video], out, How(resume=True, make_engine=CountingEngine))[0].status == "skipped"


def test_what_somebody_reviews_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    before = (out / "a" / "session.json").read_bytes()

    def review_begins() -> bool:
        (out / "a" / "review.jsonl").write_text('{"do": "edit"}\n')
        return False

    with ReviewLock(out / "a", "A. Coder"):  # open, and nothing decided yet
        outcome = run([video], out)[0]
    assert (outcome.status, outcome.name) == ("done", "a_2")
    assert outcome.beside == "a is open in Review and was kept"
    outcome = analyse(str(video), out, Settings(), HOW, stopped=review_begins)
    assert (outcome.status, outcome.name, outcome.frames) == ("done", "a_3", 30)
    assert outcome.beside == "a was reviewed meanwhile and was kept"
    assert (out / "a" / "session.json").read_bytes() == before


def test_a_live_session_that_was_cut_off_is_not_cleared_away(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    part = tmp_path / "out" / ".a.partial-99999999"
    part.mkdir(parents=True)
    session = made_up.session()
    session.run = dict(RUNNING)
    session.write(part)
    assert run([video], tmp_path / "out")[0].status == "done"
    assert cut_off(tmp_path / "out") == [part]


ENDS_WHILE_REPLACING = """
import os, sys
from pathlib import Path
from megc_live import publish
from megc_live.batch import analyse
from megc_live.settings import Settings
from tests.test_batch import HOW
replace, left = os.replace, [int(sys.argv[3])]
def ends(one, other):
    if "a" in (Path(one).name, Path(other).name):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
    replace(one, other)
publish.os.replace = ends
analyse(sys.argv[1], Path(sys.argv[2]), Settings(), HOW)
"""


@pytest.mark.parametrize("moves", [0, 1])
def test_a_result_is_there_whole_whenever_the_program_ends(tmp_path: Path, moves: int) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    (out / "a" / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in (out / "a").iterdir()}
    command = [sys.executable, "-c", ENDS_WHILE_REPLACING, str(video), str(out), str(moves)]
    assert subprocess.run(command, check=False).returncode == 9
    clear_partials(out, "a")
    assert {name: (out / "a" / name).read_bytes() for name in before} == before
    assert [path.name for path in out.iterdir()] == ["a"]
    assert run([video], out)[0].status == "done"
    assert (out / "a" / "notes.txt").read_text() == "mine"
    assert [path.name for path in out.iterdir()] == ["a"]


def test_where_a_folder_cannot_be_moved_its_files_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out, How(exports=("json",), make_engine=CountingEngine))[0].status == "done"
    (out / "a" / "notes.txt").write_text("mine")
    replace = os.replace

    def refuses(one: Path, other: Path) -> None:
        if Path(one) == out / "a":
            raise PermissionError(13, "a file in it is open")
        replace(one, other)

    monkeypatch.setattr(publish.os, "replace", refuses)
    assert run([video], out)[0].status == "done"
    assert session(out, "a")["run"]["complete"] is True and [p.name for p in out.iterdir()] == ["a"]
    assert {path.name for path in (out / "a").iterdir()} >= {"notes.txt", "intervals.csv", "frames.csv"}
    assert not (out / "a" / "events.json").exists()


def test_what_was_added_comes_over_if_the_program_ends_before_that(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    shutil.copytree(out / "a", out / ".a.replaced-99999999")
    (out / ".a.replaced-99999999" / "notes.txt").write_text("mine")
    clear_partials(out, "a")
    assert (out / "a" / "notes.txt").read_text() == "mine"
    assert [path.name for path in out.iterdir()] == ["a"]


def test_a_stopped_run_after_a_broken_replacement_takes_nothing_from_the_earlier_result(
    tmp_path: Path,
) -> None:
    video = write_indexed(tmp_path / "a.mp4", 30)
    out = tmp_path / "out"
    assert run([video], out)[0].status == "done"
    (out / "a").rename(out / ".a.replaced-99999999")
    asked = iter([*[False] * 14, True])
    stopped = analyse(str(video), out, Settings(), HOW, stopped=lambda: next(asked))
    assert stopped.name == "a-stopped" and session(out, "a")["run"]["complete"] is True


def test_a_session_of_a_process_with_the_same_number_is_not_in_the_way(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    part = tmp_path / "out" / f".a.partial-{os.getpid()}"
    part.mkdir(parents=True)
    record = made_up.session()
    record.run = dict(RUNNING)
    record.write(part)
    assert run([video], tmp_path / "out")[0].status == "done"
    assert cut_off(tmp_path / "out") == [part]


def test_what_a_dead_process_left_half_written_is_cleared(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    out = tmp_path / "out"
    (out / ".a.partial-99999999").mkdir(parents=True)
    (out / f".a.partial-{os.getppid()}").mkdir()
    assert run([video], out)[0].status == "done"
    assert left_over(out) == [f".a.partial-{os.getppid()}"]


def test_a_process_number_that_was_given_out_again_blocks_nothing(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    out = tmp_path / "out"
    own, reused = out / f".a.partial-{os.getpid()}", out / f".a.partial-{os.getppid()}"
    for folder in (own, reused):
        folder.mkdir(parents=True)
        (folder / "frames.csv.part").write_text("half")
    os.utime(reused, (1, 1))  # older than the process that has its number now
    assert run([video], out)[0].status == "done"
    assert left_over(out) == []
    with partial_folder(out, "a") as part:
        clear_partials(out, "a")
        assert part.is_dir(), "a run of this process still works on it"
    assert not part.exists()


def test_another_frame_rate_replaces_the_times_of_a_file_and_is_told(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.avi", 25, size=(320, 240))
    out = tmp_path / "out"
    how = How(fps=200.0, annotate=True, make_engine=CountingEngine)
    assert analyse(str(video), out, Settings(), how).status == "done"
    times = [row.timestamp for row in read_frames(out / "a" / "frames.csv")]
    assert times == pytest.approx([k / 200 for k in range(25)])
    record = session(out, "a")
    assert record["source"]["nominal_fps"] == 200 and record["source"]["duration_s"] == 0.12
    told = "times are frame number / 200 as asked with --fps; the file's own times were replaced"
    assert told in record["warnings"]
    with open_source(out / "a" / "annotated.mp4") as drawn:
        assert [frame.pts_s for frame in drawn] == pytest.approx([k / 200 for k in range(25)], abs=1e-3)
    assert analyse(str(video), tmp_path / "plain", Settings(), HOW).status == "done"
    assert session(tmp_path / "plain", "a")["warnings"] == []


def test_resume_does_not_mix_two_models(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    models = tmp_path / "models"
    shutil.copytree(shipped_folder(), models)
    settings = Settings.from_dict({"models": {"directory": models}})
    again = How(resume=True, make_engine=CountingEngine)

    def status() -> str:
        return analyse(str(video), tmp_path / "out", settings, again).status

    assert [status(), status()] == ["done", "skipped"]
    for suffix in ("onnx", "json"):  # fitted anew
        shutil.copy(models / f"ltp-ml.{suffix}", models / f"ltp-net.{suffix}")
    assert [status(), status()] == ["done", "skipped"]


def test_a_folder_that_cannot_be_written_is_one_failure(tmp_path: Path) -> None:
    video = write_indexed(tmp_path / "a.mp4", 12)
    (tmp_path / "file").write_text("in the way")
    outcome = analyse(str(video), tmp_path / "file", Settings(), HOW)
    assert outcome.status == "failed" and "file" in outcome.error


class LostCamera(Source):
    """A live source that breaks after some frames."""

    def __init__(self, good_frames: int) -> None:
        self.name = "camera0"
        self.info = SourceInfo("camera:0", "camera", 32, 24, 25.0, None, None, True, "raw")
        self._frames = self._make(good_frames)
        self.closed = False

    def _make(self, count: int) -> Iterator[Frame]:
        picture = backdrop(32, 24)
        for k in range(count):
            yield Frame(k, k / 25, PixelImage(picture(k), "rgb"), time.perf_counter())
        raise SourceError("the camera was unplugged.", "Plug it in.")

    def read(self) -> Frame | None:
        return next(self._frames)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("frames", "kept"), [(12, True), (0, False)])
def test_a_lost_camera_fails_but_what_it_showed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int, kept: bool
) -> None:
    camera = LostCamera(frames)
    monkeypatch.setattr(one_source, "open_source", lambda spec, fps=None: camera)
    outcome = analyse_all([Job("camera:0", "camera0")], tmp_path, Settings(), HOW)[0]
    assert outcome.status == "failed" and "unplugged" in outcome.error
    assert (tmp_path / "camera0").exists() is kept
    assert camera.closed
    if kept:
        assert len(read_intervals(tmp_path / "camera0" / "intervals.csv")) == 1
        assert session(tmp_path, "camera0")["run"] == {"complete": False, "source": "camera:0"}
    assert left_over(tmp_path) == []


class HangingCamera(LostCamera):
    """A live source whose driver hangs after some frames."""

    def __init__(self, good_frames: int) -> None:
        super().__init__(good_frames)
        self.hangs, self.release = threading.Event(), threading.Event()
        self._left = good_frames

    def read(self) -> Frame | None:
        if self._left == 0:
            self.hangs.set()
            assert self.release.wait(20)
            return None
        self._left -= 1
        return super().read()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(LiveRunner):
        def stop(self, timeout: float = 0.05) -> bool:
            return super().stop(timeout)

    monkeypatch.setattr(one_source, "LiveRunner", Impatient)
    monkeypatch.setattr(one_source, "_DRAIN_S", 0.3)


@pytest.mark.usefixtures("impatient")
def test_a_camera_that_hangs_is_not_closed_beside_its_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = HangingCamera(12)
    monkeypatch.setattr(one_source, "open_source", lambda spec, fps=None: camera)
    try:
        outcome = analyse("camera:0", tmp_path, Settings(), HOW, name="camera0", stopped=camera.hangs.is_set)
        assert (outcome.status, outcome.frames, outcome.micro) == ("interrupted", 12, 1)
        assert len(read_intervals(tmp_path / "camera0" / "intervals.csv")) == 1
        assert not camera.closed
    finally:
        camera.release.set()


@pytest.mark.usefixtures("impatient")
def test_an_analysis_that_hangs_fails_and_its_engine_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, stuck = threading.Event(), threading.Event()
    beside: list[str] = []

    class StuckEngine(CountingEngine):
        def push(self, frame: Frame) -> list[Event]:
            stuck.set()
            assert release.wait(20)
            return super().push(frame)

        def flush(self) -> list[Event]:
            beside.append("flush")
            return []

        def close(self) -> None:
            beside.append("close")

    camera = LostCamera(12)
    monkeypatch.setattr(one_source, "open_source", lambda spec, fps=None: camera)
    how = How(make_engine=StuckEngine)
    try:
        outcome = analyse("camera:0", tmp_path, Settings(), how, name="camera0", stopped=stuck.is_set)
    finally:
        release.set()
    assert outcome.status == "failed" and "does not end" in outcome.error
    assert beside == [] and list(tmp_path.iterdir()) == []
