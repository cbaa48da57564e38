"""``megc-train check``: what was read of a data set against what was published."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from megc_live.commands.shell import FAILED
from megc_live.commands.tables import print_json, print_table


class Name(StrEnum):
    """Data sets that can be read."""

    smic = "smic"
    casme2 = "casme2"
    samm = "samm"
    composite = "composite"
    megc2019_flow = "megc2019-flow"
    cas_me2 = "cas_me2"
    samm_long = "samm_long"
    ck_plus = "ck_plus"


def check(
    name: Annotated[Name, typer.Argument(metavar="NAME", help="The data set.")],
    root: Annotated[Path | None, typer.Option(metavar="PATH", help="Folder of the release.")] = None,
    annotations: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The annotations alone, or where they are not in it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a data set and compare it with the published counts; exit 1 where they differ.

    NAME: smic, casme2, samm, composite, megc2019-flow, cas_me2, samm_long or ck_plus.
    What the reader noticed is listed: cells rounded or clipped, rows left out.
    """
    from training.datasets.check import check_dataset

    result = check_dataset(name.value, root, annotations)
    if as_json:
        print_json(result)
    else:
        _print(result)
    if not result["agrees"]:
        raise typer.Exit(FAILED)


def _print(result: dict[str, Any]) -> None:
    if result["findings"]:
        columns = ("where", "row", "column", "read", "done")
        rows = [
            {key: "" if finding[key] is None else finding[key] for key in columns}
            for finding in result["findings"]
        ]
        print_table(f"Findings: {len(rows)}", columns, rows)
    else:
        typer.echo("Findings: none")
    edition = f", edition {result['edition']}" if result["edition"] else ""
    print_table(f"Counts of {result['name']}{edition}", ("count", "read", "published", "agrees"), [
        {**row, "published": "" if row["published"] is None else row["published"],
         "agrees": {True: "yes", False: "NO", None: ""}[row["agrees"]]}
        for row in result["counts"]
    ])  # fmt: skip
    typer.echo("All counts agree." if result["agrees"] else "Counts differ from the published ones.")
