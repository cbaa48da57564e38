"""The larger networks of MEGC 2019 on flow images: OFF-ApexNet and Dual-Inception."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from megc_live.events import LABELS
from training.recognition.base import METHODS
from training.recognition.ststnet import NetMethod, Schedule

OFF_APEXNET_PARAMETERS = 2_664_475
DUAL_INCEPTION_PARAMETERS = 6_449_963

SHORT = Schedule(epochs=15, batch=64, rate=5e-4)
"""Set before anything was measured: the published 3000 and 40 epochs take hours a seed on a CPU."""


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


@METHODS.register("off-apexnet", summary="two-stream network on u and v (Gan et al. 2019)", epochs=True)
class OffApexNetMethod(NetMethod):
    """Fits OFF-ApexNet."""

    name = "off-apexnet"
    network = OffApexNet
    parameters = OFF_APEXNET_PARAMETERS
    dropout = 0.5
    default = SHORT


@METHODS.register("dual-inception", summary="two inception streams, u and v (Zhou et al. 2019)", epochs=True)
class DualInceptionMethod(NetMethod):
    """Fits Dual-Inception on all subjects but those left out.

    The authors' release trains on the two other data sets alone and validates on the rest of the test
    subject's own; that is taken for a slip.
    """

    name = "dual-inception"
    network = DualInception
    parameters = DUAL_INCEPTION_PARAMETERS
    dropout = 0.0
    default = SHORT
