"""Local temporal patterns of one region and window, slowly and step by step: the check of the fast ones.

Rows: one for each frame n of the window, in order. Columns: first CN, the same in every row, then the W
normalised distances from frame n to the frames n + 1 ... n + W; a distance that would reach beyond the
window is 0, so the last row is CN and zeros.
"""

from __future__ import annotations

import math

import numpy as np

CN_LIMIT = 10.0

NOISE = 1e-10
"""Share of the patches' own size below which a projected column is rounding, not movement."""


def reference_ltp(patches: np.ndarray, pattern_frames: int) -> tuple[np.ndarray, float]:
    """LTP features of one region in one window.

    Parameters
    ----------
    patches : ndarray of float, shape (frames, pixels)
    pattern_frames : int
        W, the pattern's length.

    Returns
    -------
    ndarray of float64, shape (frames, 1 + W)
        Row n: ``[CN, d~_n(1), ..., d~_n(W)]``.
    float
        CN.

    Notes
    -----
    Where nothing moves (m = 0) all distances are 0 and CN is 10. For W = 1 there is no ``i <= floor(W / 2)``;
    the maximum is then taken over i = 1.
    """
    points = _principal_course(np.array(patches, dtype=np.float64))
    frames = len(points)
    distances = np.zeros((frames, pattern_frames))
    for n in range(frames):
        for i in range(1, pattern_frames + 1):
            if n + i < frames:
                dx = points[n + i][0] - points[n][0]
                dy = points[n + i][1] - points[n][1]
                distances[n, i - 1] = math.sqrt(dx * dx + dy * dy)

    m = 0.0
    for n in range(frames):
        for i in range(1, max(1, pattern_frames // 2) + 1):
            m = max(m, distances[n, i - 1])

    features = np.zeros((frames, 1 + pattern_frames))
    cn = CN_LIMIT if m == 0 else min(CN_LIMIT, 1 / m)
    for n in range(frames):
        features[n, 0] = cn
        for i in range(1, pattern_frames + 1):
            features[n, i] = 0.0 if m == 0 else distances[n, i - 1] / m
    return features, cn


def _principal_course(patches: np.ndarray) -> list[tuple[float, float]]:
    """Each frame as a point in the plane: its first two principal components over time, of unit norm."""
    frames, pixels = patches.shape
    centred = np.zeros_like(patches)
    for p in range(pixels):
        centred[:, p] = patches[:, p] - sum(patches[:, p]) / frames

    covariance = centred.T @ centred / frames
    vectors, _, _ = np.linalg.svd(covariance)

    columns = []
    for k in range(2):
        column = centred @ vectors[:, k] if k < pixels else np.zeros(frames)
        norm = math.sqrt(sum(value * value for value in column))
        nothing = norm <= NOISE * math.sqrt(float((patches * patches).sum()))
        columns.append([0.0] * frames if nothing else [value / norm for value in column])
    return list(zip(*columns, strict=True))
