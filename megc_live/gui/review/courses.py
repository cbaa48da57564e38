"""What the timeline draws, with the scales that its colours and lines have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.review import FaceRows


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
        return cls(
            times_s,
            rows.activity,
            rows.blink,
            rows.head_motion,
            rows.box,
            _full_scale(rows.activity),
            _full_scale(rows.head_motion),
            present if present is not None and len(present) < len(times_s) else None,
        )


def _full_scale(values: NDArray[np.floating]) -> float:
    """Return the value that is shown brightest: all but the strongest of 300 are below."""
    finite = values[np.isfinite(values)]
    return max(float(np.percentile(finite, 99.7)), 1.0) if len(finite) else 1.0
