"""``megc-train report``: the page of an evaluation made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from megc_live.errors import DatasetError


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `evaluate --out` wrote.")],
) -> None:
    """Make the page of an evaluation anew from the tables in DIR: every score is computed again.

    That is report.html, of a synthetic corpus accuracy.md. Where summary.json gives other scores, the page
    and this command say so.
    """
    page, lines = remake(folder)
    for line in lines:
        typer.echo(f"DISAGREES: {line}")
    typer.echo(f"written: {page}")


def remake(folder: Path) -> tuple[Path, list[str]]:
    """Write a folder's page anew, whatever was evaluated.

    Returns
    -------
    Path
        The page.
    list of str
        Where ``summary.json``, which stays as it is, disagrees, a line each.

    Raises
    ------
    DatasetError
        The folder holds no evaluation, or a table in it is not whole.
    OutputError
        The page cannot be written.
    """
    from training.summary_file import AGAIN, read_summary

    known = read_summary(folder)
    if "data_sha256" in known:
        from training.recognition import remake as recognition

        return folder / recognition.PAGE, recognition.remake(folder, known)
    if "protocols" in known:
        from training.spotting.long import remake as long

        return folder / long.PAGE, long.remake(folder, known)
    if "unlearned_units" in known:
        from training.spotting import remake as synthetic

        return folder / synthetic.PAGE, synthetic.remake(folder, known)
    raise DatasetError(
        f"{str(folder / 'summary.json')!r} is not the summary of an evaluation, neither of recognisers nor "
        "of spotters.",
        AGAIN,
    )
