"""The timeline: intervals, regions' activity, blink and head motion over the whole video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFont
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from megc_live.face.regions import REGIONS
from megc_live.gui import theme
from megc_live.gui.review.bars import Bar, BarsItem
from megc_live.gui.review.courses import GAP_PERIODS, Courses
from megc_live.gui.shortcuts import make_action
from megc_live.output.words import region_words

_AXIS_PX = 104
_BARS_PX = 70
_MOST_COLUMNS = 1400
_MARGIN = 2.0
"""Around an interval that is zoomed to, in lengths of the interval."""
_LEAST_ROW_PX = 9.5
_GROUPS = (("brows R", 0, 2), ("brows L", 3, 5), ("nose", 6, 7), ("mouth", 8, 11))
"""Regions of one place: their name, the first and the last of them."""
_LANES = ("blink", "head motion")


class Timeline(QWidget):
    """Three plots with one time axis; the wheel zooms, dragging beside the intervals pans.

    Attributes
    ----------
    sought : pyqtSignal(int)
        A place was clicked: frame.
    bars : BarsItem
        The lane of intervals, with signals of its own.
    """

    sought = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.courses: Courses | None = None
        self._plots: list[Any] = []
        self._heads: list[Any] = []
        self.bars = BarsItem()
        self.heat = pg.ImageItem(axisOrder="row-major")
        self.curves = [pg.PlotDataItem(connect="finite") for _ in _LANES]
        self.view = pg.GraphicsLayoutWidget()
        self.legend = QLabel()
        self.legend.setToolTip("What the colours and the two lines mean, with their units")
        self._build()
        self._make_actions()
        self._lay_out()
        self.view.scene().sigMouseClicked.connect(self._clicked)
        self._plots[1].getViewBox().sigXRangeChanged.connect(self._draw)
        self._plots[1].getViewBox().sigResized.connect(lambda: self._name_regions())
        self.bars.sought.connect(self.sought)
        theme.changed.connect(self.restyle)
        self.restyle()

    def _build(self) -> None:
        layout = self.view.ci.layout
        self.view.ci.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(0)
        for row in range(3):
            plot = self.view.addPlot(row=row, col=0)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setMouseEnabled(x=True, y=False)
            plot.getAxis("left").setWidth(_AXIS_PX)
            plot.getAxis("left").setStyle(tickLength=0)
            if row < 2:
                plot.hideAxis("bottom")
            if self._plots:
                plot.setXLink(self._plots[0])
            head = pg.InfiniteLine(0.0, movable=row > 0)
            head.setZValue(50)
            head.sigDragged.connect(self._head_dragged)
            plot.addItem(head, ignoreBounds=True)
            self._plots.append(plot)
            self._heads.append(head)
        lane, heat, curves = self._plots
        lane.addItem(self.bars)
        lane.setYRange(0, 1, padding=0)
        lane.setFixedHeight(_BARS_PX)
        lane.getAxis("left").setTicks([[(0.66, "intervals"), (0.15, "machine's")]])
        heat.addItem(self.heat)
        heat.invertY(True)
        heat.setYRange(0, len(REGIONS), padding=0)
        for curve in self.curves:
            curves.addItem(curve)
        curves.setYRange(0, 2.15, padding=0)
        curves.getAxis("left").setTicks([[(0.5, "blink"), (1.6, "head motion")]])
        curves.getAxis("bottom").enableAutoSIPrefix(False)
        layout.setRowStretchFactor(1, 7)
        layout.setRowStretchFactor(2, 3)
        self._name_regions()
        for plot in self._plots:
            plot.getAxis("left").setStyle(tickTextOffset=4)

    def _name_regions(self) -> None:
        """Name each region where there is room for the letters, else groups of them."""
        axis = self._plots[1].getAxis("left")
        each = self._plots[1].getViewBox().height() / len(REGIONS)
        font = QFont(self.font())
        font.setPixelSize(min(11, max(9, int(each) - 1)) if each >= _LEAST_ROW_PX else 11)
        axis.setStyle(tickFont=font)
        if each >= _LEAST_ROW_PX:
            ticks = [(k + 0.5, region_words(name)) for k, name in enumerate(REGIONS)]
        else:
            ticks = [((first + last + 1) / 2, text) for text, first, last in _GROUPS]
        axis.setTicks([ticks])

    def _make_actions(self) -> None:
        self.actions_ = [
            make_action(self, "Zoom in", ["+", "="], lambda: self.zoom(0.5), tip="Show half the time span"),
            make_action(self, "Zoom out", "-", lambda: self.zoom(2.0), tip="Show twice the time span"),
            make_action(self, "Whole video", "F", self.show_all, tip="Show the whole video"),
            make_action(self, "Earlier", "Alt+Left", lambda: self.pan(-0.5), tip="Half a view earlier"),
            make_action(self, "Later", "Alt+Right", lambda: self.pan(0.5), tip="Half a view later"),
        ]

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        self.legend.setProperty("role", "soft")
        row.addWidget(self.legend, 1)
        for action in self.actions_[:3]:
            button = QToolButton()
            button.setDefaultAction(action)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)

    def set_courses(self, courses: Courses) -> None:
        """Show another recording, or another face of it; the whole of it if its length is another."""
        before = self.courses
        self.courses = courses
        self.bars.set_times(courses.times_s, courses.present)
        times = courses.times_s
        if not len(times):
            self.heat.clear()
            for curve in self.curves:
                curve.setData([], [])
            self.legend.setText("No frame was analysed")
            return
        start, end = float(times[0]), float(times[-1])
        slack = max(0.02 * (end - start), 1e-3)
        for plot in self._plots:
            plot.setLimits(xMin=start - slack, xMax=end + slack, minXRange=8 * self._period())
        self.legend.setText(
            f"Time in s · regions' motion: dark 0 to yellow {courses.activity_full:.2g} % · head motion 0 to "
            f"{courses.head_full:.2g} % of eye distance in 0.1 s · blink 0 open to 1 closed"
        )
        if before is None or not np.array_equal(before.times_s, times):
            self.show_all()
        self._draw()

    def set_bars(self, bars: Sequence[Bar], machine: Sequence[Bar]) -> None:
        """Show other intervals."""
        self.bars.set_bars(bars, machine)

    def set_playhead(self, frame: int, *, follow: bool = True) -> None:
        """Put the playhead on a frame, and into view unless ``follow`` is False."""
        if self.courses is None or not len(self.courses.times_s):
            return
        time_s = self.bars.time_of(frame)
        for head in self._heads:
            head.setValue(time_s)
        low, high = self.span()
        if follow and not low <= time_s <= high and self.bars.held is None:
            self.show_span(time_s - 0.1 * (high - low), time_s + 0.9 * (high - low))

    def span(self) -> tuple[float, float]:
        """Return the times at the left and right edge, seconds."""
        low, high = self._plots[0].getViewBox().viewRange()[0]
        return float(low), float(high)

    def show_span(self, start_s: float, end_s: float) -> None:
        """Show a span of time, seconds."""
        self._plots[0].setXRange(start_s, end_s, padding=0)

    def show_all(self) -> None:
        """Show the whole video."""
        if self.courses is not None and len(self.courses.times_s):
            times = self.courses.times_s
            slack = 0.01 * float(times[-1] - times[0])
            self.show_span(float(times[0]) - slack, float(times[-1]) + slack)

    def show_interval(self, onset: int, offset: int) -> None:
        """Zoom to an interval, with as much again and more around it."""
        start, end = self.bars.time_of(onset), self.bars.time_of(offset)
        around = _MARGIN * max(end - start, 4 * self._period())
        self.show_span(start - around, end + around)

    def shows(self, onset: int, offset: int) -> bool:
        """Return whether anything of an interval is in view."""
        low, high = self.span()
        return self.bars.time_of(onset) <= high and self.bars.time_of(offset) >= low

    def bring(self, onset: int, offset: int) -> None:
        """Bring an interval into view whole, zooming out only if there is no room for it."""
        start, end = self.bars.time_of(onset), self.bars.time_of(offset)
        low, high = self.span()
        if start < low or end > high:
            half = max(high - low, 1.2 * (end - start)) / 2
            self.show_span((start + end) / 2 - half, (start + end) / 2 + half)

    def zoom(self, factor: float) -> None:
        """Show ``factor`` times the time span, around the playhead if it is in view."""
        low, high = self.span()
        at = float(self._heads[0].value())
        centre = at if low <= at <= high else (low + high) / 2
        self.show_span(centre - (centre - low) * factor, centre + (high - centre) * factor)

    def pan(self, share: float) -> None:
        """Move the view by a share of it; never beyond the video."""
        courses = self.courses
        if courses is None or not len(courses.times_s):
            return
        low, high = self.span()
        by = share * (high - low)
        first, last = float(courses.times_s[0]), float(courses.times_s[-1])
        by = max(min(by, max(last - high, 0.0)), min(first - low, 0.0))
        self.show_span(low + by, high + by)

    def restyle(self) -> None:
        """Take the colours of the scheme that is shown."""
        theme.style_plot(self.view)
        for plot in self._plots:
            theme.style_plot(plot)
        for name, curve in zip(("blink", "head"), self.curves, strict=True):
            curve.setPen(pg.mkPen(theme.colour(name), width=1))
        for head in self._heads:
            head.setPen(pg.mkPen(theme.colour("record"), width=1.6))
            head.setHoverPen(pg.mkPen(theme.colour("record"), width=3))
        self._draw()
        self.bars.update()

    def _period(self) -> float:
        return 0.04 if self.courses is None else self.courses.period_s

    def _draw(self, *_: object) -> None:
        """Draw what is in view: as many columns as there are pixels, whatever the length of the video."""
        courses = self.courses
        if courses is None or not len(courses.times_s):
            return
        low, high = self.span()
        columns = min(_MOST_COLUMNS, max(200, self.view.width()))
        edges = np.linspace(low, high, columns + 1)
        begins, empty = _columns(courses, edges)
        empty |= edges[:-1] < courses.times_s[0] - self._period()
        self._draw_heat(courses, begins, empty)
        self.curves[0].setData(*_outline(courses, courses.blink, begins))
        t_s, head = _outline(courses, courses.head_motion, begins)
        self.curves[1].setData(t_s, np.minimum(head / courses.head_full, 1.05) + 1.1)

    def _draw_heat(self, courses: Courses, begins: NDArray[np.int64], empty: NDArray[np.bool_]) -> None:
        """Each column is the strongest motion of its frames."""
        low, high = self.span()
        strongest = np.full((len(empty), len(REGIONS)), np.nan)
        drawn = np.flatnonzero(begins[:-1] < len(courses.times_s))
        if len(drawn):
            start, end = begins[0], max(begins[-1], begins[drawn[-1]] + 1)
            part = courses.activity[start:end, : len(REGIONS)]
            strongest[drawn] = np.fmax.reduceat(part, begins[drawn] - start, axis=0)
        strongest[empty] = np.nan
        rgb = theme.activity_rgb(strongest.T / courses.activity_full)
        nothing = theme.colour("raised")
        rgb[np.isnan(strongest.T)] = (nothing.red(), nothing.green(), nothing.blue())
        self.heat.setImage(rgb, levels=(0, 255))
        self.heat.setRect(QRectF(low, 0.0, high - low, float(len(REGIONS))))

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton or event.isAccepted() or self.courses is None:
            return
        for plot in self._plots[1:]:
            box = plot.getViewBox()
            if box.sceneBoundingRect().contains(event.scenePos()) and len(self.courses.times_s):
                self.sought.emit(self.bars.frame_at(box.mapSceneToView(event.scenePos()).x()))
                return

    def _head_dragged(self, head: Any) -> None:
        self.sought.emit(self.bars.frame_at(float(head.value())))


def _columns(courses: Courses, edges: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the frames of the columns between some times.

    Parameters
    ----------
    courses : Courses
        With at least one frame.
    edges : ndarray of float64, shape (columns + 1,)
        Growing, seconds.

    Returns
    -------
    begins : ndarray of int64, shape (columns + 1,)
        Column k has the frames from ``begins[k]``, which is there at its beginning, to ``begins[k + 1]``
        (exclusive; one at least). The number of frames: none is left.
    empty : ndarray of bool, shape (columns,)
        It has none: the frame before is of too long ago to be what was to be seen.
    """
    times = courses.times_s
    first = np.maximum(np.searchsorted(times, edges, side="right") - 1, 0)
    late = edges - times[first] > GAP_PERIODS * courses.periods_s[first]
    begins = np.where(late, first + 1, first)
    return begins, late[:-1] & (begins[:-1] >= begins[1:])


def _outline(
    courses: Courses, values: NDArray[np.floating], begins: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Return a line through the frames in view; through least and greatest of each column if there are many.

    In gaps it has a NaN, where it breaks.

    Parameters
    ----------
    courses : Courses
    values : ndarray, shape (n,)
    begins : ndarray of int64, shape (columns + 1,)
        As of :func:`_columns`.
    """
    times = courses.times_s
    begin, end = max(int(begins[0]) - 1, 0), min(int(begins[-1]) + 2, len(times))
    if end - begin <= 2 * len(begins):
        at, t_s, line = np.arange(begin, end), times[begin:end], values[begin:end]
        breaks = 1 + np.flatnonzero(_gap_before(courses, at[1:]))
        return np.insert(t_s, breaks, t_s[breaks]), np.insert(line, breaks, np.nan)
    starts = np.unique(begins[begins < len(times)])
    part = values[begin:end]
    least = np.fmin.reduceat(part, starts - begin)
    greatest = np.fmax.reduceat(part, starts - begin)
    breaks = 1 + np.flatnonzero(_gap_before(courses, starts[1:]))
    t_s, line = np.repeat(times[starts], 2), np.stack([least, greatest], axis=1).ravel()
    return np.insert(t_s, 2 * breaks, times[starts[breaks]]), np.insert(line, 2 * breaks, np.nan)


def _gap_before(courses: Courses, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether there is a gap in time between a frame, not the first one, and the one before."""
    times = courses.times_s
    return times[frames] - times[frames - 1] > GAP_PERIODS * courses.periods_s[frames - 1]
