"""Evaluation of spotters with people apart: nothing is chosen on a person who is judged.

Every person of a corpus is in exactly one test fold. For each fold, ``ltp-ml`` and ``ltp-net`` are
fitted on the other people; the networks' threshold comes from people inside the training part that the
network which is asked was not fitted on. Each fold also leaves out a group of action units: a network
that never learned them is asked how many of them it finds in the test people.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import megc_live
from megc_live.errors import DatasetError
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.settings import ModelSettings
from megc_live.spotting.base import make_spotter
from training.spotting.baselines import fire_always
from training.spotting.export import export_bag, export_svm
from training.spotting.fit_ml import fit_svm
from training.spotting.fit_net import Bag, NetSchedule, fit_bag, fit_network, split_people
from training.spotting.sequences import Clip, base_units
from training.spotting.signal_log import signal_version

Log = Callable[[str], None]

METHODS = ("fire-always", "ltp-ml", "ltp-net")
UNIT_GROUPS: tuple[frozenset[str], ...] = (
    frozenset({"AU1", "AU10", "AU20"}),
    frozenset({"AU4", "AU15"}),
    frozenset({"AU6", "AU9", "AU25"}),
    frozenset({"AU2", "AU14"}),
    frozenset({"AU7", "AU12", "AU17"}),
)
"""Units that each of five folds leaves out; every unit is left out once."""


@dataclass
class FoldResult:
    """Predictions of one fold, per method, and what was chosen inside it."""

    fold: int
    people: list[str]
    key: str = ""
    predictions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unseen_units: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    chosen: dict[str, float] = field(default_factory=dict)


def evaluate_corpus(
    clips: Many[Clip],
    out: Path,
    *,
    methods: Many[str] = METHODS,
    folds: int = 5,
    seed: int = 0,
    members: int = 1,
    schedule: NetSchedule | None = None,
    only_folds: Many[int] | None = None,
    log: Log = lambda line: None,
) -> list[FoldResult]:
    """Run the folds; those that are finished in ``out`` are read back, so a broken run goes on.

    Parameters
    ----------
    clips : sequence of Clip
    out : Path
        Folder for ``fold-K.json``.
    methods : sequence of str
        Of :data:`METHODS`.
    folds, seed, members : int
        Test folds; seed of the deal and of the fits; networks in a bag.
    only_folds : sequence of int, optional
        Folds to run now, for several processes at once; the others are neither run nor returned.
    """
    out.mkdir(parents=True, exist_ok=True)
    parts = split_people(clips, folds, seed)
    key = _key(clips, methods, folds, seed, members, schedule or NetSchedule())
    results = []
    for fold, part in enumerate(parts):
        if only_folds is not None and fold not in only_folds:
            continue
        path = out / f"fold-{fold}.json"
        if path.exists():
            try:
                done = FoldResult(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise DatasetError(
                    f"{str(path)!r} is no fold of an evaluation: {error}.", "Remove it, and go on."
                ) from None
            if done.key != key:
                raise DatasetError(
                    f"{str(path)!r} is of another evaluation: other clips, settings or code.",
                    "Choose another folder with --out, or remove it.",
                )
            results.append(done)
            continue
        log(f"fold {fold + 1} of {folds}: {len(part)} people held out")
        result = _run_fold(clips, fold, part, methods, seed, members, schedule, log)
        result.key = key
        write_whole(path, json.dumps(result.__dict__))
        results.append(result)
    return results


def _key(
    clips: Many[Clip], methods: Many[str], folds: int, seed: int, members: int, schedule: NetSchedule
) -> str:
    """What must be the same for a finished fold to be used again."""
    facts = {
        "signals": signal_version(),
        "code": _code_version(),
        "clips": sorted((clip.name, len(clip.log.pts_s), len(clip.truth)) for clip in clips),
        "methods": sorted(methods),
        "deal": [folds, seed, members],
        "schedule": schedule.__dict__,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _code_version() -> str:
    """Hash of the code that fits and decides; how a page is written does not matter."""
    packages = [Path(megc_live.__file__).parent / "spotting", Path(__file__).parent]
    files = [
        file
        for package in packages
        for file in sorted(package.glob("*.py"))
        if file.stem not in ("report", "remake")
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _run_fold(
    clips: Many[Clip],
    fold: int,
    people: set[str],
    methods: Many[str],
    seed: int,
    members: int,
    schedule: NetSchedule | None,
    log: Log,
) -> FoldResult:
    inside = [clip for clip in clips if clip.person not in people]
    outside = [clip for clip in clips if clip.person in people]
    result = FoldResult(fold, sorted(people))
    units = UNIT_GROUPS[fold % len(UNIT_GROUPS)]
    if "fire-always" in methods:
        result.predictions["fire-always"] = [
            _row(clip, alarm.onset, alarm.offset, "micro", 1.0)
            for clip in outside
            for alarm in fire_always(len(clip.log.pts_s), clip.fps)
        ]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        if "ltp-ml" in methods:
            export_svm(*fit_svm(inside), store, {})
            result.predictions["ltp-ml"] = _predict("ltp-ml", store, outside)
            export_svm(*fit_svm(inside, units), store, {})
            result.unseen_units["ltp-ml"] = _predict("ltp-ml", store, _with_units(outside, units))
        if "ltp-net" in methods:
            bag = fit_bag(inside, seed + 100 * fold, members, schedule, log=log)
            export_bag(bag, store, {})
            result.chosen["ltp-net"] = bag.threshold
            result.predictions["ltp-net"] = _predict("ltp-net", store, outside)
            blind = fit_network(inside, seed + 100 * fold + 50, schedule, units, log)
            export_bag(Bag([blind], bag.threshold, {}), store, {})
            result.unseen_units["ltp-net"] = _predict("ltp-net", store, _with_units(outside, units))
    return result


def _with_units(clips: Iterable[Clip], units: frozenset[str]) -> list[Clip]:
    return [
        clip for clip in clips if any(units & base_units(m.units) for m in clip.truth if m.kind == "micro")
    ]


def _predict(name: str, store: Path, clips: Iterable[Clip]) -> list[dict[str, Any]]:
    """Replay clips through the application's own spotter."""
    models = ModelStore(ModelSettings(directory=store))
    spotter = make_spotter(name, models)
    rows = []
    for clip in clips:
        for span in clip.log.replay(spotter):
            onset, offset = clip.log.frame_at(span.onset_s), clip.log.frame_at(span.offset_s)
            rows.append(_row(clip, onset, offset, span.kind, span.score))
    return rows


def _row(clip: Clip, onset: int, offset: int, kind: str, score: float) -> dict[str, Any]:
    return {
        "video": clip.name, "onset": onset, "offset": offset, "kind": kind, "score": round(score, 4),
        "person": clip.person,
    }  # fmt: skip
