"""``megc-train evaluate recognition``: files, resuming, the control, the leak, the page."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from megc_live.errors import DatasetError, MegcError, SettingsError
from tests.training.test_recognition import composite, made_up
from training.cli import app
from training.datasets.flow_file import FlowData
from training.recognition import evaluate as module
from training.recognition.evaluate import evaluate_recognition
from training.recognition.large_nets import OffApexNetMethod
from training.recognition.published import PARTS, PUBLISHED_ROWS
from training.recognition.ststnet import FittedNet, Schedule

TINY = {
    "ststnet": {"schedule": Schedule(epochs=3, batch=16)},
    "off-apexnet": {"schedule": Schedule(epochs=1, batch=16)},
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of 36 samples; a quarter of the images are noise, so that not every answer is right."""
    data = made_up(36)
    flow = data.flow.copy()
    flow[::4] = np.random.default_rng(5).integers(0, 255, flow[::4].shape, dtype=np.uint8)
    path = tmp_path / "small.npz"
    np.savez(path, flow=flow, label=data.label, subject=data.subject, dataset=data.dataset, clip=data.clip)
    return path


def run(data: Path, out: Path, **more: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"methods": ["ststnet", "rbf-svm"], "seeds": 2, "settings": TINY} | more
    return evaluate_recognition("megc2019-flow", data, out, published_counts=False, **chosen)


def row_of(summary: dict[str, Any], method: str, labels: str = "true", leaky: bool = False) -> dict[str, Any]:
    found = [r for r in summary["rows"] if (r["method"], r["labels"], r["leaky"]) == (method, labels, leaky)]
    assert len(found) == 1
    return dict(found[0])


def test_it_writes_what_the_scorer_takes_and_scores_the_same(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = run(small, out)
    assert summary == json.loads((out / "summary.json").read_text())
    names = {path.name for path in (out / "predictions").iterdir()}
    assert names == {
        "ststnet_seed0.csv", "ststnet_seed1.csv", "ststnet_seed0_control.csv", "ststnet_seed1_control.csv",
        "rbf-svm_seed0.csv", "rbf-svm_seed0_control.csv", "rbf-svm_seed1_control.csv",
    }  # fmt: skip
    runner = CliRunner()
    for method, labels, seeds in (("ststnet", "true", 2), ("rbf-svm", "true", 1), ("ststnet", "shuffled", 2)):
        scored = []
        for seed in range(seeds):
            name = f"{method}_seed{seed}{'_control' * (labels == 'shuffled')}.csv"
            path = str(out / "predictions" / name)
            result = runner.invoke(app, ["score", "recognition", "--truth", path, "--pred", path, "--json"])
            assert result.exit_code == 0, result.output
            scored.append(json.loads(result.output))
        row = row_of(summary, method, labels)
        assert row["seeds"] == list(range(seeds))
        for key in ("uf1", "uar"):
            assert row["scores"]["full"][key] == pytest.approx(np.mean([s[key] for s in scored]), abs=1e-4)
            of_a = np.mean([s["per_dataset"]["a"][key] for s in scored])
            assert row["scores"]["a"][key] == pytest.approx(of_a, abs=1e-4)


def test_predictions_hold_numbers_in_the_order_of_the_data(small: Path, tmp_path: Path) -> None:
    run(small, tmp_path / "out", methods=["rbf-svm"], control=False)
    table = pd.read_csv(tmp_path / "out/predictions/rbf-svm_seed0.csv", dtype={"subject": str})
    assert list(table.columns) == [
        "dataset", "subject", "clip", "truth", "pred", "p_negative", "p_positive", "p_surprise", "seed",
    ]  # fmt: skip
    data = made_up(36)
    assert table["truth"].tolist() == data.label.tolist()
    assert table["subject"].tolist() == data.subject.tolist()
    probabilities = table.filter(like="p_").to_numpy()
    assert np.array_equal(probabilities.argmax(1), table["pred"])
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_confusions_and_subjects_agree_with_the_predictions(small: Path, tmp_path: Path) -> None:
    summary = run(small, tmp_path / "out", control=False)
    row = row_of(summary, "ststnet")
    tables = [pd.read_csv(path) for path in (tmp_path / "out/predictions").glob("ststnet_seed?.csv")]
    right = sum(int((t["truth"] == t["pred"]).sum()) for t in tables)
    assert np.trace(row["confusion"]) == right and np.sum(row["confusion"]) == 72
    assert sum(s["clips"] for s in row["subjects"].values()) == 36
    assert sum(s["right"] for s in row["subjects"].values()) == pytest.approx(right / 2)
    low, high = row["interval_95"]["uf1"]
    assert low <= row["scores"]["full"]["uf1"] <= high
    assert "uf1_sd" in row["scores"]["full"] and "uf1_sd" not in row_of(summary, "rbf-svm")["scores"]["full"]


def test_a_stopped_run_goes_on_and_gives_the_same(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(small, tmp_path / "whole", methods=["off-apexnet"])
    done: list[str] = []
    real = module._do

    def stops(method: Any, data: Any, unit: Any) -> Any:
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(unit.path.name)
        return real(method, data, unit)

    monkeypatch.setattr(module, "_do", stops)
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path / "out", methods=["off-apexnet"])
    assert len(list((tmp_path / "out/folds").rglob("*.csv"))) == 7
    assert not (tmp_path / "out/summary.json").exists()
    again: list[str] = []
    monkeypatch.setattr(module, "_do", lambda m, d, t: (again.append(t.path.name), real(m, d, t))[1])
    assert run(small, tmp_path / "out", methods=["off-apexnet"], resume=True) == whole
    folds = len(list((tmp_path / "whole/folds").rglob("*.csv")))
    assert len(again) == folds - 7


class Dies(OffApexNetMethod):
    """Kills the process that fits it, once, at the fold 3: two workers have finished two folds by then."""

    def __init__(self, marker: Path) -> None:
        super().__init__(TINY["off-apexnet"]["schedule"])
        self.marker = marker

    def fit(self, data: FlowData, seed: int) -> FittedNet:
        if seed == 3 and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(data, seed)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_give_what_one_process_gives_and_a_killed_one_loses_no_fold(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = {"methods": ["off-apexnet"], "control": False, "seeds": 1}
    whole = run(small, tmp_path / "whole", **only)
    out = tmp_path / "out"
    monkeypatch.setattr(module, "_make", lambda names, settings: {"off-apexnet": Dies(tmp_path / "died")})
    with pytest.raises(SettingsError, match="killed; what was finished is kept"):
        run(small, out, jobs=2, **only)
    kept = {path: path.stat().st_mtime_ns for path in (out / "folds").rglob("*.csv")}
    assert kept
    assert run(small, out, jobs=2, resume=True, **only) == whole
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_a_folder_of_another_run_is_refused(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small, out, control=False, seeds=1)
    with pytest.raises(SettingsError, match="--resume"):
        run(small, out)
    with pytest.raises(SettingsError, match="other data or settings"):
        run(small, out, resume=True, settings={"ststnet": {"schedule": Schedule(epochs=4, batch=16)}})
    other = tmp_path / "other.npz"
    data = made_up(36, seed=3)
    np.savez(
        other, flow=data.flow, label=data.label, subject=data.subject, dataset=data.dataset, clip=data.clip
    )
    with pytest.raises(SettingsError, match="other data or settings"):
        run(other, out, resume=True)
    # Another method may join what is there.
    assert row_of(run(small, out, resume=True, control=False, methods=["bi-woof"]), "bi-woof")


def test_a_fold_that_was_altered_is_refused(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small, out, control=False, methods=["rbf-svm"])
    path = out / "folds/rbf-svm_seed0/all.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DatasetError, match="not those of the data"):
        run(small, out, control=False, methods=["rbf-svm"], resume=True)


def test_the_leak_is_labelled_and_flatters(small: Path, tmp_path: Path) -> None:
    summary = run(small, tmp_path / "out", leaky=True)
    assert [r["leaky"] for r in summary["rows"] if r["method"] == "rbf-svm"] == [False, False]
    for labels in ("true", "shuffled"):
        leak, honest = row_of(summary, "ststnet", labels, True), row_of(summary, "ststnet", labels)
        assert leak["choice"].startswith("LEAKY") and not honest["choice"].startswith("LEAKY")
        assert np.trace(leak["confusion"]) >= np.trace(honest["confusion"])
    page = (tmp_path / "out/report.html").read_text()
    rows = re.findall(r'<tr class="leaky [a-z]+"><td>([^<]+)', page)
    assert rows == ["LEAKY ststnet", "LEAKY ststnet, shuffled labels"]
    leaks = sorted(path.name for path in (tmp_path / "out/predictions").glob("*LEAKY*"))
    assert leaks == [f"ststnet_seed{s}{c}_LEAKY.csv" for s in (0, 1) for c in ("", "_control")]


def test_the_leak_takes_the_epoch_with_most_right_answers() -> None:
    sure = np.eye(3)
    found = np.stack([sure[[0, 0, 0]], sure[[0, 1, 0]], sure[[0, 1, 1]], sure[[0, 1, 1]]])
    assert np.array_equal(module._best_epoch(found, np.array([0, 1, 1])), found[2])
    assert np.array_equal(module._best_epoch(found, np.array([0, 2, 0])), found[0])


def test_the_control_is_judged_by_the_labels_it_was_fitted_on(small: Path, tmp_path: Path) -> None:
    run(small, tmp_path / "out", methods=["rbf-svm"])
    deals = [
        pd.read_csv(tmp_path / f"out/predictions/rbf-svm_seed{s}_control.csv")["truth"].tolist()
        for s in (0, 1)
    ]
    truth = made_up(36).label.tolist()
    assert deals[0] != deals[1] != truth
    assert sorted(deals[0]) == sorted(deals[1]) == sorted(truth)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_else_and_shows_published_rows_for_the_composite_only(
    small: Path, tmp_path: Path
) -> None:
    summary = run(small, tmp_path / "out", control=False, seeds=1)
    page = (tmp_path / "out/report.html").read_text()
    links = _Links()
    links.feed(page)
    assert links.found and all(link.startswith("data:image/png;base64,") for link in links.found)
    assert "STSTNet, UAR corrected" not in page
    assert summary["data_sha256"] in page and summary["versions"]["torch"] in page


@pytest.mark.parametrize("row", PUBLISHED_ROWS, ids=lambda row: row.method)
def test_published_rows_are_whole(row: Any) -> None:
    assert len(row.uf1) == len(row.uar) == len(PARTS)
    assert all(0 < value < 1 for value in (*row.uf1, *row.uar)) and row.source


def test_the_command_on_the_composite(tmp_path: Path) -> None:
    data, out = composite(tmp_path / "data.npz"), tmp_path / "out"
    command = [
        "evaluate", "recognition", "--dataset", "megc2019-flow", "--data", str(data), "--method", "rbf-svm",
        "--no-control", "--out", str(out),
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "rbf-svm" in result.output and "seeds 1" in result.output
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["clips"], summary["subjects"]) == (442, 68)
    assert set(summary["rows"][0]["scores"]) == set(PARTS)
    page = (out / "report.html").read_text()
    assert "STSTNet, UAR corrected" in page and "0.7186" in page
    # Each published score stands below the data set that it is of.
    header = re.findall(r"<th>(\w+) UF1</th>", page)
    bi_woof = next(row for row in PUBLISHED_ROWS if row.method == "Bi-WOOF")
    cells = re.findall(r"<td>([\d.]+)</td>", page[page.index("<td>Bi-WOOF</td>") :])[: 2 * len(PARTS)]
    half = len(header) // 2
    assert header[:half] == header[half:]
    for k, part in enumerate(header[:half]):
        assert float(cells[2 * k]) == bi_woof.uf1[PARTS.index(part)]
        assert float(cells[2 * k + 1]) == bi_woof.uar[PARTS.index(part)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"methods": ["magic"]}, SettingsError, "no recogniser to train named 'magic'"),
        ({"methods": ["rbf-svm"], "leaky": True}, SettingsError, "epochs to choose from"),
        ({"seeds": 0}, SettingsError, "got 0 seeds"),
        ({"data": Path("nowhere.npz")}, DatasetError, "cannot read"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    small: Path, tmp_path: Path, change: dict[str, Any], error: type[MegcError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(**({"data": small, "out": tmp_path / "out"} | change))
    assert not (tmp_path / "out").exists()


def test_an_unknown_data_set_is_named(small: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="casme9"):
        evaluate_recognition("casme9", small, tmp_path / "out")
