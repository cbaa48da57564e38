"""``megc-train fit recognizer --choose``: settings by inner validation, their scores, the model of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.datasets.flow_file import load_flow_file
from training.recognition.candidates import CANDIDATES, Candidate
from training.recognition.choose import CHOICE_SEEDS, PARTS, Choice, Found, Log, choose
from training.recognition.fit import recognizer_card
from training.recognition.loso import Progress, averaged, write_predictions
from training.recognition.ststnet import Schedule
from training.recognition.summary import card_scores, score, subject_bootstrap

FOLDER = "choice"
"""Beside the model: the predictions of every fit."""


def fit_chosen(
    data: Path,
    out: Path,
    *,
    seeds: int = 3,
    candidates: Sequence[Candidate] = CANDIDATES,
    parts: int = PARTS,
    choice_seeds: Sequence[int] = CHOICE_SEEDS,
    control: bool = True,
    published_counts: bool = True,
    predictions: Path | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress = lambda done, total, name: None,
    log: Log = lambda line: None,
) -> Path:
    """Choose STSTNet's settings, measure them, fit them on all subjects, export.

    Parameters
    ----------
    data : Path
        Flow images (:func:`training.datasets.flow_file.load_flow_file`).
    out : Path
        Folder for ``ststnet.onnx``, its card, and ``choice/``; a broken run goes on there.
    seeds : int
        Networks that are averaged, in what is measured and in what is exported.
    candidates, parts, choice_seeds, control, jobs, cluster, progress, log
        As of :func:`training.recognition.choose.choose`.
    published_counts : bool
        Insist on the challenge's counts.
    predictions : Path, optional
        CSV for the predictions with each subject left out.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    DatasetError, SettingsError, ClusterError
        As :func:`training.recognition.choose.choose`.
    """
    samples = load_flow_file(data, published_counts=published_counts)
    run = tuple(range(seeds))
    log(f"{len(samples)} flow images of {len(np.unique(samples.group))} subjects; seeds {list(run)}")
    found = choose(
        samples, out / FOLDER, candidates=candidates, parts=parts, choice_seeds=choice_seeds, seeds=run,
        control=control, jobs=jobs, cluster=cluster, progress=progress, log=log,
    )  # fmt: skip
    if predictions is not None:
        write_predictions(found.table.drop(columns="sample"), predictions)
    scores = card_scores(found.table, found.control) | nested_scores(found.nested)
    for key, value in scores.items():
        log(f"{key} {value}")
    method = found.winner.make()
    card = recognizer_card(method, samples, run, scores, synthetic=False)
    card["protocol"] = (
        f"leave one subject out, {len(np.unique(samples.group))} folds, pooled. The settings were chosen "
        "on all subjects by inner validation (choice), so the scores without 'nested' are a little "
        "flattered; for those with 'nested' each subject's settings were chosen without it"
    )
    card["choice"] = choice_card(found, parts, choice_seeds)
    return method.export([method.fit(samples, seed) for seed in run], out, card)


def nested_scores(table: pd.DataFrame) -> dict[str, Any]:
    """UF1 and UAR of the seeds' mean probabilities, with intervals over subjects, named ``nested_*``."""
    mean = averaged(table)
    full = score(mean)
    uf1, uar = subject_bootstrap(mean)
    return {
        "nested_full_uf1": round(full.uf1, 4),
        "nested_full_uar": round(full.uar, 4),
        "nested_full_uf1_interval_95": [round(value, 4) for value in uf1],
        "nested_full_uar_interval_95": [round(value, 4) for value in uar],
    }


def choice_card(found: Found, parts: int, choice_seeds: Sequence[int]) -> dict[str, Any]:
    """What the card says of the choice: how, among what, with which inner scores."""
    return {
        "how": (
            f"subjects dealt to {parts} parts; each candidate fitted without a part and judged on it; best "
            f"pooled UF1, mean over {len(choice_seeds)} seeds; the candidates were written down beforehand"
        ),
        "chosen": found.winner.name,
        "chosen_without_each_part": [found.candidates[one.chosen].name for one in found.inner],
        "candidates": [
            {
                "name": candidate.name,
                "differs": _differs(candidate),
                **_inner(found.choice, c),
            }
            for c, candidate in enumerate(found.candidates)
        ],
    }


def _differs(candidate: Candidate) -> dict[str, Any]:
    """Settings other than the schedule's own."""
    own = asdict(Schedule())
    changed = {key: value for key, value in asdict(candidate.schedule).items() if value != own[key]}
    return changed | candidate.more


def _inner(choice: Choice, c: int) -> dict[str, Any]:
    """Mean of a candidate's inner scores; its UF1 seed by seed shows how much of a lead is luck."""
    return {
        "inner_uf1": round(float(choice.uf1[c].mean()), 4),
        "inner_uar": round(float(choice.uar[c].mean()), 4),
        "inner_uf1_by_seed": [round(float(value), 4) for value in choice.uf1[c]],
    }
