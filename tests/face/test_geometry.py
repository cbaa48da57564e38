"""Similarity transforms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.face import geometry

angles = st.floats(-3, 3)
scales = st.floats(0.2, 5)
shifts = st.floats(-500, 500)


def similarity(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


@given(angles, scales, shifts, shifts)
def test_a_similarity_is_recovered_from_points(angle: float, scale: float, x: float, y: float) -> None:
    transform = similarity(angle, scale, x, y)
    points = np.random.default_rng(0).normal(0, 50, (20, 2))
    found, inliers = geometry.fit_similarity(points, geometry.apply(transform, points))
    np.testing.assert_allclose(found, transform, atol=1e-6)
    assert inliers.all()
    assert geometry.scale_of(found) == pytest.approx(scale)


@given(angles, scales, shifts, shifts)
def test_inverse_and_composition_cancel(angle: float, scale: float, x: float, y: float) -> None:
    transform = similarity(angle, scale, x, y)
    identity = geometry.compose(transform, geometry.invert(transform))
    np.testing.assert_allclose(identity, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_outliers_are_trimmed() -> None:
    transform = similarity(0.1, 1.1, 3, -2)
    points = np.random.default_rng(1).normal(0, 50, (40, 2))
    target = geometry.apply(transform, points)
    target[:8] += 30
    found, inliers = geometry.fit_similarity(points, target, trims=4)
    np.testing.assert_allclose(found, transform, atol=1e-3)
    assert not inliers[:8].any() and inliers[8:].all()
