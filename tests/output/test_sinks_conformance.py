"""What every sink in the registry keeps to."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from megc_live.errors import OutputError
from megc_live.events import Event, FrameRow
from megc_live.output import SINKS, Sink
from megc_live.output.files import PendingFile
from tests.output import made_up

NAMES = list(SINKS)
pytestmark = pytest.mark.parametrize("name", NAMES)


def feed(sink: Sink, rows: Iterable[FrameRow], events: Iterable[Event]) -> None:
    for row in rows:
        sink.on_row(row)
    for event in events:
        sink.on_event(event)


def run(name: str, folder: Path, n_rows: int = 120, n_events: int = 3) -> None:
    sink = SINKS[name].make(folder, made_up.session(n_rows))
    feed(sink, made_up.rows(n_rows), made_up.events(n_events, seconds=4))
    sink.close(True)


def files(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_writes_exactly_the_files_that_it_states(name: str, tmp_path: Path) -> None:
    run(name, tmp_path / "new" / "result")
    assert set(files(tmp_path / "new" / "result")) == set(SINKS[name].capabilities["files"])


def test_nothing_has_its_final_name_before_close(name: str, tmp_path: Path) -> None:
    sink = SINKS[name].make(tmp_path, made_up.session())
    feed(sink, made_up.rows(60), made_up.events(2, seconds=2))
    assert not set(files(tmp_path)) & set(SINKS[name].capabilities["files"])
    sink.close(True)
    assert set(files(tmp_path)) == set(SINKS[name].capabilities["files"])


@pytest.mark.parametrize("ok", [True, False])
def test_closes_twice(name: str, ok: bool, tmp_path: Path) -> None:
    sink = SINKS[name].make(tmp_path, made_up.session())
    feed(sink, made_up.rows(60), made_up.events(2, seconds=2))
    sink.close(ok)
    before = files(tmp_path)
    sink.close(ok)
    sink.close(not ok)
    assert files(tmp_path) == before


@pytest.mark.parametrize(("n_rows", "n_events"), [(0, 0), (0, 2), (60, 0)])
def test_no_rows_and_no_events(name: str, n_rows: int, n_events: int, tmp_path: Path) -> None:
    run(name, tmp_path, n_rows, n_events)
    assert all(files(tmp_path).values())


def test_only_frames_without_a_face(name: str, tmp_path: Path) -> None:
    sink = SINKS[name].make(tmp_path, made_up.session(40))
    feed(sink, made_up.rows(40, faces=0), [])
    sink.close(True)
    assert all(files(tmp_path).values())


def test_a_failed_run_leaves_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "result"
    sink = SINKS[name].make(folder, made_up.session())
    feed(sink, made_up.rows(60), made_up.events(2, seconds=2))
    sink.close(False)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_keeps_an_earlier_result(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)
    earlier = files(tmp_path)
    sink = SINKS[name].make(tmp_path, made_up.session())
    feed(sink, made_up.rows(30), made_up.events(1, seconds=1))
    sink.close(False)
    assert files(tmp_path) == earlier


def test_a_new_run_replaces_an_earlier_result(name: str, tmp_path: Path) -> None:
    run(name, tmp_path, 120, 3)
    run(name, tmp_path, 60, 1)
    again = tmp_path / "again"
    run(name, again, 60, 1)
    assert set(files(tmp_path)) == {*files(again), *(f"again/{path}" for path in files(again))}


def test_inputs_are_not_changed(name: str, tmp_path: Path) -> None:
    rows, events, session = list(made_up.rows(40)), made_up.events(2, seconds=1.3), made_up.session()
    before = copy.deepcopy((rows, events, asdict(session)))
    sink = SINKS[name].make(tmp_path, session)
    feed(sink, rows, events)
    sink.close(True)
    assert rows == before[0]
    assert asdict(session) == before[2]
    for event, old in zip(events, before[1], strict=True):
        assert event.interval == old.interval
        assert event.pictures is not None and old.pictures is not None
        np.testing.assert_array_equal(event.pictures.apex, old.pictures.apex)


def test_the_session_is_read_at_close(name: str, tmp_path: Path) -> None:
    session = made_up.session()
    sink = SINKS[name].make(tmp_path, session)
    session.source.spec = "filled-in-later.mp4"
    session.source.name = "filled-in-later"
    sink.close(True)
    if name != "csv":
        assert any(b"filled-in-later" in data for data in files(tmp_path).values())


def test_a_folder_that_cannot_be_written_to(name: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    with pytest.raises(OutputError, match="a file"):
        SINKS[name].make(tmp_path / "a file" / "result", made_up.session())
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_final_name_that_is_taken_by_a_folder(name: str, tmp_path: Path) -> None:
    taken = tmp_path / SINKS[name].capabilities["files"][-1]
    taken.mkdir(parents=True)
    sink = SINKS[name].make(tmp_path, made_up.session())
    with pytest.raises(OutputError, match=taken.name):
        sink.close(True)
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


def test_a_disk_that_is_full(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = SINKS[name].make(tmp_path, made_up.session())

    def no_space(self: PendingFile, data: str | bytes) -> None:
        raise OutputError(f"cannot write {str(self.path)!r}: no space left on device.")

    monkeypatch.setattr(PendingFile, "write", no_space)
    with pytest.raises(OutputError, match="no space"):
        _fill(sink)
    sink.close(False)
    assert files(tmp_path) == {}


def _fill(sink: Sink) -> None:
    feed(sink, made_up.rows(10), made_up.events(1, seconds=1))
    sink.close(True)


def test_numbers_from_numpy_are_taken(name: str, tmp_path: Path) -> None:
    interval = made_up.event().interval
    changed = {key: np.float64(getattr(interval, key)) for key in ("onset_s", "apex_s", "offset_s", "score")}
    event = made_up.event(interval=type(interval)(**{**asdict(interval), **changed}))
    sink = SINKS[name].make(tmp_path, made_up.session())
    feed(sink, made_up.rows(5), [event])
    sink.close(True)
    assert not any(b"np.float" in data for data in files(tmp_path).values())


def test_states_a_summary(name: str) -> None:
    assert SINKS[name].summary
    make: Callable[..., Sink] = SINKS[name].make
    assert make.__doc__


def test_json_files_are_strict_json(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    for path, data in files(tmp_path).items():
        if path.endswith(".json"):
            json.loads(data, parse_constant=refuse)
