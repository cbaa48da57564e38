"""Folds by the workers of a Dask cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

from megc_live.cluster import ClusterError
from megc_live.errors import SettingsError
from tests.training.dying import Dying, Steady
from tests.training.dying_fold import die
from tests.training.test_recognition import made_up
from training.cli import app
from training.datasets import synth
from training.recognition import evaluate as module
from training.recognition.evaluate import evaluate_recognition
from training.spotting import record
from training.spotting.long import evaluate as long


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with (
        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 1,
                # What it does every two seconds: drop the copies of data that it finds superfluous.
                "distributed.scheduler.active-memory-manager.interval": "10ms",
            }
        ),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture
def small(tmp_path: Path) -> Path:
    data = made_up(36)
    path = tmp_path / "small.npz"
    np.savez(
        path, flow=data.flow, label=data.label, subject=data.subject, dataset=data.dataset, clip=data.clip
    )
    return path


def run(monkeypatch: pytest.MonkeyPatch, method: Any, data: Path, out: Path, **more: Any) -> dict[str, Any]:
    monkeypatch.setattr(module, "_make", lambda names, settings: {"off-apexnet": method})
    return evaluate_recognition(
        "megc2019-flow", data, out, seeds=1, published_counts=False, **{"control": False, **more}
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_worker_loses_no_fold(
    address: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(monkeypatch, Steady(), small, tmp_path / "alone")
    monkeypatch.chdir(tmp_path)  # the workers run in another folder
    marker, told = tmp_path / "died", []
    found = run(
        monkeypatch, Dying(marker), small, Path("out"), cluster=address,
        progress=lambda done, total, name: told.append((done, total)),
    )  # fmt: skip
    assert marker.exists() and found == alone
    assert told == [(k + 1, 4) for k in range(4)]
    for fold in range(4):
        part = f"folds/off-apexnet_seed0/fold{fold:03d}.csv"
        assert (tmp_path / "out" / part).read_bytes() == (tmp_path / "alone" / part).read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_task_that_kills_every_worker_is_an_error_that_keeps_what_was_finished(
    address: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SettingsError, match=r"killed every worker.*what was finished is kept"):
        run(monkeypatch, Dying(), small, out, cluster=address)
    kept = {path: path.stat().st_mtime_ns for path in (out / "folds").rglob("*.csv")}
    assert not (out / "summary.json").exists()
    again = run(monkeypatch, Steady(), small, out, resume=True)
    assert (
        again["rows"][0]["scores"] == run(monkeypatch, Steady(), small, tmp_path / "w")["rows"][0]["scores"]
    )
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_jobs_and_a_cluster_exclude_each_other(small: Path, tmp_path: Path) -> None:
    command = [
        "evaluate", "recognition", "--dataset", "megc2019-flow", "--data", str(small), "--out",
        str(tmp_path / "out"), "--jobs", "2", "--cluster", "tcp://127.0.0.1:1",
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and "exclude each other" in result.output
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_does_not_answer_is_one_line(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("megc_live.cluster._CONNECT_S", 0.3)
    with pytest.raises(ClusterError, match=r"tcp://127.0.0.1:9.*does not answer"):
        run(monkeypatch, Steady(), small, tmp_path / "out", cluster="tcp://127.0.0.1:9")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_worker_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording and making clips: a pool of multiprocessing would wait for ever."""
    monkeypatch.setattr(record, "read_listing", lambda corpus: [{"video": "a"}, {"video": "b"}])
    monkeypatch.setattr(record, "_record_one", die)
    with pytest.raises(SettingsError, match="a worker process was killed"):
        record.record_corpus(tmp_path, jobs=2)
    monkeypatch.setattr(synth, "_run_in_process", die)
    with pytest.raises(SettingsError, match="a worker process was killed"):
        list(synth._run_all([Path("a"), Path("b")], 2))  # type: ignore[list-item]


def test_videos_and_folds_of_spotting_go_to_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[tuple[Any, ...]] = []
    told: list[tuple[int, int, str]] = []

    def recorded(item: Any, spotters: Any) -> str:
        did.append((item, *spotters))
        return f"recorded {item}"

    monkeypatch.setattr(long, "record", recorded)
    monkeypatch.setattr(long, "run_fold", lambda fold: f"ran {fold}")
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        for calls in (
            [(partial(long._record, ["mdmd"]), "a")],
            [(long._run_fold, "b"), (long._run_fold, "c")],
        ):
            long._work(
                calls,  # type: ignore[arg-type]
                1, cluster.scheduler_address, lambda done, total, name: told.append((done, total, name)),
            )  # fmt: skip
    assert did == [("a", "mdmd")] and told[0] == (1, 1, "recorded a")
    assert [t[:2] for t in told[1:]] == [(1, 2), (2, 2)]
    assert {t[2] for t in told[1:]} == {"ran b", "ran c"}
