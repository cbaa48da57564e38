"""STSTNet's folds in one pass: equal to the plain loop, blind to what each fold leaves out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from megc_live.errors import DatasetError, SettingsError
from tests.training.test_recognition import composite, made_up
from training.cli import app
from training.datasets.flow_file import FlowData
from training.recognition import grouped, one_by_one
from training.recognition.evaluate import evaluate_recognition
from training.recognition.grouped import Together
from training.recognition.large_nets import DUAL_INCEPTION_PUBLISHED, DualInceptionMethod
from training.recognition.one_by_one import fit_alone
from training.recognition.patches import levels
from training.recognition.ststnet import PUBLISHED, Schedule, STSTNet, StstNetMethod, as_released, prepared
from training.recognition.variants import as_published

SHORT = Schedule(epochs=4, batch=10)


def noisy(n: int = 36, seed: int = 0) -> FlowData:
    """Samples of four subjects, a third of them noise."""
    data = made_up(n, seed=seed)
    flow = data.flow.copy()
    flow[::3] = np.random.default_rng(5).integers(0, 255, flow[::3].shape, dtype=np.uint8)
    return FlowData(flow, data.label, data.subject, data.dataset, data.clip)


def folds(data: FlowData) -> np.ndarray:
    return data.group == np.unique(data.group)[:, None]


def fitted(data: FlowData, schedule: Schedule = SHORT) -> tuple[Together, np.ndarray]:
    held = folds(data)
    nets = Together(
        prepared(data.flow), torch.from_numpy(data.label), held, [7 + k for k in range(len(held))], schedule
    )
    return nets, nets.fit(3)


def alone(data: FlowData, fold: int, schedule: Schedule = SHORT) -> tuple[STSTNet, np.ndarray]:
    x, y = prepared(data.flow), torch.from_numpy(data.label)
    return fit_alone(x, y, folds(data)[fold], 7 + fold, 3, schedule)


def assert_same_as_alone(data: FlowData, schedule: Schedule, tolerance: float = 2e-3) -> None:
    nets, seen = fitted(data, schedule)
    for fold, out in enumerate(folds(data)):
        net, plain = alone(data, fold, schedule)
        assert np.array_equal(seen[:, out].argmax(2), plain.argmax(2))
        assert np.allclose(seen[:, out], plain, atol=tolerance)
        mine = nets.net(fold).state_dict()
        for name, value in net.state_dict().items():
            # Where a ReLU is always open the batch norm takes its filter's bias out again: the gradient of
            # that bias is nothing but rounding, which Adam brings to the size of a step.
            if name not in ("streams.0.bias", "streams.2.running_mean", "streams.2.num_batches_tracked"):
                assert torch.allclose(mine[name], value, atol=tolerance), name
        with torch.no_grad():
            x = prepared(data.flow)
            assert torch.allclose(nets.net(fold)(x).softmax(1), net(x).softmax(1), atol=tolerance)


@pytest.mark.parametrize(
    "schedule",
    [
        SHORT,
        Schedule(epochs=4, batch=64, rate=1e-3, cosine=False, balanced=False),
        # Some folds leave out all but one of a batch, and make no step then.
        Schedule(epochs=3, batch=3, rate=1e-3),
    ],
    ids=["short", "one batch, as published", "batches of three"],
)
def test_all_folds_in_one_pass_are_what_the_plain_loop_gives(schedule: Schedule) -> None:
    assert_same_as_alone(noisy(), schedule)


def test_they_are_on_a_processor_without_quick_products_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped, "whole_numbers_pay", lambda: False)
    assert_same_as_alone(noisy(), SHORT)


def test_so_are_filters_whose_batch_norm_turns_the_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    class Turned(STSTNet):
        def __init__(self) -> None:
            super().__init__()
            with torch.no_grad():
                self.streams[2].weight[::3] *= -1

    monkeypatch.setattr(grouped, "STSTNet", Turned)
    monkeypatch.setattr(one_by_one, "STSTNet", Turned)
    nets, _ = fitted(noisy())
    assert (nets.parameters["scale"] < 0).sum() >= 4 * 5
    assert_same_as_alone(noisy(), SHORT)


def test_each_sample_is_judged_by_the_fold_that_leaves_it_out_and_by_no_other() -> None:
    data = noisy()
    held = folds(data)[:2]
    x = prepared(data.flow)
    nets = Together(x, torch.from_numpy(data.label), held, [7, 8], SHORT)
    seen = nets.fit(3)
    assert seen.shape == (SHORT.epochs, len(data), 3)
    assert np.isnan(seen[:, ~held.any(0)]).all()
    for fold, out in enumerate(held):
        with torch.no_grad():
            last = torch.softmax(nets.net(fold)(x[out]), 1).numpy()
        assert np.allclose(seen[-1, out], last, atol=1e-5)


def test_what_a_fold_leaves_out_has_no_influence_on_it_at_all() -> None:
    data = noisy()
    before, _ = fitted(data)
    out = folds(data)[1]
    flow, label = data.flow.copy(), data.label.copy()
    flow[out] = np.random.default_rng(1).integers(0, 255, flow[out].shape, dtype=np.uint8)
    label[out] = (label[out] + 1) % 3
    after, _ = fitted(FlowData(flow, label, data.subject, data.dataset, data.clip))
    for fold in range(4):
        old, new = before.net(fold).state_dict(), after.net(fold).state_dict()
        for name in ("streams.0.weight", "streams.2.running_mean", "streams.2.running_var", "head.weight"):
            # To the last bit: weights, and the statistics of the batch norm.
            assert torch.equal(old[name], new[name]) == (fold == 1), (fold, name)


def test_an_image_of_other_values_is_refused() -> None:
    x = prepared(noisy().flow)
    levels(x, 1 / 255)
    levels(as_released(noisy().flow), 1.0)
    for wrong in (x + torch.rand_like(x) / 500, 3 * x):
        with pytest.raises(ValueError, match="256 levels"):
            levels(wrong, 1 / 255)


@dataclass(frozen=True)
class Decaying(Schedule):
    decay: float = 0.0


def test_a_schedule_that_asks_for_more_is_refused() -> None:
    fitted(noisy(), Decaying(epochs=1))
    with pytest.raises(SettingsError, match="know nothing of decay"):
        fitted(noisy(), Decaying(epochs=1, decay=0.1))


def save(data: FlowData, path: Path) -> Path:
    np.savez(
        path, flow=data.flow, label=data.label, subject=data.subject, dataset=data.dataset, clip=data.clip
    )
    return path


def evaluated(data: Path, out: Path, **more: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "methods": ["ststnet"],
        "seeds": 1,
        "control": False,
        "settings": {"ststnet": {"schedule": SHORT}},
    } | more
    return evaluate_recognition("megc2019-flow", data, out, published_counts=False, **chosen)


def test_a_missing_fold_comes_back_the_same_to_the_last_digit(tmp_path: Path) -> None:
    data, out = save(noisy(), tmp_path / "data.npz"), tmp_path / "out"
    whole = evaluated(data, out, leaky=True)
    kept = {path: path.read_bytes() for path in (out / "folds").rglob("*.csv")}
    assert len(kept) == 8
    removed = [path for path in kept if path.name == "fold002.csv"]
    assert len(removed) == 2
    for path in removed:
        path.unlink()
    when = {path: path.stat().st_mtime_ns for path in kept if path not in removed}
    assert evaluated(data, out, leaky=True, resume=True) == whole
    assert {path: path.read_bytes() for path in (out / "folds").rglob("*.csv")} == kept
    assert all(path.stat().st_mtime_ns == then for path, then in when.items())


def test_the_honest_rows_are_the_last_epoch_and_the_leaky_ones_the_best(tmp_path: Path) -> None:
    data = noisy()
    evaluated(save(data, tmp_path / "data.npz"), tmp_path / "out", leaky=True)
    seen = StstNetMethod(SHORT).left_out_watched(data, folds(data), 0, range(4))
    honest = pd.read_csv(tmp_path / "out/predictions/ststnet_seed0.csv")
    leaky = pd.read_csv(tmp_path / "out/predictions/ststnet_seed0_LEAKY.csv")
    assert np.allclose(honest.filter(like="p_"), seen[-1], atol=1e-6)
    for out in folds(data):
        right = (seen[:, out].argmax(2) == data.label[out]).sum(1)
        assert (leaky["pred"][out] == leaky["truth"][out]).sum() == right.max()


class TestAsTheAuthorsDid:
    def test_schedules_and_inputs_are_settings_of_the_methods_they_are_about(self) -> None:
        found = as_published(
            ["ststnet", "rbf-svm", "dual-inception"], schedules=True, released_input=True, released_split=True
        )
        assert found == {
            "ststnet": {"schedule": PUBLISHED, "released_input": True},
            "rbf-svm": {},
            "dual-inception": {"schedule": DUAL_INCEPTION_PUBLISHED, "released_split": True},
        }

    @pytest.mark.parametrize(
        ("methods", "option", "message"),
        [
            (["rbf-svm"], "schedules", "has a published schedule"),
            (["off-apexnet"], "released_input", "--released-input is about ststnet"),
            (["ststnet"], "released_split", "--released-split is about dual-inception"),
            (["magic"], "schedules", "no recogniser to train named 'magic'"),
        ],
    )
    def test_an_option_without_its_method_is_refused(
        self, methods: list[str], option: str, message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            as_published(methods, **{option: True})

    def test_the_released_input_is_bytes_in_opencvs_order(self) -> None:
        flow = noisy().flow
        x = as_released(flow)
        assert x.dtype == torch.float32 and x.shape == (36, 3, 28, 28)
        assert np.array_equal(x[:, 0].numpy(), flow[..., 2]) and np.array_equal(x[:, 2].numpy(), flow[..., 0])

    def test_the_released_input_is_fitted_judged_and_not_exported(self, tmp_path: Path) -> None:
        data = noisy()
        method = StstNetMethod(SHORT, released_input=True)
        seen = method.left_out_watched(data, folds(data), 3, [7, 8, 9, 10])
        out = folds(data)[0]
        x, y = as_released(data.flow), torch.from_numpy(data.label)
        assert np.allclose(seen[:, out], fit_alone(x, y, out, 7, 3, SHORT)[1], atol=2e-3)
        fit = method.fit(data, 0)
        with torch.no_grad():
            assert np.allclose(fit.probabilities(data.flow), torch.softmax(fit.net(x), 1), atol=1e-6)
        assert "released" in str(method.describe()) and "released" not in str(StstNetMethod().describe())
        with pytest.raises(SettingsError, match="centres its images"):
            method.export([fit], tmp_path, {})

    def test_the_released_split_fits_on_other_data_sets_and_chooses_on_the_own(self) -> None:
        data = noisy()
        method = DualInceptionMethod(Schedule(epochs=4, batch=8, rate=2e-3), released_split=True)
        out = folds(data)[0]
        own = data.dataset == data.dataset[out][0]
        seen, chosen = method.left_out_chosen(data, out, 5)
        plain = method.fit_watched(data.subset(~own), 5, data.flow[own & ~out])
        likelihood = plain[:, np.arange((own & ~out).sum()), data.label[own & ~out]]
        assert chosen == int((-np.log(likelihood).mean(1)).argmin())
        assert np.allclose(seen, method.fit_watched(data.subset(~own), 5, data.flow[out]), atol=1e-6)
        label = data.label.copy()
        label[out] = (label[out] + 1) % 3
        again, same = method.left_out_chosen(data.relabelled(label), out, 5)
        assert np.array_equal(again, seen) and same == chosen

    def test_the_released_split_needs_others_to_fit_on_and_to_choose_by(self) -> None:
        data = noisy()
        method = DualInceptionMethod(Schedule(epochs=1), released_split=True)
        for part in (data.subset(data.dataset == "a"), data.subset((data.dataset == "b") | folds(data)[0])):
            with pytest.raises(DatasetError, match="two data sets"):
                method.left_out_chosen(part, folds(part)[0], 0)
        with pytest.raises(SettingsError, match="depends on who is left out"):
            method.fit(data, 0)

    def test_an_evaluation_takes_the_epoch_that_the_split_chose(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def chosen(self: Any, data: FlowData, held: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
            return np.stack([np.tile(np.eye(3)[k], (int(held.sum()), 1)) for k in range(3)]), 1

        monkeypatch.setattr(DualInceptionMethod, "left_out_chosen", chosen)
        settings = {"dual-inception": {"released_split": True}}
        data = save(noisy(), tmp_path / "data.npz")
        summary = evaluated(data, tmp_path / "out", methods=["dual-inception"], settings=settings)
        table = pd.read_csv(tmp_path / "out/predictions/dual-inception_seed0.csv")
        assert (table["pred"] == 1).all()
        assert "as released" in summary["settings"]["dual-inception"]["split"]

    def test_the_command_takes_the_options(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from training.recognition import base

        quick = {"published": Schedule(epochs=1, batch=256, rate=5e-5, cosine=False, balanced=False)}
        monkeypatch.setitem(base.METHODS["ststnet"].capabilities, "published", quick["published"])
        command = [
            "evaluate", "recognition", "--dataset", "megc2019-flow", "--method", "ststnet", "--seeds", "1",
            "--data", str(composite(tmp_path / "data.npz")), "--no-control", "--published",
            "--released-input", "--out", str(tmp_path / "out"),
        ]  # fmt: skip
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        settings = json.loads((tmp_path / "out/summary.json").read_text())["settings"]["ststnet"]
        assert (settings["batch"], settings["rate"], settings["cosine"]) == (256, 5e-5, False)
        assert "released" in settings["input"]
        refused = CliRunner().invoke(app, [*command[:-1], str(tmp_path / "other"), "--released-split"])
        assert refused.exit_code != 0 and not (tmp_path / "other").exists()
