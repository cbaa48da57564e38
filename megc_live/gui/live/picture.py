"""The live picture: the newest analysed frame with what was measured on it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from megc_live.gui.live import painting
from megc_live.gui.live.painting import Mapping
from megc_live.gui.live.scale import ActivityScale
from megc_live.live import StageStats

if TYPE_CHECKING:
    from megc_live.live_snapshot import FaceView, Snapshot
    from megc_live.video.frame import Frame

_ROOM = QColor(16, 20, 24)
_MOST_SIDE = 1920
_SIGN = 30.0
"""Height of the sign that is shown while recording."""
RECENT = 300
"""Pictures that the latency on the screen is measured over: about 10 s."""


@dataclass(frozen=True)
class Shown:
    """Which overlays are switched on."""

    landmarks: bool = False
    regions: bool = True
    head_box: bool = True
    warnings: bool = True


class Picture(QWidget):
    """Paints one snapshot at a time; whoever owns it decides when (:meth:`show_snapshot`).

    Parameters
    ----------
    now : callable
        The clock of ``Frame.t_capture``.

    Attributes
    ----------
    stats : StageStats
        ``paint``: analysed frames that were given, painted, or replaced before they were painted; the
        latency is from capture to the end of painting.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._snapshot: Snapshot | None = None
        self._image: QImage | None = None
        self._image_of: tuple[int, float, int] | None = None
        self._unpainted: Frame | None = None
        self._newest: tuple[int, float] | None = None
        self._shown = Shown()
        self._scale = ActivityScale()
        self.stats = StageStats("paint")
        self._latencies: deque[float] = deque(maxlen=RECENT)
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Live picture")

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(560, 400)

    @property
    def shown(self) -> Shown:
        """The overlays that are switched on."""
        return self._shown

    def switch(self, name: str, on: bool) -> None:
        """Switch an overlay, named as in :class:`Shown`."""
        self._shown = replace(self._shown, **{name: on})
        self.update()

    def set_scale(self, scale: ActivityScale) -> None:
        """Set what the regions' colours stand for."""
        self._scale = scale
        self.update()

    def reset(self) -> None:
        """Forget the last session's picture and figures."""
        self._snapshot = self._image = self._image_of = self._unpainted = self._newest = None
        self.stats = StageStats("paint")
        self._latencies.clear()
        self.update()

    def latency_s(self, percent: float) -> float:
        """Return a percentile of the newest :data:`RECENT` pictures' latencies, seconds; NaN before one."""
        return float(np.percentile(self._latencies, percent)) if self._latencies else math.nan

    def is_new(self, snapshot: Snapshot) -> bool:
        """Return whether the snapshot has another frame to paint than the one taken last."""
        frame = _frame_of(snapshot)
        return frame is not None and (frame.index, frame.pts_s) != self._newest

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take what is to be painted next; an analysed frame that was not painted yet is given up."""
        frame = _frame_of(snapshot)
        if frame is not None and self.is_new(snapshot) and self.isVisible():
            self._newest = (frame.index, frame.pts_s)
            if frame is snapshot.analysed:
                self.stats.enqueued += 1
                self.stats.dropped += self._unpainted is not None
                self._unpainted = frame
        self._snapshot = snapshot
        self.repaint()  # now, not after whatever else the window has to do

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102
        began = time.perf_counter()
        painter = QPainter(self)
        painter.fillRect(self.rect(), _ROOM)
        snapshot = self._snapshot
        frame = _frame_of(snapshot) if snapshot is not None else None
        if snapshot is None or frame is None:
            return
        at = Mapping.fit((frame.image.width, frame.image.height), (self.width(), self.height()))
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        target = at.rect((0, 0, frame.image.width, frame.image.height))
        painter.drawImage(target, self._pixels(frame))
        if snapshot.state == "lost":
            painter.fillRect(target, QColor(16, 20, 24, 150))
        # Words stay inside the picture where it is wide enough, else they use the room beside it.
        area = target if target.width() > 320 else QRectF(self.rect())
        painter.setFont(self.font())
        faces = snapshot.faces if frame is snapshot.analysed else ()
        self._overlays(painter, snapshot, faces, at, area)
        painter.end()
        self._painted(began)

    def _overlays(
        self, painter: QPainter, snapshot: Snapshot, faces: tuple[FaceView, ...], at: Mapping, area: QRectF
    ) -> None:
        shown = self._shown
        corner = QPointF(area.left() + 8, area.top() + 8)
        for face in faces:
            if shown.landmarks:
                painting.draw_landmarks(painter, face, at)
            if shown.regions:
                painting.draw_regions(painter, face, at, self._scale)
                painting.draw_strongest(painter, face, at, self._scale, area.right())
            if shown.head_box:
                painting.draw_head_box(painter, face, at, several=len(faces) > 1, taken=area.top())
        if shown.warnings:
            below = _SIGN if snapshot.recording is not None else 0.0  # the sign stands to their right
            wide = area.width() - 16
            painting.draw_warnings(painter, snapshot.warnings, corner + QPointF(0, below), wide)
        if shown.regions and faces:
            painting.draw_legend(painter, self._scale, QPointF(area.right() - 8, area.bottom() - 8))
        if snapshot.state == "paused":
            painting.plate(
                painter, "❚❚ PAUSED: not analysed", QPointF(corner.x(), area.bottom() - 32), QColor("white")
            )
        if snapshot.baseline_left_s > 0:
            words = f"Relax your face  {snapshot.baseline_left_s:.1f} s"
            painting.banner(painter, words, QPointF(area.center().x(), area.bottom() - 70))
        if snapshot.recording is not None:
            painting.draw_recording(
                painter,
                recording_words(snapshot),
                QPointF(area.right() - 8, area.top() + 8),
                going=not snapshot.recording.error,
            )

    def _pixels(self, frame: Frame) -> QImage:
        """Return the frame's picture, converted once; shrunk by a whole factor where it is far too large.

        The rest of the scaling is left to the painter: shrinking by other factors takes longer than
        everything else here.
        """
        longest = max(frame.image.width, frame.image.height)
        room = min(_MOST_SIDE, round(max(self.width(), self.height()) * self.devicePixelRatioF()))
        side = round(longest / max(1, longest // max(1, room)))
        key = (frame.index, frame.pts_s, side)
        if self._image is None or key != self._image_of:
            self._image, self._image_of = painting.to_image(frame.image.rgb(max_side=side)), key
        return self._image

    def _painted(self, began: float) -> None:
        frame, self._unpainted = self._unpainted, None
        if frame is None:
            return
        self.stats.processed += 1
        self.stats.busy_s += time.perf_counter() - began
        latency = self._now() - frame.t_capture
        self.stats.add_latency(latency)
        self._latencies.append(latency)


def _frame_of(snapshot: Snapshot) -> Frame | None:
    """Return the frame to paint: while nothing is analysed the newest one, without overlays."""
    if snapshot.state == "paused" or snapshot.analysed is None:
        return snapshot.frame
    return snapshot.analysed


def recording_words(snapshot: Snapshot) -> str:
    """Return what is said of the recording: ``REC 120 frames, 0 dropped``; nothing is while paused."""
    stats = snapshot.recording
    if stats is None:
        return ""
    if stats.error:
        return f"not recording: {stats.error}"
    halted = " paused:" if snapshot.state == "paused" else ""
    return f"REC{halted} {stats.written} frames, {stats.dropped} dropped"
