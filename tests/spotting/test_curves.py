"""Movements in one curve: where they begin and end, what is parted, what is joined."""

from __future__ import annotations

import numpy as np
import pytest

from megc_live.spotting.curves import Channel, Movement, Smoother, deepest_valley

RATE = 30.0


def bump(t: np.ndarray, middle: float, width: float, height: float) -> np.ndarray:
    return height * np.cos(np.clip((t - middle) / width, -0.5, 0.5) * np.pi) ** 2


def movements(heights: np.ndarray, rate: float = RATE) -> list[tuple[float, Movement]]:
    """With the time of the sample at which each was told."""
    channel = Channel(rise=1.4, prominence=1.9)
    out = [(i / rate, m) for i, h in enumerate(heights) for m in channel.push(i / rate, float(h))]
    return out + [(len(heights) / rate, m) for m in channel.end()]


@pytest.mark.parametrize("rate", [12.0, 25.0, 30.0, 40.0])
def test_a_bump_is_one_movement_down_to_a_third_of_its_peak(rate: float) -> None:
    t = np.arange(0, 4, 1 / rate)
    ((when, movement),) = movements(0.2 + bump(t, 2.0, 0.5, 5.0), rate)
    # cos^2 is at a third of 5.2 - .2 at .305 of its width from the middle.
    assert movement.onset_s == pytest.approx(2 - 0.15, abs=1.01 / rate)
    assert movement.offset_s == pytest.approx(2 + 0.15, abs=1.01 / rate)
    assert movement.apex_s == pytest.approx(2.0, abs=1 / rate)
    assert movement.strength == pytest.approx(5.0 / 1.9, rel=0.25 if rate == 12 else 0.05)
    assert when <= movement.offset_s + 0.1 + 2 / rate


def test_small_or_slow_changes_are_none() -> None:
    t = np.arange(0, 6, 1 / RATE)
    assert movements(bump(t, 2.0, 0.5, 1.8)) == []
    assert movements(0.9 * t) == []  # rises by no more than 0.9 a second


def test_the_past_alone_counts() -> None:
    """A curve that starts high and falls had its movement before it began."""
    t = np.arange(0, 3, 1 / RATE)
    assert movements(bump(t, 0.0, 1.0, 6.0)) == []


def test_positive_frames_that_are_near_belong_together() -> None:
    t = np.arange(0, 4, 1 / RATE)
    heights = bump(t, 2.0, 0.5, 5.0)
    heights[np.flatnonzero(np.isclose(t, 2.0))[0]] = 1.0
    assert len(movements(heights)) == 1


def test_a_long_movement_is_parted_at_a_deep_valley() -> None:
    t = np.arange(0, 5, 1 / RATE)
    two = movements(np.maximum(bump(t, 2.0, 0.6, 6.0), bump(t, 2.5, 0.6, 6.0)))
    assert len(two) == 2
    assert two[0][1].offset_s <= two[1][1].onset_s
    assert two[0][0] <= two[0][1].offset_s + 0.35 + 1 / RATE  # told before the second is over
    assert len(movements(bump(t, 2.0, 0.6, 6.0) + bump(t, 2.25, 0.6, 6.0))) == 1


def test_the_deepest_valley_must_be_below_both_sides() -> None:
    assert deepest_valley(np.array([0.0, 4, 1, 4, 3, 4, 0])) == 2
    assert deepest_valley(np.array([0.0, 4, 3.5, 4, 0])) is None
    assert deepest_valley(np.array([0.0, 9, 7, 9, 0])) is None  # less than a third
    assert deepest_valley(np.array([0.0, 9, 0.4, 1.0, 0])) is None
    assert deepest_valley(np.array([1.0, 2, 3])) is None


def test_an_end_in_the_middle_tells_what_there_is() -> None:
    t = np.arange(0, 2, 1 / RATE)
    ((_, movement),) = movements(bump(t, 2.0, 0.5, 5.0))
    assert movement.offset_s == pytest.approx(t[-1])


def test_smoothing_is_the_gaussian_mean_of_a_tenth_of_a_second_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.05, 80))
    values = rng.normal(0, 1, (80, 3))
    smoother = Smoother()
    out = []
    for t, v in zip(times, values, strict=True):
        ready = smoother.push(float(t), v)
        assert all(at <= t - 0.1 + 1e-6 for at, _ in ready)
        out += ready
    out += smoother.end()
    assert [at for at, _ in out] == times.tolist()
    sigma = np.sqrt(np.log(2)) / (2 * np.pi * 5)
    for at, smooth in out:
        near = np.abs(times - at) <= 0.1 + 1e-6
        weights = np.exp(-0.5 * ((times[near] - at) / sigma) ** 2)
        np.testing.assert_allclose(smooth, weights @ values[near] / weights.sum())


def test_smoothing_halves_the_power_at_5_hz() -> None:
    t = np.arange(0, 4, 1 / 200)
    smoother = Smoother()
    out = [v for at in t for _, v in smoother.push(float(at), np.sin(2 * np.pi * 5 * np.array([at])))]
    assert np.std(out[40:]) / np.std(np.sin(2 * np.pi * 5 * t)) == pytest.approx(np.sqrt(0.5), abs=0.02)
