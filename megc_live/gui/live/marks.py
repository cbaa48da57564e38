"""Intervals on the timeline: a frame from onset to offset, a line at the apex, and words above."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QFont, QFontMetricsF
from PyQt6.QtWidgets import QGraphicsLineItem, QGraphicsRectItem

from megc_live.events import Event
from megc_live.gui import theme

SIGNS = {"micro": "▼", "macro": "■"}
"""Shape that stands for a kind beside its colour, as in the report's figures."""
_MOST = 200
_AROUND_PX = 12.0
"""Room that words take beside their letters: a text's own margins, and what parts it from the next."""


def interval_words(event: Event) -> str:
    """Return what is written at an interval: ``▼ 3 surprise .10 .18 .72``.

    The three numbers are the probabilities of negative, positive and surprise.
    """
    seen = event.recognition
    words = f"{SIGNS[event.interval.kind]} {event.id}"
    if seen is None:
        return words if event.interval.kind == "micro" else f"{words} macro"
    chances = " ".join(f"{p:.2f}".removeprefix("0") for p in seen.probabilities)
    return f"{words} {seen.label} {chances}"


@dataclass
class Mark:
    """One interval's items, in the plot's coordinates."""

    event: Event
    halo: QGraphicsRectItem
    frame: QGraphicsRectItem
    apex: QGraphicsLineItem
    text: Any


class Marks:
    """Keeps the items of the intervals that can still be seen.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
    top : float
        Upper edge of what the frames cover.
    lanes : tuple of float
        Heights at which words stand.
    """

    def __init__(self, plot: Any, top: float, lanes: tuple[float, ...]) -> None:
        self._plot = plot
        self._top = top
        self._lanes = lanes
        self._marks: list[Mark] = []
        self._on_dark = True
        self._font = QFont()
        self._font.setPixelSize(11)
        self._metrics = QFontMetricsF(self._font)

    @property
    def events(self) -> list[Event]:
        """The intervals that are marked, in the order of their onsets."""
        return [mark.event for mark in self._marks]

    def words(self) -> list[str]:
        """What is written at each, in the same order."""
        return [str(mark.text.toPlainText()) for mark in self._marks]

    def add(self, events: Iterable[Event]) -> None:
        """Mark intervals."""
        for event in events:
            interval = event.interval
            wide = max(1e-3, interval.offset_s - interval.onset_s)
            area = QRectF(interval.onset_s, 0.0, wide, self._top)
            halo, frame = QGraphicsRectItem(area), QGraphicsRectItem(area)
            halo.setZValue(9)
            frame.setZValue(10)
            apex = QGraphicsLineItem(interval.apex_s, 0.0, interval.apex_s, self._top)
            apex.setZValue(11)
            text = pg.TextItem(anchor=(0, 0.5))
            text.setFont(self._font)
            text.setZValue(12)
            mark = Mark(event, halo, frame, apex, text)
            for item in (halo, frame, apex, text):
                self._plot.addItem(item, ignoreBounds=True)
            self._marks.append(mark)
            self._colour(mark)
        self._marks.sort(key=lambda mark: mark.event.interval.onset_s)
        self.forget(self._marks[-_MOST].event.interval.offset_s if len(self._marks) > _MOST else -1.0)

    def forget(self, before_s: float) -> None:
        """Remove intervals that ended before a time."""
        gone = [mark for mark in self._marks if mark.event.interval.offset_s < before_s]
        for mark in gone:
            self._marks.remove(mark)
            for item in (mark.halo, mark.frame, mark.apex, mark.text):
                self._plot.removeItem(item)

    def clear(self) -> None:
        """Remove all."""
        self.forget(float("inf"))

    def place(self, s_per_px: float, left_s: float, right_s: float) -> None:
        """Write words where there is room: in a free lane, else only sign and number, else nothing.

        Parameters
        ----------
        s_per_px : float
            Seconds that one pixel stands for.
        left_s, right_s : float
            What is seen; words do not leave it to the right.
        """
        ends = [left_s] * len(self._lanes)
        for mark in self._marks:
            onset = mark.event.interval.onset_s
            full = interval_words(mark.event)
            placed = self._place(mark, full, onset, ends, s_per_px, right_s)
            if not placed:
                short = " ".join(full.split()[:2])
                placed = self._place(mark, short, onset, ends, s_per_px, right_s)
            mark.text.setVisible(placed)

    def _place(
        self, mark: Mark, words: str, onset: float, ends: list[float], s_per_px: float, right_s: float
    ) -> bool:
        wide = (self._metrics.horizontalAdvance(words) + _AROUND_PX) * s_per_px
        left = min(onset, right_s - wide)
        for lane, end in enumerate(ends):
            if left >= end:
                if mark.text.toPlainText() != words:  # only then: laying text out takes longest here
                    mark.text.setPlainText(words)
                mark.text.setPos(left, self._lanes[lane])
                ends[lane] = left + wide
                return True
        return False

    def set_on_dark(self, on: bool) -> None:
        """Say whether the colours below are dark in both schemes, as those of activity are."""
        if on != self._on_dark:
            self._on_dark = on
            self.recolour()

    def recolour(self) -> None:
        """Take the colours of the scheme that is shown."""
        for mark in self._marks:
            self._colour(mark)

    def _colour(self, mark: Mark) -> None:
        kind = mark.event.interval.kind
        style = Qt.PenStyle.SolidLine if kind == "micro" else Qt.PenStyle.DashLine
        mark.halo.setPen(
            pg.mkPen(theme.colour("surface", 220), width=5)
        )  # seen on dark and on bright colours
        mark.frame.setPen(pg.mkPen(theme.colour(kind), width=2, style=style))
        mark.frame.setBrush(pg.mkBrush(theme.colour(kind, 50)))
        mark.apex.setPen(
            pg.mkPen("w" if self._on_dark else theme.colour("ink"), width=1.5, style=Qt.PenStyle.DotLine)
        )
        mark.text.setColor(theme.colour("micro_text" if kind == "micro" else "macro"))
