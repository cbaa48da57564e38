"""``megc-train score``: anyone's predictions against the annotations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megc_live.commands.shell import OneLineErrors
from megc_live.commands.tables import print_json, print_table
from megc_live.errors import DatasetError, SettingsError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    name="score",
    cls=OneLineErrors,
    help="Score predictions against annotations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Rule(StrEnum):
    """Names of the scoring rules."""

    one_to_one = "one-to-one"
    megc2019 = "megc2019"
    megc2020 = "megc2020"
    strs = "strs"


class VideoChoice(StrEnum):
    """Which videos count."""

    all = "all"
    me_only = "me-only"


Truth = Annotated[Path, typer.Option("--truth", metavar="CSV", help="Table of the annotations.")]
Pred = Annotated[Path, typer.Option("--pred", metavar="CSV", help="Table of the predictions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def spotting(
    truth: Truth,
    pred: Pred,
    rule: Annotated[Rule, typer.Option(help="How hits are counted.")] = Rule.one_to_one,
    iou: Annotated[float, typer.Option(min=0.01, max=1.0, help="Overlap that a hit needs.")] = 0.5,
    videos: Annotated[
        VideoChoice | None,
        typer.Option(help="All videos, or those with a micro-expression. Default: me-only for megc2019."),
    ] = None,
    compat: Annotated[
        bool, typer.Option("--compat", help="Count with the habits of the public code (megc2019, strs).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score spotted intervals: tables video,onset,offset[,kind,label,score], frames inclusive."""
    from training.protocols.spotting import RULES, score_tables
    from training.protocols.tables import KINDS, read_spotting_table

    entry = RULES[rule.value]
    options: dict[str, Any] = {"iou_threshold": iou, "videos": videos.value if videos else None}
    if compat:
        if not entry.capabilities["compat"]:
            raise SettingsError(
                f"the rule {rule.value} has no --compat.", "Leave it out, or choose megc2019 or strs."
            )
        options["compat"] = True
    labels = bool(entry.capabilities["labels"])
    metric = entry.make(**options)
    score = score_tables(metric, read_spotting_table(truth, labels), read_spotting_table(pred, labels))
    settings = {"rule": rule.value, "iou_threshold": iou, "videos": metric.videos, "compat": compat}
    if as_json:
        print_json(settings | score.to_dict())
        return
    values = score.to_dict()
    rows = [{"kind": "both", **values}, *({"kind": kind, **values["kinds"][kind]} for kind in KINDS)]
    title = (
        f"Spotting, rule {rule.value}{' --compat' if compat else ''}, IoU >= {iou:g}, videos: {metric.videos}"
    )
    # The whole table fits into 80 columns; what follows from the others stands in the JSON.
    shown = (name for name in score.columns if name not in ("f1_spot", "precision_recog", "recall_recog"))
    print_table(title, ("kind", *shown), rows)


@app.command()
def recognition(truth: Truth, pred: Pred, as_json: AsJson = False) -> None:
    """Score labels: tables dataset,subject,clip with truth and pred; one file may be both.

    A column seed in the table of predictions means several runs: each is scored, and the mean is given.
    """
    from training.protocols.tables import read_recognition_table

    annotated = read_recognition_table(truth, ("truth",))
    predicted = read_recognition_table(pred, ("pred",))
    result = _score_recognition(annotated, predicted, str(truth), str(pred))
    for note in _absent(annotated):
        typer.echo(note, err=True)
    if as_json:
        print_json(result)
        return
    rows = [{"dataset": name, **scores} for name, scores in result["per_dataset"].items()]
    full = {"dataset": "full", **{name: result[name] for name in ("clips", "uf1", "uar")}}
    title = "Recognition" if "seeds" not in result else f"Recognition, mean of {len(result['seeds'])} seeds"
    print_table(title, ("dataset", "clips", "uf1", "uar"), [full, *rows])


def _absent(annotated: pd.DataFrame) -> list[str]:
    """Tell the classes that no clip shows: UF1 and UAR count them as 0, and a reader must know it."""
    from megc_live.events import LABELS

    whole = [("full", annotated)]
    parts = [(str(name), part) for name, part in annotated.groupby("dataset", sort=False)]
    notes = []
    for name, part in whole + parts if len(parts) > 1 else whole:
        absent = [label for label in LABELS if label not in set(part["truth"])]
        if absent:
            notes.append(f"note: {name} has no clip of {' and '.join(absent)}: counts as 0 in UF1 and UAR.")
    return notes


def _score_recognition(
    annotated: pd.DataFrame, predicted: pd.DataFrame, truth_name: str, pred_name: str
) -> dict[str, Any]:
    """Join the tables, clip by clip, and score them; raises DatasetError where they do not fit."""
    if annotated.empty:
        raise DatasetError(f"{truth_name!r} has no clips.", "Give a table with one row for each clip.")
    labels = _labels(annotated, truth_name)
    runs = predicted.groupby("seed", sort=False) if "seed" in predicted else [("", predicted)]
    scores = {str(seed): _score_run(labels, run, truth_name, pred_name) for seed, run in runs}
    if not scores:
        scores = {"": _score_run(labels, predicted, truth_name, pred_name)}
    result = _mean(list(scores.values()))
    if "seed" in predicted:
        result["seeds"] = {seed: {"uf1": run["uf1"], "uar": run["uar"]} for seed, run in scores.items()}
    return result


def _labels(annotated: pd.DataFrame, name: str) -> dict[tuple[str, str, str], str]:
    """Return each clip's label; a table with several seeds must say the same in each."""
    labels: dict[tuple[str, str, str], str] = {}
    for row in annotated.itertuples():
        key = (row.dataset, row.subject, row.clip)
        if labels.setdefault(key, row.truth) != row.truth:
            raise DatasetError(
                f"{name!r}, row {row.Index}, column truth: {' '.join(key)} is {row.truth}, but {labels[key]} "
                "with another seed.",
                "Give each clip one annotation.",
            )
    return labels


def _score_run(
    labels: dict[tuple[str, str, str], str], run: pd.DataFrame, truth_name: str, pred_name: str
) -> dict[str, Any]:
    from megc_live.events import LABELS
    from training.protocols.metrics import PooledScores

    lines = {(row.dataset, row.subject, row.clip): (row.Index, row.pred) for row in run.itertuples()}
    seed = f" with seed {run['seed'].iloc[0]}" if "seed" in run and len(run) else ""
    extra = [key for key in lines if key not in labels]
    if extra:
        raise DatasetError(
            f"{pred_name!r}, row {lines[extra[0]][0]}, column clip: {' '.join(extra[0])} "
            f"is not in {truth_name!r}; in all {len(extra)} clips are not.",
            "Predict the annotated clips and no others.",
        )
    missing = [key for key in labels if key not in lines]
    if missing:
        raise DatasetError(
            f"{pred_name!r} has no prediction{seed} for {len(missing)} of {len(labels)} clips "
            f"of {truth_name!r}, such as {' '.join(missing[0])}.",
            "Predict every annotated clip: a score over a part of them is another score.",
        )
    pooled = {"": PooledScores(len(LABELS)), **{key[0]: PooledScores(len(LABELS)) for key in labels}}
    for key, label in labels.items():
        for part in ("", key[0]):
            pooled[part].update([LABELS.index(label)], [LABELS.index(lines[key][1])])
    found = {
        part: {"clips": int(s.confusion.sum()), "uf1": s.uf1(), "uar": s.uar()} for part, s in pooled.items()
    }
    return {**found.pop(""), "per_dataset": found}


def _mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average runs of equal layout."""
    if len(runs) == 1:
        return runs[0]
    return {
        key: _mean([run[key] for run in runs])
        if isinstance(value, dict)
        else (value if key == "clips" else sum(run[key] for run in runs) / len(runs))
        for key, value in runs[0].items()
    }
