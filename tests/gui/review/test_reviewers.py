"""Two reviewers of one result, and a review that goes out and comes back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from megc_live.gui.review.memory import Memory
from megc_live.gui.review.model import COLUMNS
from megc_live.gui.review.stage import AGREEMENT
from megc_live.gui.review.view import ReviewView
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.session import SessionInfo
from megc_live.review import FORMATS, Add, Comment, ReviewDocument, SetLabel, SetStatus
from tests.gui.review.conftest import NAME, open_in

FILES = ("review.csv", "events.json", "intervals.eaf", "bids/events.tsv", "report.html")


def second(view: ReviewView, memory: Memory, folder: Path, qtbot: QtBot) -> None:
    """Somebody else opens what was reviewed, and is asked."""
    assert view.document is not None
    memory.reviewer = "B. Rater"
    view.open(folder)
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.choice_page, timeout=20_000)
    assert NAME in view.choice_page.title.text()


def test_a_second_reviewer_may_begin_alone_and_then_compare(
    view: ReviewView, memory: Memory, folder: Path, qtbot: QtBot
) -> None:
    view.work.editor.set_status("rejected")
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    second(view, memory, folder, qtbot)
    qtbot.waitUntil(view.choice_page.alone.hasFocus)
    view.choice_page.alone.click()
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page, timeout=20_000)
    document = view.document
    assert document is not None and document.reviewer == "B. Rater" and document.independent
    assert {item.status for item in document.intervals} == {"open"}
    view.work.editor.set_status("accepted")
    assert "your own review" in view.saved.text()
    page = view.work.stage.agreement
    assert [page.other.itemText(k) for k in range(page.other.count())] == ["the machine", f"{NAME} (review)"]
    view.work.stage.tabs.setCurrentIndex(AGREEMENT)
    page.other.setCurrentIndex(1)
    assert (
        page.sides.text().startswith("Here: B. Rater, the reference.")
        and f"{NAME} (review)" in page.sides.text()
    )
    n = len(document.intervals)
    qtbot.waitUntil(lambda: page.compared is not None and page.compared.result.n_b == n - 1, timeout=10_000)
    assert page.compared is not None and page.compared.result.n_open_a == n - 1
    assert f"{n - 1} of {n} intervals here are still open" in page.note.text()
    assert page.note.isVisible()

    open_in(view, folder, qtbot)  # opened again it is one's own, unasked
    assert view.document is not None and view.document.independent


def test_a_second_reviewer_may_go_on_or_leave(
    view: ReviewView, memory: Memory, folder: Path, qtbot: QtBot
) -> None:
    view.work.editor.set_status("accepted")
    first = view.document
    second(view, memory, folder, qtbot)
    view.choice_page.left.emit()
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page, timeout=20_000)
    assert first is not None and view.document is not None
    assert view.document.reviewer == memory.reviewer == NAME and not view.document.read_only
    assert view.document.intervals == first.intervals
    view.work.editor.undo.trigger()
    assert {item.status for item in view.document.intervals} == {"open"}
    view.work.editor.redo.trigger()
    second(view, memory, folder, qtbot)
    view.choice_page.go_on.click()
    document = view.document
    assert document is not None and not document.independent and document.reviewer == "B. Rater"
    assert "accepted" in {item.status for item in document.intervals}
    view.work.editor.set_status("rejected")
    assert not document.read_only and (folder / "review.jsonl").is_file()


def test_what_waits_for_an_answer_holds_no_folder(
    view: ReviewView, memory: Memory, folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    view.work.editor.set_status("accepted")
    second(view, memory, folder, qtbot)
    open_in(view, other, qtbot)  # dropped on the window instead of an answer
    ReviewDocument.open(folder, "C. Third").close()
    open_in_choice = view.document
    second(view, memory, folder, qtbot)
    second(view, memory, folder, qtbot)  # the same one again
    view._change_name()
    view.name_page.left.emit()
    assert view.pages.currentWidget() is view.choice_page, "still to be answered"
    view.choice_page.left.emit()
    assert view.pages.currentWidget() is view.work_page and view.document is open_in_choice
    assert open_in_choice is not None and not open_in_choice.read_only, "it never was closed"
    ReviewDocument.open(folder, "C. Third").close()


def alike(items: tuple[ReviewInterval, ...]) -> list[ReviewInterval]:
    """Without what an import itself notes."""
    return sorted((replace(item, changed="") for item in items), key=lambda item: item.id)


@pytest.mark.parametrize("name", FILES)
def test_a_review_goes_out_and_comes_back_into_other_results(
    view: ReviewView, qtbot: QtBot, folder: Path, tmp_path: Path, name: str
) -> None:
    fresh = Path(shutil.copytree(folder, tmp_path / "fresh"))
    document = view.document
    assert document is not None
    first = document.intervals[0].id
    for edit in (
        SetStatus(first, "rejected"),
        SetLabel(document.intervals[1].id, "surprise"),
        Comment(document.intervals[1].id, "two\nlines; “quoted”"),
        Add(10, 14, 20, face_id=0),
    ):
        assert view.work.editor.apply(edit)
    dialog = view.export()
    assert dialog is not None
    for kind in FORMATS:
        dialog.boxes[kind].setChecked(True)
    dialog.pictures.setChecked(False)
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    assert "bids/events.json" in dialog.told.text() and dialog.told.text().count(" events.json") == 1
    out = Path(dialog.folder.text())
    dialog.reject()
    wanted = document.intervals
    open_in(view, fresh, qtbot)
    again = view.document
    assert again is not None and again.intervals != wanted
    view.import_file(out / name)
    qtbot.waitUntil(lambda: "are in the place of" in view.banner.text.text(), timeout=10_000)
    assert alike(again.intervals) == alike(wanted)
    assert [item.changed for item in again.intervals] == [item.changed for item in wanted]


def test_a_file_of_another_recording_changes_nothing(
    view: ReviewView, qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "intervals.csv"
    header, row, *_ = (folder / "intervals.csv").read_text().splitlines()
    cells = row.split(",")
    cells[5:8] = [f"{float(cell) + 1:.6f}" for cell in cells[5:8]]
    other.write_text("\n".join([header, ",".join(cells)]) + "\n")
    assert view.document is not None
    before = view.document.intervals
    view.import_file(other)
    qtbot.waitUntil(lambda: "another recording" in view.banner.text.text(), timeout=10_000)
    assert view.document.intervals == before


def test_that_a_file_does_not_say_of_which_recording_it_is_is_told(
    view: ReviewView, qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(folder / "intervals.csv", tmp_path / "alone.csv"))
    for path, told in ((alone, True), (folder / "intervals.csv", False)):
        view.import_file(path)
        qtbot.waitUntil(lambda path=path: f"of {path.name}" in view.banner.text.text(), timeout=10_000)  # type: ignore[misc]
        assert ("does not say of which recording" in view.banner.text.text()) == told


@pytest.fixture
def sent(view: ReviewView, qtbot: QtBot, tmp_path: Path) -> tuple[Path, tuple[ReviewInterval, ...]]:
    """An export that somebody got, and what the reviewer who made it had decided.

    One interval is rejected, one accepted as it was, one was added.
    """
    assert view.document is not None
    first, second = (item.id for item in view.document.intervals[:2])
    for edit in (SetStatus(first, "rejected"), SetStatus(second, "accepted"), Add(10, 14, 20, face_id=0)):
        assert view.work.editor.apply(edit)
    dialog = view.export()
    assert dialog is not None
    dialog.pictures.setChecked(False)
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    out = Path(shutil.copytree(dialog.folder.text(), tmp_path / "sent"))
    dialog.reject()
    return out, view.document.intervals


def test_who_gets_an_export_is_told_what_is_seen_and_can_take_the_decisions_over(
    view: ReviewView, memory: Memory, qtbot: QtBot, sent: tuple[Path, tuple[ReviewInterval, ...]]
) -> None:
    out, wanted = sent
    memory.reviewer = "C. Third"
    open_in(view, out, qtbot)
    assert view.document is not None and len(view.document.intervals) == len(wanted) - 1
    assert {item.status for item in view.document.intervals} == {"open"}
    by = {item.record.reviewer for item in view.document.intervals if item.record.source == "auto"}
    assert by == {""}, "nobody has decided on them here"
    column = [one.head for one in COLUMNS].index("By")
    model = view.work.list.model
    shown = [model.index(row, column).data() for row in range(model.rowCount())]
    assert sorted(shown) == sorted([NAME, *["machine"] * (len(wanted) - 2)])
    thin = view.work.timeline.bars._machine
    assert len(thin) == len(wanted) - 2, "neither the rejected nor what a person added is the machine's"
    assert 10 not in {bar.onset for bar in thin}
    told, when = view.banner.text.text(), max(item.changed for item in wanted)
    assert f"{NAME} reviewed and exported these results (last change {when[:10]} {when[11:16]})" in told
    assert "not shown yet: “Take them over” shows them, Undo" in told
    assert view.banner.isVisible() and view.banner.button.text() == "Take them over"
    assert not view.banner.second.isVisible()
    view.banner.button.click()
    qtbot.waitUntil(lambda: view.document is not None and view.document.intervals == wanted, timeout=10_000)
    view.work.editor.undo.trigger()
    assert {item.status for item in view.document.intervals} == {"open"}
    view.work.editor.redo.trigger()
    open_in(view, out, qtbot)
    assert view.document is not None and view.document.intervals == wanted
    assert "this review began with that export" in view.banner.text.text()
    assert not view.banner.button.isVisible()


@pytest.mark.parametrize("replace_mine", [False, True])
def test_own_decisions_are_not_replaced_unasked(
    view: ReviewView,
    memory: Memory,
    qtbot: QtBot,
    sent: tuple[Path, tuple[ReviewInterval, ...]],
    replace_mine: bool,
) -> None:
    out, wanted = sent
    memory.reviewer = "C. Third"
    open_in(view, out, qtbot)
    document = view.document
    assert document is not None
    view.work.editor.set_status("accepted")
    view.work.comment.setText("mine")
    view.work.comment.setModified(True)  # still being written
    view.banner.button.click()
    box = view.exchange.box
    assert box is not None and box.text().startswith("1 interval was decided on or changed here.")
    mine = document.intervals
    assert sorted(item.comment for item in mine)[-1] == "mine"
    default = box.defaultButton()
    assert default is not None and default is box.escapeButton() and "Keep" in default.text()
    view.exchange.take_over()
    assert view.exchange.box is box, "it is asked once"
    if replace_mine:
        next(one for one in box.buttons() if "Replace" in one.text()).click()
        qtbot.waitUntil(lambda: document.intervals == wanted, timeout=10_000)
        view.work.editor.undo.trigger()
    else:
        QTest.keyClick(box, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: view.exchange.box is None)
        assert not view._reader.busy
    assert document.intervals == mine
    view.work.editor.undo.trigger()
    view.work.editor.undo.trigger()
    assert not document.can_undo
    view.exchange.take_over()  # nothing of one's own is left: unasked
    qtbot.waitUntil(lambda: document.intervals == wanted, timeout=10_000)


def test_decisions_are_offered_beside_a_video_that_was_not_sent(
    view: ReviewView,
    memory: Memory,
    qtbot: QtBot,
    tmp_path: Path,
    sent: tuple[Path, tuple[ReviewInterval, ...]],
) -> None:
    out, wanted = sent
    session = SessionInfo.read(out / "session.json")
    video = Path(shutil.copy(session.source.spec, tmp_path / "copied.mp4"))
    session.source.spec = str(tmp_path / "not sent.mp4")
    session.run.pop("source", None)
    session.write(out)
    memory.reviewer = "C. Third"
    open_in(view, out, qtbot)
    assert view.document is not None and view.document.video is None
    banner = view.banner
    assert "not where it was" in banner.text.text() and "reviewed and exported" in banner.text.text()
    assert "Locate" in banner.button.text() and banner.second.text() == "Take them over"
    assert banner.second.isVisible()
    view.locate(video)
    qtbot.waitUntil(lambda: view.work.isEnabled() and view.work.player.frame is not None, timeout=20_000)
    assert banner.button.text() == "Take them over" and "not where it was" not in banner.text.text()
    assert not banner.second.isVisible()
    banner.button.click()
    qtbot.waitUntil(lambda: view.document is not None and view.document.intervals == wanted, timeout=10_000)


def test_what_is_open_to_look_at_only_offers_nothing_to_take_over(
    view: ReviewView, qtbot: QtBot, sent: tuple[Path, tuple[ReviewInterval, ...]]
) -> None:
    out, _ = sent
    view._open(out, NAME, read_only=True)
    qtbot.waitUntil(lambda: view.document is not None and view.document.folder == out, timeout=20_000)
    assert "What was decided is in review.csv" in view.banner.text.text()
    assert not view.banner.button.isVisible() and not view.banner.second.isVisible()
