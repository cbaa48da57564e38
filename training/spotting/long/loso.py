"""Every subject's videos judged by spotters that were not fitted on the subject; each fold is a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from megc_live.errors import DatasetError, SettingsError
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.settings import ModelSettings
from megc_live.spotting import SPOTTERS, make_spotter
from training.spotting.baselines import fire_always
from training.spotting.export import export_bag, export_svm
from training.spotting.fit_ml import fit_svm
from training.spotting.fit_net import HELD_BACK, NetSchedule, fit_bag, split_people
from training.spotting.long.labels import with_labels
from training.spotting.long.videos import Recorded, load_clip, read_spans, span_row, unfitted_spotters
from training.spotting.sequences import Clip
from training.spotting.signal_log import SignalLog

Log = Callable[[str], None]

CHANCE = "fire-always"
FITTED = ("ltp-ml", "ltp-net")
SHIPPED = "ltp-net-shipped"
_DEALS = 100

FITTED_HERE = "fitted on the other subjects"
NOT_FITTED = "nothing is fitted"
FITTED_ELSEWHERE = "as it ships: FITTED ON OTHER DATA"


def method_names() -> list[str]:
    """What is judged where nothing else is asked for: chance level, fitted spotters, unfitted ones."""
    return [CHANCE, *FITTED, *unfitted_spotters()]


def check_methods(names: Sequence[str] | None) -> list[str]:
    """Return the methods that are asked for, each once; raises SettingsError for an unknown one."""
    known = [*method_names(), SHIPPED]
    for name in names or ():
        if name not in known:
            raise SettingsError(
                f"there is no spotter named {name!r} to evaluate.", f"Choose of: {', '.join(known)}."
            )
    return list(dict.fromkeys(names or method_names()))


def origin(method: str) -> str:
    """Say what a method was fitted on, as reports do."""
    return {SHIPPED: FITTED_ELSEWHERE}.get(method, FITTED_HERE if method in FITTED else NOT_FITTED)


def kinds_of(method: str) -> tuple[str, ...]:
    """Kinds of movement that a method spots."""
    if method == CHANCE:
        return ("micro",)
    kinds: tuple[str, ...] = SPOTTERS["ltp-net" if method == SHIPPED else method].capabilities["kinds"]
    return kinds


@dataclass(frozen=True)
class Fold:
    """One subject left out of one method.

    Attributes
    ----------
    method, subject : str
    items : tuple of Recorded
        All videos of the data set; those of other subjects are fitted on.
    seed, members : int
        Seed of the fits, networks that are averaged.
    schedule : NetSchedule
    recognizer : str
        Names the emotions of what was spotted; empty: nobody does.
    """

    method: str
    subject: str
    items: tuple[Recorded, ...]
    seed: int
    members: int
    schedule: NetSchedule
    recognizer: str

    @property
    def path(self) -> Path:
        """The fold's file."""
        return self.items[0].out / "folds" / self.method / f"{self.subject}.json"

    @property
    def held_out(self) -> list[Recorded]:
        """The subject's videos."""
        return [item for item in self.items if item.subject == self.subject]


def run_fold(fold: Fold) -> str:
    """Judge one subject and write the fold's file; return what was done.

    The result is the same whatever else runs: networks are fitted on one thread.

    Raises
    ------
    DatasetError
        The other subjects do not show what the method is fitted on.
    ModelError
        A model that ships is missing.
    """
    chosen: dict[str, float] = {}
    if fold.method == CHANCE:
        found = {
            item.video: [
                {"onset": e.onset, "apex": (e.onset + e.offset) // 2, "offset": e.offset, "kind": e.kind,
                 "score": 1.0}
                for e in fire_always(item.frames, item.fps)
            ]
            for item in fold.held_out
        }  # fmt: skip
    elif fold.method == SHIPPED:
        found = _replayed("ltp-net", ModelStore(), fold.held_out)
    elif fold.method in FITTED:
        with tempfile.TemporaryDirectory() as folder:
            try:
                chosen = _fit(fold, Path(folder))
            except DatasetError as error:
                raise DatasetError(
                    f"{fold.method} cannot be fitted without {fold.subject}: {error.got}",
                    f"Go on without it: the same command, --resume, and not {fold.method} among the methods.",
                ) from None
            found = _replayed(fold.method, ModelStore(ModelSettings(directory=Path(folder))), fold.held_out)
    else:
        found = {item.video: read_spans(item, fold.method) for item in fold.held_out}
    if fold.recognizer and fold.method != CHANCE:
        found = with_labels(fold.held_out, found, fold.recognizer)
    value = {"method": fold.method, "subject": fold.subject, "chosen": chosen, "found": found}
    write_whole(fold.path, json.dumps(value))
    return f"{fold.method} {fold.subject}"


def read_fold(fold: Fold) -> dict[str, Any]:
    """Read a fold back; raises DatasetError if the file is not whole."""
    try:
        value: dict[str, Any] = json.loads(fold.path.read_text(encoding="utf-8"))
        whole = set(value["found"]) == {item.video for item in fold.held_out}
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise DatasetError(
            f"{str(fold.path)!r} is not a fold of these videos.",
            "Remove it and give the command again with --resume.",
        )
    return value


def _fit(fold: Fold, store: Path) -> dict[str, float]:
    """Fit on the other subjects, export to ``store``; return what was chosen on some of them."""
    clips = [clip for clip in _clips(fold.items) if clip.person != fold.subject and clip.sequences]
    if fold.method == "ltp-ml":
        export_svm(*fit_svm(clips), store, {})
        return {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        bag = fit_bag(clips, deal_seed(clips, fold.seed, fold.members), fold.members, fold.schedule)
        export_bag(bag, store, {})
    finally:
        torch.set_num_threads(threads)
    return {"threshold": round(bag.threshold, 4)}


def deal_seed(clips: Sequence[Clip], seed: int, members: int) -> int:
    """Return the first of ``seed``, ``seed + 1000`` ... that holds a micro-expression back for the threshold.

    Networks are fitted without a part of the people, on whom the threshold is chosen
    (:func:`training.spotting.fit_net.fit_bag`). In real data many people show no micro-expression.

    Raises
    ------
    DatasetError
        There are too few people, or too few of them show one.
    """
    people = {clip.person for clip in clips}
    showing = {clip.person for clip in clips if any(m.kind == "micro" for m in clip.truth)}
    if len(people) < max(2, members) or not showing:
        raise DatasetError(
            f"{len(people)} subjects with signals are left to fit ltp-net on, {len(showing)} of them with a "
            f"micro-expression; {members} networks need {max(2, members)} and 1.",
            "Leave out --method ltp-net, or ask for fewer --members.",
        )
    for deal in range(_DEALS):
        parts = split_people(clips, min(max(members, HELD_BACK), len(people)), seed + 1000 * deal)
        if showing & set[str]().union(*parts[:members]):
            return seed + 1000 * deal
    raise DatasetError(
        f"in {_DEALS} deals of the subjects no network was left one with a micro-expression.",
        "Ask for more --members.",
    )


def _replayed(spotter: str, models: ModelStore, items: Sequence[Recorded]) -> dict[str, list[dict[str, Any]]]:
    """Replay the recorded signals through the application's own spotter."""
    asked = make_spotter(spotter, models)
    logs = {item: SignalLog.load(item.signals) for item in items}
    return {item.video: [span_row(log, span) for span in log.replay(asked)] for item, log in logs.items()}


@lru_cache(maxsize=1)
def _clips(items: tuple[Recorded, ...]) -> tuple[Clip, ...]:
    """All videos, read once a process: a worker does one fold after the other on the same ones."""
    return tuple(load_clip(item) for item in items)
