"""Eulerian magnification of small movements, and reduction of large ones.

The winner of MEGC 2019 makes micro- and macro-expressions alike: micro-expressions are magnified, of
macro-expressions the middle frame is taken in place of the peak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SettingsError

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

_SMALLEST = 8
"""Rows or columns at which the pyramid ends: what is left is light, not movement."""


@dataclass(frozen=True)
class Magnification:
    """Linear Eulerian video magnification (Wu et al. 2012, sections 3 and 4).

    Each band of a Laplacian pyramid is filtered over time by the difference of two first-order low-passes,
    and the result added ``factor`` times: a movement d becomes (1 + factor) d (eq. 4). That holds for
    wavelengths of 8 (1 + factor) d and more (eq. 14); of shorter ones less is added, down to nothing.
    The filters are causal and begin in the first frame, which stays as it is.

    Attributes
    ----------
    factor : float
        alpha of the paper. The authors of EMR name no factor; 10 is in the middle of those in use for
        micro-expressions (Li et al. 2018, "Towards reading hidden emotions").
    low_hz, high_hz : float
        Band of the filter, Hz. What moves slower is drift; an expression rises within 0.05 to 0.25 s.
    wavelength_px : float
        Bands of this wavelength and longer get the whole factor, pixels.
    """

    factor: float = 10.0
    low_hz: float = 0.5
    high_hz: float = 10.0
    wavelength_px: float = 16.0

    def __post_init__(self) -> None:
        if not (0 <= self.factor < math.inf and 0 < self.low_hz < self.high_hz and self.wavelength_px > 0):
            raise SettingsError(
                f"magnification by {self.factor} of {self.low_hz} to {self.high_hz} Hz from "
                f"{self.wavelength_px} px cannot be done.",
                "Give a factor of 0 or more, 0 < low_hz < high_hz, and a wavelength above 0.",
            )

    def factor_of(self, level: int) -> float:
        """Return what a level of the pyramid is multiplied by; level 0 is the finest, of 4 pixels."""
        wavelength = 4.0 * 2**level
        return float(np.clip((1 + self.factor) * wavelength / self.wavelength_px - 1, 0.0, self.factor))


def magnified(frames: U8, fps: float, how: Magnification | None = None) -> Iterator[U8]:
    """Yield frames with their small movements enlarged.

    Parameters
    ----------
    frames : ndarray of uint8, shape (t, rows, columns) or (t, rows, columns, 3)
        In order, the face at rest first.
    fps : float
        Frames per second.
    how : Magnification, optional

    Yields
    ------
    ndarray of uint8
        As many, of the same shape; the first is unchanged. No frame depends on a later one.

    Raises
    ------
    SettingsError
        The rate is not above 0.
    """
    how = how or Magnification()
    if not fps > 0:
        raise SettingsError(f"got {fps} frames per second.", "Give the clip's rate.")
    fast, slow = (1 - math.exp(-2 * math.pi * hz / fps) for hz in (how.high_hz, how.low_hz))
    upper: list[F32] = []
    lower: list[F32] = []
    for frame in frames:
        bands = _bands(frame.astype(np.float32))
        if not upper:
            upper, lower = [band.copy() for band in bands], [band.copy() for band in bands]
        for k, band in enumerate(bands):
            upper[k] += np.float32(fast) * (band - upper[k])
            lower[k] += np.float32(slow) * (band - lower[k])
        moved = [
            np.float32(how.factor_of(k)) * (a - b) for k, (a, b) in enumerate(zip(upper, lower, strict=True))
        ]
        yield np.asarray(np.clip(np.rint(frame + _sum(moved)), 0, 255), dtype=np.uint8)


def magnified_apex(frames: U8, fps: float, onset: int, apex: int, how: Magnification | None = None) -> U8:
    """Return the apex with its movement from the onset enlarged, of (t, rows, columns[, 3])."""
    *_, last = magnified(frames[onset : apex + 1], fps, how)
    return last


def reduced_apex(onset: int, apex: int) -> int:
    """Return the frame in the middle between onset and apex: there a macro-expression is weaker."""
    return (onset + apex) // 2


def _bands(picture: F32) -> list[F32]:
    """Laplacian pyramid, the finest band first, without the low-pass at its end."""
    bands = []
    while min(picture.shape[:2]) >= 2 * _SMALLEST:
        small = np.asarray(cv2.pyrDown(picture), dtype=np.float32)
        bands.append(picture - _enlarged(small, picture))
        picture = small
    return bands


def _sum(bands: list[F32]) -> F32:
    """Put the bands of a pyramid together, at the size of the finest."""
    total = bands[-1]
    for band in bands[-2::-1]:
        total = band + _enlarged(total, band)
    return total


def _enlarged(small: F32, like: F32) -> F32:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.pyrUp(small, dstsize=size), dtype=np.float32)
