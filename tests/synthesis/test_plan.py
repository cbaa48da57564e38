from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.errors import SettingsError
from megc_live.synthesis.plan import EXPRESSIVE_KINDS, NEGATIVE_KINDS, draw_plan


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(4, 90), st.sampled_from([25.0, 29.97, 60.0, 200.0]))
def test_plans_keep_their_promises(seed: int, duration_s: float, fps: float) -> None:
    plan = draw_plan(np.random.default_rng(seed), duration_s, fps)
    assert plan == sorted(plan, key=lambda e: e.onset_s)
    for e in plan:
        assert 1.0 <= e.onset_s <= e.apex_s <= e.offset_s <= duration_s
        assert (e.onset, e.apex, e.offset) == tuple(round(t * fps) for t in (e.onset_s, e.apex_s, e.offset_s))
        assert len(e.units) == len(e.sides)
        if e.kind == "micro":
            assert 0.15 <= e.offset_s - e.onset_s <= 0.5 and 0.012 <= e.amplitude <= 0.06
        if e.kind == "macro":
            assert 0.6 <= e.offset_s - e.onset_s <= 2.5 and 0.03 <= e.amplitude <= 0.12
        if e.kind == "sham":
            assert e.amplitude == 0
        if e.kind in NEGATIVE_KINDS:
            assert e.label == ""
    busy = [
        (e.onset_s, e.apex_s if e.kind == "step" else e.offset_s) for e in plan if e.kind in EXPRESSIVE_KINDS
    ]
    assert all(a[1] + 0.6 <= b[0] or b[1] + 0.6 <= a[0] for a, b in combinations(busy, 2))


def test_the_same_seed_draws_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (draw_plan(np.random.default_rng(seed), 30, 25) for seed in (1, 1, 2))
    assert first == again != other


def test_density() -> None:
    short = [draw_plan(np.random.default_rng(seed), 4.0, 25) for seed in range(40)]
    assert {sum(e.kind == "micro" for e in plan) for plan in short} <= {1, 2}
    long = [
        sum(e.kind == "micro" for e in draw_plan(np.random.default_rng(s), 120, 25)) / 2 for s in range(10)
    ]
    assert 8 <= np.mean(long) <= 15
    kinds = {e.kind for seed in range(10) for e in draw_plan(np.random.default_rng(seed), 60, 25)}
    assert kinds == {"micro", "macro", *NEGATIVE_KINDS}


def test_held_out_units_are_never_planted() -> None:
    kept = ("AU1", "AU2", "AU12", "free")
    plans = [draw_plan(np.random.default_rng(seed), 60, 25, units=kept) for seed in range(10)]
    assert {unit for plan in plans for e in plan for unit in e.units} <= set(kept)
    with pytest.raises(SettingsError, match="AU3"):
        draw_plan(np.random.default_rng(0), 60, 25, units=("AU3",))
    with pytest.raises(SettingsError):
        draw_plan(np.random.default_rng(0), 60, 25, units=())


def test_nothing_is_planted_where_it_cannot_be_seen() -> None:
    gone = [(5.0, 9.0), (20.0, 26.0)]
    for e in draw_plan(np.random.default_rng(0), 40, 25, blocked=gone):
        end = e.apex_s if e.kind == "step" else e.offset_s
        assert all(end <= a or e.onset_s >= b for a, b in gone)


def test_counts_can_be_asked_for() -> None:
    plan = draw_plan(np.random.default_rng(0), 45, 30, counts={"micro": 10, "macro": 2, "head": 3})
    assert [sum(e.kind == k for e in plan) for k in ("micro", "macro", "head", "light")] == [10, 2, 3, 0]


def test_frames_follow_variable_time_stamps() -> None:
    times = np.cumsum(np.tile([0.03, 0.06, 0.04], 100)) - 0.03
    for e in draw_plan(np.random.default_rng(0), float(times[-1]), 23.0):
        there = e.at(times)
        for frame, t in ((there.onset, e.onset_s), (there.apex, e.apex_s), (there.offset, e.offset_s)):
            assert abs(times[frame] - t) <= 0.03 + 1e-9


def test_a_clip_without_room_gets_nothing() -> None:
    assert draw_plan(np.random.default_rng(0), 1.5, 25) == []
