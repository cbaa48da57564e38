"""intervals.eaf for ELAN."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Sequence
from pathlib import Path

from pympi import Elan

from megc_live.events import LABELS, Event
from megc_live.output.base import FileSink
from megc_live.output.recording import Recording
from megc_live.output.registry import SINKS
from megc_live.output.reviewed import ReviewInterval, Seen, to_text
from megc_live.output.session import SessionInfo
from megc_live.output.tables import IntervalRecord

EAF = "intervals.eaf"
TIERS = ("micro", "macro", "label")
REVIEW_TIERS = ("rejected", "comment")
PROPERTY = "megc-live:intervals"
"""Name of the document property that holds all that is known of the intervals, as JSON."""
RECORDING_PROPERTY = "megc-live:recording"
"""Name of the document property that says which recording they are of, as JSON."""
BEGINS_PROPERTY = "megc-live:begins-ms"
"""Name of the document property that says when the linked video begins, on the clock of the results."""


@SINKS.register("elan", summary="annotation tiers for ELAN", files=(EAF,))
class ElanSink(FileSink):
    """Tiers ``micro``, ``macro`` and ``label``; with several faces each has its own, ``micro@face1``.

    A review has the tiers ``rejected`` and ``comment`` too. Annotations of one tier must not overlap in
    ELAN: what would overlap goes to a further tier of that name, ``micro (2)``. Times are in whole
    milliseconds; an annotation lasts at least one. Each begins with the number of its interval, ``#3``.

    The times are those of the video that is linked. The recording of a live camera may have been begun later
    than the session: then the times are less by as much, as the document's property ``megc-live:begins-ms``
    says, and what was over before it has no annotation.
    """

    names = (EAF,)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._items: list[ReviewInterval] = []
        self._tiers: tuple[str, ...] = TIERS

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._items.append(ReviewInterval(IntervalRecord.of(event)))

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Keep the interval; there are the tiers of a review then."""
        self._items.append(item)
        self._tiers = (*TIERS, *REVIEW_TIERS)

    def finish(self) -> None:
        """Write the annotation document."""
        eaf = Elan.Eaf(author="megc-live")
        eaf.remove_tier("default")
        if self.session.started:
            eaf.adocument["DATE"] = self.session.started
        begins_ms = self._link_media(eaf)
        if begins_ms:
            eaf.add_property(BEGINS_PROPERTY, str(begins_ms))
        eaf.add_property(PROPERTY, to_text(self._items))
        eaf.add_property(RECORDING_PROPERTY, Recording.of(self.session).to_text())
        faces = sorted({item.record.face_id for item in self._items}) or [0]
        for face in faces:
            ending = f"@face{face}" if len(faces) > 1 or face else ""
            tiers = {name: _Tier(eaf, name + ending, f"face {face}") for name in self._tiers}
            own = [item for item in self._items if item.record.face_id == face]
            for item in sorted(own, key=lambda item: (item.record.onset_s, item.id)):
                if span_ms(item.record)[1] > begins_ms:
                    _annotate(tiers, item, begins_ms)
        self.file(EAF).write('<?xml version="1.0" encoding="UTF-8"?>\n' + Elan.to_string(eaf))

    def _link_media(self, eaf: Elan.Eaf) -> int:
        """Link the video; return when it begins on the clock of the results, whole milliseconds."""
        source, begins_s = self.session.source, 0.0
        path = Path(source.spec)
        recording = source.extras.get("recording")
        if isinstance(recording, dict) and "path" in recording:  # what is shown in a review is that
            path, begins_s = Path(recording["path"]), float(recording["first_s"])
        elif source.kind != "file":
            return 0
        path = path.resolve()
        kind = mimetypes.guess_type(path.name)[0] or "video/*"
        eaf.add_linked_file(path.as_uri(), relpath=_relative(path, self.folder), mimetype=kind)
        return max(0, round(1000 * begins_s))


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows there is no relative path
        return path.as_uri()


def span_ms(record: IntervalRecord, begins_ms: int = 0) -> tuple[int, int]:
    """Return onset and offset as ELAN has them: whole milliseconds, at least one apart.

    On the clock of the results; what began before the linked video begins with it.
    """
    onset = max(begins_ms, round(1000 * record.onset_s))
    return onset, max(onset + 1, round(1000 * record.offset_s))


def _annotate(tiers: dict[str, _Tier], item: ReviewInterval, begins_ms: int) -> None:
    record = item.record
    span = [t_ms - begins_ms for t_ms in span_ms(record, begins_ms)]
    rejected = item.status == "rejected"
    regions = f" {', '.join(record.regions)}" if record.regions else ""
    kind = f"{record.kind} " if rejected else ""
    what = f"{kind}{record.score:.2f} apex {record.apex_s:.3f} s{regions}"
    tiers["rejected" if rejected else record.kind].add(span, record.id, what)
    if record.label and not rejected:
        chance = f" {record.probabilities[LABELS.index(record.label)]:.2f}" if record.probabilities else ""
        tiers["label"].add(span, record.id, record.label + chance)
    if item.comment:
        tiers["comment"].add(span, record.id, item.comment)


class _Tier:
    """A tier, and further ones where annotations would overlap."""

    def __init__(self, eaf: Elan.Eaf, name: str, participant: str) -> None:
        self._eaf = eaf
        self._name = name
        self._participant = participant
        self._ends: list[int] = []
        self._add_layer()

    def add(self, span: Sequence[int], number: int, value: str) -> None:
        """Add an annotation, onset and offset in ms of the video; they come in the order of their onsets."""
        onset, offset = span
        free = (k for k, end in enumerate(self._ends) if end <= onset)
        layer = next(free, len(self._ends))
        if layer == len(self._ends):
            self._add_layer()
        self._eaf.add_annotation(self._layer_name(layer), onset, offset, f"#{number} {value}")
        self._ends[layer] = offset

    def _add_layer(self) -> None:
        self._eaf.add_tier(self._layer_name(len(self._ends)), part=self._participant)
        self._ends.append(0)

    def _layer_name(self, layer: int) -> str:
        return self._name if layer == 0 else f"{self._name} ({layer + 1})"
