"""Pictures of an interval, looked at again in a real video that the real engine has analysed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from megc_live.batch import How, analyse
from megc_live.engine import Engine
from megc_live.errors import ReviewError, SettingsError
from megc_live.events import Event
from megc_live.output import SessionInfo
from megc_live.recognition.flow import dense_flow, head_motion
from megc_live.review import (
    LookStopped,
    ReviewDocument,
    ReviewInterval,
    SetRecognition,
    SetTimes,
    aligned_faces,
    clip_frames,
    export,
    flow_picture,
    interval_pictures,
    magnified_clip,
    reclassify,
)
from megc_live.review.look import _Finding
from megc_live.settings import Settings
from megc_live.video import open_source
from tests.conftest import FaceClip
from tests.indexed import read_index, write_indexed
from tests.recorded import record_beside


@pytest.fixture(scope="module")
def folder(face_clip: FaceClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reviewed")
    outcome = analyse(str(face_clip.path), out, Settings(), How(), name="face")
    assert outcome.status == "done" and outcome.micro
    return out / "face"


@pytest.fixture(scope="module")
def events(face_clip: FaceClip) -> dict[int, Event]:
    """What the engine itself handed out, with its pictures."""
    with open_source(face_clip.path) as source, Engine(Settings(), source.info) as engine:
        found = [event for frame in source for event in engine.push(frame)] + engine.flush()
    return {event.id: event for event in found}


@pytest.fixture
def document(folder: Path) -> Iterator[ReviewDocument]:
    with ReviewDocument.open(folder, "Ada") as opened:
        yield opened
    (folder / "review.jsonl").unlink(missing_ok=True)


def micro(document: ReviewDocument) -> list[ReviewInterval]:
    return [item for item in document.intervals if item.record.kind == "micro"]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])


def test_the_flow_picture_is_the_one_that_the_classifier_saw(
    document: ReviewDocument, events: dict[int, Event]
) -> None:
    others = [events[item.id].recognition for item in micro(document)]
    for item in micro(document):
        seen = events[item.id].recognition
        assert seen is not None
        again = flow_picture(document, item)
        assert again.shape == (28, 28, 3) and again.dtype == np.uint8
        alike = likeness(again, seen.flow_image)
        assert alike > 0.9
        for other in others:
            if other is not None and other is not seen:
                assert likeness(again, other.flow_image) < alike - 0.1


def test_the_classifier_says_the_same_of_the_same_interval(document: ReviewDocument) -> None:
    for item in micro(document):
        answer = reclassify(document, item)
        assert answer.label == item.record.label
        assert answer.probabilities == pytest.approx(item.record.probabilities, abs=0.15)


def test_faces_are_those_of_the_event(document: ReviewDocument, events: dict[int, Event]) -> None:
    item = micro(document)[0]
    faces, theirs = aligned_faces(document, item), events[item.id].pictures
    assert theirs is not None
    for mark in ("onset", "apex", "offset"):
        mine, other = getattr(faces, mark), getattr(theirs, mark)
        assert mine.shape == (192, 160, 3) and mine.dtype == np.uint8
        assert likeness(mine, other) > 0.97
    both, flow = interval_pictures(document, item)
    np.testing.assert_array_equal(both.apex, faces.apex)
    np.testing.assert_array_equal(flow, flow_picture(document, item))


def test_a_moved_interval_is_seen_where_it_is_now(document: ReviewDocument) -> None:
    item = micro(document)[0]
    before = flow_picture(document, item)
    record = item.record
    document.apply(SetTimes(item.id, record.offset_frame, record.offset_frame + 3, record.offset_frame + 6))
    moved = document.get(item.id)
    assert moved.record.probabilities is None
    after = flow_picture(document, moved)
    assert likeness(before, after) < 0.8
    answer = reclassify(document, moved)
    np.testing.assert_array_equal(answer.flow_image, after)
    document.apply(SetRecognition(item.id, answer.label, answer.probabilities))
    assert document.get(item.id).record.probabilities == answer.probabilities


def test_the_clip_is_of_the_right_frames_and_grows_with_the_factor(document: ReviewDocument) -> None:
    item = micro(document)[0]
    frames = clip_frames(document, item)
    record = item.record
    assert frames[0] == pytest.approx(record.onset_frame - 0.3 * 25, abs=1)
    assert frames[-1] == pytest.approx(record.offset_frame + 0.3 * 25, abs=1)
    plain, small, large = (magnified_clip(document, item, factor) for factor in (0.0, 3.0, 10.0))
    for clip in (plain, small, large):
        assert clip.shape == (len(frames), 192, 160, 3) and clip.dtype == np.uint8
        np.testing.assert_array_equal(clip[0], plain[0])
    apex = frames.index(record.apex_frame)
    moves = [np.abs(clip[apex].astype(float) - clip[0]).mean() for clip in (plain, small, large)]
    assert moves[0] * 1.5 < moves[1] and moves[1] * 1.5 < moves[2]


def test_the_head_stands_still_in_a_clip(document: ReviewDocument, face_clip: FaceClip) -> None:
    """Over a planted turn of the head: what is left of it must not be enlarged to something to be seen."""
    (turn,) = [event for event in face_clip.planted if event.kind == "head"]
    record = replace(
        document.intervals[0].record,
        onset_frame=turn.onset,
        apex_frame=turn.apex,
        offset_frame=turn.offset,
        onset_s=turn.onset / 25,
        apex_s=turn.apex / 25,
        offset_s=turn.offset / 25,
    )
    clip = magnified_clip(document, record, 0.0)
    grey = [np.ascontiguousarray(picture[..., 1]) for picture in clip]
    left = [float(np.abs(head_motion(dense_flow(grey[0], picture))[:, 2]).max()) for picture in grey[1:]]
    assert max(left) < 0.1  # pixels of 64 to the eye distance


def test_the_reader_gives_the_frames_of_the_source(document: ReviewDocument, face_clip: FaceClip) -> None:
    assert document.video == face_clip.path and document.fps is None
    with document.reader() as reader:
        assert reader.n_frames == document.n_frames == face_clip.frames
        for frame in (0, 31, 118, document.n_frames - 1):
            at = document.video_frame(frame)
            assert at is not None and read_index(reader.frame(at).image.grey) == frame
            assert reader.pts_s(at) == pytest.approx(document.times_s[frame], abs=1e-6)


def test_several_threads_at_once(document: ReviewDocument) -> None:
    item = micro(document)[0]
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda _: flow_picture(document, item), range(3)))
    for picture in pictures:
        np.testing.assert_array_equal(picture, pictures[0])


def test_who_no_longer_wants_it_stops_it(document: ReviewDocument) -> None:
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(LookStopped):
        magnified_clip(document, micro(document)[0], 5.0, stopped=stopped)
    assert len(asked) == 3


def test_what_cannot_be_shown_says_why(document: ReviewDocument, folder: Path) -> None:
    item = micro(document)[0]
    with pytest.raises(SettingsError, match="magnification"):
        magnified_clip(document, item, -1.0)
    long = replace(item.record, onset_s=0.0, offset_s=10.5)
    with pytest.raises(ReviewError, match="too long"):
        clip_frames(document, long)
    session = SessionInfo.read(folder / "session.json")
    session.settings["recognition"]["recognizer"] = "none"
    document.session = session
    with pytest.raises(ReviewError, match="spotting only"):
        reclassify(document, item)


@dataclass(frozen=True)
class Seen:
    """As much of an observed face as is asked for."""

    face_id: int
    index: int
    x: float
    eye_px: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.x, 100.0, 80.0, 80.0

    @property
    def quality(self) -> Seen:
        return self


@dataclass(frozen=True)
class TwoFaces:
    """A large face 0 on the left in all frames; face 1 on the right, gone after frame 5."""

    faces: tuple[int, ...] = (0, 1)

    def rows(self, face: int) -> TwoFaces.Rows:
        box = np.full((10, 4), np.nan, dtype=np.float32)
        box[: 5 if face else 10] = (500 if face else 100, 100, 80, 80)
        return self.Rows(box)

    @dataclass(frozen=True)
    class Rows:
        box: np.ndarray


@pytest.mark.parametrize("begin", [0, 5])
def test_another_face_is_never_taken_for_the_one_that_is_gone(document: ReviewDocument, begin: int) -> None:
    finding = _Finding(cast(Any, TwoFaces()), replace(micro(document)[0].record, face_id=1))
    for index in range(begin, 10):
        seen = [Seen(7, index, 100.0, 60.0), *([Seen(8, index, 500.0, 40.0)] if index < 5 else [])]
        found = finding.of(cast(Any, seen))
        assert (found.face_id if found is not None else None) == (8 if index < 5 else None)


def test_a_face_that_is_not_there_is_told(document: ReviewDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    item = micro(document)[0]
    rows = document.rows(0)
    elsewhere = replace(rows, box=rows.box + np.float32(1000))
    monkeypatch.setattr(document, "rows", lambda face: elsewhere)
    with pytest.raises(ReviewError, match="face 0 is not seen"):
        flow_picture(document, item)


def test_a_video_that_was_moved_is_found_again(folder: Path, face_clip: FaceClip, tmp_path: Path) -> None:
    session = SessionInfo.read(folder / "session.json")
    here = tmp_path / "copy"
    here.mkdir()
    for name in ("intervals.csv", "frames.csv"):
        (here / name).write_bytes((folder / name).read_bytes())
    gone = str(tmp_path / "gone" / "video of old.mp4")
    session.source.spec, session.run = gone, {**session.run, "source": gone}
    session.write(here)
    with ReviewDocument.open(here, "Ada") as document:
        assert document.video is None and document.video_frame(3) is None
        with pytest.raises(ReviewError, match=r"video of old\.mp4.*Show where"):
            flow_picture(document, document.intervals[0])
        small = tmp_path / "small.mp4"
        write_indexed(small, 20)
        with pytest.raises(ReviewError, match="160 x 120"):
            document.locate_video(small)
        assert document.video is None
        document.locate_video(face_clip.path)
        assert document.video == face_clip.path and document.video_frame(3) == 3
    with ReviewDocument.open(here, "Ada") as again:
        assert again.video == face_clip.path
        assert not again.can_undo


def test_the_exported_report_has_pictures(document: ReviewDocument, tmp_path: Path) -> None:
    export(document, tmp_path / "with", ["html"])
    page = (tmp_path / "with" / "report.html").read_text()
    assert page.count('class="flow"') == len(micro(document))
    assert page.count("data:image/jpeg") == 3 * len(document.intervals)
    export(document, tmp_path / "without", ["html"], pictures=False)
    assert "data:image/jpeg" not in (tmp_path / "without" / "report.html").read_text()


def test_a_recording_of_a_camera_beside_its_results(
    folder: Path, face_clip: FaceClip, tmp_path: Path
) -> None:
    """The recording began late and has a gap: frames of the source have other numbers in the file."""
    here = tmp_path / "live"
    here.mkdir()
    for name in ("intervals.csv", "frames.csv", "session.json"):
        (here / name).write_bytes((folder / name).read_bytes())
    kept = [*range(50, 100), *range(130, 200)]
    record_beside(here, face_clip.path, kept)
    with ReviewDocument.open(here, "Ada") as document:
        assert (document.video_frame(49), document.video_frame(50), document.video_frame(130)) == (
            None,
            0,
            50,
        )
        with document.reader() as reader:
            at = document.video_frame(140)
            assert at is not None and read_index(reader.frame(at).image.grey) == 140
        last = micro(document)[-1]
        assert 130 < last.record.onset_frame < 200
        assert flow_picture(document, last).any()
        assert not set(clip_frames(document, last)) - set(kept)
        unseen = replace(last.record, onset_frame=110, apex_frame=112, offset_frame=115)
        with pytest.raises(ReviewError, match="not recorded"):
            flow_picture(document, unseen)
        early = replace(last.record, onset_frame=10, apex_frame=12, offset_frame=15)
        early = replace(early, onset_s=0.4, apex_s=0.48, offset_s=0.6)
        with pytest.raises(ReviewError, match=r"nothing from 0\.400 to 0\.600 s was recorded"):
            magnified_clip(document, early, 10.0)
    (here / "recording.csv").write_text("nonsense\n1\n")
    with ReviewDocument.open(here, "Ada") as document:
        assert document.video is None and "recording.csv" in document.notes[0]
