"""intervals.csv and frames.csv: the contract's columns, a round trip, and errors that say where."""

from __future__ import annotations

import csv
import math
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.face.regions import REGIONS
from megc_live.output import SINKS, IntervalRecord, read_frames, read_intervals, write_intervals
from megc_live.output.columns import FRAME_HEADER, INTERVAL_HEADER
from tests.output import made_up

CONTRACT = (
    "id,face_id,onset_frame,apex_frame,offset_frame,onset_s,apex_s,offset_s,kind,score,label,"
    "p_negative,p_positive,p_surprise,regions,n_dropped,source,reviewer"
)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    sink = SINKS["csv"].make(tmp_path, made_up.session())
    for row in made_up.rows(50, faces=2, away=range(10, 20)):
        sink.on_row(row)
    for event in made_up.events(4, seconds=5):
        sink.on_event(event)
    sink.close(True)
    return tmp_path


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_headers_are_the_contracts(result: Path) -> None:
    assert lines(result / "intervals.csv")[0] == CONTRACT
    header = lines(result / "frames.csv")[0].split(",")
    assert header[:5] == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert header[-12:] == [f"activity_{region}" for region in REGIONS]


def test_every_frame_has_a_row_and_unknown_is_nan(result: Path) -> None:
    with (result / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted({int(row["frame"]) for row in rows}) == list(range(50))
    away = [row for row in rows if row["success"] == "0"]
    assert len(away) == 10
    assert all(
        row["face_id"] == "-1" and row["pose_yaw"] == row["activity_nose_tip"] == "NaN" for row in away
    )


def test_no_recognition_leaves_label_and_probabilities_empty(result: Path) -> None:
    with (result / "intervals.csv").open(newline="") as file:
        macro = [row for row in csv.DictReader(file) if row["kind"] == "macro"]
    assert [[row["label"], *(row[f"p_{label}"] for label in LABELS)] for row in macro] == [["", "", "", ""]]


def test_intervals_are_read_as_they_were_found(result: Path) -> None:
    expected = [IntervalRecord.of(event) for event in made_up.events(4, seconds=5)]
    assert read_intervals(result / "intervals.csv") == expected


def test_frames_are_read_to_the_precision_that_is_stated(result: Path) -> None:
    made = list(made_up.rows(50, faces=2, away=range(10, 20)))
    read = list(read_frames(result / "frames.csv"))
    assert len(read) == len(made)
    for one, other in zip(read, made, strict=True):
        for got, expected in zip(astuple(one), astuple(other), strict=True):
            exact = isinstance(expected, str)
            assert got == (expected if exact else pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True))


seconds = st.floats(0, 1e5)
records = st.builds(
    lambda frames, times, chances, label, **rest: IntervalRecord(
        onset_frame=sorted(frames)[0],
        apex_frame=sorted(frames)[1],
        offset_frame=sorted(frames)[2],
        onset_s=sorted(times)[0],
        apex_s=sorted(times)[1],
        offset_s=sorted(times)[2],
        label=label,
        probabilities=chances if label else None,
        **rest,
    ),
    frames=st.tuples(*[st.integers(0, 10**7)] * 3),
    times=st.tuples(seconds, seconds, seconds),
    chances=st.tuples(*[st.floats(0, 1)] * 3),
    label=st.sampled_from(("", *LABELS)),
    id=st.integers(0, 10**6),
    face_id=st.integers(-1, 99),
    kind=st.sampled_from(("micro", "macro")),
    score=st.floats(0, 1),
    regions=st.lists(st.sampled_from(REGIONS), unique=True).map(tuple),
    n_dropped=st.integers(0, 99),
    source=st.sampled_from(("auto", "human")),
    reviewer=st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(records, max_size=5))
def test_round_trip_without_loss(
    tmp_path_factory: pytest.TempPathFactory, made: list[IntervalRecord]
) -> None:
    path = tmp_path_factory.getbasetemp() / "intervals.csv"
    write_intervals(path, made)
    assert read_intervals(path) == made


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("onset_frame", "1.5", "whole number"),
        ("onset_frame", "-3", "at least 0"),
        ("apex_frame", "1", "onset <= apex <= offset"),
        ("offset_s", "0.1", "onset <= apex <= offset"),
        ("onset_s", "nan", "a number"),
        ("kind", "tiny", "micro or macro"),
        ("score", "1.2", "from 0 to 1"),
        ("label", "happy", "surprise"),
        ("p_positive", "", "from 0 to 1"),
        ("regions", "brow_r_inner|ear", "names of regions"),
        ("source", "me", "auto or human"),
    ],
)
def test_errors_name_row_and_column(tmp_path: Path, column: str, value: str, expected: str) -> None:
    good = IntervalRecord.of(made_up.event())
    cells = {**replace(good, id=2).cells(), column: value}
    path = tmp_path / "intervals.csv"
    write_intervals(path, [good])
    with path.open("a", newline="") as file:
        csv.DictWriter(file, INTERVAL_HEADER).writerow(cells)
    with pytest.raises(DatasetError) as error:
        read_intervals(path)
    assert f"row 3, column {column!r}" in str(error.value)
    assert expected in str(error.value)


def test_a_probability_without_a_label_is_refused(tmp_path: Path) -> None:
    cells = {**IntervalRecord.of(made_up.event(kind="macro")).cells(), "p_surprise": "0.5"}
    path = tmp_path / "intervals.csv"
    path.write_text(f"{CONTRACT}\n{','.join(cells[name] for name in INTERVAL_HEADER)}\n")
    with pytest.raises(DatasetError, match="row 2, column 'p_surprise'"):
        read_intervals(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the header is ''"),
        (b"id;face_id\n1;2\n", "the header is 'id;face_id'"),
        (CONTRACT.encode() + b"\n1,2,3\n", "row 2, column 'apex_frame': the row has 3 cells"),
        (b"\xff\xfe\x00\x01", "not a CSV table in UTF-8"),
    ],
)
def test_what_is_no_such_table(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "intervals.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=expected):
        read_intervals(path)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        read_intervals(tmp_path / "none.csv")


def test_the_byte_order_mark_of_spreadsheets_is_skipped(result: Path) -> None:
    path = result / "intervals.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_intervals(path)) == 4


def test_a_row_without_activity_has_all_columns(tmp_path: Path) -> None:
    sink = SINKS["csv"].make(tmp_path, made_up.session())
    sink.on_row(made_up.row(0, activity=()))
    sink.close(True)
    row = next(read_frames(tmp_path / "frames.csv"))
    assert len(row.activity) == len(REGIONS) and all(map(math.isnan, row.activity))
    assert len(lines(tmp_path / "frames.csv")[1].split(",")) == len(FRAME_HEADER)
