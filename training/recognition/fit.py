"""``megc-train fit recognizer``: fit on all subjects, say what leaving each out gave, export."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from megc_live.errors import SettingsError
from megc_live.events import LABELS
from training.datasets.flow_file import FlowData, load_flow_file
from training.recognition.base import METHODS, Method, make_method, method_names
from training.recognition.loso import Progress, leave_one_subject_out, shuffled, write_predictions
from training.recognition.planted import planted_flow
from training.recognition.ststnet import PUBLISHED, Schedule
from training.recognition.summary import card_scores

REAL_DATA = "MEGC 2019 composite (SMIC, CASME II, SAMM) onset-apex flow images"
PLANTED_DATA = "synthetic: movements planted in one photograph (NASA, public domain)"

_REAL_LIMITS = (
    "Fitted on 68 adults' spontaneous movements in laboratories, seen from the front, 100 and 200 frames/s.",
    "Needs onset and apex: the scores were measured with annotated ones, spotted ones give less.",
    "The flow images of the fit are TV-L1; the application computes them by DIS, which differs in detail.",
    "Negative is one class for anger, contempt, disgust, fear, repression and sadness.",
    "Every interval gets one of three classes, also one that shows none of them.",
    "Not a lie detector; says nothing of what a person feels.",
)
_PLANTED_LIMITS = (
    "Says nothing of real emotions: its classes are combinations of action units that the fit planted.",
    "One face: the parts that were left out for the score show the same person.",
)


def fit_recognizer(
    data: Path | None,
    out: Path,
    *,
    name: str = "ststnet",
    seeds: int | Sequence[int] = 3,
    epochs: int | None = None,
    published: bool = False,
    control: bool = True,
    predictions: Path | None = None,
    per_class: int = 60,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Evaluate with subjects left out, then fit on all of them and export.

    Parameters
    ----------
    data : Path or None
        Flow images (:func:`training.datasets.flow_file.load_flow_file`) of the challenge's 442 samples.
        None: movements planted in the bundled photograph, worth nothing for real emotions.
    out : Path
        Folder for ``name.onnx`` and its card.
    name : str
        Which recogniser.
    seeds : int or sequence of int
        How many seeds, or which. Their mean is evaluated and exported.
    epochs : int, optional
        Instead of the schedule's own number.
    published : bool
        The authors' schedule, twenty times the work.
    control : bool
        Evaluate with shuffled labels too.
    predictions : Path, optional
        CSV for the predictions of every sample and seed.
    per_class : int
        Planted images of each class.
    jobs : int
        Processes.
    progress, log : callable
        Told the folds that are done, and what was found, a line each.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    DatasetError
        The data cannot be read or are not the challenge's.
    SettingsError
        No seed, a number of epochs below 1, or an unknown name.
    """
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen:
        raise SettingsError("there is no seed to fit with.", "Give one or more.")
    if name in method_names() and not METHODS[name].capabilities.get("exports"):
        raise SettingsError(
            f"{name} has no export.", "Measure it with `megc-train evaluate recognition`, or fit ststnet."
        )
    method = make_method(name, **_schedule(name, epochs, published))
    samples = load_flow_file(data) if data is not None else planted_flow(np.random.default_rng(0), per_class)
    who = "subjects" if data is not None else "parts of one photograph, synthetic"
    log(f"{len(samples)} flow images of {len(np.unique(samples.group))} {who}; seeds {list(chosen)}")
    table = leave_one_subject_out(method, samples, chosen, jobs=jobs, progress=progress)
    if predictions is not None:
        write_predictions(table, predictions)
    chance = (
        leave_one_subject_out(method, shuffled(samples), chosen[:1], jobs=jobs, progress=progress)
        if control
        else None
    )
    scores = card_scores(table, chance, suffix="" if data is not None else "_synthetic")
    for key, value in scores.items():
        log(f"{key} {value}")
    card = recognizer_card(method, samples, chosen, scores, synthetic=data is None)
    return method.export([method.fit(samples, seed) for seed in chosen], out, card)


def recognizer_card(
    method: Method[Any], samples: FlowData, seeds: Sequence[int], scores: dict[str, Any], *, synthetic: bool
) -> dict[str, Any]:
    """What the card of a fitted recogniser says."""
    counts = np.bincount(samples.label, minlength=len(LABELS))
    return {
        "kind": "recognizer",
        "classes": list(LABELS),
        "inputs": "flow (n, 3, 28, 28): u, v, strain, onset to apex, bytes / 255, u and v less their medians",
        "outputs": "probabilities (n, 3)",
        "data": PLANTED_DATA if synthetic else REAL_DATA,
        "subjects": 1 if synthetic else len(np.unique(samples.group)),
        "samples": {label: int(count) for label, count in zip(LABELS, counts, strict=True)},
        "licence": (
            "GPL-3.0-or-later" if synthetic else "GPL-3.0-or-later for the weights; data under agreement"
        )
        + "; research use only",
        "research_only": True,
        "trained": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": {**method.describe(), "seeds": list(seeds), "exported": "mean over the seeds"},
        "protocol": (
            "leave one part of the planted images out, pooled; synthetic"
            if synthetic
            else "leave one subject out, 68 folds, pooled; fixed epochs, nothing chosen on subjects left out"
        ),
        "scores": scores,
        "limits": list(_PLANTED_LIMITS if synthetic else _REAL_LIMITS),
    }


def _schedule(name: str, epochs: int | None, published: bool) -> dict[str, Any]:
    """Settings of a method that is fitted in epochs."""
    if epochs is None and not published:
        return {}
    if not METHODS[name].capabilities.get("epochs"):
        raise SettingsError(
            f"{name} is not fitted in epochs.", "Leave out epochs and the published schedule."
        )
    if epochs is not None and epochs < 1:
        raise SettingsError(f"got {epochs} epochs.", "Give one or more.")
    schedule = PUBLISHED if published else Schedule()
    return {"schedule": schedule if epochs is None else replace(schedule, epochs=epochs)}
