"""Work for this machine's processes or for a Dask cluster."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from megc_live.cluster import ClusterError, connect, distributed_package
from megc_live.errors import SettingsError
from training.processes import in_processes

Data = TypeVar("Data")
Task = TypeVar("Task")
Answer = TypeVar("Answer")

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
        There is no cluster at that address, or it is lost or restarted.
    """
    if not calls:
        return
    if cluster is not None:
        yield from _on_cluster(calls, data, cluster)
        return
    yield from in_processes((partial(do, data, task) for do, task in calls), jobs)


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
    distributed = distributed_package()
    client = connect(address)
    try:
        sent = _sent(client, data)
        running = [client.submit(do, sent, task, pure=False) for do, task in calls]
        for future in distributed.as_completed(running, loop=client.loop):
            yield future.result()
    except distributed.client.FutureCancelledError:
        raise ClusterError(
            f"the cluster at {address!r} has forgotten its tasks; what was finished is kept.",
            f"See whether it was restarted, and {_AGAIN}.",
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


def _sent(client: Any, data: Data) -> Any:
    """Send the data once, as the answer of a task.

    A scheduler drops the copies of scattered data that it finds superfluous, and what only a worker that died
    has held is gone. A task is done again.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")  # it is sent once
        return client.submit(_itself, data, pure=False)


def _itself(data: Data) -> Data:
    return data
