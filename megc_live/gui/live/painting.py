"""Overlays of the picture, drawn with QPainter in the pixels of the widget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QImage, QLinearGradient, QPainter, QPen, QPolygonF

from megc_live.face.regions import REGIONS
from megc_live.gui import theme
from megc_live.gui.live.scale import ActivityScale
from megc_live.output.words import region_words

if TYPE_CHECKING:
    from megc_live.live_snapshot import FaceView

_PLATE = QColor(16, 20, 24, 190)
"""Behind words, so that they are read on any picture."""
_WHITE = QColor("#f5f5f5")
_YELLOW = QColor("#f0e442")
_RED = QColor("#c4161c")
_PAD = 5.0


@dataclass(frozen=True)
class Mapping:
    """Where the source's pixels lie in the widget: ``x * scale + left``."""

    scale: float
    left: float
    top: float

    @classmethod
    def fit(cls, source: tuple[int, int], room: tuple[int, int]) -> Mapping:
        """Return the largest picture of ``source`` (width, height) that fits, in the middle of ``room``."""
        scale = min(room[0] / max(1, source[0]), room[1] / max(1, source[1]))
        return cls(scale, (room[0] - source[0] * scale) / 2, (room[1] - source[1] * scale) / 2)

    def points(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return source points, shape (n, 2), in the widget; a pixel's coordinates are its centre's."""
        return (xy + 0.5) * self.scale + (self.left, self.top)

    def rect(self, box: tuple[float, float, float, float]) -> QRectF:
        """Return a box x, y, w, h of the source in the widget."""
        x, y, w, h = box
        s = self.scale
        return QRectF(x * s + self.left, y * s + self.top, w * s, h * s)


def to_image(rgb: NDArray[np.uint8]) -> QImage:
    """Return a picture, shape (h, w, 3), R G B, as a QImage with memory of its own."""
    height, width = rgb.shape[:2]
    return QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def draw_landmarks(painter: QPainter, face: FaceView, at: Mapping) -> None:
    """Draw the mesh points as dots."""
    points = QPolygonF([QPointF(x, y) for x, y in at.points(face.landmarks[:, :2]).tolist()])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(theme.colour("landmark"), 2.0))
    painter.drawPoints(points)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


def draw_regions(painter: QPainter, face: FaceView, at: Mapping, scale: ActivityScale) -> None:
    """Draw the twelve regions as squares: brighter and thicker with activity; dashed if unknown."""
    levels = scale.of_row(face.row.activity)
    side = max(6.0, face.region_px * at.scale)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # squares are as sharp without, and fast
    for (x, y), level in zip(at.points(face.regions).tolist(), levels.tolist(), strict=True):
        square = QRectF(x - side / 2, y - side / 2, side, side)
        if math.isnan(level):
            painter.setPen(QPen(_WHITE, 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(square)
            continue
        colour = theme.activity(level)
        painter.setPen(QPen(QColor(16, 20, 24, 200), 3 + 2 * level))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(square)
        painter.setPen(QPen(colour, 1.4 + 2 * level))
        fill = QColor(colour)
        fill.setAlpha(int(70 + 90 * level))
        painter.setBrush(fill)
        painter.drawRect(square)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


def draw_head_box(painter: QPainter, face: FaceView, at: Mapping, *, several: bool, taken: float) -> None:
    """Draw the face's box, with the face's number where there are several.

    Parameters
    ----------
    taken : float
        Height at the top of the widget that words already cover, in its pixels.
    """
    if any(math.isnan(value) for value in face.box):
        return
    box = at.rect(face.box)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(16, 20, 24, 160), 3.5), (_WHITE, 1.4)):
        painter.setPen(QPen(colour, width))
        painter.drawRoundedRect(box, 6, 6)
    if several:
        plate(painter, f"face {face.face_id}", QPointF(box.left(), max(taken, box.top() - 22)), _WHITE)


def draw_strongest(
    painter: QPainter, face: FaceView, at: Mapping, scale: ActivityScale, right: float
) -> None:
    """Write the name of the most active region beside it, where it is well above the rest state.

    Parameters
    ----------
    right : float
        Where the room for words ends, in pixels of the widget: they stand to the region's left instead.
    """
    levels = scale.of_row(face.row.activity)
    if not np.isfinite(levels).any():
        return
    strongest = int(np.nanargmax(levels))
    if levels[strongest] < 0.25:
        return
    value = float(scale.values(np.asarray(face.row.activity))[strongest])
    x, y = at.points(face.regions[strongest : strongest + 1])[0].tolist()
    beside = face.region_px * at.scale / 2 + 4
    words = f"{region_words(REGIONS[strongest])} {value:.1f}"
    wide = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2 * _PAD
    left = x + beside if x + beside + wide <= right else x - beside - wide
    plate(painter, words, QPointF(left, y - 10), _WHITE)


def draw_warnings(painter: QPainter, words: tuple[str, ...], corner: QPointF, wide: float) -> None:
    """Write one warning a line with a triangle before it, each cut to ``wide`` pixels."""
    metrics = QFontMetricsF(painter.font())
    y = corner.y()
    for word in words:
        line = metrics.elidedText(f"▲ {word}", Qt.TextElideMode.ElideRight, wide - 2 * _PAD)
        y += plate(painter, line, QPointF(corner.x(), y), _YELLOW) + 3


def draw_legend(painter: QPainter, scale: ActivityScale, right_bottom: QPointF) -> None:
    """Draw the colour bar of activity between its ends, with its unit: one line, to hide little."""
    metrics = QFontMetricsF(painter.font())
    low, high = "activity 0", f"{scale.full:g} {scale.unit}"
    before, after, bar = metrics.horizontalAdvance(low), metrics.horizontalAdvance(high), 60.0
    area = QRectF(0, 0, before + bar + after + 4 * _PAD, metrics.height() + 4)
    area.moveBottomRight(right_bottom)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PLATE)
    painter.drawRoundedRect(area, 3, 3)
    colours = QRectF(area.left() + before + 2 * _PAD, area.top() + 5, bar, area.height() - 10)
    gradient = QLinearGradient(colours.topLeft(), colours.topRight())
    for step in range(11):
        gradient.setColorAt(step / 10, theme.activity(step / 10))
    painter.setBrush(gradient)
    painter.drawRect(colours)
    painter.setPen(_WHITE)
    inside = area.adjusted(_PAD, 0, -_PAD, 0)
    painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, low)
    painter.drawText(inside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, high)


def draw_recording(painter: QPainter, words: str, right_top: QPointF, *, going: bool = True) -> None:
    """Draw the sign that the picture is being recorded: a red plate with a dot and words.

    Where it is no longer ``going``, the plate is black and has a cross.
    """
    font = QFont(painter.font())
    font.setBold(True)
    painter.save()
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    area = QRectF(0, 0, metrics.horizontalAdvance(words) + 30, metrics.height() + 8)
    area.moveTopRight(right_top)
    painter.setPen(QPen(_WHITE, 1.5))
    painter.setBrush(_RED if going else Qt.GlobalColor.black)
    painter.drawRoundedRect(area, 5, 5)
    painter.setBrush(_WHITE)
    at = QPointF(area.left() + 13, area.center().y())
    if going:
        painter.drawEllipse(at, 5, 5)
    else:
        for down in (-4, 4):
            painter.drawLine(at + QPointF(-4, -down), at + QPointF(4, down))
    painter.drawText(area.adjusted(22, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, words)
    painter.restore()


def banner(painter: QPainter, words: str, top_middle: QPointF) -> None:
    """Write an instruction for the person in front of the camera, larger than everything else."""
    font = QFont(painter.font())
    font.setPixelSize(18)
    font.setBold(True)
    painter.save()
    painter.setFont(font)
    wide = QFontMetricsF(font).horizontalAdvance(words) + 2 * _PAD
    plate(painter, words, QPointF(top_middle.x() - wide / 2, top_middle.y()), _WHITE)
    painter.restore()


def plate(painter: QPainter, words: str, corner: QPointF, colour: QColor) -> float:
    """Write on a dark plate with its upper left corner at ``corner``; return its height."""
    metrics = QFontMetricsF(painter.font())
    area = QRectF(corner.x(), corner.y(), metrics.horizontalAdvance(words) + 2 * _PAD, metrics.height() + 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PLATE)
    painter.drawRoundedRect(area, 3, 3)
    painter.setPen(colour)
    painter.drawText(area.adjusted(_PAD, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
    return area.height()
