"""``megc-train evaluate spotting`` on CAS(ME)^2 and SAMM long videos: from images to a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from megc_live.errors import DatasetError, SettingsError
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.recognition.classifier import RECOGNIZERS
from megc_live.telemetry import silence
from training.datasets.base import Corpus, read_dataset
from training.datasets.layouts import is_synthetic
from training.recognition.workers import check_workers, unordered
from training.spotting.fit_net import NetSchedule
from training.spotting.long.loso import FITTED, Fold, Log, check_methods, read_fold, run_fold
from training.spotting.long.scores import prediction_table, score_method, truth_table, video_table
from training.spotting.long.summary import summarise
from training.spotting.long.videos import Recorded, record, spotter_version, unfitted_spotters
from training.spotting.record import Progress
from training.spotting.signal_log import signal_version

LONG_DATASETS = ("cas_me2", "samm_long")


def evaluate_long(
    dataset: str,
    root: Path,
    out: Path,
    *,
    annotations: Path | None = None,
    methods: Sequence[str] | None = None,
    members: int = 1,
    schedule: NetSchedule | None = None,
    seed: int = 0,
    recognizer: str = "ststnet",
    jobs: int = 1,
    cluster: str | None = None,
    resume: bool = False,
    progress: Progress = lambda done, total, name: None,
    log: Log = lambda line: None,
) -> dict[str, Any]:
    """Judge spotters on a data set of long videos, every subject left out in turn.

    Each video goes through the engine once; spotters that are fitted are then fitted, for each subject, on
    all others. Nothing is chosen on a subject who is judged.

    Parameters
    ----------
    dataset : str
        Of :data:`LONG_DATASETS`.
    root : Path
        Folder of the release.
    out : Path
        Gets ``signals/``, ``spans/``, ``folds/``, ``predictions/``, ``truth.csv``, ``videos.csv``,
        ``summary.json`` and ``report.html``.
    annotations : Path, optional
        The file of annotations, where it is not in ``root``.
    methods : sequence of str, optional
        Of :func:`training.spotting.long.loso.check_methods`.
    members, seed : int
        Networks that are averaged; seed of the fits.
    schedule : NetSchedule, optional
        How networks are fitted.
    recognizer : str
        Names the emotions of spotted micro-expressions for STRS, as it ships; ``none``: no STRS. It is not
        asked where the data set has no labels.
    jobs : int
        Worker processes; the results do not depend on them.
    cluster : str, optional
        Address of a Dask scheduler, instead of ``jobs``; its machines see ``root`` and ``out`` under the same
        paths.
    resume : bool
        Go on in a folder in which a run stopped.
    progress, log : callable
        Told what is done.

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    DatasetError
        The data cannot be read, show too few subjects or no micro-expression.
    SettingsError
        An unknown name, a folder that holds another run, a worker that was killed, or both ``jobs`` and
        ``cluster``.
    ClusterError
        There is no cluster at that address, or it was lost.
    SourceError, ModelError
    """
    if dataset not in LONG_DATASETS:
        raise SettingsError(
            f"there is no data set named {dataset!r} of long videos.",
            f"Choose one of: {', '.join(LONG_DATASETS)}.",
        )
    if members < 1 or jobs < 1:
        raise SettingsError(f"got {members} members and {jobs} jobs.", "Give one or more of each.")
    check_workers(jobs, cluster)
    root, out = root.resolve(), out.resolve()  # the workers of a cluster may be at home elsewhere
    names = check_methods(methods)
    schedule = schedule or NetSchedule()
    corpus = read_dataset(dataset, root, annotations)
    items = tuple(Recorded.of(video, out) for video in corpus.videos if video.frames)
    left_out = [video.video for video in corpus.videos if not video.frames]
    for video in left_out:
        log(f"{video}: no images, not judged")
    _check(items, names)
    asked = recognizer if recognizer != "none" and any(e.label for i in items for e in i.truth) else ""
    chosen = {
        "dataset": dataset,
        "synthetic": is_synthetic(root),
        "seed": seed,
        "members": members,
        "recognizer": asked,
    }
    if asked:
        RECOGNIZERS[asked]
        chosen["recognizer_sha256"] = ModelStore().get(asked).sha256
    settings = _claim(out, resume, items, chosen, schedule)
    subjects = sorted({item.subject for item in items})
    log(f"{len(items)} videos of {len(subjects)} subjects")
    spotters = [name for name in names if name in unfitted_spotters()]
    todo = [item for item in items if item.missing(spotters) != (False, ())]
    log(f"{len(items) - len(todo)} of {len(items)} videos are recorded already; {len(todo)} to do")
    _work([(partial(_record, spotters), item) for item in todo], jobs, cluster, progress)
    folds = [
        Fold(name, subject, items, seed, members, schedule, asked) for name in names for subject in subjects
    ]
    missing = [fold for fold in folds if not fold.path.exists()]
    log(f"{len(folds) - len(missing)} of {len(folds)} folds are there already; {len(missing)} to do")
    _work([(_run_fold, fold) for fold in missing], jobs, cluster, progress)
    return _write(
        out, corpus, items, left_out, [[f for f in folds if f.method == n] for n in names], settings
    )


def _check(items: Sequence[Recorded], names: Iterable[str]) -> None:
    subjects = {item.subject for item in items}
    needed = 3 if set(names) & set(FITTED) else 2
    if len(subjects) < needed:
        raise DatasetError(
            f"leaving one subject out needs {needed} subjects with images, got {len(subjects)}.",
            "Give the folder of the whole release.",
        )
    if not any(e.kind == "micro" for item in items for e in item.truth):
        raise DatasetError(
            "no micro-expression is annotated in the videos with images.", "Check the file of annotations."
        )


def _claim(
    out: Path, resume: bool, items: Sequence[Recorded], settings: dict[str, Any], schedule: NetSchedule
) -> dict[str, Any]:
    """Refuse a folder whose files are of another run; note what the files of this one are of."""
    facts = [(i.video, i.subject, i.fps, i.frames, [asdict(e) for e in i.truth]) for i in items]
    settings = settings | {
        "schedule": asdict(schedule),
        "data_sha256": hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        "signals": signal_version(),
        "code": _code_version(),
    }
    note = out / "settings.json"
    if note.exists():
        if not resume:
            raise SettingsError(
                f"{str(out)!r} holds a run already.", "Add --resume to go on with it, or give another folder."
            )
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise SettingsError(f"{str(note)!r} cannot be read.", "Give another folder.") from None
        if known != json.loads(json.dumps(settings)):
            raise SettingsError(
                f"{str(out)!r} holds a run of other data, settings or code.", "Give another folder."
            )
    write_whole(note, json.dumps(settings, indent=2) + "\n")
    return settings


def _code_version() -> str:
    """Hash of the code that makes signals, fits and decides; how a report is written does not matter."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in ("loso", "videos", "labels")] + [
        here.parent / f"{name}.py"
        for name in ("fit_ml", "fit_net", "network", "planting", "sequences", "export")
    ]
    return hashlib.sha256(
        spotter_version().encode() + b"".join(file.read_bytes() for file in files)
    ).hexdigest()[:16]


def _work(
    calls: Sequence[tuple[Any, Recorded | Fold]],
    jobs: int,
    cluster: str | None,
    progress: Progress,
) -> None:
    """Make the calls; each writes its own files, so that nothing finished is lost with a worker."""
    for number, name in enumerate(unordered(calls, None, jobs=jobs, cluster=cluster)):
        progress(number + 1, len(calls), name)


def _record(spotters: Sequence[str], _: None, item: Recorded) -> str:
    silence()  # the workers of a cluster are no processes of this program
    return record(item, spotters)


def _run_fold(_: None, fold: Fold) -> str:
    return run_fold(fold)


def _write(
    out: Path,
    corpus: Corpus,
    items: Sequence[Recorded],
    left_out: Sequence[str],
    folds: Sequence[Sequence[Fold]],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Write the tables, score them, write summary and report."""
    from training.spotting.long.page import render

    truth = truth_table(items)
    tables = {"truth.csv": truth, "videos.csv": video_table(items)}
    rows = []
    for of_method in folds:
        method = of_method[0].method
        read = [read_fold(fold) for fold in of_method]
        found = {video: spans for fold in read for video, spans in fold["found"].items()}
        pred = prediction_table(items, found)
        tables[f"predictions/{method}.csv"] = pred
        chosen = {fold["subject"]: fold["chosen"] for fold in read if fold["chosen"]}
        rows.append({"method": method, "chosen": chosen, **score_method(items, truth, pred)})
    files = {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}
    for name, text in files.items():
        write_whole(out / name, text)
    summary = summarise(corpus, items, left_out, rows, settings, files)
    write_whole(out / "summary.json", json.dumps(summary, indent=2) + "\n")
    write_whole(out / "report.html", render(summary))
    return summary
