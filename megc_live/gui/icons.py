"""Icons drawn from lines, so that they are sharp at every resolution and follow the theme."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QIcon, QIconEngine, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from megc_live.gui import theme

_SIDE: Final = 24.0
"""The icons are drawn on a square of this side."""


def icon(name: str, colour: str = "ink") -> QIcon:
    """Return the icon of that name.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    colour : str
        Name of a colour of :mod:`megc_live.gui.theme`; looked up when the icon is painted.

    Raises
    ------
    KeyError
        There is no such icon: a mistake in the program.
    """
    return QIcon(_Drawn(_SHAPES[name], colour))


def switch_icon() -> QIcon:
    """Return the sign of a switch: a box, with a tick in it while the switch is on."""
    return QIcon(_Switch(_box, "ink"))


def names() -> tuple[str, ...]:
    """Return the names of all icons."""
    return tuple(_SHAPES)


class _Drawn(QIconEngine):
    def __init__(self, shape: Callable[[QPainter], None], colour: str) -> None:
        super().__init__()
        self._shape = shape
        self._colour = colour

    def paint(self, painter: QPainter | None, rect: object, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw into ``rect``; on a switch that is on, in the colour of text on the accent."""
        if painter is None:
            return
        area = QRectF(rect)  # type: ignore[call-overload]
        name = "accent_text" if state == QIcon.State.On and self._colour == "ink" else self._colour
        colour = theme.colour("disabled" if mode == QIcon.Mode.Disabled else name)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(area.topLeft())
        side = min(area.width(), area.height())
        painter.scale(side / _SIDE, side / _SIDE)
        pen = QPen(colour, 2.0)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        self._shape(painter)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the icon as pixels on a clear ground."""
        pixels = QPixmap(size)
        pixels.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixels)
        self.paint(painter, QRectF(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixels

    def clone(self) -> QIconEngine:
        """Return a copy."""
        return _Drawn(self._shape, self._colour)


class _Switch(_Drawn):
    def paint(self, painter: QPainter | None, rect: object, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the box, ticked if on."""
        self._shape = _ticked_box if state == QIcon.State.On else _box
        super().paint(painter, rect, mode, state)

    def clone(self) -> QIconEngine:
        """Return a copy."""
        return _Switch(self._shape, self._colour)


def _line(painter: QPainter, *points: tuple[float, float], closed: bool = False) -> None:
    polygon = QPolygonF([QPointF(x, y) for x, y in points])
    (painter.drawPolygon if closed else painter.drawPolyline)(polygon)


def _filled(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.setBrush(painter.pen().color())
    _line(painter, *points, closed=True)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _disc(painter: QPainter, x: float, y: float, radius: float, *, full: bool = True) -> None:
    if full:
        painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _start(p: QPainter) -> None:
    _line(p, (3, 12), (12, 4), (21, 12))
    _line(p, (6, 11), (6, 20), (18, 20), (18, 11))


def _live(p: QPainter) -> None:
    _disc(p, 12, 12, 3.2)
    for radius in (6.5, 10.0):
        box = QRectF(12 - radius, 12 - radius, 2 * radius, 2 * radius)
        p.drawArc(box, -45 * 16, 90 * 16)
        p.drawArc(box, 135 * 16, 90 * 16)


def _process(p: QPainter) -> None:
    for y in (6.0, 12.0, 18.0):
        _disc(p, 4.5, y, 1.2)
        _line(p, (9, y), (21, y))


def _review(p: QPainter) -> None:
    _line(p, (2.5, 19), (7, 19), (10.5, 6), (14, 19), (21.5, 19))
    _line(p, (7, 3), (7, 21.5))
    _line(p, (14.2, 3), (14.2, 21.5))


def _play(p: QPainter) -> None:
    _filled(p, (7, 4), (20, 12), (7, 20))


def _pause(p: QPainter) -> None:
    _filled(p, (6, 5), (9, 5), (9, 19), (6, 19))
    _filled(p, (15, 5), (18, 5), (18, 19), (15, 19))


def _stop(p: QPainter) -> None:
    _filled(p, (6, 6), (18, 6), (18, 18), (6, 18))


def _record(p: QPainter) -> None:
    _disc(p, 12, 12, 6.5)


def _snapshot(p: QPainter) -> None:
    _line(p, (3, 7), (7.5, 7), (9, 4.5), (15, 4.5), (16.5, 7), (21, 7), (21, 19), (3, 19), closed=True)
    _disc(p, 12, 13, 3.5, full=False)


def _camera(p: QPainter) -> None:
    _line(p, (3, 7), (15, 7), (15, 17), (3, 17), closed=True)
    _line(p, (15, 11), (21, 8), (21, 16), (15, 13))


def _file(p: QPainter) -> None:
    _line(p, (6, 3), (14, 3), (18, 7), (18, 21), (6, 21), closed=True)
    _line(p, (14, 3), (14, 7), (18, 7))


def _folder(p: QPainter) -> None:
    _line(p, (3, 19), (3, 5), (9, 5), (11, 8), (21, 8), (21, 19), closed=True)


def _stream(p: QPainter) -> None:
    _disc(p, 5.5, 18.5, 1.6)
    p.drawArc(QRectF(-4.5, 8.5, 20, 20), 0, 90 * 16)
    p.drawArc(QRectF(-9.5, 3.5, 30, 30), 0, 90 * 16)


def _settings(p: QPainter) -> None:
    for y, knob in ((6.0, 15.0), (12.0, 8.0), (18.0, 17.0)):
        _line(p, (3, y), (21, y))
        _disc(p, knob, y, 2.3)


def _help(p: QPainter) -> None:
    path = QPainterPath(QPointF(8, 8))
    path.cubicTo(8, 3, 16.5, 3, 16.5, 8)
    path.cubicTo(16.5, 11.5, 12, 11.5, 12, 15)
    p.drawPath(path)
    _disc(p, 12, 19.5, 0.8)


def _step(direction: int) -> Callable[[QPainter], None]:
    def draw(p: QPainter) -> None:
        x = [12 + direction * d for d in (-5, 5, 7.5)]
        _filled(p, (x[0], 5), (x[1], 12), (x[0], 19))
        _line(p, (x[2], 5), (x[2], 19))

    return draw


def _turn(direction: int) -> Callable[[QPainter], None]:
    def draw(p: QPainter) -> None:
        x = [12 + direction * d for d in (8.5, 3.5, -2, -8)]
        path = QPainterPath(QPointF(x[0], 8))
        path.lineTo(x[2], 8)
        path.cubicTo(x[3], 8, x[3], 18, x[2], 18)
        path.lineTo(x[1], 18)
        p.drawPath(path)
        _line(p, (x[1] + direction, 4), (x[0], 8), (x[1] + direction, 12))

    return draw


def _loop(p: QPainter) -> None:
    p.drawArc(QRectF(4, 4, 16, 16), 60 * 16, 290 * 16)
    tip = (12 + 8 * math.cos(math.radians(60)), 12 - 8 * math.sin(math.radians(60)))
    _line(p, (tip[0] - 4.5, tip[1] - 1.5), tip, (tip[0] - 1.5, tip[1] + 4.5))


def _tick(p: QPainter) -> None:
    _line(p, (4, 13), (10, 19), (20, 6))


def _box(p: QPainter) -> None:
    p.drawRoundedRect(QRectF(3, 3, 18, 18), 3, 3)


def _ticked_box(p: QPainter) -> None:
    _box(p)
    _line(p, (7, 12.5), (11, 16.5), (17, 8))


def _cross(p: QPainter) -> None:
    _line(p, (6, 6), (18, 18))
    _line(p, (18, 6), (6, 18))


def _plus(p: QPainter) -> None:
    _line(p, (12, 4), (12, 20))
    _line(p, (4, 12), (20, 12))


def _warning(p: QPainter) -> None:
    _line(p, (12, 3.5), (21.5, 20), (2.5, 20), closed=True)
    _line(p, (12, 9), (12, 14))
    _disc(p, 12, 17, 0.6)


def _refresh(p: QPainter) -> None:
    p.drawArc(QRectF(4, 4, 16, 16), 30 * 16, 280 * 16)
    _line(p, (20, 3.5), (19.3, 9), (14, 8))


def _arrow(dx: float, dy: float) -> Callable[[QPainter], None]:
    def draw(p: QPainter) -> None:
        def at(along: float, aside: float) -> tuple[float, float]:
            return 12 + along * dx - aside * dy, 12 + along * dy + aside * dx

        _line(p, at(-8, 0), at(8, 0))
        _line(p, at(2, -6), at(8, 0), at(2, 6))

    return draw


def _new_folder(p: QPainter) -> None:
    _folder(p)
    _line(p, (12, 10.5), (12, 16.5))
    _line(p, (9, 13.5), (15, 13.5))


def _tiles(p: QPainter) -> None:
    for x in (4.0, 13.0):
        for y in (4.0, 13.0):
            p.drawRect(QRectF(x, y, 7, 7))


_SHAPES: Final[dict[str, Callable[[QPainter], None]]] = {
    "start": _start,
    "live": _live,
    "process": _process,
    "review": _review,
    "play": _play,
    "pause": _pause,
    "stop": _stop,
    "record": _record,
    "snapshot": _snapshot,
    "camera": _camera,
    "file": _file,
    "folder": _folder,
    "stream": _stream,
    "settings": _settings,
    "help": _help,
    "next": _step(1),
    "previous": _step(-1),
    "undo": _turn(-1),
    "redo": _turn(1),
    "loop": _loop,
    "accept": _tick,
    "reject": _cross,
    "add": _plus,
    "warning": _warning,
    "refresh": _refresh,
    "back": _arrow(-1, 0),
    "forward": _arrow(1, 0),
    "up": _arrow(0, -1),
    "new_folder": _new_folder,
    "tiles": _tiles,
}
