"""What every recogniser in the registry keeps to, whatever it is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from sklearn.svm import SVC

from megc_live.errors import ModelError, SettingsError
from megc_live.recognition.flow import prepare
from tests.training.test_recognition_methods import noisy
from training.datasets.flow_file import FlowData
from training.recognition.base import METHODS, Method, make_method, method_names
from training.recognition.evaluate import Run, Task, Unit, _do
from training.recognition.kernels import FittedSvm, Machine
from training.recognition.state import State, load_state, save_state
from training.recognition.ststnet import Schedule

FLOW = [name for name in method_names() if METHODS[name].capabilities.get("input", "flow") == "flow"]
EXPORTING = [name for name in FLOW if METHODS[name].capabilities.get("exports")]


def make(name: str) -> Method[Any]:
    """The method, networks with few epochs."""
    settings: dict[str, Any] = {}
    if METHODS[name].capabilities.get("epochs"):
        settings["schedule"] = Schedule(epochs=3 if name == "ststnet" else 1, batch=16)
    return make_method(name, **settings)


@pytest.fixture(scope="module")
def data() -> FlowData:
    return noisy()


@pytest.fixture(scope="module", params=FLOW)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_says_its_settings_in_json(name: str) -> None:
    method = make(name)
    assert method.name == name
    assert json.loads(json.dumps(method.describe()))


def test_the_same_seed_gives_the_same_and_nothing_given_is_changed(name: str, data: FlowData) -> None:
    flow, label = data.flow.copy(), data.label.copy()
    one, two = (make(name).fit(data, 7).probabilities(data.flow) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(data.flow, flow) and np.array_equal(data.label, label)


def test_probabilities_are_probabilities(name: str, data: FlowData) -> None:
    fitted = make(name).fit(data, 0)
    found = fitted.probabilities(data.flow)
    assert found.shape == (len(data), 3) and found.dtype == np.float64
    assert (found >= 0).all() and np.allclose(found.sum(1), 1, atol=1e-5)
    # Each sample is judged by itself.
    assert np.allclose(fitted.probabilities(data.flow[5:7]), found[5:7], atol=1e-6)


def test_labels_and_images_left_out_have_no_influence(name: str, data: FlowData) -> None:
    out = data.group == data.group[0]
    method = make(name)
    inside = method.fit(data.subset(~out), 3).probabilities(data.flow[out])
    changed = FlowData(
        np.where(out[:, None, None, None], 255 - data.flow, data.flow),
        np.where(out, (data.label + 1) % 3, data.label),
        data.subject, data.dataset, data.clip,
    )  # fmt: skip
    again = method.fit(changed.subset(~out), 3).probabilities(data.flow[out])
    assert np.array_equal(inside, again)


def test_in_an_evaluation_labels_left_out_have_no_influence(
    name: str, data: FlowData, tmp_path: Path
) -> None:
    """The whole way that an evaluation goes: the fold's file is the same but for the column of truth."""
    out = data.group == np.unique(data.group)[1]
    method = make(name)
    once = bool(METHODS[name].capabilities.get("folds_at_once"))
    files = []
    for k, label in enumerate((data.label, np.where(out, (data.label + 1) % 3, data.label))):
        task = Task(Run(name, 0), None if once else 1, tmp_path / f"{k}.csv")
        _do(method, data.relabelled(label), Unit((task,), () if once else (1,)))
        rows = [line.split(",") for line in task.path.read_text().splitlines()[1:]]
        files.append([row[:3] + row[4:] for row in rows if f"{row[0]}/{row[1]}" == data.group[out][0]])
    assert files[0] == files[1] and len(files[0]) == out.sum()


def test_a_fitted_one_goes_to_files_and_back(name: str, data: FlowData, tmp_path: Path) -> None:
    method = make(name)
    fitted = method.fit(data, 1)
    path = save_state(tmp_path, "one", method, fitted, {"data": "made up"})
    note = json.loads(path.with_suffix(".json").read_text())
    assert note["name"] == name and note["data"] == "made up"
    assert note["settings"] == json.loads(json.dumps(method.describe()))
    assert {item.name for item in tmp_path.iterdir()} == {"one.npz", "one.json"}
    again = load_state(path)
    assert np.array_equal(again.probabilities(data.flow), fitted.probabilities(data.flow))
    # A second round changes nothing any more.
    first, second = fitted.state(), again.state()
    assert first.settings == second.settings and first.arrays.keys() == second.arrays.keys()
    assert all(np.array_equal(first.arrays[key], second.arrays[key]) for key in first.arrays)
    assert all(value.dtype.kind in "iuf" for value in first.arrays.values())


def test_a_state_that_lacks_something_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        make(name).restore(State({}))


@pytest.mark.parametrize("exporting", EXPORTING)
def test_what_is_exported_answers_as_what_was_fitted(exporting: str, data: FlowData, tmp_path: Path) -> None:
    method = make(exporting)
    fitted = [method.fit(data, seed) for seed in (0, 1)]
    path = method.export(fitted, tmp_path, {"kind": "recognizer"})  # type: ignore[attr-defined]
    flow = np.stack([prepare(image) for image in data.flow])
    (found,) = ort.InferenceSession(path.read_bytes()).run(["probabilities"], {"flow": flow})
    wanted = np.mean([one.probabilities(data.flow) for one in fitted], axis=0)
    assert np.abs(found - wanted).max() < 1e-4
    assert wanted.std() > 1e-3


def test_settings_of_the_layers_come_back_too(data: FlowData, tmp_path: Path) -> None:
    method = make_method("ststnet", schedule=Schedule(epochs=2, batch=16), standardised=True)
    fitted = method.fit(data, 0)
    again = load_state(save_state(tmp_path, "s", method, fitted, {}))
    assert np.array_equal(again.probabilities(data.flow), fitted.probabilities(data.flow))
    plain = make_method("ststnet").restore(State(fitted.state().arrays))
    assert not np.allclose(plain.probabilities(data.flow), fitted.probabilities(data.flow))


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_the_machine_decides_as_scikit_learn_does(classes: int) -> None:
    rng = np.random.default_rng(classes)
    rows, new = rng.normal(size=(60, 5)), rng.normal(size=(200, 5))
    label = (rows[:, 0] * 2 + rng.normal(size=60)).argsort().argsort() * classes // 60
    svc = SVC(kernel="precomputed", C=2.0).fit(rows @ rows.T, label)
    found = Machine.of(svc).decision_function(new @ rows.T)
    assert np.allclose(found, svc.decision_function(new @ rows.T), atol=1e-9)
    assert isinstance(make_method("bi-woof").fit(noisy(), 0), FittedSvm)


class TestFilesThatAreNotRight:
    @pytest.fixture
    def saved(self, data: FlowData, tmp_path: Path) -> Path:
        method = make_method("kernel-mean")
        return save_state(tmp_path, "k", method, method.fit(data, 0), {})

    def test_altered_arrays(self, saved: Path) -> None:
        saved.write_bytes(saved.read_bytes()[:-1] + b"!")
        with pytest.raises(ModelError, match="hashes differ"):
            load_state(saved)

    def test_no_json(self, saved: Path) -> None:
        saved.with_suffix(".json").unlink()
        with pytest.raises(ModelError, match="cannot read"):
            load_state(saved)

    @pytest.mark.parametrize(
        ("change", "error"),
        [({"name": "nobody"}, "nobody"), ({"state": {"gamma": "wide", "lambda": 1}}, "gamma is 'wide'"),
         ({"name": "ststnet"}, "not that of a ststnet"), ({"state": None}, "cannot read")],
    )  # fmt: skip
    def test_a_json_that_says_something_else(self, saved: Path, change: dict[str, Any], error: str) -> None:
        place = saved.with_suffix(".json")
        place.write_text(json.dumps(json.loads(place.read_text()) | change))
        with pytest.raises((ModelError, SettingsError), match=error):
            load_state(saved)

    def test_objects_are_never_unpacked(self, data: FlowData, tmp_path: Path) -> None:
        class Holds:
            def state(self) -> State:
                return State({"rows": np.array([{"a": 1}], dtype=object)})

        with pytest.raises(ModelError, match="holds objects"):
            save_state(tmp_path, "o", make_method("rbf-svm"), Holds(), {})  # type: ignore[arg-type]
