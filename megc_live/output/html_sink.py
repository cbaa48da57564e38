"""report.html: one file to look at, to print and to send."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import Event, FrameRow, Pictures
from megc_live.output.accumulate import QualityStats, Timeline
from megc_live.output.base import FileSink
from megc_live.output.registry import SINKS
from megc_live.output.reviewed import ReviewInterval, Seen
from megc_live.output.session import SessionInfo
from megc_live.output.tables import IntervalRecord

REPORT = "report.html"
MAX_PICTURED = 300
"""Events that keep their pictures, about 30 kB each: micro-expressions first, the best scores first."""

_JPEG_QUALITY = 88


@dataclass
class ReportEvent:
    """What the report keeps of an interval; ``pictures`` maps onset, apex, offset, flow to data URIs.

    ``decided_s`` is NaN in a review.
    """

    item: ReviewInterval
    decided_s: float
    note: str
    pictures: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> IntervalRecord:
        """The interval's record."""
        return self.item.record


@SINKS.register("html", summary="self-contained report to look at and print", files=(REPORT,))
class HtmlSink(FileSink):
    """Gathers rows into bins and events with small pictures; the page is made at the end."""

    names = (REPORT,)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._timeline = Timeline()
        self._quality = QualityStats()
        self._events: list[ReportEvent] = []
        self._pictured: list[ReportEvent] = []
        self._reviewed = False

    def on_row(self, row: FrameRow) -> None:
        """Add the row to the timeline and to the quality of the recording."""
        self._timeline.add(row)
        self._quality.add(row)

    def on_event(self, event: Event) -> None:
        """Keep the event, and its pictures as long as there is room."""
        flow = None if event.recognition is None else event.recognition.flow_image
        item = ReviewInterval(IntervalRecord.of(event))
        self._keep(ReportEvent(item, event.decided_s, event.note, _encoded(event.pictures, flow)))

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Keep the interval, and its pictures as long as there is room."""
        seen = seen or Seen()
        self._reviewed = True
        self._keep(ReportEvent(item, math.nan, seen.note, _encoded(seen.pictures, seen.flow)))

    def _keep(self, kept: ReportEvent) -> None:
        self._events.append(kept)
        if not kept.pictures:
            return
        self._pictured.append(kept)
        if len(self._pictured) > MAX_PICTURED:
            least = min(self._pictured, key=lambda item: (item.record.kind == "micro", item.record.score))
            least.pictures.clear()
            least.note = f"pictures are kept for the {MAX_PICTURED} best scores only"
            self._pictured.remove(least)

    def finish(self) -> None:
        """Make the page."""
        from megc_live.output.report import render_report  # matplotlib and jinja2, needed only here

        page = render_report(
            self.session, self._timeline, self._quality, self._events, reviewed=self._reviewed
        )
        self.file(REPORT).write(page)


def _encoded(faces: Pictures | None, flow: NDArray[np.uint8] | None) -> dict[str, str]:
    pictures = {}
    if faces is not None:
        for name in ("onset", "apex", "offset"):
            pictures[name] = _data_uri(getattr(faces, name), ".jpg")
    if flow is not None:
        pictures["flow"] = _data_uri(flow, ".png")
    return pictures


def _data_uri(rgb: NDArray[np.uint8], ending: str) -> str:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if ending == ".jpg" else []
    _, data = cv2.imencode(ending, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    kind = "jpeg" if ending == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
