"""The command line ``megc-train``: parse, call, exit."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from megc_live.commands.shell import FAILED, OneLineErrors, help_if_alone, named_folder, print_error
from megc_live.errors import SettingsError
from megc_live.telemetry import silence
from training.command_options import Cluster, Seed
from training.commands_check import check
from training.commands_fit import app as fit_app
from training.commands_report import report
from training.commands_score import app as score_app

_EXTRA = ("torch", "onnx", "onnxscript", "skl2onnx", "joblib", "openpyxl")


class _NeedsExtra(OneLineErrors):
    """Says on one line which extra is missing."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA:
                raise
            command = "python -m pip install -c constraints.txt '.[train]'"
            print_error(f"this command needs {error.name}. Install it with `{command}`.")
            raise typer.Exit(FAILED) from None


app = typer.Typer(
    name="megc-train",
    cls=_NeedsExtra,
    help="Rebuild the models of megc-live and measure them. Needs the extra `train`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
evaluate_app = typer.Typer(help="Measure methods with people apart.", no_args_is_help=True)
app.add_typer(fit_app, name="fit")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(score_app, name="score")
app.command()(check)
app.command()(report)


class Layout(StrEnum):
    """Data sets in whose layout a corpus can be written."""

    cas_me2 = "cas_me2"
    samm_long = "samm_long"
    samm_long_cropped = "samm_long_cropped"
    smic = "smic"
    smic_extended = "smic_extended"
    casme2 = "casme2"
    samm = "samm"
    ck_plus = "ck_plus"
    composite = "composite"


class ApexRule(StrEnum):
    """Rules of :data:`training.recognition.apex.RULES`."""

    middle = "middle"
    cells = "cells"


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
    variants: Annotated[int, typer.Option(min=0, help="Clips made of each source.")] = 1,
    stills: Annotated[int, typer.Option(min=0, help="Clips of an animated still made of each source.")] = 0,
    still_s: Annotated[float, typer.Option("--still-seconds", min=4, help="Length of such a clip.")] = 20.0,
    fps: Annotated[
        list[float] | None,
        typer.Option(
            min=1,
            max=1000,
            metavar="F",
            help="Rate of the clips; of several each clip draws one. Default: the footage's.",
        ),
    ] = None,
    units: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Action units to plant, by comma; default: all.")
    ] = None,
    layout: Annotated[
        list[Layout] | None,
        typer.Option(help="Write OUT/LAYOUT too: the corpus as that data set stores it; may be repeated."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    more: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="More footage.")] = None,
) -> None:
    """Plant known movements in real footage: clips, truth.csv, negatives.csv, corpus.json."""
    from megc_live.commands.progress import counted
    from training.datasets.synth import left_out, make_corpus

    with counted("clips") as progress:
        make_corpus(
            out,
            [*footage, *(more or [])],
            seed=seed,
            variants=variants,
            stills=stills,
            still_s=still_s,
            people_csv=people,
            units=[name.strip() for name in units.split(",")] if units is not None else None,
            fps=fps,
            jobs=jobs,
            progress=progress,
        )
    typer.echo(f"written: {out / 'truth.csv'}")
    for line in left_out(out):
        typer.echo(line)
    for name in dict.fromkeys(layout or []):
        from training.datasets.clip_layouts import LAYOUTS

        typer.echo(f"written: {LAYOUTS[name.value](out, out / name.value)}")


@evaluate_app.command("spotting")
def evaluate_spotting(
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder for predictions and scores."),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="synthetic: a corpus made by `megc-train synth`; cas_me2, samm_long: long videos, "
            "each subject left out.",
        ),
    ],
    root: Annotated[
        list[Path],
        typer.Option(metavar="PATH", help="Folder of the data set; several only of synthetic ones."),
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="fire-always, ltp-ml, ltp-net; all by default. Of long videos also every spotter that "
            "is not fitted, and, if named, ltp-net-shipped: as it ships, fitted on other data.",
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Long videos: the annotations, where they are not in PATH."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Synthetic: parts into which the people are dealt.", show_default="5"),
    ] = None,
    members: Annotated[int, typer.Option(min=1, help="Networks in a bag.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the schedule's own number.")] = None,
    seed: Seed = 0,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Synthetic: write the results as Markdown here too.")
    ] = None,
    recognizer: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Long videos: names what was spotted, for STRS, as it ships; or none."
        ),
    ] = "ststnet",
    jobs: Annotated[int, typer.Option(min=1, help="Folds at the same time.")] = 1,
    cluster: Cluster = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Long videos: go on with the run that OUT holds.")
    ] = False,
) -> None:
    """Judge every spotter on people that it was not fitted on.

    Finished folds are kept; a synthetic run always goes on, one on long videos with --resume.
    """
    from megc_live.commands.progress import counted
    from training.spotting.long.evaluate import LONG_DATASETS
    from training.spotting.run import DATASETS, evaluate

    known = (*DATASETS, *LONG_DATASETS)
    if dataset not in known:
        raise SettingsError(
            f"there is no data set named {dataset!r} for spotting.", f"Choose one of: {', '.join(known)}."
        )
    if dataset in LONG_DATASETS:
        from training.commands_long import evaluate_long_videos

        evaluate_long_videos(
            dataset, root, out, annotations=annotations, methods=method, folds=folds, members=members,
            epochs=epochs, seed=seed, page=page, recognizer=recognizer, jobs=jobs,
            cluster=cluster, resume=resume,
        )  # fmt: skip
        return
    if cluster is not None:
        raise SettingsError(
            "a synthetic corpus is judged on this machine.", "Leave out --cluster, or use --jobs."
        )
    with counted("clips") as progress:
        summary = evaluate(
            dataset, root, out, methods=method, folds=folds or 5, members=members, epochs=epochs, seed=seed,
            page=page, jobs=jobs, progress=progress, log=typer.echo,
        )  # fmt: skip
    for row in summary["rows"]:
        typer.echo(
            f"{row['method']:12s} {row['subset']:8s} micro F1 {row['f1']:.3f} "
            f"(synthetic, {row['f1_low']:.2f}-{row['f1_high']:.2f})  precision {row['precision']:.3f}  "
            f"recall {row['recall']:.3f}  alarms/min {row['alarms_per_min']:.2f}"
        )


@evaluate_app.command("recognition")
def evaluate_recognition(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            parser=named_folder,
            help="Folder for folds, predictions, summary.json, report.html.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="smic, casme2, samm, composite: from frames, with --root; megc2019-flow: flow images of the "
            "challenge's 442 clips, with --data.",
        ),
    ],
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="The npz file of megc2019-flow.")] = None,
    root: Annotated[Path | None, typer.Option(metavar="PATH", help="Folder of the other data sets.")] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="On flow images: ststnet, off-apexnet, dual-inception, bi-woof, rbf-svm, kernel-mean. On "
            "frames alone: lbp-top, bi-woof-full, capsulenet, emr. May be repeated. Default: all that the "
            "data allow, but for the last two, which take days; off-apexnet and dual-inception take hours.",
        ),
    ] = None,
    apex: Annotated[
        ApexRule | None, typer.Option(help="Apex of clips that have none annotated. Default: middle.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for aligned faces, which runs may share. Default: OUT/clips."
        ),
    ] = None,
    ck_plus: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Folder of CK+, which emr is fitted with besides.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.SETTING=VALUE",
            help="Of capsulenet or emr, as emr.epochs=20, emr.without_macro=true, "
            "capsulenet.weights=resnet18-f37072fd.pth; may be repeated.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Fits of each network and deals of the control.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    cluster: Cluster = None,
    control: Annotated[bool, typer.Option(help="Also with shuffled labels.")] = True,
    leaky: Annotated[
        bool, typer.Option("--leaky", help="Also by the best epoch for each test subject, marked LEAKY.")
    ] = False,
    published: Annotated[
        bool,
        typer.Option("--published", help="Networks with the authors' schedules: up to 200 times the work."),
    ] = False,
    released_input: Annotated[
        bool,
        typer.Option("--released-input", help="ststnet on bytes as they are, as the authors' release reads."),
    ] = False,
    released_split: Annotated[
        bool,
        typer.Option(
            "--released-split",
            help="dual-inception as the authors' release splits: fitted on the two other data sets, the "
            "epoch of least loss on the other subjects of the own.",
        ),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that OUT holds.")] = False,
) -> None:
    """Judge recognisers with each subject left out. Finished parts are kept: --resume goes on."""
    from megc_live.commands.progress import counted
    from megc_live.commands.quiet import without_chatter
    from training.recognition.evaluate import evaluate_recognition as evaluate
    from training.recognition.method_settings import add_ck_plus, parse_settings
    from training.recognition.results_page import row_name
    from training.recognition.variants import as_published

    settings = parse_settings(setting or [], method or [])
    for name, chosen in as_published(
        method, schedules=published, released_input=released_input, released_split=released_split
    ).items():
        settings[name] = {**chosen, **settings.get(name, {})}
    with without_chatter(), counted("done") as progress:
        if ck_plus is not None:
            settings = add_ck_plus(
                settings, method or [], ck_plus, cache or out / "clips", jobs=jobs, progress=progress,
                log=typer.echo,
            )  # fmt: skip
        summary = evaluate(
            dataset, data, out, root=root, cache=cache, apex_rule=apex and apex.value, methods=method,
            seeds=seeds, jobs=jobs, cluster=cluster, control=control, leaky=leaky, resume=resume,
            settings=settings, progress=progress, log=typer.echo,
        )  # fmt: skip
    for row in summary["rows"]:
        full, (low, high) = row["scores"]["full"], row["interval_95"]["uf1"]
        typer.echo(
            f"{row_name(row):40s} UF1 {full['uf1']:.3f} ({low:.2f}-{high:.2f})  UAR {full['uar']:.3f}  "
            f"seeds {len(row['seeds'])}"
        )
    typer.echo(f"written: {out / 'report.html'}")


@app.command("export")
def export(
    models: Annotated[Path, typer.Option("--models", metavar="DIR", help="Folder that `fit` wrote.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder that ships.")
    ] = Path("exported_models"),
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="What `evaluate spotting` wrote: scores for the cards, threshold."),
    ] = None,
) -> None:
    """Check fitted models, complete their cards with the evaluation, and put them where they ship."""
    from training.ship import export_models

    for path in export_models(models, out, evaluation):
        typer.echo(f"written: {path}")


def main() -> None:
    """Run the command line; the entry point ``megc-train``."""
    silence()
    app()
