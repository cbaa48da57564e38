from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.registration
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.recognition.flow import (
    dense_flow,
    flow_image,
    head_motion,
    optical_strain,
    prepare,
    without_head,
)

ROWS, COLUMNS = 170, 140


def texture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (ROWS, COLUMNS)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.clip(128 + 220 * smooth, 0, 255)


def moved(picture: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """The picture with its content displaced by (rows, columns, 2) pixels, as grey uint8."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    at = np.stack([x, y], -1) - displacement
    return cv2.remap(
        picture.astype(np.float32), at[..., 0].astype(np.float32), at[..., 1].astype(np.float32),
        cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT,
    ).round().clip(0, 255).astype(np.uint8)  # fmt: skip


def bump(x: float, y: float, u: float, v: float, width: float = 14.0) -> np.ndarray:
    yy, xx = np.mgrid[0:ROWS, 0:COLUMNS]
    weight = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * width**2))
    return np.stack([u * weight, v * weight], -1)


def affine_field(shift: tuple[float, float], turn: float, zoom: float) -> np.ndarray:
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float64)
    return np.stack([shift[0] + zoom * x - turn * y, shift[1] + zoom * y + turn * x], -1)


STILL = np.zeros((ROWS, COLUMNS, 2))


@pytest.mark.parametrize("method", ["dis", "tvl1", "farneback"])
def test_u_points_right_and_v_points_down(method) -> None:
    picture = texture()
    inside = (slice(20, -20), slice(20, -20))
    for shift in ((2.0, 0.0), (0.0, -1.5)):
        field = STILL + np.array(shift)
        flow = dense_flow(moved(picture, STILL), moved(picture, field), method)
        assert flow.dtype == np.float32 and flow.shape == (ROWS, COLUMNS, 2)
        assert np.allclose(np.median(flow[inside], axis=(0, 1)), shift, atol=0.2)


def test_without_contributed_opencv_tvl1_is_scikit_images(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    real = skimage.registration.optical_flow_tvl1
    monkeypatch.setattr(
        skimage.registration, "optical_flow_tvl1", lambda *a, **k: used.append(1) or real(*a, **k)
    )
    monkeypatch.delattr(cv2, "optflow")
    picture = texture()
    flow = dense_flow(moved(picture, STILL), moved(picture, STILL + np.array([1.5, -1.0])), "tvl1")
    assert used and np.allclose(np.median(flow[30:-30, 30:-30], axis=(0, 1)), (1.5, -1.0), atol=0.25)


def test_strain_of_known_fields() -> None:
    y, x = np.mgrid[0:20, 0:30].astype(float)
    assert np.allclose(optical_strain(0.1 * x, 0 * y), 0.1)  # stretch: exx
    assert np.allclose(optical_strain(0.1 * x, 0.1 * y), 0.1 * np.sqrt(2))
    assert np.allclose(optical_strain(0.1 * y, 0 * x), 0.1 / np.sqrt(2))  # shear: 2 (0.05)^2
    assert np.allclose(optical_strain(-0.1 * y, 0.1 * x), 0, atol=1e-7)  # a turn does not strain
    assert np.allclose(optical_strain(0 * x + 3, 0 * x - 1), 0)


@settings(max_examples=25, deadline=None)
@given(
    shift=st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    turn=st.floats(-0.06, 0.06),
    zoom=st.floats(-0.06, 0.06),
)
def test_a_heads_motion_is_found_beside_an_expression(
    shift: tuple[float, float], turn: float, zoom: float
) -> None:
    head = affine_field(shift, turn, zoom)
    face = bump(70, 120, 1.5, -1.0)
    m = head_motion((head + face).astype(np.float32))
    assert np.allclose(m[:, :2], [[zoom, -turn], [turn, zoom]], atol=0.002)
    left = without_head((head + face).astype(np.float32))
    assert np.abs(left - face).max() < 0.25


def test_the_image_of_a_movement_is_the_same_with_and_without_head_motion() -> None:
    picture = texture()
    face = bump(45, 120, 1.2, -1.2) + bump(95, 120, -1.2, -1.2)
    onset = moved(picture, STILL)
    plain = flow_image(onset, moved(picture, face))
    shaken = flow_image(onset, moved(picture, face + affine_field((2.0, -1.5), 0.01, 0.008)))
    for a, b in zip(prepare(plain), prepare(shaken), strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.85
    kept = flow_image(onset, moved(picture, face + affine_field((0, 0), 0.03, 0.0)), head=False)
    assert np.corrcoef(prepare(plain)[0].ravel(), prepare(kept)[0].ravel())[0, 1] < 0.6


def test_a_flow_image_has_three_channels_over_the_full_range() -> None:
    picture = texture()
    onset, apex = moved(picture, STILL), moved(picture, bump(70, 60, 0.0, -2.0))
    before = onset.copy(), apex.copy()
    image = flow_image(onset, apex)
    assert image.shape == (28, 28, 3) and image.dtype == np.uint8
    assert (image.min((0, 1)) == 0).all() and (image.max((0, 1)) == 255).all()
    row, column = np.unravel_index(image[..., 1].argmin(), (28, 28))
    assert abs(column - 70 / 5) <= 1 and abs(row - 60 * 28 / ROWS) <= 1
    assert np.array_equal(onset, before[0]) and np.array_equal(apex, before[1])


def test_nothing_moves_in_equal_pictures() -> None:
    grey = moved(texture(), STILL)
    assert not flow_image(grey, grey).any()
    assert not prepare(flow_image(grey, grey)).any()


def test_preparation_takes_the_medians_out_of_u_and_v_alone() -> None:
    image = np.random.default_rng(0).integers(0, 200, (28, 28, 3), dtype=np.uint8)
    ready = prepare(image)
    assert ready.shape == (3, 28, 28) and ready.dtype == np.float32
    assert np.allclose(np.median(ready[:2], axis=(1, 2)), 0, atol=1e-7)
    assert np.allclose(ready[2], image[..., 2] / 255)
    shifted = image.copy()
    shifted[..., :2] += 55
    assert np.allclose(prepare(shifted), ready, atol=1e-6)


@pytest.mark.parametrize(
    ("onset", "apex"),
    [
        (np.zeros((10, 10), np.uint8), np.zeros((10, 11), np.uint8)),
        (np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)),
        (np.zeros((10, 10), np.float32), np.zeros((10, 10), np.float32)),
    ],
)
def test_pictures_that_do_not_fit_are_refused(onset: np.ndarray, apex: np.ndarray) -> None:
    with pytest.raises(ValueError, match="grey uint8 of one size"):
        flow_image(onset, apex)


def test_wrong_flow_images_and_methods_are_refused() -> None:
    with pytest.raises(ValueError, match=r"28, 28, 3"):
        prepare(np.zeros((28, 28), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        prepare(np.zeros((28, 28, 3), np.float32))
    grey = np.zeros((ROWS, COLUMNS), np.uint8)
    with pytest.raises(ValueError, match="neither dis, tvl1 nor farneback"):
        dense_flow(grey, grey, "horn-schunck")
