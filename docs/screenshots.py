"""Make every picture of docs/guide.md: drive the real window through the demo clip, offscreen.

    python docs/screenshots.py [--out FOLDER]

Needs neither a screen nor a camera nor the network. It takes about three minutes, the first time one more
for the demo clip, which is kept in the temporary folder. Everything else that it writes there is made anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QEvent, QPoint, Qt
from PyQt6.QtGui import QColor, QPainter, QPixmap
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QTableView, QWidget

from megc_live.batch_items import ItemView
from megc_live.gui import theme
from megc_live.gui.app import make_app
from megc_live.gui.consent import ConsentDialog
from megc_live.gui.main_window import MainWindow
from megc_live.gui.preferences import Places, Preferences
from megc_live.gui.review.stage import AGREEMENT, FACES, FLOW, MAGNIFIED, VIDEO
from megc_live.gui.settings_dialog import SettingsDialog
from megc_live.gui.shortcuts import ShortcutSheet
from megc_live.gui.start_demo import SEED, DemoClip
from megc_live.settings import Settings
from megc_live.synthesis.demo import make_demo_clip
from megc_live.threads import share_cores

Dialog = TypeVar("Dialog", bound=QDialog)

SIZE = (1280, 720)
PICTURES = (
    "start",
    "consent",
    "live",
    "live-end",
    "review",
    "review-corrected",
    "review-faces",
    "review-magnified",
    "review-flow",
    "review-agreement",
    "review-export",
    "process",
    "process-dark",
    "settings",
    "keyboard",
)
_LONG_S = 120.0
_SETTLE_MS = 400


class Tour:
    """One walk through the window; each step leaves a picture.

    Parameters
    ----------
    work : Path
        Temporary folder: settings, demo clip, results.
    out : Path
        Where the pictures go.
    """

    def __init__(self, work: Path, out: Path) -> None:
        self.out = out
        self.taken: list[str] = []
        for name in ("config", "state", "home"):
            shutil.rmtree(work / name, ignore_errors=True)
        self.home = work / "home"
        places = Places(work / "config", work / "state", work / "cache", self.home)
        self.clip = DemoClip(work / "cache")
        theme.apply("light")
        self.window = MainWindow(places, Preferences(places), Settings(), clip=self.clip, listing=list)
        self.window.resize(*SIZE)
        self.window.show()

    def walk(self) -> None:
        """Go all the way and close the window."""
        try:
            self._start()
            self._live()
            self._review()
            self._process()
            self._rest()
        finally:
            self.window.end()
            self.window.close()

    # Steps, in the order of the guide.

    def _start(self) -> None:
        start = self.window.start
        start.camera.cameras.refresh()
        self.clip.start()
        self.until(lambda: self.clip.state == "ready")
        self.take("start")
        start.ask_live("camera:0")
        form = self.dialog(ConsentDialog)
        form.participant.setText("P07")
        form.purpose.setText("Study on emotion regulation, ethics vote 12/2026")
        for tick in form.ticks.values():
            tick.setChecked(True)
        self.take("consent", over=form)
        form.reject()

    def _live(self) -> None:
        live = self.window.live
        record = next(action for action in live.actions() if action.text() == "Record")
        self.window.start.demo.live.click()
        self.until(lambda: live.picture.isVisible() and record.isEnabled())
        self.press(Qt.Key.Key_F9)  # record
        self.until(lambda: self.rows(live.table) >= 4)
        self.take("live")
        self.press(Qt.Key.Key_F6)  # stop
        self.until(lambda: not live.is_running() and live.notice.isVisible())
        self.take("live-end")
        if (seen := live._snapshot) is not None and seen.dropped:
            print(f"{seen.dropped} frames were dropped in Live: run it again while nothing else runs")
        self.press(Qt.Key.Key_V)  # open in Review

    def _review(self) -> None:
        review = self.window.review
        work, player, stage = review.work, review.work.player, review.work.stage
        self.until(review.name_page.isVisible)
        review.name_page.name.setText("Dr. Example")
        review.name_page.go_on.click()
        self.until(work.list.table.isVisible)
        self.until(lambda: player.frame == player.position)
        self.take("review")

        micro = next(item.id for item in review.document.intervals if item.record.kind == "micro")
        work._select(frozenset({micro}), seek=True)
        self.press(Qt.Key.Key_Z)  # zoom
        self.press(Qt.Key.Key_A)  # accept
        self.press(Qt.Key.Key_Right, times=3)
        self.press(Qt.Key.Key_O)  # offset here
        review.work.comment.setText("Corner of the mouth; over three frames after the apex")
        review.work.comment.setModified(True)
        review.work._keep_comment()
        self.until(lambda: review.document.revision >= 3)
        self.press(Qt.Key.Key_Down)
        self.press(Qt.Key.Key_R)  # reject
        self.press(Qt.Key.Key_Up)
        self.take("review-corrected")

        for name, page in (("faces", FACES), ("magnified", MAGNIFIED), ("flow", FLOW)):
            stage.tabs.setCurrentIndex(page)
            self.until(lambda: not stage.computing)
            self.take(f"review-{name}")
        stage.tabs.setCurrentIndex(AGREEMENT)
        self.until(lambda: not stage.agreement.busy and stage.agreement.compared is not None)
        self.take("review-agreement")
        stage.tabs.setCurrentIndex(VIDEO)

        dialog = review.export()
        for box in dialog.boxes.values():
            box.setChecked(True)
        dialog.go.click()
        self.until(lambda: bool(dialog.files) and not dialog.writing)
        self.take("review-export", over=dialog)
        dialog.reject()

    def _process(self) -> None:
        process = self.window.process
        recordings = self.home / "recordings"
        recordings.mkdir(parents=True)
        make_demo_clip(recordings / "P07_neutral.mp4", seed=SEED, seconds=10.0)  # done while others run
        for name in ("P07_task", "P08_neutral", "P08_task"):
            shutil.copy(self.clip.path, recordings / f"{name}.mp4")
        (recordings / "P06_damaged.mp4").write_bytes(b"no video")
        self.window.open_source(str(recordings))
        self.until(lambda: self.rows(process.table) == 5 and process.panel.has_choices())
        process.panel.jobs.setValue(2)
        process.panel.exports["html"].setChecked(True)
        process.start.trigger()

        def running() -> list[ItemView]:
            return [item for item in process.model.items if item.state == "running"]

        self.until(lambda: any(item.state == "done" for item in process.model.items))
        self.until(lambda: sum(item.fraction > 0.1 for item in running()) == 2)
        process.table.select_ids([next(item.id for item in process.model.items if item.state == "done")])
        self.take("process")
        process.pause.trigger()
        failed = next(item.id for item in process.model.items if item.state == "failed")
        process.table.clearSelection()
        process.table.select_ids([failed])
        theme.apply("dark")
        self.take("process-dark")
        theme.apply("light")
        process.cancel_all.trigger()
        self.until(lambda: not process.is_running())

    def _rest(self) -> None:
        for name, kind, show in (
            ("settings", SettingsDialog, self.window.show_settings),
            ("keyboard", ShortcutSheet, self.window.show_shortcuts),
        ):
            show()
            dialog = self.dialog(kind)
            self.take(name, over=dialog)
            dialog.reject()

    # How a picture is made.

    def take(self, name: str, over: QWidget | None = None) -> None:
        """Save what the window shows, with a dialog over it if there is one."""
        QTest.qWait(_SETTLE_MS)
        picture = self.window.grab()
        if over is not None:
            with QPainter(picture) as painter:
                painter.fillRect(picture.rect(), QColor(0, 0, 0, 90))
                box = over.grab()
                at = QPoint((picture.width() - box.width()) // 2, (picture.height() - box.height()) // 2)
                painter.drawPixmap(at, box)
        save(picture, self.out / f"{name}.png")
        self.taken.append(name)
        print(f"{name}.png")

    def press(self, key: Qt.Key, times: int = 1) -> None:
        """Press a key where the focus is."""
        self.window.activateWindow()  # a dialog that was closed has left no window active
        self.until(lambda: self.window.isActiveWindow() and QApplication.focusWidget() is not None)
        for _ in range(times):
            QTest.keyClick(QApplication.focusWidget() or self.window, key)
            QTest.qWait(30)

    @staticmethod
    def rows(table: QTableView) -> int:
        """Return how many rows a table shows."""
        model = table.model()
        return 0 if model is None else model.rowCount()

    def dialog(self, kind: type[Dialog]) -> Dialog:
        """Return the dialog of that kind that has just been opened."""
        found: list[Dialog] = []

        def there() -> bool:
            found[:] = [one for one in self.window.findChildren(kind) if one.isVisible()]
            return bool(found)

        self.until(there)
        return found[0]

    def until(self, true: Callable[[], bool], seconds: float = _LONG_S) -> None:
        """Let the window work until something is so."""
        ends = time.monotonic() + seconds
        while not true():
            if time.monotonic() > ends:
                raise TimeoutError("the window did not come to what the guide says")
            QTest.qWait(20)


def save(picture: QPixmap, path: Path) -> None:
    """Write a picture whole or not at all; raises OSError."""
    part = path.with_suffix(".part.png")
    if not picture.save(str(part)):
        raise OSError(f"cannot write {str(path)!r}")
    os.replace(part, path)


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/guide.md.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    share_cores()  # as the program does
    app = make_app()  # outlives every widget, as Qt wants it
    tour = Tour(Path(tempfile.gettempdir()) / "megc-live-guide", out)
    tour.walk()
    tour.window.deleteLater()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    missing = sorted(set(PICTURES) - set(tour.taken))  # one of an earlier run is not this one's
    if missing:
        raise SystemExit(f"not made: {', '.join(missing)}")


if __name__ == "__main__":  # the workers of Process import this file again
    main()
