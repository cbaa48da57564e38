"""``megc-train fit spotter``: both spotters from corpora of clips with known movements."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable
from collections.abc import Sequence as Many
from pathlib import Path
from typing import Any

from megc_live.errors import DatasetError
from training.datasets.photo_corpus import make_photo_corpus
from training.spotting.export import export_bag, export_svm
from training.spotting.fit_ml import fit_svm, training_rows
from training.spotting.fit_net import NetSchedule, fit_bag
from training.spotting.record import Progress, record_corpus
from training.spotting.sequences import Clip, load_clips

LIMITS = (
    "The movements were planted by warping pictures: no score on them is a score on real micro-expressions.",
    "Fitted on 25 to 30 frames/s video of people seen from the front, eye distance 40 to 130 px.",
    "Speech, steps that do not return and fast natural expressions give false alarms.",
)


def fit_spotters(
    corpora: Many[Path] | None,
    out: Path,
    *,
    seed: int = 0,
    members: int = 3,
    epochs: int | None = None,
    data: str = "",
    jobs: int = 1,
    progress: Progress | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Fit ``ltp-ml`` and ``ltp-net`` on all people of some corpora and export them.

    Parameters
    ----------
    corpora : sequence of Path, optional
        Folders made by ``megc-train synth``; the same person may be in several. Without any, a small
        corpus is made of the bundled photograph, and the cards say what that is worth.
    out : Path
        Folder for the models and their cards.
    seed, members : int
        Seed of the fits; networks in the bag, each fitted without one part of the people.
    epochs : int, optional
        Instead of the schedule's own number.
    data : str
        What the footage is, for the cards.
    jobs : int
        Processes that record signals.

    Returns
    -------
    list of Path
        The ONNX files.

    Raises
    ------
    DatasetError
        Too few people, or a corpus that cannot be read.
    """
    if not corpora:
        data = data or "one photograph (the astronaut, NASA, public domain), animated"
        log(
            "no corpus given: fitting on one animated photograph. "
            "The result shows that fitting works, no more."
        )
        with tempfile.TemporaryDirectory() as folder:
            made = make_photo_corpus(Path(folder) / "photograph", seed=seed, clips=max(members, 3))
            clips = read_corpora([made], jobs, progress)
    else:
        clips = read_corpora(corpora, jobs, progress)
    schedule = NetSchedule() if epochs is None else NetSchedule(epochs=epochs)
    people = {clip.person for clip in clips}
    if len(people) < max(members, 3):
        raise DatasetError(
            f"the corpora show {len(people)} people, {members} networks need at least {max(members, 3)}.",
            "Give footage of more people, or fit fewer networks.",
        )
    log(f"{len(clips)} clips of {len(people)} people, {sum(c.minutes for c in clips):.1f} minutes")
    rows, labels = training_rows(clips)
    weights, bias = fit_svm(clips)
    paths = [
        export_svm(
            weights,
            bias,
            out,
            _card("ltp-ml", clips, data, {"rows": len(rows), "positive": int(labels.sum())}),
        )
    ]
    bag = fit_bag(clips, seed, members, schedule, log=log)
    settings = {"seed": seed, "schedule": schedule.__dict__}
    card = _card("ltp-net", clips, data, settings)
    card["scores"]["threshold_f_half_synthetic"] = round(max(bag.f_half_of.values()), 4)
    paths.append(export_bag(bag, out, card))
    return paths


def read_corpora(corpora: Many[Path], jobs: int = 1, progress: Progress | None = None) -> list[Clip]:
    """Record what is not recorded yet, then read all clips of some corpora."""
    clips: list[Clip] = []
    for number, corpus in enumerate(corpora):
        record_corpus(corpus, jobs, progress)
        for clip in load_clips(corpus):
            clip.name = f"{corpus.name}-{number}/{clip.name}" if len(corpora) > 1 else clip.name
            clips.append(clip)
    return [clip for clip in clips if clip.sequences]


def _card(name: str, clips: Many[Clip], data: str, settings: dict[str, Any]) -> dict[str, Any]:
    micro = sum(m.kind == "micro" for clip in clips for m in clip.truth)
    return {
        "kind": "spotter",
        "classes": ["micro", "macro"] if name == "ltp-net" else ["micro"],
        "inputs": "features at 30 Hz" if name == "ltp-net" else "rows [CN, d(1..9)] of one region",
        "data": f"semi-synthetic: {data or 'footage with planted movements'}",
        "subjects": len({clip.person for clip in clips}),
        "clips": len(clips),
        "minutes": round(sum(clip.minutes for clip in clips), 1),
        "planted_micro": micro,
        "licence": "GPL-3.0-or-later for the weights; research use only",
        "research_only": True,
        "trained": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "settings": settings,
        "scores": {},
        "limits": list(LIMITS),
    }
