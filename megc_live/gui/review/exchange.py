"""What goes out of a review and what comes into it: exports, files of intervals, the video's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtWidgets import QMessageBox, QWidget

from megc_live.gui.banner import Banner, Offer
from megc_live.gui.questions import ask
from megc_live.gui.review.export_dialog import ExportDialog
from megc_live.gui.review.opening import had_video, locator, no_video
from megc_live.gui.review.pickers import pick_intervals, pick_video
from megc_live.gui.review.words import before_taking_over, not_taken_over
from megc_live.gui.review.worker import Answer, Work
from megc_live.gui.review.workspace import Workspace
from megc_live.output.reviewed import ReviewInterval
from megc_live.review import REVIEW, Import, ReviewDocument, import_intervals


class Exchange:
    """Imports and exports the document that is shown in a workspace, and finds its video.

    Parameters
    ----------
    view : QWidget
        What dialogs belong to.
    work : Workspace
    banner : Banner
    ask : callable
        Reads something beside the window's thread: ``ask("import", path, work)`` or ``ask("video", ...)``.
        The answer is to be handed to :meth:`take_intervals` or :meth:`take_video`.
    can_begin : callable
        Whether something can be begun with the document now; says so if not.
    """

    def __init__(
        self,
        view: QWidget,
        work: Workspace,
        banner: Banner,
        ask: Callable[[str, Path, Work], object],
        can_begin: Callable[[], bool],
    ) -> None:
        self._view = view
        self._work = work
        self._banner = banner
        self._ask = ask
        self._can_begin = can_begin
        self._dialog: ExportDialog | None = None
        self.box: QMessageBox | None = None
        """A question that waits for its answer."""

    @property
    def writing(self) -> bool:
        """Whether an export is being written."""
        return self._dialog is not None and self._dialog.writing

    def greet(self) -> None:
        """Tell what should be known of the document that is shown, and offer what can be done."""
        document = self._document
        if document is None:
            return
        notes = " ".join(document.notes)
        if document.video is None and had_video(document):
            self.ask_for_video(f"{no_video(document)}. {notes}".strip())
        else:
            self._tell(notes)

    def _tell(self, text: str, *offers: Offer) -> None:
        """Tell something, beside the decisions that can be taken over; nothing if there is nothing."""
        document = self._document
        waiting = not_taken_over(document) if document is not None else ""
        if waiting and document is not None and not document.read_only:
            tip = f"Import {REVIEW} in place of what is shown"
            offers = (*offers, ("Take them over", tip, self.take_over))
        text = f"{text} {waiting}".strip()
        if text:
            first: Offer = offers[0] if offers else ("", "", lambda: None)
            self._banner.tell(text, *first, also=offers[1] if len(offers) > 1 else None)

    def take_over(self) -> None:
        """Take the decisions that lie beside the results; where somebody has changed something here, ask."""
        document = self._document
        if document is None or self.box is not None or not self._can_begin():
            return
        question = before_taking_over(document)
        if not question:
            self.read(document.folder / REVIEW)
            return

        def answered(replace: bool) -> None:
            self.box = None
            if replace and self._document is document:
                self.read(document.folder / REVIEW)

        title, do, leave = "Take the decisions over", "&Replace what is here", "&Keep what is here"
        self.box = ask(self._view, title, question, do, leave, answered)

    def choose_intervals(self) -> None:
        """Ask for a file of intervals and take it."""
        document = self._document
        chosen = pick_intervals(self._view, document) if document is not None else None
        if chosen is not None:
            self.read(chosen)

    def read(self, path: Path) -> None:
        """Take the intervals of a file in place of all there are; returns at once."""
        document = self._document
        if document is not None and self._can_begin():
            self._ask("import", path, lambda ticket: import_intervals(path, document=document))

    def take_intervals(self, path: Path, answer: Answer) -> None:
        """Put what was read in the place of what there is, or say why it cannot be."""
        document = self._document
        if answer.error:
            self._banner.tell(answer.error)
        elif document is not None:
            before, items = document.intervals, tuple(answer.value)
            if self._work.editor.apply(Import(path.name, items)):
                if not not_taken_over(document):
                    self._banner.withdraw(self.take_over)
                self._banner.tell(f"{_imported(path.name, before, items)} {answer.value.note}".strip())

    def no_picture(self, why: str) -> None:
        """Tell that the video cannot be shown: it may be another one, and the right one elsewhere."""
        document = self._document
        if document is not None and had_video(document):
            self.ask_for_video(why)
        else:
            self._banner.tell(why)

    def ask_for_video(self, text: str) -> None:
        """Tell why there is none, and offer to say where it is."""
        self._tell(text, ("Locate the video …", "Show where it is now; it is remembered", self.choose_video))

    def choose_video(self) -> None:
        """Ask where the video is now."""
        document = self._document
        chosen = pick_video(self._view, document) if document is not None else None
        if chosen is not None:
            self.locate(chosen)

    def locate(self, path: Path) -> None:
        """Take a video for that of the document; returns at once."""
        opened = self._work.opened
        if opened is not None and self._can_begin():
            self._ask("video", path, locator(opened, path))

    def take_video(self, answer: Answer) -> None:
        """Show the video that was found, or say why it cannot be shown."""
        if answer.error:
            self.ask_for_video(answer.error)
            return
        self._banner.hide()
        opened, note = answer.value
        self._work.replace_video(opened)
        document = self._document
        if note:
            self._tell(note)
        elif document is not None and not_taken_over(document):
            self.greet()  # what was told beside the missing video holds still

    def export(self) -> ExportDialog | None:
        """Ask what is to be exported where; the dialog does the rest."""
        document = self._document
        if document is None or not self._can_begin():
            return None
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


def _imported(name: str, before: Sequence[ReviewInterval], items: Sequence[ReviewInterval]) -> str:
    """Return what an import has done, and what it has not brought along."""
    text = f"{len(items)} intervals of {name} are in the place of {len(before)}: Undo brings those back."
    decided = [
        sum(item.status != "open" or bool(item.comment) for item in those) for those in (before, items)
    ]
    if decided[0] and not decided[1]:
        text += f" The file says nothing of decisions or comments, which {decided[0]} of those had."
    return text
