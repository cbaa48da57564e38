"""The engine on a real face: the same answers however frames arrive, and every index true."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megc_live import Engine, Settings, open_source
from megc_live.engine_stats import EngineStats
from megc_live.events import Event, FrameRow
from megc_live.face.observation import CROP_HEIGHT, CROP_WIDTH
from megc_live.face.regions import REGIONS
from megc_live.live import LiveRunner
from megc_live.models import LANDMARKER_FILE, LANDMARKER_SHA256
from megc_live.video import Frame, FrameReader, LivePlayer, ManualClock
from tests.conftest import FaceClip
from tests.faces import frame as face_frame
from tests.faces import scene
from tests.indexed import read_index

# A low threshold, so that there are plenty of intervals to compare.
EAGER = Settings.from_dict({"spotting": {"threshold": 0.08}})


def digest(events: Iterable[Event]) -> list[tuple[object, ...]]:
    """All that an event says, in a form that compares exactly."""
    return [
        (
            e.id,
            e.face_id,
            e.interval,
            e.decided_s,
            e.note,
            e.recognition and (e.recognition.label, e.recognition.probabilities),
            e.pictures
            and (e.pictures.onset.tobytes(), e.pictures.apex.tobytes(), e.pictures.offset.tobytes()),
        )
        for e in events
    ]


def offline(clip: FaceClip, settings: Settings = EAGER) -> tuple[list[Event], list[FrameRow]]:
    with open_source(clip.path) as source, Engine(settings, source.info) as engine:
        events = [event for frame in source for event in engine.push(frame)] + engine.flush()
        return events, engine.take_rows()


@pytest.fixture(scope="module")
def reference(face_clip: FaceClip) -> tuple[list[Event], list[FrameRow]]:
    return offline(face_clip)


def test_there_is_something_to_compare(reference: tuple[list[Event], list[FrameRow]]) -> None:
    events, _ = reference
    assert len(events) >= 3
    assert any(e.recognition is not None for e in events)


def test_as_live_finds_the_same(face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]) -> None:
    events: list[Event] = []
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        player = LivePlayer(source, ManualClock(jump=True))
        # The clock jumps, so the whole clip arrives at once: the queue must hold all of it.
        runner = LiveRunner(
            player, lambda frame: events.extend(engine.push(frame)), queue_seconds=60.0, fps=face_clip.fps
        )
        runner.start()
        assert runner.join(120.0)
        events += engine.flush()
        stats = {s.name: s for s in runner.stats()}
    assert stats["process"].processed == face_clip.frames
    assert digest(events) == digest(reference[0])


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_chunking_finds_the_same(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]], data: st.DataObject
) -> None:
    """Frames come in chunks of any size, rows are taken at any time: nothing changes."""
    events: list[Event] = []
    rows: list[FrameRow] = []
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        frames = iter(source)
        while chunk := list(itertools.islice(frames, data.draw(st.integers(1, 60)))):
            for frame in chunk:
                # A stamp of another hour, as a slower machine would give it, must not matter.
                events += engine.push(replace(frame, t_capture=data.draw(st.sampled_from([0.0, 1e6]))))
            if data.draw(st.booleans()):
                rows += engine.take_rows()
        events += engine.flush()
        rows += engine.take_rows()
    assert digest(events) == digest(reference[0])
    assert [row.frame for row in rows] == [row.frame for row in reference[1]]


def test_overlapping_work_finds_the_same(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    with open_source(face_clip.path) as source, Engine(EAGER, source.info, overlap=True) as engine:
        events, rows = [], []
        for frame in source:
            events += engine.push(frame)
            rows += engine.take_rows()
        events += engine.flush()
        rows += engine.take_rows()
    assert digest(events) == digest(reference[0])
    np.testing.assert_equal([vars(row) for row in rows], [vars(row) for row in reference[1]])


def test_two_runs_share_nothing(face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]) -> None:
    assert digest(offline(face_clip)[0]) == digest(reference[0])


def test_every_index_is_the_number_in_the_pixels(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    """Ring, seek and interval mean the same frame."""
    seen: list[tuple[Event, dict[str, int]]] = []
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        for frame in source:
            assert read_index(frame.image.grey) == frame.index
            for event in engine.push(frame):
                at = {name: getattr(event.interval, name) for name in ("onset", "apex", "offset")}
                for index in at.values():
                    assert read_index(engine.ring.get(index).image.grey) == index
                seen.append((event, at))
    with FrameReader(face_clip.path) as reader:
        for event, at in seen:
            for name, index in at.items():
                again = reader.frame(index)
                assert read_index(again.image.grey) == index
                assert again.pts_s == pytest.approx(getattr(event.interval, f"{name}_s"), abs=1e-9)


def test_pictures_show_the_frames_they_name(face_clip: FaceClip) -> None:
    """The report's pictures are cut out of exactly the frames that the interval names, read anew."""
    checked = 0
    with (
        open_source(face_clip.path) as source,
        Engine(EAGER, source.info) as engine,
        FrameReader(face_clip.path) as reader,
    ):
        for event in itertools.chain.from_iterable(map(engine.push, source)):
            assert event.pictures is not None
            for name in ("onset", "apex", "offset"):
                face = engine.face_near(event.face_id, getattr(event.interval, f"{name}_s"))
                assert face is not None
                pixels = reader.frame(getattr(event.interval, name)).image
                assert read_index(pixels.grey) == getattr(event.interval, name)
                again = cv2.warpAffine(
                    pixels.rgb(),
                    face.transform,
                    (CROP_WIDTH, CROP_HEIGHT),
                    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                    borderMode=cv2.BORDER_REPLICATE,
                )
                np.testing.assert_array_equal(getattr(event.pictures, name), again)
                checked += 1
    assert checked >= 6


def test_one_row_a_frame(face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]) -> None:
    rows = reference[1]
    assert [row.frame for row in rows] == list(range(face_clip.frames))
    assert all(row.success == 1 and row.face_id == 0 for row in rows)
    assert all(len(row.activity) == len(REGIONS) for row in rows)
    assert np.isfinite([row.activity for row in rows[5:]]).all()
    times = [row.timestamp for row in rows]
    np.testing.assert_allclose(np.diff(times), 1 / face_clip.fps, atol=1e-6)


def test_intervals_are_well_formed(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    for event in reference[0]:
        interval = event.interval
        assert 0 <= interval.onset <= interval.apex <= interval.offset < face_clip.frames
        assert interval.n_dropped == 0
        if event.recognition is not None:
            assert sum(event.recognition.probabilities) == pytest.approx(1.0)
            assert event.recognition.flow_image.shape == (28, 28, 3)
    assert [e.id for e in reference[0]] == list(range(1, len(reference[0]) + 1))


def test_decisions_keep_the_stated_delay(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    with Engine(EAGER) as engine:
        delay = engine.delay_s
    for event in reference[0]:
        if event.interval.kind == "micro" and event.decided_s < (face_clip.frames - 2) / face_clip.fps:
            assert event.decided_s - event.interval.offset_s <= delay + 1 / face_clip.fps


def test_without_a_recognizer_there_is_no_label(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    bare = EAGER.model_copy(
        update={"recognition": EAGER.recognition.model_copy(update={"recognizer": "none"})}
    )
    events, _ = offline(face_clip, bare)
    assert [e.interval for e in events] == [e.interval for e in reference[0]]
    assert all(e.recognition is None for e in events)


def test_dropped_frames_are_counted(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    target = reference[0][0].interval
    missing = {target.onset + 1, target.onset + 2}
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        events = [e for f in source if f.index not in missing for e in engine.push(f)] + engine.flush()
    for event in events:
        inside = sum(event.interval.onset < k < event.interval.offset for k in missing)
        assert event.interval.n_dropped == inside


def test_frames_that_a_stream_lost_are_counted_by_their_times(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    target = reference[0][0].interval
    missing = {target.onset + 1, target.onset + 2}
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        kept = (frame for frame in source if frame.index not in missing)
        events = [e for k, f in enumerate(kept) for e in engine.push(replace(f, index=k))] + engine.flush()
    hole = (target.onset / face_clip.fps, (target.onset + 3) / face_clip.fps)
    for event in events:
        covers = event.interval.onset_s <= hole[0] + 1e-6 and event.interval.offset_s >= hole[1] - 1e-6
        assert event.interval.n_dropped == (2 if covers else 0)


def test_frames_without_a_face_have_rows_too() -> None:
    blank = np.full((240, 320, 3), 120, np.uint8)
    with Engine(EAGER) as engine:
        for i in range(20):
            assert engine.push(face_frame(i, blank)) == []
        rows = engine.take_rows()
        assert engine.flush() == []
        assert engine.describe()["faces_seen"] == 0
    assert [(row.frame, row.face_id, row.success) for row in rows] == [(i, -1, 0) for i in range(20)]
    assert all(np.isnan(row.activity).all() and np.isnan(row.eye_px) for row in rows)


def test_a_gap_in_time_moves_no_interval(
    face_clip: FaceClip, reference: tuple[list[Event], list[FrameRow]]
) -> None:
    """A stalled stream goes on 20 s later: what was seen before keeps its frames."""
    stop = reference[0][0].interval.offset + 3
    with open_source(face_clip.path) as source, Engine(EAGER, source.info) as engine:
        events = []
        for frame in source:
            late = 20.0 if frame.index > stop else 0.0
            events += engine.push(replace(frame, pts_s=frame.pts_s + late))
        events += engine.flush()
    for event in events:
        interval = event.interval
        assert interval.offset_s - interval.onset_s < 5
        before = interval.onset <= stop
        assert before == (interval.offset <= stop)
        shift = 0.0 if before else 20.0
        assert interval.onset_s == pytest.approx(interval.onset / face_clip.fps + shift, abs=1e-6)
    assert any(event.interval.onset <= stop for event in events)


def test_a_face_that_becomes_too_small_ends_its_intervals() -> None:
    small = Settings.from_dict({"spotting": {"min_eye_px": 60}})
    with Engine(small) as engine:
        for i in range(40):
            engine.push(face_frame(i, scene(side=360 if i < 20 else 200)))
        rows = engine.take_rows()
    assert np.isfinite(rows[15].activity).all()
    assert np.isnan(rows[-1].activity).all() and rows[-1].success == 1


def test_a_pause_is_not_counted_into_the_measured_rate() -> None:
    stats = EngineStats()
    image = face_frame(0, scene()).image
    for index in [*range(60), *range(600, 660)]:
        stats.clock(Frame(index, index / 30, image, 0.0))
        stats.frames += 1
    assert stats.measured_fps == pytest.approx(30.0, abs=0.01)
    assert not any("below 25" in warning for warning in stats.warnings())


@pytest.mark.parametrize("fps", [12.5, 23.976, 60.0, 200.0])
def test_any_frame_rate_gets_a_row_a_frame(fps: float) -> None:
    with Engine() as engine:
        for i in range(30):
            engine.push(face_frame(i, scene(shift=(i / fps * 20, 0)), fps))
        rows = engine.take_rows()
        assert engine.describe()["measured_fps"] == pytest.approx(fps, rel=0.01)
    assert [row.frame for row in rows] == list(range(30))
    assert all(row.success for row in rows)


def test_rows_that_nobody_takes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megc_live.engine._ROWS_KEPT", 5)
    blank = np.full((64, 64, 3), 120, np.uint8)
    with Engine(EAGER) as engine:
        for i in range(12):
            engine.push(face_frame(i, blank))
        assert [row.frame for row in engine.take_rows()] == list(range(7, 12))
        assert engine.take_rows() == []


def test_the_record_names_every_model_that_ran() -> None:
    with Engine(EAGER) as engine:
        models = engine.describe()["models"]
    assert set(models) == {LANDMARKER_FILE, "ltp-net", "ststnet"}
    assert models[LANDMARKER_FILE]["sha256"] == LANDMARKER_SHA256
    assert all(len(model["sha256"]) == 64 for model in models.values())


def test_two_faces_have_two_rows_a_frame() -> None:
    both = Settings.from_dict({"face": {"faces": "all"}})
    with Engine(both) as engine:
        for i in range(8):
            engine.push(face_frame(i, scene(width=900, side=320, faces=2)))
        rows = engine.take_rows()
    assert [(row.frame, row.face_id) for row in rows] == [(i, k) for i in range(8) for k in (0, 1)]


def test_time_must_grow() -> None:
    picture = scene()
    with Engine(EAGER) as engine:
        engine.push(face_frame(3, picture))
        with pytest.raises(ValueError, match="in order of time"):
            engine.push(Frame(4, 3 / 30.0, face_frame(3, picture).image, 0.0))


def test_closing_twice_is_fine() -> None:
    engine = Engine(EAGER)
    engine.close()
    engine.close()
