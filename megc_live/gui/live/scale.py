"""What the colours of activity stand for: percent of the eye distance, or what is above neutral."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import REGIONS

if TYPE_CHECKING:
    from megc_live.baseline import Baseline

Floats = NDArray[np.float64]

FULL_PERCENT = (6.0, 3.0, 2.0, 1.0, 0.5)
"""Activity, percent of the eye distance per 0.1 s, with the brightest colour; the first as in annotated
videos, where macro-expressions are to be told apart too. A micro-expression rarely exceeds 1."""
FULL_SD = (24.0, 18.0, 12.0, 6.0, 3.0)
"""Standard deviations above the neutral face's mean that have the brightest colour."""
DEFAULT_STEP = 3
BLINK_GATE = 0.5
"""Eyelid closure (0 open, 1 closed) from which on the timeline is shaded as a blink."""
HEAD_GATE = 4.0
"""Head motion, percent of the eye distance per 0.1 s, from which on the timeline is shaded as such."""


@dataclass(frozen=True)
class ActivityScale:
    """Turns activity into 0 to 1 for a colour or a height.

    Attributes
    ----------
    baseline : Baseline or None
        The neutral face that activity is shown relative to; None: shown as measured.
    step : int
        Which of the ranges is shown.
    """

    baseline: Baseline | None = None
    step: int = DEFAULT_STEP

    @property
    def full(self) -> float:
        """Value that is shown as 1, in :attr:`unit`."""
        return (FULL_SD if self.baseline is not None else FULL_PERCENT)[self.step]

    @property
    def short_unit(self) -> str:
        """Unit where there is little room."""
        return "SD" if self.baseline is not None else "%"

    def stepped(self, steps: int) -> ActivityScale:
        """Return a scale that shows weaker movements (``steps`` above 0) or only stronger ones."""
        return replace(self, step=min(max(self.step + steps, 0), len(FULL_PERCENT) - 1))

    @property
    def unit(self) -> str:
        """Unit for the legend."""
        return "SD above neutral" if self.baseline is not None else "% of eye distance / 0.1 s"

    def values(self, activity: Floats) -> Floats:
        """Return activity in :attr:`unit`.

        Parameters
        ----------
        activity : ndarray of float64, shape (..., 12)
            Percent of the eye distance per 0.1 s, in the order of ``REGIONS``.
        """
        if self.baseline is None:
            return activity
        at_zero = self.baseline.z((0.0,) * len(REGIONS))
        slope = self.baseline.z((1.0,) * len(REGIONS)) - at_zero
        return np.asarray(activity * slope + at_zero)

    def levels(self, activity: Floats) -> Floats:
        """Return activity as 0 to 1, shape (..., 12); NaN stays NaN."""
        return np.asarray(np.clip(self.values(activity) / self.full, 0.0, 1.0))

    def of_row(self, activity: tuple[float, ...]) -> Floats:
        """Return the twelve levels of one row; NaN where it has none."""
        if not activity:
            return np.full(len(REGIONS), np.nan)
        return self.levels(np.asarray(activity, dtype=np.float64))
