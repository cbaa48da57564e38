"""``megc-train evaluate recognition``: every method with every subject left out, as files that stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.typing import NDArray

from megc_live.errors import DatasetError, SettingsError
from megc_live.events import LABELS
from megc_live.output.files import write_whole
from training.recognition.base import METHODS, Data, Method, make_method, method_names, samples
from training.recognition.inputs import FLOW_FILE, Inputs, Place, read_inputs
from training.recognition.loso import COLUMNS, PROBABILITIES, Progress, shuffled
from training.recognition.results import summarise
from training.recognition.results_page import render


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
    """What one worker does at a time: fold ``fold`` of a run, or all folds (None) where they go at once."""

    run: Run
    fold: int | None
    path: Path


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
    control: bool = True,
    leaky: bool = False,
    resume: bool = False,
    published_counts: bool = True,
    settings: dict[str, dict[str, Any]] | None = None,
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
        An unknown name, nothing to do, a folder that holds another run, or a worker that was killed.
    """
    if seeds < 1 or jobs < 1:
        raise SettingsError(f"got {seeds} seeds and {jobs} jobs.", "Give one or more of each.")
    names = list(dict.fromkeys(methods or _usual(dataset, log)))
    made = _make(names, settings or {})
    place = Place(dataset, data, root, cache or out / "clips", apex_rule)
    place.check(made)
    _refuse_another(out, resume)
    if leaky and not any(METHODS[name].capabilities.get("epochs") for name in made):
        raise SettingsError(
            "none of these methods has epochs to choose from.", "Leave out --leaky, or add a network."
        )
    told = {name: method.describe() for name, method in made.items()}
    inputs = read_inputs(
        place, made, published_counts=published_counts, jobs=jobs, progress=progress, log=log
    )
    described = {name: {**of, **inputs.settings_of(name)} for name, of in told.items()}
    _check_folder(out, inputs.sha256, described)
    runs = _runs(list(made), seeds, control, leaky)
    tasks = [task for run in runs for task in _tasks(run, inputs.any, out)]
    missing = [task for task in tasks if not task.path.exists()]
    log(f"{len(tasks) - len(missing)} of {len(tasks)} parts are there already; {len(missing)} to do")
    _prepare(missing, made, inputs, jobs, progress)
    _work(missing, made, inputs, jobs, progress)
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


def _make(names: Sequence[str], settings: dict[str, dict[str, Any]]) -> dict[str, Method[Any]]:
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


def _work(
    tasks: Sequence[Task], methods: dict[str, Method[Any]], inputs: Inputs, jobs: int, progress: Progress
) -> None:
    """Do the tasks; each writes its own file, so that nothing finished is lost with a worker."""
    calls = (delayed(_do)(methods[task.run.method], inputs.of(task.run.method), task) for task in tasks)
    try:
        for number, name in enumerate(Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)):
            progress(number + 1, len(tasks), name)
    except TerminatedWorkerError:
        raise SettingsError(
            "a worker process was killed; what was finished is kept.",
            "Give the same command with --resume, and fewer --jobs if memory ran out.",
        ) from None


def _do(method: Method[Any], data: Data, task: Task) -> str:
    run = task.run
    known = shuffled(data, run.seed) if run.control else data
    if task.fold is None:
        found: NDArray[np.float64] = method.left_out(known)  # type: ignore[attr-defined]
        held = known
    else:
        out = known.group == np.unique(known.group)[task.fold]
        held = known.subset(out)
        seed = 1000 * run.seed + task.fold
        if run.leaky:
            found = _best_epoch(method.fit_watched(known.subset(~out), seed, samples(held)), held.label)  # type: ignore[attr-defined]
        else:
            found = method.fit(known.subset(~out), seed).probabilities(samples(held))
    write_whole(task.path, _csv(numbered(held, found, run.seed)))
    return f"{run.name} {task.fold if task.fold is not None else ''}".strip()


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
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise DatasetError(
            f"the folds in {str(paths[0].parent)!r} are not those of the data.",
            "Remove that folder and give the command again with --resume.",
        )
    return table.iloc[np.argsort([place[key] for key in keys])].reset_index(drop=True)
