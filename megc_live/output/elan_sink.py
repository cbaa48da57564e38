"""intervals.eaf for ELAN."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from pympi import Elan

from megc_live.events import Event
from megc_live.output.base import FileSink
from megc_live.output.registry import SINKS
from megc_live.output.session import SessionInfo
from megc_live.output.tables import IntervalRecord

EAF = "intervals.eaf"
TIERS = ("micro", "macro", "label")


@SINKS.register("elan", summary="annotation tiers for ELAN", files=(EAF,))
class ElanSink(FileSink):
    """Tiers ``micro``, ``macro`` and ``label``; with several faces each has its own, ``micro@face1``.

    Annotations of one tier must not overlap in ELAN: what would overlap goes to a further tier of
    that name, ``micro (2)``. Times are in whole milliseconds; an annotation lasts at least one.
    """

    names = (EAF,)

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        super().__init__(folder, session)
        self._records: list[IntervalRecord] = []

    def on_event(self, event: Event) -> None:
        """Keep what is to be written of the event."""
        self._records.append(IntervalRecord.of(event))

    def finish(self) -> None:
        """Write the annotation document."""
        eaf = Elan.Eaf(author="megc-live")
        eaf.remove_tier("default")
        if self.session.started:
            eaf.adocument["DATE"] = self.session.started
        self._link_media(eaf)
        faces = sorted({record.face_id for record in self._records}) or [0]
        for face in faces:
            ending = f"@face{face}" if len(faces) > 1 else ""
            tiers = {name: _Tier(eaf, name + ending, f"face {face}") for name in TIERS}
            own = [record for record in self._records if record.face_id == face]
            for record in sorted(own, key=lambda record: (record.onset_s, record.id)):
                tiers[record.kind].add(record, _describe(record))
                if record.probabilities:
                    tiers["label"].add(record, f"{record.label} {max(record.probabilities):.2f}")
        self.file(EAF).write('<?xml version="1.0" encoding="UTF-8"?>\n' + Elan.to_string(eaf))

    def _link_media(self, eaf: Elan.Eaf) -> None:
        source = self.session.source
        if source.kind != "file":
            return
        path = Path(source.spec).resolve()
        kind = mimetypes.guess_type(path.name)[0] or "video/*"
        eaf.add_linked_file(path.as_uri(), relpath=_relative(path, self.folder), mimetype=kind)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows there is no relative path
        return path.as_uri()


def _describe(record: IntervalRecord) -> str:
    regions = f" {', '.join(record.regions)}" if record.regions else ""
    return f"{record.score:.2f} apex {record.apex_s:.3f} s{regions}"


class _Tier:
    """A tier, and further ones where annotations would overlap."""

    def __init__(self, eaf: Elan.Eaf, name: str, participant: str) -> None:
        self._eaf = eaf
        self._name = name
        self._participant = participant
        self._ends: list[int] = []
        self._add_layer()

    def add(self, record: IntervalRecord, value: str) -> None:
        """Add an annotation; they come in the order of their onsets."""
        onset = max(0, round(1000 * record.onset_s))
        offset = max(onset + 1, round(1000 * record.offset_s))
        free = (k for k, end in enumerate(self._ends) if end <= onset)
        layer = next(free, len(self._ends))
        if layer == len(self._ends):
            self._add_layer()
        self._eaf.add_annotation(self._layer_name(layer), onset, offset, value)
        self._ends[layer] = offset

    def _add_layer(self) -> None:
        self._eaf.add_tier(self._layer_name(len(self._ends)), part=self._participant)
        self._ends.append(0)

    def _layer_name(self, layer: int) -> str:
        return self._name if layer == 0 else f"{self._name} ({layer + 1})"
