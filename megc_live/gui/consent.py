"""Consent and purpose: asked for before the first frame of a live source, kept with its results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.gui.recent import without_password
from megc_live.output.session import PURPOSE_NOTICE

STATEMENTS: Final[dict[str, str]] = {
    "informed_and_agrees": "The person in front of the camera was told what is analysed and stored, "
    "and agrees.",
    "may_stop_at_any_time": "The person knows that the session can be stopped at any time and the "
    "results deleted.",
    "not_at_work_or_education": "This is research. It is not used to infer emotions at work or in education "
    "(EU AI Act article 5(1)(f)), and not to detect lies.",
}
"""What has to be ticked, by the name under which it is stored."""

NOTICE: Final = (
    "This program finds short movements of the face and says when they start, peak and end. It is made for "
    "research. <b>It is not a lie detector</b>: a micro-expression does not tell why a face moved. "
    "<b>Article 5(1)(f) of the EU AI Act</b> forbids inferring the emotions of people at work and in "
    "education, except for medical or safety reasons. Everything stays on this computer, unless somebody "
    "switches LSL on in Live: that offers signals and markers, no pictures, to the local network. Video is "
    "kept only if you switch recording on."
)


def demo_consent() -> dict[str, Any]:
    """Return what is stored where nobody has to be asked: the demo clip shows a public photograph."""
    return {
        "asked": False,
        "reason": "demo clip: planted movements in a photograph in the public domain (NASA)",
        "purpose": "demonstration",
        "spotting_only": False,
        "notice": PURPOSE_NOTICE,
        "time": _now(),
    }


class ConsentDialog(QDialog):
    """The form. Its OK button works once everything that is needed has been given.

    Parameters
    ----------
    source : str
        What is about to be opened, as it is shown to the user.
    purpose : str
        The purpose of the last session, to start from.
    parent : QWidget, optional
        The window above which it is shown.
    """

    given = pyqtSignal(object)
    """The record: a dict of JSON values, as :meth:`record` returns it."""

    def __init__(self, source: str, purpose: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self.setWindowTitle("Consent and purpose")
        self.setMinimumWidth(620)
        self._make_fields(purpose)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ok = QPushButton("Consent is given")
        self.buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setToolTip("Go on; this form is stored in the session.json of the results (Enter)")
        self.ok.setProperty("primary", "true")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(lambda: self.given.emit(self.record()))
        self._lay_out()
        self._check()

    def record(self) -> dict[str, Any]:
        """Return what was agreed to, as JSON values, with the time of now (ISO 8601 with offset)."""
        return {
            "asked": True,
            "source": self._source,
            "participant": self.participant.text().strip(),
            "given_by": self.given_by.text().strip(),
            "note": self.note.toPlainText().strip(),
            "purpose": self.purpose.text().strip(),
            "agreed": {name: {"text": STATEMENTS[name], "ticked": True} for name in self.ticks},
            "spotting_only": self.spotting_only.isChecked(),
            "notice": PURPOSE_NOTICE,
            "time": _now(),
        }

    def missing(self) -> list[str]:
        """Return what is still to be filled in, as words to show."""
        lacks = []
        if not self.participant.text().strip():
            lacks.append("a participant code")
        if not self.purpose.text().strip():
            lacks.append("the purpose")
        unticked = sum(not tick.isChecked() for tick in self.ticks.values())
        if unticked:
            lacks.append(f"{unticked} tick{'s' if unticked > 1 else ''}")
        return lacks

    def _make_fields(self, purpose: str) -> None:
        self.participant = QLineEdit()
        self.participant.setPlaceholderText("for example P07: a code, not a name")
        self.participant.setToolTip("Code of the person in front of the camera; stored with the results")
        self.given_by = QLineEdit()
        self.given_by.setPlaceholderText("the participant, or who may consent for them (optional)")
        self.given_by.setToolTip("Who gives the consent, for example a parent; stored with the results")
        self.purpose = QLineEdit(purpose)
        self.purpose.setPlaceholderText("for example: study on emotion regulation, ethics vote 12/2026")
        self.purpose.setToolTip("What the session is recorded for; stored with the results")
        self.note = QPlainTextEdit()
        self.note.setPlaceholderText("Anything else that should stand with the consent (optional)")
        self.note.setToolTip("Free text; stored with the results")
        self.note.setTabChangesFocus(True)
        self.note.setMaximumHeight(54)
        self.ticks = {name: QCheckBox() for name in STATEMENTS}
        self.labelled = QRadioButton("Movements and a label: negative, positive, surprise")
        self.labelled.setToolTip("Each micro-expression also gets a class with probabilities, 0 to 1")
        self.spotting_only = QRadioButton("Spotting only: when a face moves, no emotion label")
        self.spotting_only.setToolTip("No classifier runs: nothing is said about emotions")
        self.spotting_only.setChecked(True)
        self._choice = QButtonGroup(self)
        for button in (self.spotting_only, self.labelled):
            self._choice.addButton(button)
        self.lacking = QLabel()
        self.lacking.setProperty("role", "soft")
        for field in (self.participant, self.purpose):
            field.textChanged.connect(self._check)
        for name, tick in self.ticks.items():
            tick.toggled.connect(self._check)
            tick.setAccessibleName(STATEMENTS[name])

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        title = QLabel(f"Before the first picture of {self._source}")
        title.setProperty("role", "heading")
        title.setWordWrap(True)
        notice = QLabel(NOTICE)
        notice.setWordWrap(True)
        notice.setTextFormat(Qt.TextFormat.RichText)
        card = QFrame()
        card.setProperty("role", "card")
        QVBoxLayout(card).addWidget(notice)
        form = QFormLayout()
        form.addRow("&Participant", self.participant)
        form.addRow("&Consent given by", self.given_by)
        form.addRow("Pur&pose", self.purpose)
        form.addRow("&Note", self.note)
        layout.addWidget(title)
        layout.addWidget(card)
        layout.addLayout(form)
        for name, tick in self.ticks.items():
            layout.addWidget(_WrappedTick(tick, STATEMENTS[name]))
        layout.addSpacing(4)
        layout.addWidget(QLabel("What is worked out:"))
        layout.addWidget(self.spotting_only)
        layout.addWidget(self.labelled)
        layout.addWidget(self.lacking)
        layout.addWidget(self.buttons)

    def _check(self) -> None:
        lacks = self.missing()
        self.ok.setEnabled(not lacks)
        self.lacking.setText(f"Still needed: {', '.join(lacks)}." if lacks else "Nothing is missing.")


class _WrappedTick(QWidget):
    """A tick box with a text of several lines, which Qt's own cannot have; a click on the text ticks it."""

    def __init__(self, tick: QCheckBox, text: str) -> None:
        super().__init__()
        self._tick = tick
        tick.setToolTip(f"{text} (Space)")
        label = QLabel(text)
        label.setWordWrap(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(tick, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label, 1)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Tick or untick."""
        self._tick.toggle()
        self._tick.setFocus()


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


class ConsentGate:
    """Asks for consent once for each session: what was given for a preview is good for the session after it.

    Parameters
    ----------
    window : QWidget
        Above which the form is shown.
    purpose : callable
        Returns the purpose to start from.
    keep_purpose : callable
        Is told the purpose that was written.
    exempt : callable
        ``exempt(spec)``: the source shows nobody who could be asked.
    """

    def __init__(
        self,
        window: QWidget,
        purpose: Callable[[], str],
        keep_purpose: Callable[[str], None],
        exempt: Callable[[str], bool],
    ) -> None:
        self._window = window
        self._purpose, self._keep_purpose, self._exempt = purpose, keep_purpose, exempt
        self._given: dict[str, dict[str, Any]] = {}

    def ask(self, spec: str, then: Callable[[dict[str, Any]], None]) -> None:
        """Call ``then`` with the record as soon as there is one; never if the form is cancelled."""
        if spec in self._given:
            then(self._given[spec])
        elif self._exempt(spec):
            then(demo_consent())
        else:
            self._show_form(spec, then)

    def keep(self, spec: str, record: dict[str, Any]) -> None:
        """Keep a record until the session of that source begins."""
        self._given[spec] = record

    def use_up(self, spec: str) -> None:
        """The session begins: the next one is asked for anew."""
        self._given.pop(spec, None)

    def forget_all(self) -> None:
        """Whoever was asked may be gone: the next session of any source is asked for anew."""
        self._given.clear()

    def _show_form(self, spec: str, then: Callable[[dict[str, Any]], None]) -> None:
        form = ConsentDialog(without_password(spec), self._purpose(), self._window.window())
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def given(record: dict[str, Any]) -> None:
            self._keep_purpose(str(record["purpose"]))
            then(record)

        form.given.connect(given)
        form.open()
