"""Folds of STSTNet fitted together: one pass over a batch advances the networks of many folds.

What costs time in leaving 68 subjects out is that every image goes through 68 networks, epoch after
epoch. All folds here see the same batches in the same order, so that

- the patches of an image (im2col) are taken once for all epochs and folds, and one product of matrices
  is the convolution of all folds;
- an image passes through convolution, ReLU, maxima and the sums that the batch norm needs while it is in
  the cache. The batch norm comes after the ReLU and is affine, so that nothing else of the 30 x 30 map has
  to be kept: maxima commute with it, and its backward pass is a combination of two sums over the batch;
- maxima are the only places that the gradient enters: their patches are gathered, not multiplied;
- where the ReLU is open is yes or no, and images have 256 levels: that sum is one of whole numbers, at a
  third of the cost.

Grouped convolutions, ``vmap`` and batched products over all folds do not pay on a CPU: the activations of
68 folds leave the cache.

Each fold leaves its own clips out of the loss, of the class weights, of the batch norm's statistics and of
its running statistics: what is held out never enters a sum with any other factor than zero.

:mod:`training.recognition.one_by_one` is the plain loop with the same draws, by autograd.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import SettingsError
from megc_live.events import LABELS
from training.recognition.patches import POSITIONS, SIDE, STEP, TAPS, levels, patches, whole_numbers_pay
from training.recognition.ststnet import Schedule, STSTNet, one_thread

FILTERS, CELLS = 16, 10
_WINDOWS, _MEANS = CELLS * CELLS, CELLS * CELLS // 4
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


class _Passed(NamedTuple):
    """What a batch leaves behind on its way through the convolution.

    Attributes
    ----------
    cells : Tensor, shape (b, 25, folds * 16)
        Sums over 2 x 2 windows of the maxima that dropout keeps, before the batch norm.
    places : Tensor of int32, shape (b, folds * 16, 100)
        One more than the position of each window's maximum; 0, the row of zeros, where no gradient enters.
    answers, on : Tensor of float64, shape (28, folds * 16)
        Patches summed over all positions, weighted with the ReLU's answer, and where it is open.
    """

    cells: Tensor
    places: Tensor
    answers: Tensor
    on: Tensor


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
    step : float
        Between two of the 256 levels of ``x``.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        held: NDArray[np.bool_],
        net_seeds: Sequence[int],
        schedule: Schedule,
        step: float = STEP,
    ) -> None:
        self.schedule = _checked(schedule)
        self.held = torch.from_numpy(held)
        self.folds = len(held)
        self.y = y
        self.patches = patches(x)
        self.levels, self._base = levels(x, step)
        self._step_size = step
        self._whole = whole_numbers_pay()
        self._left_out_by = [torch.nonzero(row).flatten().tolist() for row in self.held.T]
        self.included = (~self.held).float().T.contiguous()  # (n, folds)
        self.sample_weight = self.included * _class_weights(y, self.included, schedule.balanced)
        self.parameters = _first_weights(net_seeds)
        self.mean = torch.zeros(self.folds, FILTERS)
        self.variance = torch.ones(self.folds, FILTERS)
        self._moments = {
            name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in self.parameters.items()
        }
        self._steps = torch.zeros(self.folds)
        self._cell = _cell_of_window()
        self._spread = nn.functional.one_hot(self._cell).T.float().contiguous()  # (25, 100)

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
        state["head.weight"] = p["head"].transpose(1, 2).flatten(1)
        state["head.bias"] = p["bias"]
        net.load_state_dict(state)
        return net.eval()

    def _step(self, part: Tensor, kept: Tensor, rate: float) -> None:
        """One batch: forward, backward, Adam."""
        included = self.included[part]  # (b, folds)
        active = included.sum(0) >= 2  # a batch norm needs two
        gradient = self._gradients(part, kept, included, active, self._images(part, kept))
        self._adam(gradient, active, rate)

    def _images(self, part: Tensor, kept: Tensor) -> _Passed:
        """Every image of a batch through all folds' filters."""
        columns = self.folds * FILTERS
        filters = self.parameters["filters"].permute(1, 0, 2).reshape(TAPS, columns)
        reversed_ = torch.nonzero(self.parameters["scale"].flatten() < 0).flatten()
        units = kept.flatten(2).transpose(1, 2).contiguous()  # (b, windows, filters)
        cells = torch.empty(len(part), _MEANS, columns)
        places = torch.empty(len(part), columns, _WINDOWS, dtype=torch.int32)
        answers = torch.empty(len(part), TAPS, columns)
        on = (
            torch.empty(len(part), self.levels.shape[1], columns, dtype=torch.int32)
            if self._whole
            else torch.empty_like(answers)
        )
        maps = torch.empty(POSITIONS, columns)
        for k, index in enumerate(part.tolist()):
            patch = self.patches[index, 1:]
            torch.mm(patch, filters, out=maps)
            most, where = _maxima(maps, reversed_)
            most = torch.relu_(most).view(_WINDOWS, self.folds, FILTERS)
            most = most.mul_(units[k, :, None]).view(_WINDOWS, columns)
            torch.mm(self._spread, most, out=cells[k])
            places[k] = where.float().add_(1).mul_(most.sign_()).T
            torch.relu_(maps)
            for fold in self._left_out_by[index]:
                maps[:, fold * FILTERS : (fold + 1) * FILTERS] = 0
            torch.mm(patch.T, maps, out=answers[k])
            if self._whole:
                on[k] = torch._int_mm(self.levels[index], maps.bool().view(torch.int8))
            else:
                torch.mm(patch.T, maps.sign_(), out=on[k])
        opened = self._open(part, on) if self._whole else on.sum(0, dtype=torch.float64)
        return _Passed(cells, places, answers.sum(0, dtype=torch.float64), opened)

    def _open(self, part: Tensor, on: Tensor) -> Tensor:
        """Patches summed where the ReLU is open, (28, columns), of sums of their levels (b, 37, columns)."""
        columns = on.shape[2]
        inside = on[:, -1 - TAPS // 3 : -1].double()  # (b, 9, columns)
        base = self._base[part].T @ inside.flatten(1)  # each channel's zero level, where it is not padding
        taps = self._step_size * on[:, : TAPS - 1].sum(0).double() + base.view(-1, columns)
        return torch.cat([taps, on[:, -1:].sum(0)])

    def _gradients(
        self, part: Tensor, kept: Tensor, included: Tensor, active: Tensor, passed: _Passed
    ) -> dict[str, Tensor]:
        """Batch norm, head and loss forward; all gradients back."""
        p = self.parameters
        b, f = included.shape
        answers, on = (sums.view(TAPS, f, FILTERS) for sums in (passed.answers, passed.on))
        count = (included.sum(0).clamp(min=2) * POSITIONS).double()[:, None]
        # The last tap is one everywhere, and the sum of r^2 is that of r times (filter . patch).
        mean = answers[-1] / count
        squares = (p["filters"].permute(1, 0, 2).double() * answers).sum(0) / count
        variance = (squares - mean**2).clamp(min=0)
        deviation = (variance + _NORM_EPS).sqrt()
        self._run_statistics(mean, variance * count / (count - 1), active)
        gain = (p["scale"] / deviation).float()[:, None, None]
        offset = (p["shift"] - p["scale"] * mean / deviation).float()[:, None, None]

        # A mean of 2 x 2 is gain * weight * cell + offset * share: both factors go into the head.
        weight = 1 / (4 * KEPT)
        share = weight * (self._spread @ kept.flatten(2).transpose(1, 2)).flatten(1)  # (b, 400)
        cells = passed.cells.view(b, _MEANS, f, FILTERS).permute(2, 0, 1, 3).reshape(f, b, -1)
        head = p["head"]  # (f, 3, 25, 16)
        scaled = weight * gain * head
        level = ((offset * head).view(-1, share.shape[1]) @ share.T).view(f, -1, b)
        logits = torch.baddbmm(level + p["bias"][..., None], scaled.flatten(2), cells.transpose(1, 2))
        error = torch.softmax(logits, dim=1)  # (f, 3, b)
        error -= nn.functional.one_hot(self.y[part], len(LABELS)).T
        importance = self.sample_weight[part].T  # (f, b)
        error *= (importance / importance.sum(1, keepdim=True).clamp(min=1e-12))[:, None]

        of_cells = weight * (error @ cells).view(head.shape)
        of_share = (error.view(-1, b) @ share).view(head.shape)
        shift = (head * of_share).sum((1, 2), dtype=torch.float64)
        scale = ((head * of_cells).sum((1, 2), dtype=torch.float64) - mean * shift) / deviation
        # dr = gain (dy - mean(dy) - z mean(dy z)): what does not depend on the place is a line in r.
        slope = p["scale"] / deviation * scale / (count * deviation)
        constant = p["scale"] / deviation * shift / count - slope * mean
        filters = -(constant * on + slope * answers).permute(1, 0, 2)
        return {
            "filters": (filters + self._entered(part, passed.places, scaled, error)).float(),
            "scale": scale.float(),
            "shift": shift.float(),
            "head": gain * of_cells + offset * of_share,
            "bias": error.sum(2),
        }

    def _entered(self, part: Tensor, places: Tensor, scaled: Tensor, error: Tensor) -> Tensor:
        """Patches at the maxima, weighted with the gradient that enters there: (folds, 28, 16)."""
        f = self.folds
        total = torch.zeros(f * FILTERS, TAPS, dtype=torch.float64)
        of_windows = scaled[:, :, self._cell].permute(1, 0, 3, 2).flatten(2).contiguous()  # (3, f, 1600)
        per_image = error.permute(2, 1, 0)[..., None].contiguous()  # (b, 3, f, 1)
        for k, index in enumerate(part.tolist()):
            # By hand: for three terms this is quicker than a product of matrices.
            back = of_windows[0] * per_image[k, 0]
            for label in range(1, len(LABELS)):
                back.addcmul_(of_windows[label], per_image[k, label])
            back = back.view(f * FILTERS, _WINDOWS)
            total += nn.functional.embedding_bag(
                places[k], self.patches[index], mode="sum", per_sample_weights=back
            )
        return total.view(f, FILTERS, TAPS).transpose(1, 2)

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
            maps = self.patches[held, 1:] @ p["filters"][fold]
            maps = torch.relu_(maps) * gain[fold] + offset[fold]
            maps = maps.view(-1, SIDE, SIDE, FILTERS).permute(0, 3, 1, 2)
            means = nn.functional.avg_pool2d(nn.functional.max_pool2d(maps, 3, 3, 1), 2)
            hidden = means.flatten(2).transpose(1, 2).flatten(1)
            logits = hidden @ p["head"][fold].flatten(1).T + p["bias"][fold]
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


def _cell_of_window() -> Tensor:
    """Which of the 25 means of 2 x 2 each of the 100 windows belongs to."""
    row, column = np.divmod(np.arange(_WINDOWS), CELLS)
    return torch.from_numpy(row // 2 * (CELLS // 2) + column // 2)


def _class_weights(y: Tensor, included: Tensor, balanced: bool) -> Tensor:
    """Weight of each sample in each fold, (n, folds): by the fold's own counts of classes."""
    if not balanced:
        return torch.ones_like(included)
    counts = nn.functional.one_hot(y, len(LABELS)).float().T @ included  # (3, folds)
    weight = included.sum(0) / (len(LABELS) * counts.clamp(min=1))
    return weight[y]


def _first_weights(net_seeds: Sequence[int]) -> dict[str, Tensor]:
    """The weights that each seed gives an STSTNet, stacked; the head's in the order (class, cell, filter)."""
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
                "head": net.head.weight.view(-1, FILTERS, _MEANS).transpose(1, 2),
                "bias": net.head.bias,
            }
            for name, value in one.items():
                found.setdefault(name, []).append(value.clone())
    return {name: torch.stack(values).contiguous() for name, values in found.items()}
