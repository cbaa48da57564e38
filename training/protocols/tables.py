"""The tables that are scored: who moved when, and what was recognised.

A spotting table has the columns ``video,onset,offset[,kind,label,score]``, a recognition table
``dataset,subject,clip`` with ``truth`` and/or ``pred``, a table of videos ``video,subject,frames,fps``.
The header is required, the order of the columns is free and further columns are kept as text. Nothing is
repaired: a row that does not make sense is an error that names the file, the row and the column.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from megc_live.errors import DatasetError
from megc_live.events import LABELS

KINDS = ("micro", "macro")
"""Kinds of facial movement in the order of every result."""

SPOTTING_COLUMNS = ("video", "onset", "offset")
"""Columns that a spotting table must have."""

SPOTTING_KEY = ("video", "onset", "offset", "kind")
"""What may occur only once in a spotting table."""

RECOGNITION_KEY = ("dataset", "subject", "clip")
"""What names a clip in a recognition table; with ``seed`` too where that column is there."""

_INTEGER = re.compile(r"[+-]?\d{1,15}(\.0*)?", re.ASCII)


def read_spotting_table(path: Path, labels: bool = False) -> pd.DataFrame:
    """Read intervals in frames.

    Parameters
    ----------
    path : Path
        CSV with the columns ``video``, ``onset`` and ``offset`` and, where known, ``kind`` (default
        micro), ``label`` and ``score``. A header with no rows below it is valid: nothing was there.
    labels : bool
        Require the column ``label``.

    Returns
    -------
    DataFrame
        One row an interval, indexed by its line in the file (index name ``line``; the header is line 1).
        ``onset``, ``offset``: int64, 0-based and inclusive; ``kind``: micro or macro; ``label``: one of
        :data:`megc_live.events.LABELS` or empty, only if the file has it; ``score``: float64, NaN where
        empty, only if the file has it; all other columns: text.

    Raises
    ------
    DatasetError
        The file cannot be read, has no header or lacks a column; a value is empty, not a whole number,
        negative, or an unknown kind or label; an offset lies before its onset; an interval occurs twice.
    """
    sheet = _read_sheet(path, (*SPOTTING_COLUMNS, "label") if labels else SPOTTING_COLUMNS)
    table = sheet.table
    sheet.convert("video", _text, str)
    sheet.convert("onset", _frame, "int64")
    sheet.convert("offset", _frame, "int64")
    if "kind" not in table:
        table["kind"] = pd.Series("micro", index=table.index, dtype=str)
    sheet.convert("kind", _kind, str)
    if "label" in table:
        sheet.convert("label", _label_or_none, str)
    if "score" in table:
        sheet.convert("score", _score, "float64")
    for line, onset, offset in zip(table.index, table["onset"], table["offset"], strict=True):
        if offset < onset:
            raise sheet.error(
                line,
                "offset",
                f"the offset {offset} lies before the onset {onset}",
                "Give the first and the last frame of each interval.",
            )
    sheet.refuse_duplicates(SPOTTING_KEY)
    return table


def read_recognition_table(path: Path, columns: Sequence[str] = ("truth", "pred")) -> pd.DataFrame:
    """Read what the clips show, or what was recognised in them.

    Parameters
    ----------
    path : Path
        CSV with the columns ``dataset``, ``subject``, ``clip`` and those of ``columns``. A clip may occur
        once, or once for each value of a column ``seed``.
    columns : sequence of str
        ``truth`` and/or ``pred``: class names, or 0, 1 and 2 in the order of
        :data:`megc_live.events.LABELS`.

    Returns
    -------
    DataFrame
        One row a clip (and seed), all text, indexed by its line in the file; ``columns`` hold class names.

    Raises
    ------
    DatasetError
        The file cannot be read, has no header or lacks a column; a value is empty or an unknown label; a
        clip occurs twice.
    """
    sheet = _read_sheet(path, (*RECOGNITION_KEY, *columns))
    for name in RECOGNITION_KEY:
        sheet.convert(name, _text, str)
    for name in columns:
        sheet.convert(name, lambda value: _label(_text(value)), str)
    key: tuple[str, ...] = RECOGNITION_KEY
    if "seed" in sheet.table:
        sheet.convert("seed", _text, str)
        key = (*key, "seed")
    sheet.refuse_duplicates(key)
    return sheet.table


def read_video_table(path: Path, who: str = "subject") -> pd.DataFrame:
    """Read which videos were judged, those without any movement too.

    Parameters
    ----------
    path : Path
        CSV with the columns ``video``, ``frames``, ``fps`` and that of ``who``.
    who : str
        Column that names whose video it is.

    Returns
    -------
    DataFrame
        One row a video, indexed by its line in the file. ``frames``: int64, 1 and more; ``fps``: float64,
        above 0, frames per second; all other columns: text.

    Raises
    ------
    DatasetError
        The file cannot be read, has no header or lacks a column; a value is empty or no such number; a
        video occurs twice.
    """
    sheet = _read_sheet(path, ("video", who, "frames", "fps"))
    for name in ("video", who):
        sheet.convert(name, _text, str)
    sheet.convert("frames", _length, "int64")
    sheet.convert("fps", _rate, "float64")
    sheet.refuse_duplicates(("video",))
    return sheet.table


class _BadValue(Exception):
    """What is wrong with a value, and what to give instead."""


@dataclass(frozen=True)
class _Sheet:
    """A table that still knows its file, so that a bad value can be pointed at."""

    path: Path
    table: pd.DataFrame

    def error(self, line: int, column: str, got: str, do: str = "") -> DatasetError:
        return DatasetError(f"{str(self.path)!r}, row {line}, column {column}: {got}.", do)

    def convert(self, column: str, parse: Callable[[str], Any], dtype: Any) -> None:
        """Parse a column in place; ``parse`` raises :class:`_BadValue`."""
        values = []
        for line, text in zip(self.table.index, self.table[column], strict=True):
            try:
                values.append(parse(text))
            except _BadValue as bad:
                raise self.error(line, column, *bad.args) from None
        self.table[column] = pd.Series(values, index=self.table.index, dtype=dtype)

    def refuse_duplicates(self, key: Sequence[str]) -> None:
        first: dict[tuple[Any, ...], int] = {}
        for line, values in zip(self.table.index, _records(self.table, key), strict=True):
            if values in first:
                named = ", ".join(f"{name} {value}" for name, value in zip(key, values, strict=True))
                raise self.error(
                    line,
                    "+".join(key),
                    f"{named} stands in row {first[values]} already",
                    "Keep one of the rows.",
                )
            first[values] = line


def _records(table: pd.DataFrame, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(table[name].tolist() for name in columns), strict=True)


def _read_sheet(path: Path, required: Sequence[str]) -> _Sheet:
    """Read a CSV file as text, keeping the line that each row starts on."""
    expected = f"Expected is a CSV table with the header {','.join(required)}."
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            begins = 1
            for fields in reader:
                line, begins = begins, reader.line_num + 1
                cells = [field.strip() for field in fields]
                if not any(cells) and len(cells) < 2:
                    continue
                if header is None:
                    header = _check_header(path, line, cells, required, expected)
                    continue
                if len(cells) != len(header):
                    raise DatasetError(
                        f"{str(path)!r}, row {line}, column {header[min(len(cells), len(header) - 1)]}: "
                        f"the row has {len(cells)} values, the header {len(header)} columns.",
                        "Quote values that contain a comma.",
                    )
                rows.append(cells)
                lines.append(line)
    except OSError as error:
        raise DatasetError(
            f"cannot read the table {str(path)!r}: {error.strerror or error}.", "Check the name of the file."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{str(path)!r} is not a UTF-8 CSV table: {error}.", expected) from None
    if header is None:
        raise DatasetError(
            f"{str(path)!r}, row 1, column {required[0]}: the file is empty.",
            f"{expected} A table without rows needs the header all the same.",
        )
    index = pd.Index(lines, name="line", dtype="int64")
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    data = {
        name: pd.Series(list(cells), index=index, dtype=str)
        for name, cells in zip(header, columns, strict=True)
    }
    return _Sheet(path, pd.DataFrame(data, index=index))


def _check_header(
    path: Path, line: int, header: list[str], required: Sequence[str], expected: str
) -> list[str]:
    for name in required:
        if name not in header:
            hint = (
                " Separate the columns by commas."
                if len(header) == 1 and re.search(r"[;\t]", header[0])
                else ""
            )
            raise DatasetError(
                f"{str(path)!r}, row {line}, column {name}: there is no such column; the header is "
                f"{','.join(header)!r}.",
                expected + hint,
            )
    for name in header:
        if header.count(name) > 1:
            raise DatasetError(
                f"{str(path)!r}, row {line}, column {name or '(without a name)'}: the header has it "
                f"{header.count(name)} times.",
                "Give each column a name of its own.",
            )
    return header


def _text(value: str) -> str:
    if not value or value.lower() == "nan":
        raise _BadValue("the value is missing", "Fill it in, or remove the row.")
    return value


def _frame(value: str) -> int:
    text = _text(value)
    if not _INTEGER.fullmatch(text):
        raise _BadValue(f"{value!r} is not a whole number", "Give frame numbers: 0-based and inclusive.")
    frame = int(text.partition(".")[0])
    if frame < 0:
        raise _BadValue(f"{frame} is negative", "Give frame numbers: 0-based and inclusive.")
    return frame


def _length(value: str) -> int:
    text = _text(value)
    frames = int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else 0
    if frames < 1:
        raise _BadValue(f"{value!r} is no number of frames", "Give how many frames the video has.")
    return frames


def _rate(value: str) -> float:
    try:
        fps = float(_text(value))
    except ValueError:
        fps = math.nan
    if not 0 < fps < math.inf:
        raise _BadValue(f"{value!r} is no frame rate", "Give frames per second, above 0.")
    return fps


def _kind(value: str) -> str:
    if _text(value).lower() not in KINDS:
        raise _BadValue(f"{value!r} is no kind of movement", f"Give one of: {', '.join(KINDS)}.")
    return value.lower()


def _label_or_none(value: str) -> str:
    return "" if value.lower() in ("", "nan") else _label(value)


def _label(value: str) -> str:
    if value in ("0", "1", "2"):
        return LABELS[int(value)]
    if value.lower() not in LABELS:
        raise _BadValue(f"{value!r} is an unknown label", f"Give one of: {', '.join(LABELS)}, or 0, 1, 2.")
    return value.lower()


def _score(value: str) -> float:
    if not value or value.lower() == "nan":
        return math.nan
    try:
        score = float(value)
    except ValueError:
        score = math.inf
    if not math.isfinite(score):
        raise _BadValue(f"{value!r} is not a number", "Give the spotter's confidence, or leave it empty.")
    return score
