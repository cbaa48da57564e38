"""Events in the style of BIDS: a table and a sidecar that explains its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from megc_live.events import Event
from megc_live.output.base import FileSink
from megc_live.output.columns import BIDS_COLUMNS, REVIEWED_BIDS_COLUMNS, Column
from megc_live.output.recording import Recording
from megc_live.output.registry import SINKS
from megc_live.output.reviewed import ReviewInterval, Seen, escaped
from megc_live.output.session import SessionInfo, to_json
from megc_live.output.tables import IntervalRecord, csv_line

# In a folder of their own: the sidecar's name is also that of the json export.
TABLE, SIDECAR = "bids/events.tsv", "bids/events.json"
RECORDING_KEY = "Recording"
"""Name of the sidecar's entry that says which recording the events are of."""


@SINKS.register("bids", summary="BIDS-style events with a sidecar", files=(TABLE, SIDECAR))
class BidsSink(FileSink):
    """``onset`` and ``duration`` in seconds, ``trial_type``, then our columns; ``n/a`` where unknown.

    BIDS wants the events in the order of their onsets, which is not that of their decisions.
    """

    names = (TABLE, SIDECAR)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._items: list[ReviewInterval] = []
        self._columns = BIDS_COLUMNS

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._items.append(ReviewInterval(IntervalRecord.of(event)))

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Keep the interval; the table has the columns of a review then."""
        self._items.append(item)
        self._columns = REVIEWED_BIDS_COLUMNS

    def finish(self) -> None:
        """Write table and sidecar."""
        table = self.file(TABLE)
        names = [column.name for column in self._columns]
        table.write(csv_line(names, "\t"))
        for item in sorted(self._items, key=lambda item: (item.record.onset_s, item.id)):
            cells = _cells(item)
            table.write(csv_line([cells[name] or "n/a" for name in names], "\t"))
        sidecar: dict[str, Any] = {column.name: _described(column) for column in self._columns}
        sidecar["Sources"] = [self.session.source.spec]
        sidecar[RECORDING_KEY] = Recording.of(self.session).as_dict()
        self.file(SIDECAR).write(to_json(sidecar))


def _cells(item: ReviewInterval) -> dict[str, str]:
    record = item.record
    return {
        **item.cells(),
        "onset": repr(record.onset_s),
        "duration": repr(round(record.offset_s - record.onset_s, 6)),
        # Who counts micro-expressions by this column alone must not count rejected ones.
        "trial_type": f"rejected_{record.kind}" if item.status == "rejected" else record.kind,
        "reviewer": escaped(record.reviewer),
        "comment": escaped(item.comment),
    }


def _described(column: Column) -> dict[str, Any]:
    about: dict[str, Any] = {"Description": column.meaning}
    if column.unit:
        about["Units"] = column.unit
    if column.levels:
        about["Levels"] = column.levels
    return about
