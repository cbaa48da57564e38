"""The part that all sinks share: files that are published together or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from megc_live.events import Event, FrameRow
from megc_live.output.files import PendingFile
from megc_live.output.reviewed import ReviewInterval, Seen
from megc_live.output.session import SessionInfo


class FileSink(ABC):
    """A sink that writes the files named in ``names``; see :class:`megc_live.output.registry.Sink`."""

    names: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path, session: SessionInfo) -> None:
        self.folder = folder
        self.session = session
        self._pending: list[PendingFile] = []
        self._closed = self._prepared = False
        try:
            for name in self.names:
                self._pending.append(PendingFile(folder / name))
        except BaseException:
            self._discard()
            raise

    def on_row(self, row: FrameRow) -> None:  # noqa: B027  (most outputs are of events alone)
        """Take the next row."""

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Take the next event."""

    @abstractmethod
    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Take the next interval of a review, in place of events; ``seen``: pictures, for the report."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is still to be written; the session is complete now."""

    def file(self, name: str) -> PendingFile:
        """Return the file that becomes ``name``."""
        return self._pending[self.names.index(name)]

    def prepare(self) -> Sequence[PendingFile]:
        """Write all there is, still under temporary names; the session is complete now."""
        if not self._prepared:
            self._prepared = True
            self.finish()
            for pending in self._pending:
                pending.finish()
        return self._pending

    def close(self, ok: bool) -> None:
        """Publish all files, or none; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        if not ok:
            self._discard()
            return
        try:
            self.prepare()
            for pending in self._pending:
                pending.publish()
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        for pending in reversed(self._pending):  # the first one may have made the folder of all
            pending.discard()
