"""The parts of a live session that need no thread: baseline, recent rows and events, rates, warnings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.baseline import Baseline, BaselineTaker
from megc_live.events import Event, FrameRow, Pictures
from megc_live.face.regions import REGIONS
from megc_live.live_recent import RateMeter, RecentEvents, RecentRows, Sample
from megc_live.live_warnings import LIVELY_FACE, TOO_SLOW, PictureWarnings, rate_warnings
from megc_live.rows import no_face_row
from megc_live.spotting.interval import Interval
from megc_live.video import Frame, PixelImage

NOTHING = PixelImage(np.zeros((2, 2), np.uint8), "grey")


def nobody(k: int, fps: float = 30.0) -> FrameRow:
    return no_face_row(Frame(k, k / fps, NOTHING, 0.0))


def somebody(k: int, activity: float | list[float] = 0.1, fps: float = 30.0, **changes: object) -> FrameRow:
    values = tuple(activity) if isinstance(activity, list) else (activity,) * len(REGIONS)
    return replace(
        nobody(k, fps),
        face_id=0,
        success=1,
        eye_px=60.0,
        blink=0.0,
        head_motion=0.2,
        activity=values,
        **changes,
    )  # type: ignore[arg-type]


def taken(rows: list[FrameRow], seconds: float) -> Baseline | None:
    taker = BaselineTaker(seconds)
    for row in rows:
        taker.push(row)
    assert taker.done and taker.left_s == 0
    return taker.result()


def test_a_baseline_is_mean_and_spread_of_the_time_asked_for() -> None:
    random = np.random.default_rng(0)
    values = random.uniform(0.1, 0.5, (60, 12))
    got = taken([somebody(k, list(row)) for k, row in enumerate(values)], 1.0)
    assert got is not None and got.frames == 31 and got.seconds == pytest.approx(1.0)
    assert got.mean == pytest.approx(values[:31].mean(0)) and got.sd == pytest.approx(
        values[:31].std(0, ddof=1)
    )
    assert (got.head_mean, got.head_sd) == (pytest.approx(0.2), pytest.approx(0.0, abs=1e-9))
    z = got.z(values[:31].mean(0) + 2 * values[:31].std(0, ddof=1))
    assert z == pytest.approx(np.full(12, 2.0))
    assert list(got.as_dict()["mean"]) == list(REGIONS)


def test_a_baseline_of_a_face_that_is_mostly_away_is_none() -> None:
    assert taken([nobody(k) for k in range(40)], 1.0) is None
    assert taken([somebody(k) if k < 12 else nobody(k) for k in range(40)], 1.0) is None
    assert taken([somebody(k) if k < 20 else nobody(k) for k in range(40)], 1.0) is not None


def test_a_gap_in_time_is_no_baseline() -> None:
    rows = [somebody(k) for k in [*range(20), *range(40, 60)]]  # 0.67 s without a frame, then enough of them
    taker = BaselineTaker(1.0)
    for row in rows[:21]:
        taker.push(row)
    assert taker.done and taker.left_s == 0 and taker.gap_s == pytest.approx(21 / 30)
    for row in rows[21:]:
        taker.push(row)
    assert taker.result() is None
    steady = taken([somebody(k, fps=5.0) for k in range(20)], 3.0)  # slow, but without a gap
    assert steady is not None and steady.frames == 16


def test_a_second_face_does_not_go_into_the_baseline() -> None:
    rows = [row for k in range(40) for row in (somebody(k, 0.1), replace(somebody(k, 5.0), face_id=1))]
    got = taken(rows, 1.0)
    assert got is not None and got.mean[0] == pytest.approx(0.1) and got.face_id == 0


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7))
def test_whoever_asks_for_rows_gets_each_of_the_last_ones_once(sizes: list[int], every: int) -> None:
    recent, got, at, k = RecentRows(1e9), [], 0, 0
    for turn, size in enumerate(sizes):
        recent.add([nobody(k + i) for i in range(size)])
        k += size
        if turn % every == 0:
            rows, at = recent.since(at)
            got += [row.frame for row in rows]
    rows, at = recent.since(at)
    got += [row.frame for row in rows]
    assert got == list(range(k)) and at == k == recent.count and recent.since(at) == ([], k)


def test_events_are_the_newest_and_only_some_have_pictures() -> None:
    crop = np.zeros((2, 2, 3), np.uint8)
    span = Interval(0, 1, 2, 0.0, 0.1, 0.2, score=0.9, kind="micro")
    recent = RecentEvents(kept=10, with_pictures=3)
    for k in range(25):
        recent.add(Event(k, 0, span, 0.3, pictures=Pictures(crop, crop, crop)))
    events, count = recent.since(0)
    assert count == 25 and [event.id for event in events] == list(range(15, 25))
    assert [event.pictures is not None for event in events] == [False] * 7 + [True] * 3
    assert "3 newer events" in events[0].note and events[-1].note == ""


def test_rates_are_of_the_last_two_seconds() -> None:
    meter = RateMeter()
    assert math.isnan(meter.rate(0.0))
    for k in range(100):
        meter.add(k / 10)
    for k in range(1, 91):
        meter.add(9.9 + k / 30)
    assert meter.rate(12.9) == pytest.approx(30.0, rel=0.02)
    assert math.isnan(meter.rate(20.0))  # nothing came any more


def test_percentiles_are_of_the_newest() -> None:
    sample = Sample(100)
    assert all(math.isnan(value) for value in sample.percentiles())
    for k in range(1, 1001):
        sample.add(k)
    assert sample.percentiles() == (950, 995)


def test_warnings_are_steady_and_go_away() -> None:
    warnings = PictureWarnings()
    for k in range(60):
        warnings.add([somebody(k, quality="dark|small" if k % 10 else "")])
    assert warnings.now == ("too dark", "face too small: come closer")
    for k in range(60, 120):
        warnings.add([somebody(k, quality="dark" if k % 10 == 0 else "")])
    assert warnings.now == ()
    for k in range(120, 180):
        warnings.add([nobody(k)])
    assert warnings.now == ("no face",)


def test_a_lively_face_is_told_from_a_movement() -> None:
    warnings = PictureWarnings()
    for k in range(120):
        warnings.add([somebody(k, 3.0 if 60 <= k < 70 else 0.1)])
    assert warnings.now == ()
    for k in range(120, 240):
        warnings.add([somebody(k, 1.5)])
    assert warnings.now == (LIVELY_FACE,)


def test_of_several_faces_the_largest_is_warned_of() -> None:
    warnings = PictureWarnings()
    for k in range(40):
        warnings.add([somebody(k), replace(somebody(k, quality="dark"), face_id=1, eye_px=20.0)])
    assert warnings.now == ()


def test_rates_that_are_told() -> None:
    assert rate_warnings(math.nan, False) == () == rate_warnings(25.0, False)
    assert rate_warnings(20.0, True) == (TOO_SLOW, "below 25 fps: 20 frames/s come")
