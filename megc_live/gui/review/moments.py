"""Pages beside the video: the marks side by side, the magnified replay, the flow picture."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from megc_live.events import LABELS, Pictures
from megc_live.gui import theme
from megc_live.gui.review.looks import Clip, Flow
from megc_live.gui.review.picture import Picture, image_of
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.words import clock
from megc_live.recognition.crop import CROP_SIZE

MARKS = ("onset", "apex", "offset")
MOST_FACTOR = 30
COMPUTING = "Computing …"


class _Titled(QWidget):
    """A picture with a line above it."""

    clicked = pyqtSignal()

    def __init__(self, title: str, *, smooth: bool = True, tip: str = "") -> None:
        super().__init__()
        self.title = QLabel(title)
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.picture = Picture(smooth=smooth)
        self.setToolTip(tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.title)
        layout.addWidget(self.picture, 1)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.clicked.emit()


class FacesPage(QWidget):
    """The aligned face at onset, apex and offset; a click shows that frame of the video.

    Attributes
    ----------
    sought : pyqtSignal(str)
        ``"onset"``, ``"apex"`` or ``"offset"`` was clicked.
    """

    sought = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.cells = {}
        for mark in MARKS:
            cell = _Titled(
                mark, tip=f"Aligned face on the {mark} frame; a click shows the frame in the video"
            )
            cell.clicked.connect(lambda name=mark: self.sought.emit(name))
            self.cells[mark] = cell
            layout.addWidget(cell)

    def show_interval(self, item: ReviewInterval) -> None:
        """Say which frames they are."""
        for mark, cell in self.cells.items():
            frame, time_s = getattr(item.record, f"{mark}_frame"), getattr(item.record, f"{mark}_s")
            cell.title.setText(f"{mark} · {frame} · {clock(time_s, 0.001)}")

    def show_pictures(self, pictures: Pictures) -> None:
        """Show the three faces."""
        for mark, cell in self.cells.items():
            cell.picture.show_rgb(getattr(pictures, mark))

    def show_text(self, text: str) -> None:
        """Say why there are none (yet)."""
        for cell in self.cells.values():
            cell.picture.show_text(text)


class MagnifiedPage(QWidget):
    """The aligned face of the frame that the player is on, as recorded and with its movement enlarged.

    Attributes
    ----------
    factor_changed : pyqtSignal()
        Another factor is wanted.
    """

    factor_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.clip: Clip | None = None
        self._frame = 0
        self.plain = _Titled("as recorded", tip="The aligned face on the player's frame")
        self.large = _Titled("magnified", tip="The same with its movement since the first picture enlarged")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, MOST_FACTOR)
        self.slider.setValue(10)
        self.slider.setToolTip(
            "Factor: a movement d is shown as (1 + factor) d, linear Eulerian magnification (Ctrl+-, Ctrl++)"
        )
        self.text = QLabel()
        self.text.setMinimumWidth(82)
        self.slider.valueChanged.connect(self._moved)
        row = QHBoxLayout()
        row.addWidget(self.plain)
        row.addWidget(self.large)
        below = QHBoxLayout()
        below.addWidget(QLabel("Factor"))
        below.addWidget(self.slider, 1)
        below.addWidget(self.text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row, 1)
        layout.addLayout(below)
        self._say_factor()

    @property
    def factor(self) -> float:
        """The factor that is wanted."""
        return float(self.slider.value())

    def change_factor(self, by: int) -> None:
        """Move the slider."""
        self.slider.setValue(self.slider.value() + by)

    def show_clip(self, clip: Clip) -> None:
        """Show another clip, on the player's frame."""
        self.clip = clip
        self.show_frame(self._frame)

    def show_text(self, text: str) -> None:
        """Say why there is nothing (yet)."""
        self.clip = None
        self.plain.picture.show_text(text)
        self.large.picture.show_text(text)

    def show_frame(self, frame: int) -> None:
        """The player is on another frame."""
        self._frame = frame
        if self.clip is None:
            return
        if frame in self.clip.frames:
            k = self.clip.frames.index(frame)
            self.plain.picture.show_rgb(self.clip.plain[k])
            self.large.picture.show_rgb(self.clip.magnified[k])
            return
        first, last = self.clip.frames[0], self.clip.frames[-1]
        text = f"Frame {frame} is not in the replay, {first} to {last}: Shift+Space plays the interval."
        self.plain.picture.show_text(text)
        self.large.picture.show_text(text)

    def _moved(self) -> None:
        self._say_factor()
        self.factor_changed.emit()

    def _say_factor(self) -> None:
        self.text.setText(f"x {1 + self.slider.value()} (+{self.slider.value()})")
        self.large.title.setText(f"movement x {1 + self.slider.value()}")


class _Scale(QWidget):
    """The colours of a flow picture from its least to its greatest value."""

    def __init__(self, low: str, high: str) -> None:
        super().__init__()
        self._low, self._high = low, high
        self.setFixedHeight(30)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        ramp = image_of(theme.activity_rgb(np.linspace(0, 1, 128))[None])
        painter.drawImage(QRectF(0, 2, self.width(), 9), ramp)
        painter.setPen(theme.colour("ink"))
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        rect = self.rect().adjusted(0, 12, 0, 0)
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft, self._low)
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight, self._high)


_PIXELS = f"in pixels of the aligned face of {CROP_SIZE[0]} x {CROP_SIZE[1]}, less the head's motion"
_CHANNELS = (
    (
        "u: sideways, pixels",
        "left",
        "right",
        f"Motion to the picture's left or right from onset to apex, {_PIXELS}",
    ),
    ("v: up, down, pixels", "up", "down", f"Motion up or down in the picture from onset to apex, {_PIXELS}"),
    (
        "strain, per pixel",
        "none",
        "most",
        "Optical strain: how much the skin is stretched or sheared, change of u and v in pixels per pixel",
    ),
)


class FlowPage(QWidget):
    """The classifier's picture of the interval and its answer.

    Attributes
    ----------
    taken : pyqtSignal(object)
        The answer is to be taken over: a Recognition.
    """

    taken = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flow: Flow | None = None
        self._recorded = False
        self.cells = []
        row = QHBoxLayout()
        row.setSpacing(14)
        for title, low, high, tip in _CHANNELS:
            cell = _Titled(
                title,
                smooth=False,
                tip=f"{tip}; 28 x 28 values, each picture scaled to its own least and greatest",
            )
            layout = cell.layout()
            assert layout is not None
            layout.addWidget(_Scale(low, high))
            self.cells.append(cell)
            row.addWidget(cell)
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        self.note = QLabel("From the compressed recording: may differ a little from the live answer.")
        self.note.setProperty("role", "soft")
        self.note.setWordWrap(True)
        self.take = QPushButton("Take over")
        self.take.setToolTip("Give the interval this label and these probabilities (T)")
        self.take.clicked.connect(self.take_over)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.answer)
        words.addWidget(self.note)
        below = QHBoxLayout()
        below.addLayout(words, 1)
        below.addWidget(self.take)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addLayout(row, 1)
        whole.addLayout(below)
        self.show_text("")

    @property
    def images(self) -> list[QImage | None]:
        """The three pictures that are shown."""
        return [cell.picture.image for cell in self.cells]

    def set_recorded(self, recorded: bool) -> None:
        """Say whether the video is what a live session recorded, and not what it analysed."""
        self._recorded = recorded

    def show_flow(self, flow: Flow, item: ReviewInterval, can_take: bool) -> None:
        """Show a flow picture, and the answer beside what the interval has now."""
        self.flow = flow
        for k, cell in enumerate(self.cells):
            cell.picture.show_rgb(theme.activity_rgb(flow.image[..., k] / 255))
        record = item.record
        self.note.setVisible(self._recorded and flow.answer is not None)
        if flow.answer is None:
            self.answer.setText(flow.why)
            self.take.setEnabled(False)
            return
        chances = ", ".join(
            f"{name} {p:.2f}" for name, p in zip(LABELS, flow.answer.probabilities, strict=True)
        )
        now = record.label or "none"
        self.answer.setText(f"Classifier, of onset and apex as they are: {chances}. Label now: {now}.")
        same = record.label == flow.answer.label and record.probabilities is not None
        self.take.setEnabled(can_take and not same)

    def show_text(self, text: str) -> None:
        """Say why there is nothing (yet)."""
        self.flow = None
        self.answer.clear()
        self.note.hide()
        self.take.setEnabled(False)
        for cell in self.cells:
            cell.picture.show_text(text)

    def take_over(self) -> None:
        """Ask that the answer be taken over."""
        if self.take.isEnabled() and self.flow is not None and self.flow.answer is not None:
            self.taken.emit(self.flow.answer)
