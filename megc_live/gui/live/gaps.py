"""Words over the stretches of the timeline in which nothing was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from megc_live.gui import theme

LEAST_S = 1.0
"""A shorter stretch is not named: there is no room for the words."""
WORDS = "nothing measured"


def stretches(unknown: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return runs of True, first and one beyond the last, that neither begin nor end the array.

    Examples
    --------
    >>> stretches(np.array([True, False, True, True, False]))
    [(2, 4)]
    """
    edges = np.flatnonzero(np.diff(unknown.astype(np.int8)))
    starts = [int(k) + 1 for k in edges if not unknown[k]]
    ends = [int(k) + 1 for k in edges if unknown[k]]
    if ends and (not starts or ends[0] < starts[0]):
        ends = ends[1:]
    return list(zip(starts, ends, strict=False))


class Gaps:
    """Names pauses, a lost source and times without a face; the words move with the timeline.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
    height : float
        Where the words are, in the plot's units.

    Attributes
    ----------
    shown : list of tuple of float
        From and to of the stretches that are named, seconds.
    """

    def __init__(self, plot: Any, height: float) -> None:
        self._plot = plot
        self._height = height
        self._words: list[Any] = []
        self.shown: list[tuple[float, float]] = []

    def show(self, times: NDArray[np.float64], unknown: NDArray[np.bool_]) -> None:
        """Name the stretches that are long enough.

        Parameters
        ----------
        times : ndarray of float64, shape (n,)
            Of the columns, seconds.
        unknown : ndarray of bool, shape (n,)
            Nothing was measured in the column.
        """
        found = [(float(times[a]), float(times[b])) for a, b in stretches(unknown)]
        self.shown = [(start, end) for start, end in found if end - start >= LEAST_S]
        while len(self._words) < len(self.shown):
            item = pg.TextItem(WORDS, anchor=(0.5, 0.5))
            item.setZValue(6)
            self._plot.addItem(item, ignoreBounds=True)
            self._words.append(item)
        for k, item in enumerate(self._words):
            item.setVisible(k < len(self.shown))
            if k < len(self.shown):
                item.setColor(theme.colour("soft"))
                item.setPos(sum(self.shown[k]) / 2, self._height)
