"""Folds of STSTNet fitted together: one pass over a batch advances the networks of many folds.

What costs time in leaving 68 subjects out is that every image goes through 68 networks, epoch after
epoch. All folds here see the same batches in the same order, so that

- the patches of an image (im2col) are taken once for all epochs and folds, and one product of matrices
  is the convolution of all folds;
- an image passes through convolution, ReLU, maxima and the sums that the batch norm needs while it is in
  the cache. The batch norm comes after the ReLU and is affine, so that nothing else of the 30 x 30 map has
  to be kept: maxima commute with it, and its backward pass is a combination of two sums over the batch;
- maxima are the only places that the gradient enters: their patches are gathered, not multiplied.

Each fold leaves its own clips out of the loss, of the class weights, of the batch norm's statistics and of
its running statistics: what is held out never enters a sum with any other factor than zero.

:mod:`training.recognition.one_by_one` is the plain loop with the same draws, by autograd.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import SettingsError
from megc_live.events import LABELS
from training.recognition.ststnet import Schedule, STSTNet, one_thread

FILTERS, SIDE, CELLS = 16, 30, 10
_POSITIONS = SIDE * SIDE
_WINDOWS, _MEANS = CELLS * CELLS, CELLS * CELLS // 4
_TAPS = 28
"""Weights of a filter: 3 channels of 3 x 3, and the bias."""
_BETAS, _EPS, _MOMENTUM, _NORM_EPS = (0.9, 0.999), 1e-8, 0.1, 1e-5
KEPT = 0.5
"""Share of units that dropout keeps."""


def shared_draws(n: int, schedule: Schedule, seed: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Batches of each epoch, the same for all folds.

    Parameters
    ----------
    n : int
        Samples, those that folds leave out included.
    schedule : Schedule
    seed : int

    Yields
    ------
    list of (indices (b,), kept (b, 16, 10, 10) float32 of 0 and 1)
        An epoch: its batches, and which units dropout keeps.
    """
    source = torch.Generator().manual_seed(seed)
    for _ in range(schedule.epochs):
        parts = torch.randperm(n, generator=source).split(schedule.batch)
        yield [
            (
                part,
                (torch.rand(len(part), FILTERS, CELLS, CELLS, generator=source) < KEPT).float(),
            )
            for part in parts
        ]


class Together:
    """The STSTNets of several folds.

    Parameters
    ----------
    x : Tensor, shape (n, 3, 28, 28)
        Network input of all samples.
    y : Tensor of int64, shape (n,)
        Labels.
    held : ndarray of bool, shape (folds, n)
        What each fold leaves out.
    net_seeds : sequence of int
        Of each fold's first weights.
    schedule : Schedule
    """

    def __init__(
        self, x: Tensor, y: Tensor, held: NDArray[np.bool_], net_seeds: Sequence[int], schedule: Schedule
    ) -> None:
        self.schedule = _checked(schedule)
        self.held = torch.from_numpy(held)
        self.folds = len(held)
        self.y = y
        self.patches = patches(x)
        self.included = (~self.held).float().T.contiguous()  # (n, folds)
        self.sample_weight = self.included * _class_weights(y, self.included, schedule.balanced)
        self.parameters = _first_weights(net_seeds)
        self.mean = torch.zeros(self.folds, FILTERS)
        self.variance = torch.ones(self.folds, FILTERS)
        self._moments = {
            name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in self.parameters.items()
        }
        self._steps = torch.zeros(self.folds)
        self._spread = _spread_cells()

    def fit(self, seed: int) -> NDArray[np.float64]:
        """Fit all folds; return the probabilities of what each leaves out, after each epoch.

        Returns
        -------
        ndarray of float64, shape (epochs, n, 3)
            NaN where no fold leaves a sample out. A sample may be left out by one fold only.
        """
        seen = np.full((self.schedule.epochs, len(self.y), len(LABELS)), np.nan)
        with torch.inference_mode(), one_thread():
            for number, epoch in enumerate(shared_draws(len(self.y), self.schedule, seed)):
                rate = self.schedule.rate
                if self.schedule.cosine:
                    rate *= (1 + math.cos(math.pi * number / self.schedule.epochs)) / 2
                for part, kept in epoch:
                    self._step(part, kept, rate)
                self._look(seen[number])
        return seen

    def net(self, fold: int) -> STSTNet:
        """Return one fold's network, in eval mode."""
        net = STSTNet()
        p = {name: value[fold].clone() for name, value in self.parameters.items()}
        state = net.state_dict()
        state["streams.0.weight"] = p["filters"][:-1].T.reshape(FILTERS, 3, 3, 3)
        state["streams.0.bias"] = p["filters"][-1]
        state["streams.2.weight"], state["streams.2.bias"] = p["scale"], p["shift"]
        state["streams.2.running_mean"] = self.mean[fold].clone()
        state["streams.2.running_var"] = self.variance[fold].clone()
        state["head.weight"] = p["head"].reshape(_MEANS, FILTERS, -1).permute(2, 1, 0).flatten(1)
        state["head.bias"] = p["bias"]
        net.load_state_dict(state)
        return net.eval()

    def _step(self, part: Tensor, kept: Tensor, rate: float) -> None:
        """One batch: forward, backward, Adam."""
        included = self.included[part]  # (b, folds)
        active = included.sum(0) >= 2  # a batch norm needs two
        sums = self._images(part, kept, included)
        gradient = self._gradients(part, kept, included, active, *sums)
        self._adam(gradient, active, rate)

    def _images(self, part: Tensor, kept: Tensor, included: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Every image of a batch through all folds' filters.

        Returns
        -------
        cells : Tensor, shape (b, 25, folds * 16)
            Sums over each 2 x 2 windows of the maxima that dropout keeps, before the batch norm.
        places : Tensor of int32, shape (b, folds * 16, 100)
            Where each window's maximum is; ``_POSITIONS``, the row of zeros, where no gradient enters.
        on, answers : Tensor of float64, shape (28, folds, 16)
            Patches summed over all positions where a filter's ReLU is open, and weighted with its answer.
        """
        columns = self.folds * FILTERS
        filters = self.parameters["filters"].permute(1, 0, 2).reshape(_TAPS, columns)
        reversed_ = torch.nonzero(self.parameters["scale"].flatten() < 0).flatten()
        cells = torch.empty(len(part), _MEANS, columns)
        places = torch.empty(len(part), columns, _WINDOWS, dtype=torch.int32)
        on, answers = (torch.zeros(_TAPS, columns, dtype=torch.float64) for _ in range(2))
        maps = torch.empty(_POSITIONS, columns)
        share = included.repeat_interleave(FILTERS, dim=1)  # (b, columns)
        units = kept.flatten(2).transpose(1, 2).contiguous()  # (b, windows, filters)
        for k, index in enumerate(part.tolist()):
            patch = self.patches[index, :_POSITIONS]
            torch.mm(patch, filters, out=maps)
            most, where = _maxima(maps, reversed_)
            most = torch.relu_(most).view(_WINDOWS, self.folds, FILTERS)
            most = most.mul_(units[k, :, None]).view(_WINDOWS, columns)
            torch.mm(self._spread, most, out=cells[k])
            opened = (most > 0).to(torch.int32)
            where = where.to(torch.int32).sub_(_POSITIONS).mul_(opened).add_(_POSITIONS)
            places[k] = where.T
            torch.relu_(maps)
            answers += (patch.T @ maps) * share[k]
            torch.gt(maps, 0, out=maps)
            on += (patch.T @ maps) * share[k]
        shape = (_TAPS, self.folds, FILTERS)
        return cells, places, on.view(shape), answers.view(shape)

    def _gradients(
        self,
        part: Tensor,
        kept: Tensor,
        included: Tensor,
        active: Tensor,
        cells: Tensor,
        places: Tensor,
        on: Tensor,
        answers: Tensor,
    ) -> dict[str, Tensor]:
        """Batch norm, head and loss forward; all gradients back."""
        p = self.parameters
        b, f = included.shape
        count = (included.sum(0).clamp(min=2) * _POSITIONS).double()[:, None]
        # The last tap is one everywhere, and the sum of r^2 is that of r times (filter . patch).
        mean = answers[-1] / count
        squares = (p["filters"].permute(1, 0, 2).double() * answers).sum(0) / count
        variance = (squares - mean**2).clamp(min=0)
        deviation = (variance + _NORM_EPS).sqrt()
        self._run_statistics(mean, variance * count / (count - 1), active)
        gain = (p["scale"] / deviation).float()
        offset = (p["shift"] - p["scale"] * mean / deviation).float()

        # What dropout keeps of each mean of 2 x 2, and what that mean is of.
        weight = 1 / (4 * KEPT)
        share = weight * (self._spread @ kept.flatten(2).transpose(1, 2))  # (b, 25, 16)
        cells = weight * cells.view(b, _MEANS, f, FILTERS).permute(2, 0, 1, 3)  # (f, b, 25, 16)
        hidden = (gain[:, None, None] * cells + offset[:, None, None] * share).flatten(2)
        logits = torch.baddbmm(p["bias"][:, None], hidden, p["head"])  # (f, b, 3)
        error = torch.softmax(logits, dim=2)
        error -= nn.functional.one_hot(self.y[part], len(LABELS))
        importance = self.sample_weight[part].T  # (f, b)
        error *= (importance / importance.sum(1, keepdim=True).clamp(min=1e-12))[..., None]

        back = (error @ p["head"].transpose(1, 2)).view(f, b, _MEANS, FILTERS)
        shift = (back * share).sum((1, 2), dtype=torch.float64)
        scale = ((back * cells).sum((1, 2), dtype=torch.float64) - mean * shift) / deviation
        # dr = gain (dy - mean(dy) - z mean(dy z)): what does not depend on the place is a line in r.
        slope = p["scale"] / deviation * scale / (count * deviation)
        level = p["scale"] / deviation * shift / count - slope * mean
        filters = -(level * on + slope * answers).permute(1, 0, 2)
        filters += self._entered(part, places, weight * gain[:, None, None] * back)
        return {
            "filters": filters.float(),
            "scale": scale.float(),
            "shift": shift.float(),
            "head": hidden.transpose(1, 2) @ error,
            "bias": error.sum(1),
        }

    def _entered(self, part: Tensor, places: Tensor, back: Tensor) -> Tensor:
        """Patches at the maxima, weighted with the gradient that enters there: (folds, 28, 16)."""
        f = self.folds
        total = torch.zeros(f * FILTERS, _TAPS, dtype=torch.float64)
        per_image = back.permute(1, 0, 3, 2).reshape(len(part), f * FILTERS, _MEANS)
        for k, index in enumerate(part.tolist()):
            total += nn.functional.embedding_bag(
                places[k], self.patches[index], mode="sum", per_sample_weights=per_image[k] @ self._spread
            )
        return total.view(f, FILTERS, _TAPS).transpose(1, 2)

    def _run_statistics(self, mean: Tensor, variance: Tensor, active: Tensor) -> None:
        for held, new in ((self.mean, mean), (self.variance, variance)):
            held.copy_(torch.where(active[:, None], (1 - _MOMENTUM) * held + _MOMENTUM * new, held))

    def _adam(self, gradient: dict[str, Tensor], active: Tensor, rate: float) -> None:
        """Adam (Kingma and Ba 2015, algorithm 1), as torch's; folds without a batch stay as they are."""
        self._steps += active
        first, second = ((1 - beta ** self._steps.double()).clamp(min=1e-12) for beta in _BETAS)
        for name, value in self.parameters.items():
            shape = (-1, *(1 for _ in value.shape[1:]))
            on = active.view(shape)
            g, (m, v) = gradient[name], self._moments[name]
            m.copy_(torch.where(on, _BETAS[0] * m + (1 - _BETAS[0]) * g, m))
            v.copy_(torch.where(on, _BETAS[1] * v + (1 - _BETAS[1]) * g * g, v))
            root = v.sqrt() / second.sqrt().float().view(shape) + _EPS
            value -= torch.where(on, (rate / first).float().view(shape) * m / root, 0.0)

    def _look(self, seen: NDArray[np.float64]) -> None:
        """Write the probabilities of what each fold leaves out into ``seen``, (n, 3)."""
        p = self.parameters
        gain = p["scale"] / (self.variance + _NORM_EPS).sqrt()
        offset = p["shift"] - gain * self.mean
        for fold, out in enumerate(self.held):
            held = torch.nonzero(out).flatten()
            if not len(held):
                continue
            maps = self.patches[held, :_POSITIONS] @ p["filters"][fold]
            maps = torch.relu_(maps) * gain[fold] + offset[fold]
            maps = maps.view(-1, SIDE, SIDE, FILTERS).permute(0, 3, 1, 2)
            means = nn.functional.avg_pool2d(nn.functional.max_pool2d(maps, 3, 3, 1), 2)
            hidden = means.flatten(2).transpose(1, 2).flatten(1)
            logits = hidden @ p["head"][fold] + p["bias"][fold]
            seen[held.numpy()] = torch.softmax(logits, dim=1).numpy()


def _checked(schedule: Schedule) -> Schedule:
    """Refuse a schedule that asks for what the passes written out here do not do."""
    known = ("epochs", "batch", "rate", "cosine", "balanced")
    other = [name for name, value in asdict(schedule).items() if name not in known and value]
    if other:
        raise SettingsError(
            f"folds that are fitted together know nothing of {', '.join(other)}.", "Fit them one by one."
        )
    return schedule


def patches(x: Tensor) -> Tensor:
    """What each filter position sees of each image, shape (n, 901, 28).

    The last tap is one, for the bias; the last row is zero, for places without gradient.
    """
    seen = nn.functional.unfold(x, 3, padding=2).transpose(1, 2)
    out = torch.zeros(len(x), _POSITIONS + 1, _TAPS)
    out[:, :_POSITIONS, :-1] = seen
    out[:, :_POSITIONS, -1] = 1
    return out


def _maxima(maps: Tensor, reversed_: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima of 3 x 3 windows and where they are, each (100, columns); minima of the ``reversed_`` columns.

    Behind a batch norm of negative scale the greatest is what was the least before it.
    """
    most, where = _pool(maps)
    if len(reversed_):
        least, there = _pool(-maps[:, reversed_])
        most[:, reversed_], where[:, reversed_] = -least, there
    return most, where


def _pool(maps: Tensor) -> tuple[Tensor, Tensor]:
    picture = maps.view(1, SIDE, SIDE, -1).permute(0, 3, 1, 2)  # channels last, no copy
    most, where = nn.functional.max_pool2d(picture, 3, 3, 1, return_indices=True)
    return most.permute(0, 2, 3, 1).view(_WINDOWS, -1), where.permute(0, 2, 3, 1).view(_WINDOWS, -1)


def _spread_cells() -> Tensor:
    """Which of the 25 means of 2 x 2 each of the 100 windows belongs to, (25, 100) of 0 and 1."""
    row, column = np.divmod(np.arange(_WINDOWS), CELLS)
    cell = row // 2 * (CELLS // 2) + column // 2
    return torch.from_numpy((np.arange(_MEANS)[:, None] == cell).astype(np.float32))


def _class_weights(y: Tensor, included: Tensor, balanced: bool) -> Tensor:
    """Weight of each sample in each fold, (n, folds): by the fold's own counts of classes."""
    if not balanced:
        return torch.ones_like(included)
    counts = nn.functional.one_hot(y, len(LABELS)).float().T @ included  # (3, folds)
    weight = included.sum(0) / (len(LABELS) * counts.clamp(min=1))
    return weight[y]


def _first_weights(net_seeds: Sequence[int]) -> dict[str, Tensor]:
    """The weights that each seed gives an STSTNet, stacked; the head's in the order (cell, filter)."""
    found: dict[str, list[Tensor]] = {}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for seed in net_seeds:
            torch.manual_seed(seed)
            net: Any = STSTNet()
            conv, norm = net.streams[0], net.streams[2]
            one = {
                "filters": torch.cat([conv.weight.flatten(1), conv.bias[:, None]], 1).T,
                "scale": norm.weight,
                "shift": norm.bias,
                "head": net.head.weight.view(-1, FILTERS, _MEANS).permute(2, 1, 0).flatten(0, 1),
                "bias": net.head.bias,
            }
            for name, value in one.items():
                found.setdefault(name, []).append(value.clone())
    return {name: torch.stack(values).contiguous() for name, values in found.items()}
