"""A made-up run: rows, events with pictures of a real face, and the record that goes with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import LABELS, Event, FrameRow, Pictures, Recognition
from megc_live.face.regions import REGIONS
from megc_live.output import SessionInfo, SourceRecord, decision_delay, library_versions
from megc_live.settings import Settings
from megc_live.spotting.interval import Interval
from tests.faces import portrait

NAN = math.nan
FPS = 30.0


def row(frame: int, face_id: int = 0, fps: float = FPS, **changes: object) -> FrameRow:
    """A row with a face, moving a little."""
    wave = [abs(math.sin(frame * 0.13 + k)) * (1 + 0.3 * k) for k in range(len(REGIONS))]
    made = FrameRow(
        frame=frame,
        face_id=face_id,
        timestamp=frame / fps,
        confidence=0.97,
        success=1,
        pose=(4.0 + math.sin(frame / 30), 11.5 * math.sin(frame / 50), -2.25),
        box=(130.0 + 200 * face_id, 90.0, 190.0, 240.0),
        eye_px=78.0 + math.sin(frame / 9),
        blink=1.0 if frame % 90 in range(4) else 0.05,
        blur=9.5 + math.sin(frame / 20),
        exposure=121.0 + 8 * math.sin(frame / 70),
        quality="",
        head_motion=0.8 + 0.5 * math.sin(frame / 11),
        activity=tuple(wave),
    )
    return replace(made, **changes)


def no_face_row(frame: int, fps: float = FPS) -> FrameRow:
    """A row of a frame without a face."""
    return row(
        frame,
        -1,
        fps,
        confidence=0.0,
        success=0,
        pose=(NAN,) * 3,
        box=(NAN,) * 4,
        eye_px=NAN,
        blink=NAN,
        blur=NAN,
        exposure=NAN,
        head_motion=NAN,
        activity=(NAN,) * len(REGIONS),
    )


def rows(n: int, faces: int = 1, away: range = range(0), fps: float = FPS) -> Iterator[FrameRow]:
    """Rows of ``n`` frames; nobody is there on the frames in ``away``."""
    for frame in range(n):
        if frame in away or not faces:
            yield no_face_row(frame, fps)
        else:
            yield from (row(frame, face, fps) for face in range(faces))


@cache
def pictures(shift: float = 3.0) -> Pictures:
    """The astronaut at rest and with the middle of the face moved down a little."""
    rest = np.asarray(cv2.resize(portrait()[40:330, 60:300], (160, 192)), dtype=np.uint8)
    y, x = np.mgrid[0:192, 0:160].astype(np.float32)
    bump = shift * np.exp(-(((x - 80) / 30) ** 2) - ((y - 130) / 20) ** 2).astype(np.float32)
    moved = np.asarray(cv2.remap(rest, x, y - bump, cv2.INTER_LINEAR), dtype=np.uint8)
    return Pictures(rest, moved, rest.copy())


def flow_image() -> NDArray[np.uint8]:
    """A smooth picture like the classifier's input."""
    y, x = np.mgrid[0:28, 0:28] / 27.0
    return (255 * np.stack([x, y, np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) * 12)], axis=-1)).astype(np.uint8)


def event(
    number: int = 1, face_id: int = 0, onset: int = 30, kind: str = "micro", **changes: object
) -> Event:
    """An event of 10 frames (micro) or 40 (macro), with pictures; a micro one has a label."""
    length = 10 if kind == "micro" else 40
    apex, offset = onset + length // 2, onset + length
    chances = np.roll((0.12, 0.05, 0.83), number)
    interval = Interval(
        onset=onset,
        apex=apex,
        offset=offset,
        onset_s=onset / FPS,
        apex_s=apex / FPS,
        offset_s=offset / FPS,
        score=0.5 + 0.37 * abs(math.sin(number)),
        kind="micro" if kind == "micro" else "macro",
        regions=("brow_r_inner", "brow_l_inner", "lip_upper")[: 1 + number % 3],
        n_dropped=0,
    )
    made = Event(
        id=number,
        face_id=face_id,
        interval=interval,
        decided_s=offset / FPS + 0.37,
        recognition=Recognition(
            LABELS[int(np.argmax(chances))],
            (float(chances[0]), float(chances[1]), float(chances[2])),
            flow_image(),
        )
        if kind == "micro"
        else None,
        pictures=pictures(),
    )
    return replace(made, **changes)


def events(n: int, faces: int = 1, seconds: float = 60.0) -> list[Event]:
    """Events spread over a recording, every fourth one macro, on the faces in turn."""
    step = int(seconds * FPS / (n + 1))
    return [event(k + 1, k % faces, (k + 1) * step, "macro" if k % 4 == 3 else "micro") for k in range(n)]


def session(n_frames: int = 1800, spec: str = "interview.mp4", recognizer: str = "ststnet") -> SessionInfo:
    """A record as it is when a run has ended."""
    settings = Settings.from_dict({"recognition": {"recognizer": recognizer}})
    return SessionInfo(
        source=SourceRecord(
            spec=spec,
            name="interview",
            kind="file",
            width=640,
            height=480,
            nominal_fps=FPS,
            measured_fps=29.97,
            frames=n_frames,
            duration_s=max(0, n_frames - 1) / FPS,
            extras={"decode_errors": 0, "dropped": 0, "timestamps_repaired": 0, "rescaled": 0},
        ),
        settings=settings.model_dump(mode="json"),
        versions=library_versions(),
        models={"ltp-net": {"file": "ltp-net.onnx", "sha256": "ab" * 32}},
        provider="CPUExecutionProvider",
        delay=decision_delay(0.4, [0.37, 0.35, 0.41]),
        stages=[{"name": "face", "passes": n_frames, "ms_per_pass": 4.2, "ms_per_frame": 4.2}],
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:05:05+00:00",
        events={"micro": 2, "macro": 1},
        faces_seen=1,
    )
