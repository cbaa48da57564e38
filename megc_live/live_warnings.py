"""What the person in front of the camera can do to get better results, in a few words."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from megc_live.events import FrameRow
from megc_live.spotting.liveliness import LIVELY, WINDOW_S

Value = TypeVar("Value")

FEW_FPS = 24.5
"""Below this rate 25 frames/s are not reached: the shortest micro-expressions fall between frames."""
NO_FACE = "no face"
LIVELY_FACE = "the face moves a lot: little is found"
BELOW_25 = "below 25 fps"
TOO_SLOW = "this computer is too slow: frames are dropped"

QUALITY: dict[str, str] = {
    "dark": "too dark",
    "bright": "too bright",
    "turned": "turn to the camera",
    "small": "face too small: come closer",
    "blurred": "the picture is blurred",
}
"""Words of :data:`megc_live.face.quality.WARNINGS` and what is shown for them, the most important first."""

_STEADY_S = 1.0
_SHARE = 0.5
_EVERY_S = 0.25


class PictureWarnings:
    """Warnings about the face in the picture, steadied over a second so that they do not flicker.

    Attributes
    ----------
    now : tuple of str
        What holds at the newest frame.
    """

    def __init__(self) -> None:
        self.now: tuple[str, ...] = ()
        self._words: deque[tuple[float, frozenset[str]]] = deque()
        self._speeds: deque[tuple[float, float]] = deque()
        self._judged_s = -math.inf

    def add(self, rows: Sequence[FrameRow]) -> None:
        """Take the rows of a frame; of several faces the largest counts."""
        if not rows:
            return
        row = max(rows, key=lambda row: row.eye_px if row.success else -1.0)
        words = frozenset(filter(None, row.quality.split("|"))) if row.success else frozenset({NO_FACE})
        self._words.append((row.timestamp, words))
        speed = sum(row.activity) / max(1, len(row.activity))
        if not math.isnan(speed):
            self._speeds.append((row.timestamp, speed))
        _trim(self._words, row.timestamp - _STEADY_S)
        _trim(self._speeds, row.timestamp - WINDOW_S)
        if row.timestamp - self._judged_s >= _EVERY_S:
            self._judged_s = row.timestamp
            self.now = self._judge()

    def _judge(self) -> tuple[str, ...]:
        if self._share(NO_FACE) > _SHARE:
            return (NO_FACE,)
        found = [text for word, text in QUALITY.items() if self._share(word) > _SHARE]
        if self._speeds and float(np.median([speed for _, speed in self._speeds])) > LIVELY:
            found.append(LIVELY_FACE)
        return tuple(found)

    def _share(self, word: str) -> float:
        return sum(word in words for _, words in self._words) / len(self._words)


def _trim(items: deque[tuple[float, Value]], from_s: float) -> None:
    while items and items[0][0] < from_s:
        items.popleft()


def rate_warnings(capture_fps: float, late: bool) -> tuple[str, ...]:
    """Return what there is to say of the rates.

    Parameters
    ----------
    capture_fps : float
        Measured frames per second; NaN where unknown.
    late : bool
        Frames were dropped lately because this computer was too slow.

    Examples
    --------
    >>> rate_warnings(15.2, False)
    ('below 25 fps: 15 frames/s come',)
    """
    out = [TOO_SLOW] if late else []
    if capture_fps < FEW_FPS:
        out.append(f"{BELOW_25}: {capture_fps:.0f} frames/s come")
    return tuple(out)
