"""How lively a face is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from megc_live.spotting.liveliness import LIVELY, LivelyShare, liveliness


def test_a_movement_does_not_make_its_own_face_lively() -> None:
    times = np.arange(0, 4, 1 / 30)
    speeds = np.where((times > 3) & (times < 3.5), 20.0, 0.1)
    assert liveliness(times, speeds, 3.25) == pytest.approx(0.1)


def test_talking_does_and_only_its_last_seconds_count() -> None:
    times = np.arange(0, 12, 1 / 30)
    speeds = np.where(times < 6, 2.0, 0.1)
    assert liveliness(times, speeds, 5.0) == 2.0
    assert liveliness(times, speeds, 11.0) == pytest.approx(0.1)
    assert liveliness(times, speeds, -1.0) == 0.0


def test_the_share_of_lively_time_counts_what_was_measured() -> None:
    meter = LivelyShare()
    assert meter.share == 0.0
    for t in np.arange(0, 12, 0.1):
        meter.add(float(t), 2 * LIVELY if t < 3 else LIVELY / 2 if t < 9 else math.nan)
    assert meter.share == pytest.approx(1 / 3)
    assert meter.share == pytest.approx(1 / 3), "asking changes nothing"
