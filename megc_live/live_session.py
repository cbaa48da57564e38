"""A live session: a source, the engine, the results and what a window shows of them; without any window.

Every method returns at once, or within the time it is given, whatever the camera's driver does.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2

from megc_live.baseline import Baseline
from megc_live.errors import MegcError, OutputError, SourceError
from megc_live.events import Event, FrameRow
from megc_live.live import StageStats
from megc_live.live_run import EngineMaker, LivePlan, LiveRun, live_engine
from megc_live.live_snapshot import FaceView, Snapshot, State
from megc_live.live_warnings import rate_warnings
from megc_live.output.files import write_whole
from megc_live.output.lsl import LslSettings
from megc_live.settings import Settings
from megc_live.video import Frame, Source
from megc_live.video.reconnect import RETRY_S
from megc_live.video.recorder import RecorderStats

__all__ = ["Baseline", "FaceView", "LiveSession", "LslSettings", "RecorderStats", "Snapshot", "State"]

SESSION_THREAD = "live-session"
"""Name of the thread that writes a session's results."""
_DRAIN_S = 30.0
"""Longest time for the frames that are still queued when a session is stopped."""
_AT_EXIT_S = 10.0
"""Longest time for writing results when the program ends without having closed the session."""


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
        plan = LivePlan(
            open_source,
            settings,
            folder,
            name,
            tuple(exports),
            consent,
            reconnect,
            lsl,
            make_engine,
            now,
            retry_s,
        )
        self._plan = plan
        self._run = LiveRun(plan)
        self._thread = threading.Thread(target=self._run_to_the_end, name=SESSION_THREAD, daemon=True)
        self._started = False

    # What a user can do

    def start(self) -> None:
        """Begin: opening the source and loading the models happen in a thread. Once."""
        if self._started:
            raise RuntimeError("a LiveSession starts once; make another one")
        self._started = True
        atexit.register(self._at_exit)
        self._thread.start()

    def pause(self) -> None:
        """Neither analyse nor record what comes from now on; the picture stays live."""
        self._run.pause(True)

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._run.pause(False)

    def stop(self) -> None:
        """Ask for the end and return at once: what is queued is still analysed, then results are written."""
        self._run.end_by(time.monotonic() + _DRAIN_S)
        if not self._started:
            self._run.never()

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
        self._run.end_by(time.monotonic() + timeout / 2)
        if not self._started:
            self._run.never()
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not (self._thread.is_alive() or self._run.abandoned)

    def record(self, on: bool) -> None:
        """Record the video beside the results, or no longer; off by default.

        After an error (``Snapshot.recording.error``) switching it on begins another file.

        Raises
        ------
        OutputError
            This session keeps no results, so that there is no place for a recording.
        """
        if on and self._plan.folder is None:
            raise OutputError(
                "this session keeps no results, so there is no place for a recording.",
                "Choose a folder for results before you start.",
            )
        self._run.recording.switch(on)

    def take_baseline(self, seconds: float = 3.0) -> None:
        """Measure the neutral face from now on for some seconds of the stream."""
        self._run.analysis.take_baseline(seconds)

    def save_snapshot(self, path: Path) -> None:
        """Write the newest captured frame as a PNG, in the background; what goes wrong is among the warnings.

        Raises
        ------
        SourceError
            There is no frame yet.
        """
        frame = self._run.newest
        if frame is None:
            raise SourceError("there is no picture yet.", "Wait until the camera delivers.")
        threading.Thread(
            target=self._write_snapshot, args=(frame, path), name="snapshot", daemon=True
        ).start()

    # What a window can see

    def rows_since(self, n: int) -> tuple[list[FrameRow], int]:
        """Return the rows from the ``n``-th on, of the last 30 s, and the number for the next call."""
        return self._run.analysis.rows_since(n)

    def events_since(self, n: int) -> tuple[list[Event], int]:
        """Return the events from the ``n``-th on, of the newest 500, and the number for the next call.

        The newest 40 of them have their pictures: whoever wants them all asks as they come.
        """
        return self._run.analysis.events_since(n)

    def stages(self) -> tuple[StageStats, ...]:
        """Return the counts of the stages alone, as :meth:`snapshot` does."""
        return self._run.stages()

    def snapshot(self) -> Snapshot:
        """Return the session at this moment; may be called from any thread, at any time."""
        run = self._run
        seen = run.analysis.look()
        newest = run.newest
        age_s = self._plan.now() - newest.t_capture if newest is not None else math.nan
        capture_fps, certain = run.capture_rate()
        state, message = run.state(age_s)
        warnings = run.notices()
        if state == "running":
            warnings += rate_warnings(capture_fps if certain else math.nan, run.late) + seen.warnings
        return Snapshot(
            state=state,
            message=message,
            info=run.info,
            frame=newest,
            analysed=seen.frame,
            faces=seen.faces,
            newest_s=seen.frame.pts_s if seen.frame is not None else math.nan,
            n_rows=seen.n_rows,
            n_events=seen.n_events,
            stages=run.stages(),
            capture_fps=capture_fps,
            analysed_fps=seen.fps,
            latency_p50_s=seen.latency_s[0],
            latency_p95_s=seen.latency_s[1],
            stated_delay_s=run.stated_delay_s,
            delay_p50_s=seen.delay_s[0],
            delay_p95_s=seen.delay_s[1],
            data_age_s=age_s,
            dropped=run.dropped,
            cpu_percent=run.cpu_percent,
            recording=run.recording.running,
            baseline=seen.baseline,
            baseline_left_s=seen.baseline_left_s,
            warnings=warnings,
            spotting_only=self._plan.settings.recognition.recognizer == "none",
            folder=run.folder,
            lsl=run.outlets_open,
        )

    def _run_to_the_end(self) -> None:
        try:
            self._run()
        finally:
            atexit.unregister(self._at_exit)

    def _at_exit(self) -> None:
        """The program ends without having closed the session: keep what was found."""
        self.close()
        if self._run.has_results:
            self._thread.join(_AT_EXIT_S)

    def _write_snapshot(self, frame: Frame, path: Path) -> None:
        try:
            bgr = cv2.cvtColor(frame.image.rgb(), cv2.COLOR_RGB2BGR)
            ok, data = cv2.imencode(".png", bgr)
            if not ok:
                raise OutputError(f"cannot write {str(path)!r} as PNG.")
            write_whole(path, data.tobytes())
        except MegcError as error:
            self._run.tell(str(error))
