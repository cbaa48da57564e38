"""How long a consent counts: for one participant, in front of one source, for one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from megc_live.errors import SourceError
from megc_live.gui.consent import LAPSES_AFTER_S, ConsentDialog, ConsentGate, has_lapsed
from megc_live.gui.start_camera import CameraCard
from megc_live.video import ManualClock, Source
from megc_live.video.camera import CameraInfo
from tests.gui.conftest import Windows
from tests.gui.forms import consent, dialog_of, no_dialog
from tests.simulated import SimulatedCamera

LEFT = Qt.MouseButton.LeftButton
FRONT, SIDE = CameraInfo(0, "Front", "/dev/front"), CameraInfo(1, "Side", "/dev/side")
DEMO = "the-demo.mp4"


@dataclass
class Desk:
    """A camera's card with its gate, cameras that can be plugged in and out, and a clock turned by hand."""

    qtbot: QtBot
    clock: ManualClock = field(default_factory=ManualClock)
    plugged: list[CameraInfo] = field(default_factory=lambda: [FRONT, SIDE])
    devices: dict[str, SimulatedCamera] = field(
        default_factory=lambda: {f"camera:{k}": SimulatedCamera(30.0) for k in range(2)}
    )
    began: list[dict[str, Any]] = field(default_factory=list)
    """The consents of the sessions that have begun."""

    def __post_init__(self) -> None:
        self.page = QWidget()
        self.qtbot.addWidget(self.page)
        self.gate = ConsentGate(
            self.page, lambda: "", lambda purpose: None, lambda spec: spec == DEMO, clock=self.clock.now
        )
        self.card = CameraCard(self.page, self.gate, lambda: list(self.plugged), self.open)
        self.card.setParent(self.page)
        self.card.start_wanted.connect(self.start)
        self.page.resize(700, 500)
        with self.qtbot.waitExposed(self.page):
            self.page.show()
        self.list_cameras(lambda: self.card.picker.count() == 2)

    def open(self, spec: str) -> Source:
        return self.devices[spec].open()

    def start(self, spec: str) -> None:
        """Begin a session, as the page does."""

        def begin(record: dict[str, Any]) -> None:
            self.gate.use_up(spec)
            self.card.stop_preview()
            self.began.append(record)

        self.gate.ask(spec, begin)

    def list_cameras(self, until: Callable[[], bool]) -> None:
        """List the cameras anew, as a camera that comes or goes has it done."""
        self.card.cameras.refresh()
        self.qtbot.waitUntil(until)

    def preview(self) -> None:
        """Begin the preview with a consent, and wait for its pictures."""
        self.qtbot.mouseClick(self.card.preview_button, LEFT)
        consent(self.qtbot)
        self.qtbot.waitUntil(lambda: "frames/s measured" in self.card.measured.text())
        assert self.line() == ""

    def line(self) -> str:
        return self.card.lapsed.text() if self.card.lapsed.isVisible() else ""

    def asks_again(self, why: str) -> None:
        """The line says why, the camera is off, and a preview as well as a session asks first."""
        assert self.line() == f"Consent will be asked for again: {why}."
        assert not self.card.is_previewing()
        for button in (self.card.preview_button, self.card.start_button):
            self.qtbot.mouseClick(button, LEFT)
            dialog_of(self.qtbot, ConsentDialog).reject()
            assert not self.card.is_previewing() and self.began == []


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    closing = made.card.stop_preview()
    assert closing is None or closing.wait_closed(10)


def test_the_session_after_a_preview_uses_its_consent_up(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    desk.clock.advance(LAPSES_AFTER_S - 1)
    with qtbot.waitSignal(desk.card.cameras.listed):
        desk.card.cameras.refresh()  # nothing has changed
    qtbot.mouseClick(desk.card.start_button, LEFT)
    assert no_dialog(ConsentDialog)
    assert [record["participant"] for record in desk.began] == ["P07"] and desk.line() == ""
    qtbot.mouseClick(desk.card.start_button, LEFT)
    dialog_of(qtbot, ConsentDialog).reject()
    assert len(desk.began) == 1


def test_it_lapses_as_another_camera_is_chosen(desk: Desk) -> None:
    desk.preview()
    desk.card.picker.setCurrentIndex(1)
    desk.asks_again("another source was chosen")
    desk.card.picker.setCurrentIndex(0)
    desk.asks_again("another source was chosen")


@pytest.mark.parametrize("other", ["rtsp://door/live", "camera:1", DEMO])
def test_it_lapses_as_another_source_is_asked_for(desk: Desk, qtbot: QtBot, other: str) -> None:
    desk.preview()
    desk.gate.ask(other, lambda record: None)
    if other != DEMO:
        dialog_of(qtbot, ConsentDialog).reject()
    desk.asks_again("another source was chosen")


def test_it_lapses_as_the_preview_is_stopped(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    qtbot.mouseClick(desk.card.preview_button, LEFT)
    desk.asks_again("the preview was stopped")


def test_it_lapses_as_its_camera_is_unplugged(desk: Desk) -> None:
    desk.preview()
    desk.plugged.remove(FRONT)
    desk.list_cameras(lambda: desk.card.picker.count() == 1)
    desk.asks_again("the camera was unplugged")
    desk.plugged.insert(0, FRONT)
    desk.list_cameras(lambda: desk.card.picker.count() == 2)
    desk.card.picker.setCurrentIndex(0)
    desk.asks_again("the camera was unplugged")


def test_it_lapses_as_another_camera_takes_the_number(desk: Desk) -> None:
    desk.preview()
    desk.plugged[0] = CameraInfo(0, "Another", "/dev/another")
    desk.list_cameras(lambda: "Another" in desk.card.picker.currentText())
    desk.asks_again("the camera was unplugged")


def test_another_camera_that_goes_does_no_harm(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    desk.plugged.remove(SIDE)
    desk.list_cameras(lambda: desk.card.picker.count() == 1)
    assert desk.card.is_previewing() and desk.line() == ""
    qtbot.mouseClick(desk.card.start_button, LEFT)
    assert len(desk.began) == 1


def test_it_lapses_as_the_preview_fails(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    desk.devices["camera:0"].unplug()
    qtbot.waitUntil(lambda: desk.line() != "")
    desk.asks_again("the preview failed")


def test_it_lapses_as_the_preview_ends(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    desk.devices["camera:0"]._device.limit = 0
    qtbot.waitUntil(lambda: desk.line() != "")
    desk.asks_again("the preview ended")


def test_it_lapses_after_some_minutes_without_a_session(desk: Desk, qtbot: QtBot) -> None:
    """By itself, so that the camera does not stay on either."""
    desk.preview()
    desk.clock.advance(LAPSES_AFTER_S)
    qtbot.waitUntil(lambda: desk.line() != "")
    desk.asks_again("10 minutes have passed without a session")


def test_one_that_is_too_old_begins_no_session(desk: Desk, qtbot: QtBot) -> None:
    """Not even in the second before somebody looks at its age."""
    desk.preview()
    desk.clock.advance(LAPSES_AFTER_S)
    desk.start("camera:0")
    assert desk.began == [] and desk.line() != ""
    dialog_of(qtbot, ConsentDialog).reject()


def test_a_new_consent_is_as_young_as_it_is(desk: Desk, qtbot: QtBot) -> None:
    desk.preview()
    desk.clock.advance(LAPSES_AFTER_S - 1)
    qtbot.mouseClick(desk.card.preview_button, LEFT)
    desk.preview()
    desk.clock.advance(LAPSES_AFTER_S - 1)
    desk.start("camera:0")
    assert len(desk.began) == 1


def test_a_form_is_closed_as_its_camera_is_unplugged(desk: Desk, qtbot: QtBot) -> None:
    """Whatever takes the number of the camera, nobody has agreed to it."""
    for button in (desk.card.preview_button, desk.card.start_button):
        qtbot.mouseClick(button, LEFT)
        dialog_of(qtbot, ConsentDialog)
        desk.plugged[0] = CameraInfo(0, button.text(), "/dev/another")
        desk.list_cameras(lambda: no_dialog(ConsentDialog))
        desk.asks_again("the camera was unplugged")


def test_answers_come_back_where_the_source_did_not_open(desk: Desk, qtbot: QtBot) -> None:
    """The ticks do not, nor do another source's answers, nor where a session has been."""
    desk.gate.ask("http://one", desk.began.append)
    consent(qtbot, labels=True)
    for spec, again, code in (("http://one", True, "P07"), ("http://one", False, ""), ("http://2", True, "")):
        desk.gate.ask(spec, desk.began.append, again=again)
        form: ConsentDialog = dialog_of(qtbot, ConsentDialog)
        assert form.participant.text() == code
        assert form.labelled.isChecked() == bool(code) and form.spotting_only.isChecked() != bool(code)
        assert form.missing()[-1] == "3 ticks" and not form.ok.isEnabled()
        form.reject()
        qtbot.waitUntil(lambda: no_dialog(ConsentDialog))


def test_a_participant_s_name_is_hinted_at_and_not_refused(qtbot: QtBot) -> None:
    form = ConsentDialog("camera:0")
    qtbot.addWidget(form)
    form.show()
    for text, hinted in (("P07", False), ("Jane Doe", True), ("P07-b", False), ("Jane", True), ("", False)):
        form.participant.setText(text)
        assert form.hint.isVisible() == hinted, text
    form.participant.setText("Jane Doe")
    assert "a participant code" not in form.missing()


def test_the_age_of_a_record() -> None:
    def given(seconds_ago: float, asked: bool = True) -> dict[str, Any]:
        at = datetime.now().astimezone() - timedelta(seconds=seconds_ago)
        return {"asked": asked, "time": at.isoformat(timespec="seconds")}

    assert not has_lapsed(given(LAPSES_AFTER_S - 30))
    assert has_lapsed(given(LAPSES_AFTER_S + 1))
    assert has_lapsed(given(-LAPSES_AFTER_S - 2)), "the clock was set back"
    assert not has_lapsed(given(LAPSES_AFTER_S + 1, asked=False)), "the demo clip asks nobody"


def test_the_hint_moves_no_field_and_the_note_has_two_lines(qtbot: QtBot) -> None:
    form = ConsentDialog("camera:0 Front")
    qtbot.addWidget(form)
    with qtbot.waitExposed(form):
        form.show()
    below = (form.given_by, form.purpose, form.note, *form.ticks.values(), form.ok)

    def places() -> list[tuple[int, int]]:
        QApplication.processEvents()  # a changed layout is laid out by an event
        return [(field.mapTo(form, field.rect().topLeft()).y(), field.height()) for field in below]

    before, size = places(), form.size()
    qtbot.keyClicks(form.participant, "Maria Meier")
    assert form.hint.isVisible() and (places(), form.size()) == (before, size)
    form.note.setPlainText("one line\nand another")
    bar = form.note.verticalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert size.width() <= 1200 and size.height() <= 640, "screens of 1280 x 720 have bars"


def test_it_lapses_as_the_page_is_left(new_window: Windows, qtbot: QtBot) -> None:
    device = SimulatedCamera(30.0)
    window = new_window(cameras=[FRONT], opening=lambda spec: device.open())
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)
    qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
    window.go_to(3)
    assert not card.is_previewing()
    window.go_to(0)
    assert card.lapsed.isVisible()
    assert card.lapsed.text() == "Consent will be asked for again: this page was left."
    qtbot.mouseClick(card.start_button, LEFT)
    dialog_of(qtbot, ConsentDialog).reject()
    assert window.workspace() == "Start" and not window.live.is_running()


def test_no_camera_is_opened_on_a_page_that_was_left_meanwhile(new_window: Windows, qtbot: QtBot) -> None:
    """The form was open as something else came to the front: the opening of a camera fails the test."""
    opened: list[str] = []

    def opening(spec: str) -> Source:
        opened.append(spec)
        raise SourceError("it was opened.", "Do not.")

    window = new_window(cameras=[FRONT], opening=opening)
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    window.go_to(3)
    consent(qtbot)
    assert not card.is_previewing() and card.picture.preview is None
    window.go_to(0)
    assert card.lapsed.text() == "Consent will be asked for again: this page was left."
    qtbot.mouseClick(card.preview_button, LEFT)
    dialog_of(qtbot, ConsentDialog).reject()
    assert opened == []
