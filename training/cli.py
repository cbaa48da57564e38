"""The command line ``megc-train``: parse, call, exit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from megc_live.commands.shell import OneLineErrors, help_if_alone
from training.commands_score import app as score_app

app = typer.Typer(
    name="megc-train",
    cls=OneLineErrors,
    help="Rebuild the models of megc-live and measure them. Needs the extra `train`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
fit_app = typer.Typer(help="Fit a model and export it as ONNX with its card.", no_args_is_help=True)
app.add_typer(fit_app, name="fit")
app.add_typer(score_app, name="score")

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the model and its card.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Everything random comes from it.")]


@app.callback(invoke_without_command=True)
def _start(ctx: typer.Context) -> None:
    help_if_alone(ctx)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the corpus.")],
    footage: Annotated[
        list[Path],
        typer.Option("--footage", metavar="PATH", help="Video file or folder of videos; may be repeated."),
    ],
    people: Annotated[
        Path | None, typer.Option("--people", metavar="CSV", help="Who is in which file: file,person,note.")
    ] = None,
    seed: Seed = 0,
    variants: Annotated[int, typer.Option(min=1, help="Clips made of each source.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    more: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="More footage.")] = None,
) -> None:
    """Plant known movements in real footage: clips, truth.csv, negatives.csv, corpus.json."""
    from megc_live.commands.progress import counted
    from training.datasets.synth import make_corpus

    with counted("clips") as progress:
        make_corpus(
            out,
            [*footage, *(more or [])],
            seed=seed,
            variants=variants,
            people_csv=people,
            jobs=jobs,
            progress=progress,
        )
    typer.echo(f"written: {out / 'truth.csv'}")


def main() -> None:
    """Run the command line; the entry point ``megc-train``."""
    app()
