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

    Switching it off and on again goes on in the same file, whose times keep the break. Only after an error
    another file is begun, ``recording-2.mp4`` and so on, when recording is switched on the next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on = False
        self._place: tuple[Path, Path, float] | None = None
        self._recorders: list[Recorder] = []
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
        if not self._on or self._place is None or self._ended:
            return
        if not self._recorders or self._recorders[-1].stats().error:
            part, _, fps = self._place
            names = _names(len(self._recorders) + 1)
            self._recorders.append(Recorder(part / names[0], fps, frames_path=part / names[1]))

    def offer(self, frame: Frame) -> None:
        """Take a captured frame, if recording is on; never waits for the disk."""
        with self._lock:
            if self._on and self._recorders:
                self._recorders[-1].offer(frame)

    def finish(self, timeout: float) -> bool:
        """Write what waits, at most for a time in seconds, and finish the file; return whether it is."""
        with self._lock:
            self._ended = True
            recorders = list(self._recorders)
        # all but the last one ended with their error
        return all([recorder.close(timeout) for recorder in recorders[-1:]])

    def conclude(self, timeout: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Finish, and return entries of ``source.extras`` and warnings; a fault costs nothing else."""
        try:
            finished = self.finish(timeout)
            late = () if finished else (f"{RECORDING} was not finished in time: its end may be missing",)
            return self.record(), (*self.warnings(), *late)
        except Exception as error:
            return {}, (f"the recording could not be finished: {type(error).__name__}: {error}",)

    @property
    def running(self) -> RecorderStats | None:
        """The counts while recording is on; ``path`` is where the file will be. None while it is off.

        Where ``error`` is not empty, recording has stopped by itself and that is why; it may be switched
        on again.
        """
        return self.stats if self._on and not self._ended else None

    @property
    def stats(self) -> RecorderStats | None:
        """The newest file's counts; None if nothing has been recorded."""
        recorders, place = self._recorders, self._place
        if not recorders or place is None:
            return None
        counts = recorders[-1].stats()
        return replace(counts, path=place[1] / counts.path.name)

    @property
    def written(self) -> int:
        """Frames in all files."""
        return sum(recorder.stats().written for recorder in self._recorders)

    def stage(self) -> StageStats | None:
        """The counts of all files as those of a stage; None if nothing has been recorded."""
        recorders = list(self._recorders)
        if not recorders:
            return None
        counts = [recorder.stats() for recorder in recorders]
        return StageStats(
            "record",
            sum(c.offered for c in counts),
            sum(c.written for c in counts),
            sum(c.dropped for c in counts),
            sum(recorder.busy_s for recorder in recorders),
        )

    def record(self) -> dict[str, Any]:
        """Return what session.json says: ``recording`` is the longest, ``recordings`` all, if several."""
        files = [_record(recorder) for recorder in self._recorders if recorder.first_index is not None]
        if not files:
            return {}
        longest = max(files, key=lambda file: int(file["written"]))
        return {"recording": longest, **({"recordings": files} if len(files) > 1 else {})}

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader of the results should know of the recording."""
        out: list[str] = []
        for recorder in self._recorders:
            counts, name = recorder.stats(), recorder.path.name
            if counts.dropped:
                out.append(f"{counts.dropped} frames are missing in {name}")
            if counts.error:
                out.append(f"the recording broke off: {counts.error}")
        return tuple(out)


def _names(number: int) -> tuple[str, str]:
    """Return the file names of the ``number``-th recording: the video and its table."""
    video, table = Path(RECORDING), Path(RECORDING_FRAMES)
    if number == 1:
        return video.name, table.name
    return f"{video.stem}-{number}{video.suffix}", f"{table.stem}-{number}{table.suffix}"


def _record(recorder: Recorder) -> dict[str, Any]:
    counts = recorder.stats()
    return {
        "file": recorder.path.name,
        "frames": recorder.frames_path.name,
        "first_frame": recorder.first_index,
        "first_s": round(recorder.first_s, 6),
        "offered": counts.offered,
        "written": counts.written,
        "dropped": counts.dropped,
        "waiting": counts.waiting,
        "complete": recorder.finished and not counts.error,
    }
