"""Maximal difference in the main direction against a plain reference, and what is told of it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from megc_live.spotting.mdmd import (
    MdmdSpotter,
    block_differences,
    cut_face,
    direction_quadrants,
    face_box,
    kind_of,
    ultrafast_flow,
)
from tests.spotting.pictures import bent, moving, observation, smile


def plain_differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Block by block, pixel by pixel."""
    side = first.shape[0] // 6
    out = []
    for row, column in itertools.product(range(6), range(6)):
        groups: dict[int, list[float]] = {q: [] for q in range(4)}
        for y, x in itertools.product(
            range(row * side, (row + 1) * side), range(column * side, (column + 1) * side)
        ):
            angle = math.degrees(math.atan2(first[y, x, 1], first[y, x, 0])) % 360
            groups[int(angle // 90)].append(float(np.hypot(*first[y, x])) - float(np.hypot(*second[y, x])))
        most = max(groups.values(), key=len)
        best = sorted(most, reverse=True)[: max(1, len(most) // 3)]
        out.append(sum(best) / len(best))
    return np.array(out)


def test_differences_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.3, 1, (2, 48, 48, 2)).astype(np.float32)
    np.testing.assert_allclose(
        block_differences(first, second), plain_differences(first, second), rtol=1e-5, atol=1e-6
    )


def test_all_four_directions_are_told_apart() -> None:
    turns = np.radians([10, 100, 190, 280, 45, 135, 225, 315])
    flow = np.stack([np.cos(turns), np.sin(turns)], -1).astype(np.float32)[None]
    assert direction_quadrants(flow).tolist() == [[0, 1, 2, 3, 0, 1, 2, 3]]
    # In each block three quarters of the pixels move one way, far; the others would move farther still.
    for quadrant in range(4):
        first = np.zeros((12, 12, 2), np.float32)
        first[:] = np.array([np.cos(0.3 + quadrant * np.pi / 2), np.sin(0.3 + quadrant * np.pi / 2)])
        first[::2, ::2] *= -9
        np.testing.assert_allclose(block_differences(first, np.zeros_like(first)), np.ones(36), rtol=1e-5)


def test_what_stays_away_counts_nothing_and_what_returns_counts_its_length() -> None:
    out = np.zeros((12, 12, 2), np.float32)
    out[..., 1] = -2.0
    assert block_differences(out, np.zeros_like(out)).tolist() == [2.0] * 36
    assert block_differences(out, out).tolist() == [0.0] * 36


@pytest.mark.parametrize(
    ("frames", "kind"), [(6, None), (7, "micro"), (16, "micro"), (17, "macro"), (60, "macro")]
)
def test_the_kind_goes_by_the_length(frames: int, kind: str | None) -> None:
    assert kind_of((frames - 1) / 30) == kind


def test_the_box_goes_from_brows_to_chin() -> None:
    face = observation()
    left, top, right, bottom = face_box(face.canonical, face.crop.shape)
    assert 0 <= left < 40 and 120 < right <= 160
    assert 30 < top < face.canonical[105, 1] and 140 < bottom <= 192
    assert cut_face(face.crop, (left, top, right, bottom)).shape == (96, 96)
    assert face_box(face.canonical + 900, face.crop.shape)[2:] == (160, 192)


def test_flow_points_where_the_face_moves_to() -> None:
    face = observation()
    box = face_box(face.canonical, face.crop.shape)
    before, after = (cut_face(bent(s), box) for s in ({}, {"mouth_l": (0.0, -4.0)}))
    flow = ultrafast_flow()(before, after)
    x, y = (face.canonical[291] - box[:2]) * 96 / np.subtract(box[2:], box[:2])
    assert flow[round(y), round(x), 1] < -1.5
    assert abs(flow[:20].mean()) < 0.1


@pytest.mark.parametrize("fps", [20.0, 30.0])
def test_a_smile_is_found_at_its_delay_at_any_rate(fps: float) -> None:
    spotter = MdmdSpotter()
    spans = [
        (signal.pts_s, span) for signal in moving(5.0, smile(3.0), fps=fps) for span in spotter.push(signal)
    ]
    near = [(when, s) for when, s in spans if s.kind == "micro" and s.onset_s < 3.2 < s.offset_s]
    assert len(near) == 1
    when, span = near[0]
    assert span.apex_s == pytest.approx(3.2, abs=0.1)
    assert span.score == 1.0
    assert when <= span.offset_s + spotter.delay_s + 2 / fps
    assert span.regions[0] in ("mouth_l", "mouth_r")


def test_a_slow_smile_is_a_macro_expression() -> None:
    spotter = MdmdSpotter()
    spans = [s for signal in moving(8.5, smile(4.0, 1.2, 5.0), fps=20.0) for s in spotter.push(signal)]
    macro = [s for s in spans if s.kind == "macro" and s.onset_s < 4.6 < s.offset_s]
    assert len(macro) == 1
    assert macro[0].offset_s - macro[0].onset_s > 0.5
