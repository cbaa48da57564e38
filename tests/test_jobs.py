"""What is typed becomes sources, each with a name of its own and a fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from megc_live.errors import ModelError, SettingsError
from megc_live.jobs import expand, fingerprint, is_live, name_jobs, size_of
from megc_live.models import LANDMARKER_FILE
from megc_live.settings import Settings


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(specs: list[str]) -> list[str]:
    return [job.name for job in name_jobs(specs)]


def test_folder_of_videos_is_expanded_at_any_depth_in_order(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MOV", "deep/er/c.gif", "notes.txt", ".hidden.mp4", "cover.jpg"):
        touch(tmp_path / name)
    assert expand([str(tmp_path)]) == [str(tmp_path / name) for name in ("a.MOV", "b.mp4", "deep/er/c.gif")]


def test_folder_of_numbered_images_is_one_source(tmp_path: Path) -> None:
    for number in range(3):
        touch(tmp_path / "s1" / "clip" / f"img{number}.jpg")
    assert expand([str(tmp_path / "s1" / "clip")]) == [str(tmp_path / "s1" / "clip")]
    assert expand([str(tmp_path)]) == [str(tmp_path / "s1" / "clip")]


def test_videos_beside_numbered_pictures_are_still_videos(tmp_path: Path) -> None:
    for name in ("talk.mp4", "thumb1.jpg", "thumb2.jpg"):
        touch(tmp_path / name)
    assert expand([str(tmp_path)]) == [str(tmp_path / "talk.mp4")]


def test_results_and_repeated_sources_are_left_out(tmp_path: Path) -> None:
    video = touch(tmp_path / "a.mp4")
    touch(tmp_path / "out" / "a" / "annotated.mp4")
    typed = [str(tmp_path), str(video), str(tmp_path / "." / "a.mp4")]
    assert expand(typed, leave_out=tmp_path / "out") == [str(video)]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert expand([str(tmp_path)]) == [str(tmp_path / "a.mp4")]


def test_an_empty_name_is_not_the_current_folder() -> None:
    for typed in ([""], ["camera:0", " "]):
        with pytest.raises(SettingsError, match="name of a source is empty"):
            expand(typed)


def test_what_cannot_be_expanded_stays_to_be_reported(tmp_path: Path) -> None:
    typed = [str(tmp_path), str(tmp_path / "missing.mp4"), "camera:0", "rtsp://host/door"]
    assert expand(typed) == typed


def test_names_are_stems_unless_alike() -> None:
    assert names(["x/s1/clip.mp4", "x/s2/clip.mp4", "talk.v2.avi"]) == ["s1_clip", "s2_clip", "talk.v2"]
    assert names(["x/clip.mp4", "x/clip.avi"]) == ["x_clip_mp4", "x_clip_avi"]
    assert names(["a/x/clip.mp4", "b/x/clip.mp4"]) == ["a_x_clip_mp4", "b_x_clip_mp4"]
    assert names(["Clip.mp4", "other/clip.mp4"])[1] == "other_clip"


def test_names_do_not_depend_on_order() -> None:
    specs = ["p/s1/clip.mp4", "p/s2/clip.mp4", "p/s2/clip.avi", "p/solo.mkv"]
    forth = {job.spec: job.name for job in name_jobs(specs)}
    back = {job.spec: job.name for job in name_jobs(specs[::-1])}
    assert forth == back
    assert len(set(forth.values())) == 4


def test_names_are_unique_when_prefixes_meet_other_stems() -> None:
    found = names(["s1/clip.mp4", "s2/clip.mp4", "s1_clip.mp4", "failures.csv.mp4"])
    assert len({name.casefold() for name in found} | {"failures.csv"}) == 5


def test_live_names_hold_no_password_and_never_meet_earlier_recordings(tmp_path: Path) -> None:
    assert names(["rtsp://me:secret@host:554/door", "camera:1"]) == ["host_554_door", "camera1"]
    (tmp_path / "camera1").mkdir()
    assert [job.name for job in name_jobs(["camera:1"], tmp_path)] == ["camera1_2"]
    assert is_live("https://host/a.m3u8") and not is_live("C:/clips/a.mp4")


def test_fingerprint_changes_with_source_settings_and_how(tmp_path: Path) -> None:
    video = touch(tmp_path / "a.mp4")
    plain = fingerprint(str(video), Settings(), as_live=False)
    assert plain == fingerprint(str(video), Settings(), as_live=False)
    assert plain != fingerprint(str(video), Settings(), as_live=True)
    other = Settings.from_dict({"spotting": {"spotter": "ltp-ml"}})
    assert plain != fingerprint(str(video), other, as_live=False)
    os.utime(video, (1, 1))
    touched = fingerprint(str(video), Settings(), as_live=False)
    assert plain != touched
    video.write_bytes(b"longer")
    os.utime(video, (1, 1))
    assert touched != fingerprint(str(video), Settings(), as_live=False)


def test_fingerprint_of_a_folder_sees_each_image(tmp_path: Path) -> None:
    touch(tmp_path / "1.png")
    before = fingerprint(str(tmp_path), Settings())
    touch(tmp_path / "2.png")
    assert fingerprint(str(tmp_path), Settings()) != before
    with pytest.raises(OSError):
        fingerprint(str(tmp_path / "none.mp4"), Settings())


def test_fingerprint_changes_with_the_models(tmp_path: Path) -> None:
    video = touch(tmp_path / "a.mp4")
    settings = Settings.from_dict({"models": {"directory": tmp_path / "models"}})

    def models(**contents: bytes) -> dict[str, str]:
        for name, content in contents.items():
            touch(tmp_path / "models" / f"{name}.onnx", content)
            card = json.dumps({"sha256": hashlib.sha256(content).hexdigest()})
            touch(tmp_path / "models" / f"{name}.json", card.encode())
        return dict(fingerprint(str(video), settings)["models"])

    first = models(**{"ltp-net": b"one", "ststnet": b"two"})
    assert set(first) == {"ltp-net", "ststnet", LANDMARKER_FILE}
    spotter = models(**{"ltp-net": b"another"})
    recognizer = models(ststnet=b"another")
    assert len({*map(str, (first, spotter, recognizer))}) == 3
    only = Settings.from_dict({"recognition": {"recognizer": "none"}})
    assert set(fingerprint(str(video), only)["models"]) == {"ltp-net", LANDMARKER_FILE}
    touch(tmp_path / "models" / "ltp-net.onnx", b"altered")
    with pytest.raises(ModelError, match="SHA-256"):
        fingerprint(str(video), settings)


def test_sizes(tmp_path: Path) -> None:
    touch(tmp_path / "f" / "1.png", b"12345")
    assert size_of(str(tmp_path / "f")) == size_of(str(tmp_path / "f" / "1.png")) == 5
    assert size_of("camera:0") == size_of(str(tmp_path / "none.mp4")) == 0
