"""How the face's regions moved in the last tenth of a second, with the head's motion fitted out.

Dense optical flow between two aligned crops is averaged over a patch at each region. A global model
of eight parameters, u and v each linear in x, y and depth z, is fitted to the flow at points that
move with the skull, with outliers left out; what is left is the face's own movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.observation import CANONICAL_EYE_PX, CROP_HEIGHT, CROP_WIDTH
from megc_live.face.regions import SIGNAL_POINTS, STABLE_POINTS

F64 = NDArray[np.float64]

LAG_S = 0.1
"""Motion is given per this time."""
PATCH_PX = 15
"""Side of the square around a region's point, in crop pixels: about a quarter of the eye distance (METHODS
of the published code: a quarter of the brow width, rounded down to a multiple of 5)."""
_SIGNALS = list(SIGNAL_POINTS.values())
_STABLE = list(STABLE_POINTS)
_TRIMS = 2
_INNER = (slice(20, 188), slice(10, 150))
"""Rows and columns of the crop in which flow is computed: the face without hair and background."""
_PERCENT = 100.0 / CANONICAL_EYE_PX


@dataclass(frozen=True)
class Motion:
    """Motion between two crops, in percent of the eye distance per 0.1 s.

    Attributes
    ----------
    regions : ndarray of float64, shape (24, 2)
        u (to the right in the picture), v (down) of each of ``SIGNALS``, head motion fitted out.
    head : ndarray of float64, shape (8,)
        The fit's u and v: motion of the face's middle, then change along x, y and z at half an eye
        distance from it.
    residual : float
        Root mean square of what the fit leaves at the points that it kept.
    kept : float
        Share of the stable points that were not outliers.
    """

    regions: F64
    head: F64
    residual: float
    kept: float

    @property
    def head_speed(self) -> float:
        """Motion of the face's middle, in percent of the eye distance per 0.1 s."""
        return float(np.hypot(self.head[0], self.head[4]))


class MotionMeter:
    """Measures :class:`Motion` between crops of one face."""

    def __init__(self) -> None:
        # The faster presets lose a third of the signal-to-noise ratio on movements of a pixel.
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def measure(
        self, before: NDArray[np.uint8], after: NDArray[np.uint8], canonical: F64, depth: F64, seconds: float
    ) -> Motion:
        """Compare two aligned crops.

        Parameters
        ----------
        before, after : ndarray of uint8, shape (192, 160)
        canonical : ndarray, shape (478, 2)
            The face's points in crop pixels.
        depth : ndarray, shape (478,)
            Their z in crop pixels.
        seconds : float
            Time between the two.
        """
        flow = np.zeros((*before.shape, 2), dtype=np.float32)
        flow[_INNER] = self._flow.calc(
            np.ascontiguousarray(before[_INNER]),
            np.ascontiguousarray(after[_INNER]),
            None,  # type: ignore[call-overload]  # none: no initial guess, which the stubs do not know
        )
        per_lag = LAG_S / seconds * _PERCENT
        stable = _sample(cv2.blur(flow, (5, 5)), canonical[_STABLE]) * per_lag
        places = _places(canonical, depth)
        model, kept, residual = _fit(places[_STABLE], stable)
        own = _sample(cv2.blur(flow, (PATCH_PX, PATCH_PX)), canonical[_SIGNALS]) * per_lag
        return Motion(own - places[_SIGNALS] @ model, model.T.ravel(), residual, kept)


def cut_patches(crop: NDArray[np.uint8], centres: F64) -> NDArray[np.uint8]:
    """Square patches of one crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width)
    centres : ndarray, shape (regions, 2)
        x, y; rounded to whole pixels and kept inside, so that a patch is never interpolated.

    Returns
    -------
    ndarray of uint8, shape (regions, 225)
    """
    half = PATCH_PX // 2
    limit = np.array([crop.shape[1], crop.shape[0]]) - half - 1
    corner = np.clip(np.rint(centres).astype(int), half, limit) - half
    windows = np.lib.stride_tricks.sliding_window_view(crop, (PATCH_PX, PATCH_PX))
    cut = windows[corner[:, 1], corner[:, 0]].reshape(len(centres), -1)
    return np.asarray(cut, dtype=np.uint8)


def _places(canonical: F64, depth: F64) -> F64:
    """Design matrix [1, x, y, z], about the face's middle, in half eye distances."""
    unit = CANONICAL_EYE_PX / 2
    centre = canonical[_STABLE].mean(0)
    return np.column_stack(
        [np.ones(len(canonical)), (canonical - centre) / unit, (depth - depth[_STABLE].mean()) / unit]
    )


def _fit(design: F64, flow: F64) -> tuple[F64, float, float]:
    """Least squares of both flow components with trimming; returns (4, 2), share kept, rms."""
    keep = np.ones(len(flow), dtype=bool)
    # A little ridge: with too few points left the depth column may be nearly constant.
    ridge = np.diag([0.0, 1e-3, 1e-3, 1e-2]) * len(flow)
    model = np.zeros((4, 2))
    error = np.zeros(len(flow))
    for _ in range(_TRIMS + 1):
        part = design[keep]
        model = np.linalg.solve(part.T @ part + ridge, part.T @ flow[keep])
        error = np.hypot(*(flow - design @ model).T)
        keep = error <= max(0.3, 2.0 * float(np.median(error)))
    return model, float(keep.mean()), float(np.sqrt((error[keep] ** 2).mean()))


def _sample(field: NDArray[Any], points: F64) -> F64:
    """Values of a (height, width, 2) field at (n, 2) points, bilinear, kept inside."""
    x = np.clip(points[:, 0], 0, CROP_WIDTH - 1.001)
    y = np.clip(points[:, 1], 0, CROP_HEIGHT - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    low = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return np.asarray(top * (1 - fy) + low * fy, dtype=np.float64)
