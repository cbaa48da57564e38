"""The larger networks of MEGC 2019 on flow images: OFF-ApexNet and Dual-Inception."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import DatasetError, SettingsError
from megc_live.events import LABELS
from training.datasets.flow_file import FlowData
from training.recognition.base import METHODS
from training.recognition.ststnet import FittedNet, NetMethod, Schedule

OFF_APEXNET_PARAMETERS = 2_664_475
DUAL_INCEPTION_PARAMETERS = 6_449_963

SHORT = Schedule(epochs=15, batch=64, rate=5e-4)
"""Set before anything was measured: the published 3000 and 40 epochs take hours a seed on a CPU."""
OFF_APEXNET_PUBLISHED = Schedule(epochs=3000, batch=64, rate=1e-4, cosine=False, balanced=False)
DUAL_INCEPTION_PUBLISHED = Schedule(epochs=40, batch=3, rate=1e-4, cosine=False, balanced=False)


class OffApexNet(nn.Module):
    """Flow images (batch, 3, 28, 28) to logits (batch, 3); the strain is not used.

    Two streams, u and v: convolutions 5 x 5 of 6 and 16 filters, each with ReLU and maxima of 2 x 2, joined
    to 1568 numbers, two layers of 1024 with ReLU and dropout (Gan et al., "OFF-ApexNet on
    micro-expression recognition system", 2019).
    """

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.streams = nn.ModuleList(_off_stream() for _ in range(2))
        self.head = nn.Sequential(
            nn.Linear(2 * 16 * 7 * 7, 1024),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(1024, len(LABELS)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        parts = [stream(x[:, k : k + 1]).flatten(1) for k, stream in enumerate(self.streams)]
        logits: Tensor = self.head(torch.cat(parts, dim=1))
        return logits


def _off_stream() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class Inception(nn.Module):
    """Four ways side by side, each with ``filters`` outputs, ReLU behind them; rows and columns stay."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.ways = nn.ModuleList(
            [
                nn.Conv2d(channels, filters, 1),
                nn.Sequential(
                    nn.Conv2d(channels, filters, 1), nn.ReLU(), nn.Conv2d(filters, filters, 3, padding=1)
                ),
                nn.Sequential(
                    nn.Conv2d(channels, filters, 1), nn.ReLU(), nn.Conv2d(filters, filters, 5, padding=2)
                ),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, filters, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, 4 filters, rows, columns)."""
        return torch.relu(torch.cat([way(x) for way in self.ways], dim=1))


class DualInception(nn.Module):
    """Flow images (batch, 3, 28, 28) to logits (batch, 3); the strain is not used.

    Two streams, u and v: inception blocks of 6 and of 16 filters a way, each with maxima of 2 x 2, joined
    to 6272 numbers, one layer of 1024 with ReLU (Zhou, Mao and Xue, "Dual-Inception network for
    cross-database micro-expression recognition", 2019). A stream's image has three equal channels, as a
    grey picture read in colour has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(Inception(3, 6), nn.MaxPool2d(2), Inception(24, 16), nn.MaxPool2d(2))
            for _ in range(2)
        )
        self.head = nn.Sequential(nn.Linear(2 * 64 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, len(LABELS)))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        parts = [
            stream(x[:, k : k + 1].expand(-1, 3, -1, -1)).flatten(1) for k, stream in enumerate(self.streams)
        ]
        logits: Tensor = self.head(torch.cat(parts, dim=1))
        return logits


class _LargeNetMethod(NetMethod):
    """Fits a network of few channels and wide layers."""

    default = SHORT

    def make(self) -> nn.Module:
        """Make the network; channels come last in memory, which takes a quarter less time."""
        net = super().make()
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's types
        return net


@METHODS.register(
    "off-apexnet",
    summary="two-stream network on u and v (Gan et al. 2019)",
    epochs=True,
    published=OFF_APEXNET_PUBLISHED,
)
class OffApexNetMethod(_LargeNetMethod):
    """Fits OFF-ApexNet."""

    name = "off-apexnet"
    network = OffApexNet
    parameters = OFF_APEXNET_PARAMETERS
    dropout = 0.5


@METHODS.register(
    "dual-inception",
    summary="two inception streams, u and v (Zhou et al. 2019)",
    epochs=True,
    own_split=True,
    published=DUAL_INCEPTION_PUBLISHED,
)
class DualInceptionMethod(_LargeNetMethod):
    """Fits Dual-Inception on all subjects but those left out.

    Parameters
    ----------
    schedule : Schedule, optional
    released_split : bool
        As the authors' release does, which is taken for a slip: fit on the two data sets that the subject
        left out is not of, and take the epoch whose loss is least on the other subjects of its own.
    """

    name = "dual-inception"
    network = DualInception
    parameters = DUAL_INCEPTION_PARAMETERS
    dropout = 0.0

    def __init__(self, schedule: Schedule | None = None, *, released_split: bool = False) -> None:
        super().__init__(schedule)
        self.released_split = released_split

    def describe(self) -> dict[str, Any]:
        """Return the schedule, the size of the network and what it is fitted on."""
        slip = "as released: fitted on the other data sets, epoch of least loss on the rest of the own"
        return {**super().describe(), **({"split": slip} if self.released_split else {})}

    def fit(self, data: FlowData, seed: int) -> FittedNet:
        """Fit on all of ``data``; raises SettingsError for the split as released."""
        if self.released_split:
            raise SettingsError(
                "the released split depends on who is left out.",
                "Use it with `megc-train evaluate recognition`.",
            )
        return super().fit(data, seed)

    def left_out_chosen(
        self, data: FlowData, held: NDArray[np.bool_], seed: int
    ) -> tuple[NDArray[np.float64], int]:
        """Fit without the samples ``held``; return their probabilities, and which epoch counts.

        Raises
        ------
        DatasetError
            The released split, and there is no other data set, or nobody else in the subject's own.
        """
        if not self.released_split:
            return self.fit_watched(data.subset(~held), seed, data.flow[held]), -1
        own = np.isin(data.dataset, data.dataset[held])
        validation, training = data.subset(own & ~held), data.subset(~own)
        if not len(validation) or not len(training):
            raise DatasetError(
                "the released split needs two data sets, and two subjects in each.",
                "Leave out --released-split.",
            )
        both = np.concatenate([data.flow[held], validation.flow])
        seen = self.fit_watched(training, seed, both)
        n = int(held.sum())
        likelihood = seen[:, n:][:, np.arange(len(validation)), validation.label]
        loss = -np.log(np.maximum(likelihood, 1e-12)).mean(1)
        return seen[:, :n], int(loss.argmin())
