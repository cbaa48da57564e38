"""Calls in several processes of this machine, by joblib's own pool.

Not by ``joblib.Parallel`` as a generator: that was seen to wait for ever for a worker that was killed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from typing import TypeVar

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from megc_live.errors import SettingsError

Answer = TypeVar("Answer")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_processes(
    calls: Iterable[Callable[[], Answer]], jobs: int, *, in_order: bool = False, kept: bool = True
) -> Iterator[Answer]:
    """Make calls in so many processes; yield what they return.

    Parameters
    ----------
    calls : iterable of callable
        Such as ``functools.partial``; what they hold is sent to the process.
    jobs : int
        Processes, which share the cores; 1 or less: this one.
    in_order : bool
        In the order of the calls, else as they come.
    kept : bool
        Each call leaves what it did in files, so that a killed process loses nothing that was finished.

    Raises
    ------
    SettingsError
        A process was killed.
    """
    todo = list(calls)
    jobs = min(jobs, len(todo))
    if jobs <= 1:
        for call in todo:
            yield call()
        return
    share = str(max(1, (os.cpu_count() or 1) // jobs))
    pool = ProcessPoolExecutor(max_workers=jobs, env={name: os.environ.get(name, share) for name in _THREADS})
    try:
        if in_order:
            running = deque(pool.submit(call) for call in todo)
            while running:  # what was yielded is held no longer
                yield running.popleft().result()
        else:
            for future in as_completed([pool.submit(call) for call in todo]):
                yield future.result()
    except BrokenProcessPool:
        raise SettingsError(
            "a worker process was killed" + ("; what was finished is kept." if kept else "."),
            "Give the same command again (evaluate: with --resume), and fewer --jobs if memory ran out.",
        ) from None
    finally:
        pool.shutdown(wait=True, kill_workers=True)
