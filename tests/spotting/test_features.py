"""Features on the grid: any rate, gaps, mirror images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.spotting import features as ft
from megc_live.spotting.motion import Motion
from megc_live.spotting.signals import RegionSignal


def signal(t: float, value: float = 1.0, fresh: bool = False, index: int = 0) -> RegionSignal:
    motion = Motion(np.full((24, 2), value), np.full(8, value), 0.1, 0.9)
    return RegionSignal(index, t, motion, np.full((12, 9), 0.5), np.full(12, 2.0), t - 0.3, 0.0, 64.0, fresh)


@pytest.mark.parametrize("fps", [12.5, 23.98, 25, 30, 33.3, 40])
def test_thirty_samples_a_second_at_any_rate(fps: float) -> None:
    grid = ft.Grid()
    samples = [s for i in range(int(fps * 4)) for s in grid.push(signal(i / fps))]
    assert len(samples) == pytest.approx(4 * 30, abs=4)
    np.testing.assert_allclose(np.diff([s.t_s for s in samples]), 1 / 30, atol=1e-9)
    assert [s.step for s in samples] == list(range(len(samples)))
    assert sum(s.valid for s in samples) >= len(samples) - 1


def test_samples_lie_on_the_line_between_signals() -> None:
    grid = ft.Grid()
    samples = [s for i in range(40) for s in grid.push(signal(i / 25, np.sinh(i / 25)))]
    for sample in samples[1:]:
        assert sample.vector[0] == pytest.approx(sample.t_s, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.02, 0.15), min_size=5, max_size=60))
def test_a_sample_comes_no_later_than_the_signal_after_it(steps: list[float]) -> None:
    grid, now = ft.Grid(), 0.0
    for step in steps:
        for sample in grid.push(signal(now)):
            assert sample.t_s <= now + 1e-6
        now += step


def test_nothing_is_invented_in_a_gap() -> None:
    grid = ft.Grid()
    samples = [s for i in range(10) for s in grid.push(signal(i / 30))]
    samples += grid.push(signal(10 / 30 + 0.5))
    inside = [s for s in samples if s.t_s > 9.5 / 30]
    assert len(inside) >= 14
    assert not any(s.valid for s in inside)
    assert all((s.vector == 0).all() for s in inside)


def test_a_signal_without_motion_makes_no_sample_valid() -> None:
    grid = ft.Grid()
    empty = RegionSignal(0, 0.0, None, None, None, 0.0, 0.0, 64.0, True)
    assert not any(s.valid for s in grid.push(empty))
    assert ft.feature_vector(empty) is None


def test_the_mirror_of_the_mirror_is_the_face() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, ft.N_FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(ft.mirrored(ft.mirrored(vectors)), vectors)


def test_a_right_movement_becomes_a_left_one() -> None:
    motion = Motion(np.zeros((24, 2)), np.zeros(8), 0.0, 1.0)
    motion.regions[ft.SIGNALS.index("mouth_r")] = (2.0, -1.0)
    vector = ft.feature_vector(RegionSignal(0, 0.0, motion, None, None, 0.0, 0.0, 64.0, False))
    assert vector is not None
    flipped = ft.mirrored(vector)
    left = ft.SIGNALS.index("mouth_l")
    assert flipped[left] == pytest.approx(-np.arcsinh(2.0))
    assert flipped[ft.N_SIGNALS + left] == pytest.approx(np.arcsinh(-1.0))
    assert flipped[ft.SIGNALS.index("mouth_r")] == 0
