"""The dialog that writes a review out, where something lies already in the folder that was named."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from megc_live.gui.review.export_dialog import ExportDialog
from megc_live.gui.review.view import ReviewView
from megc_live.review import ReviewDocument, SetStatus, export, import_intervals


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def dialog(view: ReviewView, qtbot: QtBot) -> ExportDialog:
    """Open and active, so that keys go where they go for a person; no pictures, which take long."""
    made = view.export()
    assert made is not None
    made.pictures.setChecked(False)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def press_enter(dialog: ExportDialog) -> None:
    """In what has the keyboard."""
    QTest.keyClick(dialog.focusWidget() or dialog, Qt.Key.Key_Return)


def by_somebody(folder: Path, out: Path, reviewer: str, formats: list[str]) -> dict[str, bytes]:
    with ReviewDocument.open(folder, reviewer, own=True) as document:
        document.apply(SetStatus(document.intervals[0].id, "rejected"))
        export(document, out, formats)
    return contents(out)


def written(dialog: ExportDialog, qtbot: QtBot) -> Path:
    qtbot.waitUntil(lambda: bool(dialog.files) and not dialog.writing, timeout=30_000)
    return Path(dialog.folder.text())


@pytest.mark.parametrize("theirs", [["csv", "json", "elan", "bids"], ["json"], ["html"]])
def test_another_person_s_export_is_left_and_a_folder_of_one_s_own_offered(
    view: ReviewView, qtbot: QtBot, tmp_path: Path, theirs: list[str]
) -> None:
    document = view.document
    assert document is not None
    results, annas = document.folder, tmp_path / "reviewed-Anna"
    document.close()
    before = by_somebody(results, annas, "Anna", theirs)
    view.open(results)
    qtbot.waitUntil(lambda: view.document is not document and not view._reader.busy, timeout=20_000)
    dialog = view.export()
    assert dialog is not None
    dialog.pictures.setChecked(False)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    own = Path(dialog.folder.text())
    dialog.folder.setText(str(annas))
    dialog.folder.setFocus()
    press_enter(dialog)
    assert not dialog.writing and "Anna's export is in 'reviewed-Anna'" in dialog.told.text()
    assert not dialog.go.isVisible() and dialog.other.text() == f"Export into {own.name}"
    dialog.boxes["json"].toggle()  # something else is to be written: it is looked at again
    assert dialog.go.isVisible() and dialog.told.text() == "" and not dialog.other.isVisible()
    dialog.folder.setFocus()
    press_enter(dialog)
    assert not dialog.go.isVisible() and dialog.other.hasFocus()
    press_enter(dialog)
    assert written(dialog, qtbot) == own and (own / "review.csv").is_file()
    assert contents(annas) == before
    assert dialog.go.isVisible() and not dialog.other.isVisible()
    dialog.reject()


@pytest.mark.parametrize("clicked", [False, True])
def test_files_of_nobody_knows_whom_are_not_replaced_by_enter(
    dialog: ExportDialog, qtbot: QtBot, tmp_path: Path, clicked: bool
) -> None:
    own, out = Path(dialog.folder.text()), tmp_path / "out"
    out.mkdir()
    (out / "report.html").write_text("a thesis", encoding="utf-8")
    dialog.folder.setText(str(out))
    if clicked:
        dialog.go.setFocus()
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    else:
        dialog.folder.setFocus()
        press_enter(dialog)
    assert dialog.go.text() == "Replace" and not dialog.writing
    assert "report.html" in dialog.told.text() and "not from an earlier export" in dialog.told.text()
    press_enter(dialog)
    assert written(dialog, qtbot) == own
    assert contents(out) == {"report.html": b"a thesis"}
    dialog.folder.setText(str(out))
    dialog.start()
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert written(dialog, qtbot) == out
    qtbot.waitUntil(lambda: b"a thesis" not in contents(out)["report.html"], timeout=30_000)
    dialog.reject()


def test_one_s_own_earlier_export_is_replaced_by_enter_and_what_stays_of_it_is_told(
    view: ReviewView, dialog: ExportDialog, qtbot: QtBot
) -> None:
    for name, box in dialog.boxes.items():
        box.setChecked(name in ("csv", "json", "elan"))
    dialog.start()
    out = written(dialog, qtbot)
    dialog.files = []
    dialog.boxes["elan"].setChecked(False)
    dialog.folder.setFocus()
    press_enter(dialog)
    assert dialog.told.text().startswith("⚠ Your export of 20") and dialog.go.text() == "Replace"
    assert "intervals.eaf" not in dialog.told.text(), "it says what the review says now"
    dialog.reject()

    view.work.editor.set_status("rejected")
    before = contents(out)
    again = view.export()
    assert again is not None and view.document is not None
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    for name, box in again.boxes.items():
        box.setChecked(name == "csv")
    again.folder.setFocus()
    press_enter(again)
    stays = again.told.text().partition("no longer agree with the review: ")[2]
    assert stays == "events.json, intervals.eaf." and "review.csv" in again.told.text()
    press_enter(again)
    assert written(again, qtbot) == out
    assert tuple(import_intervals(out / "review.csv")) == view.document.intervals
    assert all(contents(out)[name] == before[name] for name in ("events.json", "intervals.eaf"))

    for name, box in again.boxes.items():
        box.setChecked(name == "bids")
    again.start()  # nothing would be replaced, yet what is beside it does not agree
    assert again.go.text() == "Export all the same" and "Replaced" not in again.told.text()
    again.boxes["elan"].setChecked(True)
    again.boxes["json"].setChecked(True)
    assert again.go.text() == "Export" and again.told.text() == ""
    again.start()
    assert "no longer agree" not in again.told.text()
    again.start()
    qtbot.waitUntil(lambda: len(again.files) == 4 and not again.writing, timeout=30_000)
    assert contents(out)["events.json"] != before["events.json"]
    again.reject()
