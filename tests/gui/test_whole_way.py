"""The whole way in one window: from the camera through Live and Review to an export, and back in."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from megc_live.gui.review.view import ReviewView
from megc_live.live_session import LiveSession
from megc_live.video import open_source
from tests.conftest import FaceClip
from tests.gui.conftest import CAMERA, Windows
from tests.gui.forms import consent
from tests.gui.review.conftest import frames_of, interval, number_in, wait_for_picture
from tests.simulated import SimulatedCamera, jump_clock

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SLOW_MS = 120_000
HELD_AT = 5
"""Number of the frame before which the camera waits until it is being recorded."""


def press(qtbot: QtBot, view: ReviewView, key: Qt.Key) -> None:
    qtbot.keyClick(view.work.list.table, key)


def go(qtbot: QtBot, view: ReviewView, frame: int) -> None:
    view.work.player.go(frame)
    wait_for_picture(view, qtbot)
    assert number_in(view) == frame, "the recording's picture is that of the camera's frame"


@pytest.mark.parametrize("fps", [30.0, 200.0])
def test_camera_live_recording_review_export_import(
    new_window: Windows, qtbot: QtBot, tmp_path: Path, face_clip: FaceClip, fps: float
) -> None:
    clock, recorded = jump_clock(), threading.Event()

    def hold(number: int) -> None:
        if number == HELD_AT:
            assert recorded.wait(SLOW_MS / 1000)
        session = window.live._session
        while session is not None and len(stages := session.stages()) > 1 and stages[1].in_flight > 20:
            threading.Event().wait(0.002)

    with open_source(face_clip.path) as source:
        pictures = [frame.image.rgb() for frame in source]
    pictures = [picture for picture in pictures for _ in range(round(fps / 25))]
    camera = SimulatedCamera(fps, pictures=pictures, clock=clock, before_frame=hold)
    window = new_window(cameras=[CAMERA], opening=lambda spec: camera.open())
    live, review = window.live, window.review
    live._make_session = lambda *what, **how: LiveSession(*what, now=clock.now, **how)

    def snapshot() -> Any:
        return live._snapshot

    try:
        qtbot.mouseClick(window.start.camera.start_button, LEFT)
        consent(qtbot, labels=True)
        record = next(found for found in live.actions() if found.text() == "Record")
        qtbot.waitUntil(record.isEnabled, timeout=SLOW_MS)
        window.activateWindow()  # the form that was closed has left no window active
        qtbot.waitUntil(live.hasFocus)
        qtbot.keyClick(live, record.shortcut()[0].key())
    finally:
        recorded.set()
    qtbot.waitUntil(lambda: snapshot().recording is not None, timeout=20_000)
    qtbot.waitUntil(lambda: live.table.events.rowCount() >= 2, timeout=SLOW_MS)
    qtbot.keyClick(live, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: snapshot().state == "ended", timeout=SLOW_MS)
    listed = live.table.events.rowCount()
    qtbot.keyClick(live, Qt.Key.Key_V)
    assert window.workspace() == "Review"
    qtbot.waitUntil(lambda: review.pages.currentWidget() is review.work_page, timeout=SLOW_MS)
    document = review.document
    assert document is not None and len(document.intervals) == listed == snapshot().n_events

    first, second = (item.id for item in document.intervals[:2])
    review.work._select(frozenset({first}), seek=True)
    onset, apex, offset = frames_of(review, first)
    press(qtbot, review, Qt.Key.Key_A)
    go(qtbot, review, onset + 1)
    press(qtbot, review, Qt.Key.Key_I)
    assert frames_of(review, first) == (onset + 1, apex, offset)
    go(qtbot, review, offset + 2)
    press(qtbot, review, Qt.Key.Key_O)
    assert frames_of(review, first) == (onset + 1, apex, offset + 2)
    qtbot.keyClick(review.work.list.table, Qt.Key.Key_Z, CTRL)
    assert frames_of(review, first) == (onset + 1, apex, offset)
    review.work._select(frozenset({second}), seek=True)
    press(qtbot, review, Qt.Key.Key_R)
    press(qtbot, review, Qt.Key.Key_2)
    wanted = document.intervals
    assert interval(review, second).record.label == "positive"
    assert {item.status for item in wanted} >= {"accepted", "rejected"}

    dialog = review.export()
    assert dialog is not None
    for box in dialog.boxes.values():
        box.setChecked(True)
    dialog.pictures.setChecked(False)
    dialog.folder.setText(str(tmp_path / "out"))
    qtbot.mouseClick(dialog.go, LEFT)
    qtbot.waitUntil(lambda: bool(dialog.files) and not dialog.writing, timeout=SLOW_MS)
    dialog.reject()
    for name in ("review.csv", "events.json", "intervals.eaf", "bids/events.tsv", "report.html"):
        while document.can_undo:
            review.work.editor.undo.trigger()
        assert {item.status for item in document.intervals} == {"open"}
        review.import_file(tmp_path / "out" / name)
        qtbot.waitUntil(lambda: document.can_undo, timeout=SLOW_MS)
        assert document.intervals == wanted, name
