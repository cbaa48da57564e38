"""What happens to each frame of a live session after it left the queue, and what is kept of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from megc_live.baseline import Baseline, BaselineTaker
from megc_live.events import Event, FrameRow
from megc_live.face.observation import FaceObservation
from megc_live.live_recent import RateMeter, RecentEvents, RecentRows, delays, latencies
from megc_live.live_snapshot import FaceView
from megc_live.live_warnings import PictureWarnings
from megc_live.one_source import EngineLike
from megc_live.output.lsl import LslOutlets
from megc_live.results import Results
from megc_live.video.frame import Frame

NO_BASELINE = "no baseline was taken: the face must be seen all the time, look at the camera and try again"
BASELINE_GAP = "no baseline was taken: for a while no frames came in between, try again"


class LiveEngine(EngineLike, Protocol):
    """What a live session needs of :class:`megc_live.engine.Engine`."""

    def face_near(self, face_id: int, t_s: float) -> FaceObservation | None: ...  # noqa: D102


@dataclass(frozen=True)
class Analysed:
    """What is known of the newest analysed frames; see :class:`megc_live.live_snapshot.Snapshot`."""

    frame: Frame | None
    faces: tuple[FaceView, ...]
    n_rows: int
    n_events: int
    fps: float
    latency_s: tuple[float, float]
    delay_s: tuple[float, float]
    baseline: Baseline | None
    baseline_left_s: float
    warnings: tuple[str, ...]


class LiveAnalysis:
    """Pushes frames through the engine in one thread; any other thread may look at what came of them.

    Parameters
    ----------
    now : callable
        The clock that stamps ``Frame.t_capture``.
    tell : callable
        Called with a line that the user should see.
    """

    def __init__(self, now: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._now = now
        self._tell = tell
        self._lock = threading.Lock()
        self._handing_on = threading.Lock()
        self._closed = False
        self._engine: LiveEngine | None = None
        self._results: Results | None = None
        self._outlets: LslOutlets | None = None
        self._rows = RecentRows()
        self._events = RecentEvents()
        self._rate = RateMeter()
        self._latencies = latencies()
        self._delays = delays()
        self._warnings = PictureWarnings()
        self._newest: Frame | None = None
        self._faces: tuple[FaceView, ...] = ()
        self._taker: BaselineTaker | None = None
        self._baseline: Baseline | None = None

    def begin(self, engine: LiveEngine, results: Results | None, outlets: LslOutlets | None) -> None:
        """Say what frames are pushed into and where results go; before the first :meth:`push`."""
        self._engine, self._results, self._outlets = engine, results, outlets

    def push(self, frame: Frame) -> None:
        """Analyse a frame; what goes wrong in the engine or on the disk is raised."""
        engine = self._engine
        assert engine is not None, "begin() comes first"
        events = engine.push(frame)
        rows = engine.take_rows()
        faces = tuple(self._views(engine, rows))
        if not self._hand_on(rows, events, frame):
            return
        with self._lock:
            self._keep(rows, events)
            self._newest, self._faces = frame, faces
            done = self._now()
            self._rate.add(done)
            self._latencies.add(done - frame.t_capture)

    def flush(self) -> None:
        """The source is over: take what the engine still has to say."""
        if self._engine is not None:
            events = self._engine.flush()
            rows = self._engine.take_rows()
            if self._hand_on(rows, events, None):
                with self._lock:
                    self._keep(rows, events)

    def close(self) -> None:
        """Hand nothing on any more: a frame that takes for ever must not change what is being written.

        Waits for the one that is being handed on.
        """
        with self._handing_on:
            self._closed = True

    def take_baseline(self, seconds: float) -> None:
        """Begin a baseline, in place of one that is being taken; ValueError for a time that is none."""
        taker = BaselineTaker(seconds)
        with self._lock:
            self._taker = taker

    @property
    def baseline(self) -> Baseline | None:
        """The newest baseline."""
        return self._baseline

    def rows_since(self, n: int) -> tuple[list[FrameRow], int]:
        """Return the rows from the ``n``-th on that are still held, and the number for the next call."""
        with self._lock:
            return self._rows.since(n)

    def events_since(self, n: int) -> tuple[list[Event], int]:
        """Return the events from the ``n``-th on that are still held, and the number for the next call."""
        with self._lock:
            return self._events.since(n)

    def look(self) -> Analysed:
        """Return what is known at this moment."""
        with self._lock:
            return Analysed(
                frame=self._newest,
                faces=self._faces,
                n_rows=self._rows.count,
                n_events=self._events.count,
                fps=self._rate.rate(self._now()),
                latency_s=self._latencies.percentiles(),
                delay_s=self._delays.percentiles(),
                baseline=self._baseline,
                baseline_left_s=self._taker.left_s if self._taker is not None else 0.0,
                warnings=self._warnings.now,
            )

    def _views(self, engine: LiveEngine, rows: Sequence[FrameRow]) -> list[FaceView]:
        seen = [(engine.face_near(row.face_id, row.timestamp), row) for row in rows if row.success]
        return [FaceView.of(face, row) for face, row in seen if face is not None]

    def _hand_on(self, rows: Sequence[FrameRow], events: Sequence[Event], frame: Frame | None) -> bool:
        """Write and send; return False where it came after :meth:`close`."""
        with self._handing_on:
            if self._closed:
                return False
            if self._results is not None:
                if frame is not None:
                    self._results.count(frame)
                self._results.take(rows, events)
            if self._outlets is not None:
                self._send(self._outlets, rows, events, frame)
            return True

    def _send(
        self, outlets: LslOutlets, rows: Sequence[FrameRow], events: Sequence[Event], frame: Frame | None
    ) -> None:
        if frame is not None:
            outlets.at(frame)
        for row in rows:
            outlets.on_row(row)
        for event in events:
            outlets.on_event(event)

    def _keep(self, rows: Sequence[FrameRow], events: Sequence[Event]) -> None:
        self._rows.add(rows)
        self._warnings.add(rows)
        for event in events:
            self._events.add(event)
            if event.interval.kind == "micro":
                self._delays.add(event.decided_s - event.interval.offset_s)
        if self._taker is not None:
            self._go_on_with(self._taker, rows)

    def _go_on_with(self, taker: BaselineTaker, rows: Sequence[FrameRow]) -> None:
        for row in rows:
            taker.push(row)
        if not taker.done:
            return
        self._taker = None
        taken = taker.result()
        if taken is None:
            self._tell(BASELINE_GAP if taker.gap_s else NO_BASELINE)
        else:
            self._baseline = taken
