"""Writing, other rates, the living photograph, the demo clip, footage."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from megc_live.errors import OutputError, SourceError
from megc_live.face.geometry import eye_distance
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.synthesis.camera import STEADY
from megc_live.synthesis.demo import make_demo_clip
from megc_live.synthesis.footage import Survey, find_repeats, read_frames, steady, survey
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.retime import retimed
from megc_live.synthesis.write import write_clip
from megc_live.video.frame import PixelImage


def flat(level: int, height: int = 64, width: int = 96) -> PixelImage:
    data = np.full((height * 3 // 2, width), 128, np.uint8)
    data[:height] = level
    return PixelImage(data, "i420")


def decoded(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = [
            (f.to_ndarray(format="yuv420p")[: f.height], float(f.time or 0))
            for f in container.decode(video=0)
        ]
    return [f for f, _ in frames], [t for _, t in frames]


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 60.0, 120.0, 200.0, 240.0])
def test_uniform_rates_are_written_exactly(tmp_path: Path, fps: float) -> None:
    count = write_clip(tmp_path / "a.mp4", (flat(16 + 5 * k) for k in range(40)), fps=fps)
    frames, times = decoded(tmp_path / "a.mp4")
    assert count == len(frames) == 40
    assert times == pytest.approx(np.arange(40) / fps, abs=1e-4)
    assert [round(f.mean()) for f in frames] == pytest.approx([16 + 5 * k for k in range(40)], abs=2)


def test_variable_time_stamps_are_kept(tmp_path: Path) -> None:
    times = np.cumsum(np.tile([0.04, 0.08, 0.0333], 8)) - 0.04
    write_clip(tmp_path / "a.mp4", (flat(16 + 8 * k) for k in range(24)), times_s=times)
    assert decoded(tmp_path / "a.mp4")[1] == pytest.approx(times, abs=1e-4)


def test_a_clip_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaking():
        yield flat(20)
        raise SourceError("the source is gone.")

    with pytest.raises(SourceError):
        write_clip(tmp_path / "a.mp4", breaking(), fps=25)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_clip(tmp_path / "file" / "a.mp4", [flat(20)], fps=25)


@pytest.mark.parametrize("fps", [25.0, 50.0, 100.0, 200.0, 240.0])
def test_a_photograph_lives_at_any_rate(face, fps: float) -> None:
    rgb, points = face
    photo = animate_photo(rgb, points, 0.5, fps, np.random.default_rng(0), size=(160, 120), eye_px=24.0)
    frames = list(photo.frames([], rng=np.random.default_rng(0), camera=STEADY))
    assert len(frames) == len(photo.times_s) == round(0.5 * fps)
    assert (frames[0].height, frames[0].width) == (120, 160)
    assert (frames[0].data != frames[-1].data).any()
    steps = [np.abs(a.grey.astype(int) - b.grey).mean() for a, b in pairwise(frames)]
    assert max(steps) < 3


def test_a_photograph_has_the_face_at_the_size_asked_for(face) -> None:
    rgb, points = face
    photo = animate_photo(rgb, points, 1.0, 25.0, np.random.default_rng(0), size=(640, 480), eye_px=90.0)
    with Landmarker(ModelStore().landmarker()) as landmarker:
        found = landmarker.detect(photo.picture.rgb())[0]
    assert np.median(np.hypot(*(found - photo.landmarks)[:, :2].T)) < 3
    with pytest.raises(SourceError, match="641"):
        animate_photo(rgb, points, 1.0, 25.0, np.random.default_rng(0), size=(641, 480))


@pytest.mark.parametrize("fps_out", [25.0, 30.0, 60.0, 240.0, 12.5])
def test_retimed_frames_move_evenly(fps_out: float) -> None:
    texture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (128, 256)).astype(np.float32), (0, 0), 4
    )
    texture = cv2.normalize(texture, None, 30, 220, cv2.NORM_MINMAX).astype(np.uint8)
    source = []
    for k in range(13):
        moved = cv2.warpAffine(
            texture, np.array([[1, 0, -1.5 * k], [0, 1, 0.0]]), (128, 128), flags=cv2.INTER_CUBIC
        )
        data = np.full((192, 128), 128, np.uint8)
        data[:128] = moved
        source.append(PixelImage(data, "i420"))
    points = np.arange(13, dtype=np.float32)[:, None, None] * np.ones((1, 478, 3), np.float32)
    frames, moved_points, times = retimed(source, points, np.arange(13) / 25, fps_out)
    pictures = list(frames)
    assert len(pictures) == len(times) == len(moved_points) == int(12 / 25 * fps_out + 1e-6) + 1
    assert times == pytest.approx(np.arange(len(times)) / fps_out)
    assert moved_points[:, 0, 0] == pytest.approx(times * 25, abs=1e-4)
    for t, picture in zip(times, pictures, strict=True):
        wanted = cv2.warpAffine(
            texture, np.array([[1, 0, -1.5 * 25 * t], [0, 1, 0.0]]), (128, 128), flags=cv2.INTER_CUBIC
        )
        assert np.abs(picture.grey[16:-16, 16:-16].astype(int) - wanted[16:-16, 16:-16]).mean() < 2.0


def test_repeats_are_found_where_there_are_any() -> None:
    rng = np.random.default_rng(0)
    change = rng.uniform(1.0, 3.0, 120)
    change[0] = np.inf
    assert not find_repeats(change).any()
    change[5::6] = rng.uniform(0, 0.05, 20)
    assert np.flatnonzero(find_repeats(change)).tolist() == list(range(5, 120, 6))


def test_landmarks_are_steadied_but_not_across_a_cut() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 0.3, (40, 478, 3)).astype(np.float32)
    raw[20:] += 100
    raw[30] = np.nan
    cuts = np.zeros(40, dtype=bool)
    cuts[20] = True
    smooth = steady(raw, np.arange(40) / 25, cuts)
    assert np.isnan(smooth[30]).all() and np.isfinite(np.delete(smooth, 30, 0)).all()
    assert smooth[:20].std() < 0.2
    assert np.abs(smooth[19]).max() < 2 and np.abs(smooth[20] - 100).max() < 2


def test_footage_is_surveyed_and_read_back(tmp_path: Path, face) -> None:
    """25 frames/s shown at 30: each fifth picture twice. The survey finds the rate and the face."""
    rgb, points = face
    photo = animate_photo(
        rgb, points, 2.0, 25.0, np.random.default_rng(0), size=(320, 240), eye_px=50.0, liveliness=3.0
    )
    frames = list(photo.frames([], rng=np.random.default_rng(0), camera=STEADY))
    shown = [f for k, f in enumerate(frames) for f in ([f, f] if k % 5 == 4 else [f])]
    write_clip(tmp_path / "a.mp4", shown, fps=30, crf=5)
    with Landmarker(ModelStore().landmarker()) as landmarker:
        found = survey(tmp_path / "a.mp4", landmarker, max_eye_px=30.0)
    assert found.fps == 25 and not found.variable and len(found.kept) == len(frames)
    assert found.face_share == 1 and not found.cuts.any() and found.blocked() == []
    assert eye_distance(found.landmarks[25]) == pytest.approx(30, rel=0.1)
    assert found.size[0] % 2 == found.size[1] % 2 == 0 and found.size[0] / found.size[1] == pytest.approx(
        4 / 3, 0.02
    )
    images = list(read_frames(tmp_path / "a.mp4", found))
    assert len(images) == len(frames) and (images[0].width, images[0].height) == found.size
    small = cv2.resize(frames[30].grey, found.size, interpolation=cv2.INTER_AREA)
    assert np.abs(images[30].grey.astype(int) - small).mean() < 4
    found.save(tmp_path / "survey.npz")
    again = Survey.load(tmp_path / "survey.npz")
    assert again.crop == found.crop and (again.landmarks == found.landmarks).all()


def test_footage_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with Landmarker(ModelStore().landmarker()) as landmarker, pytest.raises(SourceError, match="cannot read"):
        survey(tmp_path / "a.mp4", landmarker)


def test_the_demo_clip_holds_what_its_plan_says(tmp_path: Path) -> None:
    told: list[float] = []
    plan = make_demo_clip(tmp_path / "demo.mp4", seed=3, seconds=4.0, size=(160, 120), report=told.append)
    assert len(told) == 120 and told == sorted(told) and told[-1] == 1.0
    again = make_demo_clip(tmp_path / "again.mp4", seed=3, seconds=4.0, size=(160, 120))
    assert plan == again and any(e.kind == "micro" for e in plan)
    frames, times = decoded(tmp_path / "demo.mp4")
    assert len(frames) == 120 and times[-1] == pytest.approx(119 / 30, abs=1e-3)
    assert (tmp_path / "demo.mp4").read_bytes() == (tmp_path / "again.mp4").read_bytes()
