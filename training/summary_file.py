"""``summary.json`` of an evaluation: read with care, and held against what its tables give."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from megc_live.errors import DatasetError

AGAIN = "Give the folder that `megc-train evaluate --out` wrote."


def read_summary(folder: Path) -> dict[str, Any]:
    """Read a folder's ``summary.json``; raises :class:`DatasetError` if there is none."""
    place = folder / "summary.json"
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
        if not isinstance(known, dict):
            raise ValueError("it is no JSON object")
    except OSError as error:
        raise DatasetError(
            f"{str(folder)!r} holds no evaluation: cannot read summary.json ({error.strerror or error}).",
            AGAIN,
        ) from None
    except ValueError as error:
        raise DatasetError(f"{str(place)!r} is not the summary of an evaluation: {error}.", AGAIN) from None
    return known


def check_fields(known: Mapping[str, Any], fields: Mapping[str, type], rows: Mapping[str, type]) -> None:
    """Check that a summary, and each of its rows, has what a page cannot do without.

    Raises
    ------
    DatasetError
        A field of that name and type is not there, or ``rows`` is no list of objects.
    """
    if not isinstance(known.get("rows"), list):
        raise _bad("it has no list of 'rows'")
    for where, what, wanted in (
        ("it", known, fields),
        *((f"row {k + 1}", row, rows) for k, row in enumerate(known["rows"])),
    ):
        if not isinstance(what, dict):
            raise _bad(f"{where} is {what!r}")
        for key, kind in wanted.items():
            if key not in what:
                raise _bad(f"{where} has no {key!r}")
            if not isinstance(what[key], kind):
                raise _bad(f"the {key!r} of {where} is {what[key]!r}")


def differing(where: str, said: Any, made: Any, tolerance: float) -> Iterator[str]:
    """Say where a summary gives something else than the tables do, a line each.

    Parameters
    ----------
    where : str
        What is compared, in words.
    said, made : any
        JSON: of the summary, of the tables. Objects with the same keys are compared key by key.
    tolerance : float
        Between numbers.
    """
    if isinstance(made, dict) and isinstance(said, dict) and made.keys() == said.keys():
        for key, value in made.items():
            yield from differing(f"{where} {key}", said[key], value, tolerance)
    elif not _same(said, made, tolerance):
        yield f"{where}: summary.json says {said}, the predictions give {made}"


def _same(said: Any, made: Any, tolerance: float) -> bool:
    if said == made:
        return True
    try:
        a, b = np.asarray(said, dtype=np.float64), np.asarray(made, dtype=np.float64)
    except (ValueError, TypeError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True))


def _bad(reason: str) -> DatasetError:
    return DatasetError(f"summary.json is not the summary of an evaluation: {reason}.", AGAIN)
