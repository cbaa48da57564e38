"""Sheets of annotation workbooks: header found by its names, cells read strictly, findings kept."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from megc_live.errors import DatasetError
from training.datasets.base import Finding

_HEADER_WITHIN = 40
"""Rows searched for the header: the longest known preamble has 13."""


@dataclass(frozen=True)
class Row:
    """One row of a sheet: its number as a spreadsheet counts it, and its cells by column name."""

    number: int
    cells: Mapping[str, Any]


@dataclass
class Sheet:
    """Rows of one sheet, and what was noticed while reading them."""

    where: str
    rows: list[Row]
    findings: list[Finding] = field(default_factory=list)

    def note(self, row: Row, column: str, read: object, done: str) -> None:
        """Keep a finding."""
        self.findings.append(Finding(self.where, row.number, column, str(read), done))

    def fail(self, row: Row, column: str, expected: str) -> DatasetError:
        """Return the error for a cell that cannot be used."""
        got = row.cells.get(column)
        return DatasetError(
            f"{self.where}, row {row.number}, column {column}: {got!r}, expected {expected}.",
            "Correct the cell, or use the file as it was released.",
        )

    def text(self, row: Row, column: str) -> str:
        """Return a cell as text without blanks around it; a whole number without its point."""
        value = row.cells.get(column)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return "" if value is None else str(value).strip()

    def needed(self, row: Row, column: str) -> str:
        """Return a cell as text that must not be empty."""
        value = self.text(row, column)
        if not value:
            raise self.fail(row, column, "a value")
        return value

    def number(self, row: Row, column: str, prefix: str = "") -> int:
        """Return a subject's number from ``6``, ``'006'`` or, with the prefix ``sub``, ``'sub06'``."""
        match = re.fullmatch(rf"(?:{prefix})?0*(\d+)", self.text(row, column), re.IGNORECASE)
        if match is None:
            raise self.fail(row, column, "a subject's number")
        return int(match[1])

    def frame(self, row: Row, column: str) -> int:
        """Return a frame number; a fractional one is rounded, with a finding."""
        value = row.cells.get(column)
        try:
            number = math.nan if isinstance(value, bool) or value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise self.fail(row, column, "a frame number")
        if number != round(number):
            self.note(row, column, value, f"rounded to {round(number)}")
        return round(number)

    def apex(self, row: Row, column: str = "apex") -> int | None:
        """Return the apex; ``/``, an empty cell and -1 mean that there is none, with a finding."""
        text = self.text(row, column)
        if text in ("/", "", "-1"):
            self.note(row, column, text or "nothing", "taken as missing")
            return None
        return self.frame(row, column)


def with_header(path: Path, columns: Mapping[str, tuple[str, ...]], optional: tuple[str, ...] = ()) -> Sheet:
    """Return the rows under the first header, in any sheet, that has all the columns.

    Parameters
    ----------
    path : Path
    columns : mapping of str to tuple of str
        Name here, and how it may be spelled there: letters and digits in lower case.
    optional : tuple of str
        Those of ``columns`` that an edition may lack.

    Raises
    ------
    DatasetError
        The file cannot be read, or no sheet has such a header.
    """
    lacking: list[str] = list(columns)
    for title, rows in _sheets(path).items():
        for at, (_, cells) in enumerate(rows[:_HEADER_WITHIN]):
            names = [re.sub(r"[^a-z0-9]", "", str(cell).lower()) for cell in cells]
            found = {
                name: next((names.index(s) for s in spelled if s in names), None)
                for name, spelled in columns.items()
            }
            missing = [name for name, i in found.items() if i is None and name not in optional]
            if not missing:
                taken = {name: i for name, i in found.items() if i is not None}
                return Sheet(_where(path, title), list(_named(rows[at + 1 :], taken)))
            lacking = min(lacking, missing, key=len)
    raise DatasetError(
        f"{str(path)!r} has no sheet with a header of the columns {', '.join(columns)}: "
        f"the nearest lacks {', '.join(lacking)}.",
        "Give the annotation workbook as it was released.",
    )


def without_header(path: Path, title: str, columns: tuple[str, ...]) -> Sheet:
    """Return the rows of a sheet without a header, its columns named by their order.

    Raises
    ------
    DatasetError
        The file cannot be read, or has no such sheet.
    """
    sheets = _sheets(path)
    for name, rows in sheets.items():
        if name.strip().lower() == title.lower():
            taken = {column: i for i, column in enumerate(columns)}
            return Sheet(_where(path, name), list(_named(rows, taken)))
    raise DatasetError(
        f"{str(path)!r} has no sheet {title!r}, only {', '.join(map(repr, sheets))}.",
        "Give the annotation workbook as it was released.",
    )


def _named(rows: list[tuple[int, tuple[Any, ...]]], columns: Mapping[str, int]) -> Iterator[Row]:
    for number, cells in rows:
        # A row of empty cells is formatting, not data.
        if any(cell is not None and str(cell).strip() for cell in cells):
            yield Row(number, {name: cells[i] if i < len(cells) else None for name, i in columns.items()})


def _sheets(path: Path) -> dict[str, list[tuple[int, tuple[Any, ...]]]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                # Some programs write wrong dimensions, and rows beyond them would be lost.
                sheet.reset_dimensions()
            return {
                sheet.title: list(enumerate(sheet.iter_rows(values_only=True), start=1))
                for sheet in book.worksheets
            }
        finally:
            book.close()
    except Exception as error:  # a damaged workbook raises whatever the part that stumbles over it raises
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DatasetError(
            f"cannot read the workbook {str(path)!r}: {' '.join(reason.split())}.", "Give an .xlsx file."
        ) from None


def _where(path: Path, title: str) -> str:
    return f"{path.name}, sheet {title}"
