"""One live session's way from opening its source to its folder of results, in a thread of its own."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from megc_live.cut_off import RUNNING
from megc_live.errors import MegcError, SourceError
from megc_live.live import LiveRunner, StageStats
from megc_live.live_analysis import LiveAnalysis, LiveEngine
from megc_live.live_opening import Opening, in_words, opened, silent
from megc_live.live_recent import RateMeter
from megc_live.live_recording import LiveRecording
from megc_live.live_snapshot import State
from megc_live.output.files import writing
from megc_live.output.lsl import LslOutlets, LslSettings
from megc_live.publish import free_name, partial_folder, publish
from megc_live.results import Results
from megc_live.settings import Settings
from megc_live.source_checks import check_pictures
from megc_live.video import Frame, Source, SourceInfo

EngineMaker = Callable[[Settings, SourceInfo], LiveEngine]

_POLL_S = 0.05
_CPU_EVERY_S = 1.0
_SILENT_S = 2.0
"""A camera or stream that delivers nothing for this long is said to be lost."""
_LATE_FOR_S = 3.0
_NOTICE_S = 8.0
_STUCK_S = 5.0
"""Longest time for the one frame that is being analysed when all else has been given up."""
_GRACE_S = 0.25
"""Time for the capture thread to come back from its last read."""
_FINISH_S = 30.0
"""Longest time for the frames of a recording that still wait for the disk."""


def live_engine(settings: Settings, info: SourceInfo) -> LiveEngine:
    """Return the engine of every ordinary session."""
    from megc_live.engine import Engine

    return Engine(settings, info, overlap=False)


@dataclass(frozen=True)
class LivePlan:
    """What a session was asked to do; see :class:`megc_live.live_session.LiveSession`."""

    open_source: Callable[[], Source]
    settings: Settings
    folder: Path | None
    name: str
    exports: tuple[str, ...]
    consent: dict[str, Any] | None
    reconnect: bool
    lsl: LslSettings | None
    make_engine: EngineMaker
    now: Callable[[], float]
    retry_s: float


class LiveRun:
    """Opens, watches and writes; what it knows may be looked at from any thread.

    Attributes
    ----------
    info : SourceInfo or None
        None until the source is open.
    folder : Path or None
        Where the results will be; None if none are kept.
    cpu_percent : float
        Of this process, all cores busy being 100; NaN until known.
    stated_delay_s : float
        What the engine promises; NaN until known.
    abandoned : bool
        A thread hangs in the source and was left behind.
    """

    def __init__(self, plan: LivePlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stop_by = math.inf
        self._cut_short = False
        self._state: State = "opening"
        self._message = ""
        self._paused = False
        self._source: Source | None = None
        self._runner: LiveRunner | None = None
        self._results: Results | None = None
        self._captured = RateMeter()
        self._lsl: dict[str, str] = {}
        self._late_seen, self._late_until = 0, -math.inf
        self._notices: deque[tuple[float, str]] = deque(maxlen=4)
        self.info: SourceInfo | None = None
        self.folder: Path | None = None
        self.cpu_percent = math.nan
        self.stated_delay_s = math.nan
        self.abandoned = False
        self.outlets_open = False
        self.recording = LiveRecording()
        self.analysis = LiveAnalysis(plan.now, self.tell)

    # Asked from other threads

    def pause(self, on: bool) -> None:
        """Neither analyse nor record what comes, or do so again."""
        with self._lock:
            self._paused = on
            if self._runner is not None:
                self._apply_pause(self._runner)

    def _apply_pause(self, runner: LiveRunner) -> None:
        if self._paused:
            runner.pause()
        else:
            runner.resume()

    def end_by(self, moment: float) -> None:
        """Ask for the end; of several moments (``time.monotonic()``) the earliest counts."""
        with self._lock:
            self._stop_by = min(self._stop_by, moment)
            if self._state in ("opening", "running"):
                self._state = "stopping"
        self._stop.set()

    def never(self) -> None:
        """It is closed without having been started."""
        self._state = "ended"

    def tell(self, line: str) -> None:
        """Show a line among the warnings for some seconds."""
        with self._lock:
            self._notices.append((time.monotonic() + _NOTICE_S, line))

    @property
    def newest(self) -> Frame | None:
        """The newest captured frame."""
        return self._runner.newest if self._runner is not None else None

    @property
    def has_results(self) -> bool:
        """Whether something was found that is worth waiting for."""
        return self._results is not None and self._results.frames > 0

    def state(self, age_s: float) -> tuple[State, str]:
        """Return the state and its line, given the newest frame's age in seconds."""
        if self._state != "running":
            return self._state, self._message
        lost = getattr(self._source, "lost", "")
        if lost:
            return "lost", lost
        if self.info is not None and self.info.kind in ("camera", "stream") and age_s > _SILENT_S:
            return "lost", silent(self.info.kind, age_s)
        return ("paused" if self._paused else "running"), ""

    def stages(self) -> tuple[StageStats, ...]:
        """Return the counts of capture, process and, if there was one, the recording."""
        stages = self._runner.stats() if self._runner is not None else []
        record = self.recording.stage()
        return (*stages, *([record] if record is not None else []))

    def capture_rate(self) -> tuple[float, bool]:
        """Return frames per second, NaN where unknown, and whether they were counted for long enough."""
        with self._lock:
            return self._captured.rate(self._plan.now()), self._captured.span_s >= 1.0

    @property
    def dropped(self) -> int:
        """Frames that were lost, in the source or here."""
        return self._too_late() + (self._source.dropped if self._source is not None else 0)

    @property
    def late(self) -> bool:
        """Whether frames were dropped lately because this computer was too slow."""
        return self._plan.now() < self._late_until

    def notices(self) -> tuple[str, ...]:
        """Return lines that are to be shown for a while."""
        with self._lock:
            lines = [line for until, line in self._notices if time.monotonic() < until]
        recording = self.recording.stats
        return (*([recording.error] if recording is not None and recording.error else []), *lines)

    def _too_late(self) -> int:
        """Frames that came but were dropped because this computer was too slow."""
        runner = self._runner
        if runner is None:
            return 0
        capture, process = runner.stats()
        return capture.dropped + process.dropped - runner.paused_frames

    # The session's own thread

    def __call__(self) -> None:
        """Do it; what goes wrong becomes the state ``failed`` and its message."""
        error = ""
        try:
            error = self._session()
        except Exception as wrong:
            error = in_words(wrong)
        finally:
            with self._lock:
                if not self.has_results or (self.folder is not None and not self.folder.exists()):
                    self.folder = None
                self._message = error or self._message
                self._state = "failed" if error else "ended"

    def _session(self) -> str:
        """Open, watch, write; return what went wrong on the way, if the results were written all the same."""
        source = self._open()
        if source is None:
            return ""
        with ExitStack() as stack:
            stack.callback(self._let_go, source)
            check_pictures(source.info)
            engine = self._plan.make_engine(self._plan.settings, source.info)
            stack.callback(self._free, engine)
            self.stated_delay_s = float(engine.describe()["stated_delay_s"])
            part = self._prepare(stack, source.info)
            outlets = self._open_outlets(stack, source)
            self.analysis.begin(engine, self._results, outlets)
            wrong = self._watch(source)
            if wrong is not None and not self.has_results:
                return self._nothing_kept(wrong)
            # An engine that failed has nothing more to say; a source that was lost has taken nothing from it.
            if wrong is None or isinstance(wrong, SourceError):
                self.analysis.flush()
            self.analysis.close()
            if not self.has_results:
                return self._nothing_kept(None)
            error = in_words(wrong) if wrong is not None else ""
            kept = part is not None and self._write(source, engine, part, error)
        return f"{error} What was found before that is in {str(self.folder)!r}." if error and kept else error

    def _nothing_kept(self, wrong: BaseException | None) -> str:
        """No frame was analysed: say so where a recording goes with it; return what went wrong."""
        self.analysis.close()
        self.recording.conclude(_GRACE_S)
        lost = self.recording.written
        note = f"No frame was analysed: nothing is kept, nor are the {lost} recorded frames." if lost else ""
        if wrong is None:
            self._message = note
            return ""
        return f"{in_words(wrong).rstrip('.')}. {note}".strip()

    def _open(self) -> Source | None:
        """Open the source; None if the end was asked for meanwhile."""
        plan = self._plan
        opening = Opening(lambda: opened(plan.open_source, reconnect=plan.reconnect, retry_s=plan.retry_s))
        source = opening.wait(self._stop, _GRACE_S)
        self.abandoned = opening.hangs
        if source is not None:
            with self._lock:
                self._source, self.info = source, source.info
        return source

    def _prepare(self, stack: ExitStack, info: SourceInfo) -> Path | None:
        """Make the folder in which results are prepared; None if none are kept."""
        plan = self._plan
        if plan.folder is None:
            return None
        with writing(plan.folder):
            plan.folder.mkdir(parents=True, exist_ok=True)
            name = free_name(plan.folder, plan.name)
            part = stack.enter_context(partial_folder(plan.folder, name, once=True))
        self.folder = plan.folder / name
        self._results = Results(part, info, name, plan.settings, plan.exports, plan.consent)
        stack.callback(self._results.discard)
        # a recording never lies there without the consent to it, whatever happens
        self._results.session.run = dict(RUNNING)
        self._results.write_session()
        stack.callback(self.recording.conclude, _GRACE_S)
        self.recording.begin(part, self.folder, info.fps)
        return part

    def _open_outlets(self, stack: ExitStack, source: Source) -> LslOutlets | None:
        if self._plan.lsl is None:
            return None
        outlets = LslOutlets(self._plan.lsl, source.name, self._plan.now)
        stack.callback(self._close_outlets, outlets)
        self._lsl = outlets.record()
        self.outlets_open = True
        return outlets

    def _close_outlets(self, outlets: LslOutlets) -> None:
        self.outlets_open = False
        outlets.close()

    def _watch(self, source: Source) -> BaseException | None:
        """Analyse until the source ends or the end is asked for; return what went wrong."""
        with self._lock:
            runner = LiveRunner(
                source,
                self.analysis.push,
                queue_seconds=self._plan.settings.video.live_queue_seconds,
                now=self._plan.now,
                on_capture=self._on_capture,
            )
            self._runner = runner
            self._apply_pause(runner)
            if not self._stop.is_set():
                self._state = "running"
        runner.start()
        self._look_after(runner)
        self._cut_short = runner.processing and source.info.kind in ("file", "folder")
        with self._lock:
            self._state = "stopping"
        runner.drain()
        while runner.processing and time.monotonic() < self._stop_by:
            time.sleep(_POLL_S / 10)
        runner.stop(_STUCK_S if runner.processing else _GRACE_S)
        self.abandoned = runner.abandoned
        if runner.processing:
            return MegcError(
                f"the analysis of one frame has taken over {_STUCK_S:g} s and does not end.",
                "Close other programs, or record to a file first and analyse that.",
            )
        return runner.error

    def _look_after(self, runner: LiveRunner) -> None:
        process, measured = psutil.Process(), time.monotonic()
        process.cpu_percent(None)
        while runner.processing and not self._stop.wait(_POLL_S):
            if self._too_late() > self._late_seen:
                self._late_seen, self._late_until = self._too_late(), self._plan.now() + _LATE_FOR_S
            if time.monotonic() - measured >= _CPU_EVERY_S:
                measured = time.monotonic()
                self.cpu_percent = process.cpu_percent(None) / (psutil.cpu_count() or 1)

    def _on_capture(self, frame: Frame) -> None:
        with self._lock:
            self._captured.add(self._plan.now())
            paused = self._paused
        if not paused:
            self.recording.offer(frame)

    def _write(self, source: Source, engine: LiveEngine, part: Path, error: str) -> bool:
        """Give the results their names; return whether there are any."""
        results, folder, runner = self._results, self.folder, self._runner
        if results is None or folder is None or runner is None or not results.frames:
            return False
        left_s = self._stop_by - time.monotonic()  # infinite where the source ended by itself
        recorded, told = self.recording.conclude(min(_FINISH_S, max(_GRACE_S, left_s)))
        results.finish(
            source,
            engine.describe(),
            stages=[stage.as_dict() for stage in self.stages()],
            extras={
                "paused": runner.paused_frames,
                **recorded,
                **({"lsl": self._lsl} if self._lsl else {}),
            },
            late=self._too_late(),
            warnings=[
                *told,
                *(["stopped before the end of the source"] if self._cut_short else []),
                *([f"incomplete: {error}"] if error else []),
            ],
        )
        baseline = self.analysis.baseline
        results.session.baseline = baseline.as_dict() if baseline is not None else None
        spec, seekable = source.info.spec, source.info.kind in ("file", "folder")
        results.session.run = {
            "complete": not (error or self._cut_short),
            "source": str(Path(spec).resolve()) if seekable else spec,
        }
        try:
            results.close()
            results.write_session()
            if folder.exists():  # another run has taken the name meanwhile
                folder = self.folder = folder.with_name(free_name(folder.parent, folder.name))
            publish(part, folder)
        except BaseException:
            results.session.run = dict(RUNNING)  # it stays where it is, and the next start finds it
            with suppress(MegcError):
                results.write_session()
            raise
        return True

    def _let_go(self, source: Source) -> None:
        # A thread that hangs in the device's driver closes the source itself when it returns.
        if self._runner is None or not self._runner.capturing:
            source.close()

    def _free(self, engine: LiveEngine) -> None:
        if self._runner is None or not self._runner.processing:
            engine.close()
