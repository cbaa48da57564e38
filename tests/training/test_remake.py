"""``megc-train report``: the page from the predictions alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.training.test_recognition import made_up
from training.cli import app
from training.commands_report import remake
from training.datasets.flow_file import FlowData
from training.recognition.evaluate import evaluate_recognition
from training.recognition.ststnet import Schedule


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation with several seeds, a control and a leak; noise, so that not every answer is right."""
    folder = tmp_path_factory.mktemp("evaluated")
    data: FlowData = made_up(36)
    flow = data.flow.copy()
    flow[::4] = np.random.default_rng(5).integers(0, 255, flow[::4].shape, dtype=np.uint8)
    np.savez(
        folder / "d.npz", flow=flow, label=data.label, subject=data.subject, dataset=data.dataset,
        clip=data.clip,
    )  # fmt: skip
    evaluate_recognition(
        "megc2019-flow", folder / "d.npz", folder / "out", methods=["rbf-svm", "ststnet"], seeds=2,
        leaky=True, published_counts=False, settings={"ststnet": {"schedule": Schedule(epochs=2, batch=16)}},
    )  # fmt: skip
    return folder / "out"


@pytest.fixture
def folder(evaluated: Path, tmp_path: Path) -> Path:
    """A copy that may be altered, without anything that a report does not need."""
    (tmp_path / "predictions").mkdir()
    for path in (evaluated / "predictions").iterdir():
        (tmp_path / "predictions" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "summary.json").write_bytes((evaluated / "summary.json").read_bytes())
    return tmp_path


def run(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["report", str(folder)])
    return result.exit_code, result.output


def test_it_is_the_page_that_the_evaluation_wrote(evaluated: Path, folder: Path) -> None:
    summary = (folder / "summary.json").read_bytes()
    assert run(folder) == (0, f"written: {folder / 'report.html'}\n")
    # Rows may stand in another order: the names of files do not say which method came first.
    made, first = ((f / "report.html").read_text().splitlines() for f in (folder, evaluated))
    assert sorted(x for x in made if "<img" not in x) == sorted(x for x in first if "<img" not in x)
    assert (folder / "summary.json").read_bytes() == summary


def test_scores_of_a_synthetic_corpus_are_still_called_so(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    for row in summary["rows"]:
        row["synthetic"] = True
    (folder / "summary.json").write_text(json.dumps(summary))
    assert run(folder) == (0, f"written: {folder / 'report.html'}\n"), "nothing disagrees"
    page = (folder / "report.html").read_text()
    assert "<td>rbf-svm, synthetic</td>" in page and "As published" not in page


def test_a_summary_that_claims_more_is_contradicted(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    row = next(
        r for r in summary["rows"] if (r["method"], r["labels"], r["leaky"]) == ("ststnet", "true", False)
    )
    true = row["scores"]["full"]["uf1"]
    row["scores"]["full"]["uf1"] = 0.9999
    (folder / "summary.json").write_text(json.dumps(summary))
    line = f"ststnet, scores full uf1: summary.json says 0.9999, the predictions give {true}"
    code, output = run(folder)
    assert code == 0 and f"DISAGREES: {line}" in output and output.count("DISAGREES") == 1
    page = (folder / "report.html").read_text()
    assert "summary.json disagrees" in page and line in page
    assert f"<td>{true:.3f}" in page


def test_predictions_that_were_altered_give_their_own_score(folder: Path) -> None:
    path = folder / "predictions/rbf-svm_seed0.csv"
    table = pd.read_csv(path, dtype={"subject": str})
    table["pred"] = table["truth"]
    table.to_csv(path, index=False)
    _, lines = remake(folder)
    assert any(line.startswith("rbf-svm, scores full uf1") and line.endswith("give 1.0") for line in lines)
    assert all(line.startswith("rbf-svm, ") for line in lines)


def test_rows_that_only_one_side_has_are_said(folder: Path) -> None:
    for path in (folder / "predictions").glob("*LEAKY*"):
        path.unlink()
    (folder / "predictions/rbf-svm_seed0.csv").rename(folder / "predictions/mine_seed0.csv")
    _, lines = remake(folder)
    assert "summary.json has no row mine" in lines
    assert "summary.json has a row LEAKY ststnet, of which there are no predictions" in lines


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "summary.json").unlink(), "holds no evaluation: cannot read"),
        (lambda f: (f / "summary.json").write_text("{"), "not the summary"),
        (lambda f: (f / "summary.json").write_text("[]"), "it is no JSON object"),
        (lambda f: (f / "summary.json").write_text('{"rows": []}'), "neither of recognisers nor of spotters"),
        (
            lambda f: (f / "summary.json").write_text('{"data_sha256": "", "rows": []}'),
            "it has no 'dataset'",
        ),
        (
            lambda f: (f / "summary.json").write_text(
                '{"dataset": "a", "data_sha256": "", "settings": {}, "versions": {}, "rows": [1]}'
            ),
            "row 1 is 1",
        ),
        (lambda f: [p.unlink() for p in (f / "predictions").iterdir()], "holds no predictions"),
        (lambda f: (f / "predictions/notes.csv").write_text("a\n"), "named like no table"),
        (lambda f: (f / "predictions/a_seed0.csv").write_text("a\n1\n"), "there is no such column"),
        (
            lambda f: (f / "predictions/a_seed0.csv").write_text(
                "dataset,subject,clip,truth,pred\na,001,c0,0,0\n"
            ),
            "are of different clips",
        ),
    ],
)
def test_what_is_no_evaluation_is_one_line(folder: Path, spoil: object, says: str) -> None:
    spoil(folder)  # type: ignore[operator]
    code, output = run(folder)
    assert code == 1 and says in output.replace("\n", " ") and "Traceback" not in output
    assert not (folder / "report.html").exists()
