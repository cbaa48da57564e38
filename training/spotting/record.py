"""Recording the signals of a corpus: each clip once through the engine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import cv2

from training.spotting.sequences import read_listing
from training.spotting.signal_log import record_signals, recorded_version, signal_version

Progress = Callable[[int, int, str], None]


def record_corpus(corpus: Path, jobs: int = 1, progress: Progress | None = None) -> None:
    """Write ``signals/<video>.npz`` for every clip that has none of this version's code yet.

    Parameters
    ----------
    corpus : Path
        Folder made by ``megc-train synth``.
    jobs : int
        Worker processes.
    progress : callable, optional
        Called with (clips done, clips to do, name).

    Raises
    ------
    DatasetError, SourceError, ModelError
    """
    folder = corpus / "signals"
    folder.mkdir(exist_ok=True)
    names = [str(record["video"]) for record in read_listing(corpus)]
    version = signal_version()
    todo = [(corpus, name) for name in names if recorded_version(folder / f"{name}.npz") != version]
    if not todo:
        return
    with multiprocessing.get_context("spawn").Pool(max(1, min(jobs, len(todo)))) as pool:
        for count, name in enumerate(pool.imap_unordered(_record_one, todo), start=1):
            if progress is not None:
                progress(count, len(todo), name)


def _record_one(item: tuple[Path, str]) -> str:
    corpus, name = item
    cv2.setNumThreads(1)
    record_signals(corpus / "clips" / f"{name}.mp4").save(corpus / "signals" / f"{name}.npz")
    return name
