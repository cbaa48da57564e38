"""The picture that is shown is that of the number that is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from megc_live.gui.review.frames import FrameLoader, FrameMap
from megc_live.gui.review.view import ReviewView
from megc_live.video.reader import FrameReader
from tests.conftest import FaceClip
from tests.gui.review.conftest import number_in, wait_for_picture


def said(view: ReviewView) -> int:
    return int(view.work.player.where.text().split()[1])


@pytest.mark.parametrize("frame", [0, 1, 17, 100, 224])
def test_the_frame_shown_is_the_frame_asked_for(view: ReviewView, qtbot: QtBot, frame: int) -> None:
    view.work.player.go(frame)
    wait_for_picture(view, qtbot)
    assert number_in(view) == said(view) == frame
    assert f"{frame / 25:.3f}"[-4:] in view.work.player.where.text()


def test_keys_step_through_the_frames(view: ReviewView, qtbot: QtBot) -> None:
    player = view.work.player
    player.go(50)
    shift, none = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
    steps = [
        (Qt.Key.Key_Right, none, 51),
        (Qt.Key.Key_Right, shift, 61),
        (Qt.Key.Key_Left, none, 60),
        (Qt.Key.Key_Left, shift, 50),
        (Qt.Key.Key_End, none, 224),
        (Qt.Key.Key_Right, none, 224),
        (Qt.Key.Key_Home, none, 0),
        (Qt.Key.Key_Left, shift, 0),
    ]
    for key, modifier, expected in steps:
        qtbot.keyClick(view.work.list.table, key, modifier)
        wait_for_picture(view, qtbot)
        assert number_in(view) == said(view) == expected


def test_scrubbing_ends_on_the_last_place(view: ReviewView, qtbot: QtBot) -> None:
    player = view.work.player
    seen: list[tuple[int, int]] = []
    player.shown.connect(lambda frame: seen.append((frame, number_in(view))))
    for frame in (*range(0, 224, 7), 93):
        player.slider.setValue(frame)
    wait_for_picture(view, qtbot)
    assert number_in(view) == said(view) == 93
    assert all(frame == number for frame, number in seen), "a picture came under another's number"


def test_play_runs_by_the_clock_and_stops_at_the_end(view: ReviewView, qtbot: QtBot) -> None:
    player = view.work.player
    now = [100.0]
    player._now = lambda: now[0]
    player.go(200)
    wait_for_picture(view, qtbot)
    player.speed.setCurrentIndex(0)
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Space)
    assert player.playing
    now[0] += 2.0  # at a quarter of the speed: half a second, 12.5 frames
    qtbot.waitUntil(lambda: player.frame == 212, timeout=5000)
    assert number_in(view) == 212
    now[0] += 60.0
    qtbot.waitUntil(lambda: not player.playing and player.frame == 224, timeout=5000)
    assert number_in(view) == 224


def test_pause_stays_on_the_frame_that_is_shown(view: ReviewView, qtbot: QtBot) -> None:
    player = view.work.player
    now = [0.0]
    player._now = lambda: now[0]
    player.go(10)
    wait_for_picture(view, qtbot)
    player.toggle()
    now[0] += 0.81
    qtbot.waitUntil(lambda: player.frame == 30, timeout=5000)
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Space)
    assert not player.playing and player.position == player.frame == 30 == number_in(view)


def test_a_loop_stays_inside_the_interval(view: ReviewView, qtbot: QtBot) -> None:
    player, item = view.work.player, view.work.selected()
    assert item is not None
    onset, offset = item.span
    now = [0.0]
    player._now = lambda: now[0]
    shown: list[int] = []
    player.shown.connect(shown.append)
    qtbot.keyClick(view.work.list.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: player.frame == onset, timeout=5000)
    shown.clear()
    for _ in range(3):
        begun = len(shown)
        now[0] += (offset - onset) / 25 + 0.001
        qtbot.waitUntil(lambda: player.frame == offset, timeout=5000)
        now[0] += 0.05  # a frame further: over the end
        qtbot.waitUntil(lambda: player.frame == onset, timeout=5000)
        assert len(shown) > begun
    assert set(shown) <= set(range(onset, offset + 1))
    assert player.playing


def test_a_recording_with_gaps_shows_what_was_recorded(face_clip: FaceClip, qtbot: QtBot) -> None:
    # frames 5, 6, 9, 10, 11 ... of a live source are frames 0, 1, 2, 3, 4 ... of its recording
    in_file: list[int | None] = [None] * 5 + [0, 1, None, None] + list(range(2, 40))
    loader = FrameLoader(lambda: FrameReader(face_clip.path), FrameMap.of(in_file))
    try:
        for asked, source in ((5, 5), (6, 6), (8, 6), (9, 9), (20, 20), (0, 5)):
            loader.ask(asked)
            qtbot.waitUntil(lambda: not loader.waiting or loader._ready is not None, timeout=10_000)
            shown = loader.take()
            assert shown is not None and (shown.asked, shown.frame) == (asked, source)
    finally:
        assert loader.close(5.0)


def test_a_video_that_cannot_be_read_is_told(tmp_path: Path, qtbot: QtBot, view: ReviewView) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a video" * 100)
    with qtbot.waitSignal(view.work.player.failed, timeout=5000) as told:
        view.work.player.set_video(FrameLoader(lambda: FrameReader(bad)), view.work.player._times)
    assert "bad.mp4" in told.args[0]
    assert view.banner.isVisible() and "bad.mp4" in view.banner.text.text()
