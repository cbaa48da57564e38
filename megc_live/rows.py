"""Rows of frames.csv, from what is known of a face on a frame."""

from __future__ import annotations

import math

import numpy as np

from megc_live.events import FrameRow
from megc_live.face.observation import FaceObservation
from megc_live.face.regions import REGIONS
from megc_live.spotting.signals import RegionSignal
from megc_live.video.frame import Frame

_NAN = math.nan


def no_face_row(frame: Frame) -> FrameRow:
    """The row of a frame on which nobody is seen."""
    return FrameRow(
        frame=frame.index,
        face_id=-1,
        timestamp=frame.pts_s,
        confidence=0.0,
        success=0,
        pose=(_NAN, _NAN, _NAN),
        box=(_NAN, _NAN, _NAN, _NAN),
        eye_px=_NAN,
        blink=_NAN,
        blur=_NAN,
        exposure=_NAN,
        quality="",
        head_motion=_NAN,
        activity=(_NAN,) * len(REGIONS),
    )


def face_row(frame: Frame, face: FaceObservation, signal: RegionSignal | None) -> FrameRow:
    """The row of one face; motion is NaN where the face has no history to compare with."""
    head, activity = _NAN, (_NAN,) * len(REGIONS)
    if signal is not None and signal.motion is not None:
        head = signal.motion.head_speed
        speed = np.hypot(*signal.motion.regions[: len(REGIONS)].T)
        activity = tuple(float(value) for value in speed)
    return FrameRow(
        frame=frame.index,
        face_id=face.face_id,
        timestamp=frame.pts_s,
        confidence=face.confidence,
        success=1,
        pose=face.pose,
        box=face.box,
        eye_px=face.quality.eye_px,
        blink=face.blink,
        blur=face.quality.blur,
        exposure=face.quality.exposure,
        quality="|".join(face.quality.warnings),
        head_motion=head,
        activity=activity,
    )
