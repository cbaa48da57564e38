"""Leave one subject out: every sample is judged by classifiers that never saw its person.

Nothing is chosen on the person left out: the number of epochs is fixed, and all subjects' predictions
are pooled before anything is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.output.files import write_whole
from training.processes import in_processes
from training.recognition.base import Data, Method, samples

PROBABILITIES = tuple(f"p_{label}" for label in LABELS)
COLUMNS = ("dataset", "subject", "clip", "truth", "pred", *PROBABILITIES, "seed")
"""Columns of a table of predictions: one row a sample and seed."""

Progress = Callable[[int, int, str], None]


def leave_one_subject_out(
    method: Method[Any],
    data: Data,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
) -> pd.DataFrame:
    """Predict every sample with its subject left out, once a seed.

    Parameters
    ----------
    method : Method
    data : FlowData or ClipData
        Of two subjects or more.
    seeds : sequence of int
    jobs : int
        Processes.
    progress : callable
        Called with (folds done, folds in all, subject).

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; ``truth`` and ``pred`` are names of :data:`megc_live.events.LABELS`.

    Raises
    ------
    DatasetError
        Fewer than two subjects.
    SettingsError
        A process was killed.
    """
    groups = np.unique(data.group)
    if len(groups) < 2:
        raise DatasetError(f"leaving one subject out needs two, got {len(groups)}.")
    folds = [(seed, k, group) for seed in seeds for k, group in enumerate(groups)]
    calls = (partial(_fold, method, data, str(group), seed, k) for seed, k, group in folds)
    tables = []
    for number, table in enumerate(in_processes(calls, jobs, in_order=True, kept=False)):
        tables.append(table)
        progress(number + 1, len(folds), str(folds[number][2]))
    return pd.concat(tables, ignore_index=True)


def _fold(method: Method[Any], data: Data, group: str, seed: int, k: int) -> pd.DataFrame:
    out = data.group == group
    fitted = method.fit(data.subset(~out), seed=1000 * seed + k)
    held = data.subset(out)
    return prediction_table(held, fitted.probabilities(samples(held)), seed)


def prediction_table(data: Data, probabilities: NDArray[np.float64], seed: int) -> pd.DataFrame:
    """Samples with their class probabilities, shape (n, 3), as a table with :data:`COLUMNS`."""
    names = np.array(LABELS)
    table = pd.DataFrame({"dataset": data.dataset, "subject": data.subject, "clip": data.clip})
    table["truth"] = names[data.label]
    table["pred"] = names[probabilities.argmax(1)]
    table[list(PROBABILITIES)] = probabilities
    table["seed"] = seed
    return table[list(COLUMNS)]


def averaged(table: pd.DataFrame) -> pd.DataFrame:
    """Mean probabilities over the seeds: one row a sample, what the exported mean of networks says."""
    keys = ["dataset", "subject", "clip", "truth"]
    mean = table.groupby(keys, sort=False)[list(PROBABILITIES)].mean().reset_index()
    mean["pred"] = np.array(LABELS)[mean[list(PROBABILITIES)].to_numpy().argmax(1)]
    return mean


def shuffled(data: Data, seed: int = 0) -> Data:
    """The same samples with their labels dealt out anew: what a score is without anything to learn."""
    return data.relabelled(np.random.default_rng(seed).permutation(data.label))


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write a table of predictions as CSV, whole or not at all."""
    write_whole(path, table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
