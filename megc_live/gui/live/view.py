"""The Live workspace: picture, timeline, list of intervals, controls and figures of one session."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from megc_live.errors import MegcError
from megc_live.gui.live.bars import ControlBar, OverlayBar
from megc_live.gui.live.commands import Commands
from megc_live.gui.live.events import EventTable
from megc_live.gui.live.following import Neutral, Stills
from megc_live.gui.live.footer import Footer
from megc_live.gui.live.layout import lay_out
from megc_live.gui.live.notice import Notice, words
from megc_live.gui.live.picture import Picture
from megc_live.gui.live.request import Every, Request, has_results, still_of, why_labels
from megc_live.gui.live.scale import ActivityScale
from megc_live.gui.live.timeline import Timeline
from megc_live.live_session import LiveSession
from megc_live.live_snapshot import Snapshot
from megc_live.settings import Settings
from megc_live.video.base import Source

LOOK_MS = 8
"""Time between two looks at the session."""
PAINT_S = 0.028
"""Least time between two pictures: about 30 a second, whatever the source's rate."""
_RESTLESS_S = 0.1
_RESULTS_S, _STATE_S, _FIGURES_S = 0.1, 0.1, 0.5
_HANGS_S = 5.0
"""A session that is to make room for another one, and has not ended by then, is left behind."""
BASELINE_S = 3.0
NO_LSL = "Lab Streaming Layer is not installed: pip install 'megc-live[lsl]', then start the program again."


class LiveView(QWidget):
    """Watches one live source at a time.

    Parameters
    ----------
    settings : callable
        Asked for the settings when a session starts.
    make_session : callable
        Makes the session; for tests.

    Attributes
    ----------
    opened_results : pyqtSignal(object)
        ``Path`` of a finished session's folder that the user wants to see in Review.
    kept : pyqtSignal(object)
        ``Path`` of the folder of a session that has just ended.
    source_wanted : pyqtSignal(str)
        The user wants to start a session: a source is to be chosen and consent to be asked for; with
        the source of the last session, or an empty text.
    """

    opened_results = pyqtSignal(object)
    kept = pyqtSignal(object)
    source_wanted = pyqtSignal(str)

    def __init__(
        self,
        settings: Callable[[], Settings],
        parent: QWidget | None = None,
        *,
        make_session: Callable[..., LiveSession] = LiveSession,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._make_session = make_session
        self._session: LiveSession | None = None
        self._snapshot: Snapshot | None = None
        self._request: Request | None = None
        self._next: Request | None = None
        self._labels = True
        self._scale = ActivityScale()
        self._n_rows = self._n_events = 0
        self._hangs_at = math.inf
        self._stills = Stills(self._say, self)
        self._choice = False
        """Whether the next session is to be without labels; a running one shows what it is."""
        self._painted_s, self._paint_took_s = -math.inf, 0.0
        self._results, self._state, self._figures = Every(_RESULTS_S), Every(_STATE_S), Every(_FIGURES_S)
        self._paces = (self._results, self._state, self._figures)
        self._commands = Commands(self)
        self.picture = Picture()
        self.timeline = Timeline(self._commands)
        self.table = EventTable()
        self.footer = Footer()
        self.controls = ControlBar(self._commands)
        self._neutral = Neutral(self._say, self.controls.warn_of)
        c = self._commands
        self.notice = Notice((c["start"], c["review"], c["again"]), self.picture)
        below = (self.picture, self.notice, OverlayBar(c), self.table, self.timeline, self.footer)
        self.upper, self.panes = lay_out(self, self.controls, *below)
        self._connect()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._tick)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if find_spec("pylsl") is None:
            self._commands.forbid("lsl", NO_LSL)
        self._show_idle()

    def _connect(self) -> None:
        self._commands.connect(
            {
                "start": lambda: self.source_wanted.emit(""),
                "stop": self.stop,
                "snapshot": self._save_snapshot,
                "baseline": self._take_baseline,
                "review": self._open_results,
                "again": self._ask_for_source,
                "longer": lambda: self.timeline.change_span(1),
                "shorter": lambda: self.timeline.change_span(-1),
                "brighter": lambda: self._show_scale(1),
                "dimmer": lambda: self._show_scale(-1),
            }
        )
        self._commands.connect_switches(
            {
                "pause": self._pause,
                "record": self._record,
                "relative": lambda _on: self._show_scale(),
                "heat": self.timeline.set_heat,
                **{name: self._switch(name) for name in ("landmarks", "regions", "head_box", "warnings")},
            }
        )

        self.timeline.face_chosen.connect(lambda _face: self._refill())

    def _switch(self, name: str) -> Callable[[bool], None]:
        return lambda on: self.picture.switch(name, on)

    def start(
        self, spec: str, make: Callable[[], Source], *, consent: dict[str, Any], folder: Path | None
    ) -> None:
        """Start a session; one that is running is stopped first, and its results are kept.

        Parameters
        ----------
        spec : str
            The source as the user knows it, for messages.
        make : callable
            Opens the source; called in a thread of the session.
        consent : dict
            What the recorded person agreed to; stored with the session.
        folder : Path or None
            Where results go.
        """
        request = Request(spec, make, consent, folder)
        if self.is_running():
            self._next = request
            self._hangs_at = time.monotonic() + _HANGS_S
            self.stop()
        else:
            self._begin(request)

    def stop(self) -> None:
        """End the session: its last frames are analysed and its results written; returns at once."""
        if self._session is not None:
            self._session.stop()

    def is_running(self) -> bool:
        """Whether a session has neither ended nor failed."""
        return self._session is not None and self._session.snapshot().state not in ("ended", "failed")

    def kept_nothing(self) -> bool:
        """Whether the last session failed before anything was analysed: its source did not open, say."""
        shown = self._snapshot
        return shown is not None and shown.state == "failed" and not has_results(shown)

    def question(self) -> str:
        """Return what closing the window would stop, in a sentence; empty if nothing runs."""
        if not self.is_running():
            return ""
        recorded = self._snapshot is not None and self._snapshot.recording is not None
        return f"A live session is running{' and is being recorded' if recorded else ''}."

    def shutdown(self, timeout_s: float = 1.5) -> None:
        """End the session, waiting for it for at most ``timeout_s`` seconds."""
        self._timer.stop()
        self._next, ran = None, self.is_running()
        session, self._session = self._session, None
        if session is not None:
            session.close(timeout_s)
            if ran:
                self._tell_kept(session.snapshot())

    def actions(self) -> list[QAction]:
        """Return everything that can be done here, for the sheet of shortcuts."""
        return self._commands.listed()

    def _begin(self, request: Request) -> None:
        self._request, self._next = request, None
        self.picture.reset()
        self.timeline.clear()
        self.table.events.clear()
        self._neutral.forget()
        self._snapshot = None
        self._n_rows = self._n_events = 0
        for every in self._paces:
            every.reset()
        self._commands.set_quietly("pause", False)
        self._commands.set_quietly("record", False)
        self._say("")
        c = self._commands
        self._choice = c["spotting"].isChecked()
        session = request.session(
            self._make_session, self._settings(), spotting_only=self._choice, lsl=c["lsl"].isChecked()
        )
        self._session = session
        c.hold("lsl", c["lsl"].isChecked(), "Set before a session starts; this one is as shown.")
        session.start()
        self._timer.start()
        self.setFocus()
        self._tick()

    def _make_room(self, ended: bool) -> bool:
        """Begin the session that waits, if one does: when the old one has ended, or hangs."""
        if self._next is None or self._session is None:
            return False
        if not ended:
            if time.monotonic() < self._hangs_at:
                return False
            self._session.close(0.0)  # its thread ends with the program
        self._release()
        self._begin(self._next)
        return True

    def _tell_kept(self, snapshot: Snapshot) -> None:
        if snapshot.state in ("ended", "failed") and has_results(snapshot):
            self.kept.emit(snapshot.folder)

    def _release(self) -> None:
        """The session is over: its switches are for the next one, whose signals are not sent unasked."""
        self._commands.release("spotting", self._choice)
        self._commands.release("lsl", False)

    def _tick(self) -> None:
        """Look at the session; everything that is shown comes from this one snapshot."""
        session, now = self._session, time.monotonic()
        if session is None:
            return
        snapshot = session.snapshot()
        over = snapshot.state in ("ended", "failed")
        if over:
            self._tell_kept(snapshot)
        if self._make_room(over):
            return
        self._snapshot = snapshot
        if over:
            self._timer.stop()
            self._release()
            self._painted_s = -math.inf
            for every in self._paces:
                every.reset()
        waited_s = now - self._painted_s
        if waited_s >= max(PAINT_S, 2 * self._paint_took_s) and (
            self.picture.is_new(snapshot) or waited_s >= _RESTLESS_S
        ):
            self._painted_s = now
            self.picture.show_snapshot(snapshot)
            self._paint_took_s = time.monotonic() - now  # a computer that is too slow is for the analysis
        if self._results.due(now):
            self._take_results(session, snapshot)
        if self._state.due(now):
            self._show_state(snapshot)
        if self._figures.due(now):
            shown = self.picture
            self.footer.show_figures(snapshot, shown.stats, (shown.latency_s(50), shown.latency_s(95)))

    def _take_results(self, session: LiveSession, snapshot: Snapshot) -> None:
        """Show the rows and events that are new."""
        rows, self._n_rows = session.rows_since(self._n_rows)
        events, self._n_events = session.events_since(self._n_events)
        self.timeline.take(rows, events)
        self.table.events.add(events)
        self._neutral.take(events)
        if (rows or events) and self.isVisible():
            self.timeline.redraw(snapshot.analysed_fps)

    def _refill(self) -> None:
        """Show another face's last seconds."""
        if self._session is not None:
            rows, self._n_rows = self._session.rows_since(0)
            self.timeline.refill(rows)

    def _show_state(self, snapshot: Snapshot) -> None:
        c, state = self._commands, snapshot.state
        going = state in ("running", "paused", "lost")
        c["start"].setEnabled(state in ("ended", "failed"))
        c["stop"].setEnabled(going or state == "opening")
        c["pause"].setEnabled(state in ("running", "paused"))
        c["record"].setEnabled(going)
        c["snapshot"].setEnabled(going and snapshot.frame is not None)
        c["baseline"].setEnabled(state == "running" and snapshot.baseline_left_s <= 0)
        c["relative"].setEnabled(snapshot.baseline is not None)
        c["review"].setEnabled(state in ("ended", "failed") and has_results(snapshot))
        c["again"].setEnabled(state in ("ended", "failed"))
        if self._neutral.look(snapshot):
            c.set_quietly("relative", snapshot.baseline is not None)
            self._show_scale()
        self._stills.look(snapshot)
        self._show_labels(not snapshot.spotting_only)
        self.controls.lsl.setVisible(snapshot.lsl)
        if going or state == "opening":
            c.hold("spotting", snapshot.spotting_only, why_labels(snapshot, self._request))
        c.set_quietly("pause", state == "paused")
        c.set_quietly("record", snapshot.recording is not None and not snapshot.recording.error)
        c["baseline"].setText(self._neutral.words(snapshot))
        said = words(snapshot, self._request.spec if self._request else "", self._found)
        if said is None:
            self.notice.hide()
        else:
            self.notice.say(*said, self._offers(snapshot))

    def _offers(self, snapshot: Snapshot) -> tuple[QAction, ...]:
        """What can be done in this state."""
        if snapshot.state not in ("ended", "failed"):
            return ()
        c = self._commands
        return (c["review"], c["again"]) if c["review"].isEnabled() else (c["again"],)

    def _show_labels(self, on: bool) -> None:
        if on != self._labels:
            self._labels = on
            self.table.show_labels(on)
            self.timeline.show_labels(on)

    def _show_idle(self) -> None:
        c = self._commands
        for name in ("stop", "pause", "record", "snapshot", "baseline", "relative", "review", "again"):
            c[name].setEnabled(False)
        self.footer.clear()
        self.notice.say(
            "No source", "Choose a camera, a stream, a video or the demo clip to watch.", (c["start"],)
        )

    def _found(self) -> str:
        snapshot = self._snapshot
        count = 0 if snapshot is None else snapshot.n_events
        return f"{count} interval{'' if count == 1 else 's'} found."

    def _show_scale(self, steps: int = 0) -> None:
        baseline = self._neutral.baseline if self._commands["relative"].isChecked() else None
        self._scale = replace(self._scale, baseline=baseline).stepped(steps)
        self.picture.set_scale(self._scale)
        self.timeline.set_scale(self._scale)

    def _ask_for_source(self) -> None:
        self.source_wanted.emit(self._request.spec if self._request else "")

    def _pause(self, on: bool) -> None:
        if self._session is not None:
            if on:
                self._session.pause()
            else:
                self._session.resume()

    def _record(self, on: bool) -> None:
        self._try(lambda session: session.record(on))

    def _take_baseline(self) -> None:
        self._try(lambda session: session.take_baseline(BASELINE_S))

    def _save_snapshot(self) -> None:
        still = still_of(self._snapshot) if self._snapshot is not None else None
        if still is not None and self._try(lambda session: session.save_snapshot(still.now)):
            self._stills.begin(still)

    def _try(self, what: Callable[[LiveSession], object]) -> bool:
        """Ask something of the session; what does not work is said in the bar."""
        if self._session is None:
            return False
        try:
            what(self._session)
        except MegcError as error:
            self._say(str(error), warns=True)
            return False
        return True

    def _say(self, words: str, warns: bool = False) -> None:
        self.controls.say(words, warns)

    def _open_results(self) -> None:
        if self._snapshot is not None and self._snapshot.folder is not None:
            self.opened_results.emit(self._snapshot.folder)
