"""List, pictures of an interval, agreement, export and import, a video that has moved."""

from __future__ import annotations

import csv
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QSlider, QTabBar
from pytestqt.qtbot import QtBot

from megc_live.errors import OutputError, SourceError
from megc_live.gui import theme
from megc_live.gui.review import stage as pages
from megc_live.gui.review.courses import Courses
from megc_live.gui.review.memory import Memory
from megc_live.gui.review.model import COLUMNS
from megc_live.gui.review.view import ReviewView
from megc_live.output.reviewed import ReviewInterval
from megc_live.review import ReviewDocument, SetStatus, Several
from megc_live.review.journal import Journal
from megc_live.settings import Settings
from megc_live.video.frame import Frame
from megc_live.video.reader import FrameReader
from tests.conftest import FaceClip
from tests.gui.review.conftest import interval, number_in, open_in, pixels, wait_for_picture

# the list


def ids(view: ReviewView) -> list[int]:
    return view.work.list.shown_ids()


def edited(view: ReviewView) -> list[int]:
    """Make the intervals differ; returns their numbers by onset."""
    assert view.document is not None
    numbers = [item.id for item in view.document.intervals]
    work = view.work
    work._select(frozenset(numbers[:1]), seek=False)
    work.editor.set_status("accepted")
    work.editor.set_comment(numbers[0], "Left brow")
    work._select(frozenset(numbers[1:2]), seek=False)
    work.editor.set_status("rejected")
    work.editor.switch_kind()
    work.editor.add_between(5, 7)  # 80 ms: less than 200, but not as text
    return [item.id for item in view.document.intervals]


def test_the_filter_shows_what_it_says(view: ReviewView) -> None:
    edited(view)
    assert view.document is not None
    everything = {item.id: item for item in view.document.intervals}
    shown = view.work.list

    def expect(test: Callable[[ReviewInterval], bool]) -> None:
        wanted = {number for number, item in everything.items() if test(item)}
        assert set(ids(view)) == wanted and 0 < len(wanted) < len(everything)
        assert shown.count.text() == f"{len(wanted)} of {len(everything)}"
        shown.clear_filter()
        assert set(ids(view)) == set(everything)

    shown.status.setCurrentIndex(shown.status.findData("accepted"))
    expect(lambda item: item.status == "accepted")
    shown.kind.setCurrentIndex(shown.kind.findData("micro"))
    expect(lambda item: item.record.kind == "micro")
    shown.label.setCurrentIndex(shown.label.findData("none"))
    expect(lambda item: item.record.label == "")
    shown.score.setValue(1.0)
    expect(lambda item: item.record.score >= 1.0)
    shown.text.setText("BROW left")
    expect(lambda item: "brow" in f"{item.comment} {item.record.regions}".lower() and "eft" in item.comment)


def test_sorting_goes_by_value_and_keeps_the_selection(view: ReviewView) -> None:
    edited(view)
    assert view.document is not None
    everything = {item.id: item for item in view.document.intervals}
    chosen = view.document.intervals[2].id
    view.work._select(frozenset({chosen}), seek=False)
    heads = [column.head for column in COLUMNS]
    for head, value in (
        ("ms", lambda item: item.record.offset_s - item.record.onset_s),
        ("Score", lambda item: item.record.score),
        ("#", lambda item: item.id),
    ):
        for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
            view.work.list.table.sortByColumn(heads.index(head), order)
            values = [value(everything[number]) for number in ids(view)]
            assert values == sorted(values, reverse=order == Qt.SortOrder.DescendingOrder)
            assert view.work.list.selection() == (chosen,)


def test_up_and_down_choose_the_interval_in_list_timeline_and_player(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    second = view.document.intervals[1]
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Down)
    assert view.work.list.selection() == view.work.editor.selection == (second.id,)
    assert view.work.timeline.bars._selected == {second.id}
    wait_for_picture(view, qtbot)
    assert number_in(view) == second.record.apex_frame
    assert view.work.timeline._heads[0].value() == pytest.approx(second.record.apex_s, abs=1e-6)


def test_keys_in_a_text_field_write_text(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    state, position = view.document.intervals, view.work.player.position
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = view.work.list.text
    assert field.hasFocus()
    qtbot.keyClicks(field, "arn 1")
    qtbot.keyClick(field, Qt.Key.Key_Left)
    qtbot.keyClick(field, Qt.Key.Key_Home)
    assert field.text() == "arn 1" and field.cursorPosition() == 0
    assert view.document.intervals == state and view.work.player.position == position


# the timeline


def test_zoom_and_pan_stay_inside_the_video(view: ReviewView, qtbot: QtBot) -> None:
    timeline = view.work.timeline
    whole = timeline.span()
    for _ in range(3):
        qtbot.keyClick(view.work.list.table, Qt.Key.Key_Plus)
    low, high = timeline.span()
    assert high - low == pytest.approx((whole[1] - whole[0]) / 8, rel=0.05)
    for _ in range(6):
        qtbot.keyClick(view.work.list.table, Qt.Key.Key_Minus)
    low, high = timeline.span()
    assert low > -1 and high < 10
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F)
    assert timeline.span() == pytest.approx(whole, abs=0.05)


def test_the_strongest_motion_is_drawn_where_it_was(view: ReviewView) -> None:
    """Also where a column stands for many frames: a short movement is not averaged away."""
    timeline = view.work.timeline
    courses = timeline.courses
    assert courses is not None
    activity = np.zeros_like(courses.activity)
    activity[100, 4] = 50.0
    timeline.set_courses(replace(courses, activity=activity))
    drawn = timeline.heat.image
    brightest = np.argwhere((drawn == theme.activity_rgb(1.0)).all(axis=-1))
    assert set(brightest[:, 0]) == {4}
    low, high = timeline.span()
    at = low + (brightest[:, 1].mean() + 0.5) / drawn.shape[1] * (high - low)
    assert at == pytest.approx(100.5 / 25, abs=0.03)


def test_a_blink_of_one_frame_is_seen_in_an_hour_of_video(view: ReviewView) -> None:
    timeline = view.work.timeline
    n = 108_000
    blink = np.zeros(n, dtype=np.float32)
    blink[54_321] = 1.0
    blink[1000:2000] = np.nan
    none = np.zeros((n, 12), dtype=np.float32)
    timeline.set_courses(Courses(np.arange(n) / 30, none, blink, blink, np.zeros((n, 4)), 1.0, 1.0))
    t_s, drawn = timeline.curves[0].getData()
    assert len(t_s) < 6000, "what is drawn does not grow with the video"
    assert np.nanmax(drawn) == 1.0 and t_s[np.nanargmax(drawn)] == pytest.approx(54_321 / 30, abs=3)
    timeline.show_span(1810.0, 1811.5)
    t_s, drawn = timeline.curves[0].getData()
    assert t_s[np.nanargmax(drawn)] == pytest.approx(54_321 / 30, abs=1e-6)


# pictures of the interval


def test_faces_of_the_three_marks_follow_the_edges(view: ReviewView, qtbot: QtBot) -> None:
    stage, item = view.work.stage, view.work.selected()
    assert item is not None
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F3)
    assert stage.tabs.currentIndex() == pages.FACES
    assert stage.computing and stage.faces.cells["apex"].picture.image is None, "computing is said"
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    faces = {mark: pixels(cell.picture.image).astype(int) for mark, cell in stage.faces.cells.items()}
    assert faces["onset"].shape == (192, 160, 3)
    moved = np.abs(faces["apex"] - faces["onset"]).max()
    assert moved > 0 and np.abs(faces["apex"] - faces["onset"]).mean() < 8, "aligned, and not the same"
    assert str(item.record.apex_frame) in stage.faces.cells["apex"].title.text()
    view.work.player.go(item.record.onset_frame - 5)
    wait_for_picture(view, qtbot)
    view.work.editor.set_mark("onset")
    assert stage.computing
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    assert str(item.record.onset_frame - 5) in stage.faces.cells["onset"].title.text()


def test_the_magnified_replay_follows_player_and_factor(view: ReviewView, qtbot: QtBot) -> None:
    stage, item = view.work.stage, view.work.selected()
    assert item is not None
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F4)
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    page = stage.large
    plain, ten = pixels(page.plain.picture.image), pixels(page.large.picture.image)
    rest = np.abs(ten.astype(int) - plain).mean()
    assert page.factor == 10 and rest > 0
    page.slider.setValue(0)
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    assert (pixels(page.large.picture.image) == pixels(page.plain.picture.image)).all()
    page.slider.setValue(30)
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    assert np.abs(pixels(page.large.picture.image).astype(int) - plain).mean() > rest
    before = pixels(page.plain.picture.image)
    view.work.player.go(item.record.onset_frame)
    wait_for_picture(view, qtbot)
    assert (pixels(page.plain.picture.image) != before).any()
    view.work.player.go(item.record.offset_frame + 40)
    wait_for_picture(view, qtbot)
    assert page.large.picture.image is None, "a frame outside of the replay has no magnified picture"


def test_the_flow_picture_and_the_classifier_s_answer(view: ReviewView, qtbot: QtBot) -> None:
    stage, item = view.work.stage, view.work.selected()
    assert item is not None and item.record.probabilities is not None
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: not stage.computing, timeout=30_000)
    flow = stage.flow.flow
    assert flow is not None and flow.answer is not None
    assert all(pixels(image).shape == (28, 28, 3) for image in stage.flow.images)
    assert not stage.flow.note.isVisible(), "the video itself was analysed"
    assert all("pixel" in cell.title.text() for cell in stage.flow.cells)
    assert flow.answer.probabilities == pytest.approx(item.record.probabilities, abs=0.25)
    view.work.editor.labels[-1].trigger()
    assert interval(view, item.id).record.label == ""
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_T)
    record = interval(view, item.id).record
    assert (record.label, record.probabilities) == (flow.answer.label, flow.answer.probabilities)


# agreement, export, import


def test_agreement_with_the_machine_follows_the_review(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    page = view.work.stage.agreement
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: not page.busy, timeout=10_000)
    n = len(view.document.machine)
    names = ("f1", "precision", "recall", "kappa", "label")
    assert {page.figures[name].text() for name in names} == {"not reviewed yet"}
    assert "Nothing has been decided here yet" in page.note.text() and page.note.isVisible()
    assert page.list.count() == n
    view.work.editor.set_status("rejected")
    view.work.editor.add_between(5, 12)
    qtbot.waitUntil(lambda: page.list.count() == n + 1 and not page.busy, timeout=10_000)
    assert page.figures["f1"].text() == f"{(n - 1) / n:.2f} provisional, {n - 1} open"
    assert all(f"provisional, {n - 1} open" in page.figures[name].text() for name in names)
    assert f"{n - 1} of {n} intervals here are still open" in page.note.text()
    texts = [page.list.item(k).text() for k in range(page.list.count())]
    assert sum("only here" in text for text in texts) == sum("only there" in text for text in texts) == 1
    page.list.itemActivated.emit(page.list.item(0))
    assert interval(view, view.work.editor.selection[0]).span == (5, 12)
    view.work.editor.apply(
        Several(
            tuple(SetStatus(item.id, "accepted") for item in view.document.intervals if item.status == "open")
        )
    )
    qtbot.waitUntil(lambda: page.figures["f1"].text() == f"{(n - 1) / n:.2f}", timeout=10_000)
    assert not page.note.isVisible() and "provisional" not in page.figures["kappa"].text()


def export(view: ReviewView, qtbot: QtBot, folder: Path, *formats: str, pictures: bool = False) -> list[Path]:
    dialog = view.export()
    assert dialog is not None
    dialog.folder.setText(str(folder))
    for name, box in dialog.boxes.items():
        box.setChecked(name in formats)
    dialog.pictures.setChecked(pictures)
    assert dialog.isModal() and dialog.go.isEnabled()
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.writing, timeout=60_000)
    qtbot.waitUntil(lambda: dialog.told.text() != "Writing …", timeout=5_000)
    files = dialog.files
    dialog.reject()
    assert not dialog.isVisible()
    return files


def test_every_export_is_imported_again_without_loss(view: ReviewView, qtbot: QtBot, tmp_path: Path) -> None:
    assert view.document is not None
    edited(view)
    reviewed = view.document.intervals
    out = tmp_path / "out"
    files = export(view, qtbot, out, "csv", "json", "elan", "bids", "html")
    assert all(path.is_file() for path in files)
    kept = [item.id for item in reviewed if item.status != "rejected"]
    with (out / "intervals.csv").open(encoding="utf-8") as table:
        assert sorted(int(row["id"]) for row in csv.DictReader(table)) == sorted(kept)
    for name in ("review.csv", "events.json", "intervals.eaf", "bids/events.tsv", "report.html"):
        while view.document.can_undo:
            view.work.editor.undo.trigger()
        assert view.document.intervals != reviewed
        view.import_file(out / name)
        qtbot.waitUntil(lambda: view.document is not None and view.document.can_undo, timeout=10_000)
        assert view.document.intervals == reviewed, name
        assert set(ids(view)) == {item.id for item in reviewed} and "Undo" in view.banner.text.text()


def test_a_second_reviewer_s_file_is_compared(view: ReviewView, qtbot: QtBot, tmp_path: Path) -> None:
    assert view.document is not None
    view.work.editor.add_between(5, 12)
    export(view, qtbot, tmp_path / "second", "csv")
    view.work.editor.undo.trigger()
    view.work.editor.apply(SetStatus(view.document.intervals[0].id, "accepted"))
    page = view.work.stage.agreement
    view.work.stage.tabs.setCurrentIndex(pages.AGREEMENT)
    page.compare_with(tmp_path / "second" / "review.csv")
    n = len(view.document.intervals)
    qtbot.waitUntil(lambda: page.list.count() == n + 1, timeout=10_000)
    left = f"provisional, {n - 1 + n} open"
    assert page.figures["recall"].text() == f"1.00 {left}"
    assert page.figures["precision"].text() == f"{n / (n + 1):.2f} {left}"
    # a table that holds no decisions is compared as the machine's list: nothing there is open
    lone = tmp_path / "intervals.csv"
    shutil.copy(tmp_path / "second" / "intervals.csv", lone)
    page.compare_with(lone)
    qtbot.waitUntil(lambda: "does not say of which recording" in page.note.text(), timeout=10_000)
    assert page.figures["recall"].text() == f"1.00 provisional, {n - 1} open"
    page.compare_with(tmp_path / "nothing.csv")
    qtbot.waitUntil(lambda: not page.busy and not page.note.isHidden(), timeout=10_000)
    assert "nothing.csv" in page.note.text() and page.figures["f1"].text() == "-"


def test_an_export_over_the_results_is_refused(view: ReviewView, qtbot: QtBot) -> None:
    assert view.document is not None
    before = (view.document.folder / "intervals.csv").read_bytes()
    assert export(view, qtbot, view.document.folder, "csv") == []
    assert (view.document.folder / "intervals.csv").read_bytes() == before


def test_an_export_is_left_off(view: ReviewView, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = view.export()
    assert dialog is not None
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.start()
    assert dialog.leave.text() == "Stop"
    dialog.reject()
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=30_000)
    assert dialog.files == [] and not [path for path in tmp_path.glob("out/**/*") if path.is_file()]


def test_a_file_that_is_no_review_changes_nothing(view: ReviewView, qtbot: QtBot, tmp_path: Path) -> None:
    assert view.document is not None
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n", encoding="utf-8")
    state = view.document.intervals
    view.import_file(bad)
    qtbot.waitUntil(view.banner.isVisible, timeout=10_000)
    assert "bad.csv" in view.banner.text.text()
    assert view.document.intervals == state and not view.document.can_undo


# the video


@pytest.fixture
def moved(folder: Path, face_clip: FaceClip, tmp_path: Path) -> Path:
    """The result of a video that is elsewhere now; returns where it is."""
    there = tmp_path / "elsewhere" / "renamed.mp4"
    there.parent.mkdir()
    shutil.copy(face_clip.path, there)
    session = folder / "session.json"
    text = session.read_text(encoding="utf-8")
    gone = str(tmp_path / "gone" / "face.mp4")
    session.write_text(text.replace(str(face_clip.path), gone), encoding="utf-8")
    return there


def test_a_video_that_has_moved_is_located(
    moved: Path, folder: Path, new_view: Callable[[], ReviewView], qtbot: QtBot
) -> None:
    view = new_view()
    open_in(view, folder, qtbot)
    assert view.document is not None and view.document.video is None
    assert view.banner.isVisible() and "not where it was" in view.banner.text.text()
    assert "Locate" in view.banner.button.text() and view.banner.button.isVisible()
    # the timeline and the edits work without it
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Right)
    position = view.work.player.position
    assert view.work.timeline._heads[0].value() == pytest.approx(position / 25)
    view.work.editor.set_status("accepted")
    assert view.document.intervals[0].status == "accepted"
    view.locate(moved)
    qtbot.waitUntil(lambda: view.work.player.frame is not None, timeout=20_000)
    assert not view.banner.isVisible() and view.work.isEnabled()
    view.work.player.go(77)
    wait_for_picture(view, qtbot)
    assert number_in(view) == 77
    open_in(view, folder, qtbot)
    assert view.document.video == moved.resolve(), "it is remembered"


def test_a_place_that_cannot_be_remembered_is_shown_all_the_same(
    moved: Path,
    folder: Path,
    new_view: Callable[[], ReviewView],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(journal: Journal, *lines: object) -> None:
        raise OutputError("the disk is full.")

    view = new_view()
    open_in(view, folder, qtbot)
    monkeypatch.setattr(Journal, "append", full)
    view.locate(moved)
    qtbot.waitUntil(lambda: "remembered" in view.banner.text.text(), timeout=20_000)
    wait_for_picture(view, qtbot)
    assert "cannot be remembered" in view.banner.text.text() and "full" in view.banner.text.text()
    assert number_in(view) == view.work.player.position


def test_another_video_is_not_taken_for_it(
    moved: Path, folder: Path, new_view: Callable[[], ReviewView], qtbot: QtBot, tmp_path: Path
) -> None:
    view = new_view()
    open_in(view, folder, qtbot)
    view.locate(tmp_path / "window.ini")
    qtbot.waitUntil(lambda: "window.ini" in view.banner.text.text(), timeout=20_000)
    assert view.document is not None and view.document.video is None and view.work.isEnabled()


def test_a_dropped_folder_is_opened(new_view: Callable[[], ReviewView], folder: Path, qtbot: QtBot) -> None:
    view = new_view()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / "intervals.csv"))])
    none = Qt.KeyboardModifier.NoModifier
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, none)
    view.dropEvent(drop)
    qtbot.waitUntil(lambda: view.document is not None, timeout=10_000)
    assert view.document is not None and view.document.folder == folder
    wait_for_picture(view, qtbot)


def test_a_video_that_hangs_does_not_keep_the_window_open(
    folder: Path, memory: Memory, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, freed = threading.Event(), threading.Event()

    def hang(reader: FrameReader, index: int) -> Frame:
        hanging.set()
        freed.wait(30)
        raise SourceError("gone")

    monkeypatch.setattr(FrameReader, "frame", hang)
    view = ReviewView(Settings, memory=memory)
    qtbot.addWidget(view)
    view.open(folder)
    qtbot.waitUntil(hanging.is_set, timeout=20_000)
    assert not view.shutdown(0.4), "the thread that hangs is left behind"
    freed.set()
    with ReviewDocument.open(folder, "next") as document:
        assert not document.read_only


def test_every_action_has_keys_and_every_control_a_tooltip(view: ReviewView) -> None:
    actions = view.actions()
    keys = [key.toString() for action in actions for key in action.shortcuts()]
    assert all(action.shortcuts() and action.toolTip() for action in actions)
    assert len(keys) == len(set(keys)), "a key must mean one thing"
    fields = view.findChildren(QLineEdit)
    for kind in (QAbstractButton, QComboBox, QSlider, QAbstractSpinBox, QLineEdit):
        for widget in view.findChildren(kind):  # on every page, shown or not
            within = widget.parent()
            qts = widget.objectName().startswith("qt_") or within in fields or isinstance(within, QTabBar)
            unused = widget in (view.banner.button, view.banner.second) and not widget.text()
            assert qts or unused or widget.toolTip(), (widget, within)


def test_the_timeline_is_moved_with_keys_and_never_beyond_the_video(view: ReviewView, qtbot: QtBot) -> None:
    timeline, alt = view.work.timeline, Qt.KeyboardModifier.AltModifier
    timeline.show_span(1.0, 3.0)
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Right, alt)
    assert timeline.span() == pytest.approx((2.0, 4.0))
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Left, alt)
    assert timeline.span() == pytest.approx((1.0, 3.0))
    for _ in range(5):
        qtbot.keyClick(view.work.list.table, Qt.Key.Key_Left, alt)
    assert timeline.span() == pytest.approx((0.0, 2.0))
    for _ in range(30):
        qtbot.keyClick(view.work.list.table, Qt.Key.Key_Right, alt)
    assert view.document is not None
    assert timeline.span()[1] == pytest.approx(float(view.document.times_s[-1]))
