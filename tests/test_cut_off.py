"""A program that is killed in the middle of a live session leaves what can be found, kept and reviewed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from megc_live.cut_off import RUNNING, cut_off, keep
from megc_live.errors import OutputError
from megc_live.live_session import LiveSession
from megc_live.output.session import SessionInfo
from megc_live.output.tables import read_frames, read_intervals
from megc_live.publish import free_name
from megc_live.review import ReviewDocument
from megc_live.settings import Settings
from megc_live.video.reader import FrameReader
from tests.conftest import FaceClip
from tests.output import made_up
from tests.simulated import SimulatedCamera
from tests.test_live_session import GREY, Meter, until

SESSION = """
import sys, time
from pathlib import Path
from megc_live.live_session import LiveSession
from megc_live.settings import Settings
from megc_live.video import LivePlayer, open_source

session = LiveSession(
    lambda: LivePlayer(open_source(sys.argv[1])),
    Settings(),
    folder=Path(sys.argv[2]),
    name="face",
    consent={"participant": "P07"},
)
session.start()
session.record(True)
while True:
    print(session.snapshot().n_rows, flush=True)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def left(face_clip: FaceClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of results in which a session was killed, some seconds after its first frames."""
    out = tmp_path_factory.mktemp("results")
    program = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(face_clip.path), str(out)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    for line in program.stdout:
        written = [path.stat().st_size for path in out.glob(".*.partial-*/.frames.csv.*.part")]
        table = [path.stat().st_size for path in out.glob(".*.partial-*/recording.csv")]
        if int(line) and written and written[0] > 10_000 and table and table[0] > 300:
            break
    program.send_signal(signal.SIGKILL)
    program.wait(10)
    program.stdout.close()
    return out


def test_it_is_found_with_the_consent_beside_the_recording(left: Path) -> None:
    (part,) = cut_off(left)
    record = json.loads((part / "session.json").read_text(encoding="utf-8"))
    assert record["consent"] == {"participant": "P07"} and record["run"]["complete"] is False
    assert free_name(left, "face") == "face_2", "a new session leaves it alone"


def test_what_is_kept_can_be_reviewed(left: Path) -> None:
    (part,) = cut_off(left)
    folder = keep(part)
    assert folder == left / "face-cut-off" and cut_off(left) == []
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    session = SessionInfo.read(folder / "session.json")
    assert session.source.frames > 10 and session.source.measured_fps == pytest.approx(25, abs=3)
    assert any("regular end" in warning for warning in session.warnings)
    assert session.run == {"complete": False, "source": session.source.spec, "cut_off": True}
    with ReviewDocument.open(folder, "A. Coder") as document:
        assert document.n_frames >= session.source.frames
        assert document.video is not None
        with document.reader() as reader:
            assert isinstance(reader, FrameReader) and reader.n_frames > 10
            frame = int(document.present_frames[5])
            at = document.video_frame(frame)
            assert at is not None and reader.frame(at).image.grey.std() > 5


def part_of(out: Path, pid: int, host: str | None) -> Path:
    part = out / f".talk.partial-{pid}"
    part.mkdir(parents=True)
    if host is not None:
        (part / "session.json").write_text(json.dumps({"schema_version": 1, "run": {"host": host}}))
    return part


def test_what_still_runs_or_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    part_of(tmp_path, os.getppid(), "here")
    part_of(tmp_path, 99_999_999, None)
    part_of(tmp_path, 99_999_998, "another computer")
    assert cut_off(tmp_path) == []


def test_one_that_lost_its_tables_in_a_power_cut_is_kept_too(tmp_path: Path) -> None:
    part = tmp_path / ".talk.partial-99999999"
    part.mkdir()
    session = made_up.session()
    session.run = dict(RUNNING)
    session.write(part)
    for name, data in (
        (".intervals.csv.9-0123abcd.part", b""),
        (".frames.csv.9-0123abcd.part", b"\0" * 4096),
    ):
        (part / name).write_bytes(data)
    (part / ".report.html.9-0123abcd.part").write_bytes(b"half a page")
    (tmp_path / "talk-cut-off").mkdir()
    assert cut_off(tmp_path) == [part]
    folder = keep(part)
    assert folder == tmp_path / "talk-cut-off_2"
    assert sorted(path.name for path in folder.iterdir()) == ["frames.csv", "intervals.csv", "session.json"]
    assert list(read_frames(folder / "frames.csv")) == [] and read_intervals(folder / "intervals.csv") == []


def test_what_could_not_be_renamed_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = tmp_path / ".talk.partial-99999999"
    part.mkdir()
    session = made_up.session()
    session.run = dict(RUNNING)
    session.write(part)
    for name in ("intervals", "frames"):
        (part / f".{name}.csv.9-0123abcd.part").write_bytes(b"")

    def refuses(path: Path, to: Path) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuses)
        with pytest.raises(OutputError, match="in use"):
            keep(part)
    assert cut_off(tmp_path) == [part]
    assert keep(part) == tmp_path / "talk-cut-off"


def test_a_session_that_cannot_get_its_name_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(part: Path, folder: Path) -> None:
        raise OutputError("the folder is in use.")

    camera = SimulatedCamera(200.0, pictures=GREY)
    session = LiveSession(
        camera.open, Settings(), folder=tmp_path, name="talk", make_engine=Meter(), consent={"code": "P07"}
    )
    with monkeypatch.context() as patch:
        patch.setattr("megc_live.live_run.publish", refuses)
        session.start()
        until(session, lambda shot: shot.n_rows > 30)
        assert session.close(10.0)
        assert "in use" in session.snapshot().message
    (part,) = cut_off(tmp_path)
    folder = keep(part)
    assert folder.name == "talk-cut-off" and len(read_intervals(folder / "intervals.csv")) >= 3
    assert SessionInfo.read(folder / "session.json").consent == {"code": "P07"}
