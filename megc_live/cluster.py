"""Work for the machines of a Dask cluster (extra ``cluster``), with the interface of :mod:`megc_live.lanes`.

Every machine sees the sources and the folder of results under the same paths. A task whose worker dies is
given to another one by the scheduler.
"""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from megc_live.errors import MegcError
from megc_live.lanes import Report, Stopped
from megc_live.telemetry import silence

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_CONNECT_S = 10
_POLL_S = 0.2
_ASK_S = 0.5
"""A worker asks the scheduler at most so often whether to stop, and reports as often."""


class ClusterError(MegcError):
    """A cluster that cannot be reached, or software that it needs and that is missing."""


def run_on_cluster(
    work: Callable[[Task, Report, Stopped], Answer],
    tasks: Sequence[Task],
    address: str,
    *,
    stopped: Stopped,
    on_progress: Callable[[int, int, int | None], None],
    on_answer: Callable[[int, Answer | None], None],
) -> list[Answer | None]:
    """Run ``work(task, report, stopped)`` for each task on the workers of a Dask scheduler.

    Parameters
    ----------
    work, tasks, stopped, on_progress, on_answer
        As for :func:`megc_live.lanes.run_in_lanes`.
    address : str
        Of the scheduler, such as ``tcp://10.0.0.5:8786``.

    Returns
    -------
    list
        Answers in the order of the tasks; None where every worker that took the task died, or where it was
        not begun.

    Raises
    ------
    ClusterError
        dask.distributed is not installed, or the scheduler does not answer.
    """
    client = connect(address)
    topic = f"megc-live-{uuid4().hex}"
    told: queue.SimpleQueue[tuple[int, int, int | None]] = queue.SimpleQueue()
    answers: list[Answer | None] = [None] * len(tasks)
    try:
        flag = distributed_package().Event(topic, client=client)
        client.subscribe_topic(topic, lambda event: told.put(tuple(event[1])))
        running = {
            client.submit(_on_worker, work, index, task, topic, pure=False): index
            for index, task in enumerate(tasks)
        }
        while running:
            time.sleep(_POLL_S)
            if stopped() and not flag.is_set():
                flag.set()
            while not told.empty():
                on_progress(*told.get())
            for future in [future for future in running if future.done()]:
                index = running.pop(future)
                for answer in _answer(future):
                    answers[index] = answer
                    on_answer(index, answer)
    finally:
        client.close()
    return answers


def distributed_package() -> Any:
    """The package, which is half typed; raises :class:`ClusterError` where it is missing."""
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise ClusterError(
            "--cluster needs dask.distributed.",
            "Install it with `python -m pip install -c constraints.txt '.[cluster]'`.",
        ) from None


def connect(address: str) -> Any:
    """Return a client of the scheduler; raises :class:`ClusterError` where none answers."""
    distributed = distributed_package()
    try:
        return distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"the cluster at {address!r} does not answer: {' '.join(str(error).split())}.",
            "Start one with `dask scheduler` and `dask worker ADDRESS`, and give the scheduler's address.",
        ) from None


def _on_worker(
    work: Callable[[Any, Report, Stopped], Answer], index: int, task: Any, topic: str
) -> tuple[Answer, ...]:
    """Do one task on a worker: report through the scheduler's events, stop by its flag.

    The answer comes in a tuple, which is empty where the flag was up before the task began.
    """
    silence()  # a worker is a process of Dask's own
    distributed = distributed_package()
    worker, flag = distributed.get_worker(), distributed.Event(topic)
    said, asked = -1.0, [-1.0, False]

    def report(done: int, total: int | None) -> None:
        nonlocal said
        if time.monotonic() - said >= _ASK_S:
            said = time.monotonic()
            worker.log_event(topic, (index, done, total))

    def stopped() -> bool:
        if not asked[1] and time.monotonic() - asked[0] >= _ASK_S:
            asked[:] = time.monotonic(), flag.is_set()
        return bool(asked[1])

    return () if stopped() else (work(task, report, stopped),)


def _answer(future: Any) -> tuple[Any, ...]:
    """What the task answered; None in its place where its workers died."""
    try:
        return tuple(future.result())
    except distributed_package().KilledWorker:
        return (None,)
