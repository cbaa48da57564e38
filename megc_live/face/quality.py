"""Whether a picture of a face is good enough to see a micro-expression in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.observation import Quality

WARNINGS: dict[str, str] = {
    "small": "the face is small: below 50 px between the eyes, weak movements are missed",
    "turned": "the face is turned away by more than 30 degrees",
    "dark": "the face is too dark",
    "bright": "the face is too bright",
    "blurred": "the face is blurred",
}
"""Each warning word and what it means."""

SMALL_EYE_PX = 50.0
TURNED_DEG = 30.0
DARK, BRIGHT = 45.0, 215.0
BLURRED = 4.0


def assess(crop: NDArray[np.uint8], eye_px: float, pose: tuple[float, float, float]) -> Quality:
    """Measure one aligned crop.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width)
        Aligned grey face; only its inner part is measured, the corners are background.
    eye_px : float
        Eye distance in source pixels.
    pose : tuple of float
        Pitch, yaw, roll in degrees.
    """
    height, width = crop.shape
    inner = crop[height // 5 : height * 9 // 10, width // 5 : width * 4 // 5]
    exposure = float(cv2.mean(inner)[0])
    blur = float(cv2.meanStdDev(cv2.Laplacian(inner, cv2.CV_16S, ksize=1))[1][0, 0])
    warnings = []
    if eye_px < SMALL_EYE_PX:
        warnings.append("small")
    if abs(pose[1]) > TURNED_DEG or abs(pose[0]) > TURNED_DEG:
        warnings.append("turned")
    if exposure < DARK:
        warnings.append("dark")
    if exposure > BRIGHT:
        warnings.append("bright")
    if blur < BLURRED:
        warnings.append("blurred")
    return Quality(eye_px, blur, exposure, tuple(warnings))
