from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from megc_live.errors import ModelError, OutputError
from megc_live.models import ModelStore, sha256_of
from megc_live.recognition.classifier import FlowClassifier
from megc_live.settings import ModelSettings
from training import export
from training.export import export_sklearn, export_torch, write_card

CARD = {"kind": "recognizer", "data": "made up"}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3 * 28 * 28, 3)

    def forward(self, flow: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.layer(flow.flatten(1)), dim=1)


def flows(n: int = 4) -> np.ndarray:
    return np.random.default_rng(n).uniform(-0.5, 0.5, (n, 3, 28, 28)).astype(np.float32)


def run(path: Path, values: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"flow": values})[0]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    example = torch.from_numpy(flows(2))
    folder = tmp_path_factory.mktemp("models") / "new"
    return export_torch(
        Small().eval(), {"flow": example}, "probabilities", folder, "small", CARD, batched=True
    )


@pytest.mark.parametrize("n", [1, 2, 7])
def test_onnxruntime_answers_as_torch_for_any_number_of_rows(exported: Path, n: int) -> None:
    with torch.no_grad():
        wanted = Small()(torch.from_numpy(flows(n))).numpy()
    assert np.allclose(run(exported, flows(n)), wanted, atol=1e-5)


def test_the_pair_is_what_the_application_loads(exported: Path) -> None:
    folder = exported.parent
    assert sorted(path.name for path in folder.iterdir()) == ["small.json", "small.onnx"]
    card = json.loads((folder / "small.json").read_text())
    assert card["sha256"] == sha256_of(exported) and card["name"] == "small"
    assert card["parity"] < export.PARITY and card["data"] == "made up"
    store = ModelStore(ModelSettings(directory=folder))
    image = np.random.default_rng(0).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    assert sum(FlowClassifier(store, "small").classify(image).probabilities) == pytest.approx(1)


def test_the_file_says_nothing_of_the_machine_that_made_it(exported: Path) -> None:
    data = exported.read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in data
    assert b".py" not in data and os.fsencode(Path.cwd()) not in data
    assert not onnx.load(exported).metadata_props


def test_a_model_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(ModelError, match="differs from the fitted model"):
        export_torch(
            Small().eval(), {"flow": torch.from_numpy(flows(2))}, "probabilities", tmp_path, "small", CARD
        )
    assert list(tmp_path.iterdir()) == []


def test_a_model_in_training_mode_with_dropout_cannot_pass_for_its_own(tmp_path: Path) -> None:
    model = nn.Sequential(Small(), nn.Dropout(0.5)).train()
    with pytest.raises(ModelError, match="differs"):
        export_torch(model, {"flow": torch.from_numpy(flows(8))}, "probabilities", tmp_path, "wild", CARD)


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        export_torch(
            Small().eval(),
            {"flow": torch.from_numpy(flows(2))},
            "probabilities",
            tmp_path / "file",
            "a",
            CARD,
        )


def test_scikit_learn_models_take_the_same_input(tmp_path: Path) -> None:
    x = flows(60)
    y = np.arange(60) % 3
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    model.fit(x.reshape(60, -1), y)
    path = export_sklearn(model, x[:5], tmp_path, "logistic", CARD)
    for n in (1, 9):
        assert np.allclose(run(path, x[:n]), model.predict_proba(x[:n].reshape(n, -1)), atol=1e-4)
    image = np.random.default_rng(0).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    store = ModelStore(ModelSettings(directory=tmp_path))
    assert sum(FlowClassifier(store, "logistic").classify(image).probabilities) == pytest.approx(1)


def test_a_recognizer_must_take_flow_and_give_probabilities(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 1, (30, 4)).astype(np.float32)
    model = LogisticRegression().fit(x, np.arange(30) % 3)
    export_sklearn(model, x, tmp_path, "rows", CARD, input_name="rows")
    with pytest.raises(ModelError, match="recognizer takes flow"):
        FlowClassifier(ModelStore(ModelSettings(directory=tmp_path)), "rows")


def test_a_card_without_a_hash_or_of_an_unknown_kind_is_not_written(tmp_path: Path) -> None:
    for card in ({"name": "a"}, {"sha256": "0", "kind": "dancer"}):
        with pytest.raises(ValidationError):
            write_card(tmp_path / "a.json", card)
    assert list(tmp_path.iterdir()) == []
