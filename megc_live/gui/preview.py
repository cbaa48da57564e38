"""A look through the camera before the session: no analysis, nothing is kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QImage, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from megc_live.errors import MegcError
from megc_live.gui import theme
from megc_live.video.base import Source, SourceInfo

MAX_SIDE = 960
"""Longest side of the pictures that are handed to the painter, px."""
RATE_OVER_S = 2.0
PAINT_EVERY_MS = 33
LET_GO_S = 5.0
"""How long the next opening waits for a device that is being closed; one that hangs is then left behind."""
OFF = "No picture: the camera is off."

PreviewState = Literal["opening", "running", "ended", "failed"]


@dataclass(frozen=True)
class PreviewNow:
    """What is known at a moment.

    Attributes
    ----------
    state : str
        ``"opening"``, ``"running"``, ``"ended"`` or ``"failed"``.
    message : str
        What went wrong and what to do, where it has failed.
    info : SourceInfo or None
        Size and codec, once it is open.
    fps : float
        Frames per second, measured over the last two seconds; NaN until there are some.
    picture : ndarray or None
        Newest picture, shape (h, w, 3), uint8, R G B, no side longer than 960.
    count : int
        Pictures so far.
    """

    state: PreviewState
    message: str
    info: SourceInfo | None
    fps: float
    picture: NDArray[np.uint8] | None
    count: int


class Preview:
    """Reads a source in a thread of its own and keeps the newest picture.

    Parameters
    ----------
    make : callable
        Opens the source: called in the thread.
    """

    def __init__(self, make: Callable[[], Source]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._source: Source | None = None
        self._now = PreviewNow("opening", "", None, float("nan"), None, 0)
        # A daemon: a camera whose driver hangs cannot keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
        self._thread.start()

    def now(self) -> PreviewNow:
        """Return the state of this moment; takes microseconds."""
        return self._now

    def stop(self) -> None:
        """Ask it to close the source; returns at once."""
        self._stop.set()
        with self._lock:
            if self._source is not None:
                self._source.interrupt()

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until the source is closed; False if that takes longer. Not for the window's thread."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def is_closed(self) -> bool:
        """Return whether the source has been closed."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._make() as source:
                with self._lock:
                    self._source = source
                self._read(source)
        except MegcError as error:
            self._now = PreviewNow("failed", str(error), None, float("nan"), None, self._now.count)
        except Exception as error:  # a driver's own: shown to the user like ours
            message = f"the preview failed: {str(error) or type(error).__name__}."
            self._now = PreviewNow("failed", message, None, float("nan"), None, self._now.count)
        finally:
            with self._lock:
                self._source = None

    def _read(self, source: Source) -> None:
        times: deque[float] = deque()
        count, picture, painted = 0, None, -1.0
        while not self._stop.is_set() and (frame := source.read()) is not None:
            count += 1
            times.append(frame.t_capture)
            while times[-1] - times[0] > RATE_OVER_S:
                times.popleft()
            span = times[-1] - times[0]
            fps = (len(times) - 1) / span if span > 0 else float("nan")
            if picture is None or frame.t_capture - painted >= PAINT_EVERY_MS / 1000:
                picture, painted = frame.image.rgb(MAX_SIDE), frame.t_capture
            self._now = PreviewNow("running", "", source.info, fps, picture, count)
        self._now = PreviewNow("ended", "", source.info, float("nan"), None, count)


class PreviewPicture(QWidget):
    """Shows what a :class:`Preview` has read last; asks it on a timer.

    Parameters
    ----------
    parent : QWidget, optional
        Where it is shown.
    """

    told = pyqtSignal(object)
    """The :class:`PreviewNow` that is shown, at each change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preview: Preview | None = None
        self._image: QImage | None = None
        self._seen: PreviewNow | None = None
        self._text = OFF
        self._timer = QTimer(self)
        self._timer.setInterval(PAINT_EVERY_MS)
        self._timer.timeout.connect(self._look)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.setToolTip("The camera's picture, mirrored as in a mirror; nothing is analysed or stored")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return the size that it would like, px."""
        return QSize(480, 300)

    def show_preview(self, preview: Preview) -> None:
        """Show this one from now on; the one before is stopped."""
        self.stop()
        self.preview = preview
        self._timer.start()
        self._look()

    def stop(self) -> None:
        """Ask the preview to end and show that the camera is off."""
        if self.preview is not None:
            self.preview.stop()
        self.preview, self._image, self._seen = None, None, None
        self._timer.stop()
        self._text = OFF
        self.update()

    def _look(self) -> None:
        if self.preview is None:
            return
        now = self.preview.now()
        if now is self._seen:
            return
        self._seen = now
        if now.picture is None:
            self._image = None
            opening = now.state == "opening"
            self._text = "Opening ..." if opening else now.message or "The source has ended."
        else:
            height, width = now.picture.shape[:2]
            self._image = QImage(now.picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            self._image = self._image.copy()  # the bytes are Python's: Qt must not outlive them
        if now.state in ("ended", "failed"):
            self._timer.stop()
        self.update()
        self.told.emit(now)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the picture as large as fits, or say why there is none."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("raised"))
        if self._image is None:
            painter.setPen(theme.colour("soft"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(12, 12, -12, -12), int(flags), self._text)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        painter.translate(self.width() / 2, self.height() / 2)
        painter.scale(-1, 1)  # as in a mirror: what people expect when they move into the middle
        painter.drawImage(QRectF(-width / 2, -height / 2, width, height), self._image)


def measured_text(now: PreviewNow) -> str:
    """Return size and rate as a line to read."""
    if now.info is None:
        return ""
    size = f"{now.info.width} x {now.info.height} px"
    rate = "measuring the rate ..." if np.isnan(now.fps) else f"{now.fps:.1f} frames/s measured"
    return f"{size}, {rate}"


def wait_then_open(preview: Preview | None, make: Callable[[], Source]) -> Callable[[], Source]:
    """Return a maker of the source that first waits until the preview has let go of the device.

    Called in the thread of the session: two openings of one camera would get in each other's way.
    """

    def opened() -> Source:
        if preview is not None:
            limit = time.monotonic() + LET_GO_S
            while not preview.is_closed() and time.monotonic() < limit:
                preview.wait_closed(0.2)
        return make()

    return opened
