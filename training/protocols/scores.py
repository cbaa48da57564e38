"""Scores of spotting: pooled counts and what follows from them. A ratio with nothing below the line is 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


def ratio(above: float, below: float) -> float:
    """Return ``above / below``, or 0 where ``below`` is 0."""
    return float(above / below) if below else 0.0


@dataclass(frozen=True, kw_only=True)
class SpottingScore:
    """Pooled counts and what follows from them; ``kinds`` holds the same for micro and macro alone."""

    tp: int
    fp: int
    fn: int
    kinds: Mapping[str, SpottingScore] = field(default_factory=dict)

    columns: ClassVar[tuple[str, ...]] = ("tp", "fp", "fn", "precision", "recall", "f1")

    @property
    def precision(self) -> float:
        """Share of the predictions that are right."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the movements that were found."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """``2 TP / (2 TP + FP + FN)`` (MEGC 2019, eq. 2)."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain numbers."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.columns}
        if self.kinds:
            values["kinds"] = {kind: score.to_dict() for kind, score in self.kinds.items()}
        return values


@dataclass(frozen=True, kw_only=True)
class HitScore(SpottingScore):
    """A score with what the 2020 rule counts: movements hit, intervals predicted, movements there."""

    hit: int
    predicted: int
    truth: int

    columns: ClassVar[tuple[str, ...]] = (*SpottingScore.columns, "hit", "predicted", "truth")


@dataclass(frozen=True, kw_only=True)
class StrsScore(SpottingScore):
    """A score with the recognition of what was found: ``strs = f1_spot * f1_recog``."""

    precision_recog: float
    recall_recog: float

    columns: ClassVar[tuple[str, ...]] = (
        *SpottingScore.columns, "strs", "f1_spot", "f1_recog", "precision_recog", "recall_recog",
    )  # fmt: skip

    @property
    def f1_spot(self) -> float:
        """F1 of spotting, the same as ``f1``."""
        return self.f1

    @property
    def f1_recog(self) -> float:
        """Harmonic mean of macro precision and macro recall over the movements that were found."""
        both = self.precision_recog + self.recall_recog
        return ratio(2 * self.precision_recog * self.recall_recog, both)

    @property
    def strs(self) -> float:
        """Spot-then-recognise score."""
        return self.f1_spot * self.f1_recog


def false_alarms_per_minute(score: SpottingScore, durations_s: Mapping[str, float]) -> dict[str, float]:
    """Return false alarms per minute of video, overall (``all``) and of each kind.

    Parameters
    ----------
    score : SpottingScore
    durations_s : mapping of str to float
        Length of every video that was looked through, in seconds, including those where nothing was.

    Examples
    --------
    >>> false_alarms_per_minute(SpottingScore(tp=0, fp=3, fn=0), {"a": 60.0, "b": 30.0})
    {'all': 2.0}
    """
    minutes = sum(durations_s.values()) / 60
    rates = {"all": ratio(score.fp, minutes)}
    return rates | {kind: ratio(part.fp, minutes) for kind, part in score.kinds.items()}
