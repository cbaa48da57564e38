"""Local temporal patterns: how one small patch of face moved, as a curve of distances.

Li, Soladie and Seguier, "LTP-ML: micro-expression detection by recognition of local temporal pattern
of facial movements", FG 2018; constants as in the organisers' code for MEGC 2019.

A window of frames of one patch is reduced by PCA over time to two coordinates a frame. From each
frame n, the distances to the next ``pattern_frames`` frames are its local temporal pattern; divided
by the window's largest distance they tell the course of a movement, and the coefficient of
normalisation CN tells its size (large CN: little moved).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dsyevr

F64 = NDArray[np.float64]

N_COMPONENTS = 2
CN_MAX = 10.0


def ltp_features(patches: NDArray[np.floating], pattern_frames: int) -> tuple[F64, float]:
    """Local temporal patterns of one region in one window.

    Parameters
    ----------
    patches : ndarray of float, shape (frames, pixels)
        Grey levels of the registered patch.
    pattern_frames : int
        W, the pattern's length in frames (300 ms).

    Returns
    -------
    features : ndarray of float64, shape (frames, 1 + pattern_frames)
        Row n is ``[CN, d_n(1) / m, ..., d_n(W) / m]``; distances that reach past the window are 0. Where
        nothing moves at all (m = 0), the distances are 0.
    cn : float
        ``min(10, 1 / m)``, m the largest d_n(i) over all n and i <= W // 2.

    Raises
    ------
    ValueError
        ``patches`` is not two-dimensional or empty, or ``pattern_frames`` is below 1.

    Examples
    --------
    >>> features, cn = ltp_features(np.random.default_rng(0).normal(size=(30, 225)), 9)
    >>> features.shape
    (30, 10)
    """
    data = np.asarray(patches, dtype=np.float64)
    if data.ndim != 2 or 0 in data.shape:
        raise ValueError(f"patches are (frames, pixels), got shape {data.shape}")
    if pattern_frames < 1:
        raise ValueError(f"pattern_frames is at least 1, got {pattern_frames}")
    centred = data - data.mean(0)
    coordinates = temporal_coordinates(centred @ centred.T)
    distances = pattern_distances(coordinates[None], pattern_frames)[0]
    normalised, cn = normalise(distances[None], pattern_frames)
    return np.column_stack([np.full(len(data), cn[0]), normalised[0]]), float(cn[0])


def temporal_coordinates(gram: F64) -> F64:
    """Frames' coordinates on the first two principal components over time.

    Each column of the projection is normalised to unit norm, so the coordinates are the left singular
    vectors of the centred (frames, pixels) matrix: the eigenvectors of its Gram matrix.

    Parameters
    ----------
    gram : ndarray of float64, shape (frames, frames)
        Gram matrix of the patch after each pixel's temporal mean was subtracted.

    Returns
    -------
    ndarray of float64, shape (frames, 2)
        Components without energy are 0.
    """
    frames = len(gram)
    out = np.zeros((frames, N_COMPONENTS))
    first = max(1, frames - N_COMPONENTS + 1)
    values, vectors, found, _, info = dsyevr(gram, range="I", il=first, iu=frames)
    if info != 0:
        raise ArithmeticError(f"the eigenvalues of a Gram matrix did not converge ({info})")
    energy = float(gram.trace())
    for component in range(found):
        column = found - 1 - component  # ascending order: the largest is last
        if values[column] > 1e-10 * energy and energy > 0:
            out[:, component] = vectors[:, column]
    return out


def pattern_distances(coordinates: F64, pattern_frames: int) -> F64:
    """Distances d_n(i) = ||p_(n+i) - p_n||, i = 1 .. W; 0 where n + i is past the window.

    Parameters
    ----------
    coordinates : ndarray, shape (regions, frames, components)

    Returns
    -------
    ndarray of float64, shape (regions, frames, pattern_frames)
    """
    regions, frames, _ = coordinates.shape
    out = np.zeros((regions, frames, pattern_frames))
    for lag in range(1, min(pattern_frames, frames - 1) + 1):
        step = coordinates[:, lag:] - coordinates[:, :-lag]
        out[:, : frames - lag, lag - 1] = np.sqrt((step * step).sum(-1))
    return out


def normalise(distances: F64, pattern_frames: int) -> tuple[F64, F64]:
    """Divide each region's distances by the largest of the patterns' first half; return CN too."""
    largest = distances[:, :, : max(1, pattern_frames // 2)].max((1, 2))
    scale = np.divide(1.0, largest, out=np.zeros_like(largest), where=largest > 0)
    cn = np.where(largest > 0, np.minimum(CN_MAX, scale), CN_MAX)
    return distances * scale[:, None, None], cn


class LtpWindow:
    """The sliding window made online: one row of each region's Gram matrix is computed a frame.

    Parameters
    ----------
    regions, pixels : int
        Patches and pixels in each.
    capacity : int
        Most frames that a window can hold.
    """

    def __init__(self, regions: int, pixels: int, capacity: int = 48) -> None:
        self._capacity = capacity
        self._patches = np.zeros((regions, capacity, pixels), dtype=np.float32)
        self._gram = np.zeros((regions, capacity, capacity))
        self._count = 0
        self._next = 0

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        """Forget all frames."""
        self._count = self._next = 0

    def push(self, patches: NDArray[Any], keep: int) -> None:
        """Add one frame's patches, shape (regions, pixels); keep at most ``keep`` frames."""
        slot = self._next
        # Grey levels about their middle: float32 products of such numbers keep seven digits.
        self._patches[:, slot] = patches - 128.0
        row = np.matmul(self._patches, self._patches[:, slot, :, None])[..., 0]
        self._gram[:, slot, :] = row
        self._gram[:, :, slot] = row
        self._next = (slot + 1) % self._capacity
        self._count = min(self._count + 1, keep, self._capacity)

    def newest_pattern(self, pattern_frames: int) -> tuple[F64, F64]:
        """The latest complete pattern of every region: of the frame ``pattern_frames`` ago.

        Returns
        -------
        distances : ndarray of float64, shape (regions, pattern_frames)
            Normalised d_n(1 .. W), equal to row ``frames - 1 - W`` of :func:`ltp_features` of the window.
        cn : ndarray of float64, shape (regions,)

        Raises
        ------
        ValueError
            The window holds no complete pattern yet.
        """
        frames = self._count
        if frames <= pattern_frames:
            raise ValueError(f"a pattern of {pattern_frames} frames needs more than {frames} frames")
        order = (np.arange(self._next - frames, self._next)) % self._capacity
        gram = self._gram[:, order[:, None], order[None, :]]
        row_mean = gram.mean(2, keepdims=True)
        gram = gram - row_mean - gram.mean(1, keepdims=True) + row_mean.mean(1, keepdims=True)
        coordinates = np.stack([temporal_coordinates(g) for g in gram])
        distances, cn = normalise(pattern_distances(coordinates, pattern_frames), pattern_frames)
        return distances[:, frames - 1 - pattern_frames], cn
