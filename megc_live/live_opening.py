"""Opening a live session's source in a thread that may hang, and what went wrong in words."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from megc_live.errors import MegcError
from megc_live.video import LivePlayer, Source
from megc_live.video.reconnect import Reconnecting

_POLL_S = 0.05


def opened(open_source: Callable[[], Source], *, reconnect: bool, retry_s: float) -> Source:
    """Open a source so that it is live: a file is replayed at its own pace."""
    source: Source = Reconnecting(open_source, retry_s=retry_s, returns=reconnect)
    return source if source.info.live else LivePlayer(source)


class Opening:
    """Opens a source in a thread of its own.

    Parameters
    ----------
    make : callable
        Opens it; what it raises is raised by :meth:`wait`.

    Attributes
    ----------
    hangs : bool
        The thread was left behind; a source that it opens later is closed at once.
    """

    def __init__(self, make: Callable[[], Source]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._box: queue.SimpleQueue[Source | BaseException] = queue.SimpleQueue()
        self._given_up = False
        self.hangs = False

    def wait(self, stop: threading.Event, grace_s: float) -> Source | None:
        """Return the source; None if ``stop`` was set meanwhile, at most ``grace_s`` seconds after it."""
        thread = threading.Thread(target=self._work, name="open", daemon=True)
        thread.start()
        while not stop.is_set():
            try:
                got = self._box.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(got, BaseException):
                raise got
            return got
        thread.join(grace_s)
        with self._lock:
            self._given_up = True
        self.hangs = thread.is_alive()
        if not self._box.empty() and isinstance(late := self._box.get(), Source):
            late.close()
        return None

    def _work(self) -> None:
        try:
            source = self._make()
        except BaseException as error:
            self._box.put(error)
            return
        with self._lock:
            if not self._given_up:
                self._box.put(source)
                return
        source.close()


def in_words(wrong: BaseException) -> str:
    """Say on one line what went wrong, and what to do."""
    if isinstance(wrong, MegcError):
        return " ".join(str(wrong).split())
    if isinstance(wrong, OSError):
        return f"{wrong.strerror or wrong}: {wrong.filename or 'the folder of results'}."
    place = traceback.extract_tb(wrong.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"internal fault, please report it: {type(wrong).__name__} in {where}: {wrong}"


def silent(kind: str, age_s: float) -> str:
    """Say that a camera or a stream delivers nothing, and its driver does not say so."""
    said = f"no frame has come for {age_s:.0f} s and the driver does not answer."
    if kind == "camera":
        return f"{said} If it stays so: Stop, plug the camera in again, and start a new session."
    return f"{said} If it stays so: Stop, check the address and the network, and start a new session."
