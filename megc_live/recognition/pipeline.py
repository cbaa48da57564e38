"""From two frames of an interval to a class."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import Recognition
from megc_live.face.geometry import eye_centres, fit_similarity
from megc_live.recognition.classifier import Recognizer
from megc_live.recognition.flow import CROP_COLUMNS, CROP_ROWS, flow_image

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

_MOUTH = (61, 291)
_PLACES = np.array([[44.0, 60.0], [96.0, 60.0], [70.0, 122.0]])
"""Where the eyes and the middle of the mouth are in the crop: x, y."""


class IntervalRecognizer:
    """Aligns onset and apex, computes their flow image and asks a classifier.

    Both frames are cut with a transform of their own, since between them the head may have moved; what the
    two transforms leave of the head's motion is fitted out of the flow. (Benchmarks whose heads rest use
    the onset's transform for both.)
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    def recognise(self, onset_grey: U8, onset_landmarks: F64, apex_grey: U8, apex_landmarks: F64) -> Recognition:
        """Classify the movement between two frames.

        Parameters
        ----------
        onset_grey, apex_grey : ndarray of uint8, shape (height, width)
        onset_landmarks, apex_landmarks : ndarray, shape (478, >= 2)
            In pixels of the pictures.
        """
        onset = face_crop(onset_grey, onset_landmarks)
        apex = face_crop(apex_grey, apex_landmarks)
        return self._recognizer.classify(flow_image(onset, apex))


def face_crop(grey: U8, landmarks: NDArray[np.floating]) -> U8:
    """Aligned grey face, shape (170, 140), by a similarity on the eyes and the mouth."""
    right, left = eye_centres(landmarks)
    mouth = landmarks[list(_MOUTH), :2].mean(0)
    transform, _ = fit_similarity(_PLACES, np.stack([right, left, mouth]).astype(np.float64))
    crop = cv2.warpAffine(
        grey,
        transform,
        (CROP_COLUMNS, CROP_ROWS),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, dtype=np.uint8)
