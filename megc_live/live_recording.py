"""The recording of a live session: off until it is asked for, one file however often it is switched."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from megc_live.live import StageStats
from megc_live.video.frame import Frame
from megc_live.video.recorder import RECORDING, RECORDING_FRAMES, Recorder, RecorderStats


class LiveRecording:
    """Hands captured frames to a recorder while recording is on.

    Switching it off and on again goes on in the same file, whose times keep the break.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on = False
        self._place: tuple[Path, Path, float] | None = None
        self._recorder: Recorder | None = None
        self._ended = False

    def begin(self, part: Path, folder: Path, fps: float) -> None:
        """Say where files are prepared, where they will be, and at what rate frames come."""
        with self._lock:
            self._place = part, folder, fps
            self._prepare()

    def switch(self, on: bool) -> None:
        """Record from now on, or no longer."""
        with self._lock:
            self._on = on
            self._prepare()

    def _prepare(self) -> None:
        if self._on and self._recorder is None and self._place is not None and not self._ended:
            part, _, fps = self._place
            self._recorder = Recorder(part / RECORDING, fps, frames_path=part / RECORDING_FRAMES)

    def offer(self, frame: Frame) -> None:
        """Take a captured frame, if recording is on; never waits for the disk."""
        with self._lock:
            if self._on and self._recorder is not None:
                self._recorder.offer(frame)

    def finish(self, timeout: float) -> bool:
        """Write what waits, at most for a time in seconds, and finish the file; return whether it is."""
        with self._lock:
            self._ended = True
            recorder = self._recorder
        return recorder is None or recorder.close(timeout)

    @property
    def running(self) -> RecorderStats | None:
        """The counts while recording is on; ``path`` is where the file will be. None while it is off."""
        return self.stats if self._on and not self._ended else None

    @property
    def stats(self) -> RecorderStats | None:
        """The counts; None if nothing has been recorded."""
        recorder, place = self._recorder, self._place
        if recorder is None or place is None:
            return None
        return replace(recorder.stats(), path=place[1] / RECORDING)

    def stage(self) -> StageStats | None:
        """The counts as those of a stage; None if nothing has been recorded."""
        recorder = self._recorder
        if recorder is None:
            return None
        counts = recorder.stats()
        return StageStats("record", counts.offered, counts.written, counts.dropped, recorder.busy_s)

    def record(self) -> dict[str, Any] | None:
        """Return what session.json says of the recording; None if there is none."""
        recorder = self._recorder
        if recorder is None or recorder.first_index is None:
            return None
        counts = recorder.stats()
        return {
            "file": RECORDING,
            "frames": RECORDING_FRAMES,
            "first_frame": recorder.first_index,
            "offered": counts.offered,
            "written": counts.written,
            "dropped": counts.dropped,
        }

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader of the results should know of the recording."""
        counts = self.stats
        if counts is None:
            return ()
        lost = f"{counts.dropped} frames are missing in {RECORDING}" if counts.dropped else ""
        return tuple(filter(None, (lost, counts.error and f"the recording broke off: {counts.error}")))
