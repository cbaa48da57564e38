"""What is exported is read again without loss; what others changed in it is taken over."""

from __future__ import annotations

import csv
import json
import re
import shutil
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pympi import Elan

from megc_live.errors import DatasetError, OutputError, SettingsError
from megc_live.events import LABELS
from megc_live.face.regions import SIGNALS
from megc_live.output import SINKS, IntervalRecord, SessionInfo, read_intervals
from megc_live.output.files import PendingFile, write_whole
from megc_live.output.reviewed import escaped, reviewed_table, unescaped
from megc_live.review import (
    STATUSES,
    Add,
    Comment,
    ExportedError,
    Import,
    Imported,
    LookStopped,
    ReviewDocument,
    ReviewInterval,
    SetLabel,
    SetStatus,
    SetTimes,
    export,
    import_intervals,
    replaced_by,
)
from tests.output import made_up
from tests.review.conftest import N_FRAMES, Open, write_result

FILES = {
    "csv": "review.csv",
    "json": "events.json",
    "elan": "intervals.eaf",
    "bids": "bids/events.tsv",
    "html": "report.html",
}
# All of Unicode but what XML has no place for.
letters = st.characters(exclude_categories=("Cc", "Cs")).filter(lambda char: ord(char) & 0xFFFE != 0xFFFE)
words = st.text(st.one_of(letters, st.sampled_from(string.punctuation + " ")), max_size=12)
comments = st.one_of(
    st.text(st.one_of(letters, st.sampled_from("\n\t\\\"',;&<>#|")), max_size=30),
    st.sampled_from(
        ["n/a", "\\n", "#7 not a number", "]]>", "</pre>", "&amp;", " ", "a\n\n b", "\\", "n\\/a"]
    ),
)
shares = st.floats(0, 1)


@st.composite
def records(draw: st.DrawFn, number: int) -> IntervalRecord:
    frames = sorted(draw(st.tuples(*[st.integers(0, 100_000)] * 3)))
    times = sorted(draw(st.tuples(*[st.floats(0, 5000)] * 3)))
    source = draw(st.sampled_from(["auto", "human"]))
    label = draw(st.sampled_from(["", *LABELS]))
    chances = draw(st.tuples(shares, shares, shares))
    classified = bool(label) if source == "auto" else draw(st.booleans())
    return IntervalRecord(
        id=number,
        face_id=draw(st.integers(0, 3)),
        onset_frame=frames[0],
        apex_frame=frames[1],
        offset_frame=frames[2],
        onset_s=times[0],
        apex_s=times[1],
        offset_s=times[2],
        kind=draw(st.sampled_from(["micro", "macro"])),
        score=draw(shares),
        label=label,
        probabilities=chances if classified else None,
        regions=tuple(draw(st.lists(st.sampled_from(SIGNALS), max_size=3, unique=True))),
        n_dropped=draw(st.integers(0, 9)),
        source=source,
        reviewer=draw(st.one_of(words, st.just("n/a"))),
    )


@st.composite
def reviews(draw: st.DrawFn) -> list[ReviewInterval]:
    numbers = draw(st.lists(st.integers(0, 50), max_size=5, unique=True))
    return [
        ReviewInterval(
            draw(records(number)),
            draw(st.sampled_from(STATUSES)),
            draw(comments),
            draw(st.sampled_from(["", "2026-01-02T03:04:05+00:00"])),
        )
        for number in numbers
    ]


def by_number(items: list[ReviewInterval]) -> list[ReviewInterval]:
    return sorted(items, key=lambda item: item.id)


@pytest.mark.parametrize("name", list(FILES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=reviews())
def test_round_trip(name: str, tmp_path_factory: pytest.TempPathFactory, items: list[ReviewInterval]) -> None:
    folder = tmp_path_factory.mktemp(name)
    sink = SINKS[name].make(folder, made_up.session())
    for item in items:
        sink.on_interval(item)
    sink.close(True)
    if name == "csv":
        write_whole(folder / "review.csv", reviewed_table(items))
        kept = [item.record for item in items if item.status != "rejected"]
        assert read_intervals(folder / "intervals.csv") == kept
    assert by_number(import_intervals(folder / FILES[name])) == by_number(items)


@given(st.text())
def test_text_in_one_line_and_back(text: str) -> None:
    line = escaped(text)
    assert "\n" not in line and "\t" not in line and line != "n/a"
    assert unescaped(line) == text


@pytest.mark.parametrize("name", [name for name in FILES if name != "csv"])
def test_what_an_analysis_wrote_is_read_as_well(name: str, tmp_path: Path) -> None:
    events = made_up.events(6, faces=2)
    sink = SINKS[name].make(tmp_path, made_up.session())
    for event in events:
        sink.on_event(event)
    sink.close(True)
    found = [ReviewInterval(IntervalRecord.of(event)) for event in events]
    assert by_number(import_intervals(tmp_path / FILES[name])) == found


@pytest.fixture
def reviewed(opened: Open) -> ReviewDocument:
    document = opened()
    document.apply(SetStatus(1, "rejected"))
    document.apply(SetLabel(2, "positive"))
    document.apply(SetTimes(3, 120, 126, 131))
    document.apply(SetStatus(3, "accepted"))
    document.apply(Comment(5, "talks here"))
    document.apply(Add(200, 204, 209, "micro", "surprise", 0))
    return document


def test_a_whole_export_and_back(reviewed: ReviewDocument, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "out"
    files = export(reviewed, out, list(FILES), progress=lambda done, total: told.append((done, total)))
    assert sorted(files) == sorted(path for path in out.rglob("*") if path.is_file())
    assert told[-1][0] == told[-1][1] == len(reviewed.intervals)
    for name in FILES.values():
        assert by_number(import_intervals(out / name)) == by_number(list(reviewed.intervals)), name
    assert {record.id for record in read_intervals(out / "intervals.csv")} == {2, 3, 4, 5, 6, 7}
    assert (out / "frames.csv").read_bytes() == (reviewed.folder / "frames.csv").read_bytes()
    session = SessionInfo.read(out / "session.json")
    assert session.events == {"micro": 5, "macro": 1} and session.run["reviewers"] == ["Ada"]
    with ReviewDocument.open(out, "Bob") as again:
        assert len(again.intervals) == 6
        again.apply(Import("review.csv", tuple(import_intervals(out / "review.csv"))))
        assert again.intervals == reviewed.intervals


def test_the_report_says_what_was_decided(reviewed: ReviewDocument, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", ["html"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Reviewed by Ada: 4 open, 2 accepted, 1 rejected" in page
    assert "talks here" in page and 'class="rejected"' in page
    assert "no pictures: the video" in page
    assert "Open ones are counted" in page and re.search(r"per minute, \d still open", page)
    assert re.search(r"\d micro, \d macro, \d of them still open", page)
    _, row = page.split('<tr class="rejected">')
    row = row.partition("</tr>")[0]
    assert "rejected: no pictures" in row and "no picture<" not in row
    assert "decided nan" not in page and "<script" not in page


def test_bids_does_not_count_the_rejected(reviewed: ReviewDocument, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", ["bids"])
    with (tmp_path / "out" / "bids" / "events.tsv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert rows["1"]["trial_type"] == "rejected_micro" and rows["2"]["trial_type"] == "micro"
    sidecar = json.loads((tmp_path / "out" / "bids" / "events.json").read_text())
    assert set(sidecar) == {*rows["1"], "Sources", "Recording"}
    assert "rejected_micro" in sidecar["trial_type"]["Levels"]


def test_results_of_an_analysis_are_never_written_over(reviewed: ReviewDocument, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in reviewed.folder.iterdir()}
    with pytest.raises(OutputError, match="reviewed"):
        export(reviewed, reviewed.folder, ["json"])
    other = tmp_path / "other"
    other.mkdir()
    made_up.session().write(other)
    with pytest.raises(OutputError, match="other"):
        export(reviewed, other, ["csv"])
    with pytest.raises(SettingsError, match="xlsx"):
        export(reviewed, tmp_path / "new", ["csv", "xlsx"])
    assert not (tmp_path / "new").exists()
    assert {path: path.read_bytes() for path in reviewed.folder.iterdir()} == before
    inside = reviewed.folder / "reviewed"
    export(reviewed, inside, ["csv"])
    reviewed.undo()
    export(reviewed, inside, ["csv"])
    assert len(import_intervals(inside / "review.csv")) == 6


def test_an_export_that_another_person_reviews_is_never_written_over(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    export(reviewed, there, ["csv"])
    with ReviewDocument.open(there, "Bob", own=True) as bob:
        bob.apply(SetStatus(2, "accepted"))
    before = (there / "intervals.csv").read_bytes()
    with pytest.raises(OutputError, match="there"):
        export(reviewed, there, ["csv"])
    assert (there / "intervals.csv").read_bytes() == before


def test_an_export_beside_what_was_reviewed_is_not_taken_for_the_machine_s(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    inside = reviewed.folder / "reviewed-AB"
    export(reviewed, inside, ["csv"])
    with pytest.raises(ExportedError, match="export of a review by Ada") as refused:
        ReviewDocument.open(inside, "Bob")
    assert refused.value.original == reviewed.folder and str(reviewed.folder) in str(refused.value)
    with ReviewDocument.open(inside, "", read_only=True) as looked_at:
        assert looked_at.notes[0].startswith(
            "Ada reviewed and exported these results (last change 2026-01-02 03:0"
        )

    sent = Path(shutil.copytree(inside, tmp_path / "sent" / "reviewed-AB"))
    with ReviewDocument.open(sent, "Bob") as document:
        by_people = {record.id for record in document.machine if record.source == "human"}
        assert by_people and {record.id for record in document.found}.isdisjoint(by_people)
        assert len(document.found) + len(by_people) == len(document.machine)
    write_result(tmp_path / "sent", n_frames=200)  # some other results' folder
    ReviewDocument.open(sent, "Bob").close()


def edit_eaf(path: Path, change: Callable[[Elan.Eaf], None]) -> Path:
    eaf = Elan.Eaf(str(path))
    change(eaf)
    edited = path.with_name("edited.eaf")
    eaf.to_file(str(edited))
    return edited


def move(eaf: Elan.Eaf, tier: str, start: str, by: tuple[int, int]) -> None:
    for onset, offset, value in eaf.get_annotation_data_for_tier(tier):
        if value.startswith(start):
            eaf.remove_annotation(tier, (onset + offset) // 2)
            eaf.add_annotation(tier, onset + by[0], offset + by[1], value)
            return
    raise AssertionError(start)


def test_what_was_changed_in_elan_is_taken_over(reviewed: ReviewDocument, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", ["elan"])

    def change(eaf: Elan.Eaf) -> None:
        eaf.adocument["AUTHOR"] = "Eve"
        move(eaf, "micro@face0", "#3 ", (-100, 0))
        move(eaf, "label@face1", "#2 ", (0, 1))  # nobody moves labels, but their words count, not their place
        eaf.add_annotation("micro@face0", 8000, 8300, "here too")
        eaf.add_annotation("label@face0", 8010, 8290, "Surprise, I think")
        eaf.remove_annotation("micro@face0", 6750)  # 7: from 6.667 to 6.967 s

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    with pytest.raises(DatasetError, match="moved in ELAN"):
        import_intervals(edited)
    items = {item.id: item for item in import_intervals(edited, reviewed.times_s)}
    assert set(items) == {1, 2, 3, 4, 5, 6, 8}
    for number in (1, 2, 4, 5, 6):
        assert items[number] == reviewed.get(number)
    moved, old = items[3].record, reviewed.get(3).record
    assert (moved.onset_frame, moved.apex_frame, moved.offset_frame) == (117, 126, 131)
    assert moved.onset_s == pytest.approx(3.9) and (moved.source, moved.reviewer) == ("human", "Eve")
    assert replace(moved, onset_frame=120, onset_s=old.onset_s, reviewer="Ada") == old
    made = items[8].record
    assert (made.onset_frame, made.offset_frame, made.label, made.kind) == (240, 249, "surprise", "micro")
    reviewed.apply(Import("edited.eaf", tuple(items.values())))
    assert len(reviewed.intervals) == 7


def test_a_copy_and_a_changed_tier_in_elan(reviewed: ReviewDocument, tmp_path: Path) -> None:
    """A copied annotation has the number of the first one; one on another tier has another kind or status."""
    export(reviewed, tmp_path / "out", ["elan"])

    def change(eaf: Elan.Eaf) -> None:
        ((onset, offset, value),) = (
            mark for mark in eaf.get_annotation_data_for_tier("micro@face0") if mark[2].startswith("#3 ")
        )
        eaf.add_annotation("micro@face0", 9000, 9000 + offset - onset, value)
        eaf.remove_annotation("micro@face0", (onset + offset) // 2)
        eaf.add_annotation("macro@face0", onset, offset, value)
        ((onset, offset, value),) = eaf.get_annotation_data_for_tier("rejected@face0")
        eaf.remove_annotation("rejected@face0", (onset + offset) // 2)
        eaf.add_annotation("micro@face0", onset, offset, value)

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    items = {item.id: item for item in import_intervals(edited, reviewed.times_s)}
    assert set(items) == {*range(1, 8), 8}
    old = reviewed.get(1)
    assert items[1].status == "open" and items[1].record.kind == old.record.kind
    threes = [items[3].record, items[8].record]
    assert sorted(record.kind for record in threes) == ["macro", "micro"]
    assert sorted(record.onset_frame for record in threes) == [120, 270]


def test_a_document_made_in_elan_alone(tmp_path: Path) -> None:
    eaf = Elan.Eaf(author="second coder")
    eaf.add_tier("micro")
    eaf.add_tier("notes")
    eaf.add_annotation("micro", 1000, 1330, "brow")
    eaf.add_annotation("notes", 0, 5000, "#3 not ours")
    eaf.to_file(str(tmp_path / "coder.eaf"))
    times = np.arange(N_FRAMES) / 30
    (item,) = import_intervals(tmp_path / "coder.eaf", times)
    record = item.record
    assert (record.onset_frame, record.offset_frame, record.reviewer) == (30, 40, "second coder")
    with pytest.raises(DatasetError, match="knows no frames"):
        import_intervals(tmp_path / "coder.eaf")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("review.csv", "a,b\n1,2\n"),
        ("review.csv", ""),
        ("events.json", "[]"),
        ("events.json", "{"),
        ("events.json", '{"events": [{"id": 1}]}'),
        ("intervals.eaf", "<ANNOTATION_DOCUMENT"),
        ("intervals.eaf", "<html/>"),
        (
            "intervals.eaf",
            "<ANNOTATION_DOCUMENT><HEADER><PROPERTY NAME='megc-live:intervals'>[3]</PROPERTY></HEADER>"
            "</ANNOTATION_DOCUMENT>",
        ),
        ("events.tsv", "onset\tduration\n1\t2\n"),
        ("report.html", "<p>nothing</p>"),
        ("report.html", "<pre id='megc-live-intervals'>[{}]</pre>"),
        ("intervals.xlsx", ""),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DatasetError, match=name):
        import_intervals(path)
    path.write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DatasetError, match=name):
        import_intervals(path)
    path.unlink()
    with pytest.raises(DatasetError, match=name):
        import_intervals(path)


def test_values_that_nobody_can_have_set(tmp_path: Path) -> None:
    sink = SINKS["json"].make(tmp_path, made_up.session())
    sink.on_event(made_up.event(1))
    sink.close(True)
    good = (tmp_path / "events.json").read_text()
    for old, new in (
        ('"onset": 30', '"onset": 99'),
        ('"score": ', '"score": 1'),
        ('"kind": "micro"', '"kind": 3'),
    ):
        path = tmp_path / "bad.json"
        path.write_text(good.replace(old, new))
        with pytest.raises(DatasetError, match=r"bad\.json"):
            import_intervals(path)


def test_a_label_by_hand_needs_no_probabilities_but_an_automatic_one_does(tmp_path: Path) -> None:
    record = replace(IntervalRecord.of(made_up.event(1)), probabilities=None, source="human", reviewer="Ada")
    write_whole(tmp_path / "review.csv", reviewed_table([ReviewInterval(record)]))
    assert import_intervals(tmp_path / "review.csv")[0].record == record
    write_whole(tmp_path / "review.csv", reviewed_table([ReviewInterval(replace(record, source="auto"))]))
    with pytest.raises(DatasetError, match="p_negative"):
        import_intervals(tmp_path / "review.csv")


@pytest.mark.parametrize("name", sorted(FILES.values()))
def test_a_file_of_another_recording_is_refused(reviewed: ReviewDocument, tmp_path: Path, name: str) -> None:
    export(reviewed, tmp_path / "out", list(FILES))
    path = tmp_path / "out" / name
    assert import_intervals(path, reviewed.times_s)
    with pytest.raises(DatasetError, match=r"another recording.*frames"):
        import_intervals(path, reviewed.times_s[:50])
    with pytest.raises(DatasetError, match=r"another recording.*is at .* s, here that frame is at"):
        import_intervals(path, reviewed.times_s * 25 / 30)


def test_an_annotation_on_another_face_s_tier_is_of_that_face(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    export(reviewed, tmp_path / "out", ["elan"])

    def change(eaf: Elan.Eaf) -> None:
        ((onset, offset, value),) = [
            mark for mark in eaf.get_annotation_data_for_tier("micro@face0") if mark[2].startswith("#3 ")
        ]
        eaf.remove_annotation("micro@face0", (onset + offset) // 2)
        eaf.add_annotation("micro@face1", onset, offset, value)

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    (moved,) = [item for item in import_intervals(edited, reviewed.times_s) if item.id == 3]
    assert reviewed.get(3).record.face_id == 0
    assert moved.record.face_id == 1 and moved.record.source == "human"
    assert moved.record.probabilities is None


def test_tiers_that_refer_to_others_are_read(reviewed: ReviewDocument, tmp_path: Path) -> None:
    eaf = Elan.Eaf(author="second coder")
    eaf.add_linguistic_type("word", constraints="Symbolic_Association")
    eaf.add_tier("micro")
    eaf.add_tier("label", ling="word", parent="micro")
    eaf.add_annotation("micro", 1000, 1300, "")
    eaf.add_ref_annotation("label", "micro", 1100, "surprise")
    eaf.to_file(str(tmp_path / "other.eaf"))
    (item,) = import_intervals(tmp_path / "other.eaf", reviewed.times_s)
    assert item.record.label == "surprise" and item.record.onset_s == pytest.approx(1.0, abs=0.02)


def test_a_label_without_probabilities_has_none_afterwards(reviewed: ReviewDocument, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", ["json"])
    path = tmp_path / "out" / "events.json"
    values = json.loads(path.read_text())
    labelled = next(event for event in values["events"] if event["recognition"])
    del labelled["recognition"]["probabilities"]
    path.write_text(json.dumps(values))
    item = next(one for one in import_intervals(path, reviewed.times_s) if one.id == labelled["id"])
    assert item.record.label == labelled["recognition"]["label"] and item.record.probabilities is None


# which recording a file is of


def exported(
    folder: Path, out: Path, name: str, edit: Callable[[ReviewDocument], None] | None = None
) -> Path:
    """Export a review of a result folder in the format that has a file of that name."""
    with ReviewDocument.open(folder, "Eve") as document:
        if edit is not None:
            edit(document)
        export(document, out, [kind for kind, file in FILES.items() if file == name])
    return out


def change_session(folder: Path, change: Callable[[SessionInfo], None]) -> None:
    session = SessionInfo.read(folder / "session.json")
    change(session)
    session.write(folder)


def read_into(result: Path, file: Path) -> Imported:
    with ReviewDocument.open(result, "Ada") as document:
        return import_intervals(file, document.times_s, document=document)


each_format = pytest.mark.parametrize("name", sorted(FILES.values()))


@each_format
def test_a_longer_or_shorter_recording_is_refused_though_all_intervals_fit(
    result: Path, tmp_path: Path, name: str
) -> None:
    longer = write_result(tmp_path / "longer", 400)
    out = exported(result, tmp_path / "out", name)
    shown = r"another recording.*300 frames in 9.967 s, these results have 400 in 13.300 s.*Choose"
    with pytest.raises(DatasetError, match=shown):
        read_into(longer, out / name)
    with ReviewDocument.open(longer, "Ada") as document, pytest.raises(DatasetError, match="another record"):
        import_intervals(out / name, document.times_s)  # the length is compared without the document too
    first_only = exported(longer, tmp_path / "first", name, keep_first)
    with pytest.raises(DatasetError, match=r"another recording.*400 frames"):
        read_into(result, first_only / name)


def keep_first(document: ReviewDocument) -> None:
    """Leave the first interval only, which lies inside the shorter recording too."""
    document.apply(Import("first", document.intervals[:1]))


@each_format
def test_a_file_without_intervals_is_of_a_recording_too(result: Path, tmp_path: Path, name: str) -> None:
    longer = write_result(tmp_path / "longer", 400)
    out = exported(longer, tmp_path / "out", name, lambda document: document.apply(Import("none", ())))
    assert read_into(longer, out / name) == []
    with pytest.raises(DatasetError, match="another recording"):
        read_into(result, out / name)


@each_format
def test_a_moved_folder_and_another_analysis_are_the_same_recording(
    result: Path, tmp_path: Path, name: str
) -> None:
    def sized(session: SessionInfo) -> None:
        session.run["bytes"] = 12_345

    change_session(result, sized)
    out = exported(result, tmp_path / "a" / "out", name)
    moved = Path(shutil.move(result, tmp_path / "elsewhere"))
    elsewhere = Path(shutil.move(out, tmp_path / "sent"))
    found = read_into(moved, elsewhere / name)
    assert len(found) == 6 and found.note == ""
    again = write_result(tmp_path / "again", n_events=3)

    def renamed(session: SessionInfo) -> None:
        session.started, session.source.spec = "2027-01-01T00:00:00+00:00", "/media/usb/same, renamed.mp4"
        session.run["bytes"] = 12_345

    change_session(again, renamed)
    assert read_into(again, elsewhere / name).note == ""


@each_format
def test_what_speaks_for_another_recording_of_the_same_length_is_told(
    result: Path, tmp_path: Path, name: str
) -> None:
    out = exported(result, tmp_path / "out", name)
    other = write_result(tmp_path / "other")
    assert read_into(other, out / name).note == ""

    def called(session: SessionInfo) -> None:
        session.source.spec = "second.mp4"

    def wide(session: SessionInfo) -> None:
        session.source.spec, session.source.width = "interview.mp4", 1280

    change_session(other, called)
    found = read_into(other, out / name)
    assert len(found) == 6
    assert "'interview.mp4'" in found.note and "'second.mp4'" in found.note
    assert "may be another recording" in found.note
    change_session(other, wide)
    assert "640 x 480" in read_into(other, out / name).note


@each_format
def test_the_same_name_for_a_video_of_another_size_is_told(result: Path, tmp_path: Path, name: str) -> None:
    def sized(n_bytes: int) -> Callable[[SessionInfo], None]:
        return lambda session: session.run.update(bytes=n_bytes)

    change_session(result, sized(1000))
    out = exported(result, tmp_path / "out", name)
    assert read_into(result, out / name).note == ""
    change_session(result, sized(2000))
    assert "1000 bytes" in read_into(result, out / name).note


@each_format
def test_another_live_session_is_refused(result: Path, tmp_path: Path, name: str) -> None:
    def live(session: SessionInfo) -> None:
        session.source.spec, session.source.kind = "camera:0", "camera"

    def later(session: SessionInfo) -> None:
        session.started = "2026-01-02T04:00:00+00:00"

    change_session(result, live)
    out = exported(result, tmp_path / "out", name)
    assert read_into(result, out / name).note == ""
    change_session(result, later)
    with pytest.raises(DatasetError, match=r"another recording.*03:04:05.*04:00:00"):
        read_into(result, out / name)


def forget_recording(out: Path) -> None:
    """Leave the files as earlier versions wrote them."""
    for path in filter(Path.is_file, list(out.rglob("*"))):
        text = path.read_text()
        if path.suffix == ".json":
            values = json.loads(text)
            values.pop("recording", None)
            values.pop("Recording", None)
            text = json.dumps(values)
        text = re.sub(r'<PROPERTY NAME="megc-live:recording">.*?</PROPERTY>', "", text)
        path.write_text(re.sub(r'<pre hidden id="megc-live-recording">.*?</pre>', "", text))
        assert "size_bytes" not in path.read_text()
    (out / "session.json").unlink(missing_ok=True)


@each_format
def test_a_file_that_does_not_say_is_read_and_that_is_told(result: Path, tmp_path: Path, name: str) -> None:
    out = exported(result, tmp_path / "out", name)
    forget_recording(out)
    found = read_into(result, out / name)
    assert len(found) == 6 and "does not say of which recording" in found.note
    (out / "session.json").write_text("{")
    assert "does not say" in read_into(result, out / name).note
    if name == "bids/events.tsv":
        (out / "bids" / "events.json").unlink()
        assert "does not say" in read_into(result, out / name).note


def test_intervals_csv_of_an_analysis_is_known_by_the_record_beside_it(result: Path, tmp_path: Path) -> None:
    found = read_into(result, result / "intervals.csv")
    assert found.note == "" and not found.reviewed
    longer = write_result(tmp_path / "longer", 400)
    with pytest.raises(DatasetError, match="another recording"):
        read_into(longer, result / "intervals.csv")
    alone = Path(shutil.copy(result / "intervals.csv", tmp_path))
    assert "does not say" in read_into(longer, alone).note


@each_format
def test_a_file_says_whether_anybody_decided(result: Path, tmp_path: Path, name: str) -> None:
    out = exported(result, tmp_path / "out", name, lambda document: document.apply(SetStatus(1, "accepted")))
    assert import_intervals(out / name).reviewed
    assert not import_intervals(result / "intervals.csv").reviewed


# frames that are missing in the recording


def test_frames_that_are_missing_in_what_was_moved_or_made_in_elan_are_counted(tmp_path: Path) -> None:
    """As an edit counts them: frames 240 to 245 never came."""
    folder = tmp_path / "result"
    session = made_up.session(N_FRAMES)
    sink = SINKS["csv"].make(folder, session)
    for row in made_up.rows(N_FRAMES):
        if row.frame not in range(240, 246):
            sink.on_row(row)
    for event in made_up.events(6, seconds=N_FRAMES / made_up.FPS):
        sink.on_event(event)
    sink.close(True)
    session.write(folder)
    with ReviewDocument.open(folder, "Ada") as document:
        export(document, tmp_path / "out", ["elan"])
        document.apply(Add(237, 241, 250))
        by_edit = document.get(7).record.n_dropped
        document.undo()

        def change(eaf: Elan.Eaf) -> None:
            move(eaf, "micro", "#3 ", (0, round(1000 * (250 - document.get(3).record.offset_frame) / 30)))
            eaf.add_annotation("rejected", 7900, 8333, "here too")

        edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
        items = {item.id: item for item in import_intervals(edited, document=document)}
    assert items[3].record.offset_frame == items[7].record.offset_frame == 250
    assert items[7].record.onset_frame == 237
    assert items[3].record.n_dropped == items[7].record.n_dropped == by_edit == 6


# what is there already

QUICK = ["csv", "json", "elan", "bids"]
"""The report takes longer than all the others."""


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("late", ["review.csv", "session.json", "intervals.csv", "bids/events.json"])
def test_a_file_that_comes_while_it_is_written_stays(
    reviewed: ReviewDocument, tmp_path: Path, late: str
) -> None:
    out = tmp_path / "out"
    export(reviewed, out, ["json"])
    agreed = replaced_by(out, QUICK)
    assert agreed == [Path("events.json")]
    before = contents(out)

    def comes(done: int, total: int) -> None:
        (out / late).parent.mkdir(exist_ok=True)
        (out / late).write_text('{"run": {"reviewed": true}}')

    expected = "holds the results" if late == "session.json" else f"{Path(late).name} came into .* meanwhile"
    with pytest.raises(OutputError, match=expected):
        export(reviewed, out, QUICK, replacing=agreed, progress=comes)
    assert contents(out) == before | {late: b'{"run": {"reviewed": true}}'}
    if late == "session.json":  # it says of an analysis
        return
    export(reviewed, out, QUICK, replacing=replaced_by(out, QUICK))
    assert by_number(import_intervals(out / "review.csv")) == by_number(list(reviewed.intervals))
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_file_that_comes_in_the_last_moment_stays_and_all_others_are_taken_back(
    reviewed: ReviewDocument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """After the look at all names, just before the file is given its own."""
    out = tmp_path / "out"
    export(reviewed, out, ["json"])
    before = contents(out)
    real, seen = PendingFile.publish, []

    def publish(self: PendingFile, *, replace: bool = True) -> None:
        if len(seen) == at:
            assert not replace
            self.path.write_text("mine")
        seen.append(self.path)
        real(self, replace=replace)

    monkeypatch.setattr(PendingFile, "publish", publish)
    with pytest.raises(OutputError, match="meanwhile"):
        export(reviewed, out, QUICK, replacing=[Path("events.json")])
    assert len(seen) == at + 1
    assert contents(out) == before | {seen[-1].relative_to(out).as_posix(): b"mine"}


def test_a_folder_that_became_that_of_an_analysis_meanwhile_is_left(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(OutputError, match="results of an analysis"):
        export(reviewed, out, ["csv"], progress=lambda done, total: write_result(out) and None)
    assert len(read_intervals(out / "intervals.csv")) == 6 and not (out / "review.csv").exists()


def test_an_export_that_fails_leaves_no_folder(reviewed: ReviewDocument, tmp_path: Path) -> None:
    with pytest.raises(LookStopped):
        export(reviewed, tmp_path / "out", QUICK, stopped=lambda: True)
    assert not (tmp_path / "out").exists()


# copies made in ELAN


def mark_of(eaf: Elan.Eaf, tier: str, start: str) -> tuple[int, int, str]:
    (found,) = (mark for mark in eaf.get_annotation_data_for_tier(tier) if mark[2].startswith(start))
    return found


@pytest.mark.parametrize("first", [True, False], ids=["copy first", "copy last"])
@pytest.mark.parametrize("said", ["surprise", "positive 0.5", ""], ids=["other", "third", "none"])
def test_a_copied_label_is_of_the_copied_annotation(
    reviewed: ReviewDocument, tmp_path: Path, first: bool, said: str
) -> None:
    """Both have the number of the first one: the label of each is the one that lies at its time."""
    reviewed.apply(SetLabel(3, "negative"))
    reviewed.apply(Comment(3, "of the first"))
    export(reviewed, tmp_path / "out", ["elan"])
    by = -3900 if first else 5000

    def change(eaf: Elan.Eaf) -> None:
        for tier, text in (("micro", None), ("label", f"#3 {said}"), ("comment", "#3 of the copy")):
            onset, offset, value = mark_of(eaf, f"{tier}@face0", "#3 ")
            eaf.add_annotation(f"{tier}@face0", onset + by, offset + by, value if text is None else text)

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    items = {item.id: item for item in import_intervals(edited, reviewed.times_s)}
    by_onset = sorted((items[3], items[8]), key=lambda item: item.record.onset_frame)
    copy, original = by_onset if first else reversed(by_onset)
    assert (original.record.label, original.comment) == ("negative", "of the first")
    assert original.record.onset_frame == reviewed.get(3).record.onset_frame
    assert (copy.record.label, copy.comment) == (said.partition(" ")[0], "of the copy")
    assert items[3] == reviewed.get(3), "the one that was not touched keeps its number"


def test_a_label_that_was_copied_onto_a_new_annotation_is_of_that(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    reviewed.apply(SetLabel(3, "negative"))
    export(reviewed, tmp_path / "out", ["elan"])

    def change(eaf: Elan.Eaf) -> None:
        eaf.add_annotation("micro@face0", 8500, 8800, "here too")
        eaf.add_annotation("label@face0", 8500, 8800, "#3 surprise")

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    items = {item.id: item for item in import_intervals(edited, reviewed.times_s)}
    assert items[3] == reviewed.get(3) and items[8].record.label == "surprise"


def test_a_label_that_was_copied_to_where_nothing_is_is_of_nothing(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    reviewed.apply(SetLabel(3, "negative"))
    export(reviewed, tmp_path / "out", ["elan"])

    def change(eaf: Elan.Eaf) -> None:
        onset, offset, value = mark_of(eaf, "micro@face0", "#3 ")
        eaf.add_annotation("micro@face0", onset + 4500, offset + 4500, value)
        eaf.add_annotation("label@face0", 100, 200, "#3 surprise")

    edited = edit_eaf(tmp_path / "out" / "intervals.eaf", change)
    items = {item.id: item for item in import_intervals(edited, reviewed.times_s)}
    assert items[3] == reviewed.get(3) and items[8].record.label == ""


def test_labels_with_numbers_that_were_never_exported_are_told_apart(
    reviewed: ReviewDocument, tmp_path: Path
) -> None:
    """The next number may be that of another one's label."""
    eaf = Elan.Eaf(author="second coder")
    eaf.add_tier("micro")
    eaf.add_tier("label")
    for onset, number, label in ((1000, 7, "surprise"), (2000, 8, "negative")):
        eaf.add_annotation("micro", onset, onset + 300, f"#{number} ")
        eaf.add_annotation("label", onset, onset + 300, f"#{number} {label}")
    eaf.to_file(str(tmp_path / "other.eaf"))
    items = import_intervals(tmp_path / "other.eaf", reviewed.times_s)
    assert [(item.record.onset_frame, item.record.label) for item in items] == [
        (30, "surprise"),
        (60, "negative"),
    ]
