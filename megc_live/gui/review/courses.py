"""What the timeline draws, with the scales that its colours and lines have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from megc_live.review import FaceRows

GAP_PERIODS = 1.5
"""As the engine: frames further apart than this many periods have something missing between them."""
_PERIOD_S = 0.04
"""Of a single frame."""
_AROUND = 4
"""Steps before and after one that say what is usual there."""


@dataclass(frozen=True)
class Courses:
    """One face over the whole video, one value per frame.

    Attributes
    ----------
    times_s : ndarray of float64, shape (n,)
    activity : ndarray, shape (n, 12)
        Percent of the eye distance in 0.1 s, in the order of ``REGIONS``; NaN where unknown.
    blink, head_motion : ndarray, shape (n,)
        Eyelid closure 0 to 1; percent of the eye distance in 0.1 s.
    box : ndarray, shape (n, 4)
        x, y, width, height of the face, pixels of the source.
    activity_full, head_full : float
        Values with the brightest colour, and at the top of the line's lane.
    present : ndarray of int, shape (m,), optional
        Frames that there are: a live source loses some. None: all.
    """

    times_s: NDArray[np.float64]
    activity: NDArray[np.floating]
    blink: NDArray[np.floating]
    head_motion: NDArray[np.floating]
    box: NDArray[np.floating]
    activity_full: float
    head_full: float
    present: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls, times_s: NDArray[np.float64], rows: FaceRows, present: NDArray[np.int64] | None = None
    ) -> Courses:
        """Take them from the rows of a face; a second or so for an hour at 200 frames/s."""
        made = cls(
            times_s,
            rows.activity,
            rows.blink,
            rows.head_motion,
            rows.box,
            _full_scale(rows.activity),
            _full_scale(rows.head_motion),
            present if present is not None and len(present) < len(times_s) else None,
        )
        _ = made.period_s, made.periods_s  # here, and not when it is first drawn
        return made

    @cached_property
    def period_s(self) -> float:
        """Median time from a frame to the next, seconds."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else _PERIOD_S

    @cached_property
    def periods_s(self) -> NDArray[np.float64]:
        """:func:`periods_around` each frame, shape (n,); of those that were lost, that of the one before."""
        if self.present is None or not len(self.present):
            return periods_around(self.times_s)
        before = np.searchsorted(self.present, np.arange(len(self.times_s)), side="right") - 1
        return periods_around(self.times_s[self.present])[np.maximum(before, 0)]


def periods_around(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the usual time from one frame to the next around each frame, seconds: gaps do not count.

    The rate of a video may change, so it is not one for all frames.

    Parameters
    ----------
    times_s : ndarray of float64, shape (n,)
        Growing.
    """
    if len(times_s) < 2:
        return np.full(len(times_s), _PERIOD_S)
    steps = np.pad(np.diff(times_s), _AROUND, mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(steps, 2 * _AROUND + 1), axis=1)
    return np.append(around, around[-1])


def _full_scale(values: NDArray[np.floating]) -> float:
    """Return the value that is shown brightest: all but the strongest of 300 are below."""
    finite = values[np.isfinite(values)]
    return max(float(np.percentile(finite, 99.7)), 1.0) if len(finite) else 1.0
