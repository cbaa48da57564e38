"""Fitted models on their way to where they ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from megc_live.errors import DatasetError, ModelError
from megc_live.models import ModelStore
from megc_live.settings import ModelSettings
from training.ship import export_models
from training.spotting.export import export_svm

CARD = {"kind": "spotter", "settings": {"threshold": 0.4}, "scores": {}}


def evaluation(folder: Path, method: str = "ltp-ml") -> Path:
    folder.mkdir()
    row = {"f1": 0.5, "f1_low": 0.4, "f1_high": 0.6, "precision": 0.7, "recall": 0.4, "alarms_per_min": 1.5}
    summary = {
        "folds": 3,
        "members": 1,
        "thresholds": {"0": {method: 0.5}, "1": {method: 0.8}, "2": {method: 0.6}},
        "rows": [{"method": method, "subset": "all", **row}],
        "unlearned_units": {method: {"recall_unlearned": 0.25}},
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    folder = tmp_path / "fitted"
    export_svm(np.linspace(-1, 1, 10), 0.1, folder, CARD)
    return folder


def test_a_model_ships_with_its_scores_and_the_folds_threshold(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "ship"
    (path,) = export_models(fitted, out, evaluation(tmp_path / "evaluation"))
    assert path.read_bytes() == (fitted / "ltp-ml.onnx").read_bytes()
    card = ModelStore(ModelSettings(directory=out)).get("ltp-ml").card
    assert card["settings"]["threshold"] == 0.6 and "median" in card["evaluation"]
    assert card["scores"]["all"]["f1_synthetic"] == 0.5
    assert card["scores"]["all"]["false_alarms_per_minute_synthetic"] == 1.5
    assert card["scores"]["recall_of_units_never_learned_synthetic"] == 0.25
    assert {p.name for p in out.iterdir()} == {"ltp-ml.onnx", "ltp-ml.json"}
    # The fitted one is as it was, and exporting onto itself only completes the card.
    assert json.loads((fitted / "ltp-ml.json").read_text())["settings"]["threshold"] == 0.4
    export_models(fitted, fitted, tmp_path / "evaluation")
    assert json.loads((fitted / "ltp-ml.json").read_text())["settings"]["threshold"] == 0.6


def test_what_does_not_fit_together_is_refused_and_writes_nothing(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "ship"
    with pytest.raises(DatasetError, match="no scores of ltp-ml"):
        export_models(fitted, out, evaluation(tmp_path / "other", "ltp-net"))
    with pytest.raises(DatasetError, match="holds no evaluation"):
        export_models(fitted, out, tmp_path / "missing")
    with (fitted / "ltp-ml.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="not the model of its card"):
        export_models(fitted, out)
    with pytest.raises(ModelError, match="there is no model"):
        export_models(tmp_path / "nowhere", out)
    assert not out.exists()
