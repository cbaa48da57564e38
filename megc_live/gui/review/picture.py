"""A picture that fills its widget and keeps its proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from megc_live.gui import theme


def image_of(rgb: NDArray[np.uint8]) -> QImage:
    """Return a picture, (h, w, 3) uint8 R G B, as an image that owns its pixels."""
    pixels = np.ascontiguousarray(rgb)
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class Picture(QWidget):
    """Shows one picture, or a line of text while there is none.

    Parameters
    ----------
    text : str
        What is shown without a picture.
    smooth : bool
        False shows each pixel as a square: for pictures of few pixels.
    """

    def __init__(self, text: str = "", *, smooth: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._text = text
        self._smooth = smooth
        self._box: tuple[float, float, float, float] | None = None
        self.setMinimumSize(60, 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    def show_rgb(self, rgb: NDArray[np.uint8]) -> None:
        """Show a picture, (h, w, 3) uint8 R G B."""
        self._image = image_of(rgb)
        self.update()

    def show_text(self, text: str) -> None:
        """Show a line of text in place of the picture."""
        self._image, self._text = None, text
        self.update()

    def show_box(self, box: tuple[float, float, float, float] | None) -> None:
        """Draw a box, x, y, width, height in pixels of the picture, or none."""
        if box != self._box:
            self._box = box
            self.update()

    def sizeHint(self) -> QSize:
        """Size without anything else to go by."""
        return QSize(320, 240)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture, or the text."""
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), theme.colour("raised"))
            painter.setPen(theme.colour("soft"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), flags, self._text)
            return
        target = self._target(self._image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
        painter.drawImage(target, self._image)
        if self._box is not None:
            scale = target.width() / self._image.width()
            x, y, width, height = (value * scale for value in self._box)
            painter.setPen(QPen(theme.colour("landmark"), 1.5, Qt.PenStyle.DashLine))
            painter.drawRect(QRectF(target.x() + x, target.y() + y, width, height))

    def _target(self, image: QImage) -> QRectF:
        scale = min(self.width() / image.width(), self.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
