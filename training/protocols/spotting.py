"""Scoring of spotted intervals: four rules that give four different numbers.

======================  ====================================================================================
``one-to-one``          each prediction finds at most one movement and the reverse; all videos
``megc2019``            the organisers' rule of MEGC 2019: predictions that touch a movement are fused; only
                        videos with a micro-expression
``megc2020``            the rule of the MEGC 2020 baseline: movements hit by any prediction; all videos
``strs``                spot-then-recognise score: one-to-one, times the F1 of the labels of what was found
======================  ====================================================================================

A scorer is fed video by video (``update``), pools counts over all of them (``compute``) and never
averages scores. Within a video, micro- and macro-expressions are matched apart. A ratio with nothing
below the line is 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.registry import Registry
from megc_live.spotting.matching import one_to_one, overlapping_pairs
from training.protocols.matching import (
    Expression,
    Match,
    Movement,
    fuse,
    greedy,
)
from training.protocols.scores import HitScore, SpottingScore, StrsScore, ratio
from training.protocols.tables import KINDS

Tally = NDArray[np.int64]
"""Counts of one rule, shape (2, n): rows micro and macro. Tallies of several videos add up."""

Videos = Literal["all", "me-only"]
"""Which videos count: all (MEGC 2021 and later), or those with a micro-expression (MEGC 2019)."""


Score = TypeVar("Score", bound=SpottingScore)


class SpottingMetric(ABC, Generic[Score]):
    """What the scorers share: update with one video after the other, compute, reset.

    Parameters
    ----------
    iou_threshold : float
        Overlap that a prediction needs, in (0, 1].
    videos : str, optional
        ``all``, or ``me-only`` to leave out, with all they hold, videos without an annotated
        micro-expression; default: the rule's own.

    Examples
    --------
    >>> metric = OneToOne()
    >>> metric.update("a", [Expression(10, 19)], [Expression(12, 20), Expression(50, 60)])
    >>> metric.compute().precision
    0.5
    """

    default_videos: ClassVar[Videos] = "all"

    def __init__(self, iou_threshold: float = 0.5, videos: Videos | None = None) -> None:
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"the IoU threshold must lie in (0, 1], got {iou_threshold}")
        if videos not in (None, "all", "me-only"):
            raise ValueError(f"videos must be 'all' or 'me-only', got {videos!r}")
        self.iou_threshold = iou_threshold
        self.videos: Videos = videos or self.default_videos
        self.reset()

    def reset(self) -> None:
        """Forget all videos."""
        self.matches: list[Match] = []
        self._seen: set[str] = set()
        self._tallies: dict[str, Tally] = {}

    def update(
        self, video: str, truth: Iterable[Movement], pred: Iterable[Movement], group: str | None = None
    ) -> None:
        """Score one video; ``truth``, ``pred`` or both may be empty.

        Parameters
        ----------
        video : str
            Its name; each video may be given once.
        truth, pred : iterable of Movement
            What is annotated, and what was spotted. ``label``, where there is one, is used by ``strs``.
        group : str, optional
            Who is seen, for :meth:`per_group` and the bootstrap; default: each video is a group.
        """
        if video in self._seen:
            raise ValueError(f"video {video!r} was given before")
        self._seen.add(video)
        movements, predictions = _checked(truth), _checked(pred)
        if not self._counts(group, movements, predictions):
            return
        tally = np.stack(
            [
                self._tally(
                    video,
                    [m for m in movements if m.kind == kind],
                    [p for p in predictions if p.kind == kind],
                )
                for kind in KINDS
            ]
        )
        name = video if group is None else group
        self._tallies[name] = self._tallies[name] + tally if name in self._tallies else tally

    def compute(self) -> Score:
        """Return the score of all videos so far, pooled."""
        return self.score(np.sum([self._empty(), *self.tallies().values()], axis=0))

    def per_group(self) -> dict[str, Score]:
        """Return each group's own score."""
        return {group: self.score(tally) for group, tally in self.tallies().items()}

    def tallies(self) -> dict[str, Tally]:
        """Return each group's counts: they add up, and :meth:`score` makes a score of any sum of them."""
        return dict(self._tallies)

    def score(self, tally: Tally) -> Score:
        """Return what follows from pooled counts, shape (2, n)."""
        kinds = {kind: self._score(counts, {}) for kind, counts in zip(KINDS, tally, strict=True)}
        return self._score(tally.sum(axis=0), kinds)

    def _counts(self, group: str | None, truth: Sequence[Expression], pred: Sequence[Expression]) -> bool:
        return self.videos == "all" or any(movement.kind == "micro" for movement in truth)

    def _empty(self) -> Tally:
        return np.stack([self._tally("", [], [])] * len(KINDS))

    @abstractmethod
    def _tally(self, video: str, truth: list[Expression], pred: list[Expression]) -> Tally:
        """Count one kind of one video, shape (n,), and append to ``matches``."""

    @abstractmethod
    def _score(self, counts: Tally, kinds: Mapping[str, Score]) -> Score:
        """Make a score of counts, shape (n,)."""


class OneToOne(SpottingMetric[SpottingScore]):
    """Maximum one-to-one matching over the pairs with enough IoU.

    ``tp + fn`` is the number of movements and ``tp + fp`` the number of predictions.
    """

    def _tally(self, video: str, truth: list[Expression], pred: list[Expression]) -> Tally:
        truth, pred = sorted(truth), sorted(pred)
        pairs = one_to_one(truth, pred, self.iou_threshold)
        self.matches += [_match(video, truth[i], pred[j], overlap) for i, j, overlap in pairs]
        return np.array([len(pairs), len(pred) - len(pairs), len(truth) - len(pairs)])

    def _score(self, counts: Tally, kinds: Mapping[str, SpottingScore]) -> SpottingScore:
        return _plain_score(counts, kinds)


class Megc2019(SpottingMetric[SpottingScore]):
    """The organisers' rule of MEGC 2019.

    For each movement all predictions that touch it are fused (:func:`training.protocols.matching.fuse`).
    A ratio of at least the threshold is a TP, otherwise there is one FP and the movement is a FN. The fused
    predictions count no further; each remaining one is a FP. So ``tp + fn`` is the number of
    movements, but ``tp + fp`` need not be the number of predictions.

    Parameters
    ----------
    iou_threshold, videos
        As in :class:`SpottingMetric`; only videos with micro-expressions by default.
    compat : bool
        Two more habits of the organisers' code: a gap between fused predictions counts two frames too
        many, and a movement that none touches, but that has a prediction somewhere before and another
        somewhere after it, adds a FP.
    """

    default_videos: ClassVar[Videos] = "me-only"

    def __init__(
        self, iou_threshold: float = 0.5, videos: Videos | None = None, compat: bool = False
    ) -> None:
        self.compat = compat
        super().__init__(iou_threshold, videos)

    def _tally(self, video: str, truth: list[Expression], pred: list[Expression]) -> Tally:
        pred = sorted(pred)
        used: set[int] = set()
        tp = fp = 0
        for movement in sorted(truth):
            fused = fuse(movement, pred, literal=self.compat)
            if fused is None:
                before = any(p.offset < movement.onset for p in pred)
                after = any(p.onset > movement.offset for p in pred)
                fp += self.compat and before and after
                continue
            used.update(fused.members)
            if fused.ratio >= self.iou_threshold:
                tp += 1
                self.matches.append(
                    _match(video, movement, Expression(*fused.span, movement.kind), fused.ratio)
                )
            else:
                fp += 1
        return np.array([tp, fp + len(pred) - len(used), len(truth) - tp])

    def _score(self, counts: Tally, kinds: Mapping[str, SpottingScore]) -> SpottingScore:
        return _plain_score(counts, kinds)


class Megc2020(SpottingMetric[HitScore]):
    """The rule of the MEGC 2020 baseline: TP are the movements that any prediction hits, each once.

    Several predictions may hit one movement, and all but one of them then are FP: ``fp = predicted -
    hit``. Where single predictions hit two movements each, that could fall below 0; it is then 0.
    Differs from the baseline's code for intervals of one frame, which that never matches.
    """

    def _tally(self, video: str, truth: list[Expression], pred: list[Expression]) -> Tally:
        truth, pred = sorted(truth), sorted(pred)
        best: dict[int, tuple[float, int]] = {}
        for i, j, overlap in overlapping_pairs(truth, pred, self.iou_threshold):
            if i not in best or overlap > best[i][0]:
                best[i] = overlap, j
        self.matches += [_match(video, truth[i], pred[j], overlap) for i, (overlap, j) in best.items()]
        return np.array([len(best), len(pred), len(truth)])

    def _score(self, counts: Tally, kinds: Mapping[str, HitScore]) -> HitScore:
        hit, predicted, truth = (int(n) for n in counts)
        return HitScore(
            tp=hit, fp=max(0, predicted - hit), fn=truth - hit, kinds=kinds,
            hit=hit, predicted=predicted, truth=truth,
        )  # fmt: skip


class Strs(SpottingMetric[StrsScore]):
    """The spot-then-recognise score: F1 of spotting times F1 of recognition over what was found.

    Spotting is scored as in :class:`OneToOne`. Recognition F1 is the harmonic mean of macro precision and
    macro recall, taken over the classes that are annotated anywhere, found or not. A found movement
    without an annotated label is left out of it; a prediction without a label is wrong.

    Parameters
    ----------
    iou_threshold, videos
        As in :class:`SpottingMetric`.
    compat : bool
        Count as the public reference code (genbing99/STRS-Metric) does: predictions are taken in the
        order given and one may consume several movements; videos without annotation and subjects without
        any prediction are not visited; a class scores 0 where all that was found is of it and was
        recognised. ``update`` then needs the subject as ``group``.
    """

    def __init__(
        self, iou_threshold: float = 0.5, videos: Videos | None = None, compat: bool = False
    ) -> None:
        self.compat = compat
        super().__init__(iou_threshold, videos)

    def reset(self) -> None:
        """Forget all videos."""
        super().reset()
        self._predicting: set[str] = set()

    def tallies(self) -> dict[str, Tally]:
        """Return each group's counts; with ``compat`` only of subjects with a prediction."""
        tallies = super().tallies()
        return {g: t for g, t in tallies.items() if g in self._predicting} if self.compat else tallies

    def _counts(self, group: str | None, truth: Sequence[Expression], pred: Sequence[Expression]) -> bool:
        if not self.compat:
            return super()._counts(group, truth, pred)
        if group is None:
            raise DatasetError(
                "the reference code's STRS skips subjects, but the subjects are not known.",
                "Add a column subject to both tables.",
            )
        if pred:
            self._predicting.add(group)
        return bool(truth) and super()._counts(group, truth, pred)

    def _tally(self, video: str, truth: list[Expression], pred: list[Expression]) -> Tally:
        if self.compat:
            pairs = greedy(truth, pred, self.iou_threshold)
        else:
            truth, pred = sorted(truth), sorted(pred)
            pairs = one_to_one(truth, pred, self.iou_threshold)
        self.matches += [_match(video, truth[i], pred[j], overlap) for i, j, overlap in pairs]
        there = np.array([sum(m.label == label for m in truth) for label in LABELS])
        confusion = np.zeros((len(LABELS), len(LABELS) + 1), dtype=np.int64)
        for i, j, _ in pairs:
            if truth[i].label:
                given = LABELS.index(pred[j].label) if pred[j].label else len(LABELS)
                confusion[LABELS.index(truth[i].label), given] += 1
        idle = len(pred) - len({j for _, j, _ in pairs})
        return np.array([len(pairs), idle, len(truth) - len(pairs), *there, *confusion.ravel()])

    def _score(self, counts: Tally, kinds: Mapping[str, StrsScore]) -> StrsScore:
        (tp, fp, fn), there, confusion = counts[:3], counts[3 : 3 + len(LABELS)], counts[3 + len(LABELS) :]
        confusion = confusion.reshape(len(LABELS), len(LABELS) + 1)
        precisions, recalls = [], []
        for c in np.flatnonzero(there):
            right = confusion[c, c]
            if self.compat and right == confusion.sum():
                right = 0
            precisions.append(ratio(right, confusion[:, c].sum()))
            recalls.append(ratio(right, confusion[c].sum()))
        return StrsScore(
            tp=int(tp), fp=int(fp), fn=int(fn), kinds=kinds,
            precision_recog=float(np.mean(precisions or [0])), recall_recog=float(np.mean(recalls or [0])),
        )  # fmt: skip


RULES: Registry[SpottingMetric[Any]] = Registry("scoring rule")
"""Scorers by name: ``make(iou_threshold=0.5, videos=None)``; those with ``compat`` take ``compat=False`` too.

Capabilities: ``labels``, needs the column label; ``compat``, can count as the public code does.
"""

RULES.register("one-to-one", summary="maximum one-to-one matching", labels=False, compat=False)(OneToOne)
RULES.register("megc2019", summary="predictions fused per movement", labels=False, compat=True)(Megc2019)
RULES.register("megc2020", summary="movements hit by any prediction", labels=False, compat=False)(Megc2020)
RULES.register("strs", summary="spotting F1 times recognition F1", labels=True, compat=True)(Strs)


def score_tables(metric: SpottingMetric[Score], truth: pd.DataFrame, pred: pd.DataFrame) -> Score:
    """Score all videos of two spotting tables.

    Parameters
    ----------
    metric : SpottingMetric
        Reset first; it keeps the matches and the groups.
    truth, pred : DataFrame
        As :func:`training.protocols.tables.read_spotting_table` reads them. A column ``subject``, or else
        ``person``, in either of them gives the groups.

    Raises
    ------
    DatasetError
        A video belongs to two subjects.
    """
    metric.reset()
    groups = _groups(truth, pred)
    movements, predictions = _by_video(truth), _by_video(pred)
    for video in sorted(movements.keys() | predictions.keys()):
        metric.update(video, movements.get(video, []), predictions.get(video, []), groups.get(video))
    return metric.compute()


def _plain_score(counts: Tally, kinds: Mapping[str, SpottingScore]) -> SpottingScore:
    tp, fp, fn = (int(n) for n in counts)
    return SpottingScore(tp=tp, fp=fp, fn=fn, kinds=kinds)


def _match(video: str, truth: Expression, pred: Expression, overlap: float) -> Match:
    return Match(video, truth.kind, truth.frames, pred.frames, overlap, truth.label, pred.label)


def _checked(movements: Iterable[Movement]) -> list[Expression]:
    checked = []
    for m in movements:
        item = Expression(int(m.onset), int(m.offset), m.kind, getattr(m, "label", "") or "")
        if item.offset < item.onset or item.kind not in KINDS or item.label not in ("", *LABELS):
            raise ValueError(
                f"{item} is no movement: onset <= offset, kind in {KINDS}, label in {LABELS} or empty"
            )
        checked.append(item)
    return checked


def _by_video(table: pd.DataFrame) -> dict[str, list[Expression]]:
    labels = table["label"] if "label" in table else [""] * len(table)
    found: dict[str, list[Expression]] = {}
    for video, onset, offset, kind, label in zip(
        table["video"], table["onset"], table["offset"], table["kind"], labels, strict=True
    ):
        found.setdefault(video, []).append(Expression(int(onset), int(offset), kind, label))
    return found


def _groups(*tables: pd.DataFrame) -> dict[str, str]:
    """Who is in which video, from the first of the columns subject and person that any table has."""
    column = next((name for name in ("subject", "person") if any(name in table for table in tables)), None)
    groups: dict[str, str] = {}
    for table in tables:
        for video, who in zip(table["video"], table[column], strict=True) if column in table else ():
            if groups.setdefault(video, who) != who:
                raise DatasetError(
                    f"video {video!r} belongs to {column} {groups[video]!r} and to {who!r}.",
                    "Give each video one subject, and videos of different subjects different names.",
                )
    return groups
