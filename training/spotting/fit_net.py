"""Fitting ``ltp-net`` on a corpus of clips with known movements."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from megc_live.spotting.features import (
    BLINK,
    EYE,
    HAS_PATTERN,
    HEAD_FEATURES,
    KEPT,
    LTP_FEATURES,
    MOTION_FEATURES,
    N_SIGNALS,
    RESIDUAL,
    VALID,
    mirrored,
)
from megc_live.spotting.net import LOOK_AHEAD_STEPS
from megc_live.synthesis.units import FREE, UNITS
from training.protocols.matching import Expression
from training.protocols.spotting import OneToOne
from training.spotting.network import PAST_STEPS, SpotterNet
from training.spotting.planting import EventBank
from training.spotting.sequences import Clip, Sequence, base_units, decode_scores, padded

F32 = NDArray[np.float32]

THRESHOLDS = tuple(round(float(t), 2) for t in np.arange(0.2, 0.95, 0.05))

HELD_BACK = 6
"""A network is judged, for the threshold, on one of so many parts of the people."""


@dataclass(frozen=True)
class NetSchedule:
    """How a network is fitted. Fixed beforehand: no epoch is chosen by its score."""

    width: int = 40
    dropout: float = 0.2
    raw_dropout: float = 0.7
    epochs: int = 12
    batches: int = 150
    batch: int = 24
    steps: int = 192
    rate: float = 3e-3
    weight_decay: float = 5e-2
    positive_weight: float = 1.5
    planted_share: float = 0.85
    planted_per_s: float = 0.35
    mixed_share: float = 0.15
    reversed_share: float = 0.2
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
    net = SpotterNet(schedule.width, schedule.dropout, schedule.raw_dropout)
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
        log(
            f"epoch {epoch + 1}/{schedule.epochs} loss {sums / schedule.batches:.4f} "
            f"{time.perf_counter() - began:.1f} s"
        )
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
        stack = np.concatenate(
            [f[:, PAST_STEPS : f.shape[1] - LOOK_AHEAD_STEPS] for f, _ in self._items], axis=1
        )
        valid = stack[-1] > 0
        mean, std = stack[:, valid].mean(1), stack[:, valid].std(1)
        # A feature that is the same everywhere says nothing: leave it as it is.
        return mean.astype(np.float32), np.maximum(std, 0.05).astype(np.float32)

    def batch(self) -> tuple[F32, F32]:
        """Return features (size, N, steps + margin) and targets (size, 6, steps)."""
        rng, size, steps = self._rng, self._schedule.batch, self._schedule.steps
        features = np.zeros((size, self._items[0][0].shape[0], steps + self._margin), dtype=np.float32)
        targets = np.zeros((size, 6, steps), dtype=np.float32)
        for i in range(size):
            features[i], targets[i] = self._window(steps)
            if rng.random() < self._schedule.planted_share:
                # Planted motion has no pixels, so no patterns: the whole window goes without them,
                # where something was planted and where nothing was.
                features[i, LTP_FEATURES] = 0
                features[i, HAS_PATTERN] = 0
                if rng.random() < self._schedule.mixed_share:
                    _mix(features[i], self._window(steps)[0], float(rng.uniform(0.2, 1.0)))
                if rng.random() < self._schedule.reversed_share:
                    features[i], targets[i] = _reversed(features[i], targets[i])
                self._bank.plant(rng, features[i], targets[i], PAST_STEPS, self._schedule.planted_per_s)
        return self._augment(features), targets

    def _window(self, steps: int) -> tuple[F32, F32]:
        """A random window at a random speed: features (N, steps + margin), targets (6, steps)."""
        rng = self._rng
        f, t = self._items[int(rng.choice(len(self._items), p=self._weights))]
        speed = float(np.exp(rng.uniform(-0.25, 0.25))) if rng.random() < 0.5 else 1.0
        need = int(np.ceil(steps * speed)) + 1
        length = t.shape[1]
        take = min(need, length)
        start = int(rng.integers(0, length - take + 1))
        features = np.zeros((f.shape[0], need + self._margin + 1), dtype=np.float32)
        targets = np.zeros((6, need), dtype=np.float32)
        part = f[:, start : start + take + self._margin]
        features[:, : part.shape[1]] = part
        targets[:, :take] = t[:, start : start + take]
        if speed == 1.0:
            return features[:, : steps + self._margin], targets[:, :steps]
        return _at_speed(features, targets, speed, steps, self._margin)

    def _augment(self, features: F32) -> F32:
        """Mirror, gain as a whole and per place, noise, and context that comes and goes.

        There is little footage, and a network can learn it by heart: what deviates from it would be planted.
        """
        rng = self._rng
        size = len(features)
        flip = rng.random(size) < 0.5
        features[flip] = mirrored(features[flip].transpose(0, 2, 1)).transpose(0, 2, 1)
        gain = np.exp(rng.normal(0, 0.25, (size, 1, 1))).astype(np.float32)
        place = np.exp(rng.normal(0, 0.2, (size, N_SIGNALS, 1))).astype(np.float32)
        moving = features[:, MOTION_FEATURES]
        noise = (
            rng.normal(0, 1, moving.shape).astype(np.float32)
            * rng.random((size, 1, 1)).astype(np.float32)
            * 0.15
        )
        valid = features[:, -1:]
        features[:, MOTION_FEATURES] = (
            np.arcsinh(np.sinh(moving) * gain * np.concatenate([place, place], axis=1) + noise) * valid
        )
        for channel in (EYE, KEPT, RESIDUAL):  # these tell clips apart better than they tell movements
            features[rng.random(size) < 0.5, channel] = 0
        return features


def _mix(features: F32, other: F32, share: float) -> None:
    """Add a share of another window's motion, in place: natural movement that was never seen so."""
    moved = np.sinh(features[MOTION_FEATURES]) + share * np.sinh(other[MOTION_FEATURES])
    features[MOTION_FEATURES] = np.arcsinh(moved)
    features[BLINK] = np.maximum(features[BLINK], share * other[BLINK])
    features[:] *= (features[VALID] > 0) & (other[VALID] > 0)


def _reversed(features: F32, targets: F32) -> tuple[F32, F32]:
    """A window that runs backwards: motion changes its sign, onset and offset change places."""
    backwards = features[:, ::-1].copy()
    backwards[MOTION_FEATURES] *= -1
    backwards[HEAD_FEATURES] *= -1
    # Margins differ at both ends: targets move by their difference, and what slips out is not judged.
    shift = LOOK_AHEAD_STEPS - PAST_STEPS
    turned = np.zeros_like(targets)
    source = targets[:, ::-1][[0, 1, 3, 2, 4, 5]]
    judged = max(0, targets.shape[1] + shift)
    turned[:, :judged] = source[:, targets.shape[1] - judged :]
    return backwards, turned


def _at_speed(features: F32, targets: F32, speed: float, steps: int, margin: int) -> tuple[F32, F32]:
    """Play a window faster or slower: motion and times scale, events keep being what they are.

    Only as far as micro-expressions stay micro: a factor of 0.78 to 1.28.
    """
    at = PAST_STEPS + (np.arange(steps + margin) - PAST_STEPS) * speed
    at = np.clip(at, 0, features.shape[1] - 1.001)
    low = at.astype(int)
    share = (at - low).astype(np.float32)
    out = features[:, low] * (1 - share) + features[:, low + 1] * share
    out[VALID] = out[VALID] > 0.999
    out[MOTION_FEATURES] = np.arcsinh(np.sinh(out[MOTION_FEATURES]) * speed)
    out *= out[VALID] > 0
    nearest = np.clip(np.rint(np.arange(steps) * speed).astype(int), 0, targets.shape[1] - 1)
    goals = targets[:, nearest].copy()
    goals[2:4] /= speed
    return out, goals


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
    f_half_of : dict of float to float
        Pooled micro F0.5 of those people at each threshold tried.
    """

    nets: list[SpotterNet]
    threshold: float
    f_half_of: dict[float, float]


def fit_bag(
    clips: Many[Clip],
    seed: int,
    members: int = 3,
    schedule: NetSchedule | None = None,
    left_out_units: frozenset[str] = frozenset(),
    log: Callable[[str], None] = lambda line: None,
) -> Bag:
    """Fit ``members`` networks, each without one sixth of the people, and choose the threshold on those.

    Parameters
    ----------
    clips : sequence of Clip
        At least three different persons, and at least ``members``.
    seed : int
    members : int
        More than six: each network leaves out as small a part as there are networks.
    """
    people = len({clip.person for clip in clips})
    parts = split_people(clips, min(max(members, HELD_BACK), people), seed)[:members]
    nets, judged = [], []
    for k, part in enumerate(parts):
        inside = [clip for clip in clips if clip.person not in part]
        net = fit_network(
            inside, seed + k, schedule, left_out_units, lambda line, k=k: log(f"network {k + 1}: {line}")
        )
        nets.append(net)
        judged += [
            (clip, [(s, scores_of(net, s)) for s in clip.sequences]) for clip in clips if clip.person in part
        ]
    threshold, table = choose_threshold(judged)
    log(f"threshold {threshold:.2f}, F0.5 on people left out {max(table.values()):.3f}")
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
    """The threshold with the best pooled F0.5, given scores from networks that do not know these people.

    F0.5 = 1.25 P R / (0.25 P + R) of the micro-expressions weighs precision more than F1 does: somebody looks
    at every interval, and around the best F1 half of the false ones can be had for a tenth of the right ones.

    Returns
    -------
    threshold : float
        Middle of the thresholds within 0.01 of the best F0.5.
    table : dict of float to float
        F0.5 of each.
    """
    table = {}
    for threshold in THRESHOLDS:
        metric = OneToOne()
        for clip, sequences in judged:
            found = [
                Expression(clip.log.frame_at(span.onset_s), clip.log.frame_at(span.offset_s))
                for sequence, scores in sequences
                for span in decode_scores(sequence, scores, threshold)
                if span.kind == "micro"
            ]
            metric.update(
                clip.name, [Expression(m.onset, m.offset) for m in clip.truth if m.kind == "micro"], found
            )
        score = metric.compute().kinds["micro"]
        below = 0.25 * score.precision + score.recall
        table[threshold] = 1.25 * score.precision * score.recall / below if below else 0.0
    best = max(table.values())
    near = [t for t, f_half in table.items() if f_half >= best - 0.01]
    return float(np.median(near)), table
