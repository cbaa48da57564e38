"""Repair of timestamps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.video.timeline import Timeline

stamps = st.one_of(st.none(), st.floats(-1e4, 1e6, allow_nan=False))


@given(st.lists(stamps, min_size=1, max_size=50))
def test_times_always_increase_from_zero(values: list[float | None]) -> None:
    line = Timeline(1 / 30)
    times = [line.push(v) for v in values]
    assert times[0] == 0.0
    assert all(a < b for a, b in pairwise(times))


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=50), st.floats(-100, 100))
def test_good_stamps_are_kept(steps: list[float], start: float) -> None:
    line = Timeline(1 / 30)
    stamps = [start]
    for step in steps:
        stamps.append(stamps[-1] + step)
    assert [line.push(s) for s in stamps] == pytest.approx([s - start for s in stamps], abs=1e-9)
    assert line.repaired == 0


def test_one_wrong_stamp_does_not_move_the_others() -> None:
    line = Timeline(0.04)
    assert [line.push(t) for t in (0, 0.04, 0.04, 0.12)] == pytest.approx([0, 0.04, 0.06, 0.12])
    assert line.repaired == 1


def test_a_clock_that_starts_anew_follows_on() -> None:
    line = Timeline(0.04)
    assert [line.push(t) for t in (100, 100.04, 0, 0.05)] == pytest.approx([0, 0.04, 0.08, 0.13])


def test_stamps_that_begin_late_follow_on() -> None:
    line = Timeline(0.04)
    assert [line.push(t) for t in (None, None, 7.0, 7.05)] == pytest.approx([0, 0.04, 0.08, 0.13])
    assert line.repaired == 2
