"""What every sink has in common, and the names that ``--export`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from megc_live.events import Event, FrameRow
from megc_live.output.files import PendingFile
from megc_live.output.reviewed import ReviewInterval, Seen
from megc_live.registry import Registry


class Sink(Protocol):
    """Writes one kind of result into a folder.

    A sink is made with ``(folder: Path, session: SessionInfo)``; it makes the folder if it is not
    there and raises :class:`~megc_live.errors.OutputError` at once if it cannot write. Rows and
    events come in the order in which the engine hands them out. What the sink is handed is not
    changed by it, and ``session`` is read at :meth:`close`, when the caller has filled it.
    """

    def on_row(self, row: FrameRow) -> None:
        """Take the next row."""

    def on_event(self, event: Event) -> None:
        """Take the next event."""

    def on_interval(self, item: ReviewInterval, seen: Seen | None = None) -> None:
        """Take the next interval of a review, in place of events."""

    def prepare(self) -> Sequence[PendingFile]:
        """Write all that is to be written, still under temporary names, and return those files.

        For who gives the files of several sinks their names together; ``close(False)`` then leaves what
        has been given its name. Raises as :meth:`close` does.
        """

    def close(self, ok: bool) -> None:
        """Finish; calling it again does nothing.

        With ``ok`` the files appear under their final names, whole. Without it nothing is left of
        this run, and what an earlier run wrote stays as it was.

        Raises
        ------
        OutputError
            A file could not be written; nothing is left of this run then either.
        """


SINKS: Registry[Sink] = Registry("export")
"""Every kind of output; capabilities: ``files``, the names that it writes, relative to the folder."""
