"""Nothing that a reviewer has done is lost or lands elsewhere, also when something else is under way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from megc_live.errors import OutputError
from megc_live.gui.review import export_dialog
from megc_live.gui.review.frames import FrameLoader, Shown
from megc_live.gui.review.view import ReviewView
from megc_live.review import Edit, ReviewDocument
from tests.gui.review.conftest import frames_of, open_in, wait_for_picture


def test_a_mark_goes_to_the_frame_on_the_screen(
    view: ReviewView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = view.work.selected()
    assert item is not None
    onset = item.record.onset_frame
    view.work.player.go(onset - 3)
    wait_for_picture(view, qtbot)

    def nothing_yet(loader: FrameLoader) -> Shown | None:
        return None

    monkeypatch.setattr(FrameLoader, "take", nothing_yet)  # a slow disk: the next picture has not come
    view.work.player.go(onset - 20)
    view.work.editor.set_mark("onset")
    assert frames_of(view, item.id)[0] == onset - 3


def test_a_comment_that_cannot_be_saved_stays_in_its_field(
    view: ReviewView, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, item = view.document, view.work.selected()
    assert document is not None and item is not None
    other = next(one.id for one in document.intervals if one.id != item.id)

    def full(document: ReviewDocument, edit: Edit) -> None:
        raise OutputError("the disk is full.")

    view.work.comment.setText("long thought about")
    view.work.comment.setModified(True)
    with monkeypatch.context() as patch:
        patch.setattr(ReviewDocument, "apply", full)
        view.work._pick(other, False)
        assert "the disk is full" in view.banner.text.text()
        assert view.work.comment.text() == "long thought about"
        assert view.work.editor.selection == (item.id,), "it would be lost with its interval"
    view.work._pick(other, False)
    assert document.get(item.id).comment == "long thought about"
    assert view.work.editor.selection == (other,)


def test_several_are_one_step_of_undo(view: ReviewView) -> None:
    document = view.document
    assert document is not None
    before = document.intervals
    view.work._select(frozenset(item.id for item in before), seek=False)
    view.work.editor.set_status("rejected")
    assert {item.status for item in document.intervals} == {"rejected"}
    view.work.editor.undo.trigger()
    assert document.intervals == before and not document.can_undo


def test_the_same_folder_by_another_path_is_opened_again(
    view: ReviewView, qtbot: QtBot, folder: Path
) -> None:
    open_in(view, folder.parent / "." / ".." / folder.parent.name / folder.name, qtbot)
    assert view.document is not None and not view.document.read_only


def test_an_import_does_not_cross_an_opening(view: ReviewView, qtbot: QtBot, folder: Path) -> None:
    view.open(folder)
    assert not view.import_action.isEnabled() and not view.export_action.isEnabled()
    view.import_file(folder / "intervals.csv")
    assert "still being read" in view.banner.text.text()
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page, timeout=20_000)
    qtbot.waitUntil(view.import_action.isEnabled, timeout=5_000)
    assert view.document is not None and not view.document.read_only


def test_an_import_keeps_the_comment_that_is_being_written(
    view: ReviewView, qtbot: QtBot, folder: Path
) -> None:
    document, item = view.document, view.work.selected()
    assert document is not None and item is not None
    view.work.comment.setText("long thought about")
    view.work.comment.setModified(True)
    view.import_file(folder / "intervals.csv")
    assert document.get(item.id).comment == "long thought about"
    assert not view.work.isEnabled(), "no edit may come between"
    qtbot.waitUntil(lambda: "are in the place of" in view.banner.text.text(), timeout=10_000)
    assert view.work.isEnabled()
    view.work.editor.undo.trigger()
    assert document.get(item.id).comment == "long thought about"


def test_closing_says_that_an_export_is_being_written(
    view: ReviewView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert view.question() == ""
    go_on = threading.Event()

    def slow(*args: object, **options: object) -> list[Path]:
        go_on.wait(20)
        return []

    monkeypatch.setattr("megc_live.gui.review.export_dialog.export", slow)
    dialog = view.export()
    assert dialog is not None
    dialog.start()
    assert "exported" in view.question()
    go_on.set()
    qtbot.waitUntil(lambda: view.question() == "", timeout=10_000)
    dialog.reject()


def test_a_damaged_review_is_set_aside(view: ReviewView, qtbot: QtBot, folder: Path) -> None:
    view.work.editor.set_status("accepted")
    journal = folder / "review.jsonl"
    assert view.document is not None
    view.document.close()
    damaged = b"{broken\n" + journal.read_bytes()
    journal.write_bytes(damaged)
    view.open(folder)
    qtbot.waitUntil(view.banner.isVisible, timeout=10_000)
    assert "aside" in view.banner.button.text()
    qtbot.waitUntil(lambda: not view._reader.busy, timeout=5_000)
    view.banner.button.click()
    qtbot.waitUntil(lambda: view.document is not None and not view.document.read_only, timeout=20_000)
    assert not journal.exists() and {item.status for item in view.document.intervals} == {"open"}
    kept = list(folder.glob("review-*.jsonl"))
    assert [path.read_bytes() for path in kept] == [damaged]


def test_an_export_is_not_opened_as_results_but_leads_to_them(
    view: ReviewView, qtbot: QtBot, folder: Path
) -> None:
    view.work.editor.set_status("rejected")
    dialog = view.export()
    assert dialog is not None
    dialog.pictures.setChecked(False)
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    out = Path(dialog.folder.text())
    dialog.reject()
    view.open(out)
    qtbot.waitUntil(lambda: view.banner.button.text() == "Open what was reviewed", timeout=10_000)
    assert "export of a review" in view.banner.text.text()
    qtbot.waitUntil(lambda: not view._reader.busy)
    view.banner.button.click()
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page and not view._reader.busy)
    assert view.document is not None and view.document.folder == folder and not view.document.read_only


def test_an_export_asks_before_it_replaces(view: ReviewView, qtbot: QtBot) -> None:
    dialog = view.export()
    assert dialog is not None and view.document is not None
    out = Path(dialog.folder.text())
    assert "Coder" in out.name, "each reviewer has a folder of their own"
    out.mkdir()
    (out / "report.html").write_text("edited elsewhere", encoding="utf-8")
    dialog.pictures.setChecked(False)
    dialog.start()
    assert not dialog.writing and dialog.go.text() == "Replace" and "report.html" in dialog.told.text()
    assert (out / "report.html").read_text(encoding="utf-8") == "edited elsewhere"
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    assert "Reviewed" in (out / "report.html").read_text(encoding="utf-8")
    dialog.reject()


def test_an_export_goes_into_the_home_that_a_tilde_means(
    view: ReviewView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    dialog = view.export()
    assert dialog is not None
    dialog.boxes["html"].setChecked(False)
    dialog.folder.setText("~nobody-of-this-name/out")
    dialog.start()
    assert not dialog.writing and "without ~" in dialog.told.text()
    dialog.folder.setText("~/out")
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    assert (tmp_path / "home" / "out" / "review.csv").is_file()
    dialog.reject()


def test_a_file_that_was_not_named_is_not_replaced(
    view: ReviewView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while the others are written: the question was about report.html alone."""
    dialog = view.export()
    assert dialog is not None and view.document is not None
    out = Path(dialog.folder.text())
    out.mkdir()
    (out / "report.html").write_text("an earlier one", encoding="utf-8")
    real = export_dialog.export

    def slow(*args: Any, **how: Any) -> list[Path]:
        (out / "review.csv").write_text("of somebody else", encoding="utf-8")
        return real(*args, **how)

    monkeypatch.setattr(export_dialog, "export", slow)
    dialog.pictures.setChecked(False)
    dialog.start()
    assert "report.html" in dialog.told.text() and "review.csv" not in dialog.told.text()
    dialog.start()
    qtbot.waitUntil(lambda: "meanwhile" in dialog.told.text() and not dialog.writing, timeout=30_000)
    assert "review.csv" in dialog.told.text() and dialog.files == []
    kept = {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()}
    assert kept == {"report.html": "an earlier one", "review.csv": "of somebody else"}
    dialog.start()
    assert "review.csv" in dialog.told.text() and "report.html" in dialog.told.text()
    dialog.start()
    qtbot.waitUntil(lambda: bool(dialog.files), timeout=30_000)
    assert (out / "review.csv").read_text(encoding="utf-8") != "of somebody else"
    dialog.reject()
