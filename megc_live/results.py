"""What every run keeps, recorded or live: the sinks, the counts and the record of the session."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from megc_live.events import Event, FrameRow
from megc_live.output import SINKS, SessionInfo, Sink, SourceRecord, decision_delay, library_versions
from megc_live.settings import Settings
from megc_live.video.base import Source, SourceInfo
from megc_live.video.frame import Frame

ALWAYS = "csv"
"""The sink whose files are written in every run."""
_DELAYS_KEPT = 10_000


class Results:
    """Fills a folder that is still being prepared; nothing in it has its final name before :meth:`close`.

    Parameters
    ----------
    part : Path
        The folder.
    info : SourceInfo
        Of the source as it was opened.
    name : str
        Name of the final folder.
    settings : Settings
    exports : sequence of str
        Names in the SINKS registry, besides what is always written.
    consent : dict, optional
        What the recorded person agreed to.

    Attributes
    ----------
    session : SessionInfo
        The record; :meth:`finish` completes it.
    frames : int
        Frames analysed so far.
    events : dict of int
        Events of each kind so far.
    """

    def __init__(
        self,
        part: Path,
        info: SourceInfo,
        name: str,
        settings: Settings,
        exports: Sequence[str] = (),
        consent: dict[str, Any] | None = None,
    ) -> None:
        source = SourceRecord(info.spec, name, info.kind, info.width, info.height, nominal_fps=info.fps)
        self.session = SessionInfo(
            source,
            settings=settings.model_dump(mode="json"),
            versions=library_versions(),
            consent=copy.deepcopy(consent),
            started=now_text(),
        )
        self.frames = 0
        self.events = {"micro": 0, "macro": 0}
        self._part = part
        self._delays: deque[float] = deque(maxlen=_DELAYS_KEPT)
        self._first_s = self._last_s = 0.0
        self._sinks: list[Sink] = []
        try:
            for export in dict.fromkeys((ALWAYS, *exports)):
                self._sinks.append(SINKS[export].make(part, self.session))
        except BaseException:
            self.discard()
            raise

    def count(self, frame: Frame) -> None:
        """Note a frame that is analysed."""
        self._first_s = self._first_s if self.frames else frame.pts_s
        self._last_s = frame.pts_s
        self.frames += 1

    def take(self, rows: Sequence[FrameRow], events: Sequence[Event]) -> None:
        """Write what the engine handed out; raises :class:`~megc_live.errors.OutputError`."""
        for sink in self._sinks:
            for row in rows:
                sink.on_row(row)
            for event in events:
                sink.on_event(event)
        for event in events:
            self.events[event.interval.kind] += 1
            if event.interval.kind == "micro":  # the stated delay is that of micro-expressions
                self._delays.append(event.decided_s - event.interval.offset_s)

    def finish(
        self,
        source: Source,
        facts: dict[str, Any],
        *,
        stages: Sequence[dict[str, Any]] = (),
        extras: dict[str, Any] | None = None,
        late: int = 0,
        warnings: Sequence[str] = (),
    ) -> None:
        """Complete the record.

        Parameters
        ----------
        source : Source
            What was read: what it lost and put right.
        facts : dict
            What the engine says of itself (``Engine.describe()``).
        stages : sequence of dict
            Stages around the engine's own.
        extras : dict, optional
            Further entries of ``source.extras``.
        late : int
            Frames that came but were dropped because this computer was too slow.
        warnings : sequence of str
            Further things that a reader should know.
        """
        session = self.session
        session.source.frames = self.frames
        session.source.measured_fps = facts["measured_fps"]
        session.source.duration_s = round(self._last_s - self._first_s, 6)
        session.source.extras = {
            "decode_errors": source.decode_errors,
            "dropped": source.dropped,
            "timestamps_repaired": source.timestamps_repaired,
            "rescaled": source.rescaled,
            "ring_scale": facts["ring_scale"],
            **(extras or {}),
        }
        session.models = facts["models"]
        session.provider = facts["provider"]
        session.delay = decision_delay(facts["stated_delay_s"], list(self._delays))
        session.stages = [*facts["stages"], *stages]
        session.events = dict(self.events)
        session.faces_seen = facts["faces_seen"]
        session.warnings = [*source.notes, *facts["warnings"], *_losses(source, late), *warnings]
        session.finished = now_text()

    def close(self) -> None:
        """Give the sinks' files their names in the folder; the record must be complete."""
        for sink in self._sinks:
            sink.close(True)

    def write_session(self) -> None:
        """Write session.json: the last file, it marks the folder as whole."""
        self.session.write(self._part)

    def discard(self) -> None:
        """Leave nothing of the sinks that are still open; calling it again does nothing."""
        for sink in self._sinks:
            sink.close(False)


def now_text() -> str:
    """Return the time of day in ISO 8601 with its offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _losses(source: Source, late: int) -> Iterator[str]:
    if late:
        yield f"{late} frames were dropped because this computer was too slow for the live source"
    if source.dropped:
        yield f"{source.dropped} frames are missing in the source"
    if source.decode_errors:
        yield f"{source.decode_errors} parts of the source could not be decoded"
    if source.rescaled:
        yield f"{source.rescaled} frames came in another size and were scaled to the first one's"
