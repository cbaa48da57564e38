"""What a window, or anyone who looks in from another thread, sees of a live session at one moment."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from megc_live.baseline import Baseline
from megc_live.events import FrameRow
from megc_live.face.observation import FaceObservation
from megc_live.face.regions import REGION_POINTS
from megc_live.live import StageStats
from megc_live.publish import prepared_in
from megc_live.spotting.motion import PATCH_PX
from megc_live.video.base import SourceInfo
from megc_live.video.frame import Frame
from megc_live.video.recorder import RecorderStats

State = Literal["opening", "running", "paused", "lost", "stopping", "ended", "failed"]

_REGION_POINTS = list(REGION_POINTS.values())


@dataclass(frozen=True)
class Still:
    """A picture of one frame that goes with a session's results, in whose folder all of the session is.

    Attributes
    ----------
    now : Path
        Where it is written: while a session runs its folder is prepared under a hidden name.
    final : Path
        Where it is once the session has ended.
    """

    now: Path
    final: Path

    @classmethod
    def of(cls, folder: Path, index: int) -> Still:
        """Return the places of frame ``index`` in a session whose results will be in ``folder``."""
        name = f"snapshot_frame_{index:06d}.png"
        return cls(prepared_in(folder) / name, folder / name)

    def settle(self) -> bool:
        """Return whether it is in its final place, now that the session has ended.

        One that was written a moment too late is brought there, or removed if the session kept nothing:
        no picture of a person is left in a hidden place.
        """
        if self.now != self.final and self.now.is_file():
            with suppress(OSError):
                if self.final.parent.is_dir():
                    os.replace(self.now, self.final)
                else:
                    self.now.unlink()
            with suppress(OSError):
                self.now.parent.rmdir()
        return self.final.is_file()


@dataclass(frozen=True)
class FaceView:
    """One face on the newest analysed frame, in pixels of the source.

    Attributes
    ----------
    face_id : int
        Stays with a face as long as it is followed.
    landmarks : ndarray of float64, shape (478, 2)
        x, y of the face mesh.
    regions : ndarray of float64, shape (12, 2)
        x, y of the regions' centres in the order of ``REGIONS``.
    region_px : float
        Side of a region's square.
    box : tuple of float
        x, y, width, height of the face.
    row : FrameRow
        What was measured: activity, blink, pose, words on the picture's quality.
    """

    face_id: int
    landmarks: NDArray[np.float64]
    regions: NDArray[np.float64]
    region_px: float
    box: tuple[float, float, float, float]
    row: FrameRow

    @classmethod
    def of(cls, seen: FaceObservation, row: FrameRow) -> FaceView:
        """Make the view of a tracked face; it keeps no pixels."""
        landmarks = np.array(seen.landmarks[:, :2], dtype=np.float64)
        scale = float(np.hypot(seen.transform[0, 0], seen.transform[1, 0]))
        return cls(row.face_id, landmarks, landmarks[_REGION_POINTS], PATCH_PX * scale, seen.box, row)


@dataclass(frozen=True)
class Snapshot:
    """A live session at one moment; it does not change.

    Attributes
    ----------
    state : str
        ``"opening"``, ``"running"``, ``"paused"``, ``"lost"`` (no frames come), ``"stopping"``,
        ``"ended"`` or ``"failed"``.
    message : str
        For ``lost`` and ``failed``: one line, what was got and what to do; for ``ended``: why nothing is
        kept of what was recorded; else empty.
    info : SourceInfo or None
        None until the source is open.
    frame : Frame or None
        The newest captured frame: to be painted while nothing is analysed or while paused.
    analysed : Frame or None
        The frame that ``faces`` belong to: to be painted with overlays.
    faces : tuple of FaceView
        On ``analysed``.
    newest_s : float
        Stream time of the newest analysed frame, seconds; NaN before the first.
    n_rows, n_events : int
        How many there have been; they only grow.
    stages : tuple of StageStats
        ``capture``, ``process`` and, once something has been recorded, ``record``.
    capture_fps, analysed_fps : float
        Frames per second, measured over the last 2 s; NaN where unknown.
    latency_p50_s, latency_p95_s : float
        From capture to result of the newest frames, seconds; NaN where unknown.
    stated_delay_s : float
        The longest time from a micro-expression's offset to its event, in stream time; NaN where unknown.
    delay_p50_s, delay_p95_s : float
        The same as measured; NaN before the first micro-expression.
    data_age_s : float
        Seconds since the newest frame was captured; NaN before the first.
    dropped : int
        Frames that were lost: missing in the source, or this computer was too slow. Not those of a pause.
    cpu_percent : float
        Of this process; all cores busy is 100. NaN until it is known.
    recording : RecorderStats or None
        None while recording is off. Where its ``error`` is not empty, recording has stopped by itself:
        switching it on again begins another file, switching it off makes this None.
    baseline : Baseline or None
        The newest one.
    baseline_left_s : float
        Seconds still to be taken; 0 if none is being taken.
    warnings : tuple of str
        Ready to be shown, the most important first.
    spotting_only : bool
        No classifier runs.
    folder : Path or None
        Where the results are: there under this name after ``"ended"``. None if none are kept.
    lsl : bool
        LSL outlets are open: other computers can read what is found.
    """

    state: State
    message: str
    info: SourceInfo | None
    frame: Frame | None
    analysed: Frame | None
    faces: tuple[FaceView, ...]
    newest_s: float
    n_rows: int
    n_events: int
    stages: tuple[StageStats, ...]
    capture_fps: float
    analysed_fps: float
    latency_p50_s: float
    latency_p95_s: float
    stated_delay_s: float
    delay_p50_s: float
    delay_p95_s: float
    data_age_s: float
    dropped: int
    cpu_percent: float
    recording: RecorderStats | None
    baseline: Baseline | None
    baseline_left_s: float
    warnings: tuple[str, ...]
    spotting_only: bool
    folder: Path | None
    lsl: bool
