"""events.json: all that is known of each event, except pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from megc_live.events import LABELS, Event
from megc_live.output.base import FileSink
from megc_live.output.registry import SINKS
from megc_live.output.session import SCHEMA_VERSION, SessionInfo, to_json

EVENTS = "events.json"


@SINKS.register("json", summary="all events with everything but pictures", files=(EVENTS,))
class JsonSink(FileSink):
    """One object with ``schema_version``, ``source``, ``notice`` and the list ``events``."""

    names = (EVENTS,)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._events: list[dict[str, Any]] = []

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._events.append(event_values(event))

    def finish(self) -> None:
        """Write all events."""
        source = self.session.source
        record = {
            "schema_version": SCHEMA_VERSION,
            "notice": self.session.notice,
            "source": {"spec": source.spec, "name": source.name},
            "events": self._events,
        }
        self.file(EVENTS).write(to_json(record))


def event_values(event: Event) -> dict[str, Any]:
    """Return an event as JSON values; ``recognition`` is None where there is none."""
    interval, seen = event.interval, event.recognition
    return {
        "id": event.id,
        "face_id": event.face_id,
        "interval": {
            "onset": interval.onset,
            "apex": interval.apex,
            "offset": interval.offset,
            "onset_s": round(interval.onset_s, 6),
            "apex_s": round(interval.apex_s, 6),
            "offset_s": round(interval.offset_s, 6),
            "score": interval.score,
            "kind": interval.kind,
            "regions": list(interval.regions),
            "n_dropped": interval.n_dropped,
        },
        "decided_s": round(event.decided_s, 6),
        "recognition": None
        if seen is None
        else {"label": seen.label, "probabilities": dict(zip(LABELS, seen.probabilities, strict=True))},
        "note": event.note,
    }
