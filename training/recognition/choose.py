"""Settings chosen with people apart, their score with each subject left out, and what the choice itself adds.

Three things are measured, every fit a file that stays:

1. *The choice.* The subjects are dealt to a few parts. Each candidate is fitted without one part and judged
   on it; the candidate with the best pooled UF1, mean over the seeds, is chosen (:class:`Choice`).
2. *Its score*: leave one subject out with the chosen settings, and the same with shuffled labels. The choice
   has seen all subjects, so this score is a little flattered.
3. *The nested score*: the choice is made anew for each part, by fits that knew nobody of it (for the part
   i: fitted without i and j, judged on j); each subject of the part is then left out with what was chosen
   without it. Nothing about this score was chosen on the subject that it is measured on.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from megc_live.errors import DatasetError, SettingsError
from megc_live.output.files import write_whole
from training.datasets.flow_file import FlowData
from training.recognition.candidates import CANDIDATES, Candidate
from training.recognition.loso import PROBABILITIES, Progress, prediction_table, shuffled
from training.recognition.summary import score
from training.recognition.workers import check_workers, unordered

PARTS = 5
CHOICE_SEEDS = (0, 1)
Log = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One fit, without some samples and judged on these; or the fits of several folds in one pass.

    Attributes
    ----------
    candidate : Candidate
    seed : int
        Of the run; ``fit_seed`` is that of the fit.
    without : tuple of int
        Indices of the samples that are left out of the fit and predicted.
    control : bool
        With shuffled labels.
    path : Path
        CSV of the predictions.
    folds : tuple of int
        Numbers of the subjects that are left out, each by its own fold, in one pass. Empty: one fit.
    """

    candidate: Candidate
    seed: int
    fit_seed: int
    without: tuple[int, ...]
    path: Path
    control: bool = False
    folds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Choice:
    """What inner validation found: of each candidate one UF1 and UAR a seed; ``chosen`` is an index."""

    uf1: NDArray[np.float64]
    uar: NDArray[np.float64]

    @property
    def chosen(self) -> int:
        """The candidate with the best mean UF1; of equal ones the first."""
        return int(self.uf1.mean(1).argmax())


@dataclass(frozen=True)
class Found:
    """All that was measured.

    Attributes
    ----------
    candidates : tuple of Candidate
    choice : Choice
        On all subjects.
    inner : tuple of Choice
        One a part, without its subjects.
    table, nested : DataFrame
        Predictions with each subject left out: of the chosen settings, and of those chosen without it.
    control : DataFrame or None
        Of the chosen settings with shuffled labels, one seed.
    """

    candidates: tuple[Candidate, ...]
    choice: Choice
    inner: tuple[Choice, ...]
    table: pd.DataFrame
    nested: pd.DataFrame
    control: pd.DataFrame | None

    @property
    def winner(self) -> Candidate:
        """The chosen candidate."""
        return self.candidates[self.choice.chosen]


def choose(
    data: FlowData,
    folder: Path,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    parts: int = PARTS,
    choice_seeds: Sequence[int] = CHOICE_SEEDS,
    seeds: Sequence[int] = (0, 1, 2),
    control: bool = True,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress = lambda done, total, name: None,
    log: Log = lambda line: None,
) -> Found:
    """Choose settings by inner validation and measure them.

    Parameters
    ----------
    data : FlowData
    folder : Path
        Gets a file for each fit; what is there of the same data and settings is not done again.
    candidates : sequence of Candidate
    parts : int
        Parts to which the subjects are dealt, 3 or more.
    choice_seeds, seeds : sequence of int
        Of the fits of the choice, and of the fits with a subject left out.
    control : bool
        Also with shuffled labels, by the first seed.
    jobs, cluster
        As of :func:`training.recognition.workers.unordered`; one of them.
    progress, log : callable

    Raises
    ------
    SettingsError
        Fewer than 3 parts, nothing to choose from, a folder of another choice, or a killed worker.
    DatasetError
        Fewer subjects than parts, or a file of a fit that is not whole.
    """
    if parts < 3 or not candidates or not choice_seeds or not seeds:
        raise SettingsError(
            f"got {parts} parts, {len(candidates)} candidates, {len(choice_seeds)} and {len(seeds)} seeds.",
            "A nested choice needs 3 parts, and one of each of the others.",
        )
    check_workers(jobs, cluster)
    part_of = deal(data, parts)
    folder = folder.resolve()  # the workers of a cluster may be at home elsewhere
    _check_folder(folder, data, candidates, parts)
    do = partial(_work, data=data, jobs=jobs, cluster=cluster, progress=progress)

    inner_tasks = {
        (c, seed, left): _inner_task(candidate, seed, left, part_of, folder)
        for c, candidate in enumerate(candidates)
        for seed in choice_seeds
        for left in _left_out(parts)
    }
    do(list(inner_tasks.values()))
    tables = {key: _read(task, data) for key, task in inner_tasks.items()}
    choice = _choice(tables, len(candidates), choice_seeds, [(i,) for i in range(parts)], part_of)
    inner = tuple(
        _choice(
            tables, len(candidates), choice_seeds,
            [tuple(sorted((i, j))) for j in range(parts) if j != i], part_of, unseen=i,
        )
        for i in range(parts)
    )  # fmt: skip
    winner = choice.chosen
    for c, candidate in enumerate(candidates):
        mark = " <- chosen" if c == winner else ""
        log(f"inner UF1 {choice.uf1[c].mean():.4f}  UAR {choice.uar[c].mean():.4f}  {candidate.name}{mark}")
    log("chosen without each part: " + ", ".join(candidates[one.chosen].name for one in inner))

    # The part of each sample says which settings were chosen without its subject.
    wanted = np.array([one.chosen for one in inner])[part_of]
    everyone = np.ones(len(data), dtype=bool)
    outer = {
        c: [
            task
            for seed in seeds
            for task in _outer_tasks(
                candidates[c], seed, everyone if c == winner else wanted == c, data, folder
            )
        ]
        for c in sorted({winner, *wanted.tolist()})
    }
    dealt = _outer_tasks(candidates[winner], seeds[0], everyone, data, folder, control) if control else []
    do([*itertools.chain(*outer.values()), *dealt])
    left = {c: pd.concat([_read(task, data) for task in some]) for c, some in outer.items()}
    nested = pd.concat([table[wanted[table["sample"].to_numpy()] == c] for c, table in left.items()])
    return Found(
        tuple(candidates),
        choice,
        inner,
        left[winner].sort_values(["seed", "sample"], ignore_index=True),
        nested.sort_values(["seed", "sample"], ignore_index=True),
        pd.concat([_read(task, data) for task in dealt], ignore_index=True) if dealt else None,
    )


def _work(tasks: Sequence[Task], data: FlowData, jobs: int, cluster: str | None, progress: Progress) -> None:
    """Do those tasks whose file is not there yet."""
    missing = [task for task in tasks if not task.path.exists()]
    answers = unordered([(_do, task) for task in missing], data, jobs=jobs, cluster=cluster)
    for number, name in enumerate(answers):
        progress(number + 1, len(missing), name)


def deal(data: FlowData, parts: int) -> NDArray[np.int64]:
    """Deal subjects to parts with like shares of each data set's classes; return each sample's part.

    Raises
    ------
    DatasetError
        Fewer subjects than parts.
    """
    if len(np.unique(data.group)) < parts:
        raise DatasetError(
            f"{len(np.unique(data.group))} subjects cannot be dealt to {parts} parts.", "Give fewer parts."
        )
    out = np.zeros(len(data), dtype=np.int64)
    kind = np.unique(np.char.add(data.dataset, data.label.astype(str)), return_inverse=True)[1]
    dealer = StratifiedGroupKFold(parts, shuffle=True, random_state=0)
    for part, (_, inside) in enumerate(dealer.split(kind, kind, data.group)):
        out[inside] = part
    return out


def _left_out(parts: int) -> list[tuple[int, ...]]:
    """Parts that a fit of the choice is made without: each one, and each two."""
    return [*((i,) for i in range(parts)), *itertools.combinations(range(parts), 2)]


def _inner_task(
    candidate: Candidate, seed: int, left: tuple[int, ...], part_of: NDArray[np.int64], folder: Path
) -> Task:
    out = tuple(np.flatnonzero(np.isin(part_of, left)).tolist())
    name = f"seed{seed}_without{'_'.join(map(str, left))}.csv"
    # Every candidate meets the same seeds.
    fit_seed = 10_000 + 1000 * seed + sum(20**k * (part + 1) for k, part in enumerate(left))
    return Task(candidate, seed, fit_seed, out, folder / "inner" / candidate.name / name)


def _outer_tasks(
    candidate: Candidate,
    seed: int,
    wanted: NDArray[np.bool_],
    data: FlowData,
    folder: Path,
    control: bool = False,
) -> list[Task]:
    """Leave out each subject that has ``wanted`` samples, several in one pass where the settings allow it."""
    groups = np.unique(data.group)
    tasks = []
    for first in range(0, len(groups), candidate.together):
        folds = tuple(range(first, min(first + candidate.together, len(groups))))
        out = np.isin(data.group, groups[list(folds)])
        if not (out & wanted).any():
            continue
        name = f"seed{seed}{'_control' * control}_fold{first:03d}{f'-{folds[-1]:03d}' * (len(folds) > 1)}.csv"
        path = folder / "outer" / candidate.name / name
        without = tuple(np.flatnonzero(out).tolist())
        together = folds if candidate.together > 1 else ()
        tasks.append(Task(candidate, seed, 1000 * seed + first, without, path, control, together))
    return tasks


def _do(data: FlowData, task: Task) -> str:
    """Fit, predict, write."""
    known = shuffled(data, task.seed) if task.control else data
    inside = np.ones(len(data), dtype=bool)
    inside[list(task.without)] = False
    held = known.subset(~inside)
    method: Any = task.candidate.make()
    if task.folds:
        each = known.group == np.unique(known.group)[list(task.folds), None]
        numbers = [1000 * task.seed + fold for fold in task.folds]
        found = method.left_out_watched(known, each, task.seed, numbers)[-1][~inside]
    else:
        found = method.fit(known.subset(inside), task.fit_seed).probabilities(held.flow)
    table = prediction_table(held, found, task.seed)
    table.insert(0, "sample", task.without)
    write_whole(task.path, str(table.to_csv(index=False, float_format="%.6f", lineterminator="\n")))
    return f"{task.candidate.name} {task.path.stem}"


def _read(task: Task, data: FlowData) -> pd.DataFrame:
    """Predictions of a fit; raises DatasetError if they are not whole."""
    text = {name: str for name in ("dataset", "subject", "clip")}
    try:
        table = pd.read_csv(task.path, dtype=text, keep_default_na=False)
        whole = table["sample"].tolist() == list(task.without)
        whole = whole and table["clip"].tolist() == data.clip[list(task.without)].tolist()
        whole = whole and bool(np.isfinite(table[list(PROBABILITIES)].to_numpy(dtype=float)).all())
    except (OSError, ValueError, KeyError, IndexError):
        whole = False
    if not whole:
        raise DatasetError(
            f"{str(task.path)!r} is not what its fit wrote.", "Remove it and give the command again."
        )
    return table


def _choice(
    tables: dict[tuple[int, int, tuple[int, ...]], pd.DataFrame],
    candidates: int,
    seeds: Sequence[int],
    lefts: Sequence[tuple[int, ...]],
    part_of: NDArray[np.int64],
    unseen: int | None = None,
) -> Choice:
    """Score candidates on samples that their fits left out, but those of the part ``unseen``."""
    found = np.zeros((2, candidates, len(seeds)))
    for c, (s, seed) in itertools.product(range(candidates), enumerate(seeds)):
        judged = pd.concat([tables[c, seed, left] for left in lefts])
        if unseen is not None:
            judged = judged[part_of[judged["sample"].to_numpy()] != unseen]
        pooled = score(judged)
        found[:, c, s] = pooled.uf1, pooled.uar
    return Choice(found[0], found[1])


def _check_folder(folder: Path, data: FlowData, candidates: Sequence[Candidate], parts: int) -> None:
    """Refuse a folder whose files are of another choice; note what those of this one are of."""
    digest = hashlib.sha256()
    for array in (data.flow, data.label, data.group, data.clip):
        digest.update(array.tobytes())
    known = {
        "samples": digest.hexdigest(),
        "parts": parts,
        "candidates": {one.name: {**asdict(one.schedule), **one.more} for one in candidates},
    }
    note = folder / "settings.json"
    if note.exists():
        try:
            same = json.loads(note.read_text(encoding="utf-8")) == json.loads(json.dumps(known))
        except (OSError, ValueError):
            same = False
        if not same:
            raise SettingsError(
                f"{str(folder)!r} holds a choice of other data or settings.", "Give another folder."
            )
    write_whole(note, json.dumps(known, indent=2) + "\n")
