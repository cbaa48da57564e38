"""Settings chosen with people apart: who sees whom, what is chosen, what the card says."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from megc_live.errors import DatasetError, SettingsError
from megc_live.models import ModelCard, ModelStore
from megc_live.settings import ModelSettings
from tests.training.test_recognition import made_up
from tests.training.test_recognition_methods import noisy
from training.cli import app
from training.datasets.flow_file import FlowData
from training.recognition import choose as module
from training.recognition.candidates import CANDIDATES, Candidate
from training.recognition.choose import choose, deal
from training.recognition.fit_chosen import fit_chosen
from training.recognition.ststnet import Schedule, STSTNet, StstNetMethod, mirror, prepared

QUICK = (
    Candidate("little", Schedule(epochs=1, batch=16, rate=1e-5)),
    Candidate("more", Schedule(epochs=12, batch=16, mirrored=True)),
)


class Spy(StstNetMethod):
    """Notes whom it was fitted on, and always answers the same."""

    seen: ClassVar[list[tuple[str, set[str]]]] = []

    def __init__(self, name: str) -> None:
        super().__init__(Schedule(epochs=1))
        self.named = name

    def fit(self, data: FlowData, seed: int) -> Any:
        Spy.seen.append((self.named, set(data.group)))
        return self

    def probabilities(self, flow: np.ndarray) -> np.ndarray:
        return np.tile([0.5, 0.3, 0.2], (len(flow), 1))


@pytest.fixture
def data() -> FlowData:
    return made_up(72, 8)


def test_candidates_are_few_named_apart_and_each_differs() -> None:
    assert len({one.name for one in CANDIDATES}) == len(CANDIDATES) < 15
    made = [json.dumps(one.make().describe(), sort_keys=True) for one in CANDIDATES]
    assert len(set(made)) == len(CANDIDATES)
    assert CANDIDATES[0].schedule == Schedule() and not CANDIDATES[0].more


def test_parts_hold_whole_subjects_and_like_shares(tmp_path: Path) -> None:
    data = made_up(120, 20)
    part = deal(data, 5)
    for group in np.unique(data.group):
        assert len(set(part[data.group == group])) == 1
    assert set(part) == set(range(5))
    assert all(15 <= n <= 33 for n in np.bincount(part))
    assert np.array_equal(part, deal(data, 5))
    with pytest.raises(DatasetError, match="cannot be dealt"):
        deal(data.subset(data.group == data.group[0]), 3)


def test_nobody_is_judged_by_who_saw_them_and_nested_choices_saw_nobody_of_their_part(
    data: FlowData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Candidate, "make", lambda self: Spy(self.name))
    monkeypatch.setattr(Candidate, "together", 1)
    Spy.seen.clear()
    told: list[str] = []
    real = module._do

    def watched(data: FlowData, task: module.Task) -> str:
        name = real(data, task)
        table = pd.read_csv(task.path, dtype={"subject": str})
        judged = set(table["dataset"] + "/" + table["subject"])
        assert not judged & Spy.seen[-1][1]
        assert judged | Spy.seen[-1][1] == set(data.group)
        told.append(name)
        return name

    monkeypatch.setattr(module, "_do", watched)
    found = choose(data, tmp_path, candidates=QUICK, parts=3, choice_seeds=(0,), seeds=(0,), control=False)
    # Of each candidate 3 fits without a part and 3 without two; then each of the 8 subjects once.
    assert len(told) == 2 * 6 + 8
    # Of equal candidates the first.
    assert found.winner.name == "little" and {one.chosen for one in found.inner} == {0}


def test_a_part_has_no_say_in_its_own_choice(
    data: FlowData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of a part's subjects dealt anew: what is chosen for it, and its fits, stay the same."""
    part = deal(data, 3)
    label = data.label.copy()
    label[part == 1] = (label[part == 1] + 1) % 3
    both = []
    # The deal looks at labels, for like shares; here it has to be one and the same.
    monkeypatch.setattr(module, "deal", lambda data, parts: part)
    for k, one in enumerate((data, data.relabelled(label))):
        both.append(
            choose(
                one,
                tmp_path / str(k),
                candidates=QUICK,
                parts=3,
                choice_seeds=(0,),
                seeds=(0,),
                control=False,
            )
        )
    first, second = both
    assert np.array_equal(first.inner[1].uf1, second.inner[1].uf1)
    assert not np.array_equal(first.choice.uf1, second.choice.uf1)


def test_the_whole_way_with_a_card_that_says_how(tmp_path: Path) -> None:
    data = noisy()
    file = tmp_path / "d.npz"
    np.savez(
        file, flow=data.flow, label=data.label, subject=data.subject, dataset=data.dataset, clip=data.clip
    )
    lines: list[str] = []
    options: dict[str, Any] = {
        "seeds": 2, "candidates": QUICK, "parts": 3, "choice_seeds": (0, 1), "published_counts": False,
    }  # fmt: skip
    path = fit_chosen(file, tmp_path / "out", predictions=tmp_path / "p.csv", log=lines.append, **options)
    card = json.loads(path.with_suffix(".json").read_text())
    assert ModelCard.model_validate(card).problems() == []
    said = card["choice"]
    assert said["chosen"] == "more" and len(said["chosen_without_each_part"]) == 3
    assert [one["name"] for one in said["candidates"]] == ["little", "more"]
    best = max(said["candidates"], key=lambda one: one["inner_uf1"])
    assert best["name"] == said["chosen"] and best["differs"] == {"epochs": 12, "batch": 16, "mirrored": True}
    assert card["settings"]["epochs"] == 12 and card["settings"]["mirrored"]
    scores = card["scores"]
    assert {"full_uf1", "nested_full_uf1", "shuffled_labels_uf1", "full_uf1_interval_95"} <= scores.keys()
    low, high = scores["nested_full_uf1_interval_95"]
    assert low <= scores["nested_full_uf1"] <= high
    table = pd.read_csv(tmp_path / "p.csv")
    assert len(table) == 2 * len(data) and set(table["seed"]) == {0, 1}
    session = ModelStore(ModelSettings(directory=tmp_path / "out")).session("ststnet")
    assert session.get_inputs()[0].name == "flow"

    # Given again, nothing is fitted but the model itself; another choice is refused.
    files = {item: item.stat().st_mtime_ns for item in (tmp_path / "out/choice").rglob("*.csv")}
    again = fit_chosen(file, tmp_path / "out", **options)
    assert json.loads(again.with_suffix(".json").read_text())["scores"] == scores
    assert all(item.stat().st_mtime_ns == when for item, when in files.items())
    with pytest.raises(SettingsError, match="another folder"):
        fit_chosen(file, tmp_path / "out", **{**options, "candidates": QUICK[:1]})
    next(iter(files)).write_text("clip\n")
    with pytest.raises(DatasetError, match="not what its fit wrote"):
        fit_chosen(file, tmp_path / "out", **options)


def test_folds_in_one_pass_are_the_folds_one_by_one(tmp_path: Path, data: FlowData) -> None:
    """A plain schedule goes in groups of folds, and each subject is judged by its own fold."""
    plain = Candidate("plain", Schedule(epochs=3, batch=16))
    assert plain.together > 1 and QUICK[1].together == 1
    found = choose(data, tmp_path, candidates=(plain,), parts=3, choice_seeds=(0,), seeds=(0,), control=False)
    assert [item.name for item in (tmp_path / "outer/plain").iterdir()] == ["seed0_fold000-007.csv"]
    held = data.group == np.unique(data.group)[:, None]
    method: Any = plain.make()
    wanted = method.left_out_watched(data, held, 0, list(range(8)))[-1]
    assert np.allclose(found.table.filter(like="p_").to_numpy(), wanted, atol=1e-6)
    assert found.table["sample"].tolist() == list(range(len(data)))


def test_mirrored_images_are_those_of_mirrored_faces() -> None:
    rng = np.random.default_rng(0)
    flow = rng.integers(0, 255, (3, 28, 28, 3), dtype=np.uint8)
    faces = flow[:, :, ::-1].copy()
    faces[..., 0] = 255 - faces[..., 0]
    assert torch.allclose(mirror(prepared(flow)), prepared(faces), atol=1e-6)
    assert torch.equal(mirror(mirror(prepared(flow))), prepared(flow))


def test_a_standardised_network_does_not_see_how_large_a_channel_is() -> None:
    x = prepared(made_up(6).flow)
    torch.manual_seed(0)
    net = STSTNet(standardised=True).eval()
    for k, scale in itertools.product(range(3), (0.5, 2.0)):
        changed = x.clone()
        changed[:, k] *= scale
        assert torch.allclose(net(changed), net(x), atol=1e-4)
    empty = x.clone()
    empty[:, 2] = 0
    assert torch.isfinite(net(empty)).all()


@pytest.mark.parametrize(
    "more", [[], ["--data", "d.npz", "--epochs", "3"], ["--data", "d.npz", "--published"]]
)
def test_what_does_not_go_with_a_choice_is_bad_usage(more: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fit", "recognizer", "--choose", "--out", str(tmp_path / "o"), *more])
    assert result.exit_code == 2 and not (tmp_path / "o").exists()
