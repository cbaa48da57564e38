"""Consent and purpose: asked for before the first frame of a live source, kept with its results.

The rule: a consent is that of one participant, in front of one source, for one session. The session that
begins with it uses it up. One that was given for a preview is good for the session after it, but lapses when

- another camera or source is chosen,
- the preview is stopped,
- the page with the preview is left or hidden,
- the camera is unplugged (or another one has taken its number), or its preview fails or ends,
- :data:`LAPSES_AFTER_S` seconds have passed without a session.

Time and unplugging count also while it is asked whether another session that runs is to be ended for it.
The preview then ends with it, a line says why, and the next preview or session asks again. A form that is
open while its camera is unplugged is closed, as whoever fills it in is not in front of that camera.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.gui.fields import WrappedTick, height_of, with_hint
from megc_live.gui.recent import without_password
from megc_live.output.session import PURPOSE_NOTICE

LAPSES_AFTER_S: Final = 600.0
"""Age at which a consent lapses whose session has not begun, s: somebody else may sit there by then."""
NOTE_LINES = 2
"""Lines of the note that are seen at once."""
TOO_LATE: Final = f"{LAPSES_AFTER_S / 60:g} minutes have passed without a session"
UNPLUGGED: Final = "the camera was unplugged"
LOOK_MS = 1000
"""Time between two looks at the age of a consent."""

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


def has_lapsed(record: Mapping[str, Any]) -> bool:
    """Tell whether a consent is too old to begin a session with, or as far in the future: the clock was set.

    What nobody was asked for does not lapse.
    """
    if not record.get("asked"):
        return False
    age = datetime.now().astimezone() - datetime.fromisoformat(str(record["time"]))
    return abs(age.total_seconds()) >= LAPSES_AFTER_S


def looks_like_a_name(text: str) -> bool:
    """Tell whether what stands for a participant is rather a name than a code.

    Examples
    --------
    >>> [looks_like_a_name(text) for text in ("Jane Doe", "Jane", "P07", "AB", "CONTROL")]
    [True, True, False, False, False]
    """
    words = text.split()
    return len(words) > 1 or bool(re.fullmatch(r"[^\W\d_][^\W\d_A-Z]{2,}", "".join(words)))


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
    answers : dict, optional
        A record whose answers stand in the form at first; its ticks do not: they are given anew.
    """

    given = pyqtSignal(object)
    """The record: a dict of JSON values, as :meth:`record` returns it."""

    def __init__(
        self,
        source: str,
        purpose: str = "",
        parent: QWidget | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
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
        self._fill_in(answers or {})
        self._check()
        self._take_room()

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
        self.hint = QLabel("This looks like a name. A code, for example P07, keeps the results pseudonymous.")
        self.hint.setProperty("role", "warn")
        self.hint.hide()
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
        self.note.setFixedHeight(height_of(self.note, NOTE_LINES))
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

    def _fill_in(self, answers: Mapping[str, Any]) -> None:
        for name, field in (("participant", self.participant), ("given_by", self.given_by)):
            field.setText(str(answers.get(name, "")))
        self.purpose.setText(str(answers.get("purpose", self.purpose.text())))
        self.note.setPlainText(str(answers.get("note", "")))
        self.labelled.setChecked(not answers.get("spotting_only", True))

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
        who = QLabel("&Participant")
        who.setBuddy(self.participant)
        form.addRow(who, with_hint(self.participant, self.hint))
        form.addRow("&Consent given by", self.given_by)
        form.addRow("Pur&pose", self.purpose)
        form.addRow("&Note", self.note)
        layout.addWidget(title)
        layout.addWidget(card)
        layout.addLayout(form)
        for name, tick in self.ticks.items():
            layout.addWidget(WrappedTick(tick, STATEMENTS[name]))
        layout.addSpacing(4)
        layout.addWidget(QLabel("What is worked out:"))
        layout.addWidget(self.spotting_only)
        layout.addWidget(self.labelled)
        layout.addWidget(self.lacking)
        layout.addWidget(self.buttons)

    def _take_room(self) -> None:
        """Be as large as everything needs: Qt gives a dialog two thirds of the screen's height at most."""
        self.ensurePolished()
        if (layout := self.layout()) is not None:
            width = max(self.minimumWidth(), layout.totalMinimumSize().width())
            self.resize(width, layout.totalHeightForWidth(width))

    def _check(self) -> None:
        lacks = self.missing()
        self.hint.setVisible(looks_like_a_name(self.participant.text()))
        self.ok.setEnabled(not lacks)
        self.lacking.setText(f"Still needed: {', '.join(lacks)}." if lacks else "Nothing is missing.")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


@dataclass(frozen=True)
class _Given:
    """A consent that waits for its session, and when it was given by the gate's clock, s."""

    spec: str
    record: dict[str, Any]
    at_s: float


class ConsentGate(QObject):
    """Asks for consent, and keeps the one of a preview for the session after it, by the module's rule.

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
    clock : callable
        Returns the time in seconds. Default: the time of day, which also goes on while the computer sleeps.
    """

    lapsed = pyqtSignal(str)
    """A consent counts no more, or its form was closed: the line that says why."""

    def __init__(
        self,
        window: QWidget,
        purpose: Callable[[], str],
        keep_purpose: Callable[[str], None],
        exempt: Callable[[str], bool],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._purpose, self._keep_purpose, self._exempt = purpose, keep_purpose, exempt
        self._clock = clock
        self._given: _Given | None = None
        self._last: _Given | None = None
        """The answers of the last form, for the same person: forgotten when a consent would lapse."""
        self._form: tuple[str, ConsentDialog] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def ask(self, spec: str, then: Callable[[dict[str, Any]], None], *, again: bool = False) -> None:
        """Call ``then`` with the record as soon as there is one; never if the form is cancelled.

        Parameters
        ----------
        spec : str
        then : callable
        again : bool
            The source did not open with the last consent: its answers stand in the form, without the ticks.
        """
        self._look()
        if self._given is not None and self._given.spec != spec:
            self.lapse("another source was chosen")
        if self._given is not None:
            then(self._given.record)
        elif self._exempt(spec):
            then(demo_consent())
        else:
            last = self._last
            fresh = last is not None and last.spec == spec and self._clock() - last.at_s < LAPSES_AFTER_S
            self._show_form(spec, then, last.record if again and fresh and last is not None else {})

    def keep(self, spec: str, record: dict[str, Any]) -> None:
        """Keep the record of a preview until the session of that source begins, or until it lapses."""
        self._given = _Given(spec, record, self._clock())
        self._timer.start()

    def use_up(self, spec: str) -> None:
        """The session begins: the next one is asked for anew."""
        if self._given is not None and self._given.spec == spec:
            self._forget()

    def lapse(self, why: str, spec: str | None = None) -> None:
        """Forget the consent that is kept, and say so; nothing happens if none is.

        Parameters
        ----------
        why : str
            What has happened, for the line: "the preview was stopped".
        spec : str, optional
            Only that of this source; a form that is open for it is closed.
        """
        form = self._form[1] if self._form is not None and self._form[0] == spec else None
        kept = self._given is not None and spec in (None, self._given.spec)
        if kept:
            self._forget()
        if form is not None:
            form.reject()
        if kept or form is not None:
            self.lapsed.emit(f"Consent will be asked for again: {why}.")

    def _forget(self) -> None:
        self._given = None
        self._timer.stop()

    def _look(self) -> None:
        """Let a consent lapse that is too old, or that is as far in the future: the clock was set back."""
        if self._given is not None and abs(self._clock() - self._given.at_s) >= LAPSES_AFTER_S:
            self.lapse(TOO_LATE)

    def _show_form(
        self, spec: str, then: Callable[[dict[str, Any]], None], answers: Mapping[str, Any]
    ) -> None:
        form = ConsentDialog(without_password(spec), self._purpose(), self._window.window(), answers)
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def over() -> None:
            if self._form is not None and self._form[1] is form:
                self._form = None

        def given(record: dict[str, Any]) -> None:
            over()
            self._keep_purpose(str(record["purpose"]))
            self._last = _Given(spec, record, self._clock())
            then(record)

        form.given.connect(given)
        form.finished.connect(over)
        self._form = (spec, form)
        form.open()
