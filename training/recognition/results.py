"""What an evaluation of recognisers gave: rows of scores with spread, intervals, confusions, subjects."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.events import LABELS
from training.protocols.bootstrap import bootstrap
from training.protocols.metrics import PooledScores

if TYPE_CHECKING:
    from training.recognition.evaluate import Run

_VERSIONS = ("numpy", "scipy", "scikit-learn", "torch", "pandas", "joblib")
LEAKY = "LEAKY: the best epoch for each subject left out"
HONEST = "nothing chosen on subjects left out"


def summarise(
    tables: Mapping[Run, pd.DataFrame], *, dataset: str, sha256: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """Score tables of predictions.

    Parameters
    ----------
    tables : mapping of Run to DataFrame
        Columns :data:`training.recognition.loso.COLUMNS`, labels as numbers.
    dataset, sha256 : str
        Name of the data, hash of their file.
    settings : dict
        Of each method.

    Returns
    -------
    dict
        ``rows``: one for each method, kind of labels and way of choosing.
    """
    groups: dict[tuple[str, bool, bool], list[pd.DataFrame]] = {}
    for run, table in tables.items():
        groups.setdefault((run.method, run.control, run.leaky), []).append(table)
    any_table = next(iter(tables.values()))
    return {
        "dataset": dataset,
        "data_sha256": sha256,
        "clips": len(any_table),
        "subjects": len(_subjects(any_table)[1]),
        "classes": list(LABELS),
        "rows": [
            {
                "method": method,
                "labels": "shuffled" if control else "true",
                "choice": LEAKY if leaky else HONEST,
                "leaky": leaky,
                **score_seeds(parts),
            }
            for (method, control, leaky), parts in groups.items()
        ],
        "settings": settings,
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _VERSIONS},
        },
    }


def score_seeds(tables: list[pd.DataFrame]) -> dict[str, Any]:
    """Score runs that differ in their seed alone.

    Returns
    -------
    dict
        ``scores``: of ``full`` and each data set UF1 and UAR, the mean over the seeds, and their standard
        deviation where there are several; ``interval_95`` of the mean of ``full`` over subjects drawn
        anew; ``confusion``: rows truth, columns answers, all seeds added; ``subjects``: clips and the
        mean number of right answers.
    """
    scores: dict[str, Any] = {}
    names = list(dict.fromkeys(tables[0]["dataset"]))
    for part in ("full", *(names if len(names) > 1 else [])):
        pooled = [_pooled(t if part == "full" else t[t["dataset"] == part]) for t in tables]
        scores[part] = _spread("uf1", [p.uf1() for p in pooled]) | _spread("uar", [p.uar() for p in pooled])
    counts = _counts(tables)
    intervals = {}
    for name in ("uf1", "uar"):
        found = bootstrap(counts, lambda pooled, name=name: _mean_score(pooled, name), draws=1000)
        intervals[name] = [round(found.low, 4), round(found.high, 4)]
    return {
        "seeds": [int(t["seed"].iloc[0]) for t in tables],
        "scores": scores,
        "interval_95": intervals,
        "confusion": np.sum([_pooled(t).confusion for t in tables], axis=0).tolist(),
        "subjects": {
            who: {
                "clips": int(matrix[0].sum()),
                "right": round(float(np.einsum("sii->s", matrix).mean()), 4),
            }
            for who, matrix in counts.items()
        },
    }


def _pooled(table: pd.DataFrame) -> PooledScores:
    pooled = PooledScores(len(LABELS))
    pooled.update(table["truth"].to_numpy(), table["pred"].to_numpy())
    return pooled


def _counts(tables: list[pd.DataFrame]) -> dict[str, NDArray[np.int64]]:
    """Confusion matrices of each subject, shape (seeds, 3, 3)."""
    out: dict[str, NDArray[np.int64]] = {}
    for seed, table in enumerate(tables):
        codes, names = _subjects(table)
        matrix = np.zeros((len(names), len(LABELS), len(LABELS)), dtype=np.int64)
        np.add.at(matrix, (codes, table["truth"].to_numpy(), table["pred"].to_numpy()), 1)
        for name, one in zip(names, matrix, strict=True):
            out.setdefault(str(name), np.zeros((len(tables), *one.shape), dtype=np.int64))[seed] = one
    return out


def _subjects(table: pd.DataFrame) -> tuple[NDArray[np.int64], list[str]]:
    codes, names = pd.factorize(table["dataset"].astype(str) + "/" + table["subject"].astype(str))
    return np.asarray(codes), [str(name) for name in names]


def _mean_score(confusion: NDArray[np.int64], name: str) -> float:
    """Mean over the seeds, (seeds, 3, 3), of UF1 or UAR; a class with nothing to divide by scores 0."""
    hits = np.einsum("sii->si", confusion)
    truth = confusion.sum(2)
    over, under = (2 * hits, truth + confusion.sum(1)) if name == "uf1" else (hits, truth)
    return float(np.divide(over, under, out=np.zeros(over.shape), where=under > 0).mean())


def _spread(name: str, values: list[float]) -> dict[str, float]:
    out = {name: round(float(np.mean(values)), 4)}
    if len(values) > 1:
        out[f"{name}_sd"] = round(float(np.std(values, ddof=1)), 4)
    return out
