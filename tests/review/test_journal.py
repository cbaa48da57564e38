"""What is left of a review after a crash, a torn line, a second window, another analysis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from megc_live.errors import DatasetError, OutputError, ReviewError
from megc_live.output import IntervalRecord, SessionInfo
from megc_live.review import (
    Add,
    Comment,
    Edit,
    Import,
    JournalError,
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
    describe,
    export,
    set_aside,
)
from megc_live.review.names import JOURNAL, journal_of, name_for_files
from tests.output import made_up
from tests.review.conftest import Open, write_result


def lines(result: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (result / "review.jsonl").read_text().splitlines()]


def test_every_change_is_a_line_with_who_when_and_what(opened: Open, result: Path) -> None:
    document = opened("Ada")
    document.apply(SetStatus(1, "accepted"))
    document.apply(SetTimes(2, 100, 104, 110))
    document.undo()
    first, *rest = lines(result)
    assert first["version"] == 1 and len(first["machine"]) == 6  # type: ignore[arg-type]
    assert rest == [
        {"do": "edit", "at": "2026-01-02T03:04:01+00:00", "reviewer": "Ada", "edit": "SetStatus",
         "values": {"id": 1, "status": "accepted"}},
        {"do": "edit", "at": "2026-01-02T03:04:02+00:00", "reviewer": "Ada", "edit": "SetTimes",
         "values": {"id": 2, "onset": 100, "apex": 104, "offset": 110}},
        {"do": "undo", "at": "2026-01-02T03:04:03+00:00", "reviewer": "Ada"},
    ]  # fmt: skip


def test_a_change_is_on_the_disk_before_apply_returns(
    opened: Open, result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = opened()
    synced: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        synced.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    document.apply(SetStatus(1, "accepted"))
    assert (result / "review.jsonl").stat().st_size in synced
    synced.clear()
    document.apply(SetStatus(2, "accepted"))
    assert synced == [(result / "review.jsonl").stat().st_size]


def test_a_killed_program_loses_nothing(result: Path) -> None:
    """In a process of its own that ends without closing anything."""
    code = (
        "import os, sys, pathlib\n"
        "from megc_live.review import *\n"
        "document = ReviewDocument.open(pathlib.Path(sys.argv[1]), 'Ada')\n"
        "document.apply(SetStatus(1, 'rejected'))\n"
        "document.apply(Add(10, 12, 14))\n"
        "os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(result)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 9, done.stderr
    with ReviewDocument.open(result, "Bob") as document:
        assert document.get(1).status == "rejected"
        assert document.get(7).record.reviewer == "Ada"
        assert document.undo_text == "add a micro interval"
        document.undo()
        assert len(document.intervals) == 6


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_told_and_written_over(opened: Open, result: Path, cut: int) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.apply(SetStatus(2, "rejected"))
    document.close()
    path = result / "review.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    again = opened()
    assert len(again.notes) == 1 and "line 3" in again.notes[0]
    assert (again.get(1).status, again.get(2).status) == ("accepted", "open")
    again.apply(Comment(3, "after it"))
    again.close()
    last = opened()
    assert last.notes == () and last.get(3).comment == "after it"
    assert len(lines(result)) == 3


@pytest.mark.parametrize("tail", [b"\0" * 50, b'{"do": "edit"', b"nonsense\n", b"\xff\xfe\n", b"[1]\n"])
def test_rubbish_at_the_end_is_a_torn_line(opened: Open, result: Path, tail: bytes) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.close()
    with (result / "review.jsonl").open("ab") as file:
        file.write(tail)
    again = opened()
    assert again.notes and again.get(1).status == "accepted"


def test_a_torn_first_line_leaves_a_review_that_has_not_begun(opened: Open, result: Path) -> None:
    (result / "review.jsonl").write_bytes(b'{"version":1,"mach')
    document = opened()
    assert "line 1" in document.notes[0]
    document.apply(SetStatus(1, "accepted"))
    document.close()
    assert opened().get(1).status == "accepted"


def test_damage_in_the_middle_is_an_error_with_its_line(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.apply(SetStatus(2, "accepted"))
    document.close()
    path = result / "review.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:-10] + b"\n" + third)
    with pytest.raises(DatasetError, match="line 2"):
        opened()
    path.write_bytes(first + second.replace(b'"id":1', b'"id":41') + third)
    with pytest.raises(DatasetError, match=r"line 2.*no interval 41"):
        opened()
    damaged = first + second.replace(b'"SetStatus"', b'"Format"') + third
    path.write_bytes(damaged)
    with pytest.raises(DatasetError, match=r"line 2.*Format"):
        opened()
    assert path.read_bytes() == damaged, "somebody may still mend it"


def test_a_full_disk_changes_nothing(opened: Open, result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    before, shown = (result / "review.jsonl").read_bytes(), document.intervals

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space"):
            document.apply(SetStatus(2, "accepted"))
    assert (result / "review.jsonl").read_bytes() == before
    assert document.intervals is shown and document.undo_text == "accept interval 1"
    document.apply(SetStatus(2, "accepted"))
    document.close()
    assert opened().get(2).status == "accepted"


def test_a_second_window_is_told(opened: Open, result: Path) -> None:
    first = opened("Ada")
    with pytest.raises(ReviewError, match=f"Ada, process {os.getpid()}"):
        opened("Bob")
    looking = opened("Bob", read_only=True)
    assert looking.read_only and not looking.can_undo
    with pytest.raises(ReviewError, match="look at only"):
        looking.apply(SetStatus(1, "accepted"))
    assert looking.get(1).status == "open"
    first.close()
    second = opened("Bob")
    second.apply(SetStatus(1, "accepted"))
    with pytest.raises(ReviewError, match="look at only"):
        first.apply(SetStatus(2, "accepted"))


def test_looking_writes_nothing(opened: Open, result: Path) -> None:
    before = sorted(result.iterdir())
    opened(read_only=True)
    assert sorted(result.iterdir()) == before


def test_another_reviewer_goes_on(opened: Open) -> None:
    document = opened("Ada")
    document.apply(SetStatus(1, "accepted"))
    document.close()
    again = opened("Bob")
    again.apply(SetStatus(2, "rejected"))
    assert [again.get(n).record.reviewer for n in (1, 2, 3)] == ["Ada", "Bob", ""]
    again.undo()
    again.undo()
    assert again.get(1).record.reviewer == ""


def test_another_analysis_does_not_move_the_review(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(Merge((1, 3)))
    shown = document.intervals
    document.close()
    journal = (result / "review.jsonl").read_bytes()
    write_result(result, n_events=3)
    (result / "review.jsonl").write_bytes(journal)
    again = opened()
    assert again.intervals == shown and "written anew" in again.notes[0]


@pytest.mark.parametrize("kept", [True, False], ids=["with the settings", "of a first version"])
def test_an_export_tells_how_its_intervals_were_found_after_another_analysis(
    opened: Open, result: Path, tmp_path: Path, kept: bool
) -> None:
    with opened() as document:
        document.apply(SetStatus(1, "accepted"))
        export(document, tmp_path / "before", ["csv"])
    journal = result / "review.jsonl"
    first, *rest = journal.read_text().splitlines(keepends=True)
    if not kept:
        values = json.loads(first)
        values["session"] = {"started": values["session"]["started"], "n_frames": 300}
        journal.write_text(json.dumps(values) + "\n" + "".join(rest))
    assert "reviewed_results_of" not in SessionInfo.read(tmp_path / "before" / "session.json").run

    write_result(result, n_events=3)
    later = SessionInfo.read(result / "session.json")
    later.started = "2026-05-06T07:08:09+00:00"
    later.settings["spotting"]["spotter"] = "of-fd"
    later.models = {}
    later.write(result)
    with opened() as document:
        export(document, tmp_path / "out", ["csv", "html"], pictures=False)
    told = SessionInfo.read(tmp_path / "out" / "session.json")
    assert told.run["reviewed_results_of"] == "2026-01-02T03:04:05+00:00"
    assert told.settings["spotting"]["spotter"] == ("ltp-net" if kept else "of-fd")
    assert told.started == ("2026-01-02T03:04:05+00:00" if kept else later.started)
    assert bool(told.models) == kept
    page = (tmp_path / "out" / "report.html").read_text()
    assert "those of the analysis of 2026-01-02 03:04" in page and "again (2026-05-06 07:08)" in page
    assert ("those of the first are not known" in page) == (not kept)
    assert "analysed again after the review had begun" in page


@pytest.mark.parametrize(
    "edit",
    [
        SetTimes(1, 40, 44, 52),
        SetStatus(1, "rejected"),
        SetLabel(1, "positive"),
        SetKind(1, "macro"),
        Comment(1, "two\nlines, “quoted”"),
        SetRecognition(1, "surprise", (0.1, 0.2, 0.7)),
        Add(10, 12, 14, "macro", "negative", 1),
        Split(1, 45),
        Merge((1, 3)),
        Import("a.csv", (ReviewInterval(IntervalRecord.of(made_up.event(4)), "accepted", "mine", "2026"),)),
        Import("none.csv", ()),
        Several((SetStatus(1, "rejected"), Merge((2, 4)), Add(10, 12, 14))),
    ],
    ids=repr,
)
def test_every_edit_comes_back_from_the_disk(opened: Open, edit: Edit) -> None:
    document = opened("Ada")
    document.apply(edit)
    shown = document.intervals
    document.close()
    again = opened("Bob")
    assert again.intervals == shown != tuple(ReviewInterval(record) for record in again.machine)
    assert again.undo_text == describe(edit)


def test_a_part_of_one_frame_that_a_review_holds_is_kept(opened: Open, result: Path) -> None:
    document = opened("Ada")
    offset = document.get(1).record.offset_frame
    document.apply(Split(1, offset - 1))
    document.close()
    told = (result / "review.jsonl").read_text()
    assert told.count(f'"at":{offset - 1}') == 1
    (result / "review.jsonl").write_text(told.replace(f'"at":{offset - 1}', f'"at":{offset}'))
    again = opened("Bob")
    assert again.get(7).record.onset_frame == again.get(7).record.offset_frame == offset
    again.undo()
    again.redo()
    assert again.get(7).record.onset_frame == offset


def test_a_journal_that_was_moved_away_is_written_whole_again(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    (result / "review.jsonl").rename(result / "old.jsonl")
    document.apply(SetStatus(2, "rejected"))
    document.close()
    again = opened()
    assert again.notes == ()
    assert (again.get(1).status, again.get(2).status) == ("accepted", "rejected")


def test_a_journal_that_somebody_else_wrote_to_is_left_alone(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    path = result / "review.jsonl"
    path.write_bytes(path.read_bytes() + b'{"do":"undo","at":"x","reviewer":"Bob"}\n')
    before = path.read_bytes()
    with pytest.raises(OutputError, match="changed by another program"):
        document.apply(SetStatus(2, "rejected"))
    assert path.read_bytes() == before and document.get(2).status == "open"


def test_a_review_of_other_frames_can_be_set_aside(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.close()
    before = (result / JOURNAL).read_bytes()
    write_result(result, n_frames=200, n_events=3)
    with pytest.raises(JournalError, match="review of 300 frames; these results have 200"):
        opened()
    there = set_aside(result, "Ada")
    assert there.read_bytes() == before and not (result / JOURNAL).exists()
    again = opened()
    assert again.n_frames == 200 and {item.status for item in again.intervals} == {"open"}
    again.apply(SetStatus(1, "rejected"))
    again.close()
    assert set_aside(result, "Ada") != there and there.read_bytes() == before


def test_a_review_of_a_later_version_is_told(opened: Open, result: Path) -> None:
    document = opened()
    document.apply(SetStatus(1, "accepted"))
    document.close()
    first, *rest = (result / JOURNAL).read_text().splitlines()
    later = json.dumps(json.loads(first) | {"version": 99})
    (result / JOURNAL).write_text("\n".join([later, *rest]) + "\n")
    with pytest.raises(JournalError, match="later version"):
        opened()


def test_a_second_reviewer_begins_independently(opened: Open, result: Path) -> None:
    ada = opened("Ada")
    ada.apply(SetStatus(1, "rejected"))
    ada.close()
    bob = opened("Bob: 2nd", own=True)
    assert bob.independent and bob.get(1).status == "open" and not bob.reviewers_before
    bob.apply(SetStatus(2, "accepted"))
    assert bob.review_in(bob.others()["Ada (review)"]) == ada.intervals
    bob.close()
    again = opened("Bob: 2nd")  # goes on with what is his own
    assert again.independent and again.get(2).status == "accepted" and again.get(1).status == "open"
    again.close()
    ada = opened("Ada")
    assert not ada.independent and ada.get(1).status == "rejected" and ada.get(2).status == "open"
    assert list(ada.others()) == ["Bob: 2nd"]
    ada.close()
    other = opened("Bob 2nd")  # another name, though both are alike as files' names
    assert not other.independent and other.reviewers_before == ("Ada",)


NAMES = (
    "Anna",
    "anna",
    "ANNA",
    "ab",
    "AB",
    "A B",
    "A/B",
    "A_B",
    "review",
    "Review",
    "é" * 150,
    "é" * 151,
    "张伟",
)


def test_every_person_has_files_of_their_own_on_any_disk(result: Path) -> None:
    """Some take capital letters for the same as small ones, and none takes more than 255 bytes."""
    names = [name_for_files(name) for name in NAMES]
    assert len({name.casefold() for name in names}) == len(NAMES)
    assert all(name.isascii() and len(name) < 60 for name in names)
    for name in NAMES:
        with ReviewDocument.open(result, name, own=True) as document:
            document.apply(Comment(1, name))
    for name in NAMES:
        with ReviewDocument.open(result, name, read_only=True) as document:
            assert document.independent and document.get(1).comment == name
            assert set(document.others()) == set(NAMES) - {name}


@pytest.mark.parametrize(("name", "file"), [("anna", "anna"), ("Bob: 2nd", "Bob_2nd-ebb5552b")])
def test_a_journal_with_a_name_of_the_first_versions_is_gone_on_with(
    result: Path, name: str, file: str
) -> None:
    with ReviewDocument.open(result, name, own=True) as document:
        document.apply(Comment(1, "kept"))
    before = result / f"review-by-{file}.jsonl"
    journal_of(result, name).rename(before)
    for own in (False, True):
        assert journal_of(result, name, own=own) == before
        with ReviewDocument.open(result, name, own=own, read_only=True) as document:
            assert document.get(1).comment == "kept"


def test_reviews_of_which_nobody_is_known_are_called_like_their_files(opened: Open, result: Path) -> None:
    (result / "review-aside-20260102-030405.jsonl").write_bytes(b"{broken")
    (result / "review-by-Bob.jsonl").write_bytes(b"")
    document = opened()
    assert set(document.others()) == {"review-aside-20260102-030405", "Bob"}


def damage(result: Path) -> bytes:
    """Begin a review and damage it; returns what is in the file."""
    with ReviewDocument.open(result, "Ada") as document:
        document.apply(SetStatus(1, "accepted"))
    damaged = b"{broken\n" + (result / JOURNAL).read_bytes()
    (result / JOURNAL).write_bytes(damaged)
    return damaged


def asides(result: Path) -> list[bytes]:
    return [path.read_bytes() for path in result.glob("review-aside-*.jsonl")]


def test_who_is_asked_later_does_not_set_aside_what_was_begun_anew(opened: Open, result: Path) -> None:
    """Two windows saw the damage, and both ask; the second one finds the review of the first."""
    damaged = damage(result)
    for _ in range(2):
        with pytest.raises(JournalError):
            opened()
    first = opened("Ada", aside=True)
    first.apply(SetStatus(2, "rejected"))
    with pytest.raises(ReviewError, match="another window"):
        opened("Bob", aside=True)
    first.close()
    second = opened("Bob", aside=True)
    assert second.get(2).status == "rejected" and second.reviewers_before == ("Ada",)
    assert asides(result) == [damaged]


def test_nothing_is_set_aside_by_who_only_looks(opened: Open, result: Path) -> None:
    damaged = damage(result)
    with pytest.raises(JournalError):
        opened(read_only=True, aside=True)
    assert (result / JOURNAL).read_bytes() == damaged and asides(result) == []


def test_what_another_process_reviews_is_not_set_aside(result: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from megc_live.review import *\n"
        "document = ReviewDocument.open(pathlib.Path(sys.argv[1]), 'Ada')\n"
        "document.apply(SetStatus(1, 'rejected'))\n"
        "print('here', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(result)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "here\n"
        before = (result / JOURNAL).read_bytes()
        with pytest.raises(ReviewError, match=f"Ada, process {other.pid}"):
            set_aside(result, "Bob")
        with pytest.raises(ReviewError, match=f"process {other.pid}"):
            ReviewDocument.open(result, "Bob", aside=True)
        assert (result / JOURNAL).read_bytes() == before and asides(result) == []
        other.stdin.close()
        assert other.wait(30) == 0
    assert set_aside(result, "Bob").read_bytes() == before


def test_two_processes_at_once_set_aside_one_review_and_both_go_on_with_the_new_one(result: Path) -> None:
    damaged = damage(result)
    code = (
        "import sys, time, pathlib\n"
        "from megc_live.errors import ReviewError\n"
        "from megc_live.review import *\n"
        "print('here', flush=True)\n"
        "sys.stdin.readline()\n"
        "until = time.monotonic() + 60\n"
        "while time.monotonic() < until:\n"
        "    try:\n"
        "        document = ReviewDocument.open(pathlib.Path(sys.argv[1]), sys.argv[2], aside=True)\n"
        "    except ReviewError:\n"
        "        continue\n"
        "    document.apply(Comment(int(sys.argv[3]), sys.argv[2]))\n"
        "    document.close()\n"
        "    break\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(result), name, number],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, number in (("Ada", "1"), ("Bob", "2"))
    ]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
    for process in both:
        process.communicate("go\n", timeout=90)
        assert process.returncode == 0
    with ReviewDocument.open(result, "Cy") as document:
        assert (document.get(1).comment, document.get(2).comment) == ("Ada", "Bob")
    assert asides(result) == [damaged]
