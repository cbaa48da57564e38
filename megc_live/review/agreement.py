"""How far two lists of intervals agree: the machine's and a reviewer's, or two reviewers'."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ReviewError
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.tables import IntervalRecord
from megc_live.spotting.interval import Kind
from megc_live.spotting.matching import one_to_one

IOU_NEEDED = 0.5
"""Two intervals are the same from this overlap on (MEGC 2019)."""

Item = ReviewInterval | IntervalRecord


@dataclass(frozen=True)
class Pair:
    """Two intervals that were taken for the same: their numbers in a and b, and their overlap."""

    a: int
    b: int
    iou: float


@dataclass(frozen=True)
class Agreement:
    """How far b agrees with a.

    Attributes
    ----------
    kappa_presence : float
        Cohen's kappa over frames (of each face): whether there is an interval. NaN where it is not defined:
        both say the same of every frame.
    precision, recall, f1 : float
        Of b's intervals, with a's taken for the truth. NaN without intervals to divide by.
    kappa_label : float
        Cohen's kappa over the labels of the pairs in which both have one; NaN as above, or without pairs.
    n_a, n_b : int
        Intervals of each; rejected ones are left out.
    n_open_a, n_open_b : int
        Of these, intervals of which no reviewer has decided: they say what the machine said. 0 for the
        machine's own list, whose intervals are not open to a decision. With any, the figures are provisional.
    reviewed_a, reviewed_b : bool
        Whether a reviewer has decided anything of the list, rejected intervals too. Without that the list is
        the machine's own under a reviewer's name, and the figures say nothing of the reviewer. True for a
        list without intervals and for records, which are not open to a decision.
    n_matched : int
        Pairs.
    n_labelled : int
        Pairs in which both have a label.
    same_label : int
        Of these, pairs with the same label.
    presence : tuple of tuple of int
        Frames with ((neither, b alone), (a alone, both)).
    pairs : tuple of Pair
    only_a, only_b : tuple of int
        Numbers of the intervals without a partner.
    """

    kappa_presence: float
    precision: float
    recall: float
    f1: float
    kappa_label: float
    n_a: int
    n_b: int
    n_open_a: int
    n_open_b: int
    reviewed_a: bool
    reviewed_b: bool
    n_matched: int
    n_labelled: int
    same_label: int
    presence: tuple[tuple[int, int], tuple[int, int]]
    pairs: tuple[Pair, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]

    @property
    def reviewed(self) -> bool:
        """Whether the figures say anything of a reviewer: something was decided of both lists."""
        return self.reviewed_a and self.reviewed_b

    @property
    def n_open(self) -> int:
        """Intervals of both lists of which nobody has decided: with any, the figures are provisional."""
        return self.n_open_a + self.n_open_b


@dataclass(frozen=True)
class _Span:
    onset: int
    offset: int
    record: IntervalRecord


def agreement(a: Iterable[Item], b: Iterable[Item], n_frames: int, *, kind: Kind | None = None) -> Agreement:
    """Compare two lists of intervals of one recording.

    Intervals are paired one to one, within one face and kind, at an IoU of 0.5: as many pairs as possible,
    of these the best (:func:`megc_live.spotting.matching.one_to_one`, which scores benchmarks too).

    Parameters
    ----------
    a, b : iterable of ReviewInterval or IntervalRecord
        In any order; rejected ones are left out. ``a`` is what ``b`` is measured against.
    n_frames : int
        Frames of the recording.
    kind : str, optional
        Only ``"micro"`` or only ``"macro"``; default: both.

    Raises
    ------
    ReviewError
        An interval lies beyond the recording.

    Examples
    --------
    >>> agreement([], [], 100).n_matched
    0
    """
    a, b = tuple(a), tuple(b)
    ours, theirs = _kept(a, kind, n_frames), _kept(b, kind, n_frames)
    pairs: list[tuple[_Span, _Span, float]] = []
    for key in {(span.record.face_id, span.record.kind) for span in ours}:
        left, right = _of(ours, key), _of(theirs, key)
        pairs += [(left[i], right[j], overlap) for i, j, overlap in one_to_one(left, right, IOU_NEEDED)]
    pairs.sort(key=lambda pair: (pair[0].onset, pair[0].record.id))
    labels = [(x.record.label, y.record.label) for x, y, _ in pairs if x.record.label and y.record.label]
    presence = _presence(ours, theirs, n_frames)
    matched = len(pairs)
    paired_a, paired_b = {x.record.id for x, _, _ in pairs}, {y.record.id for _, y, _ in pairs}
    return Agreement(
        kappa_presence=_kappa(presence),
        precision=_ratio(matched, len(theirs)),
        recall=_ratio(matched, len(ours)),
        f1=_ratio(2 * matched, len(ours) + len(theirs)),
        kappa_label=_kappa(_confusion(labels)),
        n_a=len(ours),
        n_b=len(theirs),
        n_open_a=_undecided(a, kind),
        n_open_b=_undecided(b, kind),
        reviewed_a=_reviewed(a, kind),
        reviewed_b=_reviewed(b, kind),
        n_matched=matched,
        n_labelled=len(labels),
        same_label=sum(x == y for x, y in labels),
        presence=(
            (int(presence[0, 0]), int(presence[0, 1])),
            (int(presence[1, 0]), int(presence[1, 1])),
        ),
        pairs=tuple(Pair(x.record.id, y.record.id, overlap) for x, y, overlap in pairs),
        only_a=tuple(x.record.id for x in ours if x.record.id not in paired_a),
        only_b=tuple(y.record.id for y in theirs if y.record.id not in paired_b),
    )


def _kept(items: Iterable[Item], kind: Kind | None, n_frames: int) -> list[_Span]:
    """The intervals that count, by onset."""
    kept = []
    for item in items:
        if isinstance(item, ReviewInterval):
            if item.status == "rejected":
                continue
            item = item.record
        if item.offset_frame >= n_frames or item.onset_frame < 0:
            raise ReviewError(
                f"interval {item.id} has frames {item.onset_frame} to {item.offset_frame}; the recording has "
                f"frames 0 to {n_frames - 1}.",
                "Compare intervals of the same recording.",
            )
        if kind is None or item.kind == kind:
            kept.append(_Span(item.onset_frame, item.offset_frame, item))
    return sorted(kept, key=lambda span: (span.onset, span.offset, span.record.id))


def _undecided(items: Iterable[Item], kind: Kind | None) -> int:
    """How many intervals nobody has decided on."""
    return sum(not _decided(item) for item in items if _is_of(item, kind))


def _reviewed(items: Iterable[Item], kind: Kind | None) -> bool:
    there = list(items)
    # that there are none of a kind is a decision where anything was decided
    decided = [_decided(item) for item in [item for item in there if _is_of(item, kind)] or there]
    return any(decided) or not decided


def _decided(item: Item) -> bool:
    """Whether it is as a reviewer wants it, or nobody is asked; what one made or moved is a decision."""
    return isinstance(item, IntervalRecord) or item.status != "open" or item.record.source == "human"


def _is_of(item: Item, kind: Kind | None) -> bool:
    record = item.record if isinstance(item, ReviewInterval) else item
    return kind is None or record.kind == kind


def _of(spans: Sequence[_Span], key: tuple[int, Kind]) -> list[_Span]:
    return [span for span in spans if (span.record.face_id, span.record.kind) == key]


def _presence(ours: Sequence[_Span], theirs: Sequence[_Span], n_frames: int) -> NDArray[np.int64]:
    """Count the frames of all faces by what a (rows) and b (columns) say of them."""
    table: NDArray[np.int64] = np.zeros((2, 2), dtype=np.int64)
    for face in {span.record.face_id for span in (*ours, *theirs)} or {0}:
        said = []
        for spans in (ours, theirs):
            there = np.zeros(n_frames, dtype=bool)
            for span in spans:
                if span.record.face_id == face:
                    there[span.onset : span.offset + 1] = True
            said.append(there.astype(np.int64))
        np.add.at(table, (said[0], said[1]), 1)
    return table


def _confusion(labels: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    names = sorted({name for pair in labels for name in pair})
    table: NDArray[np.int64] = np.zeros((len(names), len(names)), dtype=np.int64)
    for x, y in labels:
        table[names.index(x), names.index(y)] += 1
    return table


def _kappa(table: NDArray[np.int64]) -> float:
    """Cohen's kappa, (po - pe) / (1 - pe), of a square table of counts."""
    n = float(table.sum())
    if not n:
        return math.nan
    observed = float(np.trace(table)) / n
    expected = float(table.sum(axis=0) @ table.sum(axis=1)) / n**2
    return (observed - expected) / (1 - expected) if expected < 1 else math.nan


def _ratio(over: int, under: int) -> float:
    return over / under if under else math.nan
