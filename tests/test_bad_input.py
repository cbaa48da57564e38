"""What people really name as a source: each bad one is one line that says what to do, the others are done."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from megc_live.cli import app
from megc_live.models import shipped_folder
from megc_live.output import SessionInfo, read_frames
from tests.indexed import backdrop, write_indexed
from tests.video.test_files import write_sound


def analyze(out: Path, *sources: Path | str) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, sources), "--out", str(out)])


def error_lines(result: Result) -> list[str]:
    assert "Traceback" not in result.output
    return [line.removeprefix("error: ") for line in result.stderr.splitlines() if line.startswith("error: ")]


def failures(out: Path) -> dict[str, str]:
    with (out / "failures.csv").open(newline="", encoding="utf-8") as file:
        return {row["source"]: row["error"] for row in csv.DictReader(file)}


def cut_in_half(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def test_each_bad_source_is_one_line_that_says_what_to_do_and_the_others_are_done(tmp_path: Path) -> None:
    good = write_indexed(tmp_path / "good.mp4", 12)
    last = write_indexed(tmp_path / "last.mp4", 12)
    truncated = cut_in_half(write_indexed(tmp_path / "truncated.mp4", 40))  # an mp4's index is at its end
    empty = tmp_path / "empty.mp4"
    empty.touch()
    sound = tmp_path / "sound.wav"
    write_sound(sound)
    picture = tmp_path / "face.jpg"
    picture.write_bytes(cv2.imencode(".jpg", backdrop(64, 64)(0))[1].tobytes())
    text = tmp_path / "notes.mp4"
    text.write_text("not a video\n" * 100)
    expected = {
        tmp_path / "missing.mp4": ("there is no file", "Check the path."),
        truncated: ("is not a video that can be read", "Check that the file is complete"),
        empty: ("is empty (0 bytes)", "Copy or record it again."),
        sound: ("only sound, a video was expected", "Name a file with pictures."),
        picture: ("is one picture, not a video", "Name a video file"),
        text: ("is not a video that can be read", "convert it to H.264"),
    }
    out = tmp_path / "out"
    result = analyze(out, good, *expected, last)
    assert result.exit_code == 1
    told = failures(out)
    assert list(told) == [str(path) for path in expected]
    lines = error_lines(result)
    assert lines[-1] == f"{len(expected)} of {len(expected) + 2} sources failed: see {out / 'failures.csv'}"
    assert lines[:-1] == list(told.values())
    for path, (what, do) in expected.items():
        message = told[str(path)]
        assert str(path) in message and what in message and do in message, message
        assert "\n" not in message and "internal fault" not in message
    assert {path.name for path in out.iterdir()} == {"good", "last", "failures.csv"}
    for name in ("good", "last"):
        assert SessionInfo.read(out / name / "session.json").run["complete"]


@pytest.mark.parametrize(
    ("frames", "size", "codec", "pix_fmt", "what"),
    [
        (10, (160, 120), None, None, "only 10 frames"),
        (60, (1, 1), "ffv1", "bgr0", "1 x 1 pixels"),
        (60, (1, 1), "ffv1", "gray", "1 x 1 pixels"),
        (60, (2, 2), "ffv1", "yuv420p", "2 x 2 pixels"),
    ],
)
def test_what_is_too_short_or_too_small_to_spot_anything_in_is_one_line(
    tmp_path: Path, frames: int, size: tuple[int, int], codec: str | None, pix_fmt: str | None, what: str
) -> None:
    clip = write_indexed(tmp_path / "a.mkv", frames, size=size, codec=codec, pix_fmt=pix_fmt, stamped=False)
    out = tmp_path / "out"
    result = analyze(out, clip)
    assert result.exit_code == 1
    message = failures(out)[str(clip)]
    assert result.stderr == f"error: {message}\n"
    assert str(clip) in message and what in message and "Give a" in message
    assert {path.name for path in out.iterdir()} == {"failures.csv"}


def test_a_truncated_recording_that_can_be_read_is_analysed_as_far_as_it_goes(tmp_path: Path) -> None:
    clip = cut_in_half(write_indexed(tmp_path / "cut.mkv", 40))
    result = analyze(tmp_path / "out", clip)
    assert result.exit_code == 0, result.output
    rows = list(read_frames(tmp_path / "out" / "cut" / "frames.csv"))
    assert 5 < len(rows) < 40
    assert SessionInfo.read(tmp_path / "out" / "cut" / "session.json").source.frames == len(rows)


def test_a_cut_off_copy_is_said_to_be_one(tmp_path: Path) -> None:
    """The index of such a file is at its front: it opens and announces what is no longer there."""
    whole, clip = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    make = backdrop(320, 240)
    with av.open(str(whole), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.gop_size = 10
        for k in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(make(k), "rgb24")))
        container.mux(stream.encode(None))
    data = whole.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    result = analyze(tmp_path / "out", clip)
    assert result.exit_code == 1
    assert (
        "of 60 announced frames: it was cut off" in result.stderr
        and "Copy or record it again." in result.stderr
    )
    session = SessionInfo.read(tmp_path / "out" / "cut" / "session.json")
    assert not session.run["complete"] and any("of 60 announced" in warning for warning in session.warnings)
    rows = list(read_frames(tmp_path / "out" / "cut" / "frames.csv"))
    assert 5 < len(rows) < 60 and len(rows) == session.source.frames


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows may list every folder")
def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    folder.chmod(0)
    try:
        result = analyze(tmp_path / "out", folder)
        inside = analyze(tmp_path / "inside", folder / "a.mp4")
    finally:
        folder.chmod(0o700)
    assert result.exit_code == inside.exit_code == 1
    assert "no permission to list the folder" in failures(tmp_path / "out")[str(folder)]
    assert "Change its permissions" in error_lines(result)[0]
    assert "no permission to read" in error_lines(inside)[0]


def test_one_bad_source_alone_is_one_line_and_nothing_else(tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"
    result = analyze(tmp_path / "out", missing)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: there is no file {str(missing)!r}. Check the path.\n"
    assert list(failures(tmp_path / "out")) == [str(missing)]


@pytest.mark.parametrize("command", [["analyze", "a.mp4"], ["demo"]])
def test_a_place_for_the_results_that_cannot_be_written_to_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    taken = tmp_path / "taken"
    taken.touch()
    onto_file = CliRunner().invoke(app, [*command, "--out", str(taken)])
    monkeypatch.setattr("megc_live.publish.TemporaryFile", refused)  # root may write everywhere
    locked = CliRunner().invoke(app, [*command, "--out", str(tmp_path)])
    for result, folder, why in (
        (onto_file, taken, "it is not a folder"),
        (locked, tmp_path, "Permission denied"),
    ):
        assert result.exit_code == 1
        assert (
            result.stderr
            == f"error: cannot write to {str(folder)!r}: {why}. Choose another folder for the results.\n"
        )


@pytest.mark.parametrize("name", ["ltp-net", "ststnet"])
def test_an_altered_model_fails_every_source_and_writes_no_result(tmp_path: Path, name: str) -> None:
    models = tmp_path / "models"
    shutil.copytree(shipped_folder(), models)
    data = np.frombuffer((models / f"{name}.onnx").read_bytes(), np.uint8).copy()
    data[len(data) // 2] ^= 1
    (models / f"{name}.onnx").write_bytes(data.tobytes())
    settings = tmp_path / "mine.toml"
    settings.write_text(f"[models]\ndirectory = {json.dumps(str(models))}\n")
    clip, out = write_indexed(tmp_path / "a.mp4", 12), tmp_path / "out"
    result = CliRunner().invoke(app, ["analyze", str(clip), "--out", str(out), "--settings", str(settings)])
    assert result.exit_code == 1
    message = failures(out)[str(clip)]
    assert "SHA-256" in message and str(models / f"{name}.onnx") in message
    assert "megc-live models verify" in message and "\n" not in message
    assert message in error_lines(result)[0]
    assert {path.name for path in out.iterdir()} == {"failures.csv"}
