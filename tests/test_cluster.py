"""Sources analysed by the workers of a Dask cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

from megc_live.batch import How, analyse_all
from megc_live.cli import app
from megc_live.jobs import name_jobs
from megc_live.settings import Settings
from tests.indexed import write_indexed
from tests.test_batch import CountingEngine, SlowEngine, failures


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
    ):
        yield cluster.scheduler_address


def test_workers_do_what_this_computer_would_and_one_that_dies_costs_one_source(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the workers run in another folder
    for name in ("good", "die", "last"):
        write_indexed(tmp_path / f"{name}.mp4", 25)
    jobs = name_jobs(["good.mp4", "die.mp4", "missing.mp4", "last.mp4"])
    how = How(make_engine=CountingEngine)
    told: list[int] = []
    outcomes = analyse_all(
        jobs, Path("out"), Settings(), how, cluster=address, on_outcome=lambda index, _: told.append(index)
    )
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "failed", "done"]
    assert sorted(told) == [0, 1, 2, 3]
    (_, died), (_, missing) = failures(Path("out"))[1:]
    assert "was ended from outside or crashed" in died and "there is no file" in missing
    alone = analyse_all(jobs[:1], Path("alone"), Settings(), how)
    assert alone[0].micro == outcomes[0].micro == 2
    for table in ("intervals.csv", "frames.csv"):
        assert Path("out/good", table).read_bytes() == Path("alone/good", table).read_bytes()
    assert json.loads(Path("out/good/session.json").read_text())["run"]["complete"]


def test_what_is_stopped_before_it_begins_is_not_begun(address: str, tmp_path: Path) -> None:
    jobs = name_jobs([str(write_indexed(tmp_path / f"{k}.mp4", 25)) for k in range(2)])
    how = How(make_engine=SlowEngine)
    outcomes = analyse_all(jobs, tmp_path / "out", Settings(), how, cluster=address, stopped=lambda: True)
    assert len(outcomes) < 2 and all(outcome.status == "interrupted" for outcome in outcomes)


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megc_live.cluster._CONNECT_S", 0.5)
    clip = write_indexed(tmp_path / "a.mp4", 12)
    command = ["analyze", str(clip), "--out", str(tmp_path / "out"), "--cluster", "tcp://127.0.0.1:9"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the cluster at 'tcp://127.0.0.1:9' does not answer")
    assert "dask scheduler" in result.stderr and result.stderr.count("\n") == 1
