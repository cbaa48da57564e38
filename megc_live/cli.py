"""The command line ``megc-live``: parse, call, exit.

Nothing heavy is imported here: ``megc-live --help`` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from megc_live.commands.quiet import without_chatter
from megc_live.commands.shell import FAILED, OneLineErrors, build_settings, named_folder, print_error
from megc_live.telemetry import silence

app = typer.Typer(
    name="megc-live",
    cls=OneLineErrors,
    help="Find, time and classify facial micro-expressions in live and recorded video. Research use: "
    "not a lie detector. Everything runs on this computer. Without a command the window is opened.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="The models: list, verify, fetch.", no_args_is_help=True)
app.add_typer(models_app, name="models")


class Faces(StrEnum):
    """Which faces are analysed."""

    largest = "largest"
    all = "all"


SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", metavar="FILE", help="TOML file (see `info --settings`) or the session.json of a run."
    ),
]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder for the results.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        help="Frame rate of a folder of images. For a video file it replaces the file's own times: for "
        "high-speed recordings that play slowed down.",
    ),
]
SpotterName = Annotated[str | None, typer.Option("--spotter", metavar="NAME", help="See `info`.")]


def _version(wanted: bool) -> None:
    if wanted:
        from megc_live import __version__

        typer.echo(f"megc-live {__version__}")
        raise typer.Exit


def _check_rate(fps: float | None) -> None:
    if fps is not None and not 0 < fps <= 1000:
        raise typer.BadParameter(f"{fps:g} is no frame rate: give frames per second.", param_hint="--fps")


@app.callback(invoke_without_command=True)
def _start(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        _open_window()


def _open_window(source: str | None = None, settings_file: Path | None = None) -> None:
    """Open the window and leave with its exit code; 1 and one line where there is no display."""
    settings = build_settings(settings_file) if settings_file is not None else None
    from megc_live.gui.display import problem

    if why := problem():
        print_error(why)
        raise typer.Exit(FAILED)
    from megc_live.gui.app import run

    with without_chatter():
        code = run(source, settings)
    raise typer.Exit(code)


@app.command()
def gui(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="What to open in it: camera:0, an http/rtsp address, a video, a folder of videos, of images "
            "or of results.",
        ),
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Open the window: watch live, analyse files, review and correct what was found.

    Exit code 1: no window can be opened here.
    """
    _open_window(source, settings)


@app.command()
def analyze(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Video file, folder of numbered images, folder of videos, http/rtsp address or camera:0.",
        ),
    ],
    out: OutFolder,
    spotter: SpotterName = None,
    recognizer: Annotated[
        str | None, typer.Option(metavar="NAME|none", help="Classifier; none: spotting only.")
    ] = None,
    faces: Annotated[Faces | None, typer.Option(help="The largest face, or all of them.")] = None,
    export: Annotated[
        str, typer.Option(metavar="NAMES", help="More formats, by comma: csv,json,elan,bids,html.")
    ] = "",
    annotate: Annotated[bool, typer.Option("--annotate", help="Write the annotated video too.")] = False,
    as_live: Annotated[bool, typer.Option("--as-live", help="Replay files at their own pace.")] = False,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Sources analysed at the same time.")] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Dask scheduler whose workers analyse; they see the same paths."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is done and unchanged.")] = False,
    fps: Fps = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="T", help="Score needed for an interval, 0 to 1.")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Find micro-expressions in videos, image folders, streams or a camera.

    Exit code 0: all done; 1: some source failed or was stopped before its end (a camera or stream may be
    stopped); 2: bad usage.
    """
    _check_rate(fps)
    if cluster is not None and jobs > 1:
        raise typer.BadParameter("choose either --jobs or --cluster.", param_hint="--cluster")
    tree = build_settings(
        settings,
        spotting__spotter=spotter,
        spotting__threshold=threshold,
        recognition__recognizer=recognizer,
        face__faces=faces.value if faces else None,
    )
    from megc_live.batch import How
    from megc_live.commands.analyze import run

    names = tuple(dict.fromkeys(name.strip() for name in export.split(",") if name.strip()))
    how = How(exports=names, annotate=annotate, as_live=as_live, fps=fps, resume=resume)
    with without_chatter():
        code = run(sources, out, tree, how, jobs=jobs, cluster=cluster)
    raise typer.Exit(code)


@app.command()
def demo(
    out: OutFolder = Path("megc-live-demo"),
    spotter: SpotterName = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws which movements are planted.")] = 5,
    seconds: Annotated[float, typer.Option(min=5, max=600, help="Length of the clip.")] = 45.0,
    settings: SettingsFile = None,
) -> None:
    """Plant micro-expressions in a photograph, find them as if live, compare. No camera, no network.

    Exit code 0: at least 80 % were found with at most one false interval; 1: not so, or stopped.
    """
    from megc_live.commands.demo import run

    with without_chatter():
        code = run(out, build_settings(settings, spotting__spotter=spotter), seed=seed, seconds=seconds)
    raise typer.Exit(code)


@app.command()
def info(
    as_json: AsJson = False,
    settings: Annotated[bool, typer.Option("--settings", help="Print every setting instead.")] = False,
) -> None:
    """Print versions, the provider in use, models and hashes, stated delays, and what is wrong."""
    from megc_live.commands.info import print_info, print_settings

    (print_settings if settings else print_info)(as_json)


@app.command()
def cameras(as_json: AsJson = False) -> None:
    """List the cameras of this computer, as SOURCE for `analyze`."""
    from megc_live.commands.info import print_cameras

    print_cameras(as_json)


@app.command()
def bench(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[SOURCE]", help="A video or a folder of images; default: a rendered clip."),
    ] = None,
    as_json: AsJson = False,
    fps: Fps = None,
    spotter: SpotterName = None,
    settings: SettingsFile = None,
) -> None:
    """Measure throughput, time per stage, latency and memory on this computer."""
    _check_rate(fps)
    from megc_live.commands.bench import run

    with without_chatter():
        run(source, build_settings(settings, spotting__spotter=spotter), as_json=as_json, fps=fps)


@models_app.command("list")
def models_list(as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """List the models with file, SHA-256 and licence."""
    from megc_live.commands.models import print_models

    print_models(as_json, build_settings(settings))


@models_app.command("verify")
def models_verify(settings: SettingsFile = None) -> None:
    """Check every model file against the SHA-256 in its card; exit code 1 if one differs."""
    from megc_live.commands.models import verify

    raise typer.Exit(verify(build_settings(settings)))


@models_app.command("fetch")
def models_fetch() -> None:
    """Download the face landmarker from its publisher into the user's cache."""
    from megc_live.commands.models import fetch

    fetch()


def main() -> None:
    """Run the command line; the entry point ``megc-live``."""
    silence()
    app()
