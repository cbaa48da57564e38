"""A thread that does the newest thing it is asked for, and whose answers are polled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from megc_live.errors import MegcError


@dataclass(frozen=True)
class Answer:
    """What came of a piece of work: ``value``, or one line that says why there is none in ``error``.

    ``cause`` is the error itself, where it is one that was foreseen.
    """

    key: Hashable
    value: Any = None
    error: str = ""
    cause: MegcError | None = None


class Stale(Exception):
    """Something newer is wanted: leave off."""


class Ticket:
    """What a piece of work is handed: a way to hear that it is no longer wanted, and to say how far it is."""

    def __init__(self, worker: Latest, number: int) -> None:
        self._worker = worker
        self.number = number
        self.share = 0.0

    @property
    def stale(self) -> bool:
        """Whether something newer is wanted."""
        return self._worker.is_stale(self.number)

    def check(self) -> None:
        """Raise :class:`Stale` if something newer is wanted."""
        if self.stale:
            raise Stale

    def done(self, share: float) -> None:
        """Say how far the work is, 0 to 1; raises :class:`Stale` as :meth:`check` does."""
        self.share = share
        self.check()


Work = Callable[[Ticket], Any]


class Latest:
    """One daemon thread; only the newest request counts.

    Parameters
    ----------
    name : str
        Of the thread.
    discard : callable, optional
        Called with an answer that nobody will take, in whichever thread drops it.
    """

    def __init__(self, name: str, discard: Callable[[Answer], object] = lambda answer: None) -> None:
        self._discard = discard
        self._condition = threading.Condition()
        self._asked: tuple[Hashable, Work, Ticket] | None = None
        self._running: Ticket | None = None
        self._number = 0
        self._answers: list[Answer] = []
        self._closed = False
        self._at_end: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, key: Hashable, work: Work) -> None:
        """Do ``work(ticket)`` in the thread, in place of whatever was asked for before."""
        with self._condition:
            self._number += 1
            self._asked = (key, work, Ticket(self, self._number))
            dropped = self._withdrawn()
            self._condition.notify()
        self._discard_all(dropped)

    def drop(self) -> None:
        """Nothing is wanted any more."""
        with self._condition:
            self._number += 1
            self._asked = None
            dropped = self._withdrawn()
        self._discard_all(dropped)

    def take(self) -> Answer | None:
        """Return the newest answer once, or None; what a newer request has overtaken is never answered."""
        with self._condition:
            answer = self._answers[-1] if self._answers else None
            self._answers.clear()
            return answer

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come or to be taken."""
        with self._condition:
            return self._asked is not None or self._running is not None or bool(self._answers)

    @property
    def share(self) -> float:
        """How far the work at hand is, 0 to 1."""
        running = self._running
        return running.share if running is not None else 0.0

    def is_stale(self, number: int) -> bool:
        """Whether something newer than request ``number`` is wanted."""
        return self._closed or number != self._number

    def close(self, timeout_s: float = 1.0, at_end: Callable[[], object] | None = None) -> bool:
        """End the thread; False if it hangs and was left behind.

        Parameters
        ----------
        timeout_s : float
            Longest time to wait, seconds; 0: do not wait at all.
        at_end : callable, optional
            Called in the thread when all work is over: there a file is closed by the thread that reads it.
        """
        with self._condition:
            if at_end is not None:
                self._at_end = at_end
            self._closed = True
            self._asked = None
            dropped = self._withdrawn()
            self._condition.notify()
        self._discard_all(dropped)
        if timeout_s > 0:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._running = None
                while self._asked is None and not self._closed:
                    self._condition.wait()
                if self._closed or self._asked is None:
                    break
                key, work, ticket = self._asked
                self._asked, self._running = None, ticket
            self._answer(ticket, key, work)
        self._at_end()

    def _answer(self, ticket: Ticket, key: Hashable, work: Work) -> None:
        try:
            answer = Answer(key, work(ticket))
        except Stale:
            return
        except MegcError as error:
            answer = Answer(key, error=str(error), cause=error)
        except Exception as error:  # shown in the window: a fault here must not end the thread unseen
            answer = Answer(key, error=f"internal fault, please report it: {type(error).__name__}: {error}")
        with self._condition:
            self._running = None
            stale = self.is_stale(ticket.number)
            if not stale:
                self._answers.append(answer)
        if stale:
            self._discard_all([answer])

    def _withdrawn(self) -> list[Answer]:
        dropped, self._answers = self._answers, []
        return dropped

    def _discard_all(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if not answer.error:
                self._discard(answer)
