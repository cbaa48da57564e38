"""Who analyses one source at a time for a queue: a process of this computer, or a cluster's worker.

Both are asked without waiting: how far it is, whether it is over, to hold, to stop. A process that dies
takes its own source with it and no other.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol

from megc_live.batch import DIED, Outcome, Task, absolute, work
from megc_live.cluster import run_on_cluster
from megc_live.errors import MegcError
from megc_live.lanes import Report, Stopped
from megc_live.publish import clear_partials
from megc_live.threads import share_cores

Work = Callable[[Task, Report, Stopped], Outcome]

_GO, _HOLD, _STOP = 0, 1, 2
_UNKNOWN = -1
_LOOK_S = 0.05
_JOIN_S = 2.0
_NICER = 5
"""Workers step back behind the window, which must answer while they use every core."""


class Worker(Protocol):
    """Analyses one source at a time; no method waits for the analysis."""

    can_hold: bool
    """Whether a running source can be held between two frames."""

    def begin(self, task: Task, lanes: int) -> None: ...  # noqa: D102
    def progress(self) -> tuple[int, int | None]: ...  # noqa: D102
    def poll(self) -> Outcome | None: ...  # noqa: D102
    def hold(self, on: bool) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def kill(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class ProcessWorker:
    """A process of this computer, started with the first source and started anew if it has died.

    Parameters
    ----------
    work : callable
        A function of a module; default: what `analyze` does with a source.
    """

    can_hold = True

    def __init__(self, work: Work = work) -> None:
        self._work = work
        self._context = multiprocessing.get_context("spawn")
        # Written without locks, so that a dying process holds none.
        self._progress: Any = self._context.RawArray("d", [0.0, _UNKNOWN])
        self._control: Any = self._context.RawValue("b", _GO)
        self._process: Any = None
        self._pipe: Connection | None = None
        self._task: Task | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process, None before the first source."""
        return None if self._process is None else int(self._process.pid)

    def begin(self, task: Task, lanes: int) -> None:
        """Analyse a source, as one of ``lanes`` at the same time; returns at once."""
        self._task = task
        self._progress[0], self._progress[1] = 0.0, _UNKNOWN
        self._control.value = _GO
        try:
            self._ready().send((task, lanes))
        except OSError:  # it died while it was idle: nothing was lost
            self._bury()
            self._ready().send((task, lanes))

    def _ready(self) -> Connection:
        if self._pipe is None or not self._process.is_alive():
            self._bury()
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(
                target=_serve,
                args=(theirs, self._work, self._progress, self._control),
                name="megc-live worker",
                daemon=True,
            )
            self._process.start()
            theirs.close()
        return self._pipe

    def progress(self) -> tuple[int, int | None]:
        """Frames done and, where it is known, of how many."""
        done, total = self._progress
        return int(done), None if total < 0 else int(total)

    def poll(self) -> Outcome | None:
        """What became of the source; None while it is analysed. A process that died has failed."""
        if self._task is None or self._pipe is None:
            return None
        task = self._task
        try:
            if not self._pipe.poll():
                return None
            outcome: Outcome = self._pipe.recv()
        except (EOFError, OSError):
            self._bury()
            clear_partials(task.out_dir, task.job.name)
            outcome = Outcome(task.job.spec, task.job.name, "failed", error=DIED)
        self._task = None
        return outcome

    def hold(self, on: bool) -> None:
        """Hold the source before its next frame, or go on."""
        if self._control.value != _STOP:
            self._control.value = _HOLD if on else _GO

    def stop(self) -> None:
        """Ask to stop after the frame at hand; what was found is kept."""
        self._control.value = _STOP

    def kill(self) -> None:
        """End the process now; of the source at hand nothing is kept."""
        if self._process is not None:
            self._process.kill()
        self._bury()
        if self._task is not None:
            clear_partials(self._task.out_dir, self._task.job.name)
            self._task = None

    def close(self) -> None:
        """End the process, which has nothing to do."""
        self._control.value = _STOP
        self._bury()

    def _bury(self) -> None:
        if self._pipe is not None:
            self._pipe.close()  # an idle process ends when it reads the end
            self._pipe = None
        if self._process is not None:
            self._process.join(_JOIN_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
            self._process = None


def _serve(pipe: Connection, work: Work, progress: Any, control: Any) -> None:
    """Do what comes through the pipe until it is closed: the life of a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the program, which stops its workers
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICER)
    parent = multiprocessing.parent_process()

    def orphaned() -> bool:
        return parent is not None and not parent.is_alive()

    def report(done: int, total: int | None) -> None:
        progress[1] = _UNKNOWN if total is None else total
        progress[0] = done

    def stopped() -> bool:
        while control.value == _HOLD and not orphaned():
            time.sleep(_LOOK_S)
        return control.value == _STOP or orphaned()

    while True:
        try:
            task, lanes = pipe.recv()
            share_cores(lanes)
            pipe.send(work(task, report, stopped))
        except (EOFError, OSError):
            return


class ClusterWorker:
    """Hands one source at a time to the workers of a Dask scheduler.

    A source that runs there is not held: holding would need a word with the scheduler for every frame.

    Parameters
    ----------
    address : str
        Of the scheduler.
    work : callable
        A function of a module that the cluster's workers can find.
    """

    can_hold = False

    def __init__(self, address: str, work: Work = work) -> None:
        self._address = address
        self._work = work
        self._stop = threading.Event()
        self._progress: tuple[int, int | None] = (0, None)
        self._task: Task | None = None
        self._thread: threading.Thread | None = None
        self._answer: Outcome | MegcError | None = None

    def begin(self, task: Task, lanes: int) -> None:
        """Hand over a source; returns at once."""
        task = Task(absolute(task.job), task.out_dir.resolve(), task.settings, task.how)
        self._stop, self._progress, self._answer = threading.Event(), (0, None), None
        self._task = task
        self._thread = threading.Thread(
            target=self._hand_over, args=(task, self._stop), name="cluster", daemon=True
        )
        self._thread.start()

    def _hand_over(self, task: Task, stop: threading.Event) -> None:
        def show(index: int, done: int, total: int | None) -> None:
            if self._task is task:
                self._progress = done, total

        answer: Outcome | MegcError
        try:
            outcomes = run_on_cluster(
                self._work,
                [task],
                self._address,
                stopped=stop.is_set,
                on_progress=show,
                on_answer=lambda index, outcome: None,
            )
            answer = outcomes[0] or Outcome(
                task.job.spec,
                task.job.name,
                "interrupted" if stop.is_set() else "failed",
                error="" if stop.is_set() else DIED,
            )
        except MegcError as error:
            answer = error
        except Exception as error:  # a connection that breaks comes as any of the cluster's own errors
            answer = Outcome(
                task.job.spec,
                task.job.name,
                "failed",
                error=f"the cluster was lost: {type(error).__name__}: {' '.join(str(error).split())}",
            )
        if self._task is task:
            self._answer = answer

    def progress(self) -> tuple[int, int | None]:
        """Frames done and, where it is known, of how many."""
        return self._progress

    def poll(self) -> Outcome | None:
        """What became of the source; None while it is analysed.

        Raises
        ------
        MegcError
            The cluster does not answer, or what it takes is not installed; the source was not begun.
        """
        answer = self._answer
        if answer is None:
            return None
        self._task, self._answer = None, None
        if isinstance(answer, MegcError):
            raise answer
        return answer

    def hold(self, on: bool) -> None:
        """Do nothing: what runs on a cluster goes on to its end."""

    def stop(self) -> None:
        """Ask to stop; what was found is kept."""
        self._stop.set()

    def kill(self) -> None:
        """Ask to stop and take no answer any more."""
        self._stop.set()
        self._task, self._answer = None, None

    def close(self) -> None:
        """Nothing is held open between two sources."""
        self.kill()
