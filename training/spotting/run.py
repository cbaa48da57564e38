"""``megc-train evaluate spotting``: record, fold, score, write."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Sequence as Many
from functools import partial
from pathlib import Path
from typing import Any

from megc_live.errors import SettingsError
from training.processes import in_processes
from training.spotting.evaluate import METHODS, evaluate_corpus
from training.spotting.fit import read_corpora
from training.spotting.fit_net import NetSchedule
from training.spotting.record import Progress
from training.spotting.report import write_results

DATASETS = ("synthetic",)
Log = Callable[[str], None]


def evaluate(
    dataset: str,
    roots: Many[Path],
    out: Path,
    *,
    methods: Many[str] | None = None,
    folds: int = 5,
    members: int = 1,
    epochs: int | None = None,
    seed: int = 0,
    page: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    log: Log = lambda line: None,
) -> dict[str, Any]:
    """Judge spotters with people apart and write predictions, scores and the page.

    Parameters
    ----------
    dataset : str
        Of :data:`DATASETS`.
    roots : sequence of Path
        Folders of the data set.
    out : Path
    methods : sequence of str, optional
        Of :data:`training.spotting.evaluate.METHODS`.
    folds, members, seed : int
    epochs : int, optional
        Instead of the schedule's own number.
    page : Path, optional
        A second place for accuracy.md.
    jobs : int
        Processes: clips are recorded, then folds run, so many at the same time.

    Raises
    ------
    SettingsError
        An unknown name, or a worker that was killed: finished folds are kept.
    DatasetError
    """
    if dataset not in DATASETS:
        raise SettingsError(
            f"there is no data set named {dataset!r} for spotting.", f"Choose one of: {', '.join(DATASETS)}."
        )
    chosen = tuple(methods or METHODS)
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise SettingsError(
            f"there is no spotter named {unknown[0]!r} to evaluate.", f"Choose of: {', '.join(METHODS)}."
        )
    clips = read_corpora(roots, jobs, progress)
    log(
        f"{len(clips)} clips of {len({clip.person for clip in clips})} people, "
        f"{sum(c.minutes for c in clips):.1f} minutes"
    )
    schedule = NetSchedule() if epochs is None else NetSchedule(epochs=epochs)
    if jobs > 1:
        # Each process reads the corpus itself and leaves its folds in files, which are collected below.
        threads = max(1, (os.cpu_count() or 1) // jobs)
        calls = (
            partial(_run_fold, list(roots), out, chosen, folds, seed, members, schedule, fold, threads)
            for fold in range(folds)
        )
        for fold in in_processes(calls, jobs):
            log(f"fold {fold + 1} of {folds} is done")
    results = evaluate_corpus(
        clips, out, methods=chosen, folds=folds, seed=seed, members=members, schedule=schedule, log=log
    )
    return write_results(out, clips, results, page, members)


def _run_fold(
    roots: list[Path],
    out: Path,
    methods: tuple[str, ...],
    folds: int,
    seed: int,
    members: int,
    schedule: NetSchedule,
    fold: int,
    threads: int,
) -> int:
    import torch

    torch.set_num_threads(threads)
    clips = read_corpora(roots)
    evaluate_corpus(
        clips, out, methods=methods, folds=folds, seed=seed, members=members, schedule=schedule,
        only_folds=[fold],
        log=lambda line: print(f"[fold {fold + 1}] {line}", flush=True),
    )  # fmt: skip
    return fold
