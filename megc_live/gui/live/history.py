"""The last seconds of rows as columns of the timeline: their number does not grow with the rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from megc_live.events import FrameRow
from megc_live.face.regions import REGIONS

Floats = NDArray[np.float64]

SPAN_S = 30.0
BIN_S = 0.025
"""A column's length: below a frame at 30 fps, and five frames at 200."""
BLINK, HEAD = len(REGIONS), len(REGIONS) + 1
N_VALUES = len(REGIONS) + 2


class History:
    """A ring of columns; each holds the largest value of its rows, NaN where nothing was measured.

    On every frame one face counts: the one asked for, or else the largest.

    Attributes
    ----------
    face_id : int or None
        The face that is asked for.
    faces : set of int
        Faces seen since :meth:`clear`.
    newest_s : float
        Time of the newest row in seconds; NaN before the first.
    """

    def __init__(self) -> None:
        self._n = math.ceil(SPAN_S / BIN_S)
        self.face_id: int | None = None
        self.clear()

    def clear(self) -> None:
        """Forget everything but the face that is asked for."""
        self._values: Floats = np.full((self._n, N_VALUES), np.nan)
        self._newest_bin: int | None = None
        self.newest_s = math.nan
        self.faces: set[int] = set()

    def extend(self, rows: Iterable[FrameRow]) -> None:
        """Take rows in their order; those of one frame come together."""
        for _, of_frame in groupby(rows, key=lambda row: row.frame):
            self._count(list(of_frame))

    def _count(self, rows: list[FrameRow]) -> None:
        bin_now = math.floor(rows[0].timestamp / BIN_S)
        self._advance(bin_now)
        self.newest_s = rows[0].timestamp
        self.faces.update(row.face_id for row in rows if row.success)
        row = self._choose(rows)
        if row is None or not row.activity:
            return
        column = self._values[bin_now % self._n]
        np.fmax(column, (*row.activity, row.blink, row.head_motion), out=column)

    def _advance(self, bin_now: int) -> None:
        """Empty the columns between the newest one and this one."""
        newest = self._newest_bin
        if newest is None or bin_now > newest:
            fresh = self._n if newest is None else min(self._n, bin_now - newest)
            places = np.arange(bin_now - fresh + 1, bin_now + 1) % self._n
            self._values[places] = np.nan
            self._newest_bin = bin_now

    def _choose(self, rows: list[FrameRow]) -> FrameRow | None:
        seen = [row for row in rows if row.success and self.face_id in (None, row.face_id)]
        return max(seen, key=lambda row: row.box[2] * row.box[3], default=None)

    def window(self, seconds: float, gap_s: float = 0.05) -> tuple[Floats, Floats]:
        """Return the newest columns.

        Parameters
        ----------
        seconds : float
            How many, at most :data:`SPAN_S`.
        gap_s : float
            Columns without a row between two that have one and are at most this far apart are filled
            with the earlier one's values: at rates below ``1 / BIN_S`` not every column gets a row.

        Returns
        -------
        times : ndarray of float64, shape (n,)
            Start of each column in seconds.
        values : ndarray of float64, shape (n, 14)
            The regions' activity, blink, head motion.
        """
        if self._newest_bin is None:
            return np.empty(0), np.empty((0, N_VALUES))
        n = min(self._n, max(1, math.ceil(seconds / BIN_S)))
        bins = np.arange(self._newest_bin - n + 1, self._newest_bin + 1)
        values = self._values[bins % self._n]
        return np.asarray(bins * BIN_S, np.float64), _filled(values, max(1, round(gap_s / BIN_S)))


def _filled(values: Floats, most: int) -> Floats:
    """Carry values forward over at most ``most`` empty columns, and only where a measured one follows."""
    known = np.isfinite(values).any(1)
    at = np.arange(len(values))
    before = np.maximum.accumulate(np.where(known, at, -1))
    after = np.minimum.accumulate(np.where(known, at, len(values))[::-1])[::-1]
    bridged = ~known & (before >= 0) & (after < len(values)) & (after - before <= most + 1)
    values = values.copy()
    values[bridged] = values[before[bridged]]
    return values


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches in which ``mask`` holds, as first and one past the last.

    Examples
    --------
    >>> runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    steps = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return [
        (int(first), int(last))
        for first, last in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    ]
