"""The flow-image methods: sizes, learning, and folds in one go against the plain loop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from megc_live.errors import SettingsError
from tests.training.test_recognition import made_up
from training.datasets.flow_file import FlowData
from training.recognition.base import METHODS, make_method, method_names
from training.recognition.fit import fit_recognizer
from training.recognition.kernels import bi_woof
from training.recognition.large_nets import (
    DUAL_INCEPTION_PARAMETERS,
    OFF_APEXNET_PARAMETERS,
    DualInception,
    OffApexNet,
)
from training.recognition.ststnet import Schedule

KERNELS = [name for name in method_names("flow") if METHODS[name].capabilities.get("folds_at_once")]
NETS = [name for name in method_names("flow") if METHODS[name].capabilities.get("epochs")]


def test_all_methods_are_there() -> None:
    assert set(method_names("flow")) == {
        "ststnet", "off-apexnet", "dual-inception", "bi-woof", "rbf-svm", "kernel-mean",
    }  # fmt: skip
    assert set(method_names("clips")) >= {"lbp-top", "bi-woof-full"}
    assert set(method_names()) == set(method_names("flow")) | set(method_names("clips"))


@pytest.mark.parametrize(
    ("network", "parameters"),
    [(OffApexNet, OFF_APEXNET_PARAMETERS), (DualInception, DUAL_INCEPTION_PARAMETERS)],
)
def test_networks_have_the_published_size_and_ignore_strain(
    network: type[torch.nn.Module], parameters: int
) -> None:
    net = network().eval()
    assert sum(p.numel() for p in net.parameters()) == parameters
    x = torch.rand(2, 3, 28, 28)
    changed = x.clone()
    changed[:, 2] = 0
    assert net(x).shape == (2, 3)
    assert torch.equal(net(x), net(changed))
    changed[:, 1] = 0
    assert not torch.equal(net(x), net(changed))


@pytest.mark.parametrize("name", method_names("flow"))
def test_every_method_learns_and_says_its_settings(name: str) -> None:
    # The large networks take one step an epoch here: they need more of them than on real data.
    large = name in ("off-apexnet", "dual-inception")
    method = make_method(name, **({"schedule": Schedule(epochs=20, rate=1e-3)} if large else {}))
    data = made_up()
    fitted = method.fit(data, 0)
    found = fitted.probabilities(made_up(seed=1).flow)
    assert found.shape == (48, 3) and np.allclose(found.sum(1), 1, atol=1e-5)
    assert (found.argmax(1) == data.label).mean() > 0.8
    assert method.name == name
    json.dumps(method.describe())


@pytest.mark.parametrize("name", KERNELS)
class TestFoldsAtOnce:
    def test_they_equal_the_plain_loop(self, name: str) -> None:
        data, method = noisy(), make_method(name)
        found = method.left_out(data)
        for group in np.unique(data.group):
            out = data.group == group
            plain = method.fit(data.subset(~out), 0).probabilities(data.flow[out])
            assert np.allclose(found[out], plain, atol=1e-6)

    def test_labels_left_out_have_no_influence(self, name: str) -> None:
        data, method = noisy(), make_method(name)
        out = data.group == data.group[0]
        label = data.label.copy()
        label[out] = (label[out] + 1) % 3
        found = method.left_out(data)
        changed = method.left_out(data.relabelled(label))
        assert np.array_equal(found[out], changed[out])
        assert not np.array_equal(found[~out], changed[~out])

    def test_a_class_that_nobody_else_shows_is_never_said(self, name: str) -> None:
        data = noisy()
        first = data.group == data.group[0]
        keep = first | (data.label != 2)
        found = make_method(name).left_out(data.subset(keep))
        assert np.isfinite(found).all()
        assert (found[first[keep]].argmax(1) != 2).all()


def noisy() -> FlowData:
    """Samples some of which are hard, so that probabilities differ."""
    data = made_up(36)
    flow = data.flow.copy()
    flow[::4] = np.random.default_rng(5).integers(0, 255, flow[::4].shape, dtype=np.uint8)
    return FlowData(flow, data.label, data.subject, data.dataset, data.clip)


@pytest.mark.parametrize("name", NETS)
def test_watching_does_not_change_the_fit(name: str) -> None:
    method = make_method(name, schedule=Schedule(epochs=3, batch=16))
    data = made_up(24)
    seen = method.fit_watched(data, 1, data.flow[:5])
    assert seen.shape == (3, 5, 3)
    assert np.array_equal(seen[-1], method.fit(data, 1).probabilities(data.flow[:5]))


class TestBiWoof:
    def test_a_turn_of_the_flow_moves_the_histogram(self) -> None:
        flow = np.full((1, 28, 28, 3), 100, np.uint8)
        flow[0, 2:5, 2:5] = (160, 100, 50)  # to the right: middle of the orientations
        there = bi_woof(flow).reshape(25, 8)
        assert there.shape == (25, 8) and np.isclose(np.linalg.norm(there), 1)
        assert there[0, 4] == pytest.approx(1) and np.count_nonzero(there) == 1
        flow[0, 2:5, 2:5] = (100, 160, 50)
        assert bi_woof(flow).reshape(25, 8)[0, 6] == pytest.approx(1)

    def test_an_image_without_movement_is_zero(self) -> None:
        assert not bi_woof(np.zeros((2, 28, 28, 3), np.uint8)).any()


def test_what_cannot_be_exported_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rbf-svm has no export"):
        fit_recognizer(None, tmp_path, name="rbf-svm")
    assert not list(tmp_path.iterdir())
