"""Signals that carry the picture they were measured on, for spotters that look at the face itself.

They are made beside :mod:`megc_live.spotting.signals`, not in it: what that module measures is recorded,
the picture never is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SettingsError
from megc_live.face.observation import FaceObservation
from megc_live.spotting.signals import RegionSignal

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class FaceSignal(RegionSignal):
    """A signal with the aligned face that it was measured on.

    Attributes
    ----------
    crop : ndarray of uint8, shape (192, 160)
        The observation's own aligned grey face, not a copy: read it, do not write. Whoever keeps the signal
        keeps the picture.
    canonical : ndarray of float64, shape (478, 2)
        The face's points in crop pixels, x right, y down.
    depth : ndarray of float64, shape (478,)
        Their z in crop pixels.
    """

    crop: U8
    canonical: F64
    depth: F64


def with_picture(signal: RegionSignal, face: FaceObservation) -> FaceSignal:
    """Return the signal of an observation together with the observation's crop and points."""
    return FaceSignal(**_numbers(signal), crop=face.crop, canonical=face.canonical, depth=face.depth)


def numbers_only(signal: RegionSignal) -> RegionSignal:
    """Return a signal without its picture, to be kept for long."""
    if not isinstance(signal, FaceSignal):
        return signal
    return RegionSignal(**_numbers(signal))


def picture_of(signal: RegionSignal, spotter: str) -> FaceSignal:
    """Return a signal as one with a picture.

    Raises
    ------
    SettingsError
        It has none: it comes from a record of numbers.
    """
    if not isinstance(signal, FaceSignal):
        raise SettingsError(
            f"the spotter {spotter} looks at the face's picture, and recorded signals hold none.",
            "Run it on the video itself.",
        )
    return signal


def _numbers(signal: RegionSignal) -> dict[str, Any]:
    return {field.name: getattr(signal, field.name) for field in fields(RegionSignal)}
