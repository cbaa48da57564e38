"""The face's own coordinates: origin between the eyes, unit = eye distance.

Face coordinates are (x, y): x from the subject's right eye to the left one (to the right of an
unmirrored picture), y down the face. A turned head shortens both axes in the picture, so the
axes are taken from the mesh's three dimensions and projected (weak perspective).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import EYE_POINTS

F64 = NDArray[np.float64]

_FOREHEAD, _CHIN = 10, 152
_SHORTEST_AXIS = 0.5
"""A head turned by more than 60 degrees is treated as turned by 60: beyond, the mesh is a guess."""


@dataclass(frozen=True)
class FaceFrame:
    """Face coordinates of one picture.

    Attributes
    ----------
    origin : ndarray, shape (2,)
        Middle between the eyes, pixels.
    axes : ndarray, shape (2, 2)
        Columns are the face's x and y unit vectors in pixels: ``pixels = origin + axes @ face``.
    eye_px : float
        Eye distance in pixels, as if seen from the front.
    inverse : ndarray, shape (2, 2)
        Of ``axes``.
    """

    origin: F64
    axes: F64
    eye_px: float
    inverse: F64

    @classmethod
    def of(cls, landmarks: NDArray[np.floating]) -> FaceFrame:
        """Measure the frame on mesh points, shape (478, 3), pixels."""
        points = landmarks.astype(np.float64)
        right, left = (points[list(eye)].mean(0) for eye in EYE_POINTS)
        across = left - right
        eye_px = max(float(np.linalg.norm(across)), 1e-3)
        across = across / eye_px
        down = points[_CHIN] - points[_FOREHEAD]
        down = down - across * float(down @ across)
        down = down / max(float(np.linalg.norm(down)), 1e-9)
        x_axis = _not_too_short(across[:2], np.array([1.0, 0.0]))
        y_axis = _not_too_short(down[:2], np.array([-x_axis[1], x_axis[0]]))
        axes = eye_px * np.column_stack([x_axis, y_axis])
        return cls(
            (right[:2] + left[:2]) / 2, axes, eye_px, np.asarray(np.linalg.inv(axes), dtype=np.float64)
        )

    def to_face(self, pixels: NDArray[np.floating]) -> F64:
        """Map pixels, shape (..., 2), to face coordinates."""
        return np.asarray((pixels - self.origin) @ self.inverse.T)

    def to_pixels(self, face: NDArray[np.floating]) -> F64:
        """Map face coordinates, shape (..., 2), to pixels."""
        return np.asarray(face @ self.axes.T + self.origin)


def _not_too_short(axis: F64, otherwise: F64) -> F64:
    length = float(np.linalg.norm(axis))
    if length < 1e-6:
        return otherwise * _SHORTEST_AXIS
    return axis * max(1.0, _SHORTEST_AXIS / length)
