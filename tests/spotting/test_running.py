"""Contrasts and thresholds of a course that is still going on: equal to the whole course's seen so far."""

from __future__ import annotations

import numpy as np
import pytest

from megc_live.spotting.running import Centred, Judged, Peaks, RunningThreshold, Runs, judge

NO_BLOCKS = np.zeros(36)


def uneven_times(n: int, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).uniform(0.02, 0.08, n))


@pytest.mark.parametrize("reach", [0.16, 0.4])
def test_each_item_meets_the_frames_nearest_to_the_reach_on_both_sides(reach: float) -> None:
    times = uneven_times(120)
    pairs: Centred[int] = Centred(reach)
    found, waits = {}, []
    for i, now in enumerate(times):
        for at_s, before, at, after in pairs.push(float(now), i):
            assert at_s == times[at]
            found[at] = (before, after)
            waits.append(now - at_s)
        assert len(pairs) < 4 * reach / 0.02
    inside = [i for i, t in enumerate(times) if times[0] <= t - reach and t + reach <= times[-1]]
    assert found == {
        i: (
            int(np.abs(times - (times[i] - reach)).argmin()),
            int(np.abs(times - (times[i] + reach)).argmin()),
        )
        for i in inside
    }
    assert reach <= min(waits) and max(waits) < reach + 0.08  # one frame more than needed at most


@pytest.mark.parametrize("share", [0.01, 0.15])
def test_the_threshold_is_the_whole_videos_formula_on_the_part_seen_so_far(share: float) -> None:
    values = np.random.default_rng(1).gamma(1.0, 2.0, 200)
    threshold = RunningThreshold(share)
    for i, value in enumerate(values):
        threshold.push(i / 30, float(value))
        seen = values[: i + 1]
        assert threshold.value == pytest.approx(seen.mean() + share * (seen.max() - seen.mean()))
        assert threshold.warm == (i >= 30)


def test_the_threshold_forgets_what_is_beyond_its_horizon() -> None:
    values = np.random.default_rng(2).normal(0, 1, 900)
    values[10] = 1e6
    threshold = RunningThreshold(0.1, horizon_s=10.0)
    for i, value in enumerate(values):
        threshold.push(i / 30, float(value))
        seen = values[max(0, i - 300) : i + 1]
        assert threshold.value == pytest.approx(seen.mean() + 0.1 * (seen.max() - seen.mean()), abs=1e-6)
        assert len(threshold) <= 301


def test_the_score_is_the_largest_share_that_the_value_would_reach() -> None:
    values = np.random.default_rng(3).normal(0, 1, 90)
    frames = []
    for share in (0.2, 0.0):
        threshold = RunningThreshold(share)
        frames = [judge(threshold, i / 30, float(v), NO_BLOCKS) for i, v in enumerate(values)]
        for frame in frames[30:]:
            assert frame.positive == (frame.share > share)
    assert {frame.positive for frame in frames[:30]} == {False}
    assert frames[int(values[:60].argmax())].share == 1.0


def frame(t: float, value: float, positive: bool = True) -> Judged:
    return Judged(t, value, 0.5, positive, NO_BLOCKS)


def test_runs_are_told_with_the_first_frame_that_is_not_of_them() -> None:
    runs = Runs(longest_s=0.5)
    told = [runs.push(frame(i / 10, 1.0, positive=i in (2, 3, 4))) for i in range(7)]
    assert [len(run) for run in told] == [0, 0, 0, 0, 0, 3, 0]
    assert [f.t_s for f in told[5]] == [0.2, 0.3, 0.4]
    assert runs.end() == []


def test_a_run_that_does_not_end_is_told_in_parts() -> None:
    runs = Runs(longest_s=0.5)
    told = [run for i in range(20) if (run := runs.push(frame(i / 10, 1.0)))] + [runs.end()]
    assert sum(map(len, told)) == 20
    assert all(run[-1].t_s - run[0].t_s <= 0.5 + 1e-6 for run in told)


def test_a_peak_is_the_largest_within_its_reach_and_positive() -> None:
    values = [0, 3, 0, 0, 2, 5, 4, 0, 0, 9, 0, 0, 1]
    peaks = Peaks(0.2)
    told = [
        (i, peak.t_s)
        for i, value in enumerate(values)
        for peak in peaks.push(frame(i / 10, float(value), positive=value not in (0, 9)))
    ]
    assert told == [(3, 0.1), (7, 0.5)]  # 9 is not positive
    assert [peak.t_s for peak in peaks.end()] == [1.2]
    assert [p.t_s for i in range(2) for p in peaks.push(frame(i / 10, float(i)))] == []
    assert [peak.t_s for peak in peaks.end()] == [0.1]
