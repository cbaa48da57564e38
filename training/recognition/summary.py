"""What predictions are worth: pooled scores, the seeds' spread, and an interval over subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.events import LABELS
from training.protocols.metrics import PooledScores, RecognitionScore
from training.recognition.loso import averaged

RESAMPLES = 2000


def score(table: pd.DataFrame) -> RecognitionScore:
    """Pooled scores of a table with the columns ``truth`` and ``pred``, names of labels."""
    pooled = PooledScores(len(LABELS))
    pooled.update(_indices(table["truth"]), _indices(table["pred"]))
    return pooled.compute()


def subject_bootstrap(
    table: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0, share: float = 0.95
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intervals of UF1 and UAR if other subjects had been recorded.

    Subjects, not samples, are drawn with replacement: samples of one person resemble each other.

    Parameters
    ----------
    table : DataFrame
        Columns ``dataset``, ``subject``, ``truth``, ``pred``; one row a sample.
    resamples, seed : int
    share : float
        Share of the resamples inside the interval.

    Returns
    -------
    tuple
        (low, high) of UF1, (low, high) of UAR.
    """
    n = len(LABELS)
    codes, names = pd.factorize(table["dataset"].astype(str) + "/" + table["subject"].astype(str))
    counts = np.zeros((len(names), n, n))
    np.add.at(counts, (codes, _indices(table["truth"]), _indices(table["pred"])), 1)
    drawn = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    confusion = counts[drawn].sum(1)
    tp = np.einsum("kii->ki", confusion)
    truth, pred = confusion.sum(2), confusion.sum(1)
    uf1 = _ratio(2 * tp, truth + pred).mean(1)
    uar = _ratio(tp, truth).mean(1)
    tails = [50 * (1 - share), 50 * (1 + share)]
    (a, b), (c, d) = np.percentile(uf1, tails), np.percentile(uar, tails)
    return (float(a), float(b)), (float(c), float(d))


def card_scores(table: pd.DataFrame, control: pd.DataFrame | None = None, suffix: str = "") -> dict[str, Any]:
    """Scores for a model card.

    Parameters
    ----------
    table : DataFrame
        Of :func:`training.recognition.loso.leave_one_subject_out`, one or more seeds.
    control : DataFrame, optional
        The same with shuffled labels.
    suffix : str
        Goes behind every name, such as ``"_synthetic"``.

    Returns
    -------
    dict
        ``full_uf1``, ``full_uar``, ``recall_<label>``: of the seeds' mean probabilities, which is what
        is exported; their 95 % intervals over subjects; ``<dataset>_uf1`` and ``_uar`` from the same
        predictions; ``single_seed_*``: mean and standard deviation of the seeds scored one by one;
        ``shuffled_labels_*``.
    """
    mean = averaged(table)
    full = score(mean)
    (uf1_low, uf1_high), (uar_low, uar_high) = subject_bootstrap(mean)
    out: dict[str, Any] = {
        "full_uf1": full.uf1,
        "full_uar": full.uar,
        "full_uf1_interval_95": [uf1_low, uf1_high],
        "full_uar_interval_95": [uar_low, uar_high],
    }
    out |= {f"recall_{label}": value for label, value in zip(LABELS, full.recall, strict=True)}
    names = list(dict.fromkeys(mean["dataset"]))
    for name in names if len(names) > 1 else []:
        part = score(mean[mean["dataset"] == name])
        out |= {f"{name}_uf1": part.uf1, f"{name}_uar": part.uar}
    seeds = [score(part) for _, part in table.groupby("seed")]
    out |= _spread("single_seed_uf1", [s.uf1 for s in seeds]) | _spread(
        "single_seed_uar", [s.uar for s in seeds]
    )
    if control is not None:
        chance = score(averaged(control))
        out |= {"shuffled_labels_uf1": chance.uf1, "shuffled_labels_uar": chance.uar}
    return {f"{key}{suffix}": _rounded(value) for key, value in out.items()}


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    out = {f"{name}_mean": float(np.mean(values))}
    if len(values) > 1:
        out[f"{name}_sd"] = float(np.std(values, ddof=1))
    return out


def _rounded(value: float | list[float]) -> float | list[float]:
    return [round(v, 4) for v in value] if isinstance(value, list) else round(value, 4)


def _indices(labels: pd.Series[str]) -> NDArray[np.int64]:
    return np.array([LABELS.index(label) for label in labels], dtype=np.int64)


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
