"""intervals.csv and frames.csv."""

from __future__ import annotations

from pathlib import Path

from megc_live.events import Event, FrameRow
from megc_live.output.base import FileSink
from megc_live.output.columns import FRAME_HEADER, INTERVAL_HEADER
from megc_live.output.registry import SINKS
from megc_live.output.reviewed import ReviewInterval, Seen
from megc_live.output.session import SessionInfo
from megc_live.output.tables import IntervalRecord, csv_line, frame_line, interval_line

INTERVALS, FRAMES = "intervals.csv", "frames.csv"


@SINKS.register("csv", summary="tables of intervals and of frames", files=(INTERVALS, FRAMES))
class CsvSink(FileSink):
    """Writes each row as it comes, so that memory does not grow with the video."""

    names = (INTERVALS, FRAMES)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self.file(INTERVALS).write(csv_line(INTERVAL_HEADER))
        self.file(FRAMES).write(csv_line(FRAME_HEADER))

    def on_row(self, row: FrameRow) -> None:
        """Write the row."""
        self.file(FRAMES).write(frame_line(row))

    def on_event(self, event: Event) -> None:
        """Write the interval; they are few, and the next one may come much later."""
        self.file(INTERVALS).write(interval_line(IntervalRecord.of(event)))
        self.file(INTERVALS).flush()

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Write the interval, unless it was rejected."""
        if item.status != "rejected":
            self.file(INTERVALS).write(interval_line(item.record))

    def finish(self) -> None:
        """Nothing is left to write."""
