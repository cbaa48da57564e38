"""Review: the workspace of the window in which results are looked at and corrected."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, QUrl
from PyQt6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.gui.review.agreeing import FILES
from megc_live.gui.review.export_dialog import ExportDialog
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.opening import (
    Opened,
    give_up,
    had_video,
    locator,
    no_video,
    open_results,
    same_folder,
)
from megc_live.gui.review.pages import Banner, EmptyPage, NamePage, folder_of_results
from megc_live.gui.review.text_keys import TextKeys
from megc_live.gui.review.worker import Answer, Latest, Ticket
from megc_live.gui.review.workspace import Workspace
from megc_live.gui.shortcuts import make_action
from megc_live.review import Import, ReviewDocument, ReviewInterval, import_intervals
from megc_live.settings import Settings

POLL_MS = 30


class ReviewView(QWidget):
    """Look at a folder of results, correct its intervals, compare and export them.

    Parameters
    ----------
    settings : callable
        Returns the settings of the analysis: where models are, which classifier.
    parent : QWidget, optional
    memory : Memory, optional
        Where the reviewer's name is kept.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        parent: QWidget | None = None,
        *,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._memory = memory or Memory()
        self._dialog: ExportDialog | None = None
        self._after_name: Callable[[], object] = lambda: None
        self._on_press: Callable[[], object] = lambda: None
        self._reader = Latest("megc-review-open", give_up)
        self.work = Workspace()
        self.empty = EmptyPage()
        self.name_page = NamePage()
        self.wait_page = QLabel()
        self.wait_page.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.banner = Banner()
        self.pages = QStackedWidget()
        self._make_actions()
        self._lay_out()
        self._connect()
        # the keys work wherever the focus is in this workspace, not only in the part that they are about
        here = [
            action for action in self.work.actions_in_order() if action.parent() is not self.work.list.table
        ]
        self.addActions(here)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.setAcceptDrops(True)
        self._text_keys = TextKeys(self)
        self._text_keys.keep(self.name_page.name)

    def _make_actions(self) -> None:
        self.open_action = make_action(
            self, "Open results …", "Ctrl+O", self._choose_folder, tip="Open a folder of results"
        )
        self.hide_action = make_action(self, "Hide the message", "Esc", self.banner.hide)
        self.name_action = make_action(
            self, "Reviewer …", "Ctrl+Shift+R", self._change_name, tip="Who reviews: stored with each change"
        )
        self.import_action = make_action(
            self,
            "Import …",
            "Ctrl+I",
            self._choose_import,
            tip="Take the intervals of a file in place of all there are; Undo brings them back",
        )
        self.export_action = make_action(
            self, "Export …", "Ctrl+E", self.export, tip="Write csv, json, ELAN, BIDS, HTML"
        )
        self.file_actions = [self.import_action, self.export_action, self.open_action, self.name_action]

    def _lay_out(self) -> None:
        self.title = QLabel()
        self.title.setProperty("role", "heading")
        self.saved = QLabel()
        self.saved.setProperty("role", "soft")
        self.header = QWidget()
        row = QHBoxLayout(self.header)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.title)
        row.addWidget(self.saved, 1)
        self.header_row = row
        for action in (self.work.editor.undo, self.work.editor.redo, *self.file_actions):
            button = QToolButton()
            button.setDefaultAction(action)
            row.addWidget(button)
        work_page = QWidget()
        column = QVBoxLayout(work_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.header)
        column.addWidget(self.work, 1)
        self.work_page = work_page
        for page in (self.empty, self.name_page, self.wait_page, work_page):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addWidget(self.banner)
        layout.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.empty.open_button.clicked.connect(self._choose_folder)
        self.name_page.given.connect(self._named)
        self.name_page.left.connect(self._back)
        self.banner.pressed.connect(lambda: self._on_press())
        self.work.editor.failed.connect(self.banner.tell)
        self.work.player.failed.connect(self._no_picture)
        self.work.editor.changed.connect(self._say_saved)

    @property
    def document(self) -> ReviewDocument | None:
        """What is under review."""
        return self.work.opened.document if self.work.opened is not None else None

    def open(self, folder: Path) -> None:
        """Open a folder of results; returns at once. Asks who reviews if nobody has said so yet."""
        name = self._memory.reviewer
        if name:
            self._open(folder, name)
        else:
            self._ask_name(lambda: self.open(folder))

    def shutdown(self, timeout_s: float = 1.5) -> bool:
        """End all threads and let others review the folder; False if a thread hangs and was left behind."""
        self._timer.stop()
        until = time.monotonic() + timeout_s

        def left() -> float:
            return max(until - time.monotonic(), 0.0)

        ended = self.work.shutdown(left)
        if self._dialog is not None:
            ended = self._dialog.shutdown(left()) and ended
        ended = self._reader.close(left()) and ended
        if self.document is not None:
            self.document.close()
        return ended

    def actions(self) -> list[QAction]:
        """Return the actions for the sheet of shortcuts."""
        return [*self.file_actions, *self.work.actions_in_order(), self.hide_action]

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take folders of results."""
        if event is not None and self._dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the folder of results that was dropped."""
        folder = self._dropped(event) if event is not None else None
        if folder is not None:
            self.open(folder)

    def _dropped(self, event: QDropEvent) -> Path | None:
        data = event.mimeData()
        urls: list[QUrl] = data.urls() if data is not None else []
        found = [folder_of_results(Path(url.toLocalFile())) for url in urls if url.isLocalFile()]
        return next((folder for folder in found if folder is not None), None)

    def _choose_folder(self) -> None:
        start = str(self.document.folder.parent) if self.document is not None else ""
        chosen = QFileDialog.getExistingDirectory(self, "Open results", start)
        if chosen:
            self.open(Path(chosen))

    def _open(self, folder: Path, name: str, *, read_only: bool = False) -> None:
        if not self.work.finish_typing():
            self._back()
            return
        # this view's own lock would keep it from opening the same folder anew, by whatever path
        if self.document is not None and same_folder(self.document.folder, folder):
            self.document.close()
        self.banner.hide()
        self.wait_page.setText(f"Opening {folder.name} …")
        self.pages.setCurrentWidget(self.wait_page)
        self._ask("open", folder, lambda ticket: open_results(folder, name, read_only=read_only))

    def _ask(self, what: str, path: Path, work: Callable[[Ticket], object]) -> None:
        """Read something beside the window's thread; meanwhile nothing else can be begun on this document."""
        self._reader.ask((what, path, self.document), work)
        self._enable_files()
        self._timer.start()

    def _poll(self) -> None:
        answer = self._reader.take()
        if answer is not None:
            self._take(answer)
        if not self._reader.busy:
            self._timer.stop()
            self._enable_files()

    def _enable_files(self) -> None:
        """Import, export and the like wait for what is being read: it may replace the document."""
        document, idle = self.document, not self._reader.busy
        there = document is not None and idle
        self.export_action.setEnabled(there)
        self.import_action.setEnabled(there and document is not None and not document.read_only)

    def _reading(self) -> bool:
        """Say so if something is being read: then nothing else can be begun."""
        busy = self._reader.busy
        if busy:
            self.banner.tell("A file is still being read: try again when it is there.")
        return busy

    def _take(self, answer: Answer) -> None:
        assert isinstance(answer.key, tuple)
        what, path, document = answer.key
        if what != "open" and document is not self.document:
            return  # of a document that is shown no more
        if what == "open":
            if answer.error:
                self._not_opened(path, answer.error)
            else:
                self._show(answer.value)
        elif what == "import":
            if answer.error:
                self.banner.tell(answer.error)
            else:
                self._take_in(path, answer.value)
        elif what == "video":
            self.work.setEnabled(True)
            if answer.error:
                self._ask_for_video(answer.error)
            else:
                self.banner.hide()
                self.work.show_video(answer.value, "No video")

    def _show(self, opened: Opened) -> None:
        before = self.document
        if before is not None:
            before.close()
        document = opened.document
        self.title.setText(document.session.source.name or document.folder.name)
        self.title.setToolTip(str(document.folder))
        self.name_action.setIconText(f"Reviewer: {document.reviewer}")
        self.work.setEnabled(True)
        self.work.show_results(opened, no_video(document))
        self.pages.setCurrentWidget(self.work_page)
        self.work.list.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._say_saved()
        notes = " ".join(document.notes)
        if document.video is None and had_video(document):
            self._ask_for_video(f"{no_video(document)} {notes}".strip())
        elif notes:
            self.banner.tell(notes)

    def _not_opened(self, folder: Path, error: str) -> None:
        self._back()
        self.work.setEnabled(True)
        self.work.refresh(frozenset(self.work.editor.selection))  # what was open may be closed now
        self._say_saved()
        self._on_press = lambda: self._open(folder, self._memory.reviewer, read_only=True)
        can_look = (folder / "intervals.csv").is_file()
        self.banner.tell(
            error,
            "Open to look at only" if can_look else "",
            "Open without changing anything: no edit is possible then",
        )

    def _no_picture(self, why: str) -> None:
        """The video cannot be shown: it may be another one, and the right one elsewhere."""
        if self.document is not None and had_video(self.document):
            self._ask_for_video(why)
        else:
            self.banner.tell(why)

    def _ask_for_video(self, text: str) -> None:
        self._on_press = self._locate
        self.banner.tell(text, "Locate the video …", "Show where it is now; it is remembered")

    def _locate(self) -> None:
        document = self.document
        if document is None:
            return
        if document.session.source.kind == "folder":
            chosen = QFileDialog.getExistingDirectory(self, "Where are the images now?", str(document.folder))
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, "Where is the video now?", str(document.folder))
        if chosen:
            self.locate(Path(chosen))

    def locate(self, path: Path) -> None:
        """Say where the video of the results is now; returns at once."""
        opened = self.work.opened
        if opened is None or self._reading():
            return
        if not self.work.finish_typing():
            return
        self.work.setEnabled(False)  # the document is for one thread at a time
        self._ask("video", path, locator(opened, path))

    def _choose_import(self) -> None:
        if self.document is None:
            return
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Import intervals", str(self.document.folder.parent), FILES
        )
        if chosen:
            self.import_file(Path(chosen))

    def import_file(self, path: Path) -> None:
        """Take the intervals of a file in place of all there are; returns at once."""
        document = self.document
        if document is None or self._reading():
            return
        times_s = document.times_s
        self._ask("import", path, lambda ticket: import_intervals(path, times_s))

    def _take_in(self, path: Path, items: list[ReviewInterval]) -> None:
        document = self.document
        if document is None:
            return
        before = len(document.intervals)
        if self.work.editor.apply(Import(path.name, tuple(items))):
            self.banner.tell(
                f"{len(items)} intervals of {path.name} are in the place of {before}: Undo brings those back."
            )

    def export(self) -> ExportDialog | None:
        """Ask what is to be exported where; the dialog does the rest."""
        if self.document is None or self._reading() or not self.work.finish_typing():
            return None
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = ExportDialog(self.document, self)
        self._dialog.open()
        return self._dialog

    def _ask_name(self, then: Callable[[], object]) -> None:
        self._after_name = then
        self.pages.setCurrentWidget(self.name_page)
        self.name_page.ask(self._memory.reviewer)

    def _change_name(self) -> None:
        document = self.document
        self._ask_name((lambda: self.open(document.folder)) if document is not None else self._back)

    def _named(self, name: str) -> None:
        self._memory.reviewer = name
        self._after_name()

    def _back(self) -> None:
        self.pages.setCurrentWidget(self.work_page if self.document is not None else self.empty)

    def _say_saved(self, _: object = None) -> None:
        document = self.document
        if document is None:
            return
        if document.read_only:
            self.saved.setText("to look at only: nothing can be changed")
        elif document.revision:
            times = [item.changed for item in document.intervals if item.changed]
            at = f" at {max(times)[11:19]}" if times else ""
            self.saved.setText(f"✓ saved{at}")
        else:
            self.saved.setText("✓ no changes yet; each is saved as it is made")
        self.saved.setToolTip(
            f"Every change is on the disk before it is shown: {document.folder / 'review.jsonl'}"
        )
