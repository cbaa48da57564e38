"""The Process workspace, driven as a user would: real widgets, real files, workers in real processes."""

from __future__ import annotations

import math
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QItemSelectionModel, QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent, QPalette
from PyQt6.QtWidgets import QAbstractItemView, QApplication, QCheckBox, QComboBox, QMainWindow
from pytestqt.qtbot import QtBot

from megc_live.batch_items import ItemState, ItemView, Options, QueueView
from megc_live.batch_queue import BatchQueue
from megc_live.choices import collect_choices
from megc_live.gui import theme
from megc_live.gui.closing import AskBeforeClosing
from megc_live.gui.process.table import FILE, MICRO, PROGRESS, STATE, QueueModel, bar_colour, words_colour
from megc_live.gui.process.view import ProcessView
from megc_live.gui.process.wording import (
    bar_text,
    detail_html,
    frames_words,
    how_long,
    reason,
    state_text,
    whole_text,
)
from megc_live.one_source import Outcome
from megc_live.output import SINKS
from megc_live.output.tables import read_intervals
from megc_live.recognition.classifier import RECOGNIZERS
from megc_live.settings import Settings
from megc_live.spotting import SPOTTERS
from tests.conftest import FaceClip
from tests.gui.test_theme import blended, contrast, scheme
from tests.test_batch_queue import Counting

__all__ = ["scheme"]

LONG = 240_000


class Screen:
    """A Process workspace and what a user reads in it."""

    def __init__(self, qtbot: QtBot, view: ProcessView, make: Counting, out: Path) -> None:
        self.qtbot, self.view, self.make, self.out = qtbot, view, make, out

    def until(self, true: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(true, timeout=LONG)

    def add(self, *names: str) -> None:
        rows = self.rows()
        self.view.add([f"{name}.mp4" for name in names])
        self.until(lambda: self.rows() == rows + len(names))

    def rows(self) -> int:
        return self.view.model.rowCount()

    def cells(self, column: int) -> list[str]:
        return [self.view.model.index(row, column).data() for row in range(self.rows())]

    def states(self) -> list[str]:
        """States without the sign before and the reason behind them."""
        return [cell.split(" ", 1)[1].split(": ", 1)[0] for cell in self.cells(STATE)]

    def item(self, row: int) -> ItemView:
        return self.view.model.items[row]

    def select(self, *rows: int) -> None:
        table = self.view.table
        table.clearSelection()
        model = table.selectionModel()
        assert model is not None
        flags = QItemSelectionModel.SelectionFlag
        for row in rows:
            model.select(self.view.model.index(row, 0), flags.Select | flags.Rows)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.keyClick(self.view.table, key, modifier)


@pytest.fixture
def screen(qtbot: QtBot, tmp_path: Path) -> Iterator[Screen]:
    """Workers that count frames in place of the analysis."""
    make = Counting()
    queue = BatchQueue(Options(tmp_path / "out"), make_worker=make)
    view = ProcessView(Settings, results=lambda: tmp_path / "out", queue=queue)
    qtbot.addWidget(view)
    view.panel.jobs.setValue(1)
    with qtbot.waitExposed(view):
        view.show()
    view.table.setFocus()
    yield Screen(qtbot, view, make, tmp_path / "out")
    view.shutdown(1.0)


def test_real_files_are_analysed_and_open_in_review(
    qtbot: QtBot, tmp_path: Path, face_clip: FaceClip
) -> None:
    folder, out = tmp_path / "recordings", tmp_path / "out"
    folder.mkdir()
    shutil.copy(face_clip.path, folder / "anna.mp4")
    (folder / "bad.mp4").write_bytes(b"this is no video")
    shutil.copy(face_clip.path, folder / "carla.mp4")
    view = ProcessView(Settings, results=lambda: out)
    qtbot.addWidget(view)
    screen = Screen(qtbot, view, Counting(), out)
    with qtbot.waitExposed(view):
        view.show()
    try:
        screen.until(view.panel.has_choices)
        view.panel.exports["html"].setChecked(True)
        view.panel.jobs.setValue(2)
        drop(view, folder)
        screen.until(lambda: screen.rows() == 3)
        view.start.trigger()
        screen.until(lambda: all(state.startswith(("done", "failed")) for state in screen.states()))
        assert "failed: is not a video" in screen.cells(STATE)[1]
        tip = view.model.index(1, STATE).data(Qt.ItemDataRole.ToolTipRole)
        assert str(folder / "bad.mp4") in tip and "Check that the file is complete" in tip
        assert screen.states()[1] == "failed" and all(s.startswith("done") for s in screen.states()[::2])
        micro = sum(one.kind == "micro" for one in read_intervals(out / "anna" / "intervals.csv"))
        assert screen.cells(MICRO) == [str(micro), "", str(micro)] and micro >= 1
        assert screen.cells(PROGRESS) == ["100 %", "", "100 %"]
        assert (out / "anna" / "report.html").exists()

        screen.select(1)
        assert "bad.mp4" in view.detail.toPlainText() and "Error" in view.detail.toPlainText()
        assert not view.review.isEnabled()
        assert not view.note.isVisible() and view.failures.isVisible()
        assert str(out / "failures.csv") in view.failures.toolTip()
        assert view.whole.text() == "2 done, 1 failed"
        screen.press(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        copied = QApplication.clipboard().text()
        assert str(folder / "bad.mp4") in copied and "Check that the file is complete" in copied

        screen.select(0)
        assert not view.copy.isEnabled()
        assert f"{face_clip.frames} frames" in view.detail.toPlainText()
        with qtbot.waitSignal(view.opened_results) as opened:
            view.table.setFocus()
            qtbot.keyClick(view.table, Qt.Key.Key_Return)
        assert opened.args == [out / "anna"]
        with qtbot.waitSignal(view.opened_results) as opened:
            at = view.table.visualRect(view.model.index(2, FILE)).center()
            port = view.table.viewport()
            qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=at)
            qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=at)
        assert opened.args == [out / "carla"]
    finally:
        assert view.shutdown()


def drop(view: ProcessView, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    none = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(QPoint(5, 5)), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none)
    view.dropEvent(event)
    assert event.isAccepted()


def test_pause_holds_and_cancel_goes_on_with_the_next(screen: Screen) -> None:
    view = screen.view
    screen.add("endless", "two", "three")
    assert view.start.isEnabled() and not view.pause.isEnabled() and view.question() == ""
    screen.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    screen.until(lambda: screen.states() == ["running", "waiting", "waiting"] and screen.item(0).done > 0)
    assert "One file" in view.question()
    screen.press(Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    screen.until(lambda: screen.states() == ["paused", "waiting", "waiting"])
    assert view.start.text() == "Go on" and "Paused" in view.summary.text()
    assert "One file" in view.question()
    view.start.trigger()
    screen.until(lambda: screen.states()[0] == "running")
    screen.select(0)
    screen.press(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    screen.until(lambda: screen.states() == ["cancelled", "done", "done"])
    assert "kept" in view.detail.toPlainText()
    assert not view.start.isEnabled() and view.whole.value() == 1000


def test_a_killed_worker_is_told_and_retried(screen: Screen) -> None:
    view = screen.view
    screen.add("endless", "two")
    view.start.trigger()
    screen.until(lambda: screen.item(0).done > 0)
    pid = screen.make.workers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    screen.until(lambda: screen.states() == ["failed", "done"])
    screen.select(0)
    assert "ended from outside" in view.detail.toPlainText()
    assert view.failures.isVisible()
    screen.press(Qt.Key.Key_F5)
    screen.until(lambda: screen.states()[0] == "waiting")
    view.start.trigger()
    screen.until(lambda: screen.states()[0] == "running" and screen.item(0).done > 0)


def test_order_and_removal_by_keys_keep_the_selection(screen: Screen) -> None:
    screen.add("a", "b", "c")
    screen.select(2)
    for _ in range(2):
        screen.press(Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert screen.cells(FILE) == ["c.mp4", "a.mp4", "b.mp4"]
    assert screen.view.table.selected_ids() == [screen.item(0).id]
    screen.press(Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert screen.cells(FILE) == ["a.mp4", "c.mp4", "b.mp4"]
    screen.press(Qt.Key.Key_Delete)
    assert screen.cells(FILE) == ["a.mp4", "b.mp4"]


def test_live_sources_are_sent_to_live(screen: Screen) -> None:
    screen.view.add(["camera:0"])
    assert screen.rows() == 0 and "Live" in screen.view.note.text() and screen.view.note.isVisible()


def test_options_are_those_of_the_command_line(qtbot: QtBot, screen: Screen) -> None:
    panel = screen.view.panel
    screen.until(panel.has_choices)
    assert names(panel.spotter) == list(SPOTTERS)
    assert names(panel.recognizer) == [*RECOGNIZERS, "none"]
    for box, entries in ((panel.spotter, SPOTTERS), (panel.recognizer, RECOGNIZERS)):
        for entry in entries.entries():
            assert box.itemText(box.findData(entry.name)) == f"{entry.name} ({entry.summary})"
    assert panel.recognizer.itemText(panel.recognizer.findData("none")) == "none (spotting only, no labels)"
    assert list(panel.exports) == list(SINKS)
    assert not panel.exports["csv"].isEnabled() and panel.exports["csv"].isChecked()
    plain = panel.options()
    assert plain.settings == Settings() and plain.how.exports == () and plain.how.fps is None

    panel.spotter.setCurrentIndex(panel.spotter.findData("of-fd"))
    panel.recognizer.setCurrentIndex(panel.recognizer.findData("none"))
    panel.faces.setCurrentIndex(panel.faces.findData("all"))
    panel.own_threshold.setChecked(True)
    panel.threshold.setValue(0.7)
    panel.set_rate.setChecked(True)
    panel.rate.setValue(200)
    panel.jobs.setValue(3)
    for box in (panel.annotate, panel.resume, panel.exports["elan"]):
        toggle(qtbot, box)
    chosen = panel.options()
    assert chosen.settings.spotting.spotter == "of-fd" and chosen.settings.spotting.threshold == 0.7
    assert chosen.settings.recognition.recognizer == "none" and chosen.settings.face.faces == "all"
    assert chosen.how.exports == ("elan",) and chosen.how.annotate and chosen.how.resume
    assert chosen.how.fps == 200 and chosen.jobs == 3 and chosen.cluster is None
    panel.cluster.setText("tcp://10.0.0.5:8786")
    assert not panel.jobs.isEnabled() and panel.options().cluster == "tcp://10.0.0.5:8786"
    assert "waits for it to end" in tip_after_poll(screen)


def tip_after_poll(screen: Screen) -> str:
    screen.until(lambda: "cluster" in screen.view.pause.toolTip())
    return screen.view.pause.toolTip()


def names(box: QComboBox) -> list[str]:
    return [box.itemData(at) for at in range(box.count())]


def toggle(qtbot: QtBot, box: QCheckBox) -> None:
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)


def test_what_cannot_run_is_grey_with_the_reason_and_is_not_begun(qtbot: QtBot, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "ltp-ml.json").write_text('{"sha256": "00"}')
    (models / "ltp-ml.onnx").write_bytes(b"altered")
    settings = Settings.from_dict({"models": {"directory": str(models)}, "spotting": {"spotter": "ltp-ml"}})
    view = ProcessView(lambda: settings, results=lambda: tmp_path / "out")
    qtbot.addWidget(view)
    try:
        view.show()
        qtbot.waitUntil(view.panel.has_choices, timeout=LONG)
        box = view.panel.spotter
        at = box.findData("ltp-ml")
        item = box.model().item(at)  # type: ignore[attr-defined]
        assert not item.isEnabled() and "not here" in box.itemText(at)
        assert "SHA-256" in box.itemData(at, Qt.ItemDataRole.ToolTipRole)
        other = box.model().item(box.findData("ltp-net"))  # type: ignore[attr-defined]
        assert other.isEnabled()
        view.add(["a.mp4"])
        qtbot.waitUntil(lambda: view.model.rowCount() == 1, timeout=LONG)
        view.start.trigger()
        assert "ltp-ml cannot be used here" in view.note.text()
        assert view.queue.snapshot().state == "idle"
    finally:
        view.shutdown()


def test_settings_changed_elsewhere_are_followed_until_chosen_otherwise_here(
    qtbot: QtBot, tmp_path: Path
) -> None:
    now = [Settings(), tmp_path / "a"]
    view = ProcessView(lambda: now[0], results=lambda: now[1])  # type: ignore[arg-type, return-value]
    qtbot.addWidget(view)
    try:
        view.show()
        qtbot.waitUntil(view.panel.has_choices, timeout=LONG)
        view.panel.faces.setCurrentIndex(view.panel.faces.findData("all"))
        view.hide()
        now[:] = [
            Settings.from_dict({"spotting": {"spotter": "mdmd"}, "face": {"max_faces": 2}}),
            tmp_path / "b",
        ]
        view.show()
        options = view.panel.options()
        assert options.settings.spotting.spotter == "mdmd" and options.out == tmp_path / "b"
        assert options.settings.face.faces == "all" and options.settings.face.max_faces == 2
    finally:
        view.shutdown()


def test_closing_asks_only_while_something_runs(qtbot: QtBot, tmp_path: Path) -> None:
    queue = BatchQueue(Options(tmp_path / "out"), make_worker=Counting())
    window = QMainWindow()
    qtbot.addWidget(window)
    view = ProcessView(Settings, results=lambda: tmp_path / "out", queue=queue)
    window.setCentralWidget(view)
    try:
        window.show()
        assert window.close()
        window.show()
        view.add(["endless.mp4"])
        qtbot.waitUntil(lambda: view.model.rowCount() == 1, timeout=LONG)
        view.start.trigger()
        qtbot.waitUntil(lambda: view.model.items[0].done > 0, timeout=LONG)
        asking = AskBeforeClosing(window, view.question)
        assert not window.close() and window.isVisible()
        assert asking.box is not None and "One file is being analysed" in asking.box.text()
        stop, go_on = asking.box.buttons()
        go_on.click()
        qtbot.waitUntil(lambda: asking.box is None, timeout=LONG)
        assert window.isVisible() and view.is_running()
        assert not window.close()
        stop = next(button for button in asking.box.buttons() if "Stop" in button.text())
        stop.click()
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    finally:
        view.shutdown()
    assert not view.is_running()


def test_every_control_says_what_it_is_and_has_a_key(screen: Screen) -> None:
    screen.until(screen.view.panel.has_choices)
    actions = screen.view.actions()
    assert all(action.shortcuts() and action.toolTip() for action in actions)
    keys = [keys.toString() for action in actions for keys in action.shortcuts()]
    assert len(set(keys)) == len(keys)
    panel = screen.view.panel
    fields = [
        panel.out,
        panel.spotter,
        panel.recognizer,
        panel.faces,
        panel.threshold,
        panel.rate,
        panel.jobs,
    ]
    for control in [*fields, panel.cluster, panel.annotate, panel.resume, *panel.exports.values()]:
        assert control.toolTip()
    assert screen.view.table.selectionBehavior() == QAbstractItemView.SelectionBehavior.SelectRows


def test_choices_say_what_each_entry_can_do() -> None:
    found = collect_choices(Settings())
    assert all(
        choice.summary for part in (found.spotters, found.recognizers, found.exports) for choice in part
    )
    assert not any(choice.reason for choice in found.spotters)
    assert found.recognizers[-1].name == "none"


def test_wording_of_times_and_of_an_empty_queue(tmp_path: Path) -> None:
    assert how_long(0.2) == "1 s" and how_long(3660) == "1 h 1 min" and how_long(float("inf")) == ""
    queue = BatchQueue(Options(tmp_path), start_thread=False)
    assert whole_text(queue.snapshot()) == "The queue is empty."
    assert "Select a file" in detail_html(None, {"soft": "#000000"})


NAN = math.nan


def failed(error: str, spec: str = "/data/bad.mp4") -> ItemView:
    outcome = Outcome(spec, "bad", "failed", error=error)
    return ItemView(1, spec, "bad", "failed", False, 0, None, NAN, NAN, outcome, None)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("'/data/bad.mp4' is empty (0 bytes). Copy it again.", "is empty (0 bytes). Copy it again."),
        ("there is no file '/data/bad.mp4'. Check the path.", "there is no file. Check the path."),
        ("cannot read '/data/bad.mp4': denied.", "cannot read: denied."),
        ("frame 3 of '/data/bad.mp4' cannot be decoded.", "frame 3 of it cannot be decoded."),
        ("cannot write '/out/bad'.", "cannot write '/out/bad'."),
    ],
)
def test_a_row_says_the_reason_without_the_path(error: str, said: str) -> None:
    assert reason(failed(error)) == said


def test_a_row_says_which_folder_its_results_are_in(tmp_path: Path) -> None:
    def said(name: str) -> str:
        spec = str(tmp_path / "P02" / "rec.mp4")
        outcome = Outcome(spec, name, "interrupted", frames=15)
        return state_text(
            ItemView(1, spec, name, "cancelled", False, 15, 30, NAN, NAN, outcome, tmp_path / name)
        )

    assert said("rec") == "□ cancelled"
    assert said("rec-stopped") == "□ cancelled, in rec-stopped"


def test_a_row_says_why_its_results_are_not_in_the_folder_of_its_name(tmp_path: Path, qtbot: QtBot) -> None:
    spec, why = str(tmp_path / "clipA.mp4"), "clipA is reviewed and was kept"
    outcome = Outcome(spec, "clipA_2", "done", frames=1, took_s=1.0)
    item = ItemView(
        1, spec, "clipA_2", "done", False, 1, 1, NAN, NAN, outcome, tmp_path / "clipA_2", beside=why
    )
    assert state_text(item) == f"✓ done, in clipA_2: {why}"
    told = detail_html(item, {"bad": "#f00", "warn": "#f00", "soft": "#f00"})
    assert why in told and "1 frame in 1 s" in told
    model = QueueModel()
    model.show((item,))
    tip = model.index(0, STATE).data(Qt.ItemDataRole.ToolTipRole)
    assert f"In clipA_2: {why}." in tip, "the column is narrower than that"


def test_numbers_of_frames_in_words() -> None:
    assert [frames_words(n) for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert [frames_words(1, n) for n in (1, 30)] == ["1 of 1 frame", "1 of 30 frames"]


def test_a_queue_with_failures_never_says_100_percent() -> None:
    items = (failed("it is empty."), failed("it is empty."))

    def view(counts: dict[ItemState, int]) -> QueueView:
        return QueueView("idle", items, 1.0, NAN, counts, 0, "", None, True)

    assert bar_text(view({"done": 1, "failed": 1})) == "1 done, 1 failed"
    assert whole_text(view({"done": 1, "failed": 1})) == "2 files."
    assert whole_text(view({"failed": 1, "cancelled": 1})) == "2 files: 1 cancelled."
    assert bar_text(view({"done": 1, "cancelled": 1})) == "1 done, 1 cancelled"
    assert bar_text(view({"waiting": 1, "cancelled": 1})).endswith("%"), "it goes on"
    assert bar_text(view({"done": 2})) == "100 %" and "2 done" in whole_text(view({"done": 2}))


@pytest.mark.parametrize("group", ["Active", "Inactive"])
def test_a_selected_row_can_be_read(scheme: str, qapp: QApplication, group: str) -> None:
    palette, role = qapp.palette(), QPalette.ColorRole
    palette.setCurrentColorGroup(QPalette.ColorGroup[group])
    ground = palette.color(role.Highlight)
    assert contrast(palette.color(role.HighlightedText), ground) >= 4.5
    assert contrast(words_colour(palette, on_bar=False, selected=True), ground) >= 4.5
    assert contrast(words_colour(palette, on_bar=False, selected=False), palette.color(role.Base)) >= 4.5


@pytest.mark.parametrize("state", ["running", "paused", "done", "cancelled"])
def test_words_on_a_bar_can_be_read(scheme: str, qapp: QApplication, state: ItemState) -> None:
    words = words_colour(qapp.palette(), on_bar=True, selected=True)
    for ground in (theme.colour("raised"), blended(bar_colour(state), theme.colour("raised"))):
        assert contrast(words, ground) >= 4.5


def test_the_painted_words_of_a_selected_row_have_its_colour(screen: Screen, scheme: str) -> None:
    """A file of unknown length has its count of frames on the row itself."""
    screen.add("endless")
    screen.view.start.trigger()
    screen.until(lambda: screen.item(0).done > 0)
    screen.view.queue.pause()
    screen.until(lambda: screen.states() == ["paused"])
    screen.select(0)
    cell = screen.view.table.visualRect(screen.view.model.index(0, PROGRESS))
    image = screen.view.table.viewport().grab(cell).toImage()
    ground = theme.colour("accent")
    seen = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    assert max(contrast(colour, ground) for colour in seen) >= 4.5
