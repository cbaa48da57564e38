"""Magnification and reduction of movements of known size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from megc_live.errors import SettingsError
from megc_live.recognition.flow import dense_flow
from megc_live.recognition.magnify import Magnification, magnified, magnified_apex, reduced_apex
from tests.faces import portrait

U8 = NDArray[np.uint8]
FPS = 100.0
RISE = 20
INSIDE = (slice(125, 150), slice(95, 125))


def rising(shift_px: float, frames: int = RISE + 1) -> U8:
    """A patch below the middle moves down by ``shift_px`` within ``RISE`` frames."""
    picture = portrait(224)
    y, x = np.mgrid[0:224, 0:224].astype(np.float32)
    bump = np.exp(-(((x - 110) / 25) ** 2 + ((y - 138) / 18) ** 2) / 2)
    levels = [(1 - np.cos(np.pi * min(t, RISE) / RISE)) / 2 for t in range(frames)]
    return np.stack(
        [cv2.remap(picture, x, y - np.float32(shift_px * level) * bump, cv2.INTER_CUBIC) for level in levels]
    )


def shift(onset: U8, apex: U8) -> float:
    grey = [np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), np.uint8) for one in (onset, apex)]
    return float(np.median(dense_flow(grey[0], grey[1])[INSIDE][..., 1]))


@pytest.mark.parametrize("size", [0.3, 0.6])
def test_a_small_movement_is_exaggerated_in_its_own_direction(size: float) -> None:
    for sign in (1, -1):
        frames = rising(sign * size)
        plain = sign * shift(frames[0], frames[-1])
        assert 0.5 * size < plain < 1.1 * size
        large = magnified_apex(frames, FPS, 0, RISE)
        assert 2.5 * plain < sign * shift(frames[0], large) < 6 * plain


def test_more_factor_is_more_movement_and_none_is_none() -> None:
    frames = rising(0.4)
    found = [
        shift(frames[0], magnified_apex(frames, FPS, 0, RISE, Magnification(factor))) for factor in (2, 6, 12)
    ]
    assert found[0] < found[1] < found[2]
    none = list(magnified(frames, FPS, Magnification(0.0)))
    assert all(np.array_equal(a, b) for a, b in zip(none, frames, strict=True))


def test_a_still_clip_and_the_first_frame_stay_as_they_are() -> None:
    still = np.repeat(portrait(96)[None], 5, axis=0)
    assert all(np.array_equal(frame, still[0]) for frame in magnified(still, FPS))
    frames = rising(1.0)
    assert np.array_equal(next(magnified(frames, FPS)), frames[0])


def test_no_frame_depends_on_a_later_one_and_grey_works() -> None:
    frames = rising(0.5)[..., 1]
    whole = list(magnified(frames, FPS))
    assert whole[8].shape == (224, 224)
    assert np.array_equal(whole[8], list(magnified(frames[:9], FPS))[-1])


def test_slow_drift_is_magnified_less_than_a_quick_movement() -> None:
    frames = rising(0.5)
    quick = magnified_apex(frames, FPS, 0, RISE)
    slow = magnified_apex(frames, FPS / 20, 0, RISE)  # the same frames, over four seconds
    assert shift(frames[0], slow) < 0.6 * shift(frames[0], quick)


def test_the_light_of_the_whole_picture_is_left() -> None:
    picture = portrait(128)
    brighter = np.stack([picture // 2 + 10 * k for k in range(6)]).astype(np.uint8)
    *_, last = magnified(brighter, FPS)
    assert abs(float(last.mean()) - float(brighter[-1].mean())) < 3


def test_reduction_lessens_a_large_movement() -> None:
    frames = rising(4.0)
    at = reduced_apex(0, RISE)
    assert at == RISE // 2
    assert 0.2 < shift(frames[0], frames[at]) / shift(frames[0], frames[RISE]) < 0.8


def test_impossible_settings_are_refused() -> None:
    for wrong in ({"factor": -1.0}, {"low_hz": 12.0}, {"wavelength_px": 0.0}):
        with pytest.raises(SettingsError, match="cannot be done"):
            Magnification(**wrong)
    with pytest.raises(SettingsError, match="frames per second"):
        list(magnified(rising(0.5)[:2], 0.0))
