"""Two reviewers of one result, and a review that goes out and comes back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from megc_live.gui.review.memory import Memory
from megc_live.gui.review.stage import AGREEMENT
from megc_live.gui.review.view import ReviewView
from megc_live.output.reviewed import ReviewInterval
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


def test_decisions_of_an_exported_result_can_be_taken_over(
    view: ReviewView, qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    view.work.editor.set_status("rejected")
    assert view.work.editor.apply(Add(10, 14, 20, face_id=0))
    dialog = view.export()
    assert dialog is not None and view.document is not None
    dialog.pictures.setChecked(False)
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    out = Path(shutil.copytree(dialog.folder.text(), tmp_path / "sent"))
    dialog.reject()
    wanted = view.document.intervals
    open_in(view, out, qtbot)
    assert view.document is not None and len(view.document.intervals) == len(wanted) - 1
    thin = view.work.timeline.bars._machine
    assert len(thin) == len(wanted) - 2, "neither the rejected nor what a person added is the machine's"
    assert 10 not in {bar.onset for bar in thin}
    assert view.banner.isVisible() and "Take them over" in view.banner.button.text()
    view.banner.button.click()
    qtbot.waitUntil(lambda: view.document is not None and view.document.intervals == wanted, timeout=10_000)
