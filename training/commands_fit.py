"""``megc-train fit``: fit a model and export it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from megc_live.commands.shell import named_folder
from training.command_options import Cluster, Seed

app = typer.Typer(help="Fit a model and export it as ONNX with its card.", no_args_is_help=True)

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder for the model and its card.")
]


@app.command("spotter")
def fit_spotter(
    out: Out,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Corpus made by `megc-train synth`; may be repeated. Without one: the photograph.",
        ),
    ] = None,
    seed: Seed = 0,
    members: Annotated[int, typer.Option(min=1, help="Networks, each without a sixth of the people.")] = 3,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the schedule's own number.")] = None,
    data: Annotated[str, typer.Option(help="What the footage is, for the cards.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Fit ltp-ml and ltp-net on corpora with known movements and export them."""
    from megc_live.commands.progress import counted
    from training.spotting.fit import fit_spotters

    with counted("clips") as progress:
        paths = fit_spotters(
            corpus, out, seed=seed, members=members, epochs=epochs, data=data,
            jobs=jobs, progress=progress, log=typer.echo,
        )  # fmt: skip
    for path in paths:
        typer.echo(f"written: {path}")


@app.command("recognizer")
def fit_recognizer(
    out: Out,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Flow images (npz). Without it: the bundled photograph, worth nothing."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Networks, averaged.")] = 3,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the schedule's own number.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="The authors' schedule: twenty times the work.")
    ] = False,
    predictions: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Table of every held-out prediction.")
    ] = None,
    cluster: Cluster = None,
    choose: Annotated[
        bool,
        typer.Option(
            "--choose",
            help="Choose the settings first, by validation with subjects apart; the card says among what. "
            "A broken run goes on where it stopped.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Evaluate STSTNet with each subject left out, then fit it on all of them and export it."""
    from megc_live.commands.progress import counted
    from training.recognition.fit import fit_recognizer as fit
    from training.recognition.fit_chosen import fit_chosen

    if cluster is not None and not choose:
        raise typer.BadParameter("--cluster goes with --choose.")
    if choose:
        if data is None or epochs is not None or published:
            raise typer.BadParameter("--choose needs --data, and sets the epochs and the schedule itself.")
        with counted("fits") as progress:
            path = fit_chosen(
                data, out, seeds=seeds, predictions=predictions, jobs=jobs, cluster=cluster,
                progress=progress, log=typer.echo,
            )  # fmt: skip
        typer.echo(f"written: {path}")
        return
    with counted("folds") as progress:
        path = fit(
            data,
            out,
            seeds=seeds,
            epochs=epochs,
            published=published,
            predictions=predictions,
            jobs=jobs,
            progress=progress,
            log=typer.echo,
        )
    typer.echo(f"written: {path}")
