"""Tasks on this machine's processes or on a Dask cluster; each writes its own file, so none is done twice."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from megc_live.cluster import ClusterError
from megc_live.errors import SettingsError

_CONNECT_S = 10


class Task(Protocol):
    """What is done in one go; its result is the file at ``path``."""

    @property
    def path(self) -> Path:
        """Where the result is written, whole or not at all."""
        ...


T = TypeVar("T", bound=Task)
Data = TypeVar("Data")
Progress = Callable[[int, int, str], None]


def run_tasks(
    do: Callable[[Data, T], str],
    tasks: Sequence[T],
    data: Data,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress = lambda done, total, name: None,
) -> None:
    """Do those tasks whose file is not there yet.

    Parameters
    ----------
    do : callable
        ``do(data, task)`` writes the task's file and returns a name for the progress.
    tasks : sequence of Task
    data : any
        Sent to each worker; to those of a cluster once.
    jobs : int
        Processes on this machine.
    cluster : str, optional
        Address of a Dask scheduler, instead of ``jobs``. Its machines see the folder of results under the
        same path. A task whose worker dies is given to another one.
    progress : callable
        Told (done, to do, name).

    Raises
    ------
    SettingsError
        Both ``jobs`` and ``cluster``, or a worker that was killed, on a cluster several times in a row.
    ClusterError
        There is no cluster, or all of it is lost.
    """
    check_workers(jobs, cluster)
    missing = [task for task in tasks if not task.path.exists()]
    if not missing:
        return
    if cluster is not None:
        _on_cluster(do, missing, data, cluster, progress)
        return
    calls = (delayed(do)(data, task) for task in missing)
    try:
        for number, name in enumerate(Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)):
            progress(number + 1, len(missing), name)
    except TerminatedWorkerError:
        raise SettingsError(
            "a worker process was killed; what was finished is kept.",
            "Give the same command again (evaluate: with --resume), and fewer --jobs if memory ran out.",
        ) from None


def check_workers(jobs: int, cluster: str | None) -> None:
    """Raise :class:`SettingsError` if both ways of working are asked for, or no process."""
    if jobs < 1:
        raise SettingsError(f"got {jobs} jobs.", "Give one or more.")
    if cluster is not None and jobs != 1:
        raise SettingsError(
            "--jobs is for this machine and --cluster for others; they exclude each other.", "Give one."
        )


def _on_cluster(
    do: Callable[[Data, T], str], tasks: Sequence[T], data: Data, address: str, progress: Progress
) -> None:
    distributed = _distributed()
    client = _connect(distributed, address)
    try:
        # Sent once, and to all: the death of one worker takes it from nobody else.
        sent = client.scatter(data, broadcast=True, hash=False)
        running = [client.submit(_quietly, do, sent, task, pure=False) for task in tasks]
        for number, future in enumerate(distributed.as_completed(running)):
            progress(number + 1, len(tasks), future.result())
    except distributed.KilledWorker as error:
        raise SettingsError(
            f"a task killed every worker that took it ({error.task}); what was finished is kept.",
            "See to the workers' memory, and give the same command again (evaluate: with --resume).",
        ) from None
    except (TimeoutError, OSError) as error:
        raise ClusterError(
            f"the cluster at {address!r} was lost: {' '.join(str(error).split())}.",
            "What was finished is kept: start it, and give the same command again (evaluate: with --resume).",
        ) from None
    finally:
        client.close()


def _quietly(do: Callable[[Data, T], str], data: Data, task: T) -> str:
    """Do a task that another worker may have finished before it died."""
    return task.path.stem if task.path.exists() else do(data, task)


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise ClusterError(
            "--cluster needs dask.distributed.",
            "Install it with `python -m pip install -c constraints.txt '.[cluster]'`.",
        ) from None


def _connect(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"the cluster at {address!r} does not answer: {' '.join(str(error).split())}.",
            "Start one with `dask scheduler` and `dask worker ADDRESS`, and give the scheduler's address.",
        ) from None
