"""Closing the eyes of a picture: the upper lid's skin is drawn over the eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megc_live.synthesis.faceframe import FaceFrame

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

# Corner, lid points in between, corner: upper and lower lid, outer to inner.
_UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
_LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))

_BROW = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
"""Lower edges of the brows, outer to inner: a brow stays where it is."""
_LID_SKIN = (0.05, 0.25)
"""Least and greatest height of the skin above the eye that is drawn down, in eye distances."""
_LASH = 0.18
"""Part of the opening over which the lid's rim blends into the eye below it."""


def close_lids(
    displacement: F32, points: F64, frame: FaceFrame, closure: tuple[float, float], level: float
) -> None:
    """Add lid closure to a displacement field, in place.

    The map is exact at each pixel, not on a coarse grid, since an eye is only a few pixels high. In
    each column (face coordinates) the skin above the upper lid is stretched down to the lid's new
    place; below it the eye stays as it is, but for a narrow blend at the rim.

    Parameters
    ----------
    displacement : ndarray of float32, shape (height, width, 2)
        For inverse warping, pixels.
    points : ndarray, shape (478, 3)
    frame : FaceFrame
    closure : tuple of float
        Closure of the right and the left eye at level 1: 0 as it is, 1 shut.
    level : float
    """
    for indices, amount in zip(zip(_UPPER, _LOWER, _BROW, strict=True), closure, strict=True):
        if amount * level > 0:
            upper, lower, brow = (_left_to_right(frame.to_face(points[list(i), :2])) for i in indices)
            _close(displacement, upper, lower, brow, frame, min(1.0, amount * level))


def _left_to_right(curve: F64) -> F64:
    return curve[curve[:, 0].argsort()]


def _close(displacement: F32, upper: F64, lower: F64, brow: F64, frame: FaceFrame, amount: float) -> None:
    window = _window(displacement.shape[:2], frame, upper, lower)
    if window is None:
        return
    left, top, right, bottom = window
    xs, ys = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
    here = displacement[top:bottom, left:right]
    face = frame.to_face(np.stack([xs, ys], axis=-1) - here)
    x, y = face[..., 0], face[..., 1]
    inside = (x > upper[0, 0]) & (x < upper[-1, 0])
    lid = np.interp(x, upper[:, 0], upper[:, 1])
    # The mesh's lower lid lies a little inside the eye: shut means past it.
    opening = 1.1 * np.maximum(np.interp(x, lower[:, 0], lower[:, 1]) - lid, 0.0)
    drop = np.where(inside, opening * amount, 0.0)
    skin = np.clip(0.85 * (lid - np.interp(x, brow[:, 0], brow[:, 1])), *_LID_SKIN)
    skin_top = lid - skin
    rim = lid + drop
    above = (y > skin_top) & (y <= rim)
    stretched = skin_top + (y - skin_top) * skin / (skin + drop)
    blend = np.maximum(_LASH * opening, 1e-4)
    below = y - drop * np.exp(-np.maximum(y - rim, 0.0) / blend)
    source = np.where(above, stretched, np.where(y > rim, below, y))
    moved = np.stack([np.zeros_like(x), y - source], axis=-1) @ frame.axes.T
    here += moved.astype(np.float32)


def _window(
    shape: tuple[int, ...], frame: FaceFrame, upper: F64, lower: F64
) -> tuple[int, int, int, int] | None:
    """Pixels that can move: left, top, right, bottom."""
    above, below = np.array([0.0, _LID_SKIN[1] + 0.05]), np.array([0.0, 0.1])
    corners = frame.to_pixels(np.concatenate((upper - above, lower + below)))
    (left, top), (right, bottom) = (
        np.floor(corners.min(0)).astype(int),
        np.ceil(corners.max(0)).astype(int) + 1,
    )
    left, top = max(0, int(left)), max(0, int(top))
    right, bottom = min(shape[1], int(right)), min(shape[0], int(bottom))
    return (left, top, right, bottom) if right > left and bottom > top else None
