"""What goes out of a review and what comes into it: the dialog of the export, and files of intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtWidgets import QWidget

from megc_live.gui.review.export_dialog import ExportDialog
from megc_live.gui.review.pages import Banner
from megc_live.gui.review.worker import Answer, Work
from megc_live.gui.review.workspace import Workspace
from megc_live.review import Import, ReviewDocument, import_intervals


class Exchange:
    """Imports and exports the document that is shown in a workspace.

    Parameters
    ----------
    view : QWidget
        What dialogs belong to.
    work : Workspace
    banner : Banner
    ask : callable
        Reads something beside the window's thread: ``ask("import", path, work)``. The answer is to be
        handed to :meth:`take`.
    """

    def __init__(
        self,
        view: QWidget,
        work: Workspace,
        banner: Banner,
        ask: Callable[[str, Path, Work], object],
    ) -> None:
        self._view = view
        self._work = work
        self._banner = banner
        self._ask = ask
        self._dialog: ExportDialog | None = None

    @property
    def writing(self) -> bool:
        """Whether an export is being written."""
        return self._dialog is not None and self._dialog.writing

    def read(self, path: Path, document: ReviewDocument) -> None:
        """Read a file of intervals that is to replace those of the document; returns at once."""
        times_s = document.times_s
        self._ask("import", path, lambda ticket: import_intervals(path, times_s))

    def take(self, path: Path, answer: Answer) -> None:
        """Put what was read in the place of what there is, or say why it cannot be."""
        document = self._document
        if answer.error:
            self._banner.tell(answer.error)
        elif document is not None:
            before = len(document.intervals)
            if self._work.editor.apply(Import(path.name, tuple(answer.value))):
                self._banner.tell(
                    f"{len(answer.value)} intervals of {path.name} are in the place of {before}: "
                    "Undo brings those back."
                )

    def export(self, document: ReviewDocument) -> ExportDialog:
        """Ask what is to be exported where; the dialog does the rest."""
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = ExportDialog(document, self._view)
        self._dialog.open()
        return self._dialog

    def shutdown(self, timeout_s: float) -> bool:
        """End what is being written; False if it hangs and was left behind."""
        return self._dialog is None or self._dialog.shutdown(timeout_s)

    @property
    def _document(self) -> ReviewDocument | None:
        return self._work.opened.document if self._work.opened is not None else None
