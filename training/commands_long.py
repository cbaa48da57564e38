"""``megc-train evaluate spotting`` on long videos: what it takes, what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from megc_live.commands.progress import counted
from megc_live.errors import SettingsError


def evaluate_long_videos(
    dataset: str,
    roots: Sequence[Path],
    out: Path,
    *,
    annotations: Path | None,
    methods: Sequence[str] | None,
    folds: int | None,
    members: int,
    epochs: int | None,
    seed: int,
    page: Path | None,
    recognizer: str,
    jobs: int,
    cluster: str | None,
    resume: bool,
) -> None:
    """Run the evaluation and print a line a method; raises SettingsError for options of other data."""
    from training.spotting.fit_net import NetSchedule
    from training.spotting.long.evaluate import evaluate_long
    from training.spotting.long.scores import PARTS, PROTOCOLS
    from training.spotting.long.summary import part_score

    if len(roots) != 1:
        raise SettingsError(f"got {len(roots)} folders of {dataset}.", "Give --root once.")
    if folds is not None or page is not None:
        raise SettingsError(
            f"{dataset} leaves out one subject at a time and writes report.html.",
            "Leave out --folds and --page: they are for synthetic corpora.",
        )
    schedule = NetSchedule() if epochs is None else NetSchedule(epochs=epochs)
    with counted("done") as progress:
        summary = evaluate_long(
            dataset, roots[0], out, annotations=annotations, methods=methods, members=members,
            schedule=schedule, seed=seed, recognizer=recognizer, jobs=jobs, cluster=cluster, resume=resume,
            progress=progress, log=typer.echo,
        )  # fmt: skip
    if summary["findings"]:
        typer.echo(f"{len(summary['findings'])} findings of the reader are listed in the report")
    rule = summary["default_rule"] + " (synthetic)" * summary["synthetic"]
    for row in summary["rows"]:
        for protocol in PROTOCOLS:
            numbers = []
            for part in PARTS:
                low, high = row["interval_95"][protocol][part]
                f1 = part_score(row["scores"][protocol][summary["default_rule"]], part)["f1"]
                numbers.append(f"{part} F1 {f1:.4f} ({low:.2f}-{high:.2f})")
            typer.echo(f"{row['method']:16s} {protocol:9s} {rule}: {'  '.join(numbers)}")
    typer.echo(f"written: {out / 'report.html'}")
