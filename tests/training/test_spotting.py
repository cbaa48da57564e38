"""Fitting and judging spotters: targets, planting, folds, models that the application takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from megc_live.errors import DatasetError, SettingsError
from megc_live.face.regions import REGIONS
from megc_live.models import ModelStore
from megc_live.settings import ModelSettings
from megc_live.spotting import make_spotter
from megc_live.spotting.features import N_FEATURES, N_SIGNALS, VALID
from megc_live.spotting.net import LOOK_AHEAD_STEPS, WINDOW_STEPS, Network
from tests.spotting.test_conformance import FPS, course
from training.spotting.evaluate import UNIT_GROUPS, evaluate_corpus
from training.spotting.export import export_bag, export_svm
from training.spotting.fit_ml import candidate_regions, fit_svm, training_rows
from training.spotting.fit_net import (
    NetSchedule,
    _at_speed,
    _reversed,
    choose_threshold,
    fit_bag,
    fit_network,
    scores_of,
    split_people,
)
from training.spotting.network import PAST_STEPS, SpotterNet
from training.spotting.planting import EventBank
from training.spotting.report import accuracy_page, score_folds, unseen_unit_recall, write_results
from training.spotting.run import evaluate
from training.spotting.sequences import Clip, Movement, base_units, grid_samples, make_sequence
from training.spotting.signal_log import SignalLog

TINY = NetSchedule(width=8, epochs=2, batches=6, batch=6, steps=96, bank=60)


def clip(name: str, person: str, seconds: float = 12.0, seed: int = 0) -> Clip:
    """A clip whose mouth corners go up and back every two seconds."""
    signals = course(seconds, seed)
    log = SignalLog(np.arange(int(seconds * FPS)) / FPS, [signals])
    truth = [
        Movement(round(t * FPS), round((t + 0.4) * FPS), t, t + 0.4, "micro", ("AU12",), 0.03)
        for t in np.arange(2.0, seconds - 1, 2.0)
    ]
    made = Clip(name, person, log, truth, FPS)
    made.sequences = [make_sequence(samples, truth) for samples in grid_samples(log)]
    return made


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [clip(f"p{k}__clip__{'s' if k % 2 else 'v'}0", f"p{k}", seed=k) for k in range(6)]


def test_targets_mark_the_inside_and_its_times(clips: list[Clip]) -> None:
    (sequence,) = clips[0].sequences
    times = np.array([s.t_s for s in sequence.samples])
    inside = sequence.targets[:, 0] > 0
    assert inside.sum() == pytest.approx(len(clips[0].truth) * 0.4 * 30, abs=2 * len(clips[0].truth))
    at = int(np.argmin(np.abs(times - 2.2)))
    assert sequence.targets[at, 2:4] == pytest.approx([0.2, 0.2], abs=0.02)
    assert (sequence.targets[~inside, 5] == 0).all()


def test_a_log_that_is_saved_is_the_same(clips: list[Clip], tmp_path: Path) -> None:
    path = tmp_path / "log.npz"
    clips[0].log.save(path)
    again = SignalLog.load(path)
    np.testing.assert_array_equal(again.pts_s, clips[0].log.pts_s)
    a, b = grid_samples(clips[0].log)[0], grid_samples(again)[0]
    np.testing.assert_allclose([s.vector for s in a], [s.vector for s in b], atol=1e-5)
    assert list(tmp_path.iterdir()) == [path]


def test_reversing_keeps_features_and_targets_together() -> None:
    features = np.zeros((N_FEATURES, 192 + PAST_STEPS + LOOK_AHEAD_STEPS), np.float32)
    features[VALID] = 1
    targets = np.zeros((6, 192), np.float32)
    features[60, PAST_STEPS + 30] = 1
    targets[0, 30], targets[2, 30], targets[3, 30] = 1, 0.1, 0.3
    back, goals = _reversed(features, targets)
    assert np.flatnonzero(back[60]) - PAST_STEPS == np.flatnonzero(goals[0])
    at = np.flatnonzero(goals[0])[0]
    assert goals[2, at] == np.float32(0.3) and goals[3, at] == np.float32(0.1)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_changing_the_speed_keeps_features_and_targets_together(speed: float) -> None:
    margin = PAST_STEPS + LOOK_AHEAD_STEPS
    features = np.zeros((N_FEATURES, 300 + margin), np.float32)
    features[VALID] = 1
    targets = np.zeros((6, 300), np.float32)
    features[60, PAST_STEPS + 58 : PAST_STEPS + 63] = 1
    features[0, PAST_STEPS + 60] = np.arcsinh(2.0)
    targets[0, 58:63] = 1
    out, goals = _at_speed(features, targets, speed, 192, margin)
    assert np.flatnonzero(out[60]).mean() - PAST_STEPS == pytest.approx(60 / speed, abs=1)
    assert np.flatnonzero(goals[0]).mean() == pytest.approx(60 / speed, abs=1)
    assert np.sinh(out[0]).max() <= 2.0 * speed + 1e-5


def test_planted_events_move_what_their_targets_say() -> None:
    bank = EventBank(np.random.default_rng(0), 80, ("AU12",))
    assert {p.event.units for p in bank.events if p.event.kind == "micro"} == {("AU12",)}
    mouth = [REGIONS.index("mouth_r"), REGIONS.index("mouth_l")]
    micro = [p for p in bank.events if p.event.kind == "micro"]
    strength = np.mean([np.hypot(*p.pattern.T) / np.hypot(*p.pattern.T).max() for p in micro], axis=0)
    assert strength[mouth].max() > 0.5
    assert strength[REGIONS.index("brow_r_mid")] < 0.2
    bank.events = [p for p in bank.events if p.event.kind in ("micro", "macro")]
    rng = np.random.default_rng(1)
    features = np.zeros((N_FEATURES, PAST_STEPS + 400), np.float32)
    features[VALID] = 1
    targets = np.zeros((6, 393), np.float32)
    targets[4] = 1
    bank.plant(rng, features, targets, PAST_STEPS, 0.5)
    moving = np.abs(features[: 2 * N_SIGNALS]).max(0)[PAST_STEPS : PAST_STEPS + 393]
    inside = targets[:2].max(0) > 0
    assert inside.any()
    assert moving[inside].mean() > 5 * moving[~inside].mean()


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (("AU1", "AU2"), [n for n in REGIONS if n.startswith("brow")]),
        (("AU12",), ["mouth_r", "lip_upper", "mouth_l", "lip_lower"]),
        (("AU12L",), ["lip_upper", "mouth_l", "lip_lower"]),
        (("AU1R",), ["brow_r_outer", "brow_r_mid", "brow_r_inner"]),
        (("AU6", "AU12"), list(REGIONS)),
    ],
)
def test_candidate_regions(units: tuple[str, ...], expected: list[str]) -> None:
    assert [REGIONS[i] for i in candidate_regions(units)] == expected


def test_unit_groups_leave_every_unit_out_once() -> None:
    from megc_live.synthesis.units import UNITS

    assert sorted(u for group in UNIT_GROUPS for u in group) == sorted(UNITS)
    assert base_units(["AU12R", "AU1", "free"]) == {"AU12", "AU1", "free"}


def test_people_are_dealt_whole(clips: list[Clip]) -> None:
    parts = split_people(clips, 3, seed=1)
    assert sorted(p for part in parts for p in part) == sorted({c.person for c in clips})
    assert parts == split_people(list(reversed(clips)), 3, seed=1)


def test_left_out_units_give_no_example(clips: list[Clip]) -> None:
    rows, labels = training_rows(clips)
    assert labels.sum() > 0 and rows.shape[1] == 10
    with pytest.raises(DatasetError):
        fit_svm(clips, frozenset({"AU12"}))


def test_the_application_takes_what_training_exports(clips: list[Clip], tmp_path: Path) -> None:
    bag = fit_bag(clips, seed=0, members=2, schedule=TINY)
    export_bag(bag, tmp_path, {"kind": "spotter"})
    export_svm(*fit_svm(clips), tmp_path, {"kind": "spotter"})
    store = ModelStore(ModelSettings(directory=tmp_path))
    for name in ("ltp-net", "ltp-ml"):
        card = json.loads((tmp_path / f"{name}.json").read_text())
        assert card["parity"] < 1e-4
        spotter = make_spotter(name, store, 0.0)
        spans = clips[0].log.replay(spotter)
        assert all(span.onset_s <= span.apex_s <= span.offset_s for span in spans)
    # The exported bag, step by step, is the networks' mean over whole sequences.
    (sequence,) = clips[0].sequences
    mean = np.mean([scores_of(net, sequence) for net in bag.nets], axis=0)
    network = Network(store.session("ltp-net"))
    for _ in range(2):  # beginning anew forgets everything
        network.begin()
        steps = [network.step(vector) for vector in sequence.features]
        np.testing.assert_allclose(steps[LOOK_AHEAD_STEPS:], mean[:-LOOK_AHEAD_STEPS], atol=1e-4)


def test_the_same_seed_fits_the_same_network(clips: list[Clip]) -> None:
    a, b = (fit_network(clips[:3], 5, TINY) for _ in range(2))
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(x.detach().numpy(), y.detach().numpy())


def test_thresholds_are_chosen_by_f_half(clips: list[Clip]) -> None:
    (sequence,) = clips[0].sequences
    scores = np.zeros((len(sequence.samples), 4), np.float32)
    for move in clips[0].truth:
        middle = round((move.onset_s + move.offset_s) / 2 * 30)
        scores[middle, 0] = 0.7
        scores[middle, 2:] = 0.2
    threshold, table = choose_threshold([(clips[0], [(sequence, scores)])])
    assert table[0.5] == 1.0 and table[0.75] == 0.0
    assert threshold < 0.7


def test_an_evaluation_keeps_people_apart_and_goes_on_where_it_stopped(
    clips: list[Clip], tmp_path: Path
) -> None:
    settings = {"folds": 2, "seed": 3, "schedule": TINY}
    first = evaluate_corpus(clips, tmp_path, only_folds=[0], **settings)  # type: ignore[arg-type]
    results = evaluate_corpus(clips, tmp_path, **settings)  # type: ignore[arg-type]
    assert results[0] == first[0]
    assert sorted(p for r in results for p in r.people) == sorted({c.person for c in clips})
    for result in results:
        assert {row["person"] for rows in result.predictions.values() for row in rows} <= set(result.people)
        assert 0.2 <= result.chosen["ltp-net"] <= 0.95
    with pytest.raises(DatasetError, match="another evaluation"):
        evaluate_corpus(clips, tmp_path, folds=2, seed=4, schedule=TINY)
    summary = write_results(tmp_path / "out", clips, results)
    rows = {(row.method, row.subset): row for row in score_folds(clips, results)}
    chance = rows["fire-always", "all"]
    assert chance.tp + chance.fn == sum(len(c.truth) for c in clips)
    assert set(unseen_unit_recall(clips, results)) == {"ltp-ml", "ltp-net"}
    page = accuracy_page(summary, list(rows.values()))
    assert "synthetic" in page and "`fire-always`" in page
    assert (tmp_path / "out" / "predictions-ltp-net.csv").exists()


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="synthetic"):
        evaluate("casme9", [tmp_path], tmp_path)
    with pytest.raises(SettingsError, match="ltp-net"):
        evaluate("synthetic", [tmp_path], tmp_path, methods=["magic"])
    with pytest.raises(DatasetError, match="corpus"):
        evaluate("synthetic", [tmp_path], tmp_path / "out")


def test_a_network_answers_with_exactly_its_window() -> None:
    import torch

    net = SpotterNet(width=8).eval()
    x = torch.randn(1, N_FEATURES, 160, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = net(x)
        part = net(x[:, :, 20 : 20 + WINDOW_STEPS])
    assert whole.shape[2] == 160 - WINDOW_STEPS + 1
    torch.testing.assert_close(part[:, :, 0], whole[:, :, 20], atol=1e-5, rtol=1e-4)
