"""The page of an evaluation on synthetic corpora made anew, its scores computed from its tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from megc_live.errors import DatasetError
from megc_live.output.files import write_whole
from training.protocols.tables import read_spotting_table, read_video_table
from training.spotting.evaluate import FoldResult
from training.spotting.report import Row, accuracy_page, recall_by_amplitude, score_folds
from training.spotting.sequences import Movement
from training.summary_file import AGAIN, check_fields, differing

PAGE = "accuracy.md"
_FIELDS = {
    "people": int, "clips": int, "minutes": float, "micro": int, "folds": int, "members": int,
    "unlearned_units": dict, "recall_by_amplitude": dict, "by_liveliness": dict,
}  # fmt: skip
_ROW_FIELDS = {"method": str, "subset": str}
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class JudgedClip:
    """A clip of which there are the tables alone (:class:`training.spotting.report.Judged`)."""

    name: str
    person: str
    minutes: float
    truth: Sequence[Movement]


def remake(folder: Path, known: dict[str, Any]) -> list[str]:
    """Write ``accuracy.md`` anew from a folder's tables.

    Scores, intervals and the recall of each size of movement are those of ``truth.csv``, ``videos.csv`` and
    ``predictions-*.csv``. What needs models or signals (units never learned, liveliness) is taken from the
    summary. Where that gives other scores, the page says so.

    Parameters
    ----------
    folder : Path
        Of ``megc-train evaluate spotting --dataset synthetic``.
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
    clips = _clips(folder)
    tables = {path.stem.partition("-")[2]: path for path in sorted(folder.glob("predictions-*.csv"))}
    if not tables:
        raise DatasetError(f"{str(folder)!r} holds no predictions-*.csv.", AGAIN)
    order = list(dict.fromkeys(row["method"] for row in known["rows"]))
    methods = [name for name in order if name in tables] + [name for name in tables if name not in order]
    videos = {clip.name for clip in clips}
    pooled = FoldResult(
        0,
        sorted({clip.person for clip in clips}),
        predictions={name: _intervals(tables[name], videos).to_dict("records") for name in methods},
    )
    rows = score_folds(clips, [pooled])
    made = {
        "people": len(pooled.people),
        "clips": len(clips),
        "minutes": round(sum(clip.minutes for clip in clips), 1),
        "micro": sum(m.kind == "micro" for clip in clips for m in clip.truth),
        "recall_by_amplitude": {name: recall_by_amplitude(clips, [pooled], name) for name in methods},
    }
    found = list(_differences(known, made, rows))
    try:
        page = accuracy_page({**known, **made, "disagreements": found}, rows)
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"summary.json lacks what the page needs: {error}.", AGAIN) from None
    write_whole(folder / PAGE, page)
    return found


def _clips(folder: Path) -> list[JudgedClip]:
    if not (folder / "videos.csv").exists():
        raise DatasetError(
            f"{str(folder)!r} holds no videos.csv, which says what was judged.",
            "Give the command of the evaluation again: it writes it from the folds that are finished.",
        )
    videos = read_video_table(folder / "videos.csv", "person")
    if not len(videos):
        raise DatasetError(f"{str(folder / 'videos.csv')!r} has no rows.", AGAIN)
    truth = _intervals(folder / "truth.csv", set(videos["video"]))
    for column in ("units", "amplitude"):
        if column not in truth:
            raise DatasetError(f"{str(folder / 'truth.csv')!r} has no column {column}.", AGAIN)
    clips = []
    for video in videos.itertuples(index=False):
        movements = [
            Movement(
                row.onset, row.offset, row.onset / video.fps, row.offset / video.fps, row.kind,
                tuple(row.units.split("|")), _amplitude(folder, row.Index, row.amplitude),
            )
            for row in truth[truth["video"] == video.video].itertuples()
        ]  # fmt: skip
        clips.append(JudgedClip(video.video, video.person, video.frames / video.fps / 60, movements))
    return clips


def _amplitude(folder: Path, line: int, text: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise DatasetError(
            f"{str(folder / 'truth.csv')!r}, row {line}, column amplitude: {text!r} is not a number.", AGAIN
        ) from None


def _intervals(path: Path, videos: set[str]) -> pd.DataFrame:
    table = read_spotting_table(path)
    for line, video in zip(table.index, table["video"], strict=True):
        if video not in videos:
            raise DatasetError(
                f"{str(path)!r}, row {line}, column video: {video} is not in videos.csv.",
                "Give the folder of one evaluation.",
            )
    return table


def _differences(known: dict[str, Any], made: dict[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    """Say where the summary gives something else than the tables do, a line each."""
    for key, value in made.items():
        yield from differing(key, known[key], value, _TOLERANCE)
    said = {(row["method"], row["subset"]): row for row in known["rows"]}
    there = {(row.method, row.subset): asdict(row) for row in rows}
    for method, subset in said.keys() - there.keys():
        yield f"summary.json has a row {method} ({subset}), of which there are no predictions"
    for (method, subset), row in there.items():
        if (method, subset) not in said:
            yield f"summary.json has no row {method} ({subset})"
            continue
        for key, value in row.items():
            where = f"{method} ({subset}), {key}"
            yield from differing(where, said[method, subset].get(key), value, _TOLERANCE)
