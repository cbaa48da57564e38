"""Eyelid closure from the mesh on keyframes, and from the eyes' pixels in between."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.geometry import eye_centres

# Upper lid, lower lid (two pairs) and the two corners of each eye.
_LIDS = (((159, 145), (158, 153), (33, 133)), ((386, 374), (385, 380), (263, 362)))
_OPEN_START = 0.26
_CLOSED_SHARE = 0.35
_PATCH = (28, 14)


def eye_aspect_ratio(landmarks: NDArray[np.floating]) -> float:
    """Mean lid opening over eye width of both eyes (Soukupova and Cech 2016), from (478, >= 2) points."""
    ratios = []
    for (up1, low1), (up2, low2), (outer, inner) in _LIDS:
        opening = np.hypot(*(landmarks[up1, :2] - landmarks[low1, :2])) + np.hypot(
            *(landmarks[up2, :2] - landmarks[low2, :2])
        )
        width = np.hypot(*(landmarks[outer, :2] - landmarks[inner, :2]))
        ratios.append(float(opening) / (2 * float(width) or 1.0))
    return sum(ratios) / 2


class BlinkMeter:
    """Follows one face's eyelids.

    The opening that counts as open is the face's own: it follows the eye aspect ratio upwards at
    once and downwards slowly.
    """

    def __init__(self) -> None:
        self._open = _OPEN_START
        self._template: NDArray[np.float32] | None = None
        self.closure = 0.0

    def changed(self, crop: NDArray[np.uint8], canonical: NDArray[np.float64]) -> float:
        """Return how unlike the open eyes the eyes' pixels are: 0 alike, above about 0.35 lids moved."""
        if self._template is None:
            return 0.0
        now = self._eyes(crop, canonical)
        correlation = float((now * self._template).mean())
        return max(0.0, 1.0 - correlation)

    def measure(
        self, landmarks: NDArray[np.floating], crop: NDArray[np.uint8], canonical: NDArray[np.float64]
    ) -> float:
        """Take a keyframe's landmarks; return the closure, 0 open to 1 closed."""
        ratio = eye_aspect_ratio(landmarks)
        gain = 0.5 if ratio > self._open else 0.03
        self._open = max(0.12, self._open + gain * (ratio - self._open))
        closed = _CLOSED_SHARE * self._open
        self.closure = float(np.clip((self._open - ratio) / (self._open - closed), 0, 1))
        if self.closure < 0.3:
            eyes = self._eyes(crop, canonical)
            # Open eyes that look elsewhere than the template become the template at once: gaze is no blink.
            self._template = eyes
        return self.closure

    def relax(self) -> float:
        """Between keyframes, while the pixels look as with open eyes: let the closure fall to 0."""
        self.closure *= 0.5
        return self.closure

    @staticmethod
    def _eyes(crop: NDArray[np.uint8], canonical: NDArray[np.float64]) -> NDArray[np.float32]:
        patches = [cv2.getRectSubPix(crop, _PATCH, (float(x), float(y))) for x, y in eye_centres(canonical)]
        return _unit(np.stack(patches).astype(np.float32))


def _unit(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero mean and unit variance per eye, with a floor so that flat patches stay quiet."""
    centred = patches - patches.mean((1, 2), keepdims=True)
    return np.asarray(centred / np.maximum(centred.std((1, 2), keepdims=True), 2.0), dtype=np.float32)
