from __future__ import annotations

import numpy as np
import pytest

from megc_live.errors import SettingsError
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.units import FREE, ONE_SIDED, UNITS, draw_unit, peak_of

SEEDS = range(12)


def grid_over(points: np.ndarray, step: float = 1.0) -> np.ndarray:
    low, high = points[:, :2].min(0) - 40, points[:, :2].max(0) + 40
    return np.stack(np.meshgrid(np.arange(low[0], high[0], step), np.arange(low[1], high[1], step)), -1)


def mean_motion(points: np.ndarray, unit: str, side: str, landmark: int) -> np.ndarray:
    """Mean displacement at a mesh point over several draws, face coordinates."""
    frame = FaceFrame.of(points)
    here = frame.to_face(points[landmark, :2])
    fields = [draw_unit(np.random.default_rng(seed), unit, side) for seed in SEEDS]
    return np.mean([field.in_face(points, frame, here[None])[0] for field in fields], axis=0)


@pytest.mark.parametrize("unit", [*UNITS, FREE])
def test_every_unit_is_smooth_finite_and_local(unit: str, still) -> None:
    points = still.landmarks.astype(float)
    field = draw_unit(np.random.default_rng(1), unit)
    peak, _ = peak_of((field,), points)
    moved = field.scaled(0.05 / peak).displacement(points, grid_over(points))
    size = np.hypot(*np.moveaxis(moved, -1, 0))
    assert np.isfinite(moved).all()
    assert size.max() == pytest.approx(0.05 * FaceFrame.of(points).eye_px, rel=0.08)
    # No fold: the map x -> x - d(x) keeps its orientation everywhere.
    du, dv = np.gradient(moved[..., 0]), np.gradient(moved[..., 1])
    assert ((1 - du[1]) * (1 - dv[0]) - du[0] * dv[1]).min() > 0.2
    assert size[:5].max() < 0.02 and size[:, :5].max() < 0.02


@pytest.mark.parametrize("unit", [*UNITS, FREE])
def test_no_two_draws_are_the_same_shape(unit: str, still) -> None:
    points = still.landmarks.astype(float)
    grid = grid_over(points, 4.0)
    shapes = []
    for seed in range(2):
        field = draw_unit(np.random.default_rng(seed), unit)
        shapes.append(field.displacement(points, grid).ravel() / peak_of((field,), points)[0])
    similarity = shapes[0] @ shapes[1] / np.linalg.norm(shapes[0]) / np.linalg.norm(shapes[1])
    assert similarity < 0.985


@pytest.mark.parametrize(
    ("unit", "landmark", "direction"),
    [
        ("AU1", 107, (0, -1)), ("AU2", 105, (0, -1)), ("AU4", 107, (1, 1)), ("AU6", 117, (0, -1)),
        ("AU7", 145, (0, -1)), ("AU9", 48, (0, -1)), ("AU10", 40, (0, -1)), ("AU12", 61, (-1, -1)),
        ("AU14", 61, (-1, 0)), ("AU15", 61, (0, 1)), ("AU17", 199, (0, -1)), ("AU20", 61, (-1, 0)),
        ("AU25", 14, (0, 1)),
    ],
)  # fmt: skip
def test_muscles_pull_where_they_should(unit: str, landmark: int, direction: tuple[int, int], still) -> None:
    moved = mean_motion(still.landmarks.astype(float), unit, "B", landmark)
    wanted = np.array(direction) / np.linalg.norm(direction)
    assert moved @ wanted / np.linalg.norm(moved) > 0.85


@pytest.mark.parametrize("unit", sorted(ONE_SIDED))
def test_a_one_sided_unit_moves_that_side(unit: str, still) -> None:
    points = still.landmarks.astype(float)
    face = FaceFrame.of(points).to_face(grid_over(points, 3.0))
    for side, sign in (("R", -1), ("L", 1)):
        moved = np.zeros(face.shape[:-1])
        for seed in SEEDS:
            field = draw_unit(np.random.default_rng(seed), unit, side)
            moved += np.hypot(*np.moveaxis(field.in_face(points, FaceFrame.of(points), face), -1, 0))
        its_own, other = moved[face[..., 0] * sign > 0].sum(), moved[face[..., 0] * sign < 0].sum()
        assert its_own > 2 * other


def test_a_turned_head_carries_the_field_along(still) -> None:
    points = still.landmarks.astype(float)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = points.copy()
    turned[:, :2] = points[:, :2] @ turn.T
    field = draw_unit(np.random.default_rng(4), "AU12", "R")
    where = points[[61, 205, 216], :2]
    there = field.displacement(turned, where @ turn.T)
    assert there == pytest.approx(field.displacement(points, where) @ turn.T, abs=1e-6)


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="AU99"):
        draw_unit(np.random.default_rng(0), "AU99")
    with pytest.raises(SettingsError, match="side"):
        draw_unit(np.random.default_rng(0), "AU1", "left")
