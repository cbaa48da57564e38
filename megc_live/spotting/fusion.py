"""LTP-ML's post-processing, as pure functions on masks: (frames, regions) or (frames,) of bool.

Li et al. 2018, in the form of the organisers' code for MEGC 2019; lengths are given in frames here and
in seconds by the caller. Where that code indexes the wrong region in the local qualification, the
intended behaviour is implemented.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import REGIONS

Mask = NDArray[np.bool_]

_BROWS = [i for i, name in enumerate(REGIONS) if name.startswith("brow")]
_NOSE = [i for i, name in enumerate(REGIONS) if name.startswith("nose")]
MIN_DISTANCE = 0.9


def qualified(patterns: NDArray[np.floating], cn: NDArray[np.floating]) -> Mask:
    """Regions whose pattern may be a movement at all, for one frame.

    A region is left out if it moved less than the regions do on average (CN above their mean), or if
    this pattern's largest distance is below 0.9 of the window's.

    Parameters
    ----------
    patterns : ndarray, shape (regions, points)
    cn : ndarray, shape (regions,)
    """
    return np.asarray((cn <= cn.mean()) & (patterns.max(1) >= MIN_DISTANCE))


def remove_isolated(mask: Mask, chunk: int, most: int) -> Mask:
    """Delete the thin chunks of a mask where thicker ones exist.

    From each positive frame that is not yet in a chunk, the next ``chunk`` frames are one chunk. If
    there are at least two and one of them has more than ``most`` positives, those with at most ``most``
    are deleted.

    Parameters
    ----------
    mask : ndarray of bool, shape (frames,)
    """
    starts, counts = [], []
    at = 0
    while at < len(mask):
        if mask[at]:
            starts.append(at)
            counts.append(int(mask[at : at + chunk].sum()))
            at += chunk
        else:
            at += 1
    out = mask.copy()
    if len(starts) >= 2 and max(counts) > most:
        for start, count in zip(starts, counts, strict=True):
            if count <= most:
                out[start : start + chunk] = False
    return out


def fuse_regions(mask: Mask) -> Mask:
    """One mask of all regions: any of them, but not where the whole head or both brows moved.

    A frame on which all six brow regions fire (a blink, a frown of the whole forehead) or both nose
    regions fire (the head) is not a micro-expression.

    Parameters
    ----------
    mask : ndarray of bool, shape (frames, 12)
    """
    everywhere = mask[:, _BROWS].all(1) | mask[:, _NOSE].all(1)
    return np.asarray(mask.any(1) & ~everywhere)


def block_interval(mask: Mask, share: float) -> tuple[int, int] | None:
    """First and last positive frame of a block in which at least ``share`` of the frames are positive."""
    if mask.size == 0 or mask.mean() < share:
        return None
    positive = np.flatnonzero(mask)
    return int(positive[0]), int(positive[-1])


def mergeable(a: tuple[float, float], b: tuple[float, float], pattern_s: float) -> bool:
    """Two intervals are one movement: centres closer than 2 W and together at most 2 W long (seconds)."""
    apart = abs((a[0] + a[1]) - (b[0] + b[1])) / 2
    together = max(a[1], b[1]) - min(a[0], b[0])
    return apart < 2 * pattern_s and together <= 2 * pattern_s
