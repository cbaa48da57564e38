"""Local binary patterns, their histograms and distances against a plain reference."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from megc_live.spotting.blocks import BlockGrid, frame_value, moved_regions
from megc_live.spotting.lbp_chi2 import (
    HALF_S,
    LbpChi2Spotter,
    block_bounds,
    block_histograms,
    chi2_distance,
    lay_grid,
    uniform_lbp,
)
from tests.spotting.pictures import moving, observation, smile


def plain_lbp(picture: np.ndarray) -> np.ndarray:
    """Uniform LBP pixel by pixel from its definition, bilinear in floating point."""
    grey = picture.astype(float)
    codes = [c for c in range(256) if sum((c >> p & 1) != (c >> (p - 1) % 8 & 1) for p in range(8)) <= 2]
    out = np.empty((picture.shape[0] - 6, picture.shape[1] - 6), int)
    for y, x in itertools.product(range(out.shape[0]), range(out.shape[1])):
        code = 0
        for p in range(8):
            px = x + 3 + 3 * math.cos(2 * math.pi * p / 8)
            py = y + 3 - 3 * math.sin(2 * math.pi * p / 8)
            x0, y0 = math.floor(px + 1e-9), math.floor(py + 1e-9)
            fx, fy = px - x0, py - y0
            value = sum(
                w * grey[y0 + j, x0 + i]
                for i, j, w in (
                    (0, 0, (1 - fx) * (1 - fy)),
                    (1, 0, fx * (1 - fy)),
                    (0, 1, (1 - fx) * fy),
                    (1, 1, fx * fy),
                )
                if w > 1e-9
            )
            code |= int(value >= grey[y + 3, x + 3] - 1e-9) << p
        out[y, x] = codes.index(code) if code in codes else 58
    return out


def test_labels_are_those_of_the_definition() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 37), dtype=np.uint8)
    labels, plain = uniform_lbp(picture), plain_lbp(picture)
    # Weights are whole numbers here: a neighbour may differ where it is within 1/100 grey of the centre.
    assert (labels == plain).mean() > 0.995
    assert set(np.unique(labels)) <= set(range(59))
    known = local_binary_pattern(picture, 8, 3, "nri_uniform")[3:-3, 3:-3]
    pairs = {*zip(known.ravel().astype(int), labels.ravel().astype(int), strict=True)}
    most = {k: max(range(59), key=lambda v: ((known == k) & (labels == v)).sum()) for k, _ in pairs}
    assert np.mean([most[int(k)] == v for k, v in zip(known.ravel(), labels.ravel(), strict=True)]) > 0.995
    assert len(set(most.values())) == len(most)  # the same labels in another order


def test_a_flat_surface_is_one_pattern_whatever_its_grey() -> None:
    for grey in (0, 7, 128, 255):
        assert len(np.unique(uniform_lbp(np.full((20, 20), grey, np.uint8)))) == 1


def test_histograms_are_those_of_each_block() -> None:
    face = observation()
    grid = lay_grid(face.canonical[[133, 362, 2]])
    histograms = block_histograms(face.crop, grid)
    labels = uniform_lbp(face.crop)
    for block, (x0, y0, x1, y1) in enumerate(block_bounds(grid, face.crop.shape)):
        inside = labels[y0 - 3 : y1 - 3, x0 - 3 : x1 - 3]
        plain = [(inside == label).mean() for label in range(59)]
        np.testing.assert_allclose(histograms[block], plain, atol=1e-6)
    assert histograms.shape == (36, 59)


def test_the_grid_is_laid_by_eyes_and_nose() -> None:
    grid = lay_grid(np.array([[60.0, 70.0], [100.0, 74.0], [81.0, 112.0]]))
    # Corner distance 40, spine 40 below the eyes: blocks 20 wide and 40 / (1 + 1) high.
    assert (grid.width, grid.height) == (20.0, 20.0)
    assert (grid.x, grid.y) == (81 - 60, 112 - 80)
    bounds = block_bounds(BlockGrid(21.0, 32.0, 20.0, 20.0), (192, 160))
    assert bounds[0].tolist() == [19, 29, 43, 55]  # 20 % wider, 30 % higher, about the same middle
    assert bounds[35].tolist() == [119, 129, 143, 155]


def test_a_grid_outside_the_picture_still_has_pixels() -> None:
    bounds = block_bounds(BlockGrid(-300.0, 500.0, 20.0, 20.0), (192, 160))
    assert (bounds[:, 2] > bounds[:, 0]).all() and (bounds[:, 3] > bounds[:, 1]).all()
    assert bounds.min() >= 3 and bounds[:, 2].max() <= 157 and bounds[:, 3].max() <= 189


def test_chi2_is_the_sum_over_bins() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.ones(59), 36), rng.dirichlet(np.ones(59), 36)
    a[:, :5] = b[:, :5] = 0
    plain = [
        sum((p - q) ** 2 / (p + q) for p, q in zip(x, y, strict=True) if p + q > 0)
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(chi2_distance(a, b), plain)
    assert chi2_distance(a, a).max() == 0


def test_a_frames_value_is_the_mean_of_its_twelve_largest_blocks() -> None:
    assert frame_value(np.arange(36.0)) == np.arange(24, 36).mean()
    grid = lay_grid(observation().canonical[[133, 362, 2]])
    blocks = np.zeros(36)
    blocks[grid.block_at(observation().canonical[[291]])] = 1.0
    assert moved_regions(blocks, grid, observation().canonical) == ("mouth_l",)


@pytest.mark.parametrize("fps", [15.0, 30.0, 37.0])
def test_a_smile_is_found_at_its_delay_at_any_rate(fps: float) -> None:
    spotter = LbpChi2Spotter()
    spans = [
        (signal.pts_s, span) for signal in moving(3.2, smile(2.0), fps=fps) for span in spotter.push(signal)
    ]
    near = [(when, span) for when, span in spans if span.onset_s < 2.2 < span.offset_s]
    when, best = max(near, key=lambda item: item[1].score)
    assert best.apex_s == pytest.approx(2.2, abs=0.08)
    assert best.offset_s - best.onset_s == pytest.approx(2 * HALF_S)
    assert when <= best.offset_s + spotter.delay_s + 2 / fps
    assert {"mouth_l", "mouth_r"} & set(best.regions[:2])
    assert best.score > 0.8  # of the largest contrast so far


def test_a_higher_threshold_finds_less() -> None:
    signals = moving(3.2, smile(2.0))

    def count(threshold: float) -> int:
        spotter = LbpChi2Spotter(threshold=threshold)
        return len([span for signal in signals for span in spotter.push(signal)] + spotter.flush())

    assert count(0.02) > count(0.9) >= 1
