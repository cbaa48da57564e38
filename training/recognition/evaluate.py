"""``megc-train evaluate recognition``: every method with every subject left out, as files that stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.errors import DatasetError, ModelError, SettingsError
from megc_live.events import LABELS
from megc_live.output.files import write_whole
from training.recognition.base import METHODS, Data, Method, input_of, make_method, method_names, samples
from training.recognition.inputs import FLOW_FILE, Inputs, Place, read_inputs
from training.recognition.loso import COLUMNS, PROBABILITIES, Progress, shuffled
from training.recognition.results import summarise
from training.recognition.results_page import render
from training.recognition.workers import check_workers, unordered


@dataclass(frozen=True)
class Run:
    """One table of predictions: a method, a seed, true or shuffled labels, honest or leaky.

    Attributes
    ----------
    control : bool
        Fitted on and judged by labels dealt out anew, another deal each seed.
    leaky : bool
        Of each subject left out, the epoch that suits this very subject best.
    """

    method: str
    seed: int
    control: bool = False
    leaky: bool = False

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.method}_seed{self.seed}{'_control' * self.control}{'_LEAKY' * self.leaky}"


@dataclass(frozen=True)
class Task:
    """One file: fold ``fold`` of a run, or all folds (None) where they go at once."""

    run: Run
    fold: int | None
    path: Path


@dataclass(frozen=True)
class Unit:
    """What one worker does at a time: the files that come of the same fits.

    Attributes
    ----------
    tasks : tuple of Task
        Those to be written; honest and leaky ones of a fold come of one fit.
    folds : tuple of int
        Which are fitted together, though some may be there already: a fold is the same to the last digit
        in the same company only. Empty where all folds go at once.
    """

    tasks: tuple[Task, ...]
    folds: tuple[int, ...]

    @property
    def path(self) -> Path:
        """The file that is written last."""
        return self.tasks[-1].path


def evaluate_recognition(
    dataset: str,
    data: Path | None,
    out: Path,
    *,
    root: Path | None = None,
    cache: Path | None = None,
    apex_rule: str | None = None,
    methods: Sequence[str] | None = None,
    seeds: int = 3,
    jobs: int = 1,
    cluster: str | None = None,
    control: bool = True,
    leaky: bool = False,
    resume: bool = False,
    published_counts: bool = True,
    settings: Mapping[str, dict[str, Any]] | None = None,
    progress: Progress = lambda done, total, name: None,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Judge recognisers with every subject left out in turn.

    Nothing is chosen on the subjects left out, but for the rows of ``leaky``.

    Parameters
    ----------
    dataset : str
        ``megc2019-flow``, ``smic``, ``casme2``, ``samm`` or ``composite``.
    data : Path or None
        The file of ``megc2019-flow`` (:func:`training.datasets.flow_file.load_flow_file`).
    out : Path
        Gets ``folds/``, ``predictions/``, ``summary.json`` and ``report.html``.
    root : Path, optional
        Folder of the release, of the other data sets.
    cache : Path, optional
        Folder for aligned faces and features. Default: ``out/clips``.
    apex_rule : str, optional
        For clips without an annotated apex (:data:`training.recognition.apex.RULES`).
    methods : sequence of str, optional
        Default: all that the data allow, but for those that take days.
    seeds : int
        Networks are fitted with the seeds 0, 1, ...; a kernel machine has no randomness, one run is enough.
    jobs : int
        Processes.
    cluster : str, optional
        Address of a Dask scheduler, instead of ``jobs``; its machines see ``out`` under the same path.
    control : bool
        Also with shuffled labels, as often as ``seeds``.
    leaky : bool
        Also by the best epoch for each subject left out, of the methods that have epochs.
    resume : bool
        Go on in a folder in which a run stopped.
    published_counts : bool
        Insist on the challenge's counts.
    settings : dict, optional
        Of a method's name: settings for :func:`training.recognition.base.make_method`.
    progress, log : callable
        Told the tasks done, and what was found, a line each.

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    DatasetError
        The data cannot be read, are not the challenge's, or have one subject only.
    SettingsError
        An unknown name, nothing to do, a folder that holds another run, a worker that was killed, or both
        ``jobs`` and ``cluster``.
    ModelError
        A fit did not converge.
    ClusterError
        There is no cluster at that address, or it was lost.
    """
    if seeds < 1 or jobs < 1:
        raise SettingsError(f"got {seeds} seeds and {jobs} jobs.", "Give one or more of each.")
    check_workers(jobs, cluster)
    out = out.resolve()  # the workers of a cluster may be at home elsewhere
    cache = cache.resolve() if cache is not None else None
    names = list(dict.fromkeys(methods or _usual(dataset, log)))
    made = _make(names, settings or {})
    place = Place(dataset, data, root, cache, apex_rule)
    place.check(made)
    _refuse_another(out, resume)
    if leaky and not any(METHODS[name].capabilities.get("epochs") for name in made):
        raise SettingsError(
            "none of these methods has epochs to choose from.", "Leave out --leaky, or add a network."
        )
    told = {name: method.describe() for name, method in made.items()}
    inputs = read_inputs(
        replace(place, cache=cache or out / "clips"),
        made,
        published_counts=published_counts,
        jobs=jobs,
        progress=progress,
        log=log,
    )
    described = {name: {**of, **inputs.settings_of(name)} for name, of in told.items()}
    _check_folder(out, inputs.sha256, described)
    runs = _runs(list(made), seeds, control, leaky)
    tasks = [task for run in runs for task in _tasks(run, inputs.any, out)]
    missing = [task for task in tasks if not task.path.exists()]
    log(f"{len(tasks) - len(missing)} of {len(tasks)} parts are there already; {len(missing)} to do")
    _prepare(missing, made, inputs, jobs, progress)
    _work(_units(missing, inputs.any), made, inputs, jobs, cluster, progress)
    tables = {run: _gather(run, inputs.any, out) for run in runs}
    for run, table in tables.items():
        write_whole(out / "predictions" / f"{run.name}.csv", _csv(table))
    summary = summarise(tables, dataset=dataset, sha256=inputs.sha256, settings=described)
    if inputs.synthetic:
        for row in summary["rows"]:
            row["synthetic"] = True
    summary["findings"] = [asdict(finding) for finding in inputs.findings]
    write_whole(out / "summary.json", json.dumps(summary, indent=2) + "\n")
    write_whole(out / "report.html", render(summary))
    return summary


def _usual(dataset: str, log: Callable[[str], None]) -> list[str]:
    names = method_names("flow" if dataset == FLOW_FILE else None)
    slow = [name for name in names if METHODS[name].capabilities.get("named")]
    if slow:
        log(f"left out, as they take days: {', '.join(slow)}. Name them to run them.")
    return [name for name in names if name not in slow]


def _make(names: Sequence[str], settings: Mapping[str, dict[str, Any]]) -> dict[str, Method[Any]]:
    return {name: make_method(name, **settings.get(name, {})) for name in names}


def _refuse_another(out: Path, resume: bool) -> None:
    if (out / "settings.json").exists() and not resume:
        raise SettingsError(
            f"{str(out)!r} holds a run already.", "Add --resume to go on with it, or give another folder."
        )


def _check_folder(out: Path, digest: str, described: dict[str, dict[str, Any]]) -> None:
    """Refuse a folder whose folds are of something else; note what the folds of this one are of."""
    note = out / "settings.json"
    known: dict[str, Any] = {"data": digest, "methods": {}}
    if note.exists():
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
            same = known["data"] == digest and all(
                known["methods"].get(name, of) == json.loads(json.dumps(of)) for name, of in described.items()
            )
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            raise SettingsError(f"{str(note)!r} cannot be read.", "Give another folder.") from None
        if not same:
            raise SettingsError(
                f"{str(out)!r} holds a run of other data or settings.", "Give another folder."
            )
    known["methods"] |= described
    write_whole(note, json.dumps(known, indent=2) + "\n")


def _runs(names: Sequence[str], seeds: int, control: bool, leaky: bool) -> list[Run]:
    runs = []
    for name in names:
        once = bool(METHODS[name].capabilities.get("folds_at_once"))
        for is_control in (False, True) if control else (False,):
            for seed in range(1 if once and not is_control else seeds):
                runs.append(Run(name, seed, is_control))
                if leaky and METHODS[name].capabilities.get("epochs"):
                    runs.append(Run(name, seed, is_control, leaky=True))
    return runs


def _tasks(run: Run, data: Data, out: Path) -> Iterator[Task]:
    folder = out / "folds" / run.name
    if METHODS[run.method].capabilities.get("folds_at_once"):
        yield Task(run, None, folder / "all.csv")
        return
    for fold in range(len(np.unique(data.group))):
        yield Task(run, fold, folder / f"fold{fold:03d}.csv")


def _prepare(
    tasks: Sequence[Task], methods: dict[str, Method[Any]], inputs: Inputs, jobs: int, progress: Progress
) -> None:
    """Compute what the tasks' methods need of each clip alone, in all processes."""
    for name in dict.fromkeys(task.run.method for task in tasks):
        if METHODS[name].capabilities.get("prepares"):
            methods[name].prepare(inputs.clips, jobs, progress)  # type: ignore[attr-defined]


def _units(tasks: Sequence[Task], data: Data) -> list[Unit]:
    """Put the tasks together that come of the same fits."""
    total = len(np.unique(data.group))
    found: dict[tuple[Any, ...], tuple[list[Task], tuple[int, ...]]] = {}
    for task in tasks:
        run = task.run
        size = METHODS[run.method].capabilities.get("folds_together", 1)
        first = None if task.fold is None else task.fold // size * size
        folds = () if first is None else tuple(range(first, min(first + size, total)))
        key = (run.method, run.seed, run.control, first)
        found.setdefault(key, ([], folds))[0].append(task)
    return [Unit(tuple(some), folds) for some, folds in found.values()]


def _work(
    units: Sequence[Unit],
    methods: dict[str, Method[Any]],
    inputs: Inputs,
    jobs: int,
    cluster: str | None,
    progress: Progress,
) -> None:
    """Do the units; each writes its own files, so that nothing finished is lost with a worker."""
    calls: dict[str, list[tuple[Any, Unit]]] = {}
    for unit in units:
        name = unit.tasks[0].run.method
        calls.setdefault(input_of(name), []).append((partial(_do, methods[name]), unit))
    done, total = 0, sum(len(unit.tasks) for unit in units)
    for alike in calls.values():  # what takes flow images, and what takes clips
        data = inputs.of(alike[0][1].tasks[0].run.method)
        for count, name in unordered(alike, data, jobs=jobs, cluster=cluster):
            done += count
            progress(done, total, name)


def _do(method: Method[Any], data: Data, unit: Unit) -> tuple[int, str]:
    """Write a unit's files; return how many, and the last one's name."""
    run = unit.tasks[0].run
    known = shuffled(data, run.seed) if run.control else data
    held = known.group == np.unique(known.group)[list(unit.folds), None]
    watched = any(task.run.leaky for task in unit.tasks)
    epochs, chosen = _left_out(method, known, held, run.seed, unit.folds, watched)
    for task in unit.tasks:
        out = np.ones(len(known), dtype=bool) if task.fold is None else held[unit.folds.index(task.fold)]
        part, seen = known.subset(out), epochs[:, out]
        found = _best_epoch(seen, part.label) if task.run.leaky else seen[chosen]
        if not np.isfinite(found).all():  # the largest of them would be called the first class
            raise ModelError(
                f"{task.path.stem} of {run.name}: the fit did not converge, its answers are no numbers.",
                "Give a smaller rate, or leave the method out.",
            )
        write_whole(task.path, _csv(numbered(part, found, run.seed)))
    last = unit.tasks[-1]
    return len(unit.tasks), f"{last.run.name} {last.fold if last.fold is not None else ''}".strip()


def _left_out(
    method: Any, data: Data, held: NDArray[np.bool_], seed: int, folds: tuple[int, ...], watched: bool
) -> tuple[NDArray[np.float64], int]:
    """Probabilities (epochs, n, 3) of what is left out, ``held`` (folds, n), and the epoch that counts.

    One epoch, the last, where it is not ``watched``; rows that no fold leaves out hold NaN.
    """
    can = METHODS[method.name].capabilities
    if not folds:
        return method.left_out(data)[None], -1
    numbers = [1000 * seed + fold for fold in folds]
    if can.get("folds_together"):
        return method.left_out_watched(data, held, seed, numbers), -1
    (out,), (number,) = held, numbers
    chosen = -1
    if can.get("own_split"):
        seen, chosen = method.left_out_chosen(data, out, number)
    elif watched:
        seen = method.fit_watched(data.subset(~out), number, samples(data.subset(out)))
    else:
        seen = method.fit(data.subset(~out), number).probabilities(samples(data.subset(out)))[None]
    epochs = np.full((len(seen), len(data), len(LABELS)), np.nan)
    epochs[:, out] = seen
    return epochs, chosen


def _best_epoch(found: NDArray[np.float64], label: NDArray[np.int64]) -> NDArray[np.float64]:
    """LEAKY: of (epochs, n, 3), the epoch with the most right answers on the samples left out."""
    right = (found.argmax(2) == label).sum(1)
    best: NDArray[np.float64] = found[int(right.argmax())]
    return best


def numbered(data: Data, probabilities: NDArray[np.float64], seed: int) -> pd.DataFrame:
    """Samples with their class probabilities, (n, 3): columns :data:`COLUMNS`, labels as numbers."""
    table = pd.DataFrame({"dataset": data.dataset, "subject": data.subject, "clip": data.clip})
    table["truth"] = data.label
    table["pred"] = probabilities.argmax(1)
    table[list(PROBABILITIES)] = probabilities
    table["seed"] = seed
    return table[list(COLUMNS)]


def _csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def _gather(run: Run, data: Data, out: Path) -> pd.DataFrame:
    """Read a run's folds, in the order of the data; raises DatasetError if one is not whole."""
    paths = [task.path for task in _tasks(run, data, out)]
    text = {name: str for name in ("dataset", "subject", "clip")}
    try:
        table = pd.concat([pd.read_csv(path, dtype=text, keep_default_na=False) for path in paths])
        keys = list(zip(table["dataset"], table["subject"], table["clip"], strict=True))
        wanted = list(zip(data.dataset.tolist(), data.subject.tolist(), data.clip.tolist(), strict=True))
        place = {key: k for k, key in enumerate(wanted)}
        whole = sorted(keys) == sorted(wanted) and list(table.columns) == list(COLUMNS)
        whole = whole and bool(table[["truth", "pred"]].isin(range(len(LABELS))).all(axis=None))
        whole = whole and bool(np.isfinite(table[list(PROBABILITIES)].to_numpy(dtype=np.float64)).all())
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise DatasetError(
            f"the folds in {str(paths[0].parent)!r} are not those of the data.",
            "Remove that folder and give the command again with --resume.",
        )
    return table.iloc[np.argsort([place[key] for key in keys])].reset_index(drop=True)
