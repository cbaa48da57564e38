"""Results out: tables, ELAN, BIDS-style events, the report, the annotated video."""

from __future__ import annotations

from megc_live.output.bids_sink import BidsSink
from megc_live.output.csv_sink import CsvSink
from megc_live.output.elan_sink import ElanSink
from megc_live.output.html_sink import HtmlSink
from megc_live.output.json_sink import JsonSink
from megc_live.output.registry import SINKS, Sink
from megc_live.output.session import (
    PURPOSE_NOTICE,
    SessionInfo,
    SourceRecord,
    decision_delay,
    library_versions,
)
from megc_live.output.tables import IntervalRecord, read_frames, read_intervals, write_intervals

__all__ = [
    "PURPOSE_NOTICE",
    "SINKS",
    "BidsSink",
    "CsvSink",
    "ElanSink",
    "HtmlSink",
    "IntervalRecord",
    "JsonSink",
    "SessionInfo",
    "Sink",
    "SourceRecord",
    "decision_delay",
    "library_versions",
    "read_frames",
    "read_intervals",
    "write_intervals",
]
