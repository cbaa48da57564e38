"""The plain loop that :mod:`training.recognition.grouped` must equal: one fold's STSTNet, by autograd."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.recognition.grouped import KEPT, shared_draws
from training.recognition.ststnet import Schedule, STSTNet, one_thread, train


class Kept(nn.Module):
    """Dropout with given units."""

    kept: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with the units that are not kept at zero; in eval mode as it is."""
        return x * self.kept / KEPT if self.training else x


def fit_alone(
    x: Tensor, y: Tensor, held: NDArray[np.bool_], net_seed: int, seed: int, schedule: Schedule
) -> tuple[STSTNet, NDArray[np.float64]]:
    """Fit the network of one fold by autograd: the plain loop's body, with the draws that all folds share.

    Parameters
    ----------
    x, y : Tensor
        Network input (n, 3, 28, 28) and labels (n,) of all samples.
    held : ndarray of bool, shape (n,)
        Samples left out.
    net_seed, seed : int
        Of the first weights, of the draws.
    schedule : Schedule

    Returns
    -------
    STSTNet, in eval mode
    ndarray of float64, shape (epochs, left out, 3)
        Probabilities after each epoch.
    """
    out = torch.from_numpy(held)
    place = torch.cumsum(~out, 0) - 1
    seen: list[NDArray[np.float64]] = []
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(net_seed)
        net = STSTNet()
        dropout = Kept()
        net.streams[4] = dropout

        def batches() -> Iterator[Iterator[Tensor]]:
            for epoch in shared_draws(len(y), schedule, seed):
                yield own(epoch)

        def own(epoch: list[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
            for part, kept in epoch:
                inside = ~out[part]
                dropout.kept = kept[inside]
                yield place[part[inside]]

        def look(net: nn.Module) -> None:
            net.eval()
            with torch.no_grad():
                seen.append(torch.softmax(net(x[out]), dim=1).numpy().astype(np.float64))
            net.train()

        train(net, x[~out], y[~out], schedule, look, batches())
    return net.eval(), np.stack(seen)
