"""Work for several processes, in lanes: a process that dies takes its own task with it and no other.

A pool of processes is broken as a whole when one of them dies, so each lane is a pool of one.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

from megc_live.threads import share_cores

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Report = Callable[[int, int | None], None]
"""Called with the steps done so far and, where it is known, of how many."""
Stopped = Callable[[], bool]

_POLL_S = 0.2
_UNKNOWN = -1

# In a worker: the state shared with the parent, written without locks, so that a dying worker holds none.
_progress: Any = None
_stop: Any = None


def _enter_worker(progress: Any, stop: Any, lanes: int) -> None:
    global _progress, _stop
    _progress, _stop = progress, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which raises the flag
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    share_cores(lanes)


def _in_worker(work: Callable[[Any, Report, Stopped], Answer], index: int, task: Any) -> Answer:
    def report(done: int, total: int | None) -> None:
        _progress[2 * index + 1] = _UNKNOWN if total is None else total
        _progress[2 * index] = done

    return work(task, report, lambda: bool(_stop.value))


class _Lane(Generic[Task, Answer]):
    """One process at a time, replaced when it dies."""

    def __init__(self, start: Callable[[], ProcessPoolExecutor]) -> None:
        self._start = start
        self._pool: ProcessPoolExecutor | None = None

    def run(self, work: Callable[[Task, Report, Stopped], Answer], index: int, task: Task) -> Answer | None:
        """Return the answer, or None where the process died."""
        self._pool = self._pool or self._start()
        try:
            return self._pool.submit(_in_worker, work, index, task).result()
        except BrokenProcessPool:
            self.close()
            return None

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


def run_in_lanes(
    work: Callable[[Task, Report, Stopped], Answer],
    tasks: Sequence[Task],
    lanes: int,
    *,
    stopped: Stopped,
    on_progress: Callable[[int, int, int | None], None],
    on_answer: Callable[[int, Answer | None], None],
) -> list[Answer | None]:
    """Run ``work(task, report, stopped)`` for each task in spawned processes.

    Parameters
    ----------
    work : callable
        A function of a module, given one task, where to report progress to, and whether to stop.
    tasks : sequence
        What can be pickled between a program and its own workers.
    lanes : int
        Processes at the same time.
    stopped : callable
        Asked a few times a second; once true, running tasks are told and no other is begun.
    on_progress : callable
        ``(index, done, total or None)``, from this thread.
    on_answer : callable
        ``(index, answer)`` as they come, from this thread.

    Returns
    -------
    list
        Answers in the order of the tasks; None where the worker died or the task was not begun.
    """
    context = multiprocessing.get_context("spawn")
    progress = context.RawArray("d", [0.0, _UNKNOWN] * max(1, len(tasks)))
    stop = context.RawValue("b", 0)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[int, Answer | None]] = queue.SimpleQueue()
    for index in range(len(tasks)):
        waiting.put(index)

    def start() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=context, initializer=_enter_worker, initargs=(progress, stop, lanes)
        )

    def keep_busy() -> None:
        lane: _Lane[Task, Answer] = _Lane(start)
        try:
            while not stop.value:
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    return
                finished.put((index, lane.run(work, index, tasks[index])))
        finally:
            lane.close()

    answers: list[Answer | None] = [None] * len(tasks)

    def look() -> None:
        for index in range(len(tasks)):
            if progress[2 * index] > 0:
                total = progress[2 * index + 1]
                on_progress(index, int(progress[2 * index]), None if total < 0 else int(total))
        while True:
            try:
                index, answer = finished.get_nowait()
            except queue.Empty:
                return
            answers[index] = answer
            on_answer(index, answer)

    with ThreadPoolExecutor(max(1, lanes)) as hands:
        busy = [hands.submit(keep_busy) for _ in range(min(lanes, len(tasks)))]
        try:
            while wait(busy, _POLL_S).not_done:
                if stopped():
                    stop.value = 1
                look()
            for hand in busy:
                hand.result()
        finally:
            stop.value = 1
    look()
    return answers


@contextmanager
def stop_on_signals() -> Iterator[Stopped]:
    """Turn the first Ctrl-C or SIGTERM into a flag; the second one interrupts at once.

    Outside the main thread, where signals cannot be caught, the flag stays down.
    """
    raised = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield raised.is_set
        return

    def raise_flag(number: int, frame: FrameType | None) -> None:
        if raised.is_set():
            raise KeyboardInterrupt
        raised.set()

    before = {number: signal.signal(number, raise_flag) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield raised.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
