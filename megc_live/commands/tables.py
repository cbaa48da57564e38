"""Tables and JSON on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """Print indented JSON on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], unbroken: Sequence[str] = ()
) -> None:
    """Print rows as a table on stdout; a missing value is an empty cell, ``unbroken`` columns do not wrap."""
    table = Table(title=title, title_justify="left", show_lines=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in unbroken)
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in columns))
    console().print(table)


def console(stderr: bool = False) -> Console:
    """Return a console that prints brackets, paths and numbers as they are."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
