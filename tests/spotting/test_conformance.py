"""What every registered spotter must do, with the models that ship."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields
from functools import cache

import numpy as np
import pytest

from megc_live.errors import SettingsError
from megc_live.face.regions import REGIONS
from megc_live.models import ModelStore
from megc_live.spotting import SPOTTERS, Span, Spotter, make_spotter
from megc_live.spotting.base import stated_delay
from megc_live.spotting.motion import Motion
from megc_live.spotting.picture import FaceSignal
from megc_live.spotting.signals import RegionSignal
from tests.spotting.pictures import bent, blank, observation, with_crop

FPS = 30.0


@pytest.fixture(params=list(SPOTTERS))
def spotter(request: pytest.FixtureRequest) -> Spotter:
    return make_spotter(request.param, ModelStore(), 0.05)


@cache
def course(seconds: float, seed: int = 0, start: float = 0.0, fps: float = FPS) -> list[FaceSignal]:
    """Signals of a face with small noise and a mouth corner that goes up and back every two seconds."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(int(seconds * fps)):
        t = start + i / fps
        shifts: dict[str, tuple[float, float]] = {}
        regions = rng.normal(0, 0.15, (24, 2))
        phase = (t % 2.0) / 0.4
        if phase < 1:
            speed = 4 * np.cos(np.pi * phase)
            for name, share in (("mouth_l", 1.0), ("mouth_r", 0.9), ("lip_upper", 0.4)):
                regions[REGIONS.index(name)] += (0.0, -speed * share)
                shifts[name] = (0.0, -3.5 * np.sin(np.pi * phase) * share)
        pattern = (
            np.abs(np.sin(np.linspace(0.3, np.pi, 9))) * np.ones((12, 1))
            if phase < 0.8
            else rng.random((12, 9)) * 0.5
        )
        cn = np.where(np.isin(np.arange(12), (8, 10)), 1.5, 3.0)
        motion = Motion(regions, rng.normal(0, 0.2, 8), 0.2, 0.9)
        numbers = RegionSignal(i, t, motion, pattern, cn, t - 0.3, 0.0, 80.0, i == 0)
        out.append(with_crop(numbers, bent(shifts, rng)))
    return out


def run(spotter: Spotter, signals: Sequence[RegionSignal]) -> list[tuple[float, Span]]:
    out = [(signal.pts_s, span) for signal in signals for span in spotter.push(signal)]
    return out + [(signals[-1].pts_s if signals else 0.0, span) for span in spotter.flush()]


def test_nothing_in_nothing_out_and_flush_twice(spotter: Spotter) -> None:
    assert spotter.flush() == []
    assert spotter.flush() == []


def test_spans_are_well_formed_and_not_later_than_stated(spotter: Spotter) -> None:
    signals = course(14.0)
    spans = run(spotter, signals)
    assert spans, "the threshold is 0.05 and the movement is plain"
    for when, span in spans:
        assert span.onset_s <= span.apex_s <= span.offset_s
        assert 0 <= span.score <= 1
        assert span.kind in ("micro", "macro")
        assert set(span.regions) <= set(REGIONS)
        if span.kind == "micro":
            assert when <= span.offset_s + stated_delay(spotter, 25.0) + 1e-6
        assert span.offset_s <= when + 0.11  # never long before it is over


def test_the_same_signals_give_the_same_spans(spotter: Spotter) -> None:
    first = run(spotter, course(8.0))
    assert run(spotter, course(8.0)) == first


def test_a_flush_starts_anew(spotter: Spotter) -> None:
    fresh = [(when, span) for when, span in run(spotter, course(8.0))]
    run(spotter, course(3.0, seed=5))
    assert run(spotter, course(8.0)) == fresh


def test_signals_are_not_changed(spotter: Spotter) -> None:
    signals = course(3.0)
    kept = copy.deepcopy(signals)
    run(spotter, signals)
    for a, b in zip(signals, kept, strict=True):
        assert a.motion is not None and b.motion is not None
        for field in fields(Motion):
            np.testing.assert_array_equal(getattr(a.motion, field.name), getattr(b.motion, field.name))
        np.testing.assert_array_equal(a.pattern, b.pattern)
        np.testing.assert_array_equal(a.cn, b.cn)
        np.testing.assert_array_equal(a.crop, b.crop)
        np.testing.assert_array_equal(a.canonical, b.canonical)
        np.testing.assert_array_equal(a.depth, b.depth)


def test_a_face_without_motion_gives_nothing(spotter: Spotter) -> None:
    """Each frame's history starts with it: nothing may be compared."""
    blind = [
        with_crop(blank(i, i / FPS, fresh=True), np.roll(observation().crop, i, axis=1)) for i in range(90)
    ]
    assert run(spotter, blind) == []


def test_a_long_gap_ends_what_was_before(spotter: Spotter) -> None:
    before, after = course(5.0), course(5.0, start=20.0)
    for _, span in run(spotter, before + after):
        assert span.offset_s < 6.0 or span.onset_s > 19.5


def test_an_unknown_name_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="ltp-net"):
        make_spotter("no-such-spotter", ModelStore())
