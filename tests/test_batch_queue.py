"""The queue of sources: states, holding, cancelling, workers that die, results and failures."""

from __future__ import annotations

import csv
import math
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from megc_live.batch_items import Item, ItemState, ItemView, Options, Pace, left_s, progress_of
from megc_live.batch_names import Named, free_name
from megc_live.batch_queue import BatchQueue
from megc_live.batch_worker import ClusterWorker, ProcessWorker, Worker
from megc_live.jobs import FAILURES
from megc_live.one_source import How
from megc_live.output.tables import read_frames, read_intervals
from tests.conftest import FaceClip
from tests.output import made_up
from tests.queue_work import FRAMES, count


def until(true: Callable[[], bool], seconds: float = 240.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.01)


class Counting:
    """Makes workers that count instead of analysing; keeps them to be looked at."""

    def __init__(self) -> None:
        self.workers: list[ProcessWorker] = []

    def __call__(self, cluster: str | None) -> Worker:
        self.workers.append(ProcessWorker(count))
        return self.workers[-1]


@contextmanager
def open_queue(
    out: Path, *, jobs: int = 1, real: bool = False, how: How | None = None
) -> Iterator[BatchQueue]:
    options = Options(out, jobs=jobs, how=how or How())
    queue = BatchQueue(options) if real else BatchQueue(options, make_worker=Counting())
    try:
        yield queue
    finally:
        queue.close(1.0)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[BatchQueue]:
    with open_queue(tmp_path / "out") as opened:
        yield opened


def fill(queue: BatchQueue, *names: str) -> None:
    before = len(queue.snapshot().items)
    queue.add([f"{name}.mp4" for name in names])
    until(lambda: len(queue.snapshot().items) == before + len(names))


def item(queue: BatchQueue, name: str) -> ItemView:
    return next(item for item in queue.snapshot().items if Path(item.spec).stem == name)


def states(queue: BatchQueue) -> list[str]:
    return [item.state for item in queue.snapshot().items]


def over(queue: BatchQueue) -> bool:
    return queue.snapshot().state == "idle"


def test_real_clips_are_analysed_and_a_bad_file_costs_nobody_else(
    tmp_path: Path, face_clip: FaceClip
) -> None:
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(face_clip.path, folder / "a.mp4")
    (folder / "bad.mp4").write_bytes(b"this is no video")
    shutil.copy(face_clip.path, folder / "deeper" / "b.mp4")
    out = tmp_path / "out"
    with open_queue(out, jobs=2, real=True, how=How(exports=("json",))) as queue:
        queue.add([str(folder)])
        until(lambda: len(queue.snapshot().items) == 3 and not queue.snapshot().looking)
        assert states(queue) == ["waiting"] * 3
        queue.start()
        until(lambda: over(queue))
        assert states(queue) == ["done", "failed", "done"]
        a, bad = item(queue, "a"), item(queue, "bad")
        assert a.folder == out / "a" and a.outcome and a.outcome.frames == face_clip.frames
        found = read_intervals(out / "a" / "intervals.csv")
        assert a.outcome.micro == sum(one.kind == "micro" for one in found) >= 1
        assert sum(1 for _ in read_frames(out / "b" / "frames.csv")) == face_clip.frames
        assert (out / "a" / "events.json").exists()
        assert bad.folder is None and bad.outcome and "bad.mp4" in bad.outcome.error
        assert queue.snapshot().failures == out / FAILURES
        assert [row["source"] for row in rows(out)] == [bad.spec]
        assert queue.snapshot().fraction == 1.0

        shutil.copy(face_clip.path, folder / "bad.mp4")
        queue.configure(Options(out, how=How(exports=("json",), resume=True)))
        queue.retry()
        queue.retry([a.id])
        queue.start()
        until(lambda: over(queue))
        assert states(queue) == ["skipped", "done", "done"]
        assert item(queue, "a").folder == out / "a"
        assert queue.snapshot().failures is None and not (out / FAILURES).exists()


def rows(out: Path) -> list[dict[str, str]]:
    with (out / FAILURES).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_nothing_begins_before_start_and_the_state_is_idle_again_at_the_end(queue: BatchQueue) -> None:
    fill(queue, "one", "two")
    assert over(queue) and states(queue) == ["waiting", "waiting"] and not queue.is_running()
    queue.start()
    until(lambda: over(queue))
    assert states(queue) == ["done", "done"]
    one = item(queue, "one")
    assert (one.done, one.total, one.rate) == (FRAMES, FRAMES, FRAMES / 0.5)
    assert one.outcome and (one.outcome.micro, one.outcome.macro) == (2, 1)


def test_a_pause_holds_what_runs_between_frames_and_begins_nothing(queue: BatchQueue) -> None:
    fill(queue, "endless", "two")
    queue.start()
    until(lambda: item(queue, "endless").done > 100)
    assert item(queue, "endless").rate > 0
    queue.pause()
    assert states(queue) == ["paused", "waiting"] and queue.snapshot().state == "paused"
    last: list[int] = []

    def stands_still() -> bool:  # a free counter is never twice the same
        last.append(item(queue, "endless").done)
        return len(last) > 30 and len(set(last[-30:])) == 1

    until(stands_still)
    assert math.isnan(item(queue, "endless").eta_s)
    queue.start()
    until(lambda: item(queue, "endless").done > last[-1])
    assert states(queue) == ["running", "waiting"]


def test_one_is_cancelled_and_the_others_go_on(queue: BatchQueue) -> None:
    fill(queue, "endless", "two", "three")
    queue.cancel([item(queue, "three").id])
    queue.start()
    until(lambda: item(queue, "endless").done > 0)
    queue.cancel([item(queue, "endless").id])
    until(lambda: over(queue))
    assert states(queue) == ["cancelled", "done", "cancelled"]
    outcome = item(queue, "endless").outcome
    assert outcome and outcome.status == "interrupted" and outcome.frames > 0


def test_all_are_cancelled_while_they_are_held(queue: BatchQueue) -> None:
    fill(queue, "endless", "two")
    queue.start()
    until(lambda: item(queue, "endless").done > 0)
    queue.pause()
    queue.cancel()
    until(lambda: over(queue) and not queue.is_running())
    assert states(queue) == ["cancelled", "cancelled"]


def test_a_worker_that_dies_takes_its_own_source_only(queue: BatchQueue, tmp_path: Path) -> None:
    fill(queue, "dying", "two")
    queue.start()
    until(lambda: over(queue))
    assert states(queue) == ["failed", "done"]
    outcome = item(queue, "dying").outcome
    assert outcome and "ended from outside" in outcome.error
    assert [path.name for path in (tmp_path / "out").iterdir()] == [FAILURES]  # nothing half-written
    assert Path(rows(tmp_path / "out")[0]["source"]).name == "dying.mp4"


def test_a_worker_killed_from_outside_is_replaced(tmp_path: Path) -> None:
    make = Counting()
    queue = BatchQueue(Options(tmp_path / "out"), make_worker=make)
    try:
        fill(queue, "endless", "two")
        queue.start()
        until(lambda: item(queue, "endless").done > 0)
        pid = make.workers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: over(queue))
        assert states(queue) == ["failed", "done"]
        queue.cancel()
        queue.retry()
        queue.start()
        until(lambda: item(queue, "endless").done > 0)
        assert item(queue, "endless").outcome is None
    finally:
        assert queue.close()


def test_closing_ends_by_force_what_does_not_stop(tmp_path: Path) -> None:
    make = Counting()
    queue = BatchQueue(Options(tmp_path / "out"), make_worker=make)
    fill(queue, "hanging", "two")
    queue.start()
    until(lambda: item(queue, "hanging").done > 0)
    assert queue.is_running()
    assert not queue.close(0.6)
    assert states(queue) == ["cancelled", "cancelled"] and not queue.is_running()
    assert list((tmp_path / "out").iterdir()) == []


def test_as_many_at_a_time_as_asked_for(tmp_path: Path) -> None:
    with open_queue(tmp_path / "out", jobs=2) as queue:
        fill(queue, "endless1", "endless2", "endless3")
        queue.start()
        until(lambda: item(queue, "endless1").done > 0 and item(queue, "endless2").done > 0)
        assert states(queue) == ["running", "running", "waiting"]
        queue.configure(Options(tmp_path / "out", jobs=3))
        until(lambda: item(queue, "endless3").done > 0)


def test_order_is_changed_and_items_are_removed(queue: BatchQueue) -> None:
    fill(queue, *"abcde")
    ids = {Path(one.spec).stem: one.id for one in queue.snapshot().items}

    def order() -> str:
        return "".join(Path(one.spec).stem for one in queue.snapshot().items)

    queue.move([ids["c"], ids["d"]], -1)
    assert order() == "acdbe"
    queue.move([ids["a"], ids["c"]], -1)
    assert order() == "acdbe"
    queue.move([ids["a"], ids["e"]], 2)
    assert order() == "cdabe"
    queue.remove([ids["d"]])
    assert order() == "cabe"
    queue.remove()  # nothing is over
    assert order() == "cabe"
    queue.start()
    until(lambda: over(queue))
    queue.remove()
    assert order() == ""


def test_what_runs_is_not_removed_and_a_source_is_not_added_twice(queue: BatchQueue) -> None:
    fill(queue, "endless")
    queue.start()
    until(lambda: item(queue, "endless").done > 0)
    queue.remove([item(queue, "endless").id])
    queue.add(["endless.mp4", "./endless.mp4", "two.mp4"])
    until(lambda: len(queue.snapshot().items) == 2)
    assert not queue.snapshot().looking


def test_a_folder_that_cannot_be_written_to_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with open_queue(tmp_path / "out") as queue:
        fill(queue, "one")
        queue.start()
        until(lambda: over(queue) and bool(queue.snapshot().message))
        assert "it is not a folder" in queue.snapshot().message
        assert states(queue) == ["waiting"]
        queue.configure(Options(tmp_path / "elsewhere"))
        queue.start()
        until(lambda: over(queue))
        assert states(queue) == ["done"] and queue.snapshot().message == ""


def test_an_empty_name_is_told(queue: BatchQueue) -> None:
    queue.add([" "])
    until(lambda: not queue.snapshot().looking)
    assert "empty" in queue.snapshot().message and not queue.snapshot().items


def test_a_cluster_that_does_not_answer_is_told_and_the_source_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("megc_live.cluster._CONNECT_S", 0.2)
    queue = BatchQueue(Options(tmp_path / "out", cluster="tcp://127.0.0.1:1"))
    try:
        fill(queue, "one")
        assert not queue.snapshot().holds
        queue.start()
        until(lambda: bool(queue.snapshot().message))
        assert "does not answer" in queue.snapshot().message and states(queue) == ["waiting"]
    finally:
        queue.close(1.0)


def test_a_cluster_does_the_work_a_pause_waits_for_it_and_it_can_be_cancelled(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        options = Options(tmp_path / "out", cluster=address)
        queue = BatchQueue(options, make_worker=lambda given: ClusterWorker(given or "", count))
        try:
            fill(queue, "endless", "two")
            queue.start()
            until(lambda: item(queue, "endless").done > 0 and item(queue, "two").state == "done")
            fill(queue, "three")
            queue.pause()
            assert item(queue, "endless").state == "running"
            queue.cancel([item(queue, "endless").id])
            until(lambda: item(queue, "endless").state == "cancelled")
            assert item(queue, "endless").outcome.frames > 0  # type: ignore[union-attr]
            queue.start()
            until(lambda: over(queue))
            assert states(queue) == ["cancelled", "done", "done"]
        finally:
            assert queue.close(1.0)


@pytest.mark.parametrize("state", ["cancelled", "failed", "done"])
def test_the_share_that_is_done_never_falls_when_a_source_is_over(state: ItemState) -> None:
    items = [Item(1, "a.mp4", 100.0, state="running", done=30, total=100), Item(2, "b.mp4", 100.0)]
    done, total = progress_of(items)
    items[0].state = state
    after, of = progress_of(items)
    assert after / of >= done / total


def test_names_are_those_of_analyze_and_never_taken_twice(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert free_name("s1/clip.mp4", [("s2/other.mp4", "")], out) == Named("clip")
    alike = free_name("s1/clip.mp4", [("s2/clip.mp4", "clip")], out)
    assert alike == Named("s1_clip", "clip is the name of other files too")
    taken = free_name("s1/clip.mp4", [("x/y.mp4", "Clip")], out)
    assert taken == Named("clip_2", "clip is of another file in the queue")
    assert free_name("s1/clip.mp4", [("./s1/clip.mp4", "clip")], out) == Named("clip")


def test_results_of_another_source_and_reviewed_ones_leave_their_name(tmp_path: Path) -> None:
    out, mine = tmp_path / "out", str(tmp_path / "s2" / "clip.mp4")
    for name in ("clip", "clip_2"):
        session = made_up.session()
        session.run = {"complete": True, "source": str(tmp_path / "s1" / "clip.mp4")}
        (out / name).mkdir(parents=True)
        session.write(out / name)
    assert free_name(mine, [], out) == Named("clip_3", "clip is of another recording")
    session.run["source"] = mine
    (out / "clip_3").mkdir()
    session.write(out / "clip_3")
    assert free_name(mine, [], out).name == "clip_3", "its own may be replaced"
    (out / "clip_3" / "review.jsonl").write_text('{"do": "edit"}\n')
    assert free_name(mine, [], out).name == "clip_4"
    assert free_name(mine, [], out, resume=True).name == "clip_3"
    own = str(tmp_path / "s3" / "talk.mp4")
    session.run["source"] = own
    (out / "talk").mkdir()
    session.write(out / "talk")
    (out / "talk" / "review.jsonl").write_text('{"do": "edit"}\n')
    assert free_name(own, [], out) == Named("talk_2", "talk is reviewed and was kept")
    assert free_name("camera:0", [], out) == Named("camera0")
    (out / "camera0").mkdir()
    assert free_name("camera:0", [], out) == Named("camera0_2", "camera0 is an earlier recording of it")


def test_a_failed_source_never_shows_the_results_of_another(queue: BatchQueue, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "bad").mkdir(parents=True)
    made_up.session().write(out / "bad")
    fill(queue, "bad")
    queue.start()
    until(lambda: over(queue))
    assert item(queue, "bad").state == "failed" and item(queue, "bad").folder is None


def test_it_is_known_why_results_are_beside_what_is_reviewed(queue: BatchQueue, tmp_path: Path) -> None:
    (tmp_path / "out" / "one").mkdir(parents=True)
    (tmp_path / "out" / "one" / "review.jsonl").write_text('{"do": "edit"}\n')
    fill(queue, "one", "two")
    queue.start()
    until(lambda: over(queue))
    one, two = item(queue, "one"), item(queue, "two")
    assert (one.name, one.beside) == ("one_2", "one is reviewed and was kept")
    assert (two.name, two.beside) == ("two", "")


def test_time_for_which_it_was_held_is_no_time_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Item(1, "a.mp4", 1.0)
    at = iter([10.0, 17.0, 20.0, 20.0])
    monkeypatch.setattr("megc_live.batch_items.time.monotonic", lambda: next(at, 20.0))
    one.hold(True)
    assert one.state == "paused"
    one.hold(False)
    one.hold(False)
    assert one.state == "running" and one.held_s == 7.0


def test_pace_counts_the_time_of_work_only() -> None:
    now = [0.0]
    pace = Pace(10.0, clock=lambda: now[0])
    assert math.isnan(pace.rate())
    pace.note(0)
    now[0] = 2.0
    pace.note(50)
    assert pace.rate() == 25.0 and left_s(50, 100, pace.rate()) == 2.0
    pace.forget()
    now[0] = 100.0
    pace.note(50)
    assert math.isnan(pace.rate()) and math.isnan(left_s(50, None, 25.0))
    for k in range(1, 41):
        now[0] = 100.0 + k
        pace.note(50 + (10 * k if k > 20 else 0))
    assert pace.rate() == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("where", ["begin", "poll", "progress"])
def test_a_fault_of_the_program_costs_one_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with open_queue(tmp_path / "out") as queue:
        fill(queue, "one", "two")
        real, calls = getattr(ProcessWorker, where), []

        def faulty(self: ProcessWorker, *given: object) -> object:
            calls.append(given)
            if len(calls) == 1:
                raise ValueError("nobody thought of this")
            return real(self, *given)

        monkeypatch.setattr(ProcessWorker, where, faulty)
        queue.start()
        until(lambda: over(queue))
        assert states(queue) == ["failed", "done"]
        outcome = item(queue, "one").outcome
        assert outcome and "nobody thought of this" in outcome.error


@pytest.mark.parametrize("part", ["expand", "size_of", "same"])
def test_a_fault_while_looking_through_folders_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setattr(f"megc_live.batch_queue.{part}", broken)
    queue = BatchQueue(Options(tmp_path))
    try:
        queue.add([str(tmp_path)])
        until(lambda: bool(queue.snapshot().message))
        assert "too deep" in queue.snapshot().message and not queue.snapshot().looking
        assert not queue.is_running()
    finally:
        queue.close(5.0)
