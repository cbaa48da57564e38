"""What lies already where a review is exported to: whose it is decides what becomes of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from megc_live.errors import OutputError
from megc_live.output import SessionInfo, read_intervals
from megc_live.review import (
    Comment,
    Earlier,
    ReviewDocument,
    ReviewInterval,
    SetStatus,
    SetTimes,
    earlier_export,
    export,
    folder_for,
    free_folder_for,
    import_intervals,
)
from tests.review.conftest import Open, write_result

FORMATS = ("csv", "json", "elan", "bids", "html")
MARKS = {"csv": "review.csv", "json": "events.json", "elan": "intervals.eaf", "html": "report.html"}


def by(opened: Open, reviewer: str, out: Path, formats: Sequence[str], number: int = 1) -> None:
    """A reviewer decides on an interval, on their own, and exports."""
    with opened(reviewer, own=True) as document:
        document.apply(SetStatus(number, "accepted"))
        export(document, out, formats)


def forget_who(path: Path) -> None:
    """Make an events.json say of nobody that it is theirs."""
    values = json.loads(path.read_text())
    del values["recording"]["exported_by"]
    path.write_text(json.dumps(values))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("theirs", FORMATS)
@pytest.mark.parametrize("ours", ["csv", "html"])
def test_another_person_s_export_is_never_written_into(
    opened: Open, tmp_path: Path, theirs: str, ours: str
) -> None:
    out = tmp_path / "reviewed-Anna"
    by(opened, "Anna", out, [theirs])
    before = contents(out)
    ben = opened("Ben", own=True)
    for attempt in (lambda: export(ben, out, [ours]), lambda: earlier_export(ben, out, [ours])):
        with pytest.raises(OutputError, match=r"Anna's export is in 'reviewed-Anna'.*reviewed-Ben"):
            attempt()
    assert contents(out) == before


def test_an_export_that_comes_meanwhile_is_another_person_s(opened: Open, tmp_path: Path) -> None:
    out, sent = tmp_path / "out", tmp_path / "sent"
    by(opened, "Anna", sent, ["json"])
    before = contents(sent)
    with opened("Ben", own=True) as ben, pytest.raises(OutputError, match="Anna's export"):
        export(
            ben, out, ["html"], progress=lambda done, total: shutil.copytree(sent, out, dirs_exist_ok=True)
        )
    assert contents(out) == before


def test_whose_an_export_is_does_not_hang_on_who_has_decided(opened: Open, tmp_path: Path) -> None:
    """Anna began, Ben went on with the same review and changed nothing: each one's export is their own."""
    with opened("Anna") as anna:
        anna.apply(SetStatus(1, "accepted"))
        export(anna, tmp_path / "a", ["csv"])
    with opened("Ben") as ben:
        export(ben, tmp_path / "b", ["csv"])
        assert SessionInfo.read(tmp_path / "b" / "session.json").run["reviewers"] == ["Anna"]
        assert earlier_export(ben, tmp_path / "b", ["csv"]).own
        with pytest.raises(OutputError, match="Anna's export"):
            earlier_export(ben, tmp_path / "a", ["csv"])
    with opened("Anna") as anna, pytest.raises(OutputError, match="Ben's export"):
        earlier_export(anna, tmp_path / "b", ["csv"])


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_says_whose_export_it_is(opened: Open, tmp_path: Path, kind: str) -> None:
    """Anna has taken Ben's decisions over and changed nothing: the export is hers, for both of them."""
    with opened("Ben") as ben:
        ben.apply(SetStatus(1, "accepted"))
    with opened("Anna") as anna:
        for out in (tmp_path / "out", folder_for(anna)):
            export(anna, out, [kind])
            assert earlier_export(anna, out, [kind]).own
    with opened("Ben") as ben, pytest.raises(OutputError, match="Anna's export"):
        earlier_export(ben, tmp_path / "out", [kind])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_name_that_leads_nowhere_is_named_and_replaced(opened: Open, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "events.json").symlink_to(tmp_path / "gone.json")
    with opened("Ben") as ben:
        found = earlier_export(ben, out, ["json"])
        assert found.replaced == (Path("events.json"),)
        with pytest.raises(OutputError, match="meanwhile"):
            export(ben, out, ["json"], replacing=())
        export(ben, out, ["json"], replacing=found.replaced)
    assert (out / "events.json").is_file() and not (out / "events.json").is_symlink()
    assert not (tmp_path / "gone.json").exists()


def test_where_it_is_not_said_whose_an_export_is_its_folder_and_its_people_tell(
    opened: Open, tmp_path: Path
) -> None:
    """As those of early versions: two people have gone on with one review."""
    with opened("Anna") as anna:
        anna.apply(SetStatus(1, "accepted"))
    with opened("Ben") as ben:
        ben.apply(SetStatus(2, "accepted"))
        for name in ("reviewed-Anna", "reviewed-Ben", "shared"):
            export(ben, tmp_path / name, ["csv"])
            session = SessionInfo.read(tmp_path / name / "session.json")
            del session.run["exported_by"]
            session.write(tmp_path / name)
            export(ben, tmp_path / "json" / name, ["json"])
            forget_who(tmp_path / "json" / name / "events.json")
        for folder in (tmp_path, tmp_path / "json"):
            assert earlier_export(ben, folder / "reviewed-Ben", ["csv"]).own
            assert earlier_export(ben, folder / "shared", ["csv"]).own
            with pytest.raises(OutputError, match="Anna's export"):
                earlier_export(ben, folder / "reviewed-Anna", ["csv"])
    with opened("Cara") as cara, pytest.raises(OutputError, match="Anna and Ben's export"):
        earlier_export(cara, tmp_path / "shared", ["html"])


def test_files_that_do_not_say_whose_they_are_are_not_one_s_own(opened: Open, tmp_path: Path) -> None:
    with opened("Ben") as ben:
        out = folder_for(ben)
        assert earlier_export(ben, out, FORMATS) == Earlier()
        export(ben, out, ["json"])
        forget_who(out / "events.json")  # nobody has decided anything: only the folder says whose it is
        assert earlier_export(ben, out, ["json"]).own
        shutil.copytree(out, tmp_path / "some")
        found = earlier_export(ben, tmp_path / "some", ["json", "html"])
        assert not found.own and found.replaced == (Path("events.json"),) and found.written_s > 0
        (out / "events.json").write_text("something else")
        assert not earlier_export(ben, out, ["json"]).own
        assert earlier_export(ben, out, ["html"]) == Earlier(), "nothing of it would be replaced"


def test_an_own_export_of_another_recording_is_not_an_earlier_one(opened: Open, tmp_path: Path) -> None:
    longer = write_result(tmp_path / "longer", 400)
    for formats in (["csv"], ["elan"]):
        out = tmp_path / formats[0]
        by(opened, "Ben", out, formats)
        with opened("Ben") as ben:
            assert earlier_export(ben, out, formats).own
        with ReviewDocument.open(longer, "Ben") as other:
            found = earlier_export(other, out, formats)
            assert not found.own and found.replaced


@pytest.mark.parametrize("kind", FORMATS)
def test_files_that_stay_though_the_review_has_changed_are_named(
    opened: Open, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    other = "json" if kind == "csv" else "csv"
    with opened("Ben") as ben:
        ben.apply(SetStatus(1, "accepted"))
        export(ben, out, FORMATS)
        assert earlier_export(ben, out, [other]).older == (), "all says the same"
        ben.apply(Comment(1, "a smile"))
        export(ben, out, [name for name in FORMATS if name != kind])
        found = earlier_export(ben, out, [other])
        assert found.own and {path.as_posix() for path in found.older} == {
            "csv": {"frames.csv", "intervals.csv", "review.csv", "session.json"},
            "bids": {"bids/events.json", "bids/events.tsv"},
        }.get(kind, {MARKS.get(kind, "")})
        ben.undo()
        assert len(earlier_export(ben, out, [kind]).older) > 0, "the others have the comment"


def test_what_was_changed_in_another_program_is_named_and_stays(opened: Open, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with opened("Ben") as ben:
        export(ben, out, ["csv", "elan", "json"])
        values = json.loads((out / "events.json").read_text())
        values["events"][0]["review"]["comment"] = "by hand"
        (out / "events.json").write_text(json.dumps(values))
        (out / "intervals.eaf").write_text("damaged")
        found = earlier_export(ben, out, ["csv"])
        assert found.older == (Path("events.json"), Path("intervals.eaf"))
        export(ben, out, ["csv"], replacing=found.replaced)
    assert (out / "intervals.eaf").read_text() == "damaged"
    assert "by hand" in {item.comment for item in import_intervals(out / "events.json")}


def test_the_folder_that_is_offered_instead_holds_nobody_else_s_files(opened: Open, tmp_path: Path) -> None:
    with opened("Ben") as ben:
        own = folder_for(ben)
        assert own.name == "reviewed-Ben"
        assert free_folder_for(ben, tmp_path / "elsewhere") == own
        assert free_folder_for(ben, own) == own.with_name("reviewed-Ben_2")
        export(ben, own, ["csv"])
        assert free_folder_for(ben, tmp_path / "elsewhere") == own, "one's own earlier export"
    shutil.rmtree(own)
    by(opened, "Anna", own, ["csv"])
    own.with_name("reviewed-Ben_2").mkdir()
    (own.with_name("reviewed-Ben_2") / "report.html").write_text("of somebody")
    with opened("Ben", own=True) as ben:
        assert free_folder_for(ben, tmp_path / "elsewhere") == own.with_name("reviewed-Ben_3")


def test_a_review_of_an_export_begins_without_the_names_of_who_accepted(opened: Open, tmp_path: Path) -> None:
    out = tmp_path / "sent"
    with opened("Anna") as anna:
        anna.apply(SetStatus(1, "accepted"))
        anna.apply(SetTimes(2, *_moved(anna.get(2))))
        export(anna, out, ["csv"])
    assert {record.id: record.reviewer for record in read_intervals(out / "intervals.csv")}[1] == "Anna"
    with ReviewDocument.open(out, "Ben") as ben:
        assert {item.status for item in ben.intervals} == {"open"}
        assert {item.id for item in ben.intervals if item.record.reviewer} == {2}, "moved by Anna"
        ben.apply(SetStatus(3, "accepted"))
        journal = ben.journal
    # a review that was begun with these names, by an earlier version, is gone on with all the same
    first, *rest = journal.read_text().splitlines()
    values = json.loads(first)
    values["machine"][0]["reviewer"] = "Anna"
    journal.write_text("\n".join([json.dumps(values), *rest]) + "\n")
    with ReviewDocument.open(out, "Ben") as ben:
        assert ben.get(1).record.reviewer == "" and ben.get(3).status == "accepted"
        assert not any("anew" in note for note in ben.notes)
        assert ben.notes[0].startswith("Anna reviewed and exported") and "began with" in ben.notes[0]


def _moved(item: ReviewInterval) -> tuple[int, int, int]:
    return item.span[0], item.record.apex_frame, item.span[1] + 1
