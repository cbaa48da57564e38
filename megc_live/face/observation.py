"""What the tracker says of one face on one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CROP_WIDTH, CROP_HEIGHT = 160, 192
"""Size of the aligned crop in pixels."""
CANONICAL_EYES = ((48.0, 72.0), (112.0, 72.0))
"""Where the eye centres of a new face are put in the crop: x, y of the right eye, of the left eye."""
CANONICAL_EYE_PX = 64.0
"""Eye distance in the crop. One pixel of the crop is 1/64 of the eye distance."""


@dataclass(frozen=True)
class Quality:
    """How good the picture of a face is.

    ``eye_px``: eye distance in source pixels; ``blur``: standard deviation of the crop's Laplacian
    (low is blurred); ``exposure``: mean grey level; ``warnings``: words of
    :data:`megc_live.face.quality.WARNINGS`.
    """

    eye_px: float
    blur: float
    exposure: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class FaceObservation:
    """One tracked face.

    Attributes
    ----------
    face_id : int
        Stays with a face as long as it is followed; a face that was lost gets a new one.
    index, pts_s
        The frame's.
    landmarks : ndarray of float64, shape (478, 3)
        x, y, z in source pixels: detected on keyframes, carried by the transform in between.
    canonical : ndarray of float64, shape (478, 2)
        The same points in crop pixels, steadied over keyframes.
    depth : ndarray of float64, shape (478,)
        z in crop pixels.
    transform : ndarray of float64, shape (2, 3)
        Similarity from crop pixels to source pixels.
    crop : ndarray of uint8, shape (192, 160)
        Aligned grey face.
    pose : tuple of float
        Pitch, yaw, roll in degrees (:func:`megc_live.face.geometry.head_angles`).
    blink : float
        Eyelid closure 0 to 1.
    confidence : float
        0 to 1: share of tracking points that agree.
    keyframe : bool
        True if the landmarks were detected on this very frame.
    jump : bool
        True if the crop was re-anchored, so that its pixels must not be compared with earlier ones.
    """

    face_id: int
    index: int
    pts_s: float
    landmarks: NDArray[np.float64]
    canonical: NDArray[np.float64]
    depth: NDArray[np.float64]
    transform: NDArray[np.float64]
    crop: NDArray[np.uint8]
    quality: Quality
    pose: tuple[float, float, float]
    blink: float
    confidence: float
    keyframe: bool
    jump: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Face box x, y, width, height in source pixels."""
        low = self.landmarks[:, :2].min(0)
        size = self.landmarks[:, :2].max(0) - low
        return float(low[0]), float(low[1]), float(size[0]), float(size[1])
