"""UF1 and UAR, pooled over all folds (MEGC 2019, eqs. 3-5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class RecognitionScore:
    """Scores of pooled predictions.

    Attributes
    ----------
    uf1, uar : float
        Unweighted mean over the classes of F1 = 2 TP / (2 TP + FP + FN) and of recall = TP / (TP + FN).
    accuracy : float
        Share of right answers.
    f1, recall : tuple of float
        Of each class.
    n : int
        Samples.
    """

    uf1: float
    uar: float
    accuracy: float
    f1: tuple[float, ...]
    recall: tuple[float, ...]
    n: int


class PooledScores:
    """Counts over folds; scores at the end.

    A class whose denominator is 0 scores 0. Within a fold nothing is scored: a fold has seldom all the
    classes, and means over folds are another quantity.

    Parameters
    ----------
    classes : int

    Examples
    --------
    >>> scores = PooledScores(3)
    >>> scores.update([0, 1, 2, 2], [0, 1, 2, 0])
    >>> round(scores.uf1(), 4), round(scores.uar(), 4)
    (0.7778, 0.8333)
    """

    def __init__(self, classes: int = 3) -> None:
        self._classes = classes
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self.confusion: NDArray[np.int64] = np.zeros((self._classes, self._classes), dtype=np.int64)

    def update(self, truth: ArrayLike, pred: ArrayLike) -> None:
        """Add samples, class indices; raises ValueError for labels that are no class."""
        t, p = np.asarray(truth), np.asarray(pred)
        if t.shape != p.shape or t.ndim != 1:
            raise ValueError(f"truth and prediction are lists of one length, got {t.shape} and {p.shape}")
        if t.size == 0:
            return
        if not (np.issubdtype(t.dtype, np.integer) and np.issubdtype(p.dtype, np.integer)):
            raise ValueError(f"labels are integers, got {t.dtype} and {p.dtype}")
        if min(t.min(), p.min()) < 0 or max(t.max(), p.max()) >= self._classes:
            raise ValueError(f"labels are 0 to {self._classes - 1}")
        np.add.at(self.confusion, (t, p), 1)

    def recall(self) -> NDArray[np.float64]:
        """Recall of each class."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(1))

    def f1(self) -> NDArray[np.float64]:
        """F1 of each class, 2 TP / (2 TP + FP + FN)."""
        tp = np.diag(self.confusion)
        return _ratio(2 * tp, self.confusion.sum(0) + self.confusion.sum(1))

    def uf1(self) -> float:
        """Unweighted F1: the classes' mean."""
        return float(self.f1().mean())

    def uar(self) -> float:
        """Unweighted average recall: the classes' mean."""
        return float(self.recall().mean())

    def compute(self) -> RecognitionScore:
        """All scores of what was added so far."""
        n = int(self.confusion.sum())
        return RecognitionScore(
            uf1=self.uf1(),
            uar=self.uar(),
            accuracy=float(np.trace(self.confusion) / n) if n else 0.0,
            f1=tuple(self.f1().tolist()),
            recall=tuple(self.recall().tolist()),
            n=n,
        )


def _ratio(over: NDArray[np.int64], under: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(over, under, out=np.zeros(len(over)), where=under > 0)
