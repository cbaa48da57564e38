"""The recorder: real times, exact counts, no waiting."""

from __future__ import annotations

import csv
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from megc_live.video import Frame, PixelImage, open_source
from megc_live.video import recorder as module
from megc_live.video.reader import FrameReader
from megc_live.video.recorder import Recorder
from tests.faces import as_i420
from tests.indexed import backdrop, read_index, stamp

PATIENCE = 20.0


def frame(index: int, t_s: float, layout: str = "i420", size: tuple[int, int] = (160, 120)) -> Frame:
    rgb = stamp(backdrop(*size)(index), index)
    if layout == "i420":
        return Frame(index, t_s, as_i420(rgb), 0.0)
    data = rgb if layout == "rgb" else np.ascontiguousarray(rgb[:, :, 1])
    return Frame(index, t_s, PixelImage(data, layout), 0.0)


@pytest.mark.parametrize(
    ("layout", "size"), [("i420", (160, 120)), ("rgb", (160, 120)), ("grey", (161, 121)), ("rgb", (161, 121))]
)
def test_every_layout_is_read_back_at_its_own_times(
    tmp_path: Path, layout: str, size: tuple[int, int]
) -> None:
    times = [3.0, 3.031, 3.07, 3.1, 4.5, 4.533]
    recorder = Recorder(tmp_path / "a.mp4", 30.0)
    for k, t in enumerate(times):
        recorder.offer(frame(k + 40, t, layout, size))
    assert recorder.close(PATIENCE) and recorder.close()
    counts = recorder.stats()
    assert (counts.offered, counts.written, counts.dropped, counts.waiting) == (6, 6, 0, 0)
    assert recorder.first_index == 40 and counts.error == ""
    with open_source(tmp_path / "a.mp4") as source:
        back = list(source)
    assert [read_index(f.image.grey) for f in back] == list(range(40, 46))
    assert [f.pts_s for f in back] == pytest.approx([t - 3.0 for t in times], abs=1e-4)
    with (tmp_path / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(int(x["recording_frame"]), int(x["frame"]), float(x["timestamp"])) for x in lines] == [
        (k, k + 40, t) for k, t in enumerate(times)
    ]


def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, working = threading.Event(), threading.Event()
    write = module._File.write

    def held_up(self: module._File, frame: Frame) -> None:
        working.set()
        assert gate.wait(PATIENCE)
        write(self, frame)

    monkeypatch.setattr(module._File, "write", held_up)
    recorder = Recorder(tmp_path / "a.mp4", 10.0, queue_seconds=0.5)
    assert recorder.offer(frame(0, 0.0)) and working.wait(PATIENCE)
    taken = [recorder.offer(frame(k, k / 10)) for k in range(1, 9)]
    assert taken == [True] * 5 + [False] * 3
    counts = recorder.stats()
    assert counts.offered == 9 == counts.written + counts.dropped + counts.waiting
    gate.set()
    assert recorder.close(PATIENCE)
    reader = FrameReader(tmp_path / "a.mp4")
    assert reader.n_frames == recorder.stats().written == 6 and recorder.stats().dropped == 3
    assert read_index(reader.frame(5).image.grey) == 5
    reader.close()


def test_closing_in_a_hurry_drops_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, working = threading.Event(), threading.Event()
    write = module._File.write

    def held_up(self: module._File, frame: Frame) -> None:
        working.set()
        assert gate.wait(PATIENCE)
        write(self, frame)

    monkeypatch.setattr(module._File, "write", held_up)
    recorder = Recorder(tmp_path / "a.mp4", 10.0)
    for k in range(5):
        recorder.offer(frame(k, k / 10))
    assert working.wait(PATIENCE)
    assert not recorder.close(0.01)
    gate.set()
    assert recorder.close(PATIENCE)
    counts = recorder.stats()
    assert (counts.offered, counts.written, counts.dropped, counts.waiting) == (5, 1, 4, 0)
    assert not recorder.offer(frame(9, 0.9)) and recorder.stats().dropped == 5


def test_a_disk_that_cannot_be_written_is_said_and_nothing_waits(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "missing" / "a.mp4", 30.0)
    for k in range(3):
        recorder.offer(frame(k, k / 30))
    assert recorder.close(PATIENCE)
    counts = recorder.stats()
    assert "cannot write 'a.mp4'" in counts.error and "the analysis goes on" in counts.error
    assert (counts.offered, counts.written, counts.dropped, counts.waiting) == (3, 0, 3, 0)


def test_nothing_offered_leaves_nothing(tmp_path: Path) -> None:
    assert Recorder(tmp_path / "a.mp4", 30.0).close(PATIENCE)
    assert list(tmp_path.iterdir()) == []


def test_recording_ends_before_the_disk_is_full_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10 * module.RESERVE_BYTES, module.RESERVE_BYTES - 1])
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: SimpleNamespace(free=next(free)))
    recorder = Recorder(tmp_path / "a.mp4", 10.0)
    for k in range(15):
        recorder.offer(frame(k, k / 10))
    assert recorder.close(PATIENCE)
    counts = recorder.stats()
    assert "only 512 MB are free" in counts.error and "Free some space" in counts.error
    assert (counts.offered, counts.written, counts.dropped, counts.waiting) == (15, 10, 5, 0)
    with open_source(tmp_path / "a.mp4") as source:
        assert [read_index(f.image.grey) for f in source] == list(range(10))


def test_any_error_ends_the_recording_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module._File.write

    def breaks(self: module._File, frame: Frame) -> None:
        if frame.index == 4:
            raise LookupError("no such coder")
        write(self, frame)

    monkeypatch.setattr(module._File, "write", breaks)
    recorder = Recorder(tmp_path / "a.mp4", 30.0)
    for k in range(9):
        recorder.offer(frame(k, k / 30))
    assert recorder.close(PATIENCE) and recorder.finished
    counts = recorder.stats()
    assert "no such coder" in counts.error and "the analysis goes on" in counts.error
    assert (counts.offered, counts.written, counts.dropped, counts.waiting) == (9, 4, 5, 0)
    with open_source(tmp_path / "a.mp4") as source:
        assert [read_index(f.image.grey) for f in source] == [0, 1, 2, 3]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 5


def test_a_recording_that_cannot_begin_leaves_no_empty_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: module._File, fps: float) -> None:
        raise LookupError("no such coder")

    monkeypatch.setattr(module._File, "_new_stream", broken)
    recorder = Recorder(tmp_path / "a.mp4", 30.0)
    recorder.offer(frame(0, 0.0))
    assert recorder.close(PATIENCE)
    assert "no such coder" in recorder.stats().error and recorder.first_index is None
    assert list(tmp_path.iterdir()) == []


def test_closing_without_end_of_time_waits_until_all_is_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", 30.0)
    for k in range(20):
        recorder.offer(frame(k, k / 30))
    assert recorder.close(float("inf"))
    assert (recorder.stats().written, recorder.stats().waiting) == (20, 0)
