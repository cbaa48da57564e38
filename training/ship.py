"""``megc-train export``: fitted models with what their evaluation found, into the folder that ships."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from pathlib import Path
from typing import Any

from megc_live.errors import DatasetError, ModelError, OutputError
from megc_live.models import ModelCard, sha256_of
from training.export import write_card


def export_models(models: Path, out: Path, evaluation: Path | None = None) -> list[Path]:
    """Copy fitted models, each checked against its card, and complete the cards.

    Parameters
    ----------
    models : Path
        Folder that ``megc-train fit`` wrote.
    out : Path
        Folder to write to; a model of the same name is replaced.
    evaluation : Path, optional
        Folder that ``megc-train evaluate spotting`` wrote with the same settings. Its scores go into the
        cards, and the threshold becomes the median of those that its folds chose: they rest on all people.

    Returns
    -------
    list of Path
        The ONNX files written.

    Raises
    ------
    ModelError
        There is no model, or one is not what its card says.
    DatasetError
        The evaluation cannot be read.
    OutputError
        ``out`` cannot be written to.
    """
    found = sorted(models.glob("*.onnx"))
    if not found:
        raise ModelError(f"there is no model in {str(models)!r}.", "Fit one with `megc-train fit`.")
    cards = {path: _card(path) for path in found}
    if evaluation is not None:
        summary = _summary(evaluation)
        for card in cards.values():
            if card.get("kind") == "spotter":
                _complete(card, summary, evaluation)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [_copy(path, card, out) for path, card in cards.items()]
    except OSError as error:
        raise OutputError(f"cannot write to {str(out)!r}: {error.strerror}.") from None


def _card(path: Path) -> dict[str, Any]:
    place = path.with_suffix(".json")
    try:
        card: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        ModelCard.model_validate(card)
    except (OSError, ValueError) as error:  # pydantic's own is a ValueError
        raise ModelError(
            f"the card of {str(path)!r} cannot be read: {' '.join(str(error).split())}.",
            "Fit the model again.",
        ) from None
    if card.get("sha256") != sha256_of(path):
        raise ModelError(f"{str(path)!r} is not the model of its card.", "Fit the model again.")
    return card


def _complete(card: dict[str, Any], summary: dict[str, Any], evaluation: Path) -> None:
    """Add scores, and the threshold that the folds agree on, to a spotter's card."""
    name = card["name"]
    scores = _scores(summary).get(name)
    if scores is None:
        raise DatasetError(
            f"the evaluation in {str(evaluation)!r} has no scores of {name}.",
            "Evaluate it with `megc-train evaluate spotting`.",
        )
    card["scores"] = {**card.get("scores", {}), **scores}
    chosen = [fold[name] for fold in summary["thresholds"].values() if name in fold]
    if chosen:
        card["settings"]["threshold"] = round(statistics.median(chosen), 4)
        card["evaluation"] = (
            f"people apart, {summary['folds']} folds; the threshold is the median of those that the folds "
            f"chose on people of their training part; a fold judges "
            + ("one network" if summary["members"] == 1 else f"the mean of {summary['members']} networks")
            + f", what ships is the mean of {card['settings'].get('networks', 1)}"
        )


def _copy(path: Path, card: dict[str, Any], out: Path) -> Path:
    target = out / path.name
    if target.resolve() != path.resolve():
        part = out / f".{path.name}.{os.getpid()}.part"
        try:
            shutil.copyfile(path, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    write_card(target.with_suffix(".json"), card)
    return target


def _summary(evaluation: Path) -> dict[str, Any]:
    """What an evaluation wrote; raises :class:`DatasetError` where there is none."""
    try:
        summary = dict(json.loads((evaluation / "summary.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{str(evaluation)!r} holds no evaluation ({error}).", "Run `megc-train evaluate spotting` first."
        ) from None
    if "unlearned_units" not in summary:
        raise DatasetError(
            f"{str(evaluation)!r} holds an evaluation on {summary.get('dataset', 'other data')}, not on what "
            "spotters are fitted on.",
            "Run `megc-train evaluate spotting --dataset synthetic`.",
        )
    return summary


def _scores(summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Scores of an evaluation per method, every name saying that they are synthetic."""
    out: dict[str, dict[str, Any]] = {}
    for row in summary["rows"]:
        values = {
            f"{key}_synthetic": round(row[key], 4)
            for key in ("f1", "f1_low", "f1_high", "precision", "recall")
        }
        out.setdefault(row["method"], {})[row["subset"]] = {
            **values, "false_alarms_per_minute_synthetic": round(row["alarms_per_min"], 3),
        }  # fmt: skip
    for method, units in summary["unlearned_units"].items():
        out.setdefault(method, {})["recall_of_units_never_learned_synthetic"] = round(
            units["recall_unlearned"], 4
        )
    return out
