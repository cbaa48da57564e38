"""LBP-TOP: local binary patterns on three orthogonal planes of a clip."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_PLANES = (("x", "y"), ("x", "t"), ("y", "t"))
_TIE = 1e-3
"""Grey levels: interpolated neighbours that lie below the centre by less than this count as equal to it."""


def interpolate(frames: U8, count: int) -> U8:
    """Bring a clip to ``count`` frames by the temporal interpolation model (Zhou et al., CVPR 2011).

    Frames are put on the curve of the eigenvectors of a path graph. These are the cosines of the DCT-II,
    and where the frames are linearly independent, as pictures are, the curve runs through all of them: the
    model then is the interpolation of each pixel's course by these cosines, at ``count`` equal steps from
    the first frame to the last.

    Parameters
    ----------
    frames : ndarray of uint8, shape (t, ...)
    count : int
        1 or more.

    Returns
    -------
    ndarray of uint8, shape (count, ...)
    """
    n = len(frames)
    k = np.arange(1, n)
    known = np.cos(np.pi * np.outer(np.arange(n) + 0.5, k) / n)
    wanted = np.cos(np.pi * np.outer(np.linspace(0, n - 1, count) + 0.5, k) / n)
    weights = 1 / n + 2 / n * wanted @ known.T
    new = np.tensordot(weights.astype(np.float32), frames.astype(np.float32), axes=1)
    return np.asarray(np.clip(np.rint(new), 0, 255), dtype=np.uint8)


def lbp_top(
    volume: U8,
    *,
    points: int = 8,
    radii: tuple[int, int, int] = (1, 1, 2),
    blocks: tuple[int, int] = (5, 5),
) -> F64:
    """Histograms of uniform patterns on the planes XY, XT and YT (Zhao and Pietikainen 2007).

    Parameters
    ----------
    volume : ndarray of uint8, shape (t, rows, columns)
        More than twice the radius along each axis.
    points : int
        Neighbours on each circle.
    radii : tuple of int
        Along x, y and t.
    blocks : tuple of int
        Rows and columns of blocks; each spans all frames.

    Returns
    -------
    ndarray of float64, shape (blocks * 3 * (points * (points - 1) + 3),)
        Block by block the histograms of XY, XT and YT, each of sum 1.

    Raises
    ------
    ValueError
        The volume is too small.
    """
    inner = dict(zip("xyt", radii, strict=True))
    if any(n <= 2 * r for n, r in zip(volume.shape, (radii[2], radii[1], radii[0]), strict=True)):
        raise ValueError(f"a volume of {volume.shape} is too small for the radii {radii} along x, y, t")
    bins = uniform_bins(points)
    codes = [bins[_codes(volume.astype(np.float32), plane, inner, points)] for plane in _PLANES]
    total = int(bins.max()) + 1
    out = []
    _, height, width = codes[0].shape
    for rows in np.array_split(np.arange(height), blocks[0]):
        for columns in np.array_split(np.arange(width), blocks[1]):
            for plane in codes:
                part = plane[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                out.append(np.bincount(part.ravel(), minlength=total) / part.size)
    return np.concatenate(out)


@cache
def uniform_bins(points: int) -> I64:
    """Bin of each of the 2 ** points patterns: one for each with two changes or fewer, one for the others."""
    codes = np.arange(2**points)
    bits = codes[:, None] >> np.arange(points) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(1)
    uniform = changes <= 2
    bins = np.full(len(codes), uniform.sum())
    bins[uniform] = np.arange(uniform.sum())
    return bins


def _codes(volume: F32, plane: tuple[str, str], inner: dict[str, int], points: int) -> I64:
    """Patterns of the voxels that have all their neighbours: a radius less on each side."""
    centre = _shifted(volume, inner, (0, 0, 0))
    codes = np.zeros(centre.shape, dtype=np.int64)
    for p in range(points):
        angle = 2 * np.pi * p / points
        step = dict.fromkeys("xyt", 0.0)
        step[plane[0]] = inner[plane[0]] * np.cos(angle)
        # Rows grow downwards: the circle is run through counter-clockwise.
        step[plane[1]] = inner[plane[1]] * np.sin(angle) * (-1 if plane[1] == "y" else 1)
        codes |= (_neighbour(volume, inner, step) >= centre - _TIE).astype(np.int64) << p
    return codes


def _neighbour(volume: F32, inner: dict[str, int], step: dict[str, float]) -> F32:
    """Values at a step from each voxel, bilinear between the voxels around it."""
    out: F32 | None = None
    sides = []
    for axis in "tyx":
        low = int(np.floor(step[axis] + 1e-9))
        share = max(0.0, step[axis] - low)
        sides.append([(low, 1 - share), (low + 1, share)] if share > 1e-9 else [(low, 1.0)])
    for t, wt in sides[0]:
        for y, wy in sides[1]:
            for x, wx in sides[2]:
                part = np.float32(wt * wy * wx) * _shifted(volume, inner, (t, y, x))
                out = part if out is None else out + part
    assert out is not None
    return out


def _shifted(volume: F32, inner: dict[str, int], step: tuple[int, int, int]) -> F32:
    """The inner part of a volume, moved by whole voxels along t, y, x."""
    return volume[
        tuple(
            slice(inner[axis] + by, n - inner[axis] + by)
            for axis, by, n in zip("tyx", step, volume.shape, strict=True)
        )
    ]
