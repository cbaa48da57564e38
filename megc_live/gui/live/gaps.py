"""Words over the stretches of the timeline in which nothing was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

from megc_live.gui import theme
from megc_live.gui.live.history import runs

LEAST_S = 1.0
"""A shorter stretch is not named: there is no room for the words."""
WORDS = "nothing measured"


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
        """Name the stretches that are long enough and have something before and after them.

        Parameters
        ----------
        times : ndarray of float64, shape (n,)
            Of the columns, seconds.
        unknown : ndarray of bool, shape (n,)
            Nothing was measured in the column.
        """
        inside = [(a, b) for a, b in runs(unknown) if a > 0 and b < len(unknown)]
        found = [(float(times[a]), float(times[b])) for a, b in inside]
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
