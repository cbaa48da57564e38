"""The network of ``ltp-net``: patterns of head-free motion first, then convolutions over time.

Which way a region moved and which region it was matters little for the question whether something moved
out and back. So the network is given, beside its features, what is the same in every direction: the
distances that each region has gone in the last 0.1 to 0.4 s (local temporal patterns of the fitted motion)
and how much of its motion took back what it did a moment before; and what is the same wherever on the face
it happens: the largest of these values over all regions.

Convolutions are unpadded: the answer to a step depends on exactly the steps of its window, in training as
in use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from megc_live.spotting.features import N_FEATURES, N_SIGNALS
from megc_live.spotting.net import LOOK_AHEAD_STEPS, WINDOW_STEPS

CENTRED = (1, 2, 4)
CAUSAL = (4, 8, 16)
PAST_STEPS = WINDOW_STEPS - 1 - LOOK_AHEAD_STEPS
DISTANCES = (1, 2, 3, 4)
"""Distances over so many tenths of a second."""
LAG_STEPS = 3
"""A motion is over a tenth of a second: three steps."""
REVERSALS = (3, 4, 6, 8)
"""Motion now against motion so many steps ago."""
PATTERN_STEPS = 10
"""Steps of the past that the patterns use up."""
TOP = 4
N_PATTERNS = len(DISTANCES) + len(REVERSALS)


class Patterns(nn.Module):
    """Features (batch, N_FEATURES, steps) to patterns (batch, channels, steps - 10)."""

    channels = N_PATTERNS * (N_SIGNALS + TOP)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the patterns of every step that has enough past."""
        steps = x.shape[2] - PATTERN_STEPS
        u, v = torch.sinh(x[:, :N_SIGNALS]), torch.sinh(x[:, N_SIGNALS : 2 * N_SIGNALS])

        def ago(field: Tensor, by: int) -> Tensor:
            return field[:, :, PATTERN_STEPS - by : PATTERN_STEPS - by + steps]

        found = []
        gone_u, gone_v = torch.zeros_like(ago(u, 0)), torch.zeros_like(ago(v, 0))
        for count in DISTANCES:
            gone_u = gone_u + ago(u, (count - 1) * LAG_STEPS)
            gone_v = gone_v + ago(v, (count - 1) * LAG_STEPS)
            found.append(torch.log1p(torch.sqrt(gone_u**2 + gone_v**2 + 1e-6)))
        for by in REVERSALS:
            back = -(ago(u, 0) * ago(u, by) + ago(v, 0) * ago(v, by))
            found.append(torch.sign(back) * torch.log1p(torch.sqrt(torch.abs(back) + 1e-6)))
        best = [torch.topk(pattern, TOP, dim=1).values for pattern in found]
        return torch.cat([*found, *best], dim=1)


class _Block(nn.Module):
    """ReLU(BN(conv3)) added to what it saw; what the convolution lacks at the ends is cut."""

    def __init__(self, width: int, dilation: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(dropout)
        self.left = 2 * dilation if causal else dilation
        self.right = 0 if causal else dilation

    def forward(self, x: Tensor) -> Tensor:
        y = self.drop(torch.relu(self.norm(self.conv(x))))
        return x[:, :, self.left : x.shape[2] - self.right] + y


class SpotterNet(nn.Module):
    """Features (batch, N_FEATURES, steps) to (batch, 4, steps - WINDOW_STEPS + 1).

    Outputs: logit of micro, logit of macro, time back to the onset and on to the offset in seconds.

    Parameters
    ----------
    width : int
        Channels of each layer.
    dropout : float
    raw_dropout : float
        Share of training windows in which the directions of motion are hidden and patterns remain.
    """

    def __init__(self, width: int = 40, dropout: float = 0.2, raw_dropout: float = 0.4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))
        self._raw_dropout = raw_dropout
        self.patterns = Patterns()
        self.level = nn.BatchNorm1d(Patterns.channels, affine=False)
        self.inlet = nn.Conv1d(N_FEATURES + Patterns.channels, width, 1)
        self.blocks = nn.ModuleList(
            [_Block(width, d, False, dropout) for d in CENTRED]
            + [_Block(width, d, True, dropout) for d in CAUSAL]
        )
        self.head = nn.Conv1d(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer every step that has a whole window."""
        patterns = self.level(self.patterns(x))
        raw = (x[:, :, PATTERN_STEPS:] - self.mean[:, None]) * self.scale[:, None]
        if self.training:
            kept = (torch.rand(len(x), 1, 1) >= self._raw_dropout).to(raw.dtype)
            raw = torch.cat([raw[:, : 2 * N_SIGNALS] * kept, raw[:, 2 * N_SIGNALS :]], dim=1)
        x = torch.relu(self.inlet(torch.cat([raw, patterns], dim=1)))
        for block in self.blocks:
            x = block(x)
        out = self.head(x)
        times = nn.functional.softplus(out[:, 2:]) * 0.2
        return torch.cat([out[:, :2], times], dim=1)


class SpotterScores(nn.Module):
    """What is exported: probabilities instead of logits, averaged over the networks of an ensemble."""

    def __init__(self, nets: list[SpotterNet]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, features: Tensor) -> Tensor:
        """Mean of the networks' probabilities and times."""
        answers = []
        for net in self.nets:
            out = net(features)
            answers.append(torch.cat([torch.sigmoid(out[:, :2]), out[:, 2:]], dim=1))
        return torch.stack(answers).mean(0)
