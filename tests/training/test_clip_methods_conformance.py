"""What every recogniser that is fitted on clips keeps to, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from megc_live.errors import ModelError
from tests.training.face_clips import make_clips
from training.recognition.base import METHODS, Fitted, Method, make_method, method_names, samples
from training.recognition.clip_data import ClipData
from training.recognition.evaluate import Run, Task, Unit, _do
from training.recognition.state import State, load_state, save_state

SMALL: dict[str, dict[str, Any]] = {
    "lbp-top": {"frames": 6, "blocks": (2, 2)},
    "bi-woof-full": {},
    "capsulenet": {"epochs": 1, "batch": 4, "size": 136, "extra": 0},
    "emr": {"epochs": 1, "batch": 4, "size": 64, "without_macro": True},
}
SEED = 7


@dataclass(frozen=True)
class Case:
    """A method, what it was fitted on, and what came out."""

    name: str
    method: Method[Any]
    data: ClipData
    fitted: Fitted
    found: NDArray[np.float64]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    return make_clips(tmp_path_factory.mktemp("clips"), "smic", (0, 1, 2, 0, 1, 2), per_subject=3)[0]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=method_names("clips"))
def case(request: pytest.FixtureRequest, clips: ClipData) -> Case:
    method = make_method(request.param, **SMALL[request.param])
    fitted = method.fit(clips, SEED)
    return Case(request.param, method, clips, fitted, fitted.probabilities(samples(clips)))


def test_it_says_its_settings_in_json(case: Case) -> None:
    assert case.method.name == case.name
    assert json.loads(json.dumps(case.method.describe()))


def test_the_same_seed_gives_the_same_and_nothing_given_is_changed(case: Case) -> None:
    label = case.data.label.copy()
    kept = {path: path.read_bytes() for path in case.data.files}
    again = case.method.fit(case.data, SEED).probabilities(samples(case.data))
    assert np.array_equal(again, case.found)
    assert np.array_equal(case.data.label, label)
    assert all(path.read_bytes() == data for path, data in kept.items())


def test_probabilities_are_probabilities(case: Case) -> None:
    assert case.found.shape == (len(case.data), 3) and case.found.dtype == np.float64
    assert (case.found >= 0).all() and np.allclose(case.found.sum(1), 1, atol=1e-5)
    assert np.ptp(case.found, axis=0).max() > 0, "clips differ"
    # Each clip is judged by itself, and not by its label.
    part = samples(case.data.subset(np.arange(3, 5)))
    assert np.allclose(case.fitted.probabilities(part), case.found[3:5], atol=1e-5)


def test_in_an_evaluation_labels_left_out_have_no_influence(case: Case, tmp_path: Path) -> None:
    """The whole way that an evaluation goes: the fold's file is the same but for the column of truth."""
    data = case.data
    out = data.group == np.unique(data.group)[1]
    once = bool(METHODS[case.name].capabilities.get("folds_at_once"))
    files = []
    for k, label in enumerate((data.label, np.where(out, (data.label + 1) % 3, data.label))):
        task = Task(Run(case.name, 0), None if once else 1, tmp_path / f"{k}.csv")
        _do(case.method, data.relabelled(label), Unit((task,), () if once else (1,)))
        rows = [line.split(",") for line in task.path.read_text().splitlines()[1:]]
        files.append([row[:3] + row[4:] for row in rows if f"{row[0]}/{row[1]}" == data.group[out][0]])
    assert files[0] == files[1] and len(files[0]) == out.sum()


def test_a_fitted_one_goes_to_files_and_back(case: Case, tmp_path: Path) -> None:
    path = save_state(tmp_path, "one", case.method, case.fitted, {"data": "made up"})
    note = json.loads(path.with_suffix(".json").read_text())
    assert note["name"] == case.name and note["data"] == "made up"
    assert note["settings"] == json.loads(json.dumps(case.method.describe()))
    assert {item.name for item in tmp_path.iterdir()} == {"one.npz", "one.json"}
    again = load_state(path)
    assert np.array_equal(again.probabilities(samples(case.data)), case.found)
    # A second round changes nothing any more.
    first, second = case.fitted.state(), again.state()
    assert first.settings == second.settings and first.arrays.keys() == second.arrays.keys()
    assert all(np.array_equal(first.arrays[key], second.arrays[key]) for key in first.arrays)
    assert all(value.dtype.kind in "iuf" for value in first.arrays.values())


def test_a_state_that_lacks_something_is_refused(case: Case) -> None:
    with pytest.raises(ModelError):
        case.method.restore(State({}))
