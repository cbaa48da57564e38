"""Folders of numbered images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from megc_live.errors import SourceError
from megc_live.video import FrameReader, open_source
from tests.indexed import backdrop, read_index, stamp, write_images


def test_numbers_are_sorted_as_numbers_and_gaps_are_gaps_in_time(tmp_path: Path) -> None:
    write_images(tmp_path, 12, first=95)  # img95 ... img106: not the order of the alphabet
    (tmp_path / "img100.png").unlink()
    (tmp_path / "img103.png").write_bytes(b"damaged")
    other = cv2.imencode(".png", backdrop(64, 48)(0))[1].tobytes()
    (tmp_path / "img104.png").write_bytes(other)
    with open_source(tmp_path, fps=200) as source:
        frames = list(source)
        assert (source.dropped, source.decode_errors) == (3, 1)
    kept = [0, 1, 2, 3, 4, 6, 7, 10, 11]
    assert [f.index for f in frames] == [read_index(f.image.grey) for f in frames] == kept
    assert [f.pts_s for f in frames] == [k / 200 for k in kept]
    with FrameReader(tmp_path, fps=200) as reader:
        assert reader.n_frames == 12
        assert read_index(reader.frame(10).image.grey) == 10
        for missing in (5, 8, 9):
            with pytest.raises(SourceError):
                reader.frame(missing)


def test_rate_from_the_folder_and_from_the_call(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    with pytest.raises(SourceError, match="--fps"):
        open_source(tmp_path)
    (tmp_path / "fps.json").write_text('{"fps": 100}')
    with open_source(tmp_path) as source:
        assert source.info.fps == 100
    (tmp_path / "fps.txt").write_text("200 frames per second\n")
    with open_source(tmp_path) as source:
        assert source.info.fps == 200
    with open_source(tmp_path, fps=50) as source:
        assert source.info.fps == 50
    (tmp_path / "fps.txt").write_text("fast\n")
    with pytest.raises(SourceError, match="does not say a frame rate"):
        open_source(tmp_path)


def test_grey_images_stay_grey_and_exact(tmp_path: Path) -> None:
    make = backdrop(160, 120)
    greys = [cv2.cvtColor(stamp(make(k), k), cv2.COLOR_RGB2GRAY) for k in range(3)]
    for k, grey in enumerate(greys):
        (tmp_path / f"006_1_{k + 1:04d}.tif").write_bytes(cv2.imencode(".tif", grey)[1].tobytes())
    with open_source(tmp_path, fps=200) as source:
        for frame, grey in zip(source, greys, strict=True):
            assert frame.image.layout == "grey"
            np.testing.assert_array_equal(frame.image.data, grey)


def test_a_constant_step_counts_as_one(tmp_path: Path) -> None:
    for k, path in enumerate(sorted(write_images(tmp_path, 4, first=1).iterdir())):
        path.rename(tmp_path / f"f_{7 * k + 1}.png")
    with open_source(tmp_path, fps=30) as source:
        assert [f.index for f in source] == [0, 1, 2, 3]


def test_folders_that_are_not_one_recording(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    (tmp_path / "left_2.png").write_bytes((tmp_path / "img2.png").read_bytes())
    with pytest.raises(SourceError, match="two images with the number 2"):
        open_source(tmp_path, fps=30)
    (tmp_path / "left_2.png").rename(tmp_path / "img1000.png")
    with pytest.raises(SourceError, match="most of the series is missing"):
        open_source(tmp_path, fps=30)
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "cover.png").write_bytes(b"x")
    with pytest.raises(SourceError, match="no numbers"):
        open_source(tmp_path, fps=30)
    (tmp_path / "cover.png").rename(tmp_path / "img1.png")
    with pytest.raises(SourceError, match="none of the 1 images"):
        open_source(tmp_path, fps=30)
