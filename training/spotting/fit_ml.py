"""Fitting the classifier of ``ltp-ml``: a linear SVM that knows the pattern of a beginning micro-expression.

Labels follow the organisers' code for MEGC 2019; what is in frames there is in seconds here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Many

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from megc_live.errors import DatasetError
from megc_live.face.regions import REGIONS
from megc_live.spotting.fusion import MIN_DISTANCE
from megc_live.spotting.ltp_ml import LEAD_S
from megc_live.spotting.signals import PATTERN_POINTS, PATTERN_S, WINDOW_S, RegionSignal
from training.spotting.sequences import Clip, Movement, base_units

F64 = NDArray[np.float64]

C = 5.0
POSITIVE_WEIGHT = 2.5
THINNING = 8
"""Of the window's patterns that start further than 300 ms from the onset, one in so many is a negative."""
MAX_REGIONS = 2
_BROWS = [i for i, name in enumerate(REGIONS) if name.startswith("brow")]
_MOUTH = [i for i, name in enumerate(REGIONS) if name.startswith(("mouth", "lip"))]


def candidate_regions(units: Many[str]) -> list[int]:
    """Regions that action units may move: brows if all are below 6, mouth if all are 10 or more, else all.

    A unit that ends with ``R`` or ``L`` restricts the sided regions to that side.

    Examples
    --------
    >>> [REGIONS[i] for i in candidate_regions(["AU1R"])]
    ['brow_r_outer', 'brow_r_mid', 'brow_r_inner']
    """
    numbers = [int(n) for unit in units for n in re.findall(r"\d+", unit)]
    if numbers and all(n < 6 for n in numbers):
        regions = _BROWS
    elif numbers and all(n >= 10 for n in numbers):
        regions = _MOUTH
    else:
        regions = list(range(len(REGIONS)))
    sides = {unit[-1].lower() for unit in units if re.search(r"\d[RL]$", unit)}
    if len(sides) == 1:
        other = "_l" if sides == {"r"} else "_r"
        regions = [i for i in regions if other not in REGIONS[i].replace("_lower", "").replace("_upper", "")]
    return regions


def training_rows(
    clips: Many[Clip], left_out_units: frozenset[str] = frozenset()
) -> tuple[F64, NDArray[np.int64]]:
    """Features (rows, 10) ``[CN, d(1..9)]`` and labels of all clips."""
    rows: list[F64] = []
    labels: list[NDArray[np.int64]] = []
    for clip in clips:
        learned = [m for m in clip.truth if m.kind == "micro" and not left_out_units & base_units(m.units)]
        for signals in clip.log.faces:
            usable = [s for s in signals if s.pattern is not None]
            if usable:
                features, label = _rows_of_face(usable, learned)
                rows.append(features)
                labels.append(label)
    return np.concatenate(rows), np.concatenate(labels)


def fit_svm(clips: Many[Clip], left_out_units: frozenset[str] = frozenset()) -> tuple[F64, float]:
    """Fit the linear SVM; return its weights, shape (10,), and bias: positive where a pattern fires.

    Raises
    ------
    DatasetError
        No movement of the corpus passes the qualification.
    """
    features, labels = training_rows(clips, left_out_units)
    if labels.sum() == 0:
        raise DatasetError(
            "no movement of the corpus has a clear local temporal pattern.", "Use more or stronger movements."
        )
    svm = LinearSVC(C=C, class_weight={0: 1.0, 1: POSITIVE_WEIGHT}, dual=False, max_iter=5000)
    svm.fit(features, labels)
    return svm.coef_[0].astype(np.float64), float(svm.intercept_[0])


def _rows_of_face(signals: list[RegionSignal], learned: list[Movement]) -> tuple[F64, NDArray[np.int64]]:
    starts = np.array([s.pattern_start_s for s in signals])
    patterns = np.stack([s.pattern for s in signals if s.pattern is not None])
    cn = np.stack([s.cn for s in signals if s.cn is not None])
    label = np.zeros(patterns.shape[:2], dtype=np.int64)
    keep = np.zeros(patterns.shape[:2], dtype=bool)
    for move in learned:
        at = int(np.abs(starts - move.onset_s).argmin())
        if abs(starts[at] - move.onset_s) > 0.06:
            continue
        window = (starts > move.onset_s + PATTERN_S - WINDOW_S) & (starts <= move.onset_s + PATTERN_S)
        near = np.abs(starts - move.onset_s) <= PATTERN_S
        thinned = window & (near | (np.arange(len(starts)) % THINNING == 0))
        ahead = (starts > move.onset_s - LEAD_S - 1e-6) & (starts <= move.onset_s + 1e-6)
        for region in _clear_regions(patterns[at], cn[at], candidate_regions(move.units)):
            label[ahead, region] = 1
            keep[thinned | ahead, region] = True
    features = np.concatenate([cn[:, :, None], patterns], axis=2)
    return features[keep].reshape(-1, 1 + PATTERN_POINTS), label[keep]


def _clear_regions(pattern: F64, cn: F64, candidates: list[int]) -> list[int]:
    """Regions whose pattern from the onset rises, then falls or stays: at most two."""
    half = PATTERN_POINTS // 2
    first, second = np.arange(half), np.arange(PATTERN_POINTS - half)
    clear = [
        i
        for i in candidates
        if pattern[i, :half].max() >= MIN_DISTANCE
        and cn[i] <= cn.mean()
        and np.polyfit(first, pattern[i, :half], 1)[0] > 0
        and np.polyfit(second, pattern[i, half:], 1)[0] <= 0
        and (pattern[i, half:] > 0).all()
    ]
    return sorted(clear, key=lambda i: -pattern[i].max())[:MAX_REGIONS]
