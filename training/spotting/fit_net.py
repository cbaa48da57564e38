"""Fitting ``ltp-net`` on a corpus of clips with known movements."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from megc_live.spotting.features import HAS_PATTERN, LTP_FEATURES, MOTION_FEATURES, mirrored
from megc_live.spotting.interval import iou
from megc_live.spotting.net import LOOK_AHEAD_STEPS
from megc_live.synthesis.units import FREE, UNITS
from training.spotting.network import PAST_STEPS, SpotterNet
from training.spotting.planting import EventBank
from training.spotting.sequences import Clip, Sequence, base_units, decode_scores, padded

F32 = NDArray[np.float32]

THRESHOLDS = tuple(round(float(t), 2) for t in np.arange(0.2, 0.95, 0.05))


@dataclass(frozen=True)
class NetSchedule:
    """How a network is fitted. Fixed beforehand: no epoch is chosen by its score."""

    width: int = 48
    dropout: float = 0.25
    epochs: int = 16
    batches: int = 100
    batch: int = 24
    steps: int = 192
    rate: float = 3e-3
    weight_decay: float = 1e-3
    positive_weight: float = 1.5
    planted_share: float = 0.7
    planted_per_s: float = 0.35
    bank: int = 4000
    times_weight: float = 4.0


def fit_network(
    clips: Many[Clip],
    seed: int,
    schedule: NetSchedule | None = None,
    left_out_units: frozenset[str] = frozenset(),
    log: Callable[[str], None] = lambda line: None,
) -> SpotterNet:
    """Fit one network.

    Parameters
    ----------
    clips : sequence of Clip
        Clips to learn from; every person counts by the square root of their footage.
    seed : int
    schedule : NetSchedule, optional
    left_out_units : frozenset of str
        Action units that are not learned from: steps in and around movements with one of them are
        neither positive nor negative examples.
    log : callable
        Gets a line an epoch.
    """
    schedule = schedule or NetSchedule()
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    units = tuple(unit for unit in (*UNITS, FREE) if unit not in left_out_units)
    bank = EventBank(rng, schedule.bank, units)
    pool = _Pool(clips, left_out_units, bank, schedule, rng)
    net = SpotterNet(schedule.width, schedule.dropout)
    mean, std = pool.statistics()
    net.mean.copy_(torch.from_numpy(mean))
    net.scale.copy_(torch.from_numpy(1 / std))
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    total = schedule.epochs * schedule.batches
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.rate, total_steps=total, pct_start=0.15)
    for epoch in range(schedule.epochs):
        net.train()
        began, sums = time.perf_counter(), 0.0
        for _ in range(schedule.batches):
            features, targets = pool.batch()
            loss = _loss(net(torch.from_numpy(features)), torch.from_numpy(targets), schedule)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            plan.step()
            sums += float(loss.detach())
        log(f"epoch {epoch + 1}/{schedule.epochs} loss {sums / schedule.batches:.4f} {time.perf_counter() - began:.1f} s")
    return net.eval()


def _loss(out: torch.Tensor, targets: torch.Tensor, schedule: NetSchedule) -> torch.Tensor:
    weight = torch.tensor([schedule.positive_weight, schedule.positive_weight])[:, None]
    inside = torch.nn.functional.binary_cross_entropy_with_logits(
        out[:, :2], targets[:, :2], pos_weight=weight, reduction="none"
    )
    judged = targets[:, 4:5]
    timed = targets[:, 5:6]
    times = torch.nn.functional.smooth_l1_loss(out[:, 2:], targets[:, 2:4], beta=0.03, reduction="none")
    return (inside * judged).sum() / judged.sum().clamp(min=1) + schedule.times_weight * (
        times * timed
    ).sum() / timed.sum().clamp(min=1)


class _Pool:
    """Random windows of sequences, with augmentation."""

    def __init__(
        self,
        clips: Many[Clip],
        left_out: frozenset[str],
        bank: EventBank,
        schedule: NetSchedule,
        rng: np.random.Generator,
    ) -> None:
        self._rng, self._bank, self._schedule = rng, bank, schedule
        self._items: list[tuple[F32, F32]] = []
        weights, people = [], {}
        for clip in clips:
            people[clip.person] = people.get(clip.person, 0.0) + clip.minutes
        for clip in clips:
            for sequence in clip.sequences:
                targets = _without(sequence, clip, left_out)
                features = padded(sequence.features, PAST_STEPS, LOOK_AHEAD_STEPS)
                self._items.append((features, targets.T.copy()))
                weights.append(len(targets) / np.sqrt(people[clip.person]))
        self._weights = np.array(weights) / np.sum(weights)
        self._margin = PAST_STEPS + LOOK_AHEAD_STEPS

    def statistics(self) -> tuple[F32, F32]:
        """Mean and standard deviation of each feature over valid steps."""
        stack = np.concatenate([f[:, PAST_STEPS : f.shape[1] - LOOK_AHEAD_STEPS] for f, _ in self._items], axis=1)
        valid = stack[-1] > 0
        mean, std = stack[:, valid].mean(1), stack[:, valid].std(1)
        # A feature that is the same everywhere says nothing: leave it as it is.
        return mean.astype(np.float32), np.maximum(std, 0.05).astype(np.float32)

    def batch(self) -> tuple[F32, F32]:
        """Return features (size, N, steps + margin) and targets (size, 6, steps)."""
        rng, size, steps = self._rng, self._schedule.batch, self._schedule.steps
        features = np.zeros((size, self._items[0][0].shape[0], steps + self._margin), dtype=np.float32)
        targets = np.zeros((size, 6, steps), dtype=np.float32)
        for i, item in enumerate(rng.choice(len(self._items), size, p=self._weights)):
            f, t = self._items[item]
            length = t.shape[1]
            take = min(steps, length)
            start = int(rng.integers(0, length - take + 1))
            features[i, :, : take + self._margin] = f[:, start : start + take + self._margin]
            targets[i, :, :take] = t[:, start : start + take]
            if rng.random() < self._schedule.planted_share:
                # Planted motion has no pixels, so no patterns: the whole window goes without them,
                # where something was planted and where nothing was.
                features[i, LTP_FEATURES] = 0
                features[i, HAS_PATTERN] = 0
                self._bank.plant(rng, features[i], targets[i], PAST_STEPS, self._schedule.planted_per_s)
        return self._augment(features), targets

    def _augment(self, features: F32) -> F32:
        rng = self._rng
        size = len(features)
        flip = rng.random(size) < 0.5
        features[flip] = mirrored(features[flip].transpose(0, 2, 1)).transpose(0, 2, 1)
        gain = np.exp(rng.normal(0, 0.15, (size, 1, 1))).astype(np.float32)
        moving = features[:, MOTION_FEATURES]
        noise = rng.normal(0, 1, moving.shape).astype(np.float32) * (
            rng.random((size, 1, 1)).astype(np.float32) * 0.12
        )
        valid = features[:, -1:]
        features[:, MOTION_FEATURES] = np.arcsinh(np.sinh(moving) * gain + noise) * valid
        return features


def _without(sequence: Sequence, clip: Clip, left_out: frozenset[str]) -> F32:
    targets = sequence.targets.copy()
    if left_out:
        times = np.array([s.t_s for s in sequence.samples])
        for move in clip.truth:
            if left_out & base_units(move.units):
                near = (times > move.onset_s - 0.3) & (times < move.offset_s + 0.3)
                targets[near, 4:6] = 0
    return targets


@torch.no_grad()
def scores_of(net: SpotterNet, sequence: Sequence) -> F32:
    """The network's answers for every step of a sequence, (steps, 4), as the application would get them."""
    x = torch.from_numpy(padded(sequence.features, PAST_STEPS, LOOK_AHEAD_STEPS))[None]
    out = net(x)[0]
    out[:2] = torch.sigmoid(out[:2])
    return out.T.numpy()


@dataclass(frozen=True)
class Bag:
    """Networks fitted on different people, used as one by averaging their answers.

    Attributes
    ----------
    nets : list of SpotterNet
    threshold : float
        Chosen on people that the judged network was not fitted on.
    f1_of : dict of float to float
        Pooled micro F1 of those people at each threshold tried.
    """

    nets: list[SpotterNet]
    threshold: float
    f1_of: dict[float, float]


def fit_bag(
    clips: Many[Clip],
    seed: int,
    members: int = 3,
    schedule: NetSchedule | None = None,
    left_out_units: frozenset[str] = frozenset(),
    log: Callable[[str], None] = lambda line: None,
) -> Bag:
    """Fit ``members`` networks, each without one part of the people, and choose the threshold on those parts.

    Parameters
    ----------
    clips : sequence of Clip
        At least ``members`` different persons.
    seed : int
    members : int
    """
    parts = split_people(clips, members, seed)
    nets, judged = [], []
    for k, part in enumerate(parts):
        inside = [clip for clip in clips if clip.person not in part]
        net = fit_network(inside, seed + k, schedule, left_out_units, lambda line, k=k: log(f"network {k + 1}: {line}"))
        nets.append(net)
        judged += [
            (clip, [(s, scores_of(net, s)) for s in clip.sequences]) for clip in clips if clip.person in part
        ]
    threshold, table = choose_threshold(judged)
    log(f"threshold {threshold:.2f}, F1 on people left out {max(table.values()):.3f}")
    return Bag(nets, threshold, table)


def split_people(clips: Many[Clip], parts: int, seed: int) -> list[set[str]]:
    """Deal persons into parts of about the same amount of footage; the same seed deals alike."""
    minutes: dict[str, float] = {}
    for clip in clips:
        minutes[clip.person] = minutes.get(clip.person, 0.0) + clip.minutes
    rng = np.random.default_rng(seed)
    people = sorted(minutes)
    order = [people[i] for i in rng.permutation(len(people))]
    out: list[set[str]] = [set() for _ in range(parts)]
    for person in sorted(order, key=lambda p: -minutes[p]):
        least = min(range(parts), key=lambda k: sum(minutes[p] for p in out[k]))
        out[least].add(person)
    return out


def choose_threshold(
    judged: Many[tuple[Clip, list[tuple[Sequence, F32]]]],
) -> tuple[float, dict[float, float]]:
    """The threshold with the best pooled micro F1, given scores from networks that do not know these people.

    Returns
    -------
    threshold : float
        Middle of the thresholds within 0.01 of the best F1.
    table : dict of float to float
        F1 of each.
    """
    table = {}
    for threshold in THRESHOLDS:
        tp = predicted = truths = 0
        for clip, sequences in judged:
            found = [
                (clip.log.frame_at(span.onset_s), clip.log.frame_at(span.offset_s))
                for sequence, scores in sequences
                for span in decode_scores(sequence, scores, threshold)
                if span.kind == "micro"
            ]
            wanted = [(m.onset, m.offset) for m in clip.truth if m.kind == "micro"]
            tp += sum(any(iou(f, w) >= 0.5 for f in found) for w in wanted)
            predicted += len(found)
            truths += len(wanted)
        table[threshold] = 2 * tp / max(1, predicted + truths)
    best = max(table.values())
    near = [t for t, f1 in table.items() if f1 >= best - 0.01]
    return float(np.median(near)), table
