"""The onset-to-apex flow image: what the classifiers of MEGC 2019 see.

Optical flow between the aligned faces at onset and apex gives three channels: u, v and optical strain.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SIDE = 28
"""Rows and columns of a flow image."""
FlowMethod = Literal["dis", "tvl1", "farneback"]

_GRID_STEP = 6
_TRIMS = 4
_LEAST_TOLERANCE = 0.1
"""Pixels: a point that fits the head's motion this well is never left out."""


def dense_flow(onset: U8, apex: U8, method: FlowMethod = "dis") -> F32:
    """Flow from onset to apex, shape (rows, columns, 2), pixels; u to the right, v down.

    ``tvl1`` is the benchmark's own (Zach, Pock and Bischof 2007; OpenCV's defaults), ``dis`` (Kroeger et
    al. 2016) takes a hundredth of its time. Without OpenCV's contributed modules, TV-L1 is
    scikit-image's. ``farneback`` (2003) is the flow of EMR, with its settings: one level, a window of 15.

    Parameters
    ----------
    onset, apex : ndarray of uint8, shape (rows, columns)

    Raises
    ------
    ValueError
        The pictures differ in size or are not grey uint8, or the method is unknown.
    """
    if onset.shape != apex.shape or onset.ndim != 2 or onset.dtype != np.uint8 or apex.dtype != np.uint8:
        raise ValueError(
            f"onset and apex are grey uint8 of one size, got {onset.dtype} {onset.shape} and "
            f"{apex.dtype} {apex.shape}"
        )
    start = np.zeros((*onset.shape, 2), dtype=np.float32)
    if method == "dis":
        return _f32(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(onset, apex, start))
    if method == "farneback":
        return _f32(cv2.calcOpticalFlowFarneback(onset, apex, start, 0.5, 1, 15, 2, 5, 1.1, 0))
    if method != "tvl1":
        raise ValueError(f"flow method {method!r} is neither dis, tvl1 nor farneback")
    if hasattr(cv2, "optflow"):
        return _f32(cv2.optflow.DualTVL1OpticalFlow.create().calc(onset, apex, start))
    from skimage.registration import optical_flow_tvl1

    v, u = optical_flow_tvl1(_f32(onset) / 255, _f32(apex) / 255)  # type: ignore[no-untyped-call]
    return _f32(np.stack([u, v], axis=-1))


def head_motion(flow: F32) -> F64:
    """The similarity motion (shift, turn, scale) of the whole face in a flow field.

    Least squares on a coarse grid; points that fit badly, where the face moves by itself, are left out
    round by round.

    Parameters
    ----------
    flow : ndarray of float32, shape (rows, columns, 2)

    Returns
    -------
    ndarray of float64, shape (2, 3)
        The point (x, y) moves by ``m @ (x, y, 1)``.
    """
    rows, columns = flow.shape[:2]
    y, x = (a.ravel().astype(np.float64) for a in np.mgrid[2:rows:_GRID_STEP, 2:columns:_GRID_STEP])
    moved = flow[2::_GRID_STEP, 2::_GRID_STEP].reshape(-1, 2).astype(np.float64)
    centre, size = np.array([columns / 2, rows / 2]), float(rows)
    px, py = (x - centre[0]) / size, (y - centre[1]) / size
    one, zero = np.ones_like(px), np.zeros_like(px)
    # u = a + c x - d y, v = b + c y + d x
    design = np.stack([np.stack([one, zero, px, -py], 1), np.stack([zero, one, py, px], 1)], 1)
    a, b = np.median(moved, axis=0)
    model = np.array([a, b, 0.0, 0.0])
    for _ in range(_TRIMS):
        error = np.hypot(*(moved - design @ model).T)
        keep = error <= max(_LEAST_TOLERANCE, 2.0 * float(np.median(error)))
        model = np.linalg.lstsq(design[keep].reshape(-1, 4), moved[keep].ravel(), rcond=None)[0]
    a, b, c, d = model
    linear = np.array([[c, -d], [d, c]]) / size
    return np.column_stack([linear, np.array([a, b]) - linear @ centre])


def without_head(flow: F32) -> F32:
    """Take the whole face's motion (:func:`head_motion`) out of a flow field, same shape.

    What the head does between onset and apex, and what the alignment leaves of it, would be read as
    expression.
    """
    rows, columns = flow.shape[:2]
    m = head_motion(flow)
    y, x = np.mgrid[0:rows, 0:columns]
    head = np.stack([m[k, 0] * x + m[k, 1] * y + m[k, 2] for k in (0, 1)], axis=-1)
    return _f32(flow - head)


def optical_strain(u: NDArray[np.floating], v: NDArray[np.floating]) -> F32:
    """Magnitude of the infinitesimal strain tensor, |e| = sqrt(exx^2 + eyy^2 + 2 exy^2).

    exx = du/dx, eyy = dv/dy, exy = (du/dy + dv/dx) / 2 (STSTNet, eqs. 5-7, whose print has a slip).

    Parameters
    ----------
    u, v : ndarray, shape (rows, columns)
    """
    uy, ux = np.gradient(u)
    vy, vx = np.gradient(v)
    shear = (uy + vx) / 2
    return _f32(np.sqrt(ux**2 + vy**2 + 2 * shear**2))


def flow_image(onset: U8, apex: U8, *, method: FlowMethod = "dis", head: bool = True) -> U8:
    """The classifier's picture of a movement.

    Parameters
    ----------
    onset, apex : ndarray of uint8, shape (rows, columns)
        Aligned grey faces of the same size.
    method : str
        See :func:`dense_flow`.
    head : bool
        Fit the head's motion out of the flow first.

    Returns
    -------
    ndarray of uint8, shape (28, 28, 3)
        u, v and strain, each scaled to 0 .. 255 over the image; a channel without contrast is 0.

    Raises
    ------
    ValueError
        The pictures differ in size, or are not grey uint8.

    Examples
    --------
    >>> grey = np.random.default_rng(0).integers(0, 255, (170, 140), dtype=np.uint8)
    >>> flow_image(grey, np.roll(grey, 2, axis=1)).shape
    (28, 28, 3)
    """
    flow = dense_flow(onset, apex, method)
    return image_of_flow(without_head(flow) if head else flow)


def image_of_flow(flow: F32) -> U8:
    """The last step of :func:`flow_image`: flow, (rows, columns, 2), to bytes, (28, 28, 3)."""
    u, v = flow[..., 0], flow[..., 1]
    small = (cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for c in (u, v, optical_strain(u, v)))
    return np.stack([_to_bytes(_f32(channel)) for channel in small], axis=-1)


def prepare(image: U8) -> F32:
    """A flow image as network input: the one preparation of training and application.

    Everything divided by 255, then u and v less their own median over the image (what head or
    alignment did to all of it).

    Parameters
    ----------
    image : ndarray of uint8, shape (28, 28, 3)

    Returns
    -------
    ndarray of float32, shape (3, 28, 28)

    Raises
    ------
    ValueError
        Another shape or type.
    """
    if image.shape != (SIDE, SIDE, 3) or image.dtype != np.uint8:
        raise ValueError(f"a flow image is uint8 ({SIDE}, {SIDE}, 3), got {image.dtype} {image.shape}")
    out = _f32(image.transpose(2, 0, 1)) / np.float32(255)
    out[:2] -= np.median(out[:2], axis=(1, 2), keepdims=True)
    return out


def _to_bytes(channel: F32) -> U8:
    low, high = float(channel.min()), float(channel.max())
    if high - low < 1e-6:
        return np.zeros(channel.shape, dtype=np.uint8)
    return np.asarray(np.rint((channel - low) / (high - low) * 255), dtype=np.uint8)


def _f32(values: object) -> F32:
    return np.asarray(values, dtype=np.float32)
