"""The demo clip's card on the start page, and the clip: rendered once, in the background."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from PyQt6.QtCore import QTimer, pyqtSignal

from megc_live.errors import MegcError, ModelError
from megc_live.gui.start_parts import Card, button, label, row

SEED, SECONDS = 5, 45.0
"""Those of ``megc-live demo``: ten micro- and two macro-expressions are planted."""
POLL_MS = 200

DemoState = Literal["absent", "rendering", "ready", "failed"]


def render(path: Path, stop: threading.Event) -> None:
    """Render the clip in a process of its own, so that the window does not get slower meanwhile.

    Parameters
    ----------
    path : Path
        MP4 to write, whole or not at all.
    stop : threading.Event
        Set it to end the process.

    Raises
    ------
    MegcError
        It cannot be rendered.
    """
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    process = context.Process(target=_render, args=(path, tell), name="megc-demo-clip", daemon=True)
    process.start()
    tell.close()
    while process.is_alive() and not stop.wait(0.05):
        continue
    if process.is_alive():
        process.terminate()
    process.join()
    if stop.is_set():
        return
    if problem := _heard(hear):
        raise MegcError(problem)
    if process.exitcode:
        raise ModelError(f"rendering the demo clip ended with code {process.exitcode}.", "Try it again.")


def _render(path: Path, tell: Connection) -> None:
    """Do it, in the process; what is behind it is loaded only there, as it takes a while."""
    from megc_live.synthesis.demo import make_demo_clip

    try:
        make_demo_clip(path, seed=SEED, seconds=SECONDS)
    except MegcError as error:
        tell.send(str(error))


def _heard(hear: Connection) -> str:
    try:
        return str(hear.recv()) if hear.poll() else ""
    except EOFError:  # it had nothing to say
        return ""


class DemoClip:
    """The clip and what is known of it. Ask it on a timer; it calls nobody.

    Parameters
    ----------
    cache : Path
        Folder that it is kept in.
    make : callable
        ``make(path, stop)`` renders it, whole or not at all; the event ``stop`` ends it before.
    """

    def __init__(self, cache: Path, make: Callable[[Path, threading.Event], None] = render) -> None:
        self.path = cache / f"demo-{SEED}-{SECONDS:g}s.mp4"
        self.message = ""
        self._make = make
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> DemoState:
        """``"absent"``, ``"rendering"``, ``"ready"`` or ``"failed"`` (then ``message`` says why)."""
        if self._thread is not None and self._thread.is_alive():
            return "rendering"
        if self.path.exists():
            return "ready"
        return "failed" if self.message else "absent"

    def start(self) -> None:
        """Begin to render it, unless it is there or being rendered; returns at once."""
        if self.state in ("absent", "failed"):
            self.message = ""
            # A daemon: half a clip has a temporary name only, so the program may end meanwhile.
            self._thread = threading.Thread(target=self._run, name="demo clip", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End a rendering that is under way; waits at most ``timeout_s`` seconds for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._make(self.path, self._stop)
        except MegcError as error:
            self.message = str(error)
        except Exception as error:
            self.message = f"the demo clip cannot be rendered: {error!r}."


class DemoCard(Card):
    """Offers the clip, renders it when it is first asked for, and then opens it.

    Parameters
    ----------
    clip : DemoClip
        The clip.

    Attributes
    ----------
    live_wanted, process_wanted : pyqtSignal
        It is to be opened in Live (its path) or in Process (a list of it).
    waits : pyqtSignal(str)
        It was rendered while something else was looked at, and opens only when it is asked for again.
    """

    live_wanted = pyqtSignal(str)
    waits = pyqtSignal(str)
    process_wanted = pyqtSignal(list)

    def __init__(self, clip: DemoClip) -> None:
        super().__init__("Demo clip: no camera needed")
        self.clip = clip
        self._then: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._look)
        self.text = label()
        self.live = button(
            "Watch &demo live", "live", self._live, "Replay the demo clip at its own pace in Live"
        )
        self.process = button("Analyse de&mo", "process", self._process, "Analyse the demo clip in Process")
        self.inside.addWidget(self.text)
        self.inside.addLayout(row(self.live, self.process))
        self._show()

    def shutdown(self, timeout_s: float) -> None:
        """Ask no more, and end a rendering that is under way."""
        self._timer.stop()
        self._then = None
        self.clip.stop(timeout_s)

    def _live(self) -> None:
        self._with_clip(lambda: self.live_wanted.emit(str(self.clip.path)))

    def _process(self) -> None:
        self._with_clip(lambda: self.process_wanted.emit([str(self.clip.path)]))

    def _with_clip(self, then: Callable[[], None]) -> None:
        if self.clip.state == "ready":
            then()
            return
        self._then = then
        self.clip.start()
        self._timer.start()
        self._show()

    def _look(self) -> None:
        if self.clip.state == "rendering":
            return
        self._timer.stop()
        self._show()
        then, self._then = self._then, None
        if self.clip.state != "ready" or then is None:
            return
        if self.isVisible():
            then()
        else:  # whoever has gone on to something else is not to be torn away from it
            self.waits.emit("The demo clip is ready: open it in Start.")

    def _show(self) -> None:
        state = self.clip.state
        about = "A photograph (NASA, public domain) with ten micro-expressions planted in it, 45 s."
        texts: dict[DemoState, str] = {
            "absent": f"{about} It is rendered once, which takes about a minute.",
            "rendering": f"{about} Rendering, about a minute; then it opens here …",
            "ready": about,
            "failed": self.clip.message,
        }
        self.text.setText(texts[state])
        for part in (self.live, self.process):
            part.setEnabled(state != "rendering")
