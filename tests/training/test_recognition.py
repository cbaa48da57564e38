from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from torch import nn

from megc_live.errors import DatasetError, SettingsError
from megc_live.events import LABELS
from megc_live.models import ModelCard, ModelStore
from megc_live.recognition.flow import prepare
from megc_live.settings import ModelSettings
from tests.training.nearest_mean import NearestMean
from training.datasets.flow_file import CLASS_COUNTS, N_SUBJECTS, FlowData, load_flow_file
from training.protocols.metrics import PooledScores
from training.recognition.base import METHODS, make_method
from training.recognition.fit import fit_recognizer
from training.recognition.loso import COLUMNS, averaged, leave_one_subject_out, shuffled, write_predictions
from training.recognition.ststnet import (
    PARAMETERS,
    PUBLISHED,
    STREAMS,
    MeanProbabilities,
    Schedule,
    STSTNet,
    StstNetMethod,
    prepared,
)
from training.recognition.summary import card_scores, score, subject_bootstrap


def made_up(n: int = 48, subjects: int = 4, seed: int = 0) -> FlowData:
    """Flow images whose class is where v is bright; subjects of the data sets ``a`` and ``b``."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3
    flow = rng.integers(90, 130, (n, 28, 28, 3), dtype=np.uint8)
    for k, c in enumerate(label):
        flow[k, 9 * c : 9 * c + 9, :, 1] += 100
    who = (np.arange(n) // 3) % subjects
    return FlowData(
        flow=flow,
        label=label.astype(np.int64),
        subject=np.array([f"{s // 2 + 1:03d}" for s in who]),
        dataset=np.array(["a" if s % 2 else "b" for s in who]),
        clip=np.array([f"c{k}" for k in range(n)]),
    )


def composite(path: Path, **change: Any) -> Path:
    """A file with the challenge's counts and random images."""
    label, dataset, subject = [], [], []
    per_set = {"smic": 16, "casme2": 24, "samm": 28}
    assert sum(per_set.values()) == N_SUBJECTS
    for name, counts in CLASS_COUNTS.items():
        for c, count in enumerate(counts):
            label += [c] * count
        total = sum(counts)
        dataset += [name] * total
        subject += [f"s{k % per_set[name]:02d}" for k in range(total)]
    n = len(label)
    arrays: dict[str, Any] = {
        "flow": np.random.default_rng(0).integers(0, 255, (n, 28, 28, 3), dtype=np.uint8),
        "label": np.array(label),
        "subject": np.array(subject),
        "dataset": np.array(dataset),
        "clip": np.array([f"clip{k}" for k in range(n)]),
    }
    arrays |= change
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


class TestFlowFile:
    def test_the_challenges_counts_are_read(self, tmp_path: Path) -> None:
        data = load_flow_file(composite(tmp_path / "flow.npz"))
        assert len(data) == 442 and len(np.unique(data.group)) == N_SUBJECTS
        assert data.flow.dtype == np.uint8 and data.label.dtype == np.int64

    def test_the_same_name_in_two_data_sets_is_two_people(self) -> None:
        data = made_up()
        assert len(np.unique(data.group)) == 4 and len(np.unique(data.subject)) == 2
        part = data.subset(data.group == "a/001")
        assert set(part.dataset) == {"a"} and set(part.subject) == {"001"} and len(part) == 12

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"clip": None}, "no array clip"),
            ({"flow": np.zeros((442, 28, 28), np.uint8)}, r"expected uint8 \(n, 28, 28, 3\)"),
            ({"flow": np.zeros((442, 28, 28, 3), np.float32)}, "float32"),
            ({"label": np.zeros(441, int)}, "label .* shape"),
            ({"label": np.full(442, 3)}, "other than 0, 1 and 2"),
            ({"label": np.zeros(442)}, "other than 0, 1 and 2"),
            ({"label": np.zeros(442, int)}, "published are"),
            ({"dataset": np.full(442, "casme3")}, "casme3"),
            ({"subject": np.full(442, "s01")}, "3 subjects, published are 68"),
            ({"subject": np.array([{}] * 442, dtype=object)}, "cannot read"),
        ],
    )
    def test_what_does_not_fit_is_said_in_one_line(
        self, tmp_path: Path, change: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(DatasetError, match=says) as caught:
            load_flow_file(composite(tmp_path / "flow.npz", **change))
        assert "\n" not in str(caught.value)

    def test_missing_and_broken_files_are_dataset_errors(self, tmp_path: Path) -> None:
        (tmp_path / "text.npz").write_text("no archive")
        (tmp_path / "empty.npz").write_bytes(b"")
        np.save(tmp_path / "array.npy", np.zeros(3))
        whole = composite(tmp_path / "flow.npz").read_bytes()
        (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
        for name in ("absent.npz", "text.npz", "empty.npz", "array.npy", "half.npz"):
            with pytest.raises(DatasetError, match=name.replace(".", r"\.")):
                load_flow_file(tmp_path / name)

    def test_other_counts_can_be_let_pass(self, tmp_path: Path) -> None:
        data = made_up()
        np.savez(
            tmp_path / "own.npz", flow=data.flow, label=data.label, subject=data.subject,
            dataset=data.dataset, clip=data.clip,
        )  # fmt: skip
        assert len(load_flow_file(tmp_path / "own.npz", published_counts=False)) == 48


class TestMetrics:
    def test_by_hand(self) -> None:
        scores = PooledScores()
        # truth 0: two right, one taken for 1; truth 1: one right; truth 2: taken for 0.
        scores.update([0, 0, 0, 1, 2], [0, 0, 1, 1, 0])
        found = scores.compute()
        assert found.f1 == pytest.approx((4 / 6, 2 / 3, 0.0))
        assert found.recall == pytest.approx((2 / 3, 1.0, 0.0))
        assert found.uf1 == pytest.approx(4 / 9) and found.uar == pytest.approx(5 / 9)
        assert found.accuracy == pytest.approx(3 / 5) and found.n == 5

    def test_all_negative_gives_the_floor_of_the_challenge(self) -> None:
        scores = PooledScores()
        for counts in CLASS_COUNTS.values():
            truth = np.repeat([0, 1, 2], counts)
            scores.update(truth, np.zeros_like(truth))
        found = scores.compute()
        assert found.uf1 == pytest.approx(0.2408, abs=5e-5) and found.uar == pytest.approx(1 / 3)
        assert found.accuracy == pytest.approx(0.5656, abs=5e-5)

    def test_scikit_learn_agrees_however_the_folds_are_cut(self) -> None:
        rng = np.random.default_rng(0)
        truth, pred = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
        scores = PooledScores()
        for part in np.split(np.arange(200), [1, 17, 120]):
            scores.update(truth[part], pred[part])
        assert scores.uf1() == pytest.approx(f1_score(truth, pred, average="macro"))
        assert scores.uar() == pytest.approx(balanced_accuracy_score(truth, pred))

    def test_reset_nothing_and_bad_labels(self) -> None:
        scores = PooledScores()
        assert scores.compute().uf1 == scores.compute().accuracy == 0
        scores.update([], [])
        scores.update([0], [0])
        scores.reset()
        assert scores.compute().n == 0
        for truth, pred in (([0], [3]), ([-1], [0]), ([0, 1], [0]), ([0.5], [0])):
            with pytest.raises(ValueError):
                scores.update(truth, pred)


class ThreeStreams(nn.Module):
    """The network as the paper draws it."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(3, f, 3, padding=2),
                nn.ReLU(),
                nn.BatchNorm2d(f),
                nn.MaxPool2d(3, 3, 1),
                nn.Dropout(),
            )
            for f in STREAMS
        )
        self.pool = nn.AvgPool2d(2, 2)
        self.head = nn.Linear(400, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(torch.cat([s(x) for s in self.streams], 1)).flatten(1))


class TestStstNet:
    def test_it_has_the_published_number_of_parameters(self) -> None:
        assert sum(p.numel() for p in STSTNet().parameters()) == PARAMETERS == 1683
        assert sum(p.numel() for p in ThreeStreams().parameters()) == PARAMETERS

    def test_one_convolution_is_the_three_streams(self) -> None:
        torch.manual_seed(0)
        paper, ours = ThreeStreams(), STSTNet()
        with torch.no_grad():
            for kind in (0, 2):
                for name in ("weight", "bias"):
                    parts = [getattr(stream[kind], name) for stream in paper.streams]
                    getattr(ours.streams[kind], name).copy_(torch.cat(parts))
            ours.head.load_state_dict(paper.head.state_dict())
            x = torch.randn(5, 3, 28, 28)
            assert torch.allclose(paper.eval()(x), ours.eval()(x), atol=1e-5)

    def test_training_uses_the_applications_own_preparation(self) -> None:
        flow = made_up(3).flow
        assert np.array_equal(prepared(flow).numpy(), np.stack([prepare(image) for image in flow]))

    def test_the_published_schedule_is_an_option(self) -> None:
        assert (PUBLISHED.epochs, PUBLISHED.batch, PUBLISHED.rate) == (800, 256, 5e-5)
        assert not PUBLISHED.balanced and not PUBLISHED.cosine

    def test_a_seed_gives_one_network_whatever_was_drawn_before(self) -> None:
        data, method = made_up(24), StstNetMethod(Schedule(epochs=2))
        first = method.fit(data, 3).probabilities(data.flow)
        torch.rand(5)
        state = torch.get_rng_state()
        assert np.array_equal(method.fit(data, 3).probabilities(data.flow), first)
        assert torch.equal(torch.get_rng_state(), state)
        assert not np.array_equal(method.fit(data, 4).probabilities(data.flow), first)

    def test_a_rare_class_counts_as_much_as_a_common_one(self) -> None:
        data = made_up(90)
        keep = np.ones(90, bool)
        keep[np.flatnonzero(data.label == 2)[3:]] = False
        method = StstNetMethod(Schedule(epochs=25, batch=16))
        found = method.fit(data.subset(keep), 0).probabilities(made_up(30, seed=1).flow).argmax(1)
        assert (found[np.arange(30) % 3 == 2] == 2).mean() > 0.7


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].capabilities.get("exports")])
class TestEveryMethod:
    def test_it_learns_says_its_settings_and_leaves_the_data_alone(self, name: str) -> None:
        data, method = made_up(), make_method(name)
        before = data.flow.copy(), data.label.copy()
        fitted = method.fit(data, 0)
        found = fitted.probabilities(made_up(seed=1).flow)
        assert found.shape == (48, 3) and np.allclose(found.sum(1), 1, atol=1e-5)
        assert (found.argmax(1) == data.label).mean() > 0.8
        assert np.array_equal(data.flow, before[0]) and np.array_equal(data.label, before[1])
        assert method.name == name
        json.dumps(method.describe())

    def test_what_is_exported_answers_as_what_was_fitted(self, name: str, tmp_path: Path) -> None:
        data, method = made_up(24), make_method(name)
        fitted = [method.fit(data, seed) for seed in (0, 1)]
        path = method.export(fitted, tmp_path, {"kind": "recognizer"})
        session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        found = session.run(["probabilities"], {"flow": prepared(data.flow).numpy()})[0]
        wanted = np.mean([one.probabilities(data.flow) for one in fitted], axis=0)
        assert np.allclose(found, wanted, atol=1e-4)
        ModelStore(ModelSettings(directory=tmp_path)).session(name)


class Spy:
    """A method that answers with the share of each class it was shown, and remembers whom it saw."""

    name = "spy"

    def __init__(self) -> None:
        self.seen: list[tuple[set[str], int]] = []

    def describe(self) -> dict[str, Any]:
        return {}

    def fit(self, data: FlowData, seed: int) -> Spy.Shares:
        self.seen.append((set(data.group), seed))
        return Spy.Shares(np.bincount(data.label, minlength=3) / len(data))

    def export(self, fitted: Any, folder: Path, card: dict[str, Any]) -> Path:
        return folder

    class Shares:
        def __init__(self, shares: np.ndarray) -> None:
            self.shares = shares

        def probabilities(self, flow: np.ndarray) -> np.ndarray:
            return np.tile(self.shares, (len(flow), 1))


class TestLeaveOneSubjectOut:
    def test_nobody_is_judged_by_who_saw_them(self) -> None:
        data, spy, told = made_up(), Spy(), []
        table = leave_one_subject_out(spy, data, (5, 6), progress=lambda *a: told.append(a))
        everyone = set(data.group)
        assert [everyone - seen for seen, _ in spy.seen] == [{group} for group in sorted(everyone)] * 2
        assert len({seed for _, seed in spy.seen}) == 8
        assert tuple(table.columns) == COLUMNS and len(table) == 2 * len(data)
        assert not table.duplicated(["dataset", "subject", "clip", "seed"]).any()
        assert [done for done, *_ in told] == list(range(1, 9)) and told[0][1] == 8

    def test_each_row_is_its_own_samples(self) -> None:
        data = made_up()
        table = leave_one_subject_out(StstNetMethod(Schedule(epochs=15, batch=16)), data, (0,))
        truth = dict(zip(data.clip, np.array(LABELS)[data.label], strict=True))
        assert all(truth[row.clip] == row.truth for row in table.itertuples())
        assert score(table).uf1 > 0.8
        sums = table[[f"p_{label}" for label in LABELS]].sum(axis=1)
        assert np.allclose(sums, 1, atol=1e-5)

    def test_processes_change_nothing(self) -> None:
        data = made_up(24, 2)
        one = leave_one_subject_out(NearestMean(), data, (0, 1))
        two = leave_one_subject_out(NearestMean(), data, (0, 1), jobs=2)
        pd.testing.assert_frame_equal(one, two)

    def test_one_subject_cannot_be_left_out(self) -> None:
        data = made_up()
        with pytest.raises(DatasetError, match="needs two"):
            leave_one_subject_out(Spy(), data.subset(data.group == "a/001"), (0,))

    def test_shuffling_keeps_the_counts_and_nothing_else(self) -> None:
        data = made_up()
        mixed = shuffled(data, 1)
        assert np.array_equal(np.bincount(mixed.label), np.bincount(data.label))
        assert not np.array_equal(mixed.label, data.label) and mixed.flow is data.flow

    def test_the_mean_over_seeds_is_one_row_a_sample(self, tmp_path: Path) -> None:
        table = leave_one_subject_out(StstNetMethod(Schedule(epochs=1)), made_up(24, 2), (0, 1))
        mean = averaged(table)
        assert len(mean) == 24
        clip = table[table["clip"] == "c3"]
        row = mean[mean["clip"] == "c3"].iloc[0]
        assert row["p_negative"] == pytest.approx(clip["p_negative"].mean())
        write_predictions(table, tmp_path / "new" / "p.csv")
        again = pd.read_csv(tmp_path / "new" / "p.csv", dtype={"subject": str})
        assert tuple(again.columns) == COLUMNS and list(again["subject"]) == list(table["subject"])
        assert len(list((tmp_path / "new").iterdir())) == 1


class TestSummary:
    def table(self, right: float) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        truth = np.arange(300) % 3
        pred = np.where(rng.random(300) < right, truth, (truth + 1) % 3)
        names = np.array(LABELS)
        table = pd.DataFrame(
            {"dataset": "a", "subject": [f"{k // 10}" for k in range(300)], "clip": range(300)}
        )
        table["truth"], table["pred"] = names[truth], names[pred]
        for k, label in enumerate(LABELS):
            table[f"p_{label}"] = (pred == k).astype(float)
        return table.assign(seed=0)

    def test_the_interval_holds_the_score_and_narrows_with_certainty(self) -> None:
        table = self.table(0.7)
        (low, high), (uar_low, uar_high) = subject_bootstrap(table)
        assert low < score(table).uf1 < high and 0.05 < high - low < 0.2
        assert uar_low < score(table).uar < uar_high
        assert subject_bootstrap(table) == subject_bootstrap(table)
        assert subject_bootstrap(self.table(1.0)) == ((1.0, 1.0), (1.0, 1.0))

    def test_a_card_gets_scores_spread_and_control(self) -> None:
        both = pd.concat([self.table(0.8), self.table(0.6).assign(seed=1)])
        scores = card_scores(both, self.table(0.3), suffix="_synthetic")
        assert all(key.endswith("_synthetic") for key in scores)
        assert scores["single_seed_uf1_sd_synthetic"] > 0.05
        assert scores["shuffled_labels_uf1_synthetic"] == pytest.approx(score(self.table(0.3)).uf1, abs=1e-4)
        assert {f"recall_{label}_synthetic" for label in LABELS} <= scores.keys()
        json.dumps(scores)


class TestFitRecognizer:
    def test_without_data_the_card_says_what_it_is_worth(self, tmp_path: Path) -> None:
        lines: list[str] = []
        path = fit_recognizer(
            None, tmp_path, seeds=1, epochs=2, per_class=2, control=False,
            predictions=tmp_path / "p.csv", log=lines.append,
        )  # fmt: skip
        card = json.loads(path.with_suffix(".json").read_text())
        assert ModelCard.model_validate(card).problems() == []
        assert "synthetic" in card["data"] and card["subjects"] == 1 and card["research_only"]
        assert all("synthetic" in key for key in card["scores"])
        assert any("nothing of real emotions" in limit for limit in card["limits"])
        assert all("synthetic" in line for line in lines)
        assert card["settings"]["epochs"] == 2
        assert len(pd.read_csv(tmp_path / "p.csv")) == 6
        ModelStore(ModelSettings(directory=tmp_path)).session("ststnet")

    @pytest.mark.parametrize(
        ("settings", "error"),
        [({"seeds": 0}, "no seed"), ({"epochs": 0}, "0 epochs"), ({"name": "nobody"}, "nobody")],
    )
    def test_bad_settings_are_said_at_once(
        self, tmp_path: Path, settings: dict[str, Any], error: str
    ) -> None:
        with pytest.raises(SettingsError, match=error):
            fit_recognizer(None, tmp_path / "out", **settings)
        assert not (tmp_path / "out").exists()

    def test_data_that_are_not_the_challenges_are_refused(self, tmp_path: Path) -> None:
        data = composite(tmp_path / "flow.npz", label=np.zeros(442, int))
        with pytest.raises(DatasetError, match="published"):
            fit_recognizer(data, tmp_path / "out")


def test_the_mean_of_networks_is_the_mean_of_their_probabilities() -> None:
    torch.manual_seed(0)
    nets = [STSTNet().eval(), STSTNet().eval()]
    x = torch.randn(3, 3, 28, 28)
    with torch.no_grad():
        wanted = sum(torch.softmax(net(x), 1) for net in nets) / 2
        assert torch.allclose(MeanProbabilities(nets)(x), wanted, atol=1e-6)
