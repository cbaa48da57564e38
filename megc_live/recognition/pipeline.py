"""From two frames of an interval to a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megc_live.events import Recognition
from megc_live.recognition.classifier import Recognizer
from megc_live.recognition.crop import face_pair
from megc_live.recognition.flow import FlowMethod, flow_image

U8 = NDArray[np.uint8]


def movement_image(
    onset_grey: U8,
    onset_landmarks: NDArray[np.floating],
    apex_grey: U8,
    apex_landmarks: NDArray[np.floating],
    method: FlowMethod = "dis",
) -> U8:
    """The picture that a classifier sees of the movement between two frames.

    Parameters
    ----------
    onset_grey, apex_grey : ndarray of uint8, shape (height, width)
    onset_landmarks, apex_landmarks : ndarray, shape (478, >= 2)
        In pixels of the pictures.
    method : str
        Optical flow: ``"dis"`` or ``"tvl1"``.

    Returns
    -------
    ndarray of uint8, shape (28, 28, 3)
        u, v and strain.
    """
    onset, apex = face_pair(onset_grey, onset_landmarks, apex_grey, apex_landmarks)
    return flow_image(onset, apex, method=method)


class IntervalRecognizer:
    """Aligns onset and apex, computes their flow image and asks a classifier.

    Parameters
    ----------
    recognizer : Recognizer
    method : str
        Optical flow: ``"dis"`` or ``"tvl1"``.
    """

    def __init__(self, recognizer: Recognizer, method: FlowMethod = "dis") -> None:
        self._recognizer = recognizer
        self._method: FlowMethod = method

    def recognise(
        self,
        onset_grey: U8,
        onset_landmarks: NDArray[np.floating],
        apex_grey: U8,
        apex_landmarks: NDArray[np.floating],
    ) -> Recognition:
        """Classify the movement between two frames.

        Parameters
        ----------
        onset_grey, apex_grey : ndarray of uint8, shape (height, width)
        onset_landmarks, apex_landmarks : ndarray, shape (478, >= 2)
            In pixels of the pictures.
        """
        seen = movement_image(onset_grey, onset_landmarks, apex_grey, apex_landmarks, self._method)
        return self._recognizer.classify(seen)
