"""The apex of a clip that has none annotated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RULES = ("middle", "cells")
"""``middle``: half-way from onset to offset; ``cells``: :func:`cells_apex`."""

CELLS = (66, 296, 159, 386, 48, 278, 61, 291, 204, 424)
"""Mesh points in the middle of the cells: brows, eyes, nose sides, mouth corners, sides of the chin."""
_MOUTH = (61, 291)


def middle_apex(frames: int) -> int:
    """Position of the middle one of so many frames (Dual-Inception and EMR on SMIC).

    Examples
    --------
    >>> middle_apex(5), middle_apex(6)
    (2, 3)
    """
    return frames // 2


def cells_apex(frames: NDArray[np.uint8], points: NDArray[np.float32]) -> int:
    """Position of the frame that differs most from the onset for its difference from the frame before.

    The rule of CapsuleNet's release: mean over ten cells, half a mouth wide, of the mean over their pixels
    of (|I_t - I_onset| + 1) / (|I_t - I_(t-1)| + 1), grey levels 0 to 255. Where the release has chin cells
    is not said; here they are at its two sides.

    Parameters
    ----------
    frames : ndarray of uint8, shape (t, height, width, 3)
        Two or more, the onset first.
    points : ndarray of float32, shape (478, 2)
        Of the onset: x, y in pixels of the frames.
    """
    half = max(1, round(float(np.hypot(*(points[_MOUTH[1]] - points[_MOUTH[0]]))) / 4))
    grey = frames.astype(np.float32).mean(-1)
    total = np.zeros(len(grey) - 1)
    for x, y in np.rint(points[list(CELLS)]).astype(int):
        rows, columns = slice(max(0, y - half), y + half), slice(max(0, x - half), x + half)
        cell = grey[:, rows, columns]
        if cell.size:
            moved, changed = np.abs(cell[1:] - cell[0]), np.abs(np.diff(cell, axis=0))
            total += ((moved + 1) / (changed + 1)).mean((1, 2))
    return 1 + int(total.argmax())
