"""The window as a whole: keys, consent, sessions, drops, what is remembered, closing."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence
from PyQt6.QtWidgets import QApplication, QComboBox, QMessageBox, QSplitter, QWidget
from pytestqt.qtbot import QtBot

from megc_live.errors import MegcError, SourceError
from megc_live.gui import theme
from megc_live.gui.app import FaultHook
from megc_live.gui.consent import ConsentDialog
from megc_live.gui.main_window import CLOSE_WITHIN_S, LEAST, MainWindow
from megc_live.gui.preferences import Places, Preferences
from megc_live.gui.recent import Recent, RecentItem
from megc_live.gui.shortcuts import ShortcutSheet, keys_of
from megc_live.gui.start_demo import DemoClip, Report, render
from megc_live.video import LivePlayer, Source
from tests.conftest import FaceClip
from tests.gui.conftest import CAMERA, Windows, turn_wheel
from tests.gui.forms import consent, dialog_of, no_dialog
from tests.simulated import SimulatedCamera

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
SLOW_MS = 20_000
SPEC = f"camera:{CAMERA.index}"


def wait_for_rows(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until frames have been analysed."""

    def some() -> bool:
        snapshot = window.live._snapshot
        return snapshot is not None and snapshot.n_rows > 0

    qtbot.waitUntil(some, timeout=SLOW_MS)


# ---------------------------------------------------------------- keys


def test_the_workspaces_by_keys_and_buttons(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    for key, name in ((Qt.Key.Key_2, "Live"), (Qt.Key.Key_4, "Review"), (Qt.Key.Key_3, "Process")):
        qtbot.keyClick(window, key, CTRL)
        assert window.workspace() == name
    qtbot.mouseClick(window._tabs[0], LEFT)
    assert window.workspace() == "Start"


def test_no_key_is_there_twice(new_window: Windows) -> None:
    """Qt fires neither of two actions whose keys are the same."""
    window = new_window()
    everywhere = {keys.toString() for action in window._everywhere for keys in action.shortcuts()}
    for view in (window.start, window.live, window.process, window.review):
        own = [keys.toString() for action in view.actions() for keys in action.shortcuts()]
        assert len(own) == len(set(own)) and not everywhere & set(own)


def test_the_key_that_records_edits_nothing_anywhere(new_window: Windows) -> None:
    """Whoever presses it in another workspace by mistake must not reject or start anything."""
    window = new_window()
    record = next(action for action in window.live.actions() if action.text() == "Record")
    others = [*window.start.actions(), *window.process.actions(), *window.review.actions()]
    taken = {keys.toString() for action in others for keys in action.shortcuts()}
    standard = {
        keys.toString() for name in QKeySequence.StandardKey for keys in QKeySequence.keyBindings(name)
    }
    assert not {keys.toString() for keys in record.shortcuts()} & (taken | standard)
    assert any(keys.toString() == "R" for action in others for keys in action.shortcuts())
    assert all(keys.toString() != "R" for action in window.live.actions() for keys in action.shortcuts())


def test_the_recent_are_forgotten_by_a_key(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    assert not window.start.forget.isEnabled()
    window.recent.add("/videos/a.mp4", "file")
    window.start.show_recent()
    assert window.start.forget.isEnabled() and "Del" in window.start.forget.toolTip()
    window.start.recent_list.setFocus()
    qtbot.keyClick(window.start.recent_list, Qt.Key.Key_Delete, CTRL | SHIFT)
    assert window.recent.items == [] and not window.start.forget.isEnabled()


def test_the_sheet_lists_every_key_and_filters(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    sheet: ShortcutSheet = dialog_of(qtbot, ShortcutSheet)
    listed = {(line.group, line.keys) for line in sheet.lines}
    for name, view in (
        ("Start", window.start),
        ("Live", window.live),
        ("Process", window.process),
        ("Review", window.review),
    ):
        assert view.actions()
        for action in view.actions():
            assert not keys_of(action) or (name, keys_of(action)) in listed
    assert {("Everywhere", "Ctrl+1"), ("Everywhere", "? or F1")} <= listed
    texts = {(line.group, line.text) for line in sheet.lines}
    assert {("Live", "Next face"), ("Process", "Open failures.csv"), ("Start", "Forget all")} <= texts
    qtbot.keyClicks(sheet.filter, "interval")
    found = {line.keys for line in sheet.visible_lines() if line.group == "Review"}
    assert {"A", "R", "N", "S", "M"} <= found
    sheet.filter.clear()
    qtbot.keyClicks(sheet.filter, "Ctrl+1")
    assert [line.keys for line in sheet.visible_lines()] == ["Ctrl+1"]
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: no_dialog(ShortcutSheet))


# ---------------------------------------------------------------- cameras, consent, sessions


def test_without_a_camera_it_says_so_and_offers_the_demo_clip(
    new_window: Windows, qtbot: QtBot, face_clip: FaceClip
) -> None:
    rendered: list[Path] = []

    def make(path: Path, stop: threading.Event, report: Report) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(face_clip.path, path)
        rendered.append(path)

    window = new_window(make_clip=make)
    start = window.start
    assert start.camera.no_camera.isVisible() and "demo clip" in start.camera.no_camera.text()
    assert not start.camera.start_button.isEnabled() and not start.camera.preview_button.isEnabled()
    assert rendered == []
    qtbot.mouseClick(start.demo.process, LEFT)
    qtbot.waitUntil(lambda: window.workspace() == "Process")
    assert len(rendered) == 1
    qtbot.waitUntil(lambda: len(window.process.queue.snapshot().items) == 1)
    window.go_to(0)
    qtbot.mouseClick(start.demo.process, LEFT)
    assert len(rendered) == 1 and window.workspace() == "Process"


@pytest.mark.parametrize("dismissed", [True, False])
def test_a_demo_clip_that_is_ready_tears_nobody_away(
    new_window: Windows, qtbot: QtBot, face_clip: FaceClip, dismissed: bool
) -> None:
    go_on = threading.Event()

    def make(path: Path, stop: threading.Event, report: Report) -> None:
        go_on.wait(20)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(face_clip.path, path)

    window = new_window(make_clip=make)
    qtbot.mouseClick(window.start.demo.process, LEFT)
    window.go_to(3)
    go_on.set()
    qtbot.waitUntil(lambda: "ready" in window.banner.text.text())
    assert window.workspace() == "Review" and window.banner.isVisible()
    assert window.banner.button.text() == "Analyse it"
    if dismissed:
        qtbot.keyClick(window, Qt.Key.Key_D, CTRL | SHIFT)
        assert not window.banner.isVisible()
        window.go_to(0)
        qtbot.mouseClick(window.start.demo.process, LEFT)
    else:
        qtbot.keyClick(window, Qt.Key.Key_G, CTRL | SHIFT)
        assert not window.banner.isVisible()
    assert window.workspace() == "Process"
    qtbot.waitUntil(lambda: len(window.process.queue.snapshot().items) == 1)


def test_a_demo_clip_that_cannot_be_rendered_says_why(new_window: Windows, qtbot: QtBot) -> None:
    def make(path: Path, stop: threading.Event, report: Report) -> None:
        raise SourceError("the disk is full.", "Free some space.")

    window = new_window(make_clip=make)
    qtbot.mouseClick(window.start.demo.live, LEFT)
    qtbot.waitUntil(lambda: "the disk is full" in window.start.demo.text.text())
    assert window.start.demo.live.isEnabled() and window.workspace() == "Start"


def test_a_demo_clip_that_fails_is_told_where_the_user_is(new_window: Windows, qtbot: QtBot) -> None:
    go_on = threading.Event()

    def make(path: Path, stop: threading.Event, report: Report) -> None:
        go_on.wait(20)
        raise SourceError("the disk is full.", "Free some space.")

    window = new_window(make_clip=make)
    qtbot.mouseClick(window.start.demo.live, LEFT)
    window.go_to(2)
    go_on.set()
    qtbot.waitUntil(lambda: "the disk is full" in window.banner.text.text())
    assert window.banner.isVisible() and not window.banner.button.isVisible()


def test_rendering_shows_its_progress_and_can_be_cancelled(new_window: Windows, qtbot: QtBot) -> None:
    stops: list[threading.Event] = []

    def make(path: Path, stop: threading.Event, report: Report) -> None:
        stops.append(stop)
        report(0.25)
        stop.wait(20)

    window = new_window(make_clip=make)
    demo = window.start.demo
    assert not demo.progress.isVisible() and not demo.cancel_button.isVisible()
    for times in (1, 2):  # it can be asked for again
        qtbot.mouseClick(demo.live, LEFT)
        qtbot.waitUntil(lambda: demo.progress.isVisible() and demo.progress.text() == "25 %")
        assert not demo.live.isVisible() and demo.cancel_button.hasFocus()
        if times == 1:
            qtbot.keyClick(demo.cancel_button, Qt.Key.Key_K, CTRL)
        else:
            qtbot.mouseClick(demo.cancel_button, LEFT)
        qtbot.waitUntil(demo.live.isVisible)
        assert len(stops) == times and stops[-1].is_set() and not demo.progress.isVisible()
    assert demo.clip.state == "absent" and window.workspace() == "Start" and not window.banner.isVisible()


def test_the_demo_clip_is_rendered_in_a_process_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    """Told to stop it ends at once and leaves nothing under the final name; a fault there is told here."""
    clip = DemoClip(tmp_path / "cache")
    clip.start()
    assert clip.state == "rendering"
    qtbot.waitUntil(lambda: clip.fraction > 0, timeout=120_000)
    assert clip.fraction < 1 and not clip.path.exists()
    clip.stop(20)
    assert clip.state == "absent" and list(clip.path.parent.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(MegcError, match="file"):
        render(tmp_path / "file" / "demo.mp4", threading.Event(), print)


def test_nothing_is_opened_before_consent_nor_after_a_refusal(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window(cameras=[CAMERA])  # its opening fails the test
    for button in (window.start.camera.preview_button, window.start.camera.start_button):
        qtbot.mouseClick(button, LEFT)
        form = dialog_of(qtbot, ConsentDialog)
        qtbot.keyClick(form, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: no_dialog(ConsentDialog))
    assert window.workspace() == "Start" and not window.live.is_running()
    assert not window.start.camera.is_previewing()


def test_preview_then_session_with_one_consent(new_window: Windows, qtbot: QtBot, places: Places) -> None:
    """The picture, its rate and size; the camera is let go of, opened once more, and analysed."""
    device = SimulatedCamera(30.0)
    opened: list[SimulatedCamera] = []

    def opening(spec: str) -> Source:
        assert spec == SPEC
        assert all(camera.closed.is_set() for camera in opened)
        opened.append(device.open())
        return opened[-1]

    window = new_window(cameras=[CAMERA], opening=opening)
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    assert opened == []
    consent(qtbot)
    qtbot.waitUntil(lambda: "frames/s measured" in card.measured.text())
    assert "320 x 240 px" in card.measured.text()
    assert card.preview_button.text().replace("&", "") == "Stop preview"
    qtbot.mouseClick(card.start_button, LEFT)
    assert no_dialog(ConsentDialog) and window.workspace() == "Live"
    qtbot.waitUntil(lambda: window.live.is_running() and len(opened) == 2, timeout=SLOW_MS)
    qtbot.waitUntil(
        lambda: window.live._snapshot is not None and window.live._snapshot.n_rows > 5, timeout=SLOW_MS
    )
    window.live.stop()
    qtbot.waitUntil(lambda: not window.live.is_running(), timeout=SLOW_MS)
    (record,) = places.home.glob("megc-live/*/session.json")
    session = json.loads(record.read_text(encoding="utf-8"))
    assert session["consent"]["participant"] == "P07" and session["consent"]["purpose"] == "a test"
    assert session["consent"]["asked"] and session["consent"]["time"]
    assert all(tick["ticked"] for tick in session["consent"]["agreed"].values())
    assert session["settings"]["recognition"]["recognizer"] == "none"  # spotting only, as proposed
    window.go_to(0)
    qtbot.mouseClick(card.start_button, LEFT)
    assert dialog_of(qtbot, ConsentDialog).purpose.text() == "a test"  # asked anew, the purpose is kept


def test_labels_only_where_they_were_chosen(new_window: Windows) -> None:
    window = new_window()
    started: list[str] = []
    window.live.start = lambda *a, **k: started.append(window.live_settings().recognition.recognizer)
    for only in (True, False):
        window.open_live("camera:0", SimulatedCamera, {"spotting_only": only})
    assert started == ["none", window.settings.recognition.recognizer]


def test_a_preview_that_fails_says_why_and_can_be_tried_again(new_window: Windows, qtbot: QtBot) -> None:
    device = SimulatedCamera(30.0)
    device.unplug()
    window = new_window(cameras=[CAMERA], opening=lambda spec: device.open())
    card = window.start.camera
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)
    qtbot.waitUntil(lambda: card.picture._text.startswith("camera sim does not open."))
    device.plug()
    qtbot.mouseClick(card.preview_button, LEFT)
    consent(qtbot)
    qtbot.waitUntil(lambda: "320 x 240" in card.measured.text())


def test_a_file_as_if_live_asks_too_and_is_replayed(
    new_window: Windows, qtbot: QtBot, face_clip: FaceClip
) -> None:
    from megc_live.video import open_source

    window = new_window(opening=open_source)
    made: list[Callable[[], Source]] = []
    window.live.start = lambda spec, make, **k: made.append(make)
    window.start.ask_live(str(face_clip.path))
    assert made == []
    consent(qtbot)
    with made[0]() as source:
        assert isinstance(source, LivePlayer) and source.info.live


def test_an_address_that_is_none_is_refused(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    for text in ("door", "ftp://door/live", "rtsp://"):
        window.start.address.setText(text)
        qtbot.keyClick(window.start.address, Qt.Key.Key_Return)
        assert window.start.address_problem.isVisible() and "rtsp://" in window.start.address_problem.text()
    assert no_dialog(ConsentDialog)
    window.start.address.setText("rtsp://me:secret@door/live")
    qtbot.keyClick(window.start.address, Qt.Key.Key_Return)
    form = dialog_of(qtbot, ConsentDialog)
    assert not window.start.address_problem.isVisible()
    assert form.record()["source"] == "rtsp://me@door/live"


# ---------------------------------------------------------------- files


def drop(widget: QWidget, *paths: Path) -> None:
    """Drop files on a widget as the window system would."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    none, copy = Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, none)
    QCoreApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    kind = QEvent.Type.Drop
    QCoreApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), copy, data, LEFT, none, kind))


def test_files_dropped_anywhere_go_where_they_belong(
    new_window: Windows, qtbot: QtBot, tmp_path: Path, face_clip: FaceClip
) -> None:
    window = new_window()
    opened: list[Path] = []

    def shown(folder: Path) -> None:
        opened.append(folder)
        window.review.opened.emit(folder)

    window.review.open = shown
    results = tmp_path / "result"
    results.mkdir()
    for name in ("session.json", "intervals.csv"):
        (results / name).write_text("")
    drop(window.start.recent_list.viewport(), face_clip.path)
    qtbot.waitUntil(lambda: window.workspace() == "Process")
    qtbot.waitUntil(lambda: len(window.process.queue.snapshot().items) == 1)
    drop(window.process.table, results)
    assert window.workspace() == "Review" and opened == [results]
    window.go_to(1)
    drop(window.live.timeline, results / "intervals.csv")
    assert opened == [results, results]
    window.go_to(1)
    drop(window.live, results, face_clip.path)
    assert opened == [results] * 3 and len(window.process.queue.snapshot().items) == 1
    assert [item.kind for item in window.recent.items] == ["results", "file"]


def test_what_was_opened_last_is_there_the_next_time_without_passwords(
    new_window: Windows, qtbot: QtBot, places: Places
) -> None:
    recent = Recent(places.state)
    recent.add("/videos/a.mp4", "file")
    recent.add("rtsp://me:secret@door/live", "stream")
    recent.add("/videos/a.mp4", "file")
    assert "secret" not in (places.state / "recent.json").read_text()
    window = new_window()
    lines = window.start.recent_list
    assert [lines.item(k).text() for k in range(lines.count())] == ["/videos/a.mp4", "rtsp://me@door/live"]
    lines.setCurrentRow(0)
    lines.setFocus()
    qtbot.keyClick(lines, Qt.Key.Key_Delete)
    assert Recent(places.state).items == [RecentItem("rtsp://me@door/live", "stream")]
    (places.state / "recent.json").write_text("{")
    assert Recent(places.state).items == []


def test_a_source_of_the_command_line_goes_where_it_belongs(
    new_window: Windows, qtbot: QtBot, tmp_path: Path
) -> None:
    window = new_window()
    window.open_source(str(tmp_path / "missing.mp4"))
    qtbot.waitUntil(lambda: len(window.process.queue.snapshot().items) == 1)
    assert window.workspace() == "Process"
    window.open_source("camera:3")
    form = dialog_of(qtbot, ConsentDialog)
    assert form.record()["source"] == "camera:3" and not window.live.is_running()
    form.reject()
    opened: list[Path] = []
    window.review.open = opened.append
    for name in ("session.json", "intervals.csv"):
        (tmp_path / name).write_text("")
    window.open_source(str(tmp_path))
    assert window.workspace() == "Review" and opened == [tmp_path]


def test_a_fault_is_shown_once_and_the_window_goes_on(
    new_window: Windows, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    window = new_window()
    hook = FaultHook(window)
    hook(SourceError, SourceError("camera 0 is gone.", "Plug it in."), None)
    assert window.banner.isVisible() and window.banner.text.text() == "camera 0 is gone. Plug it in."
    assert no_dialog(QMessageBox)
    for _ in range(3):
        hook(ValueError, ValueError("a fault"), None)
    boxes = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()]
    assert len(boxes) == 1 and "ValueError: a fault" in boxes[0].text()
    assert capsys.readouterr().err.count("ValueError: a fault") == 3
    boxes[0].close()
    window.go_to(1)
    assert window.workspace() == "Live"


# ---------------------------------------------------------------- what is remembered, closing


def test_the_wheel_changes_no_field_that_it_passes_over(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    window.go_to(3)
    kind = window.review.work.list.kind
    assert isinstance(kind, QComboBox)
    window.review.pages.setCurrentWidget(window.review.work_page)
    turn_wheel(kind)
    assert kind.currentIndex() == 0
    kind.setFocus()
    qtbot.waitUntil(kind.hasFocus)
    turn_wheel(kind)
    assert kind.currentIndex() == 1


def test_theme_size_and_panes_are_remembered(new_window: Windows, places: Places) -> None:
    window = new_window()
    window.resize(1280, 690)
    window.go_to(1)
    panes = window.live.findChild(QSplitter, "live_panes")
    assert panes is not None
    before = panes.sizes()
    panes.setSizes([before[0] - 40, before[1] + 40])
    moved = panes.sizes()
    assert moved != before
    list_ = window.review.work.list
    list_.table.setColumnWidth(3, 123)
    list_.table.sortByColumn(7, Qt.SortOrder.DescendingOrder)
    window._use_theme("dark")
    window.close()
    assert Preferences(places).theme == "dark"
    theme.apply("light")
    again = new_window()
    again.go_to(1)
    assert again.height() == 690  # the screen that is not there is only 800 px wide
    assert again.live.findChild(QSplitter, "live_panes").sizes() == moved  # type: ignore[union-attr]
    columns = again.review.work.list
    assert columns.table.columnWidth(3) == 123
    assert (columns.proxy.sortColumn(), columns.proxy.sortOrder()) == (7, Qt.SortOrder.DescendingOrder)


def test_settings_of_the_dialog_hold_for_all_and_the_next_time(new_window: Windows, qtbot: QtBot) -> None:
    from megc_live.gui.preferences import load_settings
    from megc_live.gui.settings_dialog import SettingsDialog

    window = new_window()
    qtbot.keyClick(window, Qt.Key.Key_Comma, CTRL)
    dialog: SettingsDialog = dialog_of(qtbot, SettingsDialog)
    dialog.control("face.faces").set_value("all")
    dialog.save()
    assert window.settings.face.faces == "all" == load_settings(window.places).face.faces


def test_closing_does_not_wait_for_a_camera_that_hangs(new_window: Windows, qtbot: QtBot) -> None:
    assert CLOSE_WITHIN_S < 2
    device = SimulatedCamera(30.0)
    window = new_window(cameras=[CAMERA], opening=lambda spec: device.open())
    try:
        window.open_live(SPEC, device.open, {"spotting_only": True})
        wait_for_rows(qtbot, window)
        device.hang()
        qtbot.waitUntil(device.hanging.is_set, timeout=SLOW_MS)
        qtbot.keyClick(window, Qt.Key.Key_Q, CTRL)
        answer(window, "Stop")
        assert not window.isVisible()
        # nothing has let the camera go: had closing waited for its read, it would not have come back
        assert not device._device.free.is_set()
    finally:
        device.release()


def answer(window: MainWindow, word: str) -> None:
    """Press a button of the question that closing asks."""
    box = window._asking.box
    assert box is not None and window.isVisible()
    next(button for button in box.buttons() if word in button.text()).click()


def test_closing_asks_once_for_all_that_runs(new_window: Windows, qtbot: QtBot) -> None:
    device = SimulatedCamera(30.0)
    window = new_window()
    window.open_live("camera:0", device.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    record = next(found for found in window.live.actions() if found.text() == "Record")
    qtbot.waitUntil(record.isEnabled, timeout=SLOW_MS)
    record.trigger()
    qtbot.waitUntil(lambda: window.live._snapshot.recording is not None, timeout=SLOW_MS)  # type: ignore[union-attr]
    assert not window.close()
    box = window._asking.box
    assert box is not None and "is being recorded" in box.text()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):  # neither ends anybody's session
        qtbot.waitUntil(box.isVisible)
        qtbot.keyClick(box, key)
        assert window.isVisible() and window.live.is_running() and window._asking.box is None
        assert not window.close()
        box = window._asking.box
        assert box is not None
    answer(window, "Go on")
    assert window.isVisible() and window.live.is_running() and window._asking.box is None
    qtbot.keyClick(window, Qt.Key.Key_Q, CTRL)
    answer(window, "Stop")
    assert not window.isVisible()
    qtbot.waitUntil(
        lambda: len(list(window.preferences.results.glob("*/recording.mp4"))) == 1, timeout=SLOW_MS
    )


def test_a_stream_that_does_not_open_asks_again_with_the_answers(new_window: Windows, qtbot: QtBot) -> None:
    def refuse(spec: str) -> Source:
        raise SourceError(f"cannot open {spec!r}.", "See whether it is on.")

    window = new_window(opening=refuse)
    window.start.ask_live("http://127.0.0.1:9/x")
    consent(qtbot)
    again = next(found for found in window.live.actions() if found.text() == "Start again")
    qtbot.waitUntil(again.isEnabled, timeout=SLOW_MS)
    again.trigger()
    form: ConsentDialog = dialog_of(qtbot, ConsentDialog)
    assert (form.participant.text(), form.purpose.text()) == ("P07", "a test")
    assert form.missing() == ["3 ticks"]
    form.reject()


def test_what_a_session_kept_is_among_the_recent(new_window: Windows, qtbot: QtBot) -> None:
    device = SimulatedCamera(30.0)
    window = new_window()
    window.open_live("camera:0", device.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    window.live.stop()
    folder = window.preferences.results / "camera0"
    newest = RecentItem(str(folder), "results")
    qtbot.waitUntil(lambda: window.recent.items[:1] == [newest], timeout=SLOW_MS)
    assert folder.is_dir()
    assert window.start.recent_list.item(0).text() == str(folder)  # type: ignore[union-attr]
    later = RecentItem("later.mp4", "file")
    window.recent.add(later.spec, later.kind)
    window.end()
    assert window.recent.items[:2] == [later, newest], "closing the window opens nothing"


def test_what_is_kept_as_the_window_closes_is_among_the_recent(new_window: Windows, qtbot: QtBot) -> None:
    device = SimulatedCamera(30.0)
    window = new_window()
    window.open_live("camera:0", device.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    window.live.shutdown(20.0)
    window.end()
    kept = RecentItem(str(window.preferences.results / "camera0"), "results")
    assert window.recent.items[0] == kept


@pytest.mark.parametrize("word", ["x" * 900, "/".join(["folder"] * 200)])
def test_a_long_word_widens_no_window(new_window: Windows, qtbot: QtBot, word: str) -> None:
    window = new_window()
    before = window.width()
    window.tell(word)
    window.start.address_problem.setText(word)
    window.start.address_problem.show()
    window.start.results.setText(word)
    window.start.demo.text.setText(word)
    qtbot.wait(50)
    assert window.width() == before
    window.go_to(1)
    window.live.notice.say("This did not work", word)
    qtbot.wait(50)
    assert window.width() == before and window.minimumSizeHint().width() <= before


def test_a_second_session_waits_for_the_first(new_window: Windows, qtbot: QtBot) -> None:
    """Switching the source while one runs: the user is asked, and no results are lost."""
    first, second = SimulatedCamera(30.0), SimulatedCamera(30.0)
    window = new_window()
    window.open_live("camera:0", first.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    window.open_live("camera:1", second.open, {"spotting_only": True})
    box: QMessageBox = dialog_of(qtbot, QMessageBox)
    assert second.opened == 1
    (end,) = (b for b in box.buttons() if box.buttonRole(b) == QMessageBox.ButtonRole.AcceptRole)
    qtbot.mouseClick(end, LEFT)
    qtbot.waitUntil(lambda: second.opened == 2, timeout=SLOW_MS)
    results = window.preferences.results
    qtbot.waitUntil(lambda: len(list(results.glob("*/session.json"))) == 1, timeout=SLOW_MS)


def test_a_question_that_is_answered_late_asks_for_consent_anew(
    new_window: Windows, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = SimulatedCamera(30.0), SimulatedCamera(30.0)
    window = new_window(opening=lambda spec: second.open())
    window.open_live("camera:0", first.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    running = second.opened

    def end_it() -> None:
        box: QMessageBox = dialog_of(qtbot, QMessageBox)
        (end,) = (b for b in box.buttons() if box.buttonRole(b) == QMessageBox.ButtonRole.AcceptRole)
        qtbot.mouseClick(end, LEFT)

    window.open_source("http://127.0.0.1:9/x")
    consent(qtbot)
    monkeypatch.setattr("megc_live.gui.consent.LAPSES_AFTER_S", 0.0)  # as if ten minutes had passed
    end_it()
    assert window.live.is_running() and second.opened == running
    assert "10 minutes have passed" in window.banner.text.text()
    monkeypatch.undo()
    consent(qtbot)  # given anew
    end_it()
    qtbot.waitUntil(lambda: second.opened == running + 1, timeout=SLOW_MS)


def test_a_question_is_closed_as_the_camera_that_was_consented_to_is_unplugged(
    new_window: Windows, qtbot: QtBot
) -> None:
    first, second = SimulatedCamera(30.0), SimulatedCamera(30.0)
    window = new_window()
    listed = window.start.camera.cameras.listed
    other = replace(CAMERA, index=1)
    listed.emit([CAMERA, other])
    window.open_live("stream://first", first.open, {"spotting_only": True})
    wait_for_rows(qtbot, window)
    running = second.opened
    window.open_live("camera:0", second.open, {"spotting_only": True})
    box: QMessageBox = dialog_of(qtbot, QMessageBox)
    listed.emit([CAMERA])  # that is another one
    assert box.isVisible()
    listed.emit([])
    assert not box.isVisible() and "the camera was unplugged" in window.banner.text.text()
    assert window.live.is_running() and second.opened == running and window.workspace() == "Start"


@pytest.mark.parametrize("size", [(1280, 720), (LEAST.width(), LEAST.height())])
def test_everything_fits(new_window: Windows, size: tuple[int, int]) -> None:
    window: MainWindow = new_window(cameras=[CAMERA])
    window.resize(300, 200)
    assert (window.width(), window.height()) == (LEAST.width(), LEAST.height())
    window.resize(*size)
    assert (window.width(), window.height()) == size
    for number in range(4):
        window.go_to(number)
        assert window.minimumSizeHint().width() <= size[0]
        assert window.minimumSizeHint().height() <= size[1]


def test_who_reviews_is_asked_at_the_keyboard(
    new_window: Windows, qtbot: QtBot, places: Places, tmp_path: Path
) -> None:
    window = new_window()
    window.review._memory.reviewer = ""
    for name in ("session.json", "intervals.csv"):
        (tmp_path / name).write_text("")
    window.open_in_review(tmp_path)
    field = window.review.name_page.name
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(QApplication.focusWidget(), "Rater A")
    assert field.text() == "Rater A"
    window.go_to(0)
    window.go_to(3)
    assert field.hasFocus()
