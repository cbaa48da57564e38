"""``megc-train evaluate recognition --root``: from the images of a corpus to the report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from megc_live.errors import DatasetError, SettingsError
from tests.training.test_recognition import composite
from training.cli import ApexRule, app
from training.datasets.flow_file import load_flow_file
from training.recognition.apex import RULES
from training.recognition.base import make_method
from training.recognition.clip_data import ClipData
from training.recognition.evaluate import evaluate_recognition
from training.recognition.inputs import CORPORA, unlike_the_challenge

METHODS = ["lbp-top", "rbf-svm", "bi-woof-full"]


def command(corpora: Path, out: Path, *more: str, dataset: str = "smic") -> list[str]:
    places = ["--root", str(corpora / dataset), "--cache", str(corpora / "cache"), "--out", str(out)]
    return ["evaluate", "recognition", "--dataset", dataset, *places, *more]


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args))


@pytest.fixture(scope="module")
def out(tiny_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three methods on smic."""
    out = tmp_path_factory.mktemp("run") / "out"
    methods = [word for name in METHODS for word in ("--method", name)]
    result = run(*command(tiny_corpora, out, *methods, "--seeds", "2"))
    assert result.exit_code == 0, result.output
    for name in METHODS:
        assert re.search(rf"^{name}, synthetic +UF1 [01]\.\d+", result.output, re.MULTILINE)
    return out


def test_every_clip_is_judged_and_the_scorer_agrees(out: Path) -> None:
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["dataset"], summary["clips"], summary["subjects"]) == ("smic", 9, 3)
    rows = {(row["method"], row["labels"]): row for row in summary["rows"]}
    assert sorted(rows) == sorted((m, labels) for m in METHODS for labels in ("true", "shuffled"))
    for name in METHODS:
        path = out / "predictions" / f"{name}_seed0.csv"
        table = pd.read_csv(path)
        assert sorted(table["subject"].unique()) == ["s15", "s16", "s17"] and len(table) == 9
        assert np.allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-5)
        result = run("score", "recognition", "--truth", str(path), "--pred", str(path), "--json")
        scored = json.loads(result.output)
        for key in ("uf1", "uar"):
            assert rows[name, "true"]["scores"]["full"][key] == pytest.approx(scored[key], abs=1e-4)
    assert len(list((out / "predictions").glob("lbp-top_seed?_control.csv"))) == 2


def test_methods_of_the_flow_find_what_was_planted(out: Path) -> None:
    """Brows together, brows up, mouth corners up, of one face: anything that works tells them apart."""
    for row in json.loads((out / "summary.json").read_text())["rows"]:
        if row["labels"] == "true" and row["method"] != "lbp-top":
            assert np.trace(row["confusion"]) >= 6, row["method"]


def test_the_report_says_how_the_samples_were_made(out: Path) -> None:
    settings = json.loads((out / "summary.json").read_text())["settings"]
    assert settings["lbp-top"]["apex"] == "annotated, else middle"
    assert settings["lbp-top"]["radii"] == [1, 1, 2] and "flow" not in settings["lbp-top"]
    assert settings["rbf-svm"]["flow"].startswith("TV-L1")
    page = (out / "report.html").read_text()
    assert "<td>lbp-top, synthetic</td>" in page and "smic layout, synthetic" in page
    assert "annotated, else middle" in page and "Findings in the data" not in page


def test_a_run_goes_on_with_another_method_and_refuses_other_pictures(
    out: Path, tiny_corpora: Path, tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/folds").rglob("*.csv")}
    again = command(tiny_corpora, tmp_path / "out", "--method", "bi-woof", "--no-control")
    assert "--resume" in run(*again).output
    assert run(*again, "--resume").exit_code == 0
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert (tmp_path / "out/predictions/bi-woof_seed0.csv").exists()
    again[again.index("bi-woof")] = "lbp-top"
    other = run(*again, "--resume", "--apex", "cells")
    assert other.exit_code == 2 and "other data or settings" in other.output


def test_clips_that_are_left_out_are_told_and_have_no_part(tiny_corpora: Path, tmp_path: Path) -> None:
    root = tmp_path / "casme2"
    shutil.copytree(tiny_corpora / "casme2", root)
    onset = sorted((root / "sub15/EP01_02").iterdir(), key=lambda path: int(path.stem[3:]))
    for path in onset:
        cv2.imwrite(str(path), np.full((224, 224, 3), 90, np.uint8))
    result = run(
        "evaluate", "recognition", "--dataset", "casme2", "--root", str(root), "--method", "lbp-top",
        "--no-control", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "casme2 sub15 EP01_02, images: no face is found" in " ".join(result.output.split())
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["clips"] == 8
    reads = [finding["read"] for finding in summary["findings"]]
    assert len(reads) == 2 and reads[0] == "3 clips of none of the three classes: others"
    page = (tmp_path / "out/report.html").read_text()
    assert "Findings in the data" in page and "no face is found" in page
    assert (tmp_path / "out/clips").is_dir()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--dataset", "megc2019-flow", "--root", "."], "Give --data FILE alone"),
        (["--dataset", "megc2019-flow"], "Give --data FILE"),
        (["--dataset", "megc2019-flow", "--data", "f.npz", "--method", "lbp-top"], "lbp-top needs frames"),
        (["--dataset", "megc2019-flow", "--data", "f.npz", "--apex", "cells"], "Give --data FILE alone"),
        (["--dataset", "megc2019-flow", "--data", "f.npz", "--cache", "c"], "Give --data FILE alone"),
        (["--dataset", "smic"], "Give --root PATH"),
        (["--dataset", "smic", "--data", "f.npz"], "--data is for megc2019-flow alone"),
        (["--dataset", "ck_plus", "--root", "."], "there is no data set named 'ck_plus' to evaluate"),
        (["--dataset", "samm", "--root", "nowhere"], "there is no folder 'nowhere'"),
        (["--dataset", "samm", "--root", ".", "--method", "magic"], "no recogniser to train named 'magic'"),
    ],
)
def test_wrong_combinations_are_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run("evaluate", "recognition", *arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == (1 if "nowhere" in arguments else 2)
    assert says in " ".join(result.output.split()) and "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_one_subject_cannot_be_left_out(tiny_corpora: Path, tmp_path: Path) -> None:
    root = tmp_path / "smic"
    shutil.copytree(tiny_corpora / "smic/HS/s15", root / "HS/s15")
    with pytest.raises(DatasetError, match="needs two, got 1"):
        evaluate_recognition("smic", None, tmp_path / "out", root=root, methods=["lbp-top"])


@pytest.mark.parametrize("name", METHODS[::2])
def test_folds_at_once_equal_the_plain_loop(tiny_smic: ClipData, name: str) -> None:
    method = make_method(name)
    found = method.left_out(tiny_smic)
    for group in np.unique(tiny_smic.group):
        out = tiny_smic.group == group
        alone = method.fit(tiny_smic.subset(~out), 0).probabilities(tiny_smic.subset(out))
        assert found[out] == pytest.approx(alone, abs=1e-6)


def test_a_clip_that_is_too_short_for_the_radius_is_named(tiny_smic: ClipData) -> None:
    method = make_method("lbp-top", frames=None, radii=(1, 1, 30))
    with pytest.raises(DatasetError, match="smic s15 s15_ne_01 has"):
        method.fit(tiny_smic, 0)


def test_a_composite_that_is_not_the_challenges_is_told(tmp_path: Path) -> None:
    whole = load_flow_file(composite(tmp_path / "flow.npz"))
    assert unlike_the_challenge(whole) == ()
    (found,) = unlike_the_challenge(whole.subset(np.arange(len(whole)) > 6))
    assert "(63, 51, 43) clips of smic" in found.read and "(70, 51, 43)" in found.read


def test_the_command_offers_all_rules_of_the_apex() -> None:
    assert tuple(rule.value for rule in ApexRule) == RULES


def test_the_corpora_are_data_sets_with_clips() -> None:
    assert set(CORPORA) == {"smic", "casme2", "samm", "composite"}
    with pytest.raises(SettingsError, match="composite needs the folder"):
        evaluate_recognition("composite", None, Path("out"))
