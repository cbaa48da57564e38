"""Local temporal patterns against a plain reading of the method's description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.spotting.ltp import CN_MAX, LtpWindow, ltp_features
from tests.spotting.reference_ltp import reference_ltp


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.integers(2, 60), st.integers(1, 12), st.integers(0, 10_000))
def test_equal_to_the_reference(frames: int, pixels: int, pattern: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    patches = rng.normal(100, 20, (frames, pixels)).cumsum(0)
    features, cn = ltp_features(patches, pattern)
    expected, expected_cn = reference_ltp(patches, pattern)
    assert features.shape == (frames, 1 + pattern)
    np.testing.assert_allclose(features, expected, atol=1e-7)
    assert cn == pytest.approx(expected_cn)


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 40), st.integers(3, 10), st.integers(0, 10_000))
def test_the_sliding_window_is_the_function(keep: int, pattern: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (2, 70, 225)).astype(np.uint8)
    window = LtpWindow(2, 225)
    for t in range(70):
        window.push(patches[:, t], min(t + 1, keep))
        if t > pattern and t % 7 == 0:
            distances, cn = window.newest_pattern(pattern)
            first = max(0, t + 1 - keep)
            for region in range(2):
                features, expected_cn = ltp_features(patches[region, first : t + 1].astype(float), pattern)
                np.testing.assert_allclose(
                    distances[region], features[len(features) - 1 - pattern, 1:], atol=2e-5
                )
                assert cn[region] == pytest.approx(expected_cn, rel=1e-4)


def test_a_still_patch_has_no_pattern() -> None:
    features, cn = ltp_features(np.full((30, 225), 80.0), 9)
    assert cn == CN_MAX
    assert (features[:, 1:] == 0).all()


def test_an_out_and_back_movement_has_the_s_pattern() -> None:
    course = np.concatenate([np.zeros(10), np.sin(np.linspace(0, np.pi, 13))[1:-1], np.zeros(10)])
    patches = 100 + np.outer(course, np.linspace(-20, 20, 225))
    features, _ = ltp_features(patches, 9)
    onset = features[9, 1:]
    assert onset.argmax() in (4, 5, 6)
    assert onset[0] < onset[2] < onset[4]
    assert onset[8] < onset[6]


@pytest.mark.parametrize("bad", [np.zeros((0, 4)), np.zeros(5), np.zeros((4, 0))])
def test_bad_patches_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frames, pixels"):
        ltp_features(bad, 3)


def test_a_window_without_a_pattern_says_so() -> None:
    window = LtpWindow(1, 4)
    window.push(np.zeros((1, 4)), 1)
    with pytest.raises(ValueError, match="more than 1 frames"):
        window.newest_pattern(9)
