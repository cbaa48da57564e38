from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.synthesis.courses import SHAPES, Course, Wander, draw_course
from megc_live.synthesis.movements import Knots


@given(st.integers(0, 2**32), st.floats(0.15, 2.5), st.floats(0, 100))
def test_a_course_rests_before_and_after_and_peaks_at_its_apex(
    seed: int, length: float, onset: float
) -> None:
    course = draw_course(np.random.default_rng(seed), onset, length)
    assert course.onset_s < course.apex_s < course.offset_s
    assert (course.apex_s - onset) / length + 1e-6 >= 0.25 and (course.apex_s - onset) / length <= 0.75 + 1e-6
    outside = course(np.array([onset - 1, onset, course.offset_s, course.offset_s + 1]))
    assert outside == pytest.approx(0, abs=1e-9)
    assert float(course(course.apex_s)) == pytest.approx(1)
    levels = course(np.linspace(onset, course.offset_s, 200))
    assert levels.min() >= 0 and levels.max() <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_rises_all_the_way_without_going_back(shape: str) -> None:
    levels = Course(0.0, 1.0, 2.0, rise=shape, fall=shape)(np.linspace(0, 2, 401))
    assert (np.diff(levels[:201]) >= -1e-12).all() and (np.diff(levels[200:]) <= 1e-12).all()


def test_a_plateau_is_held() -> None:
    course = Course(0.0, 0.2, 1.0, plateau_s=0.5)
    assert (course(np.linspace(0.2, 0.7, 20)) == 1).all()
    assert float(course(0.8)) < 1


def test_a_wander_is_smooth_and_bounded() -> None:
    t = np.arange(0, 60, 0.01)
    level = Wander(np.random.default_rng(3), (2.0, 10.0))(t)
    assert np.abs(level).max() <= 1
    assert np.abs(np.diff(level)).max() <= 2 * np.pi / 2.0 * 0.01


def test_knots_do_not_overshoot_and_are_nothing_outside() -> None:
    curve = Knots([1.0, 1.5, 2.0, 4.0], [0.0, 1.0, 0.9, 0.0])
    inside = curve(np.linspace(1, 4, 300))
    assert inside.min() >= 0 and inside.max() <= 1
    assert curve(np.array([0.5, 4.5])).tolist() == [0, 0]
