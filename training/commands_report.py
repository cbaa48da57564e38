"""``megc-train report``: the page of an evaluation made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `evaluate recognition --out` wrote.")],
) -> None:
    """Make report.html anew from the predictions in DIR: every score is computed again.

    Where summary.json gives other scores, the page and this command say so. What evaluate spotting wrote
    has no such page.
    """
    from training.recognition.remake import remake

    for line in remake(folder):
        typer.echo(f"DISAGREES: {line}")
    typer.echo(f"written: {folder / 'report.html'}")
