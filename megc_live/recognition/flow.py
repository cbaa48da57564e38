"""The onset-to-apex flow image: what the classifiers of MEGC 2019 see.

Optical flow between the aligned faces at onset and apex gives three channels: u, v and optical strain.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SIDE = 28
CROP_ROWS, CROP_COLUMNS = 170, 140
"""Size of the aligned faces (STSTNet, Table II)."""
FlowMethod = Literal["dis", "tvl1"]


def dense_flow(onset: U8, apex: U8, method: FlowMethod = "dis") -> F32:
    """Flow from onset to apex, shape (rows, columns, 2), pixels; u to the right, v down.

    ``tvl1`` is the benchmark's own (Zach et al. 2007), ``dis`` (Kroeger et al. 2016) takes a hundredth of
    its time. Without OpenCV's contributed modules, TV-L1 is scikit-image's.
    """
    if method == "dis":
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(onset, apex, None)
    elif hasattr(cv2, "optflow"):
        flow = cv2.optflow.DualTVL1OpticalFlow_create().calc(onset, apex, None)
    else:
        from skimage.registration import optical_flow_tvl1

        v, u = optical_flow_tvl1(onset.astype(np.float32) / 255, apex.astype(np.float32) / 255)
        flow = np.stack([u, v], axis=-1)
    return np.asarray(flow, dtype=np.float32)


def without_head(flow: F32, trims: int = 3) -> F32:
    """Take a similarity motion of the whole face out of a flow field.

    Head motion between onset and apex would be read as expression. The model (shift, turn, scale) is
    fitted on a coarse grid; points that fit it badly, where the face moves by itself, are left out.
    """
    rows, columns = flow.shape[:2]
    y, x = np.mgrid[4:rows:6, 4:columns:6]
    moved = flow[y.ravel(), x.ravel()].astype(np.float64)
    px = (x.ravel() - columns / 2) / columns
    py = (y.ravel() - rows / 2) / rows * (rows / columns)
    zero, one = np.zeros(len(px)), np.ones(len(px))
    design = np.concatenate([np.stack([one, zero, px, -py], 1), np.stack([zero, one, py, px], 1)])
    target = np.concatenate([moved[:, 0], moved[:, 1]])
    keep = np.ones(len(px), dtype=bool)
    model = np.zeros(4)
    for _ in range(trims):
        both = np.concatenate([keep, keep])
        model = np.linalg.lstsq(design[both], target[both], rcond=None)[0]
        error = np.hypot(*(moved - (design @ model).reshape(2, -1).T).T)
        keep = error <= max(0.1, 2.0 * float(np.median(error)))
    yy, xx = np.mgrid[0:rows, 0:columns]
    gx, gy = (xx - columns / 2) / columns, (yy - rows / 2) / rows * (rows / columns)
    head = np.stack([model[0] + model[2] * gx - model[3] * gy, model[1] + model[2] * gy + model[3] * gx], axis=-1)
    return np.asarray(flow - head, dtype=np.float32)


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
    return np.asarray(np.sqrt(ux**2 + vy**2 + 2 * shear**2), dtype=np.float32)


def flow_image(onset: U8, apex: U8, *, method: FlowMethod = "dis", head: bool = True) -> U8:
    """The classifier's picture of a movement.

    Parameters
    ----------
    onset, apex : ndarray of uint8, shape (rows, columns)
        Aligned grey faces of the same size.
    method : str
        ``"dis"`` or ``"tvl1"``.
    head : bool
        Fit the head's motion out of the flow first.

    Returns
    -------
    ndarray of uint8, shape (28, 28, 3)
        u, v and strain, each scaled to 0 .. 255 over the image.

    Raises
    ------
    ValueError
        The pictures differ in size, or are not grey uint8.
    """
    if onset.shape != apex.shape or onset.ndim != 2 or onset.dtype != np.uint8 or apex.dtype != np.uint8:
        raise ValueError(
            f"onset and apex are grey uint8 of one size, got {onset.dtype} {onset.shape} and {apex.dtype} {apex.shape}"
        )
    flow = dense_flow(onset, apex, method)
    if head:
        flow = without_head(flow)
    channels = [flow[..., 0], flow[..., 1], optical_strain(flow[..., 0], flow[..., 1])]
    return np.stack([_to_bytes(cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_AREA)) for c in channels], -1)


def prepare(image: U8) -> F32:
    """A flow image as network input: the one preparation of training and application.

    u and v less their own median over the image (what the head or the alignment did to all of it),
    all divided by 255.

    Parameters
    ----------
    image : ndarray of uint8, shape (28, 28, 3)

    Returns
    -------
    ndarray of float32, shape (3, 28, 28)
    """
    if image.shape != (SIDE, SIDE, 3) or image.dtype != np.uint8:
        raise ValueError(f"a flow image is uint8 (28, 28, 3), got {image.dtype} {image.shape}")
    out = image.astype(np.float32).transpose(2, 0, 1) / 255
    out[:2] -= np.median(out[:2], axis=(1, 2), keepdims=True)
    return out


def _to_bytes(channel: NDArray[np.floating]) -> U8:
    low, high = float(channel.min()), float(channel.max())
    if high - low < 1e-9:
        return np.zeros(channel.shape, dtype=np.uint8)
    return np.asarray(np.rint((channel - low) / (high - low) * 255), dtype=np.uint8)
