"""Spans from scores."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.face.regions import REGIONS
from megc_live.spotting.base import Span
from megc_live.spotting.decode import Decoder, Score
from megc_live.spotting.features import GRID_HZ

AHEAD = 7


def run(
    micro: np.ndarray, macro: np.ndarray | None = None, half: float = 0.15, threshold: float = 0.5
) -> list[tuple[float, Span]]:
    """Decode courses of scores; returns each span with the time at which it came out."""
    decoder, out = Decoder(threshold), []
    macro = np.zeros_like(micro) if macro is None else macro
    motion = np.zeros((12, 2), np.float32)
    for newest in range(len(micro)):
        lively = motion.copy()
        lively[REGIONS.index("mouth_l")] = (0.0, -1.0) if micro[newest] > 0 else (0.0, 0.0)
        decoder.observe(newest / GRID_HZ, lively)
        k = newest - AHEAD
        if k >= 0:
            score = Score(k, k / GRID_HZ, float(micro[k]), float(macro[k]), half, half)
            out += [(newest / GRID_HZ, span) for span in decoder.push(score)]
    return out + [(np.inf, span) for span in decoder.flush()]


def hump(at: int, height: float, n: int = 120, width: int = 5) -> np.ndarray:
    x = np.abs(np.arange(n) - at)
    return np.clip(height * (1 - x / (width + 1)), 0, 1)


def test_a_peak_is_a_span_around_it() -> None:
    ((when, span),) = run(hump(60, 0.9))
    assert span.kind == "micro" and span.score == pytest.approx(0.9)
    assert (span.onset_s, span.offset_s) == (pytest.approx(60 / 30 - 0.15), pytest.approx(60 / 30 + 0.15))
    assert span.onset_s <= span.apex_s <= span.offset_s
    assert span.regions[0] == "mouth_l"
    assert when - span.offset_s < 0.3


def test_below_the_threshold_is_nothing() -> None:
    assert run(hump(60, 0.49)) == []


def test_two_peaks_of_one_movement_are_one_span() -> None:
    assert len(run(np.maximum(hump(58, 0.7), hump(63, 0.9)))) == 1


def test_two_movements_are_two_spans() -> None:
    assert len(run(np.maximum(hump(40, 0.8), hump(70, 0.9)))) == 2


def test_a_run_of_macro_is_one_macro_span() -> None:
    macro = np.zeros(120)
    macro[30:70] = 0.9
    ((_, span),) = run(np.zeros(120), macro)
    assert span.kind == "macro"
    assert span.onset_s == pytest.approx(1.0, abs=0.05)
    assert span.offset_s == pytest.approx(69 / 30, abs=0.05)


def test_a_macro_that_lasts_to_the_end_is_told_at_the_end() -> None:
    macro = np.zeros(90)
    macro[40:] = 0.9
    (when, span), *rest = run(np.zeros(90), macro)
    assert not rest and when == np.inf and span.kind == "macro"


def test_a_very_long_macro_is_told_in_parts_that_cover_it() -> None:
    macro = np.zeros(420)
    macro[30:390] = 0.9
    spans = [span for _, span in run(np.zeros(420), macro)]
    assert [span.kind for span in spans] == ["macro"] * 3
    assert spans[0].onset_s == pytest.approx(1.0, abs=0.05)
    assert spans[-1].offset_s == pytest.approx(389 / 30, abs=0.05)
    for a, b in pairwise(spans):
        assert b.onset_s - a.offset_s == pytest.approx(1 / 30, abs=0.01)


def test_a_peak_inside_a_stronger_macro_is_no_micro() -> None:
    macro = np.zeros(120)
    macro[40:80] = 0.95
    spans = [span for _, span in run(hump(60, 0.9), macro)]
    assert [span.kind for span in spans] == ["macro"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.02, 0.5))
def test_spans_never_come_before_they_are_over_nor_overlap_much(seed: int, half: float) -> None:
    rng = np.random.default_rng(seed)
    micro = np.clip(np.convolve(rng.random(200) - 0.2, np.ones(4) / 2, "same"), 0, 1)
    spans = run(micro, half=half, threshold=0.4)
    for when, span in spans:
        assert when >= span.offset_s - 1e-9
        assert 0.119 <= span.offset_s - span.onset_s <= 0.501
    ordered = sorted((s for _, s in spans), key=lambda s: s.onset_s)
    for a, b in pairwise(ordered):
        shorter = min(a.offset_s - a.onset_s, b.offset_s - b.onset_s)
        assert a.offset_s - b.onset_s <= 0.9 * shorter + 1e-9
