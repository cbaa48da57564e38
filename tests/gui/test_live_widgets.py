"""The Live workspace with a session that shows what the tests say."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QIcon, QImage, QPainter
from PyQt6.QtWidgets import QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.live import painting
from megc_live.gui.live import view as live_view
from megc_live.gui.live.events import DELAY, FIRST_P, KIND, LABEL, LABEL_COLUMNS, MOST, ONSET, EventTable
from megc_live.gui.live.history import BIN_S, History
from megc_live.gui.live.picture import Picture
from megc_live.gui.live.request import has_results
from megc_live.gui.live.scale import ActivityScale
from megc_live.gui.live.timeline import row_names
from megc_live.gui.live.view import PAINT_S, LiveView
from megc_live.gui.main_window import LEAST
from megc_live.live_snapshot import Still
from megc_live.live_warnings import LIVELY_FACE
from megc_live.publish import partial_folder
from megc_live.settings import Settings
from megc_live.video.recorder import RecorderStats
from tests.gui.fake_live import (
    EMPTY,
    NAN,
    FakeSession,
    baseline,
    event,
    face,
    no_face,
    picture,
    row,
)

Made = Callable[..., LiveView]


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[Made]:
    """Makes a shown view whose sessions are fakes: the newest is ``session(view)``."""
    theme.apply("light")
    made: list[LiveView] = []

    def make(settings: Settings | None = None) -> LiveView:
        view = LiveView(lambda: settings or Settings(), make_session=FakeSession)  # type: ignore[arg-type]
        qtbot.addWidget(view)
        view.resize(1280, 660)
        view.show()
        made.append(view)
        return view

    yield make
    for view in made:
        view.shutdown(0.0)


def begin(view: LiveView, spec: str = "camera:0", folder: Path | None = None, **consent: bool) -> FakeSession:
    view.start(spec, lambda: None, consent={"given": True, **consent}, folder=folder)  # type: ignore[arg-type, return-value]
    return session(view)


def session(view: LiveView) -> FakeSession:
    found = view._session
    assert isinstance(found, FakeSession)
    return found


def running(view: LiveView, **changes: Any) -> FakeSession:
    """A session that runs and shows one frame with a face whose regions are fully active."""
    made = begin(view)
    frame, seen = picture(30), row(30, level=10.0)
    values = {"state": "running", "frame": frame, "analysed": frame, "faces": (face(seen),), **changes}
    made.show(**values)
    return made


def action(view: LiveView, text: str) -> Any:
    return next(found for found in view.actions() if found.text().replace("&", "") == text)


def pixels(image: QImage) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    assert bits is not None
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bytes(bits), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def test_a_session_gets_consent_folder_and_a_name_from_its_source(make_view: Made, tmp_path: Path) -> None:
    view = make_view()
    made = begin(view, spec=str(tmp_path / "my clip.mp4"), folder=tmp_path)
    assert made.asked == ["start"]
    assert made.options["consent"] == {"given": True}
    assert made.options["folder"] == tmp_path
    assert made.options["name"] == "my_clip"
    assert made.options["lsl"] is None  # off by default
    assert made.settings.recognition.recognizer == "ststnet"


@pytest.mark.parametrize(
    ("spec", "name"), [("camera:1", "camera1"), ("rtsp://user:secret@host:554/a", "host_554_a")]
)
def test_names_of_folders_hold_no_password(make_view: Made, spec: str, name: str) -> None:
    assert begin(make_view(), spec=spec).options["name"] == name


def test_spotting_only_is_chosen_for_the_next_session(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    first = running(view)
    switch = action(view, "Spotting only")
    qtbot.waitUntil(lambda: not switch.isEnabled())
    switch.trigger()
    assert not switch.isChecked() and "names emotions" in switch.toolTip()
    assert first.settings.recognition.recognizer == "ststnet"
    first.show(state="ended")
    qtbot.waitUntil(switch.isEnabled)
    switch.trigger()
    second = begin(view)
    assert second.settings.recognition.recognizer == "none"
    second.show(state="running", spotting_only=True)
    qtbot.waitUntil(lambda: all(view.table.isColumnHidden(c) for c in LABEL_COLUMNS))
    assert "p of negative" not in view.timeline.unit.text()


def test_a_running_session_shows_what_the_consent_form_decided(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = begin(view, spotting_only=True)
    made.show(state="running", spotting_only=True)
    switch = action(view, "Spotting only")
    qtbot.waitUntil(switch.isChecked)
    assert not switch.isEnabled() and "consent form" in switch.toolTip()
    made.show(state="ended", spotting_only=True)
    qtbot.waitUntil(switch.isEnabled)
    assert not switch.isChecked(), "the next person is asked anew"


@pytest.mark.skipif(find_spec("pylsl") is None, reason="needs the extra lsl")
def test_signals_are_not_sent_of_a_session_that_takes_another_s_place(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    switch = action(view, "LSL")
    switch.trigger()
    first = begin(view)
    first.show(state="running")
    assert first.options["lsl"] is not None
    assert not switch.isEnabled() and switch.isChecked()
    view.start("camera:9", lambda: None, consent={"given": True}, folder=None)  # type: ignore[arg-type, return-value]
    first.show(state="ended")
    qtbot.waitUntil(lambda: view._session is not first)
    assert session(view).options["lsl"] is None and not switch.isChecked()


def test_lsl_is_greyed_with_what_to_install(make_view: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_view, "find_spec", lambda name: None)
    lsl = action(make_view(), "LSL")
    assert not lsl.isEnabled()
    assert "megc-live[lsl]" in lsl.toolTip()


def test_lsl_is_switched_on(make_view: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_view, "find_spec", lambda name: object())
    view = make_view()
    action(view, "LSL").trigger()
    assert begin(view).options["lsl"] is not None


def test_open_outlets_are_said_beside_the_switch(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    sign = view.controls.lsl
    assert not sign.isVisible()
    made = running(view, lsl=True)
    view.controls.say("a folder with a name that is long " * 9)
    qtbot.waitUntil(sign.isVisible)
    said = view.controls.said
    qtbot.waitUntil(lambda: said.isVisible() and said.y() > sign.geometry().bottom())
    assert said.fontMetrics().horizontalAdvance(said.text()) <= said.width()
    assert "LSL on" in sign.text() and "network" in sign.toolTip()
    made.show(lsl=False, state="ended")
    qtbot.waitUntil(lambda: not sign.isVisible())


def test_a_pressed_switch_has_a_tick_not_colour_alone(make_view: Made) -> None:
    view = make_view()
    buttons = {made.text(): made for made in view.findChildren(QToolButton)}

    def sign(name: str) -> bytes:
        made = buttons[name]
        state = QIcon.State.On if made.isChecked() else QIcon.State.Off
        return pixels(made.icon().pixmap(made.iconSize(), QIcon.Mode.Normal, state).toImage()).tobytes()

    for name in ("Landmarks", "Regions", "Head box", "Warnings", "Heat rows", "Spotting only"):
        before = sign(name)
        action(view, name).toggle()
        assert sign(name) != before, name
        assert buttons[name].toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon


def test_overlays_are_switched_one_by_one(qtbot: QtBot) -> None:
    frame, seen = picture(1), row(1, level=10.0)
    shown = replace(
        EMPTY, state="running", frame=frame, analysed=frame, faces=(face(seen),), warnings=("dark",)
    )
    widget = Picture()
    qtbot.addWidget(widget)
    widget.resize(640, 480)
    widget.show()
    for name in ("landmarks", "regions", "head_box", "warnings"):
        widget.switch(name, False)
    widget.show_snapshot(shown)
    bare = pixels(widget.grab().toImage())
    assert np.abs(bare.astype(int) - frame.image.rgb()).mean() < 2  # nothing but the frame
    for name in ("landmarks", "regions", "head_box", "warnings"):
        widget.switch(name, True)
        assert (pixels(widget.grab().toImage()) != bare).any(), name
        widget.switch(name, False)
        assert (pixels(widget.grab().toImage()) == bare).all(), name


def test_regions_have_the_colour_of_their_activity(qtbot: QtBot) -> None:
    frame = picture(1)
    seen = row(1, activity=(0.0,) * 11 + (2.0,))  # 2 % is the brightest
    widget = Picture()
    qtbot.addWidget(widget)
    widget.resize(640, 480)
    widget.show()
    shown = face(seen)
    widget.show_snapshot(replace(EMPTY, state="running", frame=frame, analysed=frame, faces=(shown,)))
    image = widget.grab().toImage()

    def edge(k: int) -> QColor:
        x, y = shown.regions[k]
        return image.pixelColor(round(x - shown.region_px / 2), round(y))

    def near(colour: QColor, level: float) -> bool:
        wanted = theme.activity(level)
        return (
            max(
                abs(colour.red() - wanted.red()),
                abs(colour.green() - wanted.green()),
                abs(colour.blue() - wanted.blue()),
            )
            < 60
        )

    assert near(edge(11), 1.0) and not near(edge(11), 0.0)
    assert near(edge(3), 0.0) and not near(edge(3), 1.0)


@pytest.mark.parametrize("right", [1000.0, 300.0])
def test_the_name_of_the_strongest_region_is_never_cut(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, right: float
) -> None:
    at = face(row(3, level=30.0))
    strongest = int(np.nanargmax(at.row.activity))
    at = replace(at, regions=np.where(np.arange(12)[:, None] == strongest, (250.0, 200.0), at.regions))
    plates: list[tuple[str, QPointF]] = []
    monkeypatch.setattr(painting, "plate", lambda _p, words, corner, _c: plates.append((words, corner)))
    picture = QImage(640, 480, QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    wide = QFontMetricsF(painter.font()).horizontalAdvance
    painting.draw_strongest(painter, at, painting.Mapping(1.0, 0.0, 0.0), ActivityScale(), right)
    painter.end()
    ((words, corner),) = plates
    beyond = corner.x() + wide(words) > 250.5 - 8
    assert beyond == (right > 300) and corner.x() + wide(words) <= right


def test_paint_stage_adds_up_and_measures_from_capture(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    for k in range(1, 6):
        frame = replace(picture(30 + k), t_capture=time.perf_counter() - 0.25)
        made.show(frame=frame, analysed=frame)
        qtbot.waitUntil(lambda done=k: view.picture.stats.processed >= done)
    stats = view.picture.stats
    assert stats.enqueued == stats.processed + stats.dropped + stats.in_flight
    assert stats.p95_s >= 0.25
    qtbot.waitUntil(lambda: "overlay -" not in view.footer.labels["overlay"].text())


def test_the_picture_is_not_painted_once_a_captured_frame(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    still = picture(0)
    look, began = made.snapshot, time.monotonic()

    def another() -> Any:
        frame = replace(still, index=made.looks, pts_s=made.looks / 1000)  # new at every look
        made.show(frame=frame, analysed=frame)
        return look()

    made.snapshot = another  # type: ignore[method-assign]
    qtbot.waitUntil(lambda: made.looks >= 60)
    most = 2 + (time.monotonic() - began) / PAINT_S
    assert 1 < view.picture.stats.enqueued <= most


@pytest.mark.parametrize(
    ("changes", "title", "words"),
    [
        ({"state": "opening"}, "Opening", "camera:0"),
        ({"state": "lost", "message": "camera 0 is gone. Plug it in."}, "The source is lost", "Plug it in."),
        (
            {"state": "failed", "message": "camera 0 does not open. Close it."},
            "This did not work",
            "Close it.",
        ),
        ({"state": "stopping"}, "Finishing", "written"),
    ],
)
def test_states_are_told_with_what_to_do(
    make_view: Made, qtbot: QtBot, changes: dict[str, Any], title: str, words: str
) -> None:
    view = make_view()
    running(view, **changes)
    qtbot.waitUntil(lambda: view.notice.title.text() == title)
    assert view.notice.isVisible()
    assert words in view.notice.text.text()


def test_nothing_lies_over_the_picture_while_it_runs(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    assert view.notice.isVisible()  # no source yet
    running(view)
    qtbot.waitUntil(lambda: not view.notice.isVisible())


def test_a_finished_session_opens_in_review(make_view: Made, qtbot: QtBot, tmp_path: Path) -> None:
    view = make_view()
    made = running(view, folder=tmp_path)
    assert not action(view, "Open in Review").isEnabled()
    made.events.append(event(1, 0.5))
    made.show(state="ended")
    qtbot.waitUntil(lambda: view.notice.title.text() == "Session finished")
    assert "1 interval found" in view.notice.text.text()
    shown = [b for b in view.notice.findChildren(QPushButton) if b.isVisible()]
    assert [b.text() for b in shown] == ["Open in Review", "Start again"]
    with qtbot.waitSignal(view.opened_results) as signal:
        qtbot.mouseClick(shown[0], Qt.MouseButton.LeftButton)
    assert signal.args == [tmp_path]
    with qtbot.waitSignal(view.source_wanted) as wanted:
        qtbot.mouseClick(shown[1], Qt.MouseButton.LeftButton)
    assert wanted.args == ["camera:0"]


def test_a_session_that_left_nothing_offers_no_review(make_view: Made, qtbot: QtBot, tmp_path: Path) -> None:
    view = make_view()
    made = running(view, folder=tmp_path / "never")
    made.show(state="failed", message="no. Try.")
    qtbot.waitUntil(lambda: view.notice.title.text() == "This did not work")
    assert not has_results(made.shown)
    assert not action(view, "Open in Review").isEnabled()
    assert action(view, "Start again").isEnabled()


def test_another_source_waits_for_the_first_one_to_end(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    first = running(view)
    view.start("camera:1", lambda: None, consent={}, folder=None)  # type: ignore[arg-type, return-value]
    assert first.asked[-1] == "stop"
    assert session(view) is first
    first.show(state="ended")
    qtbot.waitUntil(lambda: session(view) is not first)
    assert session(view).options["name"] == "camera1"
    assert session(view).asked == ["start"]


def test_a_source_that_hangs_is_left_behind(
    make_view: Made, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_view, "_HANGS_S", 0.05)
    view = make_view()
    first = running(view)
    view.start("camera:1", lambda: None, consent={}, folder=None)  # type: ignore[arg-type, return-value]
    qtbot.waitUntil(lambda: session(view) is not first)
    assert first.shown.state == "stopping"
    assert first.asked[-1] == ("close", 0.0)


def test_keys_do_what_the_buttons_do(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    qtbot.waitUntil(lambda: action(view, "Pause").isEnabled())
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    keys = (Qt.Key.Key_P, Qt.Key.Key_P, Qt.Key.Key_F9, Qt.Key.Key_B, Qt.Key.Key_S, Qt.Key.Key_F6)
    for done, key in enumerate(keys, start=2):
        qtbot.waitUntil(lambda: action(view, "Neutral").isEnabled() or made.shown.state == "paused")
        qtbot.keyClick(view, key)
        qtbot.waitUntil(lambda number=done: len(made.asked) == number)
    kinds = [asked if isinstance(asked, str) else asked[0] for asked in made.asked]
    assert kinds == ["start", "pause", "resume", "record", "baseline", "snapshot", "stop"]


def test_every_control_has_a_key_and_a_tooltip(make_view: Made) -> None:
    view = make_view()
    for found in view.actions():
        assert found.shortcuts(), found.text()
        assert len(found.toolTip()) > len(found.text()), found.text()
    keys = [key.toString() for found in view.actions() for key in found.shortcuts()]
    assert len(keys) == len(set(keys))
    for made in view.findChildren(QToolButton):
        assert made.toolTip() and made.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_everything_fits_into_a_small_window(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    size = view.minimumSizeHint()
    assert size.width() <= LEAST.width() and size.height() <= LEAST.height() - 100
    view.resize(LEAST.width(), LEAST.height() - 70)
    made = running(view)
    made.events += [event(k + 1, 2.0 * k) for k in range(20)]
    qtbot.waitUntil(lambda: view.table.events.rowCount() == 20)
    across = view.table.horizontalScrollBar()
    assert across is not None and across.maximum() == 0, "every column is seen"


def test_recording_shows_a_red_sign_with_its_counts(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)

    def red() -> int:
        image = pixels(view.picture.grab().toImage()).astype(int)
        return int(((image[..., 0] > 180) & (image[..., 1] < 60) & (image[..., 2] < 60)).sum())

    qtbot.waitUntil(lambda: view.picture.stats.processed > 0)
    before = red()
    made.show(recording=RecorderStats(12, 10, 1, 1, Path("recording.mp4")))
    qtbot.waitUntil(lambda: red() > before + 1000)
    assert action(view, "Record").isChecked()
    made.show(recording=None)
    qtbot.waitUntil(lambda: red() <= before)
    assert not action(view, "Record").isChecked()


def test_neutral_counts_down_and_then_activity_is_relative(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    assert not action(view, "Relative to neutral").isEnabled()
    made.show(baseline_left_s=2.4)
    qtbot.waitUntil(lambda: any(found.text() == "Neutral 2.4 s" for found in view.actions()))
    made.show(baseline_left_s=0.0, baseline=baseline())
    qtbot.waitUntil(lambda: action(view, "Relative to neutral").isChecked())
    assert "SD" in view.timeline.full.text()
    action(view, "Relative to neutral").trigger()
    assert "%" in view.timeline.full.text()


def test_a_neutral_face_that_moved_is_doubtful(make_view: Made, qtbot: QtBot) -> None:
    """The movement is known after the neutral face: a macro-expression ends later."""
    view = make_view()
    made = running(view)
    said, standing = view.controls.said, view.controls.standing
    made.show(baseline=baseline())  # 0 to 3 s
    qtbot.waitUntil(lambda: said.toolTip().startswith("Neutral face taken: 3.0 s"))
    assert said.property("role") == "soft"
    made.events.append(event(1, 3.1))
    made.events.append(event(2, 1.0, face_id=2))
    qtbot.waitUntil(lambda: view.table.events.rowCount() == 2)
    assert not view._neutral.doubtful and not standing.isVisible()
    made.events.append(event(3, 2.8))
    qtbot.waitUntil(lambda: "doubtful: a micro-expression at 0:03" in standing.toolTip())
    assert standing.property("role") == "warn" and standing.text().startswith("⚠")
    qtbot.waitUntil(lambda: any(found.text() == "Neutral again" for found in view.actions()))
    action(view, "Snapshot").trigger()
    qtbot.waitUntil(lambda: said.toolTip().startswith("Saving "))
    assert standing.isVisible() and said.isVisible() and "doubtful" in standing.text()
    made.show(baseline=replace(baseline(), began_s=10.0))
    qtbot.waitUntil(lambda: said.toolTip().startswith("Neutral face taken"))
    assert said.property("role") == "soft" and not view._neutral.doubtful and not standing.isVisible()


def test_a_doubt_about_the_neutral_face_ends_with_the_session(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view, baseline=replace(baseline(), head_mean=5.0))
    qtbot.waitUntil(view.controls.standing.isVisible)
    made.show(state="ended")
    qtbot.waitUntil(lambda: not view.controls.standing.isVisible())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"baseline": replace(baseline(), head_mean=5.0)}, "head moved"),
        ({"warnings": (LIVELY_FACE,)}, "a lot"),
    ],
)
def test_a_neutral_face_taken_while_the_head_or_the_face_moves(
    make_view: Made, qtbot: QtBot, changes: dict[str, Any], why: str
) -> None:
    view = make_view()
    made = running(view, baseline_left_s=1.0, warnings=changes.get("warnings", ()))
    qtbot.waitUntil(lambda: any(found.text() == "Neutral 1.0 s" for found in view.actions()))
    made.show(baseline_left_s=0.0, baseline=changes.get("baseline", baseline()), warnings=())
    qtbot.waitUntil(lambda: why in view.controls.standing.toolTip())
    assert view._neutral.doubtful


def test_a_snapshot_that_cannot_be_written_is_told(make_view: Made, qtbot: QtBot, tmp_path: Path) -> None:
    view = make_view()
    made = running(view, folder=tmp_path / "s")
    said = view.controls.said
    qtbot.waitUntil(lambda: action(view, "Snapshot").isEnabled())
    action(view, "Snapshot").trigger()
    path = made.asked[-1][1]
    assert said.toolTip().startswith("Saving ") and path.parent == tmp_path / "s"
    made.show(warnings=(f"cannot write {str(path)!r}: no space left.",))
    qtbot.waitUntil(lambda: said.toolTip().startswith("No snapshot: cannot write"))
    assert said.property("role") == "warn"


def test_a_snapshot_that_the_session_ended_without_is_told(
    make_view: Made, qtbot: QtBot, tmp_path: Path
) -> None:
    view = make_view()
    made = running(view, folder=tmp_path / "s")
    qtbot.waitUntil(lambda: action(view, "Snapshot").isEnabled())
    action(view, "Snapshot").trigger()
    made.show(state="ended")
    qtbot.waitUntil(lambda: "was not kept" in view.controls.said.toolTip())


@pytest.mark.parametrize("kept", [True, False])
def test_a_late_snapshot_is_left_in_no_hidden_folder(tmp_path: Path, kept: bool) -> None:
    with pytest.raises(KeyboardInterrupt), partial_folder(tmp_path, "s", once=True) as hidden:
        still = Still.of(tmp_path / "s", 7)
        assert still.now.parent == hidden != still.final.parent == Still.of(tmp_path / "s", 8).final.parent
        raise KeyboardInterrupt
    still.now.write_bytes(b"png")
    if kept:
        still.final.parent.mkdir()
    assert still.settle() == kept == still.final.exists()
    assert not hidden.exists()


@pytest.mark.parametrize("row_px", [4.5, 7.0, 10.0, 10.5, 30.0])
def test_names_of_rows_have_room(row_px: float) -> None:
    at = sorted(y for y, _ in row_names(row_px))
    assert min(high - low for low, high in itertools.pairwise(at)) * row_px >= 8
    assert len(at) == (15 if row_px > 10 else 6)


def test_activity_relative_to_neutral_is_in_standard_deviations() -> None:
    scale = ActivityScale(baseline())
    assert scale.values(np.array([[2.0] * 12, [0.5] * 12]))[:, 0].tolist() == [2.0, -1.0]
    assert scale.levels(np.full(12, 100.0)).tolist() == [1.0] * 12
    assert np.isnan(scale.of_row((NAN,) * 12)).all()
    assert scale.stepped(99).full < scale.full < scale.stepped(-99).full


def test_the_footer_says_what_is_unknown(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    texts = view.footer.labels
    qtbot.waitUntil(lambda: texts["rate"].text() == "captured -, analysed - fps")
    assert not any("nan" in label.text() for label in texts.values())
    made.show(
        capture_fps=20.04,
        analysed_fps=19.96,
        delay_p50_s=0.3,
        delay_p95_s=0.41,
        stated_delay_s=0.58,
        dropped=7,
        data_age_s=0.012,
        cpu_percent=41.6,
    )
    qtbot.waitUntil(lambda: texts["rate"].text() == "⚠ captured 20.0, analysed 20.0 fps")
    assert texts["rate"].property("role") == "warn"
    assert texts["decision"].text() == "decision 300 / 410 ms (at most 580)"
    assert texts["dropped"].text() == "dropped 7"
    assert texts["age"].text() == "data age 12 ms"
    assert texts["cpu"].text() == "CPU 42 %"


def test_columns_hold_the_largest_value_and_gaps_stay_gaps() -> None:
    history = History()
    quick = [row(k, fps=200.0, activity=(float(k % 5),) * 12) for k in range(200)]  # 5 rows a column
    history.extend(quick)
    times, values = history.window(1.0)
    assert len(times) == round(1.0 / BIN_S)
    assert (values[1:-1, 0] == 4.0).all()
    history.clear()
    history.extend([row(k) for k in range(30)] + [no_face(k) for k in range(30, 60)])
    history.extend([row(k) for k in range(60, 90)])
    times, values = history.window(3.0, gap_s=0.06)
    known = np.isfinite(values[:, 0])
    assert not known[(times > 1.05) & (times < 1.9)].any()
    assert known[(times > 0.05) & (times < 0.9)].all()  # at 30 fps not every column has a row: bridged


def test_memory_of_the_timeline_does_not_grow() -> None:
    history = History()
    history.extend(row(k, fps=200.0) for k in range(3000))
    before = history._values.nbytes
    history.extend(row(k, fps=200.0) for k in range(3000, 9000))
    assert history._values.nbytes == before
    times, _ = history.window(30.0)
    assert times[-1] == pytest.approx(9000 / 200, abs=2 * BIN_S)


def test_blinks_and_head_motion_are_shaded_where_they_are(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    made.rows += [
        row(k, blink=0.9 if 60 <= k < 66 else 0.0, head_motion=8.0 if 90 <= k < 120 else 0.5)
        for k in range(150)
    ]
    qtbot.waitUntil(lambda: len(view.timeline.gates) == 2)
    (blink, b0, b1), (head, h0, h1) = view.timeline.gates
    assert (blink, head) == ("blink", "head")
    assert [b0, b1, h0, h1] == pytest.approx([2.0, 2.2, 3.0, 4.0], abs=0.06)


@pytest.mark.parametrize("heat", [True, False])
def test_activity_can_be_seen_as_colours_or_lines(make_view: Made, qtbot: QtBot, heat: bool) -> None:
    def drawn(level: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Six seconds, of which the last one is as active as that."""
        view = make_view()
        made = running(view)
        if not heat:
            action(view, "Heat rows").trigger()
        made.rows += [row(k, level=level if k >= 150 else 0.0) for k in range(180)]
        qtbot.waitUntil(lambda: view.timeline.history.newest_s > 5.9)
        return pixels(view.timeline.grab().toImage())

    calm, calm_again, active = drawn(0.0), drawn(0.0), drawn(1.0)
    assert (calm_again != calm).mean() < 0.0005
    assert (active != calm).mean() > 0.002


def test_intervals_appear_in_timeline_and_list(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    made.rows += [row(k) for k in range(300)]
    made.events += [event(1, 2.0), event(2, 5.0, kind="macro")]
    qtbot.waitUntil(lambda: view.table.events.rowCount() == 2)
    assert view.timeline.marks.words() == ["▼ 1 surprise .10 .20 .70", "■ 2 macro"]
    made.events.append(event(3, 5.3, label="negative", chances=(0.8, 0.15, 0.05)))
    qtbot.waitUntil(lambda: view.table.events.rowCount() == 3)
    assert [e.id for e in view.timeline.marks.events] == [1, 2, 3]
    made.rows += [row(k) for k in range(300, 1200)]  # 30 s later the first has left
    qtbot.waitUntil(lambda: [e.id for e in view.timeline.marks.events] == [])
    assert view.table.events.rowCount() == 3


def test_the_list_has_everything_of_an_event(qtbot: QtBot) -> None:
    table = EventTable()
    qtbot.addWidget(table)
    model = table.events
    model.add([event(1, 2.0), event(2, 5.0, kind="macro", pictures=False)])

    def cell(line: int, column: int, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> Any:
        return model.data(model.index(line, column), role)

    assert [cell(1, c) for c in (KIND, LABEL, FIRST_P + 2, ONSET, DELAY)] == [
        "▼ micro 1",
        "surprise",
        "0.70",
        "2.000",
        "350",
    ]
    assert cell(0, KIND) == "■ macro 2"
    assert cell(0, LABEL) == "-"
    thumbs = cell(1, 0, Qt.ItemDataRole.DecorationRole)
    assert thumbs.width() > 3 * 38
    assert cell(0, 0, Qt.ItemDataRole.DecorationRole) is None
    assert cell(0, 0) == "no pictures"


def test_the_list_is_bounded(qtbot: QtBot) -> None:
    table = EventTable()
    qtbot.addWidget(table)
    for first in range(1, MOST + 200, 50):
        table.events.add(event(k, float(k), pictures=False) for k in range(first, first + 50))
    assert table.events.rowCount() == MOST
    newest = table.events.data(table.events.index(0, KIND))
    assert newest == f"▼ micro {MOST + 200}"


def test_one_of_several_faces_can_be_chosen(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    for k in range(60):
        made.rows.append(row(k, face_id=1, activity=(1.0,) * 12))
        made.rows.append(row(k, face_id=2, activity=(3.0,) * 12, box=(0.0, 0.0, 50.0, 50.0)))
    faces = view.timeline.faces
    qtbot.waitUntil(lambda: faces.count() == 3)
    assert faces.isVisible()
    assert np.nanmax(view.timeline.history.window(2.0)[1][:, 0]) == 1.0  # the larger one
    faces.setCurrentIndex(faces.findData(2))
    assert np.nanmax(view.timeline.history.window(2.0)[1][:, 0]) == 3.0
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    for chosen in (None, 1, 2):
        qtbot.keyClick(view, Qt.Key.Key_F)
        assert faces.currentData() == chosen and view.timeline.history.face_id == chosen


def test_there_is_no_next_face_where_there_is_one(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    running(view).rows.append(row(1))
    qtbot.waitUntil(lambda: view.timeline.history.faces == {1})
    assert not action(view, "Next face").isEnabled() and not view.timeline.faces.isVisible()


def test_the_scheme_can_change_while_it_runs(make_view: Made, qtbot: QtBot) -> None:
    view = make_view()
    made = running(view)
    made.rows += [row(k) for k in range(150)]
    made.events.append(event(1, 2.0))
    qtbot.waitUntil(lambda: view.table.events.rowCount() == 1)
    light = pixels(view.timeline.grab().toImage()).mean()
    theme.apply("dark")
    assert pixels(view.timeline.grab().toImage()).mean() < light - 30
    theme.apply("light")


def test_shutting_down_asks_for_at_most_that_time(make_view: Made) -> None:
    view = make_view()
    made = running(view)
    view.shutdown(0.7)
    assert made.asked[-1] == ("close", 0.7)
    assert not view.is_running()


def test_a_pause_is_named_on_the_timeline(make_view: Made) -> None:
    view = make_view()
    timeline = view.timeline
    timeline.take([row(k) for k in range(60)], [])
    timeline.redraw(30.0)
    assert timeline.gaps.shown == []
    timeline.take([row(k) for k in range(150, 200)], [])
    timeline.redraw(30.0)
    ((start, end),) = timeline.gaps.shown
    assert start == pytest.approx(2.0, abs=0.1) and end == pytest.approx(5.0, abs=0.1)
    assert [word.isVisible() for word in timeline.gaps._words] == [True]
    timeline.clear()
    assert timeline.gaps.shown == [] and not timeline.gaps._words[0].isVisible()
