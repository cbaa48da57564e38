"""A live session: a source, the engine, the results and what a window shows of them; without any window.

Every method returns at once, or within the time it is given, whatever the camera's driver does.
"""

from __future__ import annotations

import atexit
import math
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import psutil

from megc_live.baseline import Baseline
from megc_live.errors import MegcError, OutputError, SourceError
from megc_live.events import Event, FrameRow
from megc_live.live import LiveRunner, StageStats
from megc_live.live_analysis import LiveAnalysis, LiveEngine
from megc_live.live_recent import RateMeter
from megc_live.live_recording import LiveRecording
from megc_live.live_snapshot import FaceView, Snapshot, State
from megc_live.live_warnings import rate_warnings
from megc_live.output.files import write_whole, writing
from megc_live.output.lsl import LslOutlets, LslSettings
from megc_live.publish import free_name, partial_folder, publish
from megc_live.results import Results
from megc_live.settings import Settings
from megc_live.source_checks import check_pictures
from megc_live.video import Frame, LivePlayer, Source, SourceInfo
from megc_live.video.reconnect import RETRY_S, Reconnecting
from megc_live.video.recorder import RecorderStats

__all__ = ["Baseline", "FaceView", "LiveSession", "LslSettings", "RecorderStats", "Snapshot", "State"]

EngineMaker = Callable[[Settings, SourceInfo], LiveEngine]

_POLL_S = 0.05
_CPU_EVERY_S = 1.0
_SILENT_S = 2.0
"""A live source that delivers nothing for this long is said to be lost."""
_LATE_FOR_S = 3.0
_NOTICE_S = 8.0
_DRAIN_S = 30.0
"""Longest time for the frames that are still queued when a session is stopped."""
_STUCK_S = 5.0
"""Longest time for the one frame that is being analysed after that."""
_GRACE_S = 0.25
"""Time for the capture thread to come back from its last read."""
_AT_EXIT_S = 10.0


def live_engine(settings: Settings, info: SourceInfo) -> LiveEngine:
    """Return the engine of every ordinary session."""
    from megc_live.engine import Engine

    return Engine(settings, info, overlap=False)


class LiveSession:
    """Watches one live source from opening it to its folder of results.

    Parameters
    ----------
    open_source : callable
        Opens the source: called in a thread of the session's own, and again each time that a camera or
        stream was lost. A source that is not live is replayed at its own pace.
    settings : Settings
    folder : Path, optional
        Folder of the folders of results; None: nothing is written.
    name : str
        Of the folder of results in it; a number is added if there is one of that name.
    exports : sequence of str
        Names in the SINKS registry, besides the files that are always written.
    consent : dict, optional
        What the recorded person agreed to; kept in session.json.
    reconnect : bool
        Open a camera or stream again when it was lost.
    lsl : LslSettings, optional
        Open LSL outlets; None: none.
    make_engine : callable, optional
        ``(settings, source_info) -> engine``.
    now : callable, optional
        The clock that stamps ``Frame.t_capture``.
    retry_s : float
        Seconds between two attempts to open a lost source.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        settings: Settings,
        *,
        folder: Path | None = None,
        name: str = "live",
        exports: Sequence[str] = (),
        consent: dict[str, Any] | None = None,
        reconnect: bool = True,
        lsl: LslSettings | None = None,
        make_engine: EngineMaker = live_engine,
        now: Callable[[], float] = time.perf_counter,
        retry_s: float = RETRY_S,
    ) -> None:
        self._open_source = open_source
        self._settings = settings
        self._out = folder
        self._name = name
        self._exports = tuple(exports)
        self._consent = consent
        self._reconnect = reconnect
        self._lsl = lsl
        self._make_engine = make_engine
        self._now = now
        self._retry_s = retry_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stop_by = math.inf
        self._thread = threading.Thread(target=self._run, name="live-session", daemon=True)
        self._state: State = "opening"
        self._message = ""
        self._paused = False
        self._info: SourceInfo | None = None
        self._source: Source | None = None
        self._runner: LiveRunner | None = None
        self._results: Results | None = None
        self._folder: Path | None = None
        self._abandoned = False
        self._facts: dict[str, Any] = {}
        self._captured = RateMeter()
        self._cpu = math.nan
        self._late_until = -math.inf
        self._late_seen = 0
        self._notices: deque[tuple[float, str]] = deque(maxlen=4)
        self._recording = LiveRecording()
        self._analysis = LiveAnalysis(now, self._tell)

    # What a user can do

    def start(self) -> None:
        """Begin: opening the source and loading the models happen in a thread. Once."""
        if self._thread.ident is not None:
            raise RuntimeError("a LiveSession starts once; make another one")
        atexit.register(self._at_exit)
        self._thread.start()

    def pause(self) -> None:
        """Neither analyse nor record what comes from now on; the picture stays live."""
        with self._lock:
            self._paused = True
            if self._runner is not None:
                self._runner.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        with self._lock:
            self._paused = False
            if self._runner is not None:
                self._runner.resume()

    def stop(self) -> None:
        """Ask for the end and return at once: what is queued is still analysed, then results are written."""
        self._end_by(time.monotonic() + _DRAIN_S)

    def close(self, timeout: float = 1.5) -> bool:
        """Stop and wait.

        Parameters
        ----------
        timeout : float
            Seconds. Half of them are for the frames that are queued; those that are left then are dropped
            and counted.

        Returns
        -------
        bool
            False: a thread hangs, in a camera's driver say, or writing takes longer; it was left behind.
        """
        self._end_by(time.monotonic() + timeout / 2)
        if self._thread.ident is None:
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive() and not self._abandoned

    def record(self, on: bool) -> None:
        """Record the video beside the results, or no longer; off by default.

        Raises
        ------
        OutputError
            This session keeps no results, so that there is no place for a recording.
        """
        if on and self._out is None:
            raise OutputError(
                "this session keeps no results, so there is no place for a recording.",
                "Choose a folder for results before you start.",
            )
        self._recording.switch(on)

    def take_baseline(self, seconds: float = 3.0) -> None:
        """Measure the neutral face from now on for some seconds of the stream."""
        self._analysis.take_baseline(seconds)

    def save_snapshot(self, path: Path) -> None:
        """Write the newest captured frame as a PNG, in the background; what goes wrong is among the warnings.

        Raises
        ------
        SourceError
            There is no frame yet.
        """
        frame = self._runner.newest if self._runner is not None else None
        if frame is None:
            raise SourceError("there is no picture yet.", "Wait until the camera delivers.")
        threading.Thread(
            target=self._write_snapshot, args=(frame, path), name="snapshot", daemon=True
        ).start()

    # What a window can see

    def rows_since(self, n: int) -> tuple[list[FrameRow], int]:
        """Return the rows from the ``n``-th on, of the last 30 s, and the number for the next call."""
        return self._analysis.rows_since(n)

    def events_since(self, n: int) -> tuple[list[Event], int]:
        """Return the events from the ``n``-th on, of the newest 500, and the number for the next call."""
        return self._analysis.events_since(n)

    def snapshot(self) -> Snapshot:
        """Return the session at this moment; may be called from any thread, at any time."""
        now = self._now()
        seen = self._analysis.look()
        with self._lock:
            runner, source, info = self._runner, self._source, self._info
            capture_fps = self._captured.rate(now)
            measured = self._captured.span_s >= 1.0
        newest = runner.newest if runner is not None else None
        age_s = now - newest.t_capture if newest is not None else math.nan
        stages = self._stages()
        state, message = self._state_now(age_s)
        live = state == "running"
        return Snapshot(
            state=state,
            message=message,
            info=info,
            frame=newest,
            analysed=seen.frame,
            faces=seen.faces,
            newest_s=seen.frame.pts_s if seen.frame is not None else math.nan,
            n_rows=seen.n_rows,
            n_events=seen.n_events,
            stages=stages,
            capture_fps=capture_fps,
            analysed_fps=seen.fps,
            latency_p50_s=seen.latency_s[0],
            latency_p95_s=seen.latency_s[1],
            stated_delay_s=float(self._facts.get("stated_delay_s", math.nan)),
            delay_p50_s=seen.delay_s[0],
            delay_p95_s=seen.delay_s[1],
            data_age_s=age_s,
            dropped=self._too_late() + (source.dropped if source is not None else 0),
            cpu_percent=self._cpu,
            recording=self._recording.running,
            baseline=seen.baseline,
            baseline_left_s=seen.baseline_left_s,
            warnings=(
                *self._notices_now(),
                *(rate_warnings(capture_fps if measured else math.nan, self._late(now)) if live else ()),
                *(seen.warnings if live else ()),
            ),
            spotting_only=self._settings.recognition.recognizer == "none",
            folder=self._folder,
        )

    def _state_now(self, age_s: float) -> tuple[State, str]:
        """The state and the line that goes with it: a running session may be paused, or without frames."""
        if self._state != "running":
            return self._state, self._message
        lost = getattr(self._source, "lost", "")
        if lost:
            return "lost", lost
        if self._info is not None and self._info.kind in ("camera", "stream") and age_s > _SILENT_S:
            return (
                "lost",
                f"no frame has come for {age_s:.0f} s. Check that the camera is plugged in and free.",
            )
        return ("paused" if self._paused else "running"), ""

    def _stages(self) -> tuple[StageStats, ...]:
        stages = self._runner.stats() if self._runner is not None else []
        record = self._recording.stage()
        return (*stages, *([record] if record is not None else []))

    def _too_late(self) -> int:
        """Frames that came but were dropped because this computer was too slow."""
        runner = self._runner
        if runner is None:
            return 0
        capture, process = runner.stats()
        return capture.dropped + process.dropped - runner.paused_frames

    def _late(self, now: float) -> bool:
        return now < self._late_until

    def _tell(self, line: str) -> None:
        """Show a line among the warnings for some seconds."""
        with self._lock:
            self._notices.append((time.monotonic() + _NOTICE_S, line))

    def _notices_now(self) -> list[str]:
        with self._lock:
            lines = [line for until, line in self._notices if time.monotonic() < until]
        recording = self._recording.stats
        return [*([recording.error] if recording is not None and recording.error else []), *lines]

    def _write_snapshot(self, frame: Frame, path: Path) -> None:
        try:
            bgr = cv2.cvtColor(frame.image.rgb(), cv2.COLOR_RGB2BGR)
            ok, data = cv2.imencode(".png", bgr)
            if not ok:
                raise OutputError(f"cannot write {str(path)!r} as PNG.")
            write_whole(path, data.tobytes())
        except MegcError as error:
            self._tell(str(error))

    def _end_by(self, moment: float) -> None:
        """Ask for the end; the earliest time that was asked for counts."""
        with self._lock:
            self._stop_by = min(self._stop_by, moment)
            if self._thread.ident is None:
                self._state = "ended"
            elif self._state in ("opening", "running"):
                self._state = "stopping"
        self._stop.set()

    def _at_exit(self) -> None:
        """The program ends without having closed the session: keep what was found."""
        self.close()
        if self._results is not None and self._results.frames:
            self._thread.join(_AT_EXIT_S)

    # The session's own thread

    def _run(self) -> None:
        error = ""
        try:
            error = self._session()
        except MegcError as wrong:
            error = str(wrong)
        except OSError as wrong:
            error = f"{wrong.strerror or wrong}: {wrong.filename or self._folder}."
        except Exception as wrong:  # a fault of this program must not take the window with it
            place = traceback.extract_tb(wrong.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            error = f"internal fault, please report it: {type(wrong).__name__} in {where}: {wrong}"
        finally:
            with self._lock:
                self._message = error
                self._state = "failed" if error else "ended"
            atexit.unregister(self._at_exit)

    def _session(self) -> str:
        """Open, watch, write; return why the source was lost on the way, or nothing."""
        source = self._open()
        if source is None:
            return ""
        with ExitStack() as stack:
            stack.callback(self._let_go, source)
            check_pictures(source.info)
            engine = self._make_engine(self._settings, source.info)
            stack.callback(self._free, engine)
            self._facts = engine.describe()
            part = self._prepare(stack, source.info)
            outlets = self._open_outlets(stack, source)
            self._analysis.begin(engine, self._results, outlets)
            lost = self._watch(source)
            self._finish(source, engine, part, lost)
        return lost

    def _open(self) -> Source | None:
        """Open the source in a thread that may hang; None if the end was asked for meanwhile."""
        box: queue.SimpleQueue[Source | BaseException] = queue.SimpleQueue()
        left = threading.Event()

        def work() -> None:
            try:
                source = self._opened()
            except BaseException as error:
                box.put(error)
                return
            box.put(source)
            if left.is_set():
                source.close()

        thread = threading.Thread(target=work, name="open", daemon=True)
        thread.start()
        while not self._stop.is_set():
            try:
                got = box.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(got, BaseException):
                raise got
            with self._lock:
                self._source, self._info = got, got.info
            return got
        left.set()
        thread.join(_GRACE_S)
        self._abandoned = thread.is_alive()
        if not box.empty() and isinstance(late := box.get(), Source):
            late.close()
        return None

    def _opened(self) -> Source:
        if self._reconnect:
            source: Source = Reconnecting(self._open_source, retry_s=self._retry_s)
        else:
            source = self._open_source()
        return source if source.info.live else LivePlayer(source)

    def _prepare(self, stack: ExitStack, info: SourceInfo) -> Path | None:
        """Make the folder in which results are prepared; None if none are kept."""
        if self._out is None:
            return None
        with writing(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
            name = free_name(self._out, self._name)
            part = stack.enter_context(partial_folder(self._out, name))
        self._folder = self._out / name
        self._results = Results(part, info, name, self._settings, self._exports, self._consent)
        stack.callback(self._results.discard)
        stack.callback(self._recording.finish, 0.0)
        self._recording.begin(part, self._folder, info.fps)
        return part

    def _open_outlets(self, stack: ExitStack, source: Source) -> LslOutlets | None:
        if self._lsl is None:
            return None
        outlets = LslOutlets(self._lsl, source.name, self._now)
        stack.callback(outlets.close)
        return outlets

    def _watch(self, source: Source) -> str:
        """Analyse until the source ends or the end is asked for; return why it was lost, or nothing."""
        with self._lock:
            runner = LiveRunner(
                source,
                self._analysis.push,
                queue_seconds=self._settings.video.live_queue_seconds,
                now=self._now,
                on_capture=self._on_capture,
            )
            self._runner = runner
            if self._paused:
                runner.pause()
            if not self._stop.is_set():
                self._state = "running"
        runner.start()
        process, told = psutil.Process(), time.monotonic()
        process.cpu_percent(None)
        while runner.processing and not self._stop.wait(_POLL_S):
            if self._too_late() > self._late_seen:
                self._late_seen, self._late_until = self._too_late(), self._now() + _LATE_FOR_S
            if time.monotonic() - told >= _CPU_EVERY_S:
                told = time.monotonic()
                self._cpu = process.cpu_percent(None) / (psutil.cpu_count() or 1)
        with self._lock:
            self._state = "stopping"
        runner.drain()
        while runner.processing and time.monotonic() < self._stop_by:
            time.sleep(_POLL_S / 10)
        runner.stop(_STUCK_S if runner.processing else _GRACE_S)
        self._abandoned = runner.abandoned
        return self._why_ended(runner)

    def _on_capture(self, frame: Frame) -> None:
        with self._lock:
            self._captured.add(self._now())
            paused = self._paused
        if not paused:
            self._recording.offer(frame)

    def _why_ended(self, runner: LiveRunner) -> str:
        if runner.processing:
            raise MegcError(
                f"the analysis of one frame has taken over {_STUCK_S:g} s and does not end.",
                "Close other programs, or record to a file first and analyse that.",
            )
        if runner.error is None:
            return ""
        if isinstance(runner.error, SourceError) and runner.stats()[1].processed:
            return str(runner.error)
        raise runner.error

    def _finish(self, source: Source, engine: LiveEngine, part: Path | None, lost: str) -> None:
        """Say what is left to say, and give the results their names."""
        self._analysis.flush()
        results = self._results
        if results is None or part is None or self._folder is None:
            return
        if not results.frames:
            self._folder = None
            return
        self._recording.finish(max(_GRACE_S, self._stop_by - time.monotonic()))
        session = results.session
        record = self._recording.record()
        results.finish(
            source,
            engine.describe(),
            stages=[stage.as_dict() for stage in self._stages()],
            extras={
                "paused": self._runner.paused_frames if self._runner is not None else 0,
                **({"recording": record} if record is not None else {}),
            },
            late=self._too_late(),
            warnings=[f"incomplete: {lost}"] if lost else (),
        )
        baseline = self._analysis.baseline
        session.baseline = baseline.as_dict() if baseline is not None else None
        session.run = {"complete": not lost, "source": source.info.spec}
        results.close()
        results.write_session()
        publish(part, self._folder)

    def _let_go(self, source: Source) -> None:
        # A thread that hangs in the device's driver closes the source itself when it returns.
        if self._runner is None or not self._runner.capturing:
            source.close()

    def _free(self, engine: LiveEngine) -> None:
        if self._runner is None or not self._runner.processing:
            engine.close()
