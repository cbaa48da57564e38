"""The 6 x 6 blocks over the face that LBP-chi2 and MDMD measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import REGION_POINTS, REGIONS

F64 = NDArray[np.float64]

GRID = 6
BLOCKS = GRID * GRID
TOP = BLOCKS // 3
"""The third of the blocks that changed most makes a frame's value."""
_MAX_REGIONS = 4
_REGION_SHARE = 0.5


@dataclass(frozen=True)
class BlockGrid:
    """Where the blocks lie: origin and size of one block, in crop pixels, x and y."""

    x: float
    y: float
    width: float
    height: float

    def block_at(self, points: F64) -> NDArray[np.int64]:
        """Number of the block (row by row) that holds each of (n, 2) points; outside, the nearest."""
        column = np.clip(np.floor((points[:, 0] - self.x) / self.width), 0, GRID - 1)
        row = np.clip(np.floor((points[:, 1] - self.y) / self.height), 0, GRID - 1)
        return np.asarray(row * GRID + column, dtype=np.int64)


def frame_value(blocks: F64) -> float:
    """Mean of the twelve largest of the 36 blocks' values."""
    return float(np.sort(blocks)[-TOP:].mean())


def moved_regions(blocks: F64, grid: BlockGrid, canonical: F64) -> tuple[str, ...]:
    """Names of the regions whose blocks changed most, strongest first, four at most.

    Parameters
    ----------
    blocks : ndarray, shape (36,)
    canonical : ndarray, shape (478, 2)
    """
    values = blocks[grid.block_at(canonical[list(REGION_POINTS.values())])]
    order = np.argsort(-values, kind="stable")[:_MAX_REGIONS]
    return tuple(REGIONS[i] for i in order if values[i] > 0 and values[i] >= _REGION_SHARE * values[order[0]])
