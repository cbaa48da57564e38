"""Corpora as sequences of features and targets for the network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.spotting.base import Span
from megc_live.spotting.decode import Decoder, Score
from megc_live.spotting.features import GRID_HZ, N_FEATURES, VALID, Grid, GridSample
from megc_live.spotting.net import LOOK_AHEAD_STEPS, region_motion
from training.spotting.signal_log import SignalLog

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Movement:
    """One planted or annotated movement: frames inclusive and 0-based, times in seconds.

    ``amplitude`` is the largest displacement in eye distances, NaN where it is not known.
    """

    onset: int
    offset: int
    onset_s: float
    offset_s: float
    kind: str
    units: tuple[str, ...] = ()
    amplitude: float = math.nan


@dataclass
class Clip:
    """One video of a corpus with its signals and its truth."""

    name: str
    person: str
    log: SignalLog
    truth: list[Movement]
    fps: float
    sequences: list[Sequence] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        """Length in minutes of stream time."""
        return len(self.log.pts_s) / self.fps / 60


@dataclass(frozen=True)
class Sequence:
    """One face's features on the grid.

    Attributes
    ----------
    samples : list of GridSample
    features : ndarray of float32, shape (steps, N_FEATURES)
    targets : ndarray of float32, shape (steps, 6)
        Inside micro, inside macro, seconds back to the micro onset, on to its offset, weight of the two
        inside targets (0: not judged), weight of the distances.
    """

    samples: list[GridSample]
    features: F32
    targets: F32


def base_units(units: Iterable[str]) -> set[str]:
    """Unit names without their side: AU12R is AU12.

    Examples
    --------
    >>> sorted(base_units(["AU12R", "AU6", "free"]))
    ['AU12', 'AU6', 'free']
    """
    return {unit.rstrip("RL") if unit.startswith("AU") else unit for unit in units}


def load_clips(corpus: Path, only: set[str] | None = None) -> list[Clip]:
    """Read a corpus whose signals have been recorded (``signals/<video>.npz`` beside ``truth.csv``).

    Parameters
    ----------
    corpus : Path
    only : set of str, optional
        Persons to read.

    Raises
    ------
    DatasetError
        A file is missing or a column is not there.
    """
    table = read_truth(corpus / "truth.csv")
    clips = []
    for record in read_listing(corpus):
        name = str(record["video"])
        if only is not None and record["person"] not in only:
            continue
        path = corpus / "signals" / f"{name}.npz"
        if not path.exists():
            raise DatasetError(
                f"the signals of {name!r} are not recorded in {str(corpus)!r}.",
                "Run `megc-train fit spotter` or `megc-train evaluate spotting`, which record them first.",
            )
        log = SignalLog.load(path)
        part = table[table["video"] == name]
        truth = [
            Movement(
                int(r.onset),
                int(r.offset),
                float(log.pts_s[min(int(r.onset), len(log.pts_s) - 1)]),
                float(log.pts_s[min(int(r.offset), len(log.pts_s) - 1)]),
                str(r.kind),
                tuple(str(r.units).split("|")),
                float(getattr(r, "amplitude", math.nan)),
            )
            for r in part.itertuples()
        ]
        clip = Clip(name, str(record["person"]), log, truth, float(record["fps"]))
        clip.sequences = [make_sequence(samples, truth) for samples in grid_samples(log)]
        clips.append(clip)
    return clips


def read_listing(corpus: Path) -> list[dict[str, Any]]:
    """The clips of a semi-synthetic corpus: video, person, fps, frames ... of each.

    Raises
    ------
    DatasetError
    """
    try:
        clips = json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))["clips"]
        for clip in clips:
            str(clip["video"]), str(clip["person"]), float(clip["fps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{str(corpus)!r} is not a corpus: corpus.json cannot be read ({error!r}).",
            "Make one with `megc-train synth`.",
        ) from None
    if not clips:
        raise DatasetError(f"the corpus {str(corpus)!r} has no clips.", "Make another with more footage.")
    return list(clips)


def read_truth(path: Path) -> pd.DataFrame:
    """Read a truth table of a semi-synthetic corpus.

    Raises
    ------
    DatasetError
    """
    try:
        table = pd.read_csv(path, dtype={"video": str, "units": str, "person": str}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"cannot read {str(path)!r}: {error}.", "Make a corpus with `megc-train synth`."
        ) from None
    missing = {"video", "onset", "offset", "kind", "units"} - set(table.columns)
    if missing:
        raise DatasetError(f"{str(path)!r} has no column {', '.join(sorted(missing))}.")
    for name in ("onset", "offset"):
        if len(table) and not pd.api.types.is_integer_dtype(table[name]):
            raise DatasetError(
                f"{str(path)!r}, column {name}: not every value is a whole number.",
                "Make a corpus with `megc-train synth`.",
            )
    return table


def grid_samples(log: SignalLog) -> list[list[GridSample]]:
    """Each face's signals on the 30 Hz grid; a face that was away for a second starts a new sequence."""
    out = []
    for signals in log.faces:
        grid, samples = Grid(), []
        last = -np.inf
        for signal in signals:
            if signal.pts_s - last > 1.0 and samples:
                out.append(samples)
                grid, samples = Grid(), []
            last = signal.pts_s
            samples += grid.push(signal)
        if samples:
            out.append(samples)
    return out


def make_sequence(samples: list[GridSample], truth: Many[Movement]) -> Sequence:
    """Stack a face's samples and mark what each step should be answered with."""
    features = np.stack([s.vector for s in samples])
    times = np.array([s.t_s for s in samples])
    targets = np.zeros((len(samples), 6), dtype=np.float32)
    targets[:, 4] = features[:, VALID] > 0
    edge = 0.5 / GRID_HZ
    for move in truth:
        inside = (times >= move.onset_s) & (times <= move.offset_s)
        # Steps at the very border are neither in nor out.
        border = (np.abs(times - move.onset_s) < edge) | (np.abs(times - move.offset_s) < edge)
        targets[inside, 0 if move.kind == "micro" else 1] = 1
        targets[border, 4] = 0
        if move.kind == "micro":
            targets[inside, 2] = times[inside] - move.onset_s
            targets[inside, 3] = move.offset_s - times[inside]
            targets[inside, 5] = features[inside, VALID] > 0
    return Sequence(samples, features, targets)


def decode_scores(sequence: Sequence, scores: F32, threshold: float) -> list[Span]:
    """Spans of one sequence from the network's answers, by the decoder that the application uses.

    Parameters
    ----------
    scores : ndarray, shape (steps, 4)
        Probabilities and times of every step.
    """
    decoder = Decoder(threshold)
    out: list[Span] = []
    steps = len(sequence.samples)
    for newest in range(steps + LOOK_AHEAD_STEPS):
        if newest < steps:
            sample = sequence.samples[newest]
            decoder.observe(sample.t_s, region_motion(sample.vector))
        judged = newest - LOOK_AHEAD_STEPS
        if judged < 0:
            continue
        sample = sequence.samples[judged]
        values = scores[judged] if sample.valid else np.zeros(4)
        out += decoder.push(Score(sample.step, sample.t_s, *(float(v) for v in values)))
    return out + decoder.flush()


def padded(features: F32, past: int, future: int) -> F32:
    """Features (steps, N) as (N, past + steps + future) with zeros where there was nothing."""
    out = np.zeros((N_FEATURES, past + len(features) + future), dtype=np.float32)
    out[:, past : past + len(features)] = features.T
    return out
