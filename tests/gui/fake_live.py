"""A session that does nothing by itself: tests say what it shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from megc_live.baseline import Baseline
from megc_live.events import Event, FrameRow, Pictures, Recognition
from megc_live.face.regions import REGIONS
from megc_live.live_snapshot import FaceView, Snapshot
from megc_live.spotting.interval import Interval, Kind
from megc_live.video.frame import Frame
from tests.faces import as_i420, portrait, scene

NAN = math.nan
EMPTY = Snapshot(
    state="opening",
    message="",
    info=None,
    frame=None,
    analysed=None,
    faces=(),
    newest_s=NAN,
    n_rows=0,
    n_events=0,
    stages=(),
    capture_fps=NAN,
    analysed_fps=NAN,
    latency_p50_s=NAN,
    latency_p95_s=NAN,
    stated_delay_s=NAN,
    delay_p50_s=NAN,
    delay_p95_s=NAN,
    data_age_s=NAN,
    dropped=0,
    cpu_percent=NAN,
    recording=None,
    baseline=None,
    baseline_left_s=0.0,
    warnings=(),
    spotting_only=False,
    folder=None,
    lsl=False,
)


class FakeSession:
    """Notes what is asked of it; ``shown``, ``rows`` and ``events`` are the test's."""

    def __init__(self, open_source: Callable[[], Any], settings: Any, **options: Any) -> None:
        self.open_source, self.settings, self.options = open_source, settings, options
        self.shown = EMPTY
        self.rows: list[FrameRow] = []
        self.events: list[Event] = []
        self.asked: list[Any] = []
        self.looks = 0

    def show(self, **changes: Any) -> None:
        """Change what a snapshot says."""
        self.shown = replace(self.shown, **changes)

    def start(self) -> None:
        self.asked.append("start")

    def pause(self) -> None:
        self.asked.append("pause")
        self.show(state="paused")

    def resume(self) -> None:
        self.asked.append("resume")
        self.show(state="running")

    def stop(self) -> None:
        self.asked.append("stop")
        self.show(state="stopping")

    def close(self, timeout: float = 1.5) -> bool:
        self.asked.append(("close", timeout))
        return True

    def record(self, on: bool) -> None:
        self.asked.append(("record", on))

    def take_baseline(self, seconds: float = 3.0) -> None:
        self.asked.append(("baseline", seconds))

    def save_snapshot(self, path: Path) -> None:
        self.asked.append(("snapshot", path))

    def snapshot(self) -> Snapshot:
        self.looks += 1
        return replace(self.shown, n_rows=len(self.rows), n_events=len(self.events))

    def rows_since(self, n: int) -> tuple[list[FrameRow], int]:
        return self.rows[n:], len(self.rows)

    def events_since(self, n: int) -> tuple[list[Event], int]:
        return self.events[n:], len(self.events)


def picture(index: int = 0, fps: float = 30.0) -> Frame:
    """A frame with a face, captured now."""
    return Frame(index, index / fps, as_i420(scene()), time.perf_counter())


def row(index: int, *, fps: float = 30.0, level: float = 1.0, face_id: int = 1, **changes: Any) -> FrameRow:
    """A row whose regions' activities are ``level`` times 0, 1, 2 ..."""
    made = FrameRow(
        frame=index,
        face_id=face_id,
        timestamp=index / fps,
        confidence=1.0,
        success=1,
        pose=(0.0, 0.0, 0.0),
        box=(190.0, 90.0, 230.0, 270.0),
        eye_px=90.0,
        blink=0.0,
        blur=10.0,
        exposure=120.0,
        quality="",
        head_motion=0.5,
        activity=tuple(level * k for k in range(len(REGIONS))),
    )
    return replace(made, **changes)


def no_face(index: int, fps: float = 30.0) -> FrameRow:
    """A row of a frame on which nobody is seen."""
    return row(
        index,
        fps=fps,
        face_id=-1,
        success=0,
        activity=(NAN,) * 12,
        blink=NAN,
        head_motion=NAN,
        box=(NAN,) * 4,
    )


def face(at: FrameRow) -> FaceView:
    """A face with its regions spread over the picture's middle."""
    landmarks = np.stack(np.meshgrid(np.linspace(190, 420, 22), np.linspace(90, 360, 22)), -1).reshape(-1, 2)
    regions = np.array([(200 + 20 * k, 120 + 20 * k) for k in range(12)], float)
    return FaceView(at.face_id, landmarks[:478], regions, 16.0, at.box, at)


def event(
    number: int,
    onset_s: float,
    *,
    kind: Kind = "micro",
    label: str = "surprise",
    chances: Sequence[float] = (0.1, 0.2, 0.7),
    face_id: int = 1,
    fps: float = 30.0,
    pictures: bool = True,
) -> Event:
    """An event of 0.4 s, decided 0.35 s after its offset."""
    times = (onset_s, onset_s + 0.2, onset_s + 0.4)
    frames = tuple(round(t * fps) for t in times)
    crop = np.ascontiguousarray(portrait(192)[:, 16:176])
    seen = Recognition(label, (chances[0], chances[1], chances[2]), np.zeros((28, 28, 3), np.uint8))
    return Event(
        id=number,
        face_id=face_id,
        interval=Interval(*frames, *times, score=0.9, kind=kind, regions=REGIONS[:2]),
        decided_s=onset_s + 0.75,
        recognition=seen if kind == "micro" and label else None,
        pictures=Pictures(crop, crop, crop) if pictures else None,
    )


def baseline() -> Baseline:
    """A neutral face: mean 1, standard deviation 0.5 everywhere."""
    return Baseline(0.0, 3.0, 90, 1, (1.0,) * 12, (0.5,) * 12, 0.3, 0.1)
