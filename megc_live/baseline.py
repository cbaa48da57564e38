"""A few seconds of a person's neutral face: what "no expression" measures on this face, in this light."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.events import FrameRow
from megc_live.face.regions import REGIONS
from megc_live.spotting.interval import Interval

MIN_FRAMES = 10
MIN_SHARE = 0.5
"""Least share of the frames on which the face must have been measured."""
MOST_STEP_S = 0.25
"""Longest time between two frames: a pause or a lost camera is no neutral face."""

_COLUMNS = len(REGIONS) + 1


@dataclass(frozen=True)
class Baseline:
    """Mean and spread of the regions' activity and of head motion while the face was neutral.

    Attributes
    ----------
    began_s, seconds : float
        Where in the stream it was taken, and how long, in seconds.
    frames : int
        Frames of the face that went into it.
    face_id : int
        Whose it is.
    mean, sd : tuple of float, one a region in the order of ``REGIONS``
        Of the activity, percent of the eye distance in 0.1 s; ``sd`` is the sample's.
    head_mean, head_sd : float
        Of the head's motion, in the same unit.
    """

    began_s: float
    seconds: float
    frames: int
    face_id: int
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    head_mean: float
    head_sd: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as session.json keeps it: regions by name."""
        return {
            "began_s": round(self.began_s, 6),
            "seconds": round(self.seconds, 6),
            "frames": self.frames,
            "face_id": self.face_id,
            "mean": dict(zip(REGIONS, self.mean, strict=True)),
            "sd": dict(zip(REGIONS, self.sd, strict=True)),
            "head_mean": self.head_mean,
            "head_sd": self.head_sd,
        }

    def z(self, activity: Sequence[float]) -> NDArray[np.float64]:
        """Return activity, shape (12,), in standard deviations above the neutral face's mean.

        A region that did not move at all while neutral has no spread to compare with: NaN.
        """
        sd = np.asarray(self.sd, dtype=np.float64)
        above = np.asarray(activity, dtype=np.float64) - np.asarray(self.mean, dtype=np.float64)
        z = np.full(len(sd), np.nan)
        np.divide(above, sd, out=z, where=sd > 0)
        return z

    def movement(self, found: Iterable[tuple[int, Interval]]) -> Interval | None:
        """Return the first interval in which this face moved while it should have been neutral, or None.

        Parameters
        ----------
        found : iterable of (int, Interval)
            Ids of faces, and when they moved.
        """
        ended_s = self.began_s + self.seconds
        for face_id, interval in found:
            if face_id == self.face_id and interval.onset_s < ended_s and interval.offset_s > self.began_s:
                return interval
        return None


class BaselineTaker:
    """Collects one baseline from the rows of a stream, in memory that does not grow.

    Parameters
    ----------
    seconds : float
        How long, in seconds of the stream, from the first row on.

    Attributes
    ----------
    left_s : float
        Seconds still to take.
    done : bool
        The time is over: ask :meth:`result`.
    gap_s : float
        Seconds without frames that ended it before its time; 0 where there were none.

    Examples
    --------
    >>> taker = BaselineTaker(3.0)
    >>> taker.left_s, taker.done
    (3.0, False)
    """

    def __init__(self, seconds: float) -> None:
        if not 0 < seconds < math.inf:
            raise ValueError(f"a baseline takes a time above 0 s, got {seconds}")
        self.seconds = seconds
        self.left_s = seconds
        self.done = False
        self.gap_s = 0.0
        self._began_s: float | None = None
        self._face_id: int | None = None
        self._times = 0
        self._last_s = -math.inf
        self._n = 0
        self._mean = np.zeros(_COLUMNS)
        self._squares = np.zeros(_COLUMNS)

    def push(self, row: FrameRow) -> None:
        """Take a row; of several faces the first one seen counts."""
        if self.done:
            return
        if self._began_s is None:
            self._began_s = self._last_s = row.timestamp
            self._times = 1
        step_s = row.timestamp - self._last_s
        if step_s > MOST_STEP_S:
            self.gap_s, self.left_s, self.done = step_s, 0.0, True
            return
        self._times += row.timestamp > self._last_s
        self._last_s = row.timestamp
        self.left_s = max(0.0, self._began_s + self.seconds - row.timestamp)
        self.done = self.left_s <= 0
        values = np.array([*row.activity, row.head_motion])
        if not row.success or not np.isfinite(values).all():
            return
        if self._face_id is None:
            self._face_id = row.face_id
        if row.face_id == self._face_id:
            self._add(values)

    def _add(self, values: NDArray[np.float64]) -> None:
        """One step of the running mean and sum of squares (Welford 1962)."""
        self._n += 1
        step = values - self._mean
        self._mean = self._mean + step / self._n
        self._squares = self._squares + step * (values - self._mean)

    def result(self) -> Baseline | None:
        """Return the baseline; None where frames are missing or the face was measured on too few of them."""
        if self._began_s is None or self._face_id is None or self.gap_s:
            return None
        if self._n < max(MIN_FRAMES, MIN_SHARE * self._times):
            return None
        sd = np.sqrt(self._squares / (self._n - 1))
        return Baseline(
            began_s=self._began_s,
            seconds=self._last_s - self._began_s,
            frames=self._n,
            face_id=self._face_id,
            mean=tuple(float(value) for value in self._mean[:-1]),
            sd=tuple(float(value) for value in sd[:-1]),
            head_mean=float(self._mean[-1]),
            head_sd=float(sd[-1]),
        )
