"""Edits, undo and what becomes of the records."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.errors import DatasetError, ReviewError
from megc_live.output import SINKS, SourceRecord, read_intervals
from megc_live.review import (
    Add,
    Comment,
    Edit,
    Import,
    Merge,
    ReviewDocument,
    ReviewInterval,
    SetKind,
    SetLabel,
    SetRecognition,
    SetStatus,
    SetTimes,
    Several,
    Split,
    Status,
)
from tests.output import made_up
from tests.review.conftest import N_FRAMES, Open, write_result


def test_opens_with_what_the_machine_found(opened: Open, result: Path) -> None:
    document = opened()
    found = sorted(read_intervals(result / "intervals.csv"), key=lambda record: record.onset_frame)
    assert [item.record for item in document.intervals] == found == list(document.machine)
    assert all(item == ReviewInterval(item.record) for item in document.intervals)
    assert (document.n_frames, document.revision, document.notes) == (N_FRAMES, 0, ())
    np.testing.assert_allclose(document.times_s, np.arange(N_FRAMES) / made_up.FPS, atol=1e-6)
    assert not document.can_undo and not document.can_redo and document.undo_text == ""


def test_rows_are_those_of_frames_csv(opened: Open) -> None:
    document = opened()
    assert document.faces == (0, 1)
    rows = document.rows(1)
    assert rows.activity.shape == (N_FRAMES, 12)
    assert not rows.seen[120:130].any() and rows.seen[:120].all() and np.isnan(rows.blink[120:130]).all()
    expected = made_up.row(77, 1)
    np.testing.assert_allclose(rows.activity[77], expected.activity, rtol=1e-5)
    np.testing.assert_allclose(rows.box[77], expected.box, rtol=1e-5)
    assert rows.head_motion[77] == pytest.approx(expected.head_motion, rel=1e-5)
    assert not document.rows(9).seen.any()


def test_moving_borders_makes_the_record_the_reviewers(opened: Open) -> None:
    document = opened("Ada")
    old = document.get(1)
    document.apply(SetTimes(1, 40, 44, 52))
    new = document.get(1)
    assert (new.record.onset_frame, new.record.apex_frame, new.record.offset_frame) == (40, 44, 52)
    times = (new.record.onset_s, new.record.apex_s, new.record.offset_s)
    assert times == pytest.approx((40 / 30, 44 / 30, 52 / 30), abs=1e-6)
    assert (new.record.source, new.record.reviewer, new.changed) == (
        "human",
        "Ada",
        "2026-01-02T03:04:01+00:00",
    )
    assert new.record.probabilities is None and new.record.label == old.record.label
    assert new.record.score == old.record.score
    assert document.machine[0] == old.record


def test_a_moved_offset_leaves_what_the_classifier_said(opened: Open) -> None:
    document = opened()
    record = document.get(1).record
    document.apply(SetTimes(1, record.onset_frame, record.apex_frame, record.offset_frame + 3))
    assert document.get(1).record.probabilities == record.probabilities is not None


def test_accepting_names_the_reviewer_but_the_interval_stays_the_machines(opened: Open) -> None:
    document = opened("Ada")
    document.apply(SetStatus(1, "accepted"))
    document.apply(Comment(2, "looks like speech\r\nsecond line"))
    first, second = document.get(1), document.get(2)
    assert (first.status, first.record.source, first.record.reviewer) == ("accepted", "auto", "Ada")
    assert second.comment == "looks like speech\nsecond line" and second.record.source == "auto"


def test_labels_kinds_and_new_probabilities(opened: Open) -> None:
    document = opened()
    document.apply(SetLabel(1, "positive"))
    assert document.get(1).record.label == "positive"
    document.apply(SetLabel(1, ""))
    assert document.get(1).record.label == ""
    document.apply(SetKind(1, "macro"))
    assert document.get(1).record.kind == "macro"
    document.apply(SetRecognition(1, "surprise", (0.1, 0.2, 0.7)))
    record = document.get(1).record
    assert (record.label, record.probabilities, record.source) == ("surprise", (0.1, 0.2, 0.7), "human")


def test_added_intervals_get_new_numbers_never_old_ones(opened: Open) -> None:
    document = opened()
    highest = max(record.id for record in document.machine)
    document.apply(Add(10, 12, 15, "micro", "negative", 1))
    added = document.get(highest + 1)
    assert (added.record.score, added.record.source, added.record.face_id) == (1.0, "human", 1)
    assert added.status == "accepted"
    document.undo()
    document.apply(Add(20, 22, 25))
    assert [item.id for item in document.intervals if item.id > highest] == [highest + 2]
    document.undo()
    with pytest.raises(ReviewError):
        document.get(highest + 2)


def test_split_and_merge_are_each_others_inverse_in_time(opened: Open) -> None:
    document = opened()
    old = document.get(1).record
    document.apply(Split(1, old.apex_frame + 2))
    left, right = document.get(1).record, document.get(7).record
    assert (left.onset_frame, left.offset_frame) == (old.onset_frame, old.apex_frame + 1)
    assert (right.onset_frame, right.offset_frame) == (old.apex_frame + 2, old.offset_frame)
    assert left.apex_frame == old.apex_frame and left.probabilities == old.probabilities
    assert right.onset_frame <= right.apex_frame <= right.offset_frame and right.probabilities is None
    document.apply(Merge((7, 1)))
    merged = document.get(1).record
    assert (merged.onset_frame, merged.apex_frame, merged.offset_frame) == (
        old.onset_frame,
        old.apex_frame,
        old.offset_frame,
    )
    assert len(document.intervals) == len(document.machine)


def test_each_part_of_a_split_has_a_length(opened: Open) -> None:
    document = opened()
    document.apply(SetTimes(1, 40, 43, 46))
    for at in (40, 41, 46, 47):
        with pytest.raises(ReviewError, match=f"split at frame {at}, .* from 42 to 45 and split there"):
            document.apply(Split(1, at))
    document.apply(Split(1, 45))
    document.undo()
    document.apply(Split(1, 42))
    assert [(document.get(n).record.onset_frame, document.get(n).record.offset_frame) for n in (1, 8)] == [
        (40, 41),
        (42, 46),
    ]
    with pytest.raises(ReviewError, match="Move its onset or offset instead"):
        document.apply(Split(1, 41))


def test_merging_joins_comments_and_regions(opened: Open) -> None:
    document = opened()
    document.apply(Comment(1, "a"))
    document.apply(Comment(3, "b"))
    document.apply(Merge((3, 1)))
    merged = document.get(1)
    assert merged.comment == "a\nb"
    assert set(merged.record.regions) == {*document.machine[0].regions, *document.machine[2].regions}


BAD: list[Edit] = [
    SetTimes(1, 50, 40, 60),
    SetTimes(1, -1, 40, 60),
    SetTimes(1, 40, 50, N_FRAMES),
    SetTimes(99, 40, 50, 60),
    SetStatus(1, "maybe"),  # type: ignore[arg-type]
    SetLabel(1, "happy"),
    SetKind(1, "mini"),  # type: ignore[arg-type]
    Comment(1, "bell \x07"),
    SetRecognition(1, "surprise", (0.5, 0.9, 0.7)),
    SetRecognition(1, "", (0.1, 0.2, 0.7)),
    Add(30, 20, 40),
    Add(290, 295, 301),
    Add(30, 35, 40, face_id=-1),
    Split(1, 0),
    Merge((1,)),
    Merge((1, 1)),
    Merge((1, 2)),  # of two faces
    Merge((1, 77)),
    Merge(()),
    Several(()),
    Several((SetStatus(1, "accepted"), SetStatus(99, "accepted"))),
]


@pytest.mark.parametrize("edit", BAD, ids=repr)
def test_what_cannot_be_done_changes_nothing(opened: Open, result: Path, edit: Edit) -> None:
    document = opened()
    before = document.intervals
    with pytest.raises(ReviewError):
        document.apply(edit)
    assert document.intervals is before and document.revision == 0 and not document.can_undo
    assert not (result / "review.jsonl").exists()


def test_several_edits_are_one_step(opened: Open, result: Path) -> None:
    document = opened()
    before = document.intervals
    document.apply(Several(tuple(SetStatus(number, "accepted") for number in (1, 3, 5))))
    assert [item.id for item in document.intervals if item.status == "accepted"] == [1, 3, 5]
    assert document.undo_text == "accept 3 intervals" and document.revision == 1
    assert len((result / "review.jsonl").read_text().splitlines()) == 2  # the header and this
    document.undo()
    assert document.intervals == before and not document.can_undo


def test_each_of_several_edits_sees_those_before_it(opened: Open) -> None:
    document = opened()
    before = document.intervals
    document.apply(Several((Add(5, 6, 9), SetLabel(7, "surprise"), Add(12, 13, 14), Merge((8, 7)))))
    merged = document.get(7).record
    assert (merged.onset_frame, merged.offset_frame) == (5, 14) and document.undo_text == "make 4 changes"
    with pytest.raises(ReviewError):
        document.get(8)
    document.undo()
    assert document.intervals == before
    document.apply(Add(5, 6, 9))
    assert document.get(9).span == (5, 9)  # 7 and 8 were given once


def test_what_changes_nothing_is_no_change(opened: Open, result: Path) -> None:
    document = opened()
    record = document.get(1).record
    document.apply(SetStatus(2, "accepted"))
    document.undo()
    written = (result / "review.jsonl").read_bytes()
    document.apply(SetTimes(1, record.onset_frame, record.apex_frame, record.offset_frame))
    assert document.get(1).record == record and record.source == "auto" and record.reviewer == ""
    assert not document.can_undo and document.can_redo
    assert (result / "review.jsonl").read_bytes() == written


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("accepted", "open"), "accepted"),
        (("open", "accepted"), "accepted"),
        (("rejected", "accepted"), "accepted"),
        (("rejected", "open"), "open"),
        (("open", "rejected"), "open"),
        (("rejected", "rejected"), "rejected"),
    ],
)
def test_what_was_accepted_stays_so_when_merged(
    opened: Open, statuses: tuple[Status, Status], expected: Status
) -> None:
    document = opened()
    for number, status in zip((1, 3), statuses, strict=True):
        document.apply(SetStatus(number, status))
    document.apply(Merge((1, 3)))
    assert document.get(1).status == expected


def test_an_import_beyond_the_video_is_refused(opened: Open) -> None:
    document = opened()
    beyond = replace(document.machine[0], offset_frame=N_FRAMES, offset_s=10.0)
    with pytest.raises(ReviewError, match=r"other\.csv, interval 1"):
        document.apply(Import("other.csv", (ReviewInterval(beyond),)))
    twice = (ReviewInterval(document.machine[0]), ReviewInterval(document.machine[0], "accepted"))
    with pytest.raises(ReviewError, match="same number"):
        document.apply(Import("other.csv", twice))


def test_undo_and_redo_walk_the_same_way(opened: Open) -> None:
    document = opened()
    states = [document.intervals]
    edits: list[Edit] = [
        SetTimes(1, 41, 44, 52),
        SetStatus(2, "rejected"),
        Split(3, document.get(3).record.apex_frame),
        Merge((1, 3)),
        Add(5, 6, 9),
        Import("a.csv", (ReviewInterval(document.machine[2], "accepted", "mine"),)),
    ]
    for edit in edits:
        document.apply(edit)
        states.append(document.intervals)
    assert document.undo_text == "import a.csv"
    for state in states[-2::-1]:
        document.undo()
        assert document.intervals == state
    assert document.redo_text == "move interval 1" and not document.can_undo
    with pytest.raises(ReviewError, match="nothing to undo"):
        document.undo()
    for state in states[1:]:
        document.redo()
        assert document.intervals == state
    with pytest.raises(ReviewError, match="nothing to redo"):
        document.redo()
    assert document.revision == 3 * len(edits)


def test_a_new_edit_forgets_what_was_undone(opened: Open) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.undo()
    document.apply(SetStatus(2, "accepted"))
    assert not document.can_redo and document.get(1).status == "open"


numbers = st.integers(1, 9)
frames = st.integers(-3, N_FRAMES + 3)
any_edit = st.one_of(
    st.builds(SetTimes, numbers, frames, frames, frames),
    st.builds(lambda n, at: SetTimes(n, *sorted(at)), numbers, st.tuples(frames, frames, frames)),
    st.builds(SetStatus, numbers, st.sampled_from(["open", "accepted", "rejected"])),
    st.builds(SetLabel, numbers, st.sampled_from(["", "negative", "positive", "surprise"])),
    st.builds(SetKind, numbers, st.sampled_from(["micro", "macro"])),
    st.builds(Comment, numbers, st.text(max_size=20)),
    st.builds(lambda at: Add(*sorted(at)), st.tuples(frames, frames, frames)),
    st.builds(Split, numbers, frames),
    st.builds(lambda ids: Merge(tuple(ids)), st.lists(numbers, max_size=3)),
    st.builds(lambda ns: Several(tuple(SetStatus(n, "accepted") for n in ns)), st.lists(numbers, max_size=3)),
    st.builds(lambda n, at: Several((Split(n, at), SetLabel(n, ""))), numbers, frames),
    st.sampled_from(["undo", "redo"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(any_edit, max_size=12))
def test_whatever_is_done_the_journal_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, edits: list[Edit | str]
) -> None:
    folder = write_result(tmp_path_factory.mktemp("any") / "result")
    with ReviewDocument.open(folder, "Ada") as document:
        for edit in edits:
            try:
                if isinstance(edit, str):
                    document.undo() if edit == "undo" else document.redo()
                else:
                    document.apply(edit)
            except ReviewError:
                continue
        for item in document.intervals:
            record = item.record
            assert 0 <= record.onset_frame <= record.apex_frame <= record.offset_frame < N_FRAMES
        with ReviewDocument.open(folder, "Bob", read_only=True) as again:
            assert again.intervals == document.intervals
            assert (again.undo_text, again.redo_text) == (document.undo_text, document.redo_text)


def test_frames_that_a_camera_lost(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    session = made_up.session(90)
    sink = SINKS["csv"].make(folder, session)
    for row in made_up.rows(90):
        if row.frame not in range(40, 46):
            sink.on_row(row)
    sink.on_event(made_up.event(1, onset=30))
    sink.close(True)
    session.source = SourceRecord("camera:0", "live", "camera", 640, 480, measured_fps=math.nan)
    session.write(folder)
    with ReviewDocument.open(folder, "Ada") as document:
        assert document.n_frames == 90 and 42 not in document.present_frames
        assert document.times_s[42] == pytest.approx(42 / 30, abs=1e-5)
        assert document.frame_rate == pytest.approx(30, rel=1e-3)
        assert document.video is None and document.video_frame(3) is None
        document.apply(SetTimes(1, 35, 38, 50))
        assert document.get(1).record.n_dropped == 6
        with pytest.raises(ReviewError, match="camera:0"):
            document.reader()


def test_folders_that_are_no_result(result: Path) -> None:
    (result / "frames.csv").write_text("frame,face_id\n1,2\n")
    with pytest.raises(DatasetError, match="header"):
        ReviewDocument.open(result, "Ada")
    (result / "frames.csv").unlink()
    with pytest.raises(DatasetError, match=r"frames\.csv"):
        ReviewDocument.open(result, "Ada")
    with pytest.raises(DatasetError, match=r"session\.json"):
        ReviewDocument.open(result / "nowhere", "Ada")
    with pytest.raises(ReviewError, match="name"):
        ReviewDocument.open(result, "  ")
    with pytest.raises(ReviewError, match="one line"):
        ReviewDocument.open(result, "Ada\nBob")


def test_a_damaged_cell_is_named(result: Path) -> None:
    table = result / "frames.csv"
    lines = table.read_text().splitlines()
    lines[5] = lines[5].replace(lines[5].split(",")[2], "soon", 1)
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(DatasetError, match="timestamp"):
        ReviewDocument.open(result, "Ada")
