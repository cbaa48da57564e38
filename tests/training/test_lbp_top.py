"""LBP-TOP and the temporal interpolation before it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.feature import local_binary_pattern

from training.recognition.lbp_top import interpolate, lbp_top, uniform_bins

U8 = NDArray[np.uint8]


def noise(shape: tuple[int, ...], seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_uniform_patterns_of_eight_points() -> None:
    bins = uniform_bins(8)
    assert bins.max() + 1 == 59
    # 0, 255 and a run of ones are uniform, each with a bin of its own; 01010101 is not.
    alone = [0, 255, 0b00011000, 0b11000001]
    assert len({int(bins[code]) for code in alone}) == 4
    assert all((bins == bins[code]).sum() == 1 for code in alone)
    assert bins[0b01010101] == bins[0b00100100] == 58
    assert uniform_bins(4).max() + 1 == 15


@pytest.mark.parametrize("radius", [1, 2])
def test_each_plane_is_what_scikit_image_finds_in_its_slices(radius: int) -> None:
    volume = noise((9, 11, 12))
    found = lbp_top(volume, points=8, radii=(radius,) * 3, blocks=(1, 1)).reshape(3, 59)
    inner = slice(radius, -radius)
    slices = {
        # Rows run up against t as they do against y: slices over time are turned round.
        0: [volume[t] for t in range(9)[inner]],
        1: [volume[::-1, y] for y in range(11)[inner]],
        2: [volume[::-1, :, x] for x in range(12)[inner]],
    }
    bins = uniform_bins(8)
    for plane, pictures in slices.items():
        counts = np.zeros(59)
        for picture in pictures:
            codes = local_binary_pattern(picture, 8, radius, method="default")[inner, inner].astype(int)
            counts += np.bincount(bins[codes].ravel(), minlength=59)
        assert found[plane] == pytest.approx(counts / counts.sum(), abs=2e-3)


def test_blocks_stand_one_behind_the_other() -> None:
    volume = noise((5, 22, 22))
    volume[:, :, 11:] = 7  # the right half: nothing but the pattern of all ones
    found = lbp_top(volume, radii=(1, 1, 1), blocks=(2, 2)).reshape(2, 2, 3, 59)
    assert found.sum(-1) == pytest.approx(1.0)
    ones = uniform_bins(8)[255]
    assert (found[:, 1, :, ones] > 0.85).all() and (found[:, 0, :, ones] < 0.2).all()


def test_movement_shows_in_time_and_not_in_space() -> None:
    still = np.repeat(noise((1, 30, 30)), 6, axis=0)
    moving = np.stack([np.roll(still[0], k, axis=1) for k in range(6)])
    a, b = (lbp_top(v, radii=(1, 1, 1), blocks=(1, 1)).reshape(3, 59) for v in (still, moving))
    space, time = np.abs(a - b)[0].sum(), np.abs(a - b)[1].sum()
    assert time > 5 * space


def test_a_volume_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        lbp_top(noise((8, 20, 20)), radii=(1, 1, 4))


def test_interpolation_keeps_frames_and_meets_cosines() -> None:
    frames = noise((7, 4, 5))
    assert np.array_equal(interpolate(frames, 7), frames)
    more = interpolate(frames, 13)
    assert np.array_equal(more[::2], frames)  # every other one is a frame that was there
    # A course that is one of the model's cosines is met between the frames too.
    course = lambda at: 128 + 100 * np.cos(np.pi * (at + 0.5) / 7 * 2)  # noqa: E731
    known = np.rint(course(np.arange(7)))[:, None].astype(np.uint8)
    found = interpolate(known, 25)[:, 0].astype(float)
    assert found == pytest.approx(course(np.linspace(0, 6, 25)), abs=1.5)


def test_interpolation_of_one_frame_and_of_frames_alike() -> None:
    one = noise((1, 3, 3))
    assert np.array_equal(interpolate(one, 4), np.repeat(one, 4, axis=0))
    alike = np.repeat(noise((1, 3, 3)), 5, axis=0)
    assert np.array_equal(interpolate(alike, 10), np.repeat(alike[:1], 10, axis=0))
