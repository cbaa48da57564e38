"""Review: the workspace of the window in which results are looked at and corrected."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QDragEnterEvent, QDropEvent, QFocusEvent
from PyQt6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from megc_live.gui.banner import Banner
from megc_live.gui.review.exchange import Exchange
from megc_live.gui.review.export_dialog import ExportDialog
from megc_live.gui.review.file_actions import ON_BUTTONS, file_actions
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.opening import (
    Opened,
    give_up,
    no_video,
    open_results,
    same_folder,
)
from megc_live.gui.review.own_keys import OwnKeys
from megc_live.gui.review.pages import ChoicePage, EmptyPage, Header, NamePage
from megc_live.gui.review.pickers import dropped_results, pick_results
from megc_live.gui.review.words import reviewed_before, saved_words, title_words
from megc_live.gui.review.worker import Answer, Latest, Ticket
from megc_live.gui.review.workspace import Workspace
from megc_live.review import ExportedError, JournalError, ReviewDocument
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

    Attributes
    ----------
    opened : pyqtSignal(object)
        A folder of results is shown, Path.
    """

    opened = pyqtSignal(object)

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
        self._after_name: Callable[[], object] = lambda: None
        self._reader = Latest("megc-review-open", give_up)
        self.work = Workspace()
        self.empty = EmptyPage()
        self.name_page = NamePage()
        self.choice_page = ChoicePage()
        self._choosing: Opened | None = None
        """What waits for a second reviewer's answer; it holds the lock of its folder."""
        self._had_focus: QWidget | None = None
        self._gave_way: ReviewDocument | None = None
        """What was under review, closed so that its folder could be opened anew."""
        self.wait_page = QLabel()
        self.wait_page.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.banner = Banner("Esc", stays=True)
        self.pages = QStackedWidget()
        self.exchange = Exchange(self, self.work, self.banner, self._reader_for, self._can_begin)
        self._make_actions()
        self._lay_out()
        self._connect()
        # the keys work wherever the focus is in the work, not only in the part that they are about; on the
        # other pages they would change what is not seen
        here = [
            action for action in self.work.actions_in_order() if action.parent() is not self.work.list.table
        ]
        self.work_page.addActions(here)
        self.pages.currentChanged.connect(self._enable_files)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.setAcceptDrops(True)
        self._own_keys = OwnKeys(self)
        self._own_keys.keep_all(self.header)
        self._own_keys.keep(self.name_page.name)

    def _make_actions(self) -> None:
        self.files = file_actions(
            self,
            {
                "import": self.exchange.choose_intervals,
                "export": self.export,
                "open": self._choose_folder,
                "name": self._change_name,
                "locate": self.exchange.choose_video,
                "hide": self.banner.leave,
            },
        )
        self.import_action, self.export_action = self.files["import"], self.files["export"]

    def _lay_out(self) -> None:
        editor = self.work.editor
        self.header = Header((editor.undo, editor.redo, *(self.files[name] for name in ON_BUTTONS)))
        self.title, self.saved = self.header.title, self.header.saved
        work_page = QWidget()
        column = QVBoxLayout(work_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.header)
        column.addWidget(self.work, 1)
        self.work_page = work_page
        for page in (self.empty, self.name_page, self.choice_page, self.wait_page, work_page):
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
        self.choice_page.own.connect(lambda: self._chosen("own"))
        self.choice_page.together.connect(lambda: self._chosen("together"))
        self.choice_page.left.connect(lambda: self._chosen(""))
        for said in (self.work.editor.failed, self.work.editor.told):
            said.connect(self.banner.tell)
        self.work.player.failed.connect(self.exchange.no_picture)
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
        ended = self.exchange.shutdown(left()) and ended
        ended = self._reader.close(left()) and ended
        self._leave_choice()
        if self.document is not None:
            self.document.close()
        return ended

    def question(self) -> str:
        """Return what closing the window would stop here, in a sentence; empty: nothing."""
        if self.exchange.writing:
            return "The review is still being exported."
        kept = self.work.finish_typing()
        return "" if kept else f"A comment cannot be kept: {self.banner.text.text()}"

    def actions(self) -> list[QAction]:
        """Return the actions for the sheet of shortcuts."""
        return [*self.files.values(), *self.work.actions_in_order()]

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Hand the keyboard on to what is shown: a name is to be typed, an interval to be chosen."""
        page = self.pages.currentWidget()
        inside: dict[QWidget | None, QWidget] = {
            self.name_page: self.name_page.name,
            self.choice_page: self.choice_page.alone,
            self.work_page: self.work.list.table,
        }
        if page in inside:
            inside[page].setFocus(Qt.FocusReason.OtherFocusReason)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take folders of results."""
        if event is not None and dropped_results(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the folder of results that was dropped."""
        folder = dropped_results(event)
        if folder is not None:
            self.open(folder)

    def _choose_folder(self) -> None:
        chosen = pick_results(self, self.document)
        if chosen is not None:
            self.open(chosen)

    def _open(self, folder: Path, name: str, **how: bool) -> None:
        if not self.work.finish_typing():
            self._back()
            return
        # this view's own locks would keep it from opening the same folder anew, by whatever path
        self._leave_choice()
        document = self.document
        if document is not None and not document.read_only and same_folder(document.folder, folder):
            document.close()
            self._gave_way = document
        self.banner.hide()
        self.wait_page.setText(f"Opening {folder.name} …")
        self.pages.setCurrentWidget(self.wait_page)
        self._ask("open", folder, lambda ticket: open_results(folder, name, **how))

    def _leave_choice(self) -> Opened | None:
        """A second reviewer does not begin with what was opened for them: let others review it."""
        opened, self._choosing = self._choosing, None
        if opened is not None:
            opened.document.close()
        return opened

    def _reader_for(self, what: str, path: Path, work: Callable[[Ticket], object]) -> None:
        """Read for the document that is shown; meanwhile nothing is changed in it, by no thread but one."""
        window = self.window()  # after a dialog it may not be active yet, but it knows who has the keyboard
        self._had_focus = window.focusWidget() if window is not None else None
        self.work.setEnabled(False)
        self.work.editor.hold(True)
        self._ask(what, path, work)

    def _ask(self, what: str, path: Path, work: Callable[[Ticket], object]) -> None:
        """Read something beside the window's thread; meanwhile nothing else can be begun on this document."""
        self._reader.ask((what, path, self.document), work)
        self._enable_files()
        self._timer.start()

    def _poll(self) -> None:
        if (answer := self._reader.take()) is not None:
            self._take(answer)
        if not self._reader.busy:
            self._timer.stop()
            self._enable_files()

    def _enable_files(self) -> None:
        """Import, export and the like wait for what is being read: it may replace the document."""
        document, idle = self.document, not self._reader.busy
        there = document is not None and idle and self.pages.currentWidget() is self.work_page
        self.export_action.setEnabled(there)
        self.files["locate"].setEnabled(there)
        self.import_action.setEnabled(there and document is not None and not document.read_only)

    def _can_begin(self) -> bool:
        """Whether something can be begun with the document; says so if something is still being read."""
        if self._reader.busy:
            self.banner.tell("A file is still being read: try again when it is there.")
        return self.document is not None and not self._reader.busy and self.work.finish_typing()

    def _take(self, answer: Answer) -> None:
        assert isinstance(answer.key, tuple)
        what, path, document = answer.key
        if what != "open" and document is not self.document:
            return  # of a document that is shown no more
        self._go_on()
        if what == "open":
            if answer.error:
                self._not_opened(path, answer)
            elif said := reviewed_before(answer.value.document):
                self._choosing = answer.value
                self.choice_page.ask(said)
                self.pages.setCurrentWidget(self.choice_page)
            else:
                self._show(answer.value)
        elif what == "import":
            self.exchange.take_intervals(path, answer)
        elif what == "video":
            self.exchange.take_video(answer)

    def _go_on(self) -> None:
        """Changes can be made again, by the keyboard too, where it was before."""
        had, self._had_focus = self._had_focus, None
        self.work.editor.hold(False)
        if self.work.isEnabled():
            return
        self.work.setEnabled(True)
        here = had if had is not None and self.isAncestorOf(had) else self.work.list.table
        here.setFocus(Qt.FocusReason.OtherFocusReason)

    def _chosen(self, how: str) -> None:
        """A second reviewer has said how to begin."""
        if how == "together" and self._choosing is not None:
            opened, self._choosing = self._choosing, None
            self._show(opened)
        elif (left := self._leave_choice()) is not None:
            self._back()
            if how == "own":
                self._open(left.document.folder, left.document.reviewer, own=True)
            elif (first := self._gave_way) is not None:  # neither: the first one goes on
                self._memory.reviewer = first.reviewer
                self._open(first.folder, first.reviewer, own=first.independent)

    def _show(self, opened: Opened) -> None:
        before = self.document
        if before is not None:
            before.close()
        self._gave_way = None
        document = opened.document
        self.title.setText(title_words(document))
        self.title.setToolTip(str(document.folder))
        self.files["name"].setIconText(f"Reviewer: {document.reviewer}")
        self.work.show_results(opened, no_video(document))
        self.pages.setCurrentWidget(self.work_page)
        self.work.list.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._say_saved()
        self.opened.emit(document.folder)
        self.exchange.greet()

    def _not_opened(self, folder: Path, answer: Answer) -> None:
        self._back()
        self.work.refresh(frozenset(self.work.editor.selection))  # what was open may be closed now
        self._say_saved()
        cause, name, told = answer.cause, self._memory.reviewer, answer.error
        if isinstance(cause, JournalError):
            again, tip = partial(self._open, folder, name, aside=True), "It is renamed, nothing is deleted"
            self.banner.tell(told, "Set it aside and begin anew", tip, again)
        elif isinstance(cause, ExportedError):
            self.banner.tell(told, "Open what was reviewed", "", partial(self.open, cause.original))
        elif (folder / "intervals.csv").is_file():
            look, tip = partial(self._open, folder, name, read_only=True), "No edit is possible then"
            self.banner.tell(told, "Open to look at only", tip, look)
        else:
            self.banner.tell(told)

    def locate(self, path: Path) -> None:
        """Say where the video of the results is now; returns at once."""
        self.exchange.locate(path)

    def import_file(self, path: Path) -> None:
        """Take the intervals of a file in place of all there are; returns at once."""
        self.exchange.read(path)

    def export(self) -> ExportDialog | None:
        """Ask what is to be exported where; the dialog does the rest."""
        return self.exchange.export()

    def _ask_name(self, then: Callable[[], object]) -> None:
        self._after_name = then
        self.pages.setCurrentWidget(self.name_page)
        self.name_page.ask(self._memory.reviewer)

    def _change_name(self) -> None:
        document = self._choosing.document if self._choosing is not None else self.document
        self._ask_name((lambda: self.open(document.folder)) if document is not None else self._back)

    def _named(self, name: str) -> None:
        self._memory.reviewer = name
        self._after_name()

    def _back(self) -> None:
        if self._choosing is not None:  # still to be answered
            self.pages.setCurrentWidget(self.choice_page)
        else:
            self.pages.setCurrentWidget(self.work_page if self.document is not None else self.empty)

    def _say_saved(self, _: object = None) -> None:
        document = self.document
        if document is None:
            return
        self.saved.setText(saved_words(document))
        self.saved.setToolTip(f"Every change is on the disk before it is shown: {document.journal}")
