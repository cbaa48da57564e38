"""Pictures of an event: the aligned face at onset, apex and offset, out of the ring."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import Pictures
from megc_live.face.observation import CROP_HEIGHT, CROP_WIDTH, FaceObservation
from megc_live.spotting.interval import Interval
from megc_live.video.ring import FrameRing


def event_pictures(
    ring: FrameRing, interval: Interval, faces: tuple[FaceObservation, FaceObservation, FaceObservation]
) -> Pictures:
    """Cut the face at onset, apex and offset.

    Parameters
    ----------
    ring : FrameRing
    interval : Interval
    faces : tuple of FaceObservation
        The face as measured nearest to onset, apex and offset.

    Raises
    ------
    FrameGone
        A frame has left the ring.
    """
    onset, apex, offset = (
        aligned_rgb(ring, index, face)
        for index, face in zip((interval.onset, interval.apex, interval.offset), faces, strict=True)
    )
    return Pictures(onset, apex, offset)


def aligned_rgb(ring: FrameRing, index: int, face: FaceObservation) -> NDArray[np.uint8]:
    """Colour crop of one frame, shape (192, 160, 3), aligned as ``face`` was."""
    stored = ring.get(index)
    # Pixel centres: a stored pixel x is source (x + 0.5) / scale - 0.5.
    transform = face.transform * stored.scale
    transform[:, 2] += 0.5 * (stored.scale - 1)
    picture = cv2.warpAffine(
        stored.image.rgb(),
        transform,
        (CROP_WIDTH, CROP_HEIGHT),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(picture, dtype=np.uint8)
