"""Similarity transforms and head angles from points. All points are (n, 2), x right, y down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import EYE_POINTS

F64 = NDArray[np.float64]


def fit_similarity(
    source: F64, target: F64, trims: int = 0, tolerance: float = 0.5
) -> tuple[F64, NDArray[np.bool_]]:
    """Least-squares similarity from ``source`` to ``target``, optionally with outliers trimmed.

    Parameters
    ----------
    source, target : ndarray, shape (n, 2)
    trims : int
        Rounds in which points with a residual over ``max(tolerance, 2.5 * median)`` are left out.
    tolerance : float
        Residual that is never an outlier, in target units.

    Returns
    -------
    transform : ndarray, shape (2, 3)
        ``target ~ transform[:, :2] @ source + transform[:, 2]``.
    inliers : ndarray of bool, shape (n,)
    """
    keep = np.ones(len(source), dtype=bool)
    transform = _similarity(source, target)
    for _ in range(trims):
        residual = lengths(apply(transform, source) - target)
        keep = residual <= max(tolerance, 2.5 * median(residual))
        if keep.sum() < 4:
            break
        transform = _similarity(source[keep], target[keep])
    return transform, keep


def _similarity(source: F64, target: F64) -> F64:
    """Least squares with points as complex numbers, where a similarity is one product and one sum."""
    s = np.ascontiguousarray(source).view(np.complex128).ravel()
    t = np.ascontiguousarray(target).view(np.complex128).ravel()
    centre_s, centre_t = s.sum() / len(s), t.sum() / len(t)
    s, t = s - centre_s, t - centre_t
    turn = np.vdot(s, t) / (np.vdot(s, s).real or 1.0)
    shift = centre_t - turn * centre_s
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def median(values: F64) -> float:
    """Median of a few numbers, quicker than numpy's for many."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def lengths(vectors: NDArray[np.floating]) -> F64:
    """Return the lengths of (n, 2) vectors."""
    return np.asarray(np.hypot(vectors[:, 0], vectors[:, 1]), dtype=np.float64)


def apply(transform: F64, points: F64) -> F64:
    """Map (n, 2) points by a (2, 3) transform."""
    return points @ transform[:, :2].T + transform[:, 2]


def compose(outer: F64, inner: F64) -> F64:
    """Return the (2, 3) transform that does ``inner`` first, then ``outer``."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def invert(transform: F64) -> F64:
    """Return the inverse of a (2, 3) transform."""
    inverse = np.linalg.inv(transform[:, :2])
    return np.column_stack([inverse, -inverse @ transform[:, 2]])


def scale_of(transform: F64) -> float:
    """Return the scale factor of a similarity."""
    return float(np.hypot(transform[0, 0], transform[1, 0]))


def eye_centres(landmarks: NDArray[np.floating]) -> F64:
    """Return the centres of the right and the left eye, shape (2, 2), from (478, >= 2) points."""
    return np.array([landmarks[list(eye), :2].mean(0) for eye in EYE_POINTS], dtype=np.float64)


def eye_distance(landmarks: NDArray[np.floating]) -> float:
    """Return the distance between the eye centres, in the landmarks' unit."""
    right, left = eye_centres(landmarks)
    return float(np.hypot(*(left - right)))


def head_angles(landmarks: NDArray[np.floating]) -> tuple[float, float, float]:
    """Pitch, yaw and roll in degrees from (478, 3) mesh points.

    The face's own axes are the line between the outer eye corners and the line from forehead to
    chin. Positive: chin down, turned to the subject's left, tilted to the subject's left.
    """
    points = landmarks.astype(np.float64)
    across = points[263] - points[33]
    down = points[152] - points[10]
    across /= np.linalg.norm(across) or 1.0
    down -= across * float(down @ across)
    down /= np.linalg.norm(down) or 1.0
    out = np.cross(across, down)  # points away from the camera for a frontal face
    yaw = np.degrees(np.arctan2(-out[0], out[2]))
    pitch = np.degrees(np.arctan2(-out[1], np.hypot(out[0], out[2])))
    roll = np.degrees(np.arctan2(across[1], across[0]))
    return float(pitch), float(yaw), float(roll)
