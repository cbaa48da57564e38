"""The rolling timeline: twelve regions' activity, blinks, head motion, and intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFont
from PyQt6.QtWidgets import QComboBox, QGraphicsView, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from megc_live.events import Event, FrameRow
from megc_live.face.regions import REGIONS
from megc_live.gui import theme
from megc_live.gui.live.bars import Said, button
from megc_live.gui.live.commands import Commands
from megc_live.gui.live.gaps import Gaps
from megc_live.gui.live.history import BIN_S, BLINK, HEAD, SPAN_S, History, runs
from megc_live.gui.live.marks import Marks
from megc_live.gui.live.scale import BLINK_GATE, HEAD_GATE, ActivityScale
from megc_live.gui.shortcuts import keys_of
from megc_live.output.words import clock, region_words

Floats = NDArray[np.float64]

SPANS_S = (10.0, 20.0, 30.0)
_N = len(REGIONS)
_HEAD_Y, _BLINK_Y, _REGIONS_Y = 0.0, 1.1, 2.3
_TOP = _REGIONS_Y + _N
_LANES = (_TOP + 2.6, _TOP + 1.0)
_CEILING = _TOP + 3.4
_HEAD_FULL = 10.0
_LABELLED_S = 2.0
_NAMES_PX = 10
"""Size of the names at the left."""
_GROUPS = (("brow R", 0, 3), ("brow L", 3, 6), ("nose", 6, 8), ("mouth", 8, 12))
"""Regions that share a name where there is no room for one each: from, to."""


class _TimeAxis(pg.AxisItem):
    """Writes times as in the report: 12.5 s, 1:05."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [_time_words(value) if spacing >= _LABELLED_S else "" for value in values]


def _time_words(t_s: float) -> str:
    if t_s < 0:
        return ""
    return f"{t_s:.0f} s" if t_s < 60 else clock(t_s)


class Timeline(QWidget):
    """Shows the newest seconds; it is redrawn when it is told to (:meth:`redraw`).

    Parameters
    ----------
    commands : Commands
        Whose switches stand above it.

    Attributes
    ----------
    face_chosen : pyqtSignal(object)
        Id of the face that the user wants to see, None for the largest: fill it anew.
    history : History
        What it shows.
    marks : Marks
        The intervals on it.
    """

    face_chosen = pyqtSignal(object)

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = History()
        self.heat = True
        self.span_s = 20.0
        self._labels = True
        self._scale = ActivityScale()
        self._gates: list[tuple[str, float, float]] = []
        self.faces = QComboBox()
        self.faces.setToolTip(f"Face whose activity is shown; {keys_of(commands['face'])} shows the next one")
        self.faces.setAccessibleName("Face shown on the timeline")
        self.span, self.full = QLabel(), QLabel()
        self.unit = Said(Qt.AlignmentFlag.AlignRight, Qt.TextElideMode.ElideRight)
        self._make_plot()
        self.marks = Marks(self._plot, _TOP, _LANES)
        self.gaps = Gaps(self._plot, _REGIONS_Y + _N / 2)
        self._lay_out(commands)
        self._next = commands["face"]
        self._next.triggered.connect(lambda _checked=False: self._show_next_face())
        self._set_faces()
        self._colour()
        theme.changed.connect(self._colour)
        self.faces.currentIndexChanged.connect(self._choose_face)
        self._say_unit()

    def _lay_out(self, commands: Commands) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(6, 2, 6, 0)
        head.setSpacing(6)
        for part in ("heat", "shorter", self.span, "longer", "dimmer", self.full, "brighter"):
            head.addWidget(button(commands[part]) if isinstance(part, str) else part)
        head.addWidget(self.faces)
        head.addWidget(self.unit, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._widget, 1)

    def _make_plot(self) -> None:
        theme.configure_pyqtgraph()
        self._widget = pg.PlotWidget(axisItems={"bottom": _TimeAxis("bottom")})
        self._widget.setAccessibleName("Timeline")
        # Each of the items would ask for a painting of its own: there is one, when all are in place.
        self._widget.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.NoViewportUpdate)
        self._plot: Any = self._widget.getPlotItem()
        self._plot.setMouseEnabled(False, False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setYRange(0.0, _CEILING, padding=0.01)
        self._plot.disableAutoRange()
        font = QFont()
        font.setPixelSize(_NAMES_PX)
        for axis in (left := self._plot.getAxis("left"), self._plot.getAxis("bottom")):
            axis.enableAutoSIPrefix(False)  # no unit here, and it lays a label out with every new range
        left.setStyle(tickFont=font, tickLength=0)
        left.setWidth(92)
        self._plot.getAxis("bottom").setStyle(tickFont=font)
        self._plot.getAxis("bottom").setTickSpacing(_LABELLED_S, _LABELLED_S / 2)
        self._plot.getAxis("bottom").setHeight(22)
        self._plot.vb.sigResized.connect(lambda _box: self._name_rows())
        self._name_rows()
        self._image = pg.ImageItem()
        self._bands = pg.ImageItem()
        self._lines = pg.PlotCurveItem(connect="finite", antialias=False)
        self._gate_lines = pg.PlotCurveItem(connect="finite", antialias=False)
        for z, item in enumerate((self._image, self._bands, self._lines, self._gate_lines)):
            item.setZValue(z)
            self._plot.addItem(item, ignoreBounds=True)

    def _name_rows(self) -> None:
        """Write what each row is; where rows are lower than a name, those that belong together share one."""
        row_px = self._plot.vb.height() / _CEILING
        self._plot.getAxis("left").setTicks([row_names(row_px)])

    def _colour(self) -> None:
        theme.style_plot(self._widget)
        self._lines.setPen(pg.mkPen(theme.colour("ink"), width=1))
        self._gate_lines.setPen(pg.mkPen(theme.colour("soft"), width=1))
        self.marks.recolour()
        self.redraw()

    def clear(self) -> None:
        """Forget the last session."""
        self.history.clear()
        self.marks.clear()
        self.history.face_id = None
        self._set_faces()
        self.redraw()

    def take(self, rows: Iterable[FrameRow], events: Iterable[Event]) -> None:
        """Take what has become known; it is seen after :meth:`redraw`."""
        known = len(self.history.faces)
        self.history.extend(rows)
        if len(self.history.faces) != known:
            self._set_faces()
        self.marks.add(events)

    def refill(self, rows: Iterable[FrameRow]) -> None:
        """Start again with the rows that are still held, for another face."""
        self.history.clear()
        self.history.extend(rows)
        self.redraw()

    def set_heat(self, on: bool) -> None:
        """Show activity as colours, or as lines."""
        self.heat = on
        self._say_unit()
        self.redraw()

    def show_labels(self, on: bool) -> None:
        """Explain the labels' probabilities, or leave that out."""
        self._labels = on
        self._say_unit()

    def set_scale(self, scale: ActivityScale) -> None:
        """Set what colours and heights stand for."""
        self._scale = scale
        self._say_unit()
        self.redraw()

    def change_span(self, steps: int) -> None:
        """Show more seconds, or fewer."""
        at = SPANS_S.index(self.span_s) + steps
        self.span_s = SPANS_S[min(max(at, 0), len(SPANS_S) - 1)]
        self._say_unit()
        self.redraw()

    @property
    def gates(self) -> list[tuple[str, float, float]]:
        """Bands that are shaded: ``blink`` or ``head``, from and to in seconds."""
        return list(self._gates)

    def redraw(self, fps: float = math.nan) -> None:
        """Draw the newest seconds.

        Parameters
        ----------
        fps : float
            Rate of the rows: how far apart two of them may be without a gap between them.
        """
        gap = 0.06 if math.isnan(fps) or fps <= 0 else max(0.06, 1.7 / fps)
        self._draw(*self.history.window(self.span_s, gap))
        self._widget.viewport().update()

    def _draw(self, times: Floats, values: Floats) -> None:
        if not len(times):
            for item in (self._image, self._bands):
                item.clear()
            for item in (self._lines, self._gate_lines):
                item.setData([], [])
            self._gates = []
            self.gaps.show(times, np.zeros(0, dtype=np.bool_))
            self._plot.setXRange(0.0, self.span_s, padding=0)
            return
        left, right = times[0], times[-1] + BIN_S
        levels = self._scale.levels(values[:, :_N])
        self._draw_activity(times, levels)
        self._draw_gates(times, values[:, BLINK], values[:, HEAD])
        self.gaps.show(times, np.asarray(np.isnan(values).all(axis=1)))
        self._plot.setXRange(left, right, padding=0)
        self.marks.forget(right - SPAN_S)
        width = max(1.0, float(self._plot.vb.width()))
        self.marks.place((right - left) / width, left, right)

    def _draw_activity(self, times: Floats, levels: Floats) -> None:
        self.marks.set_on_dark(self.heat)
        self._image.setVisible(self.heat)
        self._lines.setVisible(not self.heat)
        if self.heat:
            self._image.setImage(_rgba(levels), autoLevels=False)
            self._image.setRect(QRectF(times[0], _REGIONS_Y, len(times) * BIN_S, _N))
            return
        feet = _REGIONS_Y + _N - 1 - np.arange(_N) + 0.05
        heights = np.vstack([feet + 0.9 * levels, np.full((1, _N), np.nan)])
        self._lines.setData(np.tile(np.append(times, times[-1]), _N), heights.T.ravel())

    def _draw_gates(self, times: Floats, blink: Floats, head: Floats) -> None:
        masks = {"blink": blink >= BLINK_GATE, "head": head >= HEAD_GATE}
        self._gates = [
            (name, float(times[first]), float(times[last - 1]) + BIN_S)
            for name, mask in masks.items()
            for first, last in runs(mask)
        ]
        self._bands.setVisible(bool(self._gates))
        if self._gates:
            self._bands.setImage(_bands(masks, round(times[0] / BIN_S), self.heat), autoLevels=False)
            self._bands.setRect(QRectF(times[0], 0.0, len(times) * BIN_S, _TOP))
        y = [_BLINK_Y + 0.9 * np.clip(blink, 0, 1), _HEAD_Y + 0.9 * np.clip(head / _HEAD_FULL, 0, 1)]
        gap = [np.nan]
        self._gate_lines.setData(
            np.concatenate([times, times[-1:], times]), np.concatenate([y[0], gap, y[1]])
        )

    def _say_unit(self) -> None:
        self.span.setText(f"{self.span_s:.0f} s")
        how = "brightest" if self.heat else "full height"
        self.full.setText(f"{how}: {self._scale.full:g} {self._scale.short_unit}")
        chances = " with p of negative, positive, surprise" if self._labels else ""
        self.unit.say(f"▼ micro, ■ macro{chances}; hatched: blink /, head motion \\")
        self.unit.setToolTip(
            f"Activity: motion of a region in 0.1 s with the head's motion fitted out, 0 to "
            f"{self._scale.full:g} {self._scale.unit}.\nBlink: eyelid closure, 0 open to 1 closed; hatched "
            f"from {BLINK_GATE:g}.\nHead motion: 0 to {_HEAD_FULL:g} % of the eye distance in 0.1 s; "
            f"hatched from {HEAD_GATE:g} %. The hatching is for the eye: the spotter weighs both itself.\n"
            "The frame of an interval goes from onset to offset; the dotted line is the apex."
        )

    def _set_faces(self) -> None:
        """List the faces, newest last; hidden unless there are several."""
        chosen = self.history.face_id
        faces = sorted(self.history.faces | (set() if chosen is None else {chosen}))[-20:]
        self.faces.blockSignals(True)
        self.faces.clear()
        self.faces.addItem("largest face", None)
        for face in faces:
            self.faces.addItem(f"face {face}", face)
        self.faces.setCurrentIndex(max(0, self.faces.findData(chosen)))
        self.faces.blockSignals(False)
        self.faces.setVisible(len(faces) > 1)
        self._next.setEnabled(len(faces) > 1)

    def _show_next_face(self) -> None:
        self.faces.setCurrentIndex((self.faces.currentIndex() + 1) % self.faces.count())

    def _choose_face(self, index: int) -> None:
        self.history.face_id = self.faces.itemData(index)
        self.face_chosen.emit(self.history.face_id)


def row_names(row_px: float) -> list[tuple[float, str]]:
    """Return where names stand at the left, and the names.

    Parameters
    ----------
    row_px : float
        Height of a row in pixels.
    """
    top = _REGIONS_Y + _N
    words = [(_LANES[1] + 0.8, "intervals")]
    if row_px > _NAMES_PX:
        each = [(top - k - 0.5, region_words(name)) for k, name in enumerate(REGIONS)]
        return [*each, (_HEAD_Y + 0.5, "head motion"), (_BLINK_Y + 0.5, "blink"), *words]
    together = [(top - (first + end) / 2, name) for name, first, end in _GROUPS]
    return [*together, ((_HEAD_Y + _BLINK_Y + 1) / 2, "blink, head"), *words]


def _rgba(levels: Floats) -> NDArray[np.uint8]:
    """Return levels, shape (n, 12), as a picture (12, n, 4), last region first; unknown is transparent."""
    picture = np.empty((_N, len(levels), 4), np.uint8)
    turned = levels.T[::-1]
    picture[..., :3] = theme.activity_rgb(turned)
    picture[..., 3] = np.where(np.isfinite(turned), 255, 0)
    return picture


_STEPS = 134
"""Rows of the picture that holds the bands: a tenth of a row of the plot is about one."""
_HATCH, _HATCHED = 10, 4
"""A hatch repeats after so many rows and columns of that picture, and covers so many of them."""


def _bands(masks: dict[str, NDArray[np.bool_]], first: int, pale: bool) -> NDArray[np.uint8]:
    """Return hatches over all rows, and solid bars in each gate's own row, as (steps, n, 4).

    Parameters
    ----------
    masks : dict
        ``blink`` and ``head``: where they are, (n,). Blinks are hatched upwards, head motion downwards.
    first : int
        Number of the first column since the stream began, so that hatches move with it.
    pale : bool
        Below are dark colours.
    """
    n = len(masks["blink"])
    picture = np.zeros((_STEPS, n, 4), np.uint8)
    per_y = _STEPS / _TOP
    row = np.arange(_STEPS)[:, np.newaxis]
    for name, foot, slope in (("blink", _BLINK_Y, -1), ("head", _HEAD_Y, 1)):
        colour = theme.colour(name)
        over = colour.lighter(190) if pale and not theme.is_dark() else colour
        at = np.flatnonzero(masks[name])
        hatched = (first + at + slope * row) % _HATCH < _HATCHED
        stripe = (over.red(), over.green(), over.blue(), 150)
        picture[:, at] = np.where(hatched[..., np.newaxis], np.array(stripe, np.uint8), picture[:, at])
        bar = slice(round(foot * per_y), round((foot + 0.95) * per_y))
        picture[bar, at] = (colour.red(), colour.green(), colour.blue(), 200)
    return picture
