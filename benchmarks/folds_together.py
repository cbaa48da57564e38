"""Leave one subject out with STSTNet: all folds in one pass against a plain loop over the folds.

Both fit the same networks from the same first weights with the same batches and dropout, for the same
number of epochs, with the same number of processes, each on one thread. Prints both times, their ratio
and how far the predictions agree.

    python benchmarks/folds_together.py --epochs 40 --folds 68 --jobs 2 [--data FILE]

Without --data: flow images of movements planted in one photograph.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray

from training.datasets.flow_file import FlowData, load_flow_file
from training.recognition.grouped import Together
from training.recognition.one_by_one import fit_alone
from training.recognition.planted import planted_flow
from training.recognition.ststnet import TOGETHER, Schedule, prepared

PLANTED_PER_CLASS = 147
"""About as many images as the challenge has."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    chosen = _options().parse_args(arguments)
    data = (
        load_flow_file(chosen.data, published_counts=False)
        if chosen.data is not None
        else planted_flow(np.random.default_rng(0), PLANTED_PER_CLASS, parts=68)
    )
    groups = np.unique(data.group)[: chosen.folds]
    schedule = Schedule(epochs=chosen.epochs)
    print(
        f"{len(data)} images, {len(groups)} folds, {schedule.epochs} epochs, batches of {schedule.batch}, "
        f"{chosen.jobs} processes"
    )
    numbers = list(range(len(groups)))
    # As many folds in a group as `evaluate recognition` takes, but no process without one.
    size = min(TOGETHER, -(-len(numbers) // chosen.jobs))
    with Parallel(n_jobs=chosen.jobs) as parallel:
        # Processes start and import torch before anything is timed.
        parallel(delayed(_alone)(data, [k], groups, Schedule(epochs=1)) for k in range(chosen.jobs))
        together = _timed(
            parallel, _together, data, [numbers[k : k + size] for k in numbers[::size]], groups, schedule
        )
        loop = _timed(parallel, _alone, data, [[k] for k in numbers], groups, schedule)
    _report("plain loop", loop)
    _report("together", together)
    print(
        f"ratio        {loop[0] / together[0]:8.2f} of the times   {loop[1] / together[1]:8.2f} of the "
        "processor times"
    )
    held = np.isin(data.group, groups)
    a, b = loop[2][:, held], together[2][:, held]
    same = a.argmax(2) == b.argmax(2)
    print(
        f"agreement    answers of the last epoch {same[-1].sum()} of {same[-1].size}, of all epochs "
        f"{same.sum()} of {same.size}; largest difference of a probability {np.abs(a[-1] - b[-1]).max():.1e}"
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=_positive, default=40, help="default: 40")
    parser.add_argument("--folds", type=_positive, default=68, help="at most so many subjects; default: 68")
    parser.add_argument("--jobs", type=_positive, default=2, help="processes; default: 2")
    parser.add_argument("--data", type=Path, metavar="FILE", help="npz file of flow images")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {value}, expected 1 or more")
    return value


def _timed(
    parallel: Any, work: Callable[..., Any], data: FlowData, parts: list[list[int]], *more: Any
) -> tuple[float, float, NDArray[np.float64]]:
    """Seconds by the clock and of the processors, and the probabilities (epochs, n, 3)."""
    start = time.perf_counter()
    done = parallel(delayed(work)(data, part, *more) for part in parts)
    seconds = time.perf_counter() - start
    found = np.full_like(done[0][0], np.nan)
    for one, _ in done:
        found = np.where(np.isnan(one), found, one)
    return seconds, sum(used for _, used in done), found


def _together(
    data: FlowData, folds: list[int], groups: NDArray[np.str_], schedule: Schedule
) -> tuple[NDArray[np.float64], float]:
    start = time.process_time()
    held = data.group == groups[folds, None]
    nets = Together(prepared(data.flow), torch.from_numpy(data.label), held, folds, schedule)
    return nets.fit(0), time.process_time() - start


def _alone(
    data: FlowData, folds: list[int], groups: NDArray[np.str_], schedule: Schedule
) -> tuple[NDArray[np.float64], float]:
    start = time.process_time()
    x, y = prepared(data.flow), torch.from_numpy(data.label)
    found = np.full((schedule.epochs, len(data), 3), np.nan)
    for fold in folds:
        held = data.group == groups[fold]
        found[:, held] = fit_alone(x, y, held, fold, 0, schedule)[1]
    return found, time.process_time() - start


def _report(name: str, timed: tuple[float, float, Any]) -> None:
    print(f"{name:12s} {timed[0]:8.1f} s            {timed[1]:8.1f} s of the processors")


if __name__ == "__main__":
    main()
