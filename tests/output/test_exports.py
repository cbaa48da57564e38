"""JSON, ELAN and BIDS: read back with other people's tools."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from pympi import Elan

from megc_live.errors import DatasetError
from megc_live.events import Event
from megc_live.output import SINKS, SessionInfo, decision_delay, library_versions
from megc_live.output.columns import BIDS_COLUMNS
from megc_live.output.tables import IntervalRecord
from megc_live.review.elan import read_elan
from tests.output import made_up


def export(name: str, folder: Path, events: list[Event], session: SessionInfo | None = None) -> None:
    sink = SINKS[name].make(folder, session or made_up.session())
    for event in events:
        sink.on_event(event)
    sink.close(True)


def test_json_holds_everything_but_pictures(tmp_path: Path) -> None:
    events = [*made_up.events(4), made_up.event(5, note="no pictures: gone")]
    export("json", tmp_path, events)
    read = json.loads((tmp_path / "events.json").read_text())["events"]
    assert [item["id"] for item in read] == [1, 2, 3, 4, 5]
    for item, event in zip(read, events, strict=True):
        for key, value in item["interval"].items():
            expected = getattr(event.interval, key)
            if key.endswith("_s"):
                expected = round(expected, 6)
            assert value == (list(expected) if isinstance(expected, tuple) else expected)
        assert item["decided_s"] == round(event.decided_s, 6)
        assert item["note"] == event.note
        assert (item["recognition"] is None) == (event.recognition is None)
    assert set(read[0]) == {"id", "face_id", "interval", "decided_s", "recognition", "note"}
    assert sum(read[0]["recognition"]["probabilities"].values()) == pytest.approx(1)


def read_eaf(folder: Path) -> Elan.Eaf:
    return Elan.Eaf(str(folder / "intervals.eaf"))


def test_elan_has_tiers_in_milliseconds_and_the_media(tmp_path: Path) -> None:
    video = tmp_path / "my video.avi"
    export("elan", tmp_path / "out", made_up.events(4, seconds=5), made_up.session(spec=str(video)))
    eaf = read_eaf(tmp_path / "out")
    assert set(eaf.get_tier_names()) == {"micro", "macro", "label"}
    found = [made for made in made_up.events(4, seconds=5) if made.interval.kind == "micro"]
    spans = [(round(1000 * e.interval.onset_s), round(1000 * e.interval.offset_s)) for e in found]
    assert [span[:2] for span in sorted(eaf.get_annotation_data_for_tier("micro"))] == spans
    assert [span[:2] for span in sorted(eaf.get_annotation_data_for_tier("label"))] == spans
    (media,) = eaf.get_linked_files()
    assert media["MEDIA_URL"] == video.as_uri()
    assert media["RELATIVE_MEDIA_URL"] == "../my video.avi"


def test_elan_gives_each_face_its_tiers(tmp_path: Path) -> None:
    export("elan", tmp_path, made_up.events(8, faces=2))
    names = set(read_eaf(tmp_path).get_tier_names())
    assert names == {f"{tier}@face{face}" for tier in ("micro", "macro", "label") for face in (0, 1)}


def test_elan_never_overlaps_nor_vanishes(tmp_path: Path) -> None:
    point = made_up.event(3, onset=200)
    same = type(point.interval)(200, 200, 200, 6.5, 6.5, 6.5, 0.5, "micro")
    export(
        "elan",
        tmp_path,
        [made_up.event(1, onset=30), made_up.event(2, onset=35), made_up.event(3, interval=same)],
    )
    eaf = read_eaf(tmp_path)
    assert sorted(name for name in eaf.get_tier_names() if "micro" in name) == ["micro", "micro (2)"]
    spans = [sorted(eaf.get_annotation_data_for_tier(name)) for name in ("micro", "micro (2)")]
    assert [len(tier) for tier in spans] == [2, 1]
    assert spans[0][1][:2] == (6500, 6501)


def test_elan_links_only_files(tmp_path: Path) -> None:
    session = made_up.session(spec="camera:0")
    session.source.kind = "camera"
    export("elan", tmp_path, [], session)
    eaf = read_eaf(tmp_path)
    assert eaf.get_linked_files() == []
    assert set(eaf.get_tier_names()) == {"micro", "macro", "label"}


def test_elan_s_times_are_those_of_a_recording_that_began_later(tmp_path: Path) -> None:
    session = made_up.session(spec="camera:0")
    session.source.kind = "camera"
    video = tmp_path / "recording.mp4"
    session.source.extras["recording"] = {"file": video.name, "path": str(video), "first_s": 9.0}
    spans = ((2.0, 2.3), (8.9, 9.2), (12.0, 12.4))
    kind = type(made_up.event(1).interval)
    events = [
        made_up.event(
            k + 1,
            interval=kind(round(30 * a), round(30 * a) + 1, round(30 * b), a, a + 0.05, b, 0.5, "micro"),
        )
        for k, (a, b) in enumerate(spans)
    ]
    export("elan", tmp_path / "out", events, session)
    eaf = read_eaf(tmp_path / "out")
    (media,) = eaf.get_linked_files()
    assert media["MEDIA_URL"] == video.as_uri()
    found = sorted(eaf.get_annotation_data_for_tier("micro"))
    assert [span[:2] for span in found] == [(0, 200), (3000, 3400)], "on the clock of the video"
    path = tmp_path / "out" / "intervals.eaf"
    again, _ = read_elan(path)
    assert [item.record for item in again] == [IntervalRecord.of(event) for event in events], "none is lost"
    path.write_text(path.read_text().replace('TIME_VALUE="3400"', 'TIME_VALUE="3500"'))
    moved, _ = read_elan(path, np.arange(600) / 30)
    assert moved[2].record.offset_s == pytest.approx(12.5) and moved[:2] == again[:2]


def test_bids_table_and_sidecar(tmp_path: Path) -> None:
    late_first = made_up.events(4, seconds=5)[::-1]
    export("bids", tmp_path, late_first)
    with (tmp_path / "bids" / "events.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert list(rows[0])[:3] == ["onset", "duration", "trial_type"]
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    for row, event in zip(rows, late_first[::-1], strict=True):
        assert float(row["onset"]) == event.interval.onset_s
        duration = event.interval.offset_s - event.interval.onset_s
        assert float(row["duration"]) == pytest.approx(duration, abs=1e-6)
        assert "" not in row.values()
    assert rows[3]["label"] == rows[3]["p_negative"] == rows[0]["reviewer"] == "n/a"
    sidecar = json.loads((tmp_path / "bids" / "events.json").read_text())
    more = {"Sources", "Recording"}
    assert set(sidecar) == {*rows[0], *more} == {*(column.name for column in BIDS_COLUMNS), *more}
    assert sidecar["Recording"]["name"] == Path(sidecar["Sources"][0]).name
    assert sidecar["onset"]["Units"] == "s"
    assert set(sidecar["trial_type"]["Levels"]) == {"micro", "macro"}


def test_json_and_bids_fit_into_one_folder(tmp_path: Path) -> None:
    export("json", tmp_path, made_up.events(1))
    export("bids", tmp_path, made_up.events(1))
    assert "events" in json.loads((tmp_path / "events.json").read_text())


def test_session_round_trip(tmp_path: Path) -> None:
    session = made_up.session()
    session.source.measured_fps = math.nan
    session.warnings = ["dark"]
    path = session.write(tmp_path / "result")
    record = json.loads(path.read_text())
    assert path.name == "session.json"
    assert record["schema_version"] == 1
    assert record["source"]["measured_fps"] is None
    assert "not a lie detector" in record["notice"]
    assert {"python", "megc_live", "numpy", "cv2", "mediapipe", "onnxruntime", "av"} == set(
        record["versions"]
    )
    again = SessionInfo.read(path)
    assert math.isnan(again.source.measured_fps)
    assert again.as_dict() == session.as_dict()


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_session_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=r"session\.json"):
        SessionInfo.read(path)


def test_delay_without_events_is_unknown() -> None:
    assert decision_delay(0.4, []) == {"look_ahead_s": 0.4, "p50_s": None, "p95_s": None}


def test_versions_are_found_without_imports() -> None:
    assert all(library_versions().values())
