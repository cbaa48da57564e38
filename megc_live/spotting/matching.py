"""Which interval belongs to which: the pairing behind every count of hits, in scoring and in review."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from megc_live.spotting.interval import iou


class Spanned(Protocol):
    """Anything from an onset to an offset: frames, inclusive."""

    @property
    def onset(self) -> int:
        """First frame."""
        ...

    @property
    def offset(self) -> int:
        """Last frame."""
        ...


def overlapping_pairs(
    truth: Sequence[Spanned], pred: Sequence[Spanned], threshold: float
) -> list[tuple[int, int, float]]:
    """Return ``(index in truth, index in pred, IoU)`` of all pairs with an IoU of ``threshold`` or more.

    Parameters
    ----------
    truth, pred : sequence of Spanned
        Of one video and kind; ``pred`` in the order of onsets.
    threshold : float
        Above 0.
    """
    onsets = [p.onset for p in pred]
    pairs = []
    for i, movement in enumerate(truth):
        # An IoU of t needs a prediction that is at most 1/t times as long as the movement.
        reach = math.ceil((movement.offset - movement.onset + 1) / threshold)
        for j in range(bisect_left(onsets, movement.onset - reach), bisect_right(onsets, movement.offset)):
            overlap = iou((movement.onset, movement.offset), (pred[j].onset, pred[j].offset))
            if overlap >= threshold:
                pairs.append((i, j, overlap))
    return pairs


def one_to_one(
    truth: Sequence[Spanned], pred: Sequence[Spanned], threshold: float
) -> list[tuple[int, int, float]]:
    """Pair movements and predictions, each at most once: as many as possible, then the best.

    Among all matchings of maximum cardinality over the pairs with ``IoU >= threshold`` the one with the
    largest sum of IoU is taken, so that the pairs, and not only their number, are well defined.

    Parameters
    ----------
    truth, pred : sequence of Spanned
        Of one video and kind; ``pred`` in the order of onsets.
    threshold : float
        Above 0.

    Returns
    -------
    list of (int, int, float)
        Index in ``truth``, index in ``pred`` and IoU, in the order of ``truth``.
    """
    pairs = overlapping_pairs(truth, pred, threshold)
    matched: list[tuple[int, int, float]] = []
    for group in _components(pairs, len(truth), len(pred)):
        rows = sorted({i for i, _, _ in group})
        columns = sorted({j for _, j, _ in group})
        # One more pair is always worth more than any gain in IoU.
        bonus = 1.0 + min(len(rows), len(columns))
        value = np.zeros((len(rows), len(columns)))
        for i, j, overlap in group:
            value[rows.index(i), columns.index(j)] = bonus + overlap
        chosen = {
            (rows[r], columns[c]) for r, c in zip(*linear_sum_assignment(value, maximize=True), strict=True)
        }
        matched += [pair for pair in group if pair[:2] in chosen]
    return sorted(matched)


def _components(
    pairs: Sequence[tuple[int, int, float]], n_truth: int, n_pred: int
) -> list[list[tuple[int, int, float]]]:
    """Split the pairs where nothing is shared, so that the matrices to assign stay small."""
    if not pairs:
        return []
    size = n_truth + n_pred
    ends = ([i for i, _, _ in pairs], [n_truth + j for _, j, _ in pairs])
    graph = coo_array((np.ones(len(pairs)), ends), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    groups: dict[int, list[tuple[int, int, float]]] = {}
    for pair in pairs:
        groups.setdefault(int(component[pair[0]]), []).append(pair)
    return list(groups.values())
