"""The page of an evaluation of recognisers made anew, every score computed from its predictions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.output.files import write_whole
from training.protocols.tables import read_recognition_table
from training.recognition.evaluate import Run
from training.recognition.results import summarise
from training.recognition.results_page import render, row_name
from training.summary_file import AGAIN, check_fields, differing

_NAME = re.compile(r"(?P<method>.+)_seed(?P<seed>\d+)(?P<control>_control)?(?P<leaky>_LEAKY)?")
PAGE = "report.html"
_FIELDS = {"dataset": str, "data_sha256": str, "settings": dict, "versions": dict}
_CHECKED = ("labels", "seeds", "scores", "interval_95", "confusion", "subjects")
_TOLERANCE = 1e-4
"""Scores are written with four digits."""


def remake(folder: Path, known: dict[str, Any]) -> list[str]:
    """Write ``report.html`` anew from a folder's predictions.

    Scores, intervals, confusions and subjects are those of ``predictions/*.csv``; the summary is asked for
    what they do not hold (data set, settings, versions, hashes). Where it gives other scores, the page says
    so.

    Parameters
    ----------
    folder : Path
        Of ``megc-train evaluate recognition``.
    known : dict
        Its summary.

    Returns
    -------
    list of str
        Where the summary disagrees, a line each.

    Raises
    ------
    DatasetError
        The folder holds no such evaluation, or a table in it is not whole.
    OutputError
        The page cannot be written.
    """
    check_fields(known, _FIELDS, {})
    tables = _tables(folder)
    made = summarise(
        tables, dataset=known["dataset"], sha256=known["data_sha256"], settings=known["settings"]
    )
    if any(row.get("synthetic") for row in known["rows"]):
        for row in made["rows"]:
            row["synthetic"] = True
    # What was not computed here stays what the run said of itself, its versions among it.
    summary = {**known, **{key: made[key] for key in ("clips", "subjects", "classes", "rows")}}
    found = list(_differences(known, summary))
    write_whole(folder / PAGE, render({**summary, "disagreements": found}))
    return found


def _tables(folder: Path) -> dict[Run, pd.DataFrame]:
    """Read all predictions, labels as numbers, in the order that an evaluation makes its rows in."""
    tables: dict[Run, pd.DataFrame] = {}
    for path in sorted((folder / "predictions").glob("*.csv")):
        name = _NAME.fullmatch(path.stem)
        if name is None:
            raise DatasetError(
                f"{str(path)!r} is named like no table of predictions.",
                "They are named METHOD_seedN[_control][_LEAKY].csv; move others elsewhere.",
            )
        run = Run(name["method"], int(name["seed"]), bool(name["control"]), bool(name["leaky"]))
        table = read_recognition_table(path)
        for column in ("truth", "pred"):
            table[column] = [LABELS.index(label) for label in table[column]]
        table["seed"] = run.seed
        if not len(table):
            raise DatasetError(f"{str(path)!r} has no rows.", AGAIN)
        tables[run] = table.reset_index(drop=True)
    if not tables:
        raise DatasetError(f"{str(folder)!r} holds no predictions/*.csv.", AGAIN)
    clips = {run: _clips(table) for run, table in tables.items()}
    first, wanted = next(iter(clips.items()))
    for run, found in clips.items():
        if found != wanted:
            raise DatasetError(
                f"the predictions {run.name} and {first.name} in {str(folder)!r} are of different clips.",
                "Give the folder of one evaluation.",
            )
    order = sorted(tables, key=lambda run: (run.method, run.control, run.leaky, run.seed))
    return {run: tables[run] for run in order}


def _clips(table: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(zip(table["dataset"], table["subject"], table["clip"], strict=True))


def _differences(known: dict[str, Any], made: dict[str, Any]) -> Iterator[str]:
    """Say where the summary gives something else than the predictions do, a line each."""
    for key in ("clips", "subjects"):
        if known.get(key) != made[key]:
            yield f"summary.json says {known.get(key)} {key}, the predictions hold {made[key]}"
    said = {row_name({"leaky": False, "labels": "", "method": "", **row}): row for row in known["rows"]}
    rows = {row_name(row): row for row in made["rows"]}
    for name in said.keys() - rows.keys():
        yield f"summary.json has a row {name}, of which there are no predictions"
    for name, row in rows.items():
        if name not in said:
            yield f"summary.json has no row {name}"
            continue
        for key in _CHECKED:
            yield from differing(f"{name}, {key}", said[name].get(key), row[key], _TOLERANCE)
