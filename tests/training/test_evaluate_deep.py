"""`evaluate recognition` of the networks on frames, from a corpus' images to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from megc_live.errors import SettingsError
from training.cli import app
from training.datasets.clip_layouts import LAYOUTS
from training.recognition.method_settings import parse_settings
from training.recognition.resnet18 import RANDOM
from training.recognition.variants import as_published


def run(tiny: Path, out: Path, *args: str) -> Result:
    fixed = ("--dataset", "smic", "--root", str(tiny / "smic"), "--cache", str(tiny / "cache"))
    quick = ("--seeds", "1", "--no-control")
    return CliRunner().invoke(app, ["evaluate", "recognition", *fixed, "--out", str(out), *quick, *args])


def small(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


EMR = ("--method", "emr", *small("emr.epochs=1", "emr.size=64"))


def test_emr_with_ck_plus_from_images_to_report(tiny_corpora: Path, tmp_path: Path) -> None:
    LAYOUTS["ck_plus"](tiny_corpora / "corpus", tmp_path / "ck")
    out = tmp_path / "out"
    result = run(tiny_corpora, out, *EMR, "--ck-plus", str(tmp_path / "ck"), "--leaky")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out / "predictions" / "emr_seed0.csv")
    assert len(table) == 9 and set(table["subject"]) == {"s15", "s16", "s17"}
    assert (out / "predictions" / "emr_seed0_LEAKY.csv").exists()
    settings = json.loads((out / "summary.json").read_text())["settings"]["emr"]
    assert settings["start"] == RANDOM and settings["epochs"] == 1
    assert settings["macro"]["clips"] == {"negative": 3, "positive": 3, "surprise": 3}
    assert "random: no published weights were given" in (out / "report.html").read_text()


def test_capsulenet_from_images_to_report(tiny_corpora: Path, tmp_path: Path) -> None:
    asked = small("capsulenet.epochs=1", "capsulenet.size=136", "capsulenet.extra=0")
    result = run(tiny_corpora, tmp_path, "--method", "capsulenet", *asked)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "predictions" / "capsulenet_seed0.csv")) == 9
    assert RANDOM in (tmp_path / "report.html").read_text()


def test_emr_without_ck_plus_runs_only_when_asked(tiny_corpora: Path, tmp_path: Path) -> None:
    result = run(tiny_corpora, tmp_path / "out", *EMR)
    assert result.exit_code == 2 and "got none" in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
    result = run(tiny_corpora, tmp_path / "out", *EMR, "--set", "emr.without_macro=true")
    assert result.exit_code == 0, result.output
    assert "not the published method" in (tmp_path / "out" / "report.html").read_text()


def test_ck_plus_without_emr_is_refused(tiny_corpora: Path, tmp_path: Path) -> None:
    result = run(tiny_corpora, tmp_path / "out", "--method", "capsulenet", "--ck-plus", str(tmp_path))
    assert result.exit_code == 2 and "for emr alone" in " ".join(result.output.split())


def test_weights_of_another_hash_stop_the_run(tiny_corpora: Path, tmp_path: Path) -> None:
    weights = tmp_path / "resnet18-f37072fd.pth"
    weights.write_bytes(b"something else")
    asked = small("emr.without_macro=true", f"emr.weights={weights}")
    result = run(tiny_corpora, tmp_path / "out", *EMR, *asked)
    assert result.exit_code == 1 and "SHA-256" in result.output and not (tmp_path / "out").exists()


def test_their_own_schedules_are_the_published_ones() -> None:
    assert as_published(["emr", "capsulenet"], schedules=True) == {"emr": {}, "capsulenet": {}}
    assert not {"emr", "capsulenet"} & set(as_published(None, schedules=True))


class TestSettings:
    def test_values_have_the_kind_of_the_setting(self) -> None:
        texts = [
            "emr.epochs=3",
            "emr.rate=1",
            "emr.reduce=false",
            "emr.sadness=positive",
            "emr.weights=a.pth",
        ]
        found = parse_settings([*texts, "emr.weights_sha256=none"], ["emr"])["emr"]
        assert found == {
            "epochs": 3, "rate": 1.0, "reduce": False, "sadness": "positive",
            "weights": Path("a.pth").resolve(), "weights_sha256": None,
        }  # fmt: skip
        assert isinstance(found["rate"], float)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("emr.epochs", "Write NAME.SETTING=VALUE"),
            ("epochs=3", "Write NAME.SETTING=VALUE"),
            ("emr.epochs=many", "Give int"),
            ("emr.reduce=maybe", "Give true or false"),
            ("emr.macro=x", "no setting 'macro'"),
            ("emr.colour=red", "no setting 'colour'"),
            ("no-such.epochs=1", "named 'no-such'"),
            ("capsulenet.epochs=1", "capsulenet is not run"),
        ],
    )
    def test_others_are_refused(self, text: str, reason: str) -> None:
        with pytest.raises(SettingsError, match=reason):
            parse_settings([text], ["emr"])

    def test_what_runs_only_when_named_takes_no_setting_unnamed(self) -> None:
        with pytest.raises(SettingsError, match="emr is not run"):
            parse_settings(["emr.epochs=1"])
