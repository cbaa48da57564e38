"""How far this review agrees with the machine, or with a second reviewer's file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.gui.review.worker import Latest, Ticket
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.tables import IntervalRecord
from megc_live.output.words import clock
from megc_live.review import Agreement, ReviewDocument, agreement, import_intervals
from megc_live.spotting.interval import Kind

POLL_MS = 30
FILES = "Intervals (*.csv *.json *.eaf *.tsv *.html)"
_KINDS: tuple[tuple[str, Kind | None], ...] = (
    ("micro and macro", None),
    ("micro only", "micro"),
    ("macro only", "macro"),
)
_FIGURES = (
    (
        "counts",
        "Intervals",
        "Intervals of this review, of the other, and pairs of the two (IoU 0.5, one to one)",
    ),
    ("f1", "Interval F1", "2 x pairs / all intervals of both; 1: the same intervals"),
    (
        "precision",
        "Precision",
        "Share of the other's intervals that this review has too; this review is the reference",
    ),
    (
        "recall",
        "Recall",
        "Share of this review's intervals that the other has too; this review is the reference",
    ),
    (
        "kappa",
        "Kappa, frames",
        "Cohen's kappa over frames: whether there is an interval; 1: the same, 0: chance",
    ),
    (
        "label",
        "Kappa, labels",
        "Cohen's kappa over the labels of pairs in which both have one, and how many are the same",
    ),
)


@dataclass(frozen=True)
class Compared:
    """An agreement and the two lists that it is of."""

    result: Agreement
    ours: dict[int, ReviewInterval]
    theirs: dict[int, IntervalRecord]
    note: str = ""
    """What should be known of the file with the other list; empty if there is nothing."""


class AgreementPage(QWidget):
    """Figures, and the list of what agrees and what does not; follows every change of the review.

    Attributes
    ----------
    chosen : pyqtSignal(int)
        An interval of this review was chosen in the list.
    sought : pyqtSignal(int)
        An interval that only the other has was chosen: its apex, frame.
    """

    chosen = pyqtSignal(int)
    sought = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: ReviewDocument | None = None
        self._shown = False
        self._worker = Latest("megc-review-agreement")
        self.compared: Compared | None = None
        self.other = QComboBox()
        self.other.setToolTip("What this review is compared with; rejected intervals do not count")
        self.kind = QComboBox()
        self.kind.setToolTip("Which intervals are compared")
        for text, kind in _KINDS:
            self.kind.addItem(text, kind)
        self.file_button = QPushButton("Second reviewer …")
        self.file_button.setToolTip(
            "Compare with a file: review.csv, intervals.csv, events.json, intervals.eaf, events.tsv or report"
        )
        self.file_button.clicked.connect(self.choose)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "warn")
        self.note.hide()
        self.sides = QLabel()
        self.sides.setWordWrap(True)
        self.sides.setProperty("role", "soft")
        self.sides.setToolTip("Whose intervals are called here and there, and what is measured against what")
        self.figures: dict[str, QLabel] = {}
        self.list = QListWidget()
        self.list.setToolTip(
            "What agrees and what does not: = in both, with the share of their frames that both have (IoU); "
            "+ only here; - only there. A click or Enter shows it in the timeline"
        )
        self.list.itemActivated.connect(self._activated)
        self.list.itemClicked.connect(self._activated)
        self._lay_out()
        self._files: list[Path | None] = []
        self._offer(None, "the machine")
        self.other.currentIndexChanged.connect(self._compare)
        self.kind.currentIndexChanged.connect(self._compare)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Compared with"))
        row.addWidget(self.other, 1)
        row.addWidget(self.kind)
        row.addWidget(self.file_button)
        grid = QGridLayout()
        grid.setVerticalSpacing(1)
        grid.setHorizontalSpacing(10)
        for k, (name, text, tip) in enumerate(_FIGURES):
            head, value = QLabel(text), QLabel("-")
            head.setProperty("role", "soft")
            for label in (head, value):
                label.setToolTip(tip)
            grid.addWidget(head, k % 3, 2 * (k // 3))
            grid.addWidget(value, k % 3, 2 * (k // 3) + 1)
            self.figures[name] = value
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(3, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(self.sides)
        layout.addLayout(grid)
        layout.addWidget(self.list, 1)

    def set_document(self, document: ReviewDocument) -> None:
        """Compare another review; the files of the one before are forgotten."""
        if document is not self._document:
            self._document = document
            self.other.blockSignals(True)
            self.other.clear()
            self._files.clear()
            self._offer(None, "the machine")
            for name, path in document.others().items():
                self._offer(path, name)
            self.other.blockSignals(False)
        self._compare()

    def look(self, shown: bool) -> None:
        """Say whether the page is looked at: only then it computes."""
        self._shown = shown
        self._compare()

    def compare_with(self, path: Path) -> None:
        """Compare with a second reviewer's file."""
        self._offer(path, f"{path.parent.name}/{path.name}")
        self.other.setCurrentIndex(len(self._files) - 1)

    @property
    def busy(self) -> bool:
        """Whether figures are on their way."""
        return self._worker.busy

    def shutdown(self, timeout_s: float) -> bool:
        """End the computing; False if it hangs and was left behind."""
        self._timer.stop()
        return self._worker.close(timeout_s)

    def _offer(self, path: Path | None, text: str) -> None:
        self._files.append(path)
        self.other.addItem(text)

    def choose(self) -> None:
        """Ask for a second reviewer's file."""
        start = str(self._document.folder) if self._document is not None else ""
        chosen, _ = QFileDialog.getOpenFileName(self, "A second reviewer's intervals", start, FILES)
        if chosen:
            self.compare_with(Path(chosen))

    def _compare(self) -> None:
        if self._document is None or not self._shown:
            return
        path = self._files[self.other.currentIndex()]
        here = self._document.reviewer or "what is open"
        self.sides.setText(
            f"Here: {here}, the reference. There: {self.other.currentText()}, measured against it."
        )
        kind = self.kind.currentData()
        self._worker.ask((path, kind), _comparison(self._document, path, kind))
        self._timer.start()

    def _poll(self) -> None:
        answer = self._worker.take()
        if answer is not None:
            self.note.setVisible(bool(answer.error))
            self.note.setText(answer.error)
            self.compared = None if answer.error else answer.value
            self._show()
        if not self._worker.busy:
            self._timer.stop()

    def _show(self) -> None:
        self.list.clear()
        if self.compared is None:
            for label in self.figures.values():
                label.setText("-")
            return
        result, ours, theirs = self.compared.result, self.compared.ours, self.compared.theirs
        self._say_open(result, self.compared.note)
        self.figures["counts"].setText(f"{result.n_a} here, {result.n_b} there, {result.n_matched} pairs")
        self.figures["f1"].setText(_figure(result.f1, result))
        self.figures["precision"].setText(_figure(result.precision, result))
        self.figures["recall"].setText(_figure(result.recall, result))
        self.figures["kappa"].setText(_figure(result.kappa_presence, result))
        same = f"{result.same_label} of {result.n_labelled}"
        self.figures["label"].setText(_figure(result.kappa_label, result, same))
        rows: list[tuple[float, str, int, int]] = []
        for pair in result.pairs:
            mine, other = ours[pair.a].record, theirs[pair.b]
            labels = mine.label or "-"
            if mine.label != other.label:
                labels += f" / {other.label or '-'}"
            text = f"= {_span(mine)}  {mine.kind}  {labels}  IoU {pair.iou:.2f}"
            rows.append((mine.onset_s, text, pair.a, -1))
        for number in result.only_a:
            record = ours[number].record
            rows.append((record.onset_s, f"+ {_span(record)}  {record.kind}  only here", number, -1))
        for number in result.only_b:
            record = theirs[number]
            text = f"- {_span(record)}  {record.kind}  only there"
            rows.append((record.onset_s, text, -1, record.apex_frame))
        for _, text, number, frame in sorted(rows):
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, (number, frame))
            self.list.addItem(item)

    def _say_open(self, result: Agreement, of_file: str) -> None:
        """Undecided intervals agree with the machine because nobody has looked at them yet."""
        sides = (
            (result.reviewed_a, result.n_open_a, result.n_a, "here"),
            (result.reviewed_b, result.n_open_b, result.n_b, "there"),
        )
        untouched = [where for reviewed, _, _, where in sides if not reviewed]
        said = [f"{n} of {of} intervals {where} are still open" for _, n, of, where in sides if n]
        text = ""
        if untouched:
            text = (
                f"⚠ Nothing has been decided {' nor '.join(untouched)} yet: there are figures as soon as an "
                "interval is accepted, rejected or corrected."
            )
        elif said:
            text = f"⚠ {' and '.join(said)}: they count as the machine left them."
        self.note.setText("\n".join(filter(None, (text, of_file))))
        self.note.setVisible(bool(self.note.text()))

    def _activated(self, item: QListWidgetItem) -> None:
        number, frame = item.data(Qt.ItemDataRole.UserRole)
        if number >= 0:
            self.chosen.emit(number)
        else:
            self.sought.emit(frame)


def _comparison(
    document: ReviewDocument, path: Path | None, kind: Kind | None
) -> Callable[[Ticket], Compared]:
    """Return the work; a path is a file of any kind that can be imported, or another review's journal."""
    ours, machine, times, n = document.intervals, document.found, document.times_s, document.n_frames

    def work(ticket: Ticket) -> Compared:
        theirs: Sequence[ReviewInterval | IntervalRecord] = machine
        note = ""
        if path is not None and path.suffix == ".jsonl":
            theirs = document.review_in(path)
        elif path is not None:
            items = import_intervals(path, times, document=document)
            note = items.note
            # what holds no decisions is compared as the machine's list is: nobody is asked to decide there
            theirs = items if items.reviewed else [item.record for item in items]
        records = [item.record if isinstance(item, ReviewInterval) else item for item in theirs]
        return Compared(
            agreement(ours, theirs, n, kind=kind),
            {item.id: item for item in ours},
            {record.id: record for record in records},
            note,
        )

    return work


def _figure(value: float, result: Agreement, more: str = "") -> str:
    """Return a figure, with what it is worth: nothing without a decision, less than all before the last."""
    if not result.reviewed:
        return "not reviewed yet"
    text = f"{_number(value)} ({more})" if more else _number(value)
    return f"{text} provisional, {result.n_open} open" if result.n_open else text


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.2f}"


def _span(record: IntervalRecord) -> str:
    return f"#{record.id}  {clock(record.onset_s, 0.001)}"
