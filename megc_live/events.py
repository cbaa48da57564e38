"""What the engine hands out: one row a frame and face, one event an interval."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from megc_live.spotting.interval import Interval

LABELS = ("negative", "positive", "surprise")
"""Classes of MEGC 2019 in the order of every probability vector and class index."""


@dataclass(frozen=True)
class Recognition:
    """The classifier's answer for one interval.

    ``probabilities`` are in the order of :data:`LABELS` and sum to 1; ``flow_image`` is the
    picture that the classifier saw: (28, 28, 3) uint8, channels u, v, strain.
    """

    label: str
    probabilities: tuple[float, float, float]
    flow_image: NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Aligned face crops at onset, apex and offset: each (h, w, 3) uint8, R G B."""

    onset: NDArray[np.uint8]
    apex: NDArray[np.uint8]
    offset: NDArray[np.uint8]


@dataclass(frozen=True)
class Event:
    """One interval with all that is known of it, as soon as it is certain.

    Attributes
    ----------
    id : int
        1, 2, 3 ... in the order of decision within one run.
    face_id : int
        Which tracked face.
    interval : Interval
        When it moved.
    recognition : Recognition or None
        None in spotting-only mode, for macro-expressions, and where ``note`` says why.
    pictures : Pictures or None
        None where the frames had already left the ring.
    decided_s : float
        Presentation time of the newest frame when the event was decided: ``decided_s -
        interval.offset_s`` is the decision's delay in stream time.
    note : str
        Empty, or why something is missing.
    """

    id: int
    face_id: int
    interval: Interval
    decided_s: float
    recognition: Recognition | None = None
    pictures: Pictures | None = None
    note: str = ""


@dataclass(frozen=True)
class FrameRow:
    """What was measured on one frame for one face; a frame without a face has one row too.

    Attributes
    ----------
    frame, face_id : int
        Frame index; face id, or -1 where no face is seen.
    timestamp : float
        Presentation time in seconds.
    confidence : float
        0 to 1: share of the tracking points that agree with the face's motion; 0 without a face.
    success : int
        1 if a face is tracked on this frame.
    pose : tuple of float
        Pitch, yaw, roll in degrees; positive: chin down, turned to the subject's left, tilted to
        the subject's left shoulder. NaN where unknown.
    box : tuple of float
        Face box x, y, width, height in pixels of the source; NaN where unknown.
    eye_px : float
        Distance between the eye centres in pixels.
    blink : float
        Eyelid closure, 0 open to 1 closed.
    blur, exposure : float
        Sharpness of the face (standard deviation of its Laplacian at the canonical scale) and its mean
        grey level, 0 to 255.
    quality : str
        Warnings joined by ``|``: ``small``, ``turned``, ``dark``, ``bright``, ``blurred``; empty if fine.
    head_motion : float
        Head motion in the last 0.1 s, in percent of the eye distance.
    activity : tuple of float
        Motion of each region of ``REGIONS`` in the last 0.1 s with the head's motion fitted out, in
        percent of the eye distance.
    """

    frame: int
    face_id: int
    timestamp: float
    confidence: float
    success: int
    pose: tuple[float, float, float]
    box: tuple[float, float, float, float]
    eye_px: float
    blink: float
    blur: float
    exposure: float
    quality: str
    head_motion: float
    activity: tuple[float, ...] = field(default_factory=tuple)
