"""Write the review out: which formats, where; the writing runs beside the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.errors import OutputError
from megc_live.gui.review.words import before_export
from megc_live.gui.review.worker import Latest, Stale, Ticket
from megc_live.review import (
    FORMATS,
    Earlier,
    LookStopped,
    ReviewDocument,
    earlier_export,
    export,
    folder_for,
    free_folder_for,
)

POLL_MS = 50
_TEXTS = {
    "csv": "csv: intervals.csv without the rejected, review.csv with all, status and comments",
    "json": "json: events.json, everything but pictures",
    "elan": "ELAN: intervals.eaf, tiers on the video",
    "bids": "BIDS: bids/events.tsv with a sidecar",
    "html": "HTML: report.html, to look at, print and send",
}


class ExportDialog(QDialog):
    """Modal, so that nothing is changed while it is written.

    Parameters
    ----------
    document : ReviewDocument
    parent : QWidget, optional

    Attributes
    ----------
    files : list of Path
        What was written.
    """

    def __init__(self, document: ReviewDocument, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._worker = Latest("megc-review-export")
        self._leaving = False
        self._asked: Earlier | None = None
        """What is there already: it was told, and the button pressed again will go on."""
        self._instead = folder_for(document)
        """Folder that is offered where the one that was named holds somebody else's files."""
        self.files: list[Path] = []
        self.setWindowTitle("Export the review")
        self.setMinimumWidth(560)
        self.boxes = {name: QCheckBox(_TEXTS[name]) for name in FORMATS}
        for name, box in self.boxes.items():
            box.setChecked(name in ("csv", "html"))
            box.setToolTip(f"Write {_TEXTS[name]}; it can be imported again without loss")
            box.toggled.connect(self._changed)
        self.pictures = QCheckBox("pictures in the report (about a second per interval)")
        self.pictures.setChecked(document.video is not None)
        self.pictures.setEnabled(document.video is not None)
        self.pictures.setToolTip("Faces at onset, apex and offset, and the flow picture; needs the video")
        self.folder = QLineEdit(str(folder_for(document)))
        self.folder.setToolTip("Folder that the files are written into; made if it is not there")
        self.folder.textChanged.connect(self._changed)
        self.browse = QPushButton("Browse …")
        self.browse.setToolTip("Choose the folder")
        self.browse.clicked.connect(self._browse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.hide()
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setMinimumHeight(5 * self.told.fontMetrics().lineSpacing() + 4)
        self.go = QPushButton("Export")
        self.go.setToolTip("Write the files")
        self.go.clicked.connect(self.start)
        self.other = QPushButton()
        self.other.clicked.connect(self._go_elsewhere)
        self.other.hide()
        self.leave = QPushButton("Close")
        self.leave.setToolTip("Close; what is being written is left off (Esc)")
        self.leave.clicked.connect(self.reject)
        self._lay_out()
        self._prefer(self.go)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        for name, box in self.boxes.items():
            layout.addWidget(box)
            if name == "html":
                row = QHBoxLayout()
                row.addSpacing(24)
                row.addWidget(self.pictures)
                layout.addLayout(row)
        where = QHBoxLayout()
        where.addWidget(QLabel("Into"))
        where.addWidget(self.folder, 1)
        where.addWidget(self.browse)
        layout.addLayout(where)
        layout.addWidget(self.bar)
        layout.addWidget(self.told)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.go, self.other, self.leave):
            buttons.addWidget(button)
        layout.addLayout(buttons)

    def formats(self) -> list[str]:
        """Return the formats that are ticked."""
        return [name for name, box in self.boxes.items() if box.isChecked()]

    @property
    def writing(self) -> bool:
        """Whether it is being written."""
        return self._worker.busy

    def start(self) -> None:
        """Begin to write; returns at once. What would be replaced is told first, and nobody else's is."""
        try:
            folder = Path(self.folder.text().strip()).expanduser()
        except RuntimeError:  # "~somebody" whom this computer does not know
            self.told.setText("⚠ Nobody's folder is known by this name: write it without ~.")
            return
        try:
            earlier = earlier_export(self._document, folder, self.formats())
        except OutputError as error:
            self.told.setText(f"⚠ {error}")
            self._offer_instead_of(folder)
            self.go.hide()
            return
        asked = self._asked or Earlier()
        if not set(earlier.replaced) <= set(asked.replaced) or not set(earlier.older) <= set(asked.older):
            self._ask(folder, earlier)
            return
        self._ask_no_more()
        self.told.setText("Writing …")
        self.bar.setValue(0)
        self.bar.show()
        agreed = list(asked.replaced)
        work = _export(self._document, folder, self.formats(), self.pictures.isChecked(), agreed)
        self._worker.ask(folder, work)
        self._update()
        self._timer.start()

    def _ask(self, folder: Path, earlier: Earlier) -> None:
        """Tell what is there already; only an own earlier export is replaced by Enter."""
        self._ask_no_more()
        self._asked = earlier
        self.told.setText(before_export(earlier))
        self.go.setText("Replace" if earlier.replaced else "Export all the same")
        if not earlier.own:
            self._offer_instead_of(folder)

    def _offer_instead_of(self, folder: Path) -> None:
        """Offer a folder in which nothing of anybody else is, and prefer it."""
        self._instead = free_folder_for(self._document, folder)
        self.other.setText(f"Export into {self._instead.name}")
        self.other.setToolTip(f"Export into {self._instead} (Enter)")
        self.other.show()
        self._prefer(self.other)

    def _go_elsewhere(self) -> None:
        self.folder.setText(str(self._instead))
        self.start()

    def _ask_no_more(self) -> None:
        self._asked = None
        self.go.setText("Export")
        self.other.hide()
        self.go.show()
        self._prefer(self.go)

    def _prefer(self, button: QPushButton) -> None:
        """Let Enter press a button, and make it look so."""
        for one in (self.go, self.other):
            one.setProperty("primary", one is button)
            style = one.style()
            if style is not None:
                style.unpolish(one)
                style.polish(one)
        button.setDefault(True)
        if button is self.other or self.focusWidget() in (self.go, self.other):
            button.setFocus(Qt.FocusReason.OtherFocusReason)  # else Enter presses the one that was clicked

    def reject(self) -> None:
        """Close; first leave off what is being written."""
        self._worker.drop()
        if self._worker.busy:  # the files are withdrawn before the document may be changed again
            self._leaving = True
            self.told.setText("Leaving off …")
            self._timer.start()
            return
        self._end()
        super().reject()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Close as the button does."""
        if event is not None:
            event.ignore()
        self.reject()

    def shutdown(self, timeout_s: float) -> bool:
        """End the writing; False if it hangs and was left behind."""
        self._timer.stop()
        return self._worker.close(timeout_s)

    def _end(self) -> None:
        self._timer.stop()
        self._worker.close(0)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export into", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _poll(self) -> None:
        self.bar.setValue(round(1000 * self._worker.share))
        answer = self._worker.take()
        if answer is not None:
            self.files = [] if answer.error else list(answer.value)
            into = Path(str(answer.key))
            names = ", ".join(sorted(path.relative_to(into).as_posix() for path in self.files))
            self.told.setText(answer.error or f"✓ Written into {answer.key}: {names}")
            self.bar.setVisible(not answer.error)
            self.bar.setValue(1000)
        if not self._worker.busy:
            self._timer.stop()
            if self._leaving:
                self._end()
                super().reject()
        self._update()

    def _changed(self) -> None:
        """Something else is to be written, or elsewhere: what was asked or refused does not hold for it."""
        if self._asked is not None or not self.other.isHidden():
            self._ask_no_more()
            self.told.clear()
        self._update()

    def _update(self) -> None:
        idle = not self._worker.busy
        self.go.setEnabled(idle and bool(self.formats()) and bool(self.folder.text().strip()))
        for widget in (*self.boxes.values(), self.folder, self.browse):
            widget.setEnabled(idle)
        can_picture = idle and self._document.video is not None and self.boxes["html"].isChecked()
        self.pictures.setEnabled(can_picture)
        self.leave.setText("Close" if idle else "Stop")


def _export(
    document: ReviewDocument, folder: Path, formats: list[str], pictures: bool, agreed: list[Path]
) -> Callable[[Ticket], list[Path]]:
    def work(ticket: Ticket) -> list[Path]:
        def progress(done: int, total: int) -> None:
            ticket.share = done / max(total, 1)

        try:
            return export(
                document,
                folder,
                formats,
                pictures=pictures,
                replacing=agreed,
                progress=progress,
                stopped=lambda: ticket.stale,
            )
        except LookStopped:
            raise Stale from None

    return work
