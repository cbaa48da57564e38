"""How lively a face is: on faces that talk, movements all around hide a micro-expression."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

LIVELY = 0.6
"""From here on hardly anything is found (docs/accuracy.md); percent of the eye distance per 0.1 s."""
WINDOW_S = 3.0


def mean_speed(motion: F32) -> float:
    """Mean speed of regions, from their motion (regions, 2), in its unit."""
    return float(np.hypot(motion[:, 0], motion[:, 1]).mean())


def liveliness(times: F64, speeds: F64, t_s: float) -> float:
    """Median over the last 3 s of the regions' mean speed.

    A median, so that the movement that is asked about does not count itself.

    Parameters
    ----------
    times, speeds : ndarray of float64, shape (steps,)
        Seconds in order, and the mean speed of the 12 regions, percent of the eye distance per 0.1 s.
    t_s : float

    Returns
    -------
    float
        In the unit of ``speeds``; 0 where nothing is known.
    """
    first, last = np.searchsorted(times, [t_s - WINDOW_S, t_s + 1e-6])
    return float(np.median(speeds[first:last])) if last > first else 0.0


class LivelyShare:
    """The share of time in which a face was lively, counted in pieces of 3 s."""

    def __init__(self) -> None:
        self._began = -math.inf
        self._piece: list[float] = []
        self._lively = self._pieces = 0

    def add(self, t_s: float, speed: float) -> None:
        """Take a frame's time and mean speed; NaN is left out."""
        if t_s - self._began >= WINDOW_S:
            self._lively, self._pieces = self._counted()
            self._began, self._piece = t_s, []
        if not math.isnan(speed):
            self._piece.append(speed)

    @property
    def share(self) -> float:
        """0 to 1; 0 where nothing was measured."""
        lively, pieces = self._counted()
        return lively / pieces if pieces else 0.0

    def _counted(self) -> tuple[int, int]:
        """Lively pieces and all pieces, the one under way among them."""
        if not self._piece:
            return self._lively, self._pieces
        return self._lively + (float(np.median(self._piece)) > LIVELY), self._pieces + 1
