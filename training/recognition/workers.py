"""Work for this machine's processes or for a Dask cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

from megc_live.cluster import ClusterError
from megc_live.errors import SettingsError

Data = TypeVar("Data")
Task = TypeVar("Task")
Answer = TypeVar("Answer")

_CONNECT_S = 10
_AGAIN = "give the same command again (evaluate: with --resume)"


def unordered(
    calls: Sequence[tuple[Callable[[Data, Task], Answer], Task]],
    data: Data,
    *,
    jobs: int = 1,
    cluster: str | None = None,
) -> Iterator[Answer]:
    """Yield the answers of ``do(data, task)`` for each (do, task), as they come.

    A call writes its own file, so that nothing finished is lost with a worker, and may be made twice.

    Parameters
    ----------
    calls : sequence of (callable, task)
    data : any
        Sent with each call; to the workers of a cluster once.
    jobs : int
        Processes on this machine.
    cluster : str, optional
        Address of a Dask scheduler, instead of ``jobs``. Its machines see the folder of results, and the
        files that ``data`` names, under the same paths. A task whose worker dies is given to another one.

    Raises
    ------
    SettingsError
        A worker was killed; on a cluster, as often by the same task as its scheduler allows.
    ClusterError
        There is no cluster at that address, or all of it is lost.
    """
    if not calls:
        return
    if cluster is not None:
        yield from _on_cluster(calls, data, cluster)
        return
    if jobs == 1:
        for do, task in calls:
            yield do(data, task)
        return
    # joblib's own pool: its Parallel as a generator was seen to wait for ever for a worker that was killed.
    pool = ProcessPoolExecutor(max_workers=jobs)
    try:
        for future in as_completed([pool.submit(do, data, task) for do, task in calls]):
            yield future.result()
    except BrokenProcessPool:
        raise SettingsError(
            "a worker process was killed; what was finished is kept.",
            f"If memory ran out take fewer --jobs, and {_AGAIN}.",
        ) from None
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def check_workers(jobs: int, cluster: str | None) -> None:
    """Raise :class:`SettingsError` if both ways of working are asked for, or no process."""
    if jobs < 1:
        raise SettingsError(f"got {jobs} jobs.", "Give one or more.")
    if cluster is not None and jobs != 1:
        raise SettingsError(
            "--jobs is for this machine and --cluster for others: they exclude each other.",
            "Give one.",
        )


def _on_cluster(
    calls: Sequence[tuple[Callable[[Data, Task], Answer], Task]], data: Data, address: str
) -> Iterator[Answer]:
    distributed = _distributed()
    client = _connect(distributed, address)
    try:
        # To all of them: the death of one worker takes it from nobody else.
        sent = client.scatter(data, broadcast=True, hash=False)
        running = [client.submit(do, sent, task, pure=False) for do, task in calls]
        for future in distributed.as_completed(running, loop=client.loop):
            yield future.result()
    except distributed.client.FutureCancelledError:
        raise ClusterError(
            f"all workers of {address!r} that held the data died; what was finished is kept.",
            f"See to their memory, and {_AGAIN}.",
        ) from None
    except distributed.KilledWorker:
        raise SettingsError(
            "a task killed every worker that took it; what was finished is kept.",
            f"See to the workers' memory, and {_AGAIN}.",
        ) from None
    except (TimeoutError, OSError) as error:
        raise ClusterError(
            f"the cluster at {address!r} was lost: {' '.join(str(error).split())}.",
            f"What was finished is kept: start it, and {_AGAIN}.",
        ) from None
    finally:
        client.close()


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
