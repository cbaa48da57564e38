"""events.json: all that is known of each event, except pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from megc_live.events import LABELS, Event
from megc_live.output.base import FileSink
from megc_live.output.recording import Recording
from megc_live.output.registry import SINKS
from megc_live.output.reviewed import ReviewInterval, Seen
from megc_live.output.session import SCHEMA_VERSION, SessionInfo, to_json

EVENTS = "events.json"


@SINKS.register("json", summary="all events with everything but pictures", files=(EVENTS,))
class JsonSink(FileSink):
    """One object with ``schema_version``, ``notice``, ``source``, ``recording`` and the list ``events``."""

    names = (EVENTS,)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._events: list[dict[str, Any]] = []

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._events.append(event_values(event))

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Keep what is to be written of the interval."""
        self._events.append(reviewed_values(item))

    def finish(self) -> None:
        """Write all events."""
        source = self.session.source
        record = {
            "schema_version": SCHEMA_VERSION,
            "notice": self.session.notice,
            "source": {"spec": source.spec, "name": source.name},
            "recording": Recording.of(self.session).as_dict(),
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


def reviewed_values(item: ReviewInterval) -> dict[str, Any]:
    """Return an interval of a review in the layout of :func:`event_values`, with who has said what."""
    record, chances = item.record, item.record.probabilities
    return {
        "id": record.id,
        "face_id": record.face_id,
        "interval": {
            "onset": record.onset_frame,
            "apex": record.apex_frame,
            "offset": record.offset_frame,
            "onset_s": record.onset_s,
            "apex_s": record.apex_s,
            "offset_s": record.offset_s,
            "score": record.score,
            "kind": record.kind,
            "regions": list(record.regions),
            "n_dropped": record.n_dropped,
        },
        "recognition": None
        if not record.label and chances is None
        else {
            "label": record.label,
            "probabilities": None if chances is None else dict(zip(LABELS, chances, strict=True)),
        },
        "source": record.source,
        "reviewer": record.reviewer,
        "review": {"status": item.status, "comment": item.comment, "changed": item.changed},
    }
