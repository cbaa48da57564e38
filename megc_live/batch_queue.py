"""A queue of sources that a window fills, watches, holds and empties while it works.

One thread of the queue's own moves it on by small steps; nobody who asks it anything waits for the
analysis or for the disk. The sources are analysed in processes of their own, which are kept for the next
source, so that a bad file or a process that dies costs nothing else.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from megc_live.batch import Failures, Outcome, Task
from megc_live.batch_items import (
    ACTIVE,
    OVER,
    WHOLE_PACE_S,
    Item,
    Options,
    Pace,
    QueueState,
    QueueView,
    fault_text,
    left_s,
    progress_of,
)
from megc_live.batch_names import free_name, same
from megc_live.batch_worker import ClusterWorker, ProcessWorker, Worker
from megc_live.errors import MegcError
from megc_live.jobs import FAILURES, Job, expand, is_live, size_of
from megc_live.output.session import SESSION
from megc_live.publish import make_folder

_STEP_S = 0.1
_PATIENCE_S = 20.0
"""A source that was asked to stop and does not is ended by force then."""
_ON_CLUSTER = 32
"""Sources that are handed to a cluster at the same time; its scheduler queues them."""
_LAST_WORD_S = 0.3
"""Left of the time to close for ending the processes that did not stop."""

WorkerMaker = Callable[[str | None], Worker]


def worker_for(cluster: str | None) -> Worker:
    """Return a worker of a cluster at that address, or a process of this computer."""
    return ProcessWorker() if cluster is None else ClusterWorker(cluster)


class BatchQueue:
    """Sources on their way into folders of results, ``out/<name>`` each.

    Parameters
    ----------
    options : Options
        For sources that begin from now on; see :meth:`configure`.
    make_worker : callable, optional
        Given the address of a cluster or None.
    start_thread : bool
        False: nothing moves but by :meth:`step`, for tests.
    """

    def __init__(
        self, options: Options, *, make_worker: WorkerMaker = worker_for, start_thread: bool = True
    ) -> None:
        self._options = options
        self._make_worker = make_worker
        self._lock = threading.RLock()
        self._items: list[Item] = []
        self._numbers = 0
        self._state: QueueState = "idle"
        self._message = ""
        self._looking = 0
        self._idle: list[tuple[str | None, Worker]] = []
        self._failures: dict[Path, Failures] = {}
        self._failed_at: Path | None = None
        self._whole = Pace(WHOLE_PACE_S)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if start_thread:
            self._thread = threading.Thread(target=self._run, name="batch queue", daemon=True)
            self._thread.start()

    # What the user does: nothing here waits.

    def configure(self, options: Options) -> None:
        """Take other options, for sources that begin from now on."""
        with self._lock:
            self._options = options

    def add(self, specs: Sequence[str]) -> None:
        """Add sources; folders of videos are looked through in the background.

        A source that is in the queue and not over is not added twice.
        """
        with self._lock:
            self._looking += 1
            leave_out = self._options.out
        threading.Thread(
            target=self._look, args=(list(specs), leave_out), name="look through folders", daemon=True
        ).start()

    def _look(self, specs: list[str], leave_out: Path) -> None:
        said = ""
        found: list[tuple[str, float]] = []
        try:
            found = [(spec, size_of(spec)) for spec in expand(specs, leave_out=leave_out)]
        except MegcError as error:
            said = str(error)
        except Exception as fault:
            said = fault_text(fault)
        with self._lock:
            try:
                here = {same(item.spec) for item in self._items if item.state not in OVER}
                for spec, size in found:
                    if same(spec) not in here:
                        self._numbers += 1
                        self._items.append(Item(self._numbers, spec, size))
            except Exception as fault:
                said = fault_text(fault)
            finally:  # else the queue would look for ever, and never be done
                self._looking -= 1
                self._message = said or self._message

    def start(self) -> None:
        """Begin with what waits, or go on after a pause."""
        with self._lock:
            if self._state == "paused":
                self._hold(False)
            self._whole.forget()
            self._message = ""
            self._state = "running"

    def pause(self) -> None:
        """Begin nothing more, and hold what runs before its next frame where that can be done."""
        with self._lock:
            if self._state == "running":
                self._state = "paused"
                self._hold(True)

    def _hold(self, on: bool) -> None:
        for item in self._items:
            if item.worker is not None and item.can_hold and item.stop_asked is None:
                item.worker.hold(on)
                item.hold(on)

    def cancel(self, ids: Iterable[int] | None = None) -> None:
        """Cancel sources, or all: what runs keeps what it found, what waits is not begun."""
        with self._lock:
            for item in self._chosen(ids):
                if item.state == "waiting":
                    item.state = "cancelled"
                elif item.worker is not None and item.stop_asked is None:
                    item.hold(False)
                    item.stop_asked = time.monotonic()
                    item.worker.stop()

    def retry(self, ids: Iterable[int] | None = None) -> None:
        """Put sources that are over back into the queue; without ``ids`` those that failed."""
        with self._lock:
            for item in self._chosen(ids):
                if item.state in OVER and (ids is not None or item.state == "failed"):
                    item.put_back()
            self._whole.forget()

    def remove(self, ids: Iterable[int] | None = None) -> None:
        """Take sources out of the queue, not their results; without ``ids`` all that are over.

        What runs must be cancelled first and stays.
        """
        with self._lock:
            gone = {
                item.id
                for item in self._chosen(ids)
                if item.state not in ACTIVE and (ids is not None or item.state in OVER)
            }
            self._items = [item for item in self._items if item.id not in gone]

    def move(self, ids: Iterable[int], by: int) -> None:
        """Move sources up (negative) or down in the order of work, as a block that keeps its order."""
        with self._lock:
            chosen = {item.id for item in self._chosen(ids)}
            items = self._items if by < 0 else self._items[::-1]
            for _ in range(abs(by)):
                for at in range(1, len(items)):
                    if items[at].id in chosen and items[at - 1].id not in chosen:
                        items[at - 1], items[at] = items[at], items[at - 1]
            self._items = items if by < 0 else items[::-1]

    def _chosen(self, ids: Iterable[int] | None) -> list[Item]:
        wanted = None if ids is None else set(ids)
        return [item for item in self._items if wanted is None or item.id in wanted]

    def snapshot(self) -> QueueView:
        """Return the queue as it is now."""
        with self._lock:
            done, total = progress_of(self._items)
            counts = Counter(item.state for item in self._items)
            running = self._state == "running" and bool(counts["running"] + counts["waiting"])
            return QueueView(
                self._state,
                tuple(item.view() for item in self._items),
                done / total if total else float(bool(self._items)),
                left_s(done, total, self._whole.rate()) if running else math.nan,
                dict(counts),
                self._looking,
                self._message,
                self._failed_at,
                self._options.cluster is None,
            )

    def is_running(self) -> bool:
        """Tell whether anything is being analysed or held."""
        with self._lock:
            return any(item.worker is not None for item in self._items)

    def close(self, timeout: float = 1.5) -> bool:
        """Stop everything; what runs keeps what it found if it can within ``timeout`` seconds.

        Returns
        -------
        bool
            False: something did not stop in time and was ended by force; nothing of it is kept.
        """
        ends = time.monotonic() + timeout
        with self._lock:
            self._state = "idle"
        self.cancel()
        while self.is_running() and time.monotonic() < ends - _LAST_WORD_S:
            if self._thread is None:
                self.step()
            time.sleep(_STEP_S / 5)
        self._closed.set()
        if self._thread is not None:
            self._thread.join(max(0.0, ends - time.monotonic()))
        with self._lock:
            late = [item.worker for item in self._items if item.worker is not None]
            rest, self._idle = [worker for _, worker in self._idle], []
            for item in self._items:
                if item.worker is not None:
                    item.worker, item.state = None, "cancelled"
        for worker in [*late, *rest]:
            worker.kill()
        return not late

    # What the queue's own thread does.

    def _run(self) -> None:
        while not self._closed.wait(_STEP_S):
            try:
                self.step()
            except Exception as fault:  # the queue must not stand still without a word
                with self._lock:
                    self._message, self._state = fault_text(fault), "idle"

    def step(self) -> None:
        """Look after what runs and begin what can be begun."""
        for item in self._running():
            self._look_after(item)
        while (begun := self._next()) is not None:
            self._begin(*begun)
        with self._lock:
            if self._state == "running":
                self._whole.note(progress_of(self._items)[0])
            if not self._looking and all(item.state in OVER for item in self._items):
                self._state = "idle"
            done_with = self._idle if self._state == "idle" else []
            if done_with:
                self._idle = []
        for _, worker in done_with:  # their memory is wanted elsewhere
            worker.close()

    def _running(self) -> list[Item]:
        with self._lock:
            return [item for item in self._items if item.worker is not None]

    def _look_after(self, item: Item) -> None:
        worker = item.worker
        if worker is None:
            return
        done, total = item.done, item.total
        try:
            done, total = worker.progress()
            outcome = worker.poll()
        except MegcError as error:
            self._stand_still(item, error)
            return
        except Exception as fault:  # one source must not cost the others
            worker.kill()
            outcome = Outcome(item.spec, item.name, "failed", frames=done, error=fault_text(fault))
        if outcome is None and item.stop_asked and time.monotonic() - item.stop_asked > _PATIENCE_S:
            worker.kill()
            outcome = Outcome(item.spec, item.name, "interrupted", frames=done)
        with self._lock:
            item.done, item.total = done, total
            if outcome is None:
                item.pace.note(done)
        if outcome is not None:
            self._finish(item, outcome)

    def _finish(self, item: Item, outcome: Outcome) -> None:
        assert item.options is not None  # it was begun with some
        out = item.options.out
        said = ""
        try:
            table = self._failures.get(out) or Failures(out / FAILURES)
            self._failures[out] = table
            table.take(item.id, outcome)
        except MegcError as error:
            said = str(error)
        folder = out / (outcome.name or item.name)
        has_results = outcome.status != "failed" or outcome.kept
        with self._lock:
            if outcome.status == "interrupted":
                item.state = "done" if is_live(item.spec) else "cancelled"
            else:
                item.state = outcome.status
            item.outcome = replace(outcome, took_s=max(0.0, outcome.took_s - item.held_s))
            item.name = folder.name
            item.done = outcome.frames if outcome.status == "done" else item.done
            item.folder = folder if has_results and (folder / SESSION).is_file() else None
            self._failed_at = self._newest_table(out)
            self._message = said or self._message
            self._release(item)

    def _newest_table(self, out: Path) -> Path | None:
        tables = [out, *self._failures]
        return next((self._failures[at].path for at in tables if self._failures[at].path.exists()), None)

    def _release(self, item: Item) -> None:
        """Keep the item's worker for the next one."""
        if item.worker is not None and item.options is not None:
            self._idle.append((item.options.cluster, item.worker))
        item.worker, item.stop_asked = None, None

    def _next(self) -> tuple[Item, Options] | None:
        """The next source to begin and how, already marked as running; None while there is none."""
        with self._lock:
            if self._state != "running":
                return None
            options = self._options
            lanes = options.jobs if options.cluster is None else _ON_CLUSTER
            if sum(item.worker is not None for item in self._items) >= lanes:
                return None
            item = next((item for item in self._items if item.state == "waiting"), None)
            if item is None:
                return None
            item.state, item.options, item.outcome = "running", options, None
            item.worker = self._take_worker(options.cluster)
            return item, options

    def _take_worker(self, cluster: str | None) -> Worker:
        for at, (address, worker) in enumerate(self._idle):
            if address == cluster:
                del self._idle[at]
                return worker
        return self._make_worker(cluster)

    def _begin(self, item: Item, options: Options) -> None:
        worker = item.worker
        assert worker is not None  # it was given one when it was chosen
        with self._lock:
            others = [other.named_in(options.out) for other in self._items if other is not item]
        try:
            make_folder(options.out)
            named = free_name(item.spec, others, options.out, resume=options.how.resume)
            job = Job(item.spec, named.name)
            worker.begin(Task(job, options.out, options.settings, options.how), options.jobs)
        except (MegcError, OSError) as error:
            self._stand_still(item, error)
            return
        except Exception as fault:
            worker.kill()
            self._finish(item, Outcome(item.spec, item.name, "failed", error=fault_text(fault)))
            return
        with self._lock:
            item.name, item.beside = named.name, named.why
            if item.stop_asked is not None:  # while it was being begun
                worker.stop()
            elif item.state == "paused":
                worker.hold(True)

    def _stand_still(self, item: Item, error: Exception) -> None:
        """Nothing can be begun at all: say why, and wait for the user."""
        with self._lock:
            cancelled = item.stop_asked is not None
            self._release(item)
            item.put_back()
            item.state = "cancelled" if cancelled else "waiting"
            self._message, self._state = str(error), "idle"
