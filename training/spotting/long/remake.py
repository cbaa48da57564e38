"""The report of an evaluation on long videos made anew, every score computed from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import UndefinedError

from megc_live.errors import DatasetError
from megc_live.output.files import write_whole
from training.protocols.tables import KINDS, read_spotting_table, read_video_table
from training.spotting.long.page import render
from training.spotting.long.published import PUBLISHED
from training.spotting.long.scores import Video, score_method
from training.spotting.long.summary import count, hashes
from training.summary_file import AGAIN, check_fields, differing

PAGE = "report.html"
_FIELDS = {
    "dataset": str, "synthetic": bool, "left_out": list, "annotated_twice": int, "findings": list,
    "default_rule": str, "recognizer_data": str, "settings": dict, "versions": dict, "models": dict,
    "files_sha256": dict,
}  # fmt: skip
_ROW_FIELDS = {"method": str, "origin": str, "kinds": list, "chosen": dict}
_TOLERANCE = 1e-9


def remake(folder: Path, known: dict[str, Any]) -> list[str]:
    """Write ``report.html`` anew from a folder's tables.

    Scores, intervals, subjects, counts and hashes are those of ``truth.csv``, ``videos.csv`` and
    ``predictions/*.csv``. The summary is asked for what they do not hold (settings, versions, what was
    chosen, what the reader noticed). Where it gives other scores, the page says so.

    Parameters
    ----------
    folder : Path
        Of ``megc-train evaluate spotting`` on long videos.
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
    check_fields(known, _FIELDS, _ROW_FIELDS)
    if known["dataset"] not in PUBLISHED:
        raise DatasetError(f"summary.json is of {known['dataset']!r}, no data set of long videos.", AGAIN)
    videos = _videos(folder)
    items = [Video(*row) for row in videos[list(Video._fields)].itertuples(index=False)]
    truth = _intervals(folder / "truth.csv", videos)
    said = {row["method"]: row for row in known["rows"]}
    rows = []
    names = ["truth.csv", "videos.csv"]
    for method in _methods(folder, said):
        names.append(f"predictions/{method}.csv")
        pred = _intervals(folder / names[-1], videos)
        rows.append({**_unknown(method, pred), **said.get(method, {}), **score_method(items, truth, pred)})
    files = hashes({name: (folder / name).read_bytes() for name in names})
    summary = {**known, **count(items, truth), "rows": rows, "files_sha256": files}
    found = list(_differences(known, summary))
    try:
        page = render({**summary, "disagreements": found})
    except UndefinedError as error:
        raise DatasetError(f"summary.json lacks what the page needs: {error.message}.", AGAIN) from None
    write_whole(folder / PAGE, page)
    return found


def _videos(folder: Path) -> pd.DataFrame:
    if not (folder / "videos.csv").exists():
        raise DatasetError(
            f"{str(folder)!r} holds no videos.csv, which says what was judged.",
            "Give the command of the evaluation again, with --resume: it writes it from what is finished.",
        )
    videos = read_video_table(folder / "videos.csv")
    if not len(videos):
        raise DatasetError(f"{str(folder / 'videos.csv')!r} has no rows.", AGAIN)
    return videos


def _methods(folder: Path, said: Mapping[str, Any]) -> list[str]:
    """Methods with predictions: first as the summary names them."""
    there = sorted(path.stem for path in (folder / "predictions").glob("*.csv"))
    if not there:
        raise DatasetError(f"{str(folder)!r} holds no predictions/*.csv.", AGAIN)
    return [name for name in said if name in there] + [name for name in there if name not in said]


def _intervals(path: Path, videos: pd.DataFrame) -> pd.DataFrame:
    table = read_spotting_table(path, labels=True)
    for line, video in zip(table.index, table["video"], strict=True):
        if video not in set(videos["video"]):
            raise DatasetError(
                f"{str(path)!r}, row {line}, column video: {video} is not in videos.csv.",
                "Give the folder of one evaluation.",
            )
    return table


def _unknown(method: str, pred: pd.DataFrame) -> dict[str, Any]:
    """What is said of a method of which the summary has no row."""
    kinds = [kind for kind in KINDS if (pred["kind"] == kind).any()]
    return {"method": method, "origin": "not in summary.json", "kinds": kinds, "chosen": {}}


def _differences(known: dict[str, Any], made: dict[str, Any]) -> Iterator[str]:
    """Say where the summary gives something else than the tables do, a line each."""
    for key in ("videos", "videos_with_micro", "subjects", "minutes", "micro", "macro"):
        yield from differing(key, known.get(key), made[key], _TOLERANCE)
    said = {row["method"]: row for row in known["rows"]}
    rows = {row["method"]: row for row in made["rows"]}
    for name in said.keys() - rows.keys():
        yield f"summary.json has a row {name}, of which there are no predictions"
    for name, row in rows.items():
        if name not in said:
            yield f"summary.json has no row {name}"
            continue
        for key in ("scores", "interval_95", "alarms_per_minute", "subjects"):
            yield from differing(f"{name}, {key}", said[name].get(key), row[key], _TOLERANCE)
    for name, value in made["files_sha256"].items():
        if known["files_sha256"].get(name) != value:
            yield f"{name} is not the file of which summary.json gives the SHA-256"
