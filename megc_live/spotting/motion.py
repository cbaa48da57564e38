"""How the face's regions moved in the last tenth of a second, with the head's motion fitted out.

Each region's motion between two aligned crops is found by pyramidal Lucas-Kanade over a window about it:
unlike dense flow, which smooths a small movement into its surroundings and shows less than half of it. A
global model of eight parameters, u and v each linear in x, y and depth z, is fitted to the motion of points
that move with the skull, with outliers left out; what is left is the face's own movement.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.geometry import lengths, median
from megc_live.face.observation import CANONICAL_EYE_PX
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
_LEAST_STABLE = 12
_WINDOW_PX = 21
"""Side of the square over which a point's motion is found, crop pixels. Smaller ones see more of a narrow
movement, but more noise too."""
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.005)
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


def measure_motion(
    before: NDArray[np.uint8], after: NDArray[np.uint8], canonical: F64, depth: F64, seconds: float
) -> Motion | None:
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

    Returns
    -------
    Motion or None
        None where fewer than 12 of the stable points were found again: there is no head to compare with.
    """
    points = canonical[_STABLE + _SIGNALS].astype(np.float32).reshape(-1, 1, 2)
    there, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=(_WINDOW_PX, _WINDOW_PX), maxLevel=1,
        criteria=_STOP,
    )  # fmt: skip
    found = status.ravel() == 1
    moved = (there - points).reshape(-1, 2).astype(np.float64) * (LAG_S / seconds * _PERCENT)
    places = _places(canonical, depth)
    stable = found[: len(_STABLE)]
    if stable.sum() < _LEAST_STABLE:
        return None
    model, kept, residual = _fit(places[_STABLE][stable], moved[: len(_STABLE)][stable])
    own = moved[len(_STABLE) :] - places[_SIGNALS] @ model
    own[~found[len(_STABLE) :]] = 0.0  # a point that was not found again is not seen to move
    return Motion(own, model.T.ravel(), residual, kept * float(stable.mean()))


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
        error = lengths(flow - design @ model)
        keep = error <= max(0.3, 2.0 * median(error))
    return model, float(keep.mean()), float(np.sqrt((error[keep] ** 2).mean()))
