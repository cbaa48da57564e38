"""The lane of intervals: bars whose edges and apex are dragged with the mouse, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QPainter, QPen, QPolygonF, QTransform

from megc_live.gui import theme
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.tables import IntervalRecord
from megc_live.review.footage import nearest

Mark = Literal["onset", "apex", "offset", "new"]

REACH_PX = 7.0
"""A mark is caught within this distance, pixels."""
_APEX_SHARE = 0.38
"""Upper share of a bar where the apex is caught; below it, the edges are."""
_OWN, _MACHINE = (0.36, 0.97), (0.06, 0.24)
"""Where in the lane (0 below, 1 above) the corrected intervals and the machine's lie."""
_MOST_LAYERS = 3
_LEAST_PX = 3.0
_LEAST_DETAIL_PX = 5.0
"""Narrower bars are drawn as a stroke, without pattern, apex and text."""
_PATTERNS = {"micro": Qt.BrushStyle.BDiagPattern, "macro": Qt.BrushStyle.Dense6Pattern}
_SIGNS = {"accepted": "✓", "rejected": "✕", "open": ""}


@dataclass(frozen=True)
class Bar:
    """One interval as it is drawn; frames, inclusive."""

    id: int
    onset: int
    apex: int
    offset: int
    kind: str
    status: str = "open"
    text: str = ""

    def with_mark(self, mark: Mark, frame: int) -> Bar:
        """Move one of its marks; it stays between its neighbours."""
        if mark == "onset":
            return replace(self, onset=min(frame, self.apex))
        if mark == "offset":
            return replace(self, offset=max(frame, self.apex))
        return replace(self, apex=min(max(frame, self.onset), self.offset))


class BarsItem(pg.GraphicsObject):
    """Bars in a lane from 0 to 1; time runs to the right, in seconds.

    Attributes
    ----------
    picked : pyqtSignal(int, bool)
        An interval was clicked; whether to add it to the selection.
    opened : pyqtSignal(int)
        It was double-clicked.
    sought : pyqtSignal(int)
        An empty place was clicked: frame.
    dragging : pyqtSignal(int)
        A mark has come to this frame, and is still held.
    moved : pyqtSignal(object)
        A mark was let go: the bar as it is now.
    released : pyqtSignal()
        Nothing is held any more.
    drawn : pyqtSignal(int, int)
        A new interval was drawn on an empty place: first and last frame.
    """

    picked = pyqtSignal(int, bool)
    opened = pyqtSignal(int)
    sought = pyqtSignal(int)
    dragging = pyqtSignal(int)
    moved = pyqtSignal(object)
    released = pyqtSignal()
    drawn = pyqtSignal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._times: NDArray[Any] | None = None
        self._present: NDArray[Any] | None = None
        self._present_s: NDArray[Any] | None = None
        self._bars: list[Bar] = []
        self._layers: dict[int, tuple[int, int]] = {}
        self._machine: list[Bar] = []
        self._selected: frozenset[int] = frozenset()
        self._held: tuple[Bar, Mark] | None = None
        self._from = 0
        self.setAcceptHoverEvents(True)

    def set_times(self, times_s: NDArray[Any], present: NDArray[Any] | None = None) -> None:
        """Set the time of each frame, seconds, and which frames there are (None: all): others get no mark."""
        self.prepareGeometryChange()
        self._times = times_s if len(times_s) else None
        self._present = present if present is not None and len(present) else None
        self._present_s = times_s if self._present is None else times_s[self._present]
        self.update()

    def set_bars(self, bars: Sequence[Bar], machine: Sequence[Bar]) -> None:
        """Show other intervals; ``machine``'s are thin, beneath."""
        self._bars, self._machine = list(bars), list(machine)
        self._layers = _layers(self._bars)
        held, self._held = self._held, None
        self.update()
        if held is not None:  # an edit by key in the middle of a drag
            self.released.emit()

    def select(self, ids: frozenset[int]) -> None:
        """Mark the selected intervals."""
        self._selected = ids
        self.update()

    @property
    def held(self) -> Bar | None:
        """The interval as it is being dragged."""
        return self._held[0] if self._held else None

    def time_of(self, frame: int) -> float:
        """Return a frame's time, seconds."""
        assert self._times is not None
        return float(self._times[min(max(frame, 0), len(self._times) - 1)])

    def frame_at(self, t_s: float) -> int:
        """Return the frame nearest to a time, of those that there are."""
        times = self._present_s
        assert times is not None
        at = nearest(times, t_s)
        return at if self._present is None else int(self._present[at])

    def snap(self, frame: int) -> int:
        """Return the frame itself, or the one nearest to it where the source lost it."""
        if self._present is None or self._times is None:
            return frame
        return self.frame_at(self.time_of(frame))

    def mark_at(self, point: QPointF) -> tuple[Bar, Mark] | None:
        """Return what is caught at a point of the lane; the selected interval's marks come first."""
        reach = REACH_PX * self._pixel()[0]
        best: tuple[bool, float, Bar, Mark] | None = None
        for bar in self._bars:
            low, high = self._extent(bar)
            if not low <= point.y() <= high:
                continue
            upper = point.y() >= high - _APEX_SHARE * (high - low)
            marks: tuple[Mark, ...] = ("apex",) if upper else ("onset", "offset")
            for mark in marks:
                away = abs(self.time_of(getattr(bar, mark)) - point.x())
                found = (bar.id not in self._selected, away, bar, mark)
                if away <= reach and (best is None or found[:2] < best[:2]):
                    best = found
        return None if best is None else best[2:]

    def bar_at(self, point: QPointF) -> Bar | None:
        """Return the interval at a point of the lane."""
        slack = 3 * self._pixel()[0]
        for bar in reversed(self._bars):
            low, high = self._extent(bar)
            start, end = self.time_of(bar.onset) - slack, self.time_of(bar.offset) + slack
            if low <= point.y() <= high and start <= point.x() <= end:
                return bar
        return None

    def boundingRect(self) -> QRectF:
        """The whole lane."""
        if self._times is None:
            return QRectF(0, 0, 1, 1)
        return QRectF(float(self._times[0]), 0.0, float(self._times[-1] - self._times[0]) or 1.0, 1.0)

    def hoverEvent(self, event: Any) -> None:
        """Say by the pointer what can be dragged."""
        if event.isExit() or self._times is None:
            self.unsetCursor()
            return
        event.acceptDrags(Qt.MouseButton.LeftButton)
        event.acceptClicks(Qt.MouseButton.LeftButton)
        caught = self.mark_at(event.pos())
        if caught is not None:
            self.setCursor(Qt.CursorShape.SizeHorCursor)
        elif self.bar_at(event.pos()) is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)

    def mouseClickEvent(self, event: Any) -> None:
        """Select, open, or go to a place."""
        if event.button() != Qt.MouseButton.LeftButton or self._times is None:
            return
        event.accept()
        bar = self.bar_at(event.pos())
        if bar is None:
            self.sought.emit(self.frame_at(event.pos().x()))
        elif event.double():
            self.opened.emit(bar.id)
        else:
            more = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
            self.picked.emit(bar.id, bool(event.modifiers() & more))

    def mouseDragEvent(self, event: Any) -> None:
        """Drag a mark, or draw a new interval on an empty place."""
        if event.button() != Qt.MouseButton.LeftButton or self._times is None:
            event.ignore()
            return
        event.accept()
        frame = self.frame_at(event.pos().x())
        if event.isStart():
            self._catch(event.buttonDownPos())
        if self._held is None:
            return
        bar, mark = self._held
        if mark == "new":
            first, last = sorted((self._from, frame))
            now = replace(bar, onset=first, apex=(first + last) // 2, offset=last)
            self._hold(now, mark, frame)
        else:
            now = bar.with_mark(mark, frame)
            self._hold(now, mark, getattr(now, mark))
        if event.isFinish():
            self._let_go(now, mark)

    def _catch(self, point: QPointF) -> None:
        caught = self.mark_at(point)
        if caught is not None:
            self._held = caught
            self._from = -1
            self.picked.emit(caught[0].id, False)
        elif self.bar_at(point) is None:
            self._from = self.frame_at(point.x())
            self._held = Bar(-1, self._from, self._from, self._from, "micro", text="new"), "new"
        else:
            self._held = None

    def _hold(self, bar: Bar, mark: Mark, frame: int) -> None:
        if self._held is None or self._held[0] != bar:
            self.dragging.emit(frame)
        self._held = bar, mark
        self.update()

    def _let_go(self, bar: Bar, mark: Mark) -> None:
        self._held = None
        self.update()
        self.released.emit()
        if mark == "new":
            if bar.offset > bar.onset:
                self.drawn.emit(bar.onset, bar.offset)
        elif bar not in self._bars:
            self.moved.emit(bar)

    def _pixel(self) -> tuple[float, float]:
        """Seconds and share of the lane per pixel."""
        width, height = self.getViewBox().viewPixelSize()
        return float(width), float(height)

    def _extent(self, bar: Bar) -> tuple[float, float]:
        layer, layers = self._layers.get(bar.id, (0, 1))
        bottom, top = _OWN
        each = (top - bottom) / layers
        return top - (layer + 1) * each, top - layer * each - 0.02 * (layers > 1)

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw in device pixels, so that lines, patterns and letters keep their size."""
        if self._times is None:
            return
        to_device = painter.transform()
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        seen = self.getViewBox().viewRect()
        view = to_device.mapRect(seen)
        painter.setClipRect(view)
        for bar in self._in_view(self._machine, seen):
            self._draw_thin(painter, to_device, bar)
        held = self.held
        shown = [bar for bar in self._in_view(self._bars, seen) if held is None or held.id != bar.id]
        for bar in [*shown, *([held] if held is not None else [])]:
            self._draw(painter, to_device, bar, self._rect(to_device, bar, self._extent(bar)))
        painter.restore()

    def _in_view(self, bars: Sequence[Bar], seen: QRectF) -> list[Bar]:
        first, last = self.frame_at(seen.left()), self.frame_at(seen.right())
        return [bar for bar in bars if bar.offset >= first and bar.onset <= last]

    def _rect(self, to_device: QTransform, bar: Bar, extent: tuple[float, float]) -> QRectF:
        start, end = self.time_of(bar.onset), self.time_of(bar.offset)
        rect: QRectF = to_device.mapRect(QRectF(start, extent[0], end - start, extent[1] - extent[0]))
        if rect.width() < _LEAST_PX:
            rect.adjust(-_LEAST_PX / 2, 0, _LEAST_PX / 2, 0)
        return rect

    def _draw_thin(self, painter: QPainter, to_device: QTransform, bar: Bar) -> None:
        rect = self._rect(to_device, bar, _MACHINE)
        painter.fillRect(rect, theme.colour(bar.kind, 190))
        if rect.width() < _LEAST_DETAIL_PX:
            return
        x = to_device.map(QPointF(self.time_of(bar.apex), 0.0)).x()
        painter.fillRect(QRectF(x - 0.75, rect.top() - 2, 1.5, rect.height() + 4), theme.colour("ink"))

    def _draw(self, painter: QPainter, to_device: QTransform, bar: Bar, rect: QRectF) -> None:
        colour = theme.colour(bar.kind)
        selected = bar.id in self._selected or bar.id == -1
        rejected = bar.status == "rejected"
        faint = QColor(colour)
        faint.setAlpha(30 if rejected else 70)
        if rect.width() < _LEAST_DETAIL_PX and not selected:  # thousands in view: no room for more
            painter.fillRect(rect, theme.colour("soft", 90) if rejected else colour)
            return
        painter.fillRect(rect, faint)
        if not rejected:
            lines = QColor(colour)
            lines.setAlpha(110)
            painter.fillRect(rect, QBrush(lines, _PATTERNS.get(bar.kind, Qt.BrushStyle.NoBrush)))
        style = Qt.PenStyle.DashLine if rejected else Qt.PenStyle.SolidLine
        painter.setPen(QPen(theme.colour("ink") if selected else colour, 2.0 if selected else 1.2, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect)
        self._draw_apex(painter, to_device.map(QPointF(self.time_of(bar.apex), 0.0)).x(), rect, selected)
        self._write(painter, bar, rect)

    def _draw_apex(self, painter: QPainter, x: float, rect: QRectF, selected: bool) -> None:
        size = 6.0 if selected else 4.0
        corners = [QPointF(x - size, rect.top()), QPointF(x + size, rect.top())]
        painter.setPen(QPen(theme.colour("surface"), 0.8))
        painter.setBrush(theme.colour("ink"))
        painter.drawPolygon(QPolygonF([*corners, QPointF(x, rect.top() + 1.6 * size)]))
        painter.setPen(QPen(theme.colour("ink"), 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))

    def _write(self, painter: QPainter, bar: Bar, rect: QRectF) -> None:
        """Write the text below the apex's handle where there is room, else the sign of its status alone."""
        font = QFont(painter.font())
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(theme.colour("ink"))
        sign = _SIGNS.get(bar.status, "")
        metrics = painter.fontMetrics()
        for text in (f"{sign} {bar.text}".strip(), sign):
            width = metrics.horizontalAdvance(text)
            if text and (width + 6 <= rect.width() or text == sign):
                place = QRectF(rect.center().x() - width / 2 - 3, rect.bottom() - 15, width + 6, 14)
                painter.fillRect(place, theme.colour("surface", 170))
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
                return


def _layers(bars: Sequence[Bar]) -> dict[int, tuple[int, int]]:
    """Return for each interval its layer and the number of layers: what overlaps lies one above the other."""
    ends: list[int] = []
    layer_of: dict[int, int] = {}
    for bar in sorted(bars, key=lambda item: (item.onset, item.id)):
        layer = next((k for k, end in enumerate(ends) if end < bar.onset), len(ends))
        if layer == _MOST_LAYERS:
            layer = min(range(_MOST_LAYERS), key=lambda k: ends[k])
        if layer == len(ends):
            ends.append(bar.offset)
        ends[layer] = max(ends[layer], bar.offset)
        layer_of[bar.id] = layer
    return {number: (layer, max(1, len(ends))) for number, layer in layer_of.items()}


def bar_of(item: ReviewInterval, several: bool = False) -> Bar:
    """Return an interval as it is drawn; its face is named where there are several."""
    record = item.record
    face = f" face {record.face_id}" if several else ""
    return Bar(
        record.id,
        record.onset_frame,
        record.apex_frame,
        record.offset_frame,
        record.kind,
        item.status,
        f"{record.id} {record.label or record.kind}{face}",
    )


def machine_bar(record: IntervalRecord) -> Bar:
    """Return what the machine had found as it is drawn."""
    return Bar(record.id, record.onset_frame, record.apex_frame, record.offset_frame, record.kind)
