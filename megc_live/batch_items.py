"""What a queue of sources shows of itself: its items, their pace, and the whole."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from megc_live.batch_worker import Worker
from megc_live.jobs import is_live
from megc_live.one_source import How, Outcome
from megc_live.settings import Settings

ItemState = Literal["waiting", "running", "paused", "done", "failed", "cancelled", "skipped"]
QueueState = Literal["idle", "running", "paused"]
OVER: frozenset[ItemState] = frozenset({"done", "failed", "cancelled", "skipped"})
ACTIVE: frozenset[ItemState] = frozenset({"running", "paused"})

_PACE_S = 10.0
"""Frames a second are those of the last so many seconds of work."""
WHOLE_PACE_S = 120.0
"""The time left for everything is told from the last so many seconds."""


@dataclass(frozen=True)
class Options:
    """What `megc-live analyze` takes besides the sources.

    Attributes
    ----------
    out : Path
        Folder of the folders of results.
    settings : Settings
    how : How
    jobs : int
        Sources analysed at the same time on this computer.
    cluster : str or None
        Address of a Dask scheduler whose workers analyse instead.
    """

    out: Path
    settings: Settings = field(default_factory=Settings)
    how: How = field(default_factory=How)
    jobs: int = 1
    cluster: str | None = None


@dataclass(frozen=True)
class ItemView:
    """One source in the queue, at one moment.

    Attributes
    ----------
    id : int
        Stays the same while the source is in the queue.
    spec, name : str
        The source; the name of its folder of results, empty until that is settled.
    state : str
    stopping : bool
        It runs and was asked to stop.
    done : int
        Frames read so far, counted twice where the annotated video is written.
    total : int or None
        Of how many; None where unknown.
    rate : float
        Frames a second in the last seconds; NaN unknown.
    eta_s : float
        Seconds left; NaN unknown.
    outcome : Outcome or None
        What became of it, once that is known.
    folder : Path or None
        Where its results are to be found: complete, or what was found till it stopped.
    beside : str
        Why that folder does not have the file's own name; a few words, empty if it does.
    """

    id: int
    spec: str
    name: str
    state: ItemState
    stopping: bool
    done: int
    total: int | None
    rate: float
    eta_s: float
    outcome: Outcome | None
    folder: Path | None
    beside: str = ""

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1; NaN where unknown."""
        if self.state in ("done", "skipped"):
            return 1.0
        if self.state == "waiting":
            return 0.0
        return min(1.0, self.done / self.total) if self.total else math.nan


@dataclass(frozen=True)
class QueueView:
    """The whole queue at one moment.

    Attributes
    ----------
    state : str
        ``"idle"``: nothing runs and nothing is begun; ``"running"``; ``"paused"``.
    items : tuple of ItemView
        In the order of work.
    fraction : float
        How much of everything is done, 0 to 1, by size.
    eta_s : float
        Seconds left for everything; NaN unknown.
    counts : dict
        Items by state.
    looking : int
        Folders that are being looked through at this moment.
    message : str
        Why the queue stands still although it was started, or what could not be added; one line.
    failures : Path or None
        The newest table of what failed, where something has.
    holds : bool
        Whether a pause holds what runs; false where it runs on a cluster.
    """

    state: QueueState
    items: tuple[ItemView, ...]
    fraction: float
    eta_s: float
    counts: dict[ItemState, int]
    looking: int
    message: str
    failures: Path | None
    holds: bool


class Pace:
    """Steps a second over the last seconds of work; time in which the work was held does not count.

    Parameters
    ----------
    over_s : float
        Length of the time that counts.
    clock : callable
        Seconds.

    Examples
    --------
    >>> at = iter([0.0, 2.0, 2.0])
    >>> pace = Pace(clock=lambda: next(at))
    >>> pace.note(0); pace.note(50); pace.rate()
    25.0
    """

    def __init__(self, over_s: float = _PACE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._over_s = over_s
        self._clock = clock
        self._noted: deque[tuple[float, float]] = deque()

    def note(self, done: float) -> None:
        """So much is done by now."""
        now = self._clock()
        self._noted.append((now, done))
        while len(self._noted) > 2 and self._noted[1][0] < now - self._over_s:
            self._noted.popleft()

    def rate(self) -> float:
        """Steps a second; NaN where nothing has moved yet."""
        if not self._noted:
            return math.nan
        (began, first), (_, last) = self._noted[0], self._noted[-1]
        took = self._clock() - began
        return (last - first) / took if last > first and took > 0 else math.nan

    def forget(self) -> None:
        """The work was held: begin to measure anew."""
        self._noted.clear()


def left_s(done: float, total: float | None, rate: float) -> float:
    """Return the seconds left at a rate, steps/s; NaN where that is unknown."""
    return math.nan if total is None or not rate > 0 else max(0.0, total - done) / rate


@dataclass
class Item:
    """One source and how far it is; changed under the queue's lock only."""

    id: int
    spec: str
    size: float
    name: str = ""
    beside: str = ""
    """Why its folder does not have the source's own name, as far as is known when it is begun."""
    state: ItemState = "waiting"
    stop_asked: float | None = None
    done: int = 0
    total: int | None = None
    pace: Pace = field(default_factory=Pace)
    outcome: Outcome | None = None
    folder: Path | None = None
    worker: Worker | None = None
    options: Options | None = None
    held_s: float = 0.0
    """Seconds for which it was held: no work was done in them."""
    held_since: float | None = None

    @property
    def out(self) -> Path | None:
        """Folder of the folders of results, once it was begun."""
        return None if self.options is None else self.options.out

    def named_in(self, out: Path) -> tuple[str, str]:
        """Return the source and the name of its folder in ``out``, empty if it has none there."""
        return self.spec, self.name if self.out == out else ""

    @property
    def can_hold(self) -> bool:
        """Whether it can be held: frames of a camera or stream come whether somebody takes them or not."""
        live = is_live(self.spec) or (self.options is not None and self.options.how.as_live)
        return self.worker is not None and self.worker.can_hold and not live

    def put_back(self) -> None:
        """Let it wait again, as if it had not been begun."""
        self.state, self.stop_asked, self.outcome, self.worker = "waiting", None, None, None
        self.done, self.total, self.folder = 0, None, None
        self.held_s, self.held_since = 0.0, None
        self.pace.forget()

    def hold(self, on: bool) -> None:
        """Note that it is held from now on, or goes on."""
        self.pace.forget()
        self.state = "paused" if on else "running"
        now = time.monotonic()
        if self.held_since is not None:
            self.held_s += now - self.held_since
        self.held_since = now if on else None

    def view(self) -> ItemView:
        """Return it as it is now."""
        runs = self.state == "running"
        rate = self.pace.rate() if runs else math.nan
        if self.outcome is not None and self.outcome.took_s > 0 and self.outcome.status != "skipped":
            rate = self.outcome.frames / self.outcome.took_s or math.nan
        left = left_s(self.done, self.total, rate) if runs else math.nan
        stopping = self.stop_asked is not None
        return ItemView(
            self.id,
            self.spec,
            self.name,
            self.state,
            stopping,
            self.done,
            self.total,
            rate,
            left,
            self.outcome,
            self.folder,
            (self.outcome.beside if self.outcome is not None else "") or self.beside,
        )

    def part(self) -> float:
        """How much of it is done, 0 to 1."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0


def progress_of(items: Sequence[Item]) -> tuple[float, float]:
    """Return how much is done and how much there is, weighed by the size of the files.

    Of what failed or was cancelled, as much as was done is part of both, so that the share never falls;
    what was skipped is no part of either. A source of unknown size counts as the mean of the others.
    """
    known = [item.size for item in items if item.size > 0]
    mean = sum(known) / len(known) if known else 1.0
    done = total = 0.0
    for item in items:
        if item.state != "skipped":
            part = (item.size or mean) * item.part()
            done += part
            total += part if item.state in ("failed", "cancelled") else item.size or mean
    return done, total


def fault_text(error: Exception) -> str:
    """Return one line on a fault of the program's own."""
    return f"internal fault, please report it: {type(error).__name__}: {' '.join(str(error).split())}"
