"""Whatever is missing from a recording, no picture is shown under another frame's number."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from megc_live.gui.review.stage import FACES, FLOW, MAGNIFIED
from megc_live.gui.review.view import ReviewView
from megc_live.output.session import SessionInfo
from megc_live.review import Add, ReviewDocument
from tests.conftest import FaceClip
from tests.gui.review.conftest import number_in, open_in, wait_for_picture
from tests.indexed import write_indexed
from tests.recorded import record_beside

BEGAN = 60
DROPPED = (90, 91)
PAUSED = range(120, 150)
LOST = (10, 11, 12)
KEPT = [k for k in range(BEGAN, 225) if k not in DROPPED and k not in PAUSED]


@pytest.fixture
def live_folder(folder: Path, face_clip: FaceClip, tmp_path: Path) -> Path:
    """A live session recorded only from its middle, with drops, a pause, and frames the camera lost."""
    here = Path(shutil.copytree(folder, tmp_path / "live"))
    record_beside(here, face_clip.path, KEPT)
    with (here / "frames.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    with (here / "frames.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *(r for r in rows if int(r[0]) not in LOST)])
    return here


def opened(new_view: Callable[[], ReviewView], folder: Path, qtbot: QtBot) -> ReviewView:
    view = new_view()
    view.open(folder)
    qtbot.waitUntil(lambda: view.pages.currentWidget() is view.work_page, timeout=20_000)
    return view


def test_a_frame_before_the_recording_has_no_picture(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    view = opened(new_view, live_folder, qtbot)
    player = view.work.player
    for frame, there in ((100, True), (30, False), (BEGAN, True), (91, False), (130, False), (150, True)):
        player.go(frame)
        if there:
            qtbot.waitUntil(lambda: player.frame == player.position, timeout=20_000)
            assert number_in(view) == frame
            assert "not recorded" not in player.where.text()
        else:
            assert player.picture.image is None and player.frame is None
            assert f"Frame {frame} was not recorded" in player.picture._text
        assert player.where.text().startswith(f"Frame {frame} ")
        qtbot.waitUntil(lambda: not player._timer.isActive(), timeout=5_000)
        assert (player.picture.image is not None) == there, "what was decoded before came late"


def test_the_other_pictures_say_so_too(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    view = opened(new_view, live_folder, qtbot)
    work = view.work
    work.editor.apply(Add(20, 25, 30, face_id=0))
    assert view.document is not None and work.selected() is not None
    for page, picture in (
        (FACES, work.stage.faces.cells["apex"].picture),
        (MAGNIFIED, work.stage.large.large.picture),
    ):
        work.stage.tabs.setCurrentIndex(page)
        qtbot.waitUntil(lambda: not work.stage.computing, timeout=30_000)
        assert picture.image is None and "recorded" in picture._text, page
    work.stage.tabs.setCurrentIndex(FLOW)
    qtbot.waitUntil(lambda: not work.stage.computing, timeout=30_000)
    assert work.stage.flow.flow is None and "recorded" in work.stage.flow.cells[0].picture._text


def test_an_answer_from_a_recording_says_so(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    view = opened(new_view, live_folder, qtbot)
    document, work = view.document, view.work
    assert document is not None
    kept = set(KEPT)
    seen = next(i for i in document.intervals if i.record.kind == "micro" and set(range(*i.span)) <= kept)
    work._select(frozenset({seen.id}), seek=True)
    work.stage.tabs.setCurrentIndex(FLOW)
    page = work.stage.flow
    assert not page.note.isVisible()
    qtbot.waitUntil(lambda: not work.stage.computing, timeout=30_000)
    assert page.flow is not None and page.flow.answer is not None
    assert page.note.isVisible() and "compressed" in page.note.text()
    work.editor.switch_kind()  # macro-expressions are not classified: there is nothing that may differ
    qtbot.waitUntil(lambda: not work.stage.computing, timeout=30_000)
    assert page.flow is not None and page.flow.answer is None and not page.note.isVisible()


def test_playing_over_a_gap_shows_nothing_of_before(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    player = opened(new_view, live_folder, qtbot).work.player
    now = [0.0]
    player._now = lambda: now[0]
    player.go(88)
    qtbot.waitUntil(lambda: player.frame == 88, timeout=20_000)
    player.play()
    now[0] = 3 / 25  # the recorder dropped two frames there: the picture before stays, with its number
    qtbot.waitUntil(lambda: player.position == 91, timeout=5_000)
    qtbot.waitUntil(lambda: player.frame in (88, 89), timeout=5_000)
    assert player.picture.image is not None
    now[0] = (140 - 88) / 25
    qtbot.waitUntil(lambda: player.position == 140, timeout=5_000)
    assert player.frame is None and "not recorded" in player.where.text()
    now[0] = (160 - 88) / 25
    qtbot.waitUntil(lambda: player.frame == 160, timeout=5_000)
    player.pause()


def test_steps_skip_what_the_camera_lost(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    view = opened(new_view, live_folder, qtbot)
    player = view.work.player
    player.go(9)
    player.step(1)
    assert player.position == 13
    player.step(-1)
    assert player.position == 9
    player.step(10)
    assert player.position == 22
    player.go(11)
    assert player.position in (9, 13) and player.slider.value() == player.position
    for frame in (0, 224):
        player.go(frame)
        player.step(-1 if frame == 0 else 1)
        assert player.position == frame


def test_a_mark_on_a_lost_frame_goes_to_one_that_is_there(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot
) -> None:
    view = opened(new_view, live_folder, qtbot)
    document = view.document
    assert document is not None
    view.work.player.go(10)
    view.work.editor.add_at_playhead()
    item = view.work.selected()
    assert item is not None
    assert not set(LOST) & {item.record.onset_frame, item.record.apex_frame, item.record.offset_frame}


def test_another_recording_of_the_same_name_is_not_shown(
    view: ReviewView, qtbot: QtBot, folder: Path, face_clip: FaceClip, tmp_path: Path
) -> None:
    session = SessionInfo.read(folder / "session.json")
    other = tmp_path / "elsewhere" / Path(session.source.spec).name
    other.parent.mkdir()
    grey = np.full((session.source.height, session.source.width, 3), 90, np.uint8)
    write_indexed(other, 150, 25.0, picture=lambda k: grey, stamped=False)
    session.source.spec, session.run = str(other), {}
    document = view.document
    assert document is not None
    document.close()
    session.write(folder)
    view.open(folder)
    qtbot.waitUntil(lambda: "another recording" in view.banner.text.text(), timeout=20_000)
    player = view.work.player
    assert player.picture.image is None and "150 frames" in player.picture._text
    assert view.banner.button.isVisible() and "Locate" in view.banner.button.text()
    view.locate(other)
    qtbot.waitUntil(view.work.isEnabled, timeout=20_000)
    assert "another recording" in view.banner.text.text() and player.picture.image is None
    view.locate(face_clip.path)
    wait_for_picture(view, qtbot)
    assert number_in(view) == player.position and not view.banner.isVisible()


def test_a_recording_that_was_moved_is_located_with_its_own_frames(
    new_view: Callable[[], ReviewView], live_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    moved = archive / "subject-7.mp4"
    (live_folder / "recording.mp4").rename(moved)
    view = opened(new_view, live_folder, qtbot)
    assert view.document is not None and view.document.video is None
    assert "Locate" in view.banner.button.text()
    view.locate(moved)
    qtbot.waitUntil(lambda: view.work.isEnabled() and view.work.player._loader is not None, timeout=20_000)
    view.work.player.go(170)
    wait_for_picture(view, qtbot)
    assert number_in(view) == 170
    view.document.close()
    with ReviewDocument.open(live_folder, "B") as again:  # it is remembered, with the table that was left
        assert again.video == moved and again.video_frame(170) == KEPT.index(170)


def test_a_folder_that_may_not_be_looked_into_is_no_end(
    new_view: Callable[[], ReviewView],
    folder: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = SessionInfo.read(folder / "session.json")
    session.source = replace(session.source, spec="/closed/face.mp4")
    session.run = {}
    session.write(folder)
    exists = Path.exists

    def closed(path: Path) -> bool:
        if path.name == "face.mp4":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", closed)
    view = opened(new_view, folder, qtbot)
    assert view.document is not None and view.document.video is None
    assert "not where it was" in view.banner.text.text()


def test_the_reopened_document_is_the_same(view: ReviewView, folder: Path, qtbot: QtBot) -> None:
    assert view.document is not None
    view.work.editor.set_status("accepted")
    view.work.editor.apply(Add(20, 25, 30, face_id=0))
    before = view.document
    wanted = before.intervals
    open_in(view, folder, qtbot)
    assert view.document is not before and view.document.intervals == wanted
    assert number_in(view) == view.work.player.position


@pytest.mark.parametrize("complete", [True, False])
def test_a_run_that_was_stopped_has_fewer_frames_than_its_video(
    new_view: Callable[[], ReviewView], folder: Path, qtbot: QtBot, complete: bool
) -> None:
    with (folder / "frames.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    with (folder / "frames.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *(r for r in rows if int(r[0]) < 150)])
    lines = (folder / "intervals.csv").read_text().splitlines()
    kept = [line for line in lines[1:] if int(line.split(",")[4]) < 150]
    (folder / "intervals.csv").write_text("\n".join([lines[0], *kept]) + "\n")
    session = SessionInfo.read(folder / "session.json")
    session.run = {**session.run, "complete": complete}
    session.write(folder)
    view = opened(new_view, folder, qtbot)
    if complete:
        qtbot.waitUntil(lambda: "another recording" in view.banner.text.text(), timeout=20_000)
    else:
        view.work.player.go(120)
        wait_for_picture(view, qtbot)
        assert number_in(view) == 120 and not view.banner.isVisible()
