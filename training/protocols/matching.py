"""Which prediction belongs to which annotated movement."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from megc_live.spotting.matching import overlapping_pairs


class Movement(Protocol):
    """Anything with an onset, an offset (frames, inclusive) and a kind, such as an ``Interval``."""

    @property
    def onset(self) -> int:
        """First frame."""
        ...

    @property
    def offset(self) -> int:
        """Last frame."""
        ...

    @property
    def kind(self) -> str:
        """``micro`` or ``macro``."""
        ...


@dataclass(frozen=True, order=True)
class Expression:
    """One annotated or predicted movement: frames inclusive; ``label`` is empty where none is known.

    Examples
    --------
    >>> Expression(10, 19) == Expression(10, 19, "micro", "")
    True
    """

    onset: int
    offset: int
    kind: str = "micro"
    label: str = ""

    @property
    def frames(self) -> tuple[int, int]:
        """Onset and offset."""
        return self.onset, self.offset


@dataclass(frozen=True)
class Match:
    """A movement that was found: its frames, those of the prediction, and how well they agree.

    ``iou`` is the rule's own ratio, which for ``megc2019`` is not quite an IoU.
    """

    video: str
    kind: str
    truth: tuple[int, int]
    pred: tuple[int, int]
    iou: float
    truth_label: str = ""
    pred_label: str = ""


@dataclass(frozen=True)
class BorderErrors:
    """Prediction minus annotation at the borders of the matches: mean and standard deviation (n - 1).

    In frames or in seconds (:func:`border_errors`); positive: predicted too late. NaN where there are
    too few matches.
    """

    n: int
    onset_mean: float
    onset_std: float
    offset_mean: float
    offset_std: float


def border_errors(matches: Iterable[Match], fps: Mapping[str, float] | None = None) -> BorderErrors:
    """Return how far the borders are off.

    Parameters
    ----------
    matches : iterable of Match
    fps : mapping of str to float, optional
        Frames per second of each video; with it the errors are in seconds, otherwise in frames.

    Examples
    --------
    >>> border_errors([Match("a", "micro", (10, 20), (12, 19), 0.7)], {"a": 100.0}).onset_mean
    0.02
    """
    errors = np.array(
        [
            (np.subtract(match.pred, match.truth) / (1.0 if fps is None else fps[match.video])).tolist()
            for match in matches
        ]
    ).reshape(-1, 2)
    n = len(errors)
    mean = errors.mean(axis=0) if n else np.full(2, math.nan)
    std = errors.std(axis=0, ddof=1) if n > 1 else np.full(2, math.nan)
    return BorderErrors(n, float(mean[0]), float(std[0]), float(mean[1]), float(std[1]))


def greedy(
    truth: Sequence[Expression], pred: Sequence[Expression], threshold: float
) -> list[tuple[int, int, float]]:
    """Give each prediction, in turn, all movements that it overlaps enough and that are still free."""
    taken: set[int] = set()
    pairs = []
    for j, prediction in enumerate(pred):
        for i, _, overlap in overlapping_pairs(truth, [prediction], threshold):
            if i not in taken:
                taken.add(i)
                pairs.append((i, j, overlap))
    return pairs


@dataclass(frozen=True)
class Fused:
    """All predictions that touch one movement, taken as one (the organisers' rule of MEGC 2019)."""

    members: tuple[int, ...]
    span: tuple[int, int]
    ratio: float


def fuse(movement: Expression, pred: Sequence[Expression], literal: bool = False) -> Fused | None:
    """Fuse the predictions that touch a movement; None if none does.

    With the fused span [first onset, last offset], ``ratio = (i_right - i_left - gap + 1) / (u_right -
    u_left)``: the borders of the intersection and of the union, and as ``gap`` the frames of the span that no
    prediction covers. The denominator lacks a + 1, as in the organisers' code.

    Parameters
    ----------
    movement : Expression
    pred : sequence of Expression
        In the order of onsets.
    literal : bool
        Count each gap as the code does: next onset - last offset + 1, two frames too many.
    """
    members = tuple(
        j for j, p in enumerate(pred) if p.onset <= movement.offset and p.offset >= movement.onset
    )
    if not members:
        return None
    first, last = pred[members[0]].onset, pred[members[0]].offset
    gap = 0
    for j in members[1:]:
        between = pred[j].onset - last - 1
        if between >= 0:
            gap += between + (2 if literal else 0)
        last = max(last, pred[j].offset)
    intersection = min(movement.offset, last) - max(movement.onset, first) - gap + 1
    union = max(movement.offset, last) - min(movement.onset, first)
    # A movement of one frame that is hit exactly: the missing + 1 leaves nothing to divide by.
    ratio = intersection / union if union else math.inf
    return Fused(members, (first, last), ratio)
