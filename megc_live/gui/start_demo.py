"""The demo clip's card on the start page, and the clip: rendered once, in the background."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import QProgressBar, QWidget

from megc_live.errors import MegcError, ModelError, OutputError
from megc_live.gui.shortcuts import make_action
from megc_live.gui.start_parts import Card, button, label, row

SEED, SECONDS = 5, 45.0
"""Those of ``megc-live demo``: ten micro- and two macro-expressions are planted."""
POLL_MS = 200

DemoState = Literal["absent", "rendering", "ready", "failed"]
Report = Callable[[float], None]
Make = Callable[[Path, threading.Event, Report], None]


def render(path: Path, stop: threading.Event, report: Report) -> None:
    """Render the clip in a process of its own, so that the window does not get slower meanwhile.

    Parameters
    ----------
    path : Path
        MP4 to write, whole or not at all.
    stop : threading.Event
        Set it to end the process.
    report : callable
        Told how much is done, 0 to 1.

    Raises
    ------
    MegcError
        It cannot be rendered.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own, which goes whatever happens: a process that is ended does not tidy up.
        with TemporaryDirectory(prefix=".demo-", dir=path.parent) as room:
            part = Path(room) / path.name
            _render_apart(part, stop, report)
            if not stop.is_set():
                part.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}.",
            "Make room on the disk, or see to it that this folder can be written to.",
        ) from None


def _render_apart(path: Path, stop: threading.Event, report: Report) -> None:
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    process = context.Process(target=_render, args=(path, tell), name="megc-demo-clip", daemon=True)
    process.start()
    tell.close()
    problem = ""
    while not stop.is_set() and process.is_alive():
        problem = problem or _hear(hear, report)
    if stop.is_set():
        process.terminate()
    process.join()
    if stop.is_set():
        return
    if problem := problem or _hear(hear, report):
        raise MegcError(problem)
    if process.exitcode:
        raise ModelError(f"rendering the demo clip ended with code {process.exitcode}.", "Try it again.")


def _render(path: Path, tell: Connection) -> None:
    """Do it, in the process; what is behind it is loaded only there, as it takes a while."""
    from megc_live.synthesis.demo import make_demo_clip

    try:
        make_demo_clip(path, seed=SEED, seconds=SECONDS, report=tell.send)
    except MegcError as error:
        tell.send(str(error))


def _hear(hear: Connection, report: Report) -> str:
    """Pass on what the process says of its progress; return what it says went wrong, ``""`` if nothing."""
    patience_s = 0.05
    try:
        while hear.poll(patience_s):
            patience_s = 0.0
            said = hear.recv()
            if isinstance(said, str):
                return said
            report(said)
    except (EOFError, OSError):  # it has ended
        pass
    return ""


class DemoClip:
    """The clip and what is known of it. Ask it on a timer; it calls nobody.

    Parameters
    ----------
    cache : Path
        Folder that it is kept in.
    make : callable
        ``make(path, stop, report)`` renders it, whole or not at all; the event ``stop`` ends it before, and
        ``report`` is told how much is done.

    Attributes
    ----------
    fraction : float
        How much of it is rendered, 0 to 1.
    message : str
        Why it could not be rendered.
    """

    def __init__(self, cache: Path, make: Make = render) -> None:
        self.path = cache / f"demo-{SEED}-{SECONDS:g}s.mp4"
        self.message = ""
        self.fraction = 0.0
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
            self.message, self.fraction = "", 0.0
            self._stop = threading.Event()
            # A daemon: half a clip has a temporary name only, so the program may end meanwhile.
            self._thread = threading.Thread(
                target=self._run, args=(self._stop,), name="demo clip", daemon=True
            )
            self._thread.start()

    def stop(self, timeout_s: float = 0.0) -> None:
        """End a rendering that is under way; waits at most ``timeout_s`` seconds for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, stop: threading.Event) -> None:
        def report(fraction: float) -> None:
            self.fraction = fraction

        try:
            self._make(self.path, stop, report)
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
    keys : QWidget
        Where the key that cancels works: the page.

    Attributes
    ----------
    live_wanted, process_wanted : pyqtSignal
        It is to be opened in Live (its path) or in Process (a list of it).
    told : pyqtSignal(str, str, object)
        What became of it while something else was looked at; words of a button for it and what that does,
        or an empty text and None.
    """

    live_wanted = pyqtSignal(str)
    told = pyqtSignal(str, str, object)
    process_wanted = pyqtSignal(list)

    def __init__(self, clip: DemoClip, keys: QWidget) -> None:
        super().__init__("Demo clip: no camera needed")
        self.clip = clip
        self._then: Callable[[], None] | None = None
        self._cancelled = False
        self._words = ""
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._look)
        self.text = label()
        self.live = button(
            "Watch &demo live", "live", self._live, "Replay the demo clip at its own pace in Live"
        )
        self.process = button("Analyse de&mo", "process", self._process, "Analyse the demo clip in Process")
        tip = "Stop rendering it; nothing of it is kept"
        self._cancel = make_action(keys, "Cancel the demo clip", "Ctrl+K", self.cancel, tip=tip)
        self.keys = [self._cancel]
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("Share of the demo clip that is rendered")
        self.progress.setAccessibleName("Progress of the demo clip")
        self.cancel_button = button("Cancel", "reject", self._cancel.trigger, self._cancel.toolTip())
        self.inside.addWidget(self.text)
        self.inside.addLayout(row(self.live, self.process))
        self.inside.addLayout(row(self.progress, self.cancel_button, stretch=0))
        self._show()

    def shutdown(self, timeout_s: float) -> None:
        """Ask no more, and end a rendering that is under way."""
        self._timer.stop()
        self._then = None
        self.clip.stop(timeout_s)

    def cancel(self) -> None:
        """Stop rendering; nothing of the clip is kept, and nothing is opened."""
        self._then, self._cancelled = None, True
        self.clip.stop()
        self._show()

    def _live(self) -> None:
        self._with_clip("Watch it live", lambda: self.live_wanted.emit(str(self.clip.path)))

    def _process(self) -> None:
        self._with_clip("Analyse it", lambda: self.process_wanted.emit([str(self.clip.path)]))

    def _with_clip(self, words: str, then: Callable[[], None]) -> None:
        if self.clip.state == "ready":
            then()
            return
        self._words, self._then, self._cancelled = words, then, False
        self.clip.start()
        self._timer.start()
        self._show()
        self.cancel_button.setFocus()

    def _look(self) -> None:
        focused = self.cancel_button.hasFocus()
        self._show()
        state = self.clip.state
        if state == "rendering":
            return
        self._timer.stop()
        if focused:  # its button is gone
            self.live.setFocus()
        then, self._then = self._then, None
        if then is None:
            return
        if state == "ready" and self.isVisible():
            then()
        elif state == "ready":  # whoever has gone on to something else is not to be torn away from it
            self.told.emit("The demo clip is ready.", self._words, then)
        elif state == "failed" and not self.isVisible():
            self.told.emit(f"The demo clip was not made: {self.clip.message}", "", None)

    def _show(self) -> None:
        state = self.clip.state
        about = "A photograph (NASA, public domain) with ten micro-expressions planted in it, 45 s."
        ends = "Cancelling …" if self._cancelled else "Rendering, about a minute; then it opens here …"
        texts: dict[DemoState, str] = {
            "absent": f"{about} It is rendered once, which takes about a minute.",
            "rendering": f"{about} {ends}",
            "ready": about,
            "failed": self.clip.message,
        }
        rendering = state == "rendering"
        self.text.setText(texts[state])
        self.progress.setValue(round(1000 * self.clip.fraction))
        self.progress.setFormat(f"{100 * self.clip.fraction:.0f} %")
        self._cancel.setEnabled(rendering and not self._cancelled)
        self.cancel_button.setEnabled(self._cancel.isEnabled())
        for part in (self.progress, self.cancel_button):
            part.setVisible(rendering)
        for part in (self.live, self.process):
            part.setVisible(not rendering)
