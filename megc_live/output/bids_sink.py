"""Events in the style of BIDS: a table and a sidecar that explains its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from megc_live.events import Event
from megc_live.output.base import FileSink
from megc_live.output.columns import BIDS_COLUMNS, Column
from megc_live.output.registry import SINKS
from megc_live.output.session import SessionInfo, to_json
from megc_live.output.tables import IntervalRecord, csv_line

# In a folder of their own: the sidecar's name is also that of the json export.
TABLE, SIDECAR = "bids/events.tsv", "bids/events.json"


@SINKS.register("bids", summary="BIDS-style events with a sidecar", files=(TABLE, SIDECAR))
class BidsSink(FileSink):
    """``onset`` and ``duration`` in seconds, ``trial_type``, then our columns; ``n/a`` where unknown.

    BIDS wants the events in the order of their onsets, which is not that of their decisions.
    """

    names = (TABLE, SIDECAR)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._records: list[IntervalRecord] = []

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._records.append(IntervalRecord.of(event))

    def finish(self) -> None:
        """Write table and sidecar."""
        table = self.file(TABLE)
        names = [column.name for column in BIDS_COLUMNS]
        table.write(csv_line(names, "\t"))
        for record in sorted(self._records, key=lambda record: (record.onset_s, record.id)):
            cells = _cells(record)
            table.write(csv_line([cells[name] or "n/a" for name in names], "\t"))
        sidecar: dict[str, Any] = {column.name: _described(column) for column in BIDS_COLUMNS}
        sidecar["Sources"] = [self.session.source.spec]
        self.file(SIDECAR).write(to_json(sidecar))


def _cells(record: IntervalRecord) -> dict[str, str]:
    return {
        "onset": repr(record.onset_s),
        "duration": repr(round(record.offset_s - record.onset_s, 6)),
        "trial_type": record.kind,
        **record.cells(),
    }


def _described(column: Column) -> dict[str, Any]:
    about: dict[str, Any] = {"Description": column.meaning}
    if column.unit:
        about["Units"] = column.unit
    if column.levels:
        about["Levels"] = column.levels
    return about
