"""Recording the signals of a corpus: each clip once through the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2

from training.processes import in_processes
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
    SettingsError
        A worker was killed.
    """
    folder = corpus / "signals"
    folder.mkdir(exist_ok=True)
    names = [str(record["video"]) for record in read_listing(corpus)]
    version = signal_version()
    todo = [name for name in names if recorded_version(folder / f"{name}.npz") != version]
    calls = (partial(_record_one, corpus, name) for name in todo)
    for count, name in enumerate(in_processes(calls, jobs), start=1):
        if progress is not None:
            progress(count, len(todo), name)


def _record_one(corpus: Path, name: str) -> str:
    cv2.setNumThreads(1)
    record_signals(corpus / "clips" / f"{name}.mp4").save(corpus / "signals" / f"{name}.npz")
    return name
