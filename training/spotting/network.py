"""The network of ``ltp-net``: one small detector shared by all regions, then convolutions over time.

Which way a region moved and which region it was matters little for the question whether something moved
out and back. So every region is looked at by the same few filters. They see the region's motion and what is
the same in every direction: the distances it has gone in the last 0.1 to 0.4 s (local temporal patterns of
the fitted motion), how much of its motion took back what it did a moment before, how lively the region has
been in the last seconds, and its local temporal pattern as published. What the filters find is pooled over
the face (the strongest region, mean and spread), so that a movement is found wherever it happens, and given
region by region too, so that a talking mouth can be told from a brow.

Convolutions are unpadded: the answer to a step depends on exactly the steps of its window, in training as
in use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from megc_live.spotting.features import CONTEXT_FEATURES, N_FEATURES, N_REGIONS, N_SIGNALS
from megc_live.spotting.net import LOOK_AHEAD_STEPS, WINDOW_STEPS

PAST_STEPS = WINDOW_STEPS - 1 - LOOK_AHEAD_STEPS
DISTANCES = (1, 2, 3, 4)
"""Distances over so many tenths of a second."""
LAG_STEPS = 3
"""A motion is over a tenth of a second: three steps."""
REVERSALS = (3, 4, 6, 8)
"""Motion now against motion so many steps ago."""
FLOORS = (15, 45)
"""How lively a region has been in the last so many steps."""
PATTERN_STEPS = 44
"""Steps of the past that the patterns use up."""
ENCODER = ((5, 1), (3, 2))
"""Length and dilation of the filters that all regions share."""
CENTRED = (1, 2, 4)
CAUSAL = (4, 8, 16)


class Patterns(nn.Module):
    """Features (batch, N_FEATURES, steps) to (batch, channels, N_SIGNALS, steps - 44): each region's own."""

    channels = 2 + len(DISTANCES) + len(REVERSALS) + len(FLOORS) + 2 + 4

    def forward(self, x: Tensor) -> Tensor:
        """Compute the patterns of every step that has enough past."""
        steps = x.shape[2] - PATTERN_STEPS
        slow_u, slow_v = x[:, :N_SIGNALS], x[:, N_SIGNALS : 2 * N_SIGNALS]
        u, v = torch.sinh(slow_u), torch.sinh(slow_v)

        def ago(field: Tensor, by: int) -> Tensor:
            return field[:, :, PATTERN_STEPS - by : PATTERN_STEPS - by + steps]

        gone_u, gone_v = torch.zeros_like(ago(u, 0)), torch.zeros_like(ago(v, 0))
        distances, returns = [], []
        for count in DISTANCES:
            gone_u = gone_u + ago(u, (count - 1) * LAG_STEPS)
            gone_v = gone_v + ago(v, (count - 1) * LAG_STEPS)
            distances.append(torch.log1p(torch.sqrt(gone_u**2 + gone_v**2 + 1e-6)))
        for by in REVERSALS:
            back = -(ago(u, 0) * ago(u, by) + ago(v, 0) * ago(v, by))
            returns.append(torch.sign(back) * torch.log1p(torch.sqrt(torch.abs(back) + 1e-6)))
        speed = torch.sqrt(u**2 + v**2 + 1e-6)
        means = [nn.functional.avg_pool1d(speed, count, 1)[:, :, -steps:] for count in FLOORS]
        floors = [torch.log(mean + 0.1) for mean in means]
        above = [distances[0] - floors[-1], distances[2] - floors[-1]]
        moved = torch.stack([ago(slow_u, 0), ago(slow_v, 0), *distances, *returns, *floors, *above], dim=1)
        published = x[:, 2 * N_SIGNALS : 2 * N_SIGNALS + 4 * N_REGIONS, PATTERN_STEPS:]
        published = published.reshape(len(x), 4, N_REGIONS, steps)
        support = torch.zeros_like(published[:, :, : N_SIGNALS - N_REGIONS])
        return torch.cat([moved, torch.cat([published, support], dim=2)], dim=1)


class _Block(nn.Module):
    """ReLU(BN(conv)) added to what it saw; what the convolution lacks at the ends is cut."""

    def __init__(self, width: int, dilation: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        # Whole channels: as good as single values, and drawing those costs more than the convolution.
        self.drop = nn.Dropout1d(dropout)
        self.left = 2 * dilation if causal else dilation
        self.right = 0 if causal else dilation

    def forward(self, x: Tensor) -> Tensor:
        y = self.drop(torch.relu(self.norm(self.conv(x))))
        return x[:, :, self.left : x.shape[2] - self.right] + y


class _Shared(nn.Module):
    """The same for (batch, width, N_SIGNALS, steps), centred, with the same filters for every region."""

    def __init__(self, width: int, length: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, (1, length), dilation=(1, dilation), bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.reach = (length - 1) * dilation // 2

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        return x[..., self.reach : x.shape[3] - self.reach] + y


class SpotterNet(nn.Module):
    """Features (batch, N_FEATURES, steps) to (batch, 4, steps - WINDOW_STEPS + 1).

    Outputs: logit of micro, logit of macro, time back to the onset and on to the offset in seconds.

    Parameters
    ----------
    width : int
        Channels of each layer over the whole face.
    dropout : float
    raw_dropout : float
        Share of training windows in which the directions of motion are hidden and patterns remain.
    region_width : int
        Channels of the layers that all regions share.
    """

    def __init__(
        self, width: int = 40, dropout: float = 0.2, raw_dropout: float = 0.7, region_width: int = 8
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))
        self._raw_dropout = raw_dropout
        self.patterns = Patterns()
        self.level = nn.BatchNorm2d(Patterns.channels, affine=False)
        self.region_inlet = nn.Conv2d(Patterns.channels, region_width, 1)
        self.region_blocks = nn.ModuleList(
            [_Shared(region_width, length, dilation) for length, dilation in ENCODER]
        )
        context = N_FEATURES - CONTEXT_FEATURES.start
        pooled = 3 * region_width
        self.inlet = nn.Conv1d(pooled + N_SIGNALS * region_width + context, width, 1)
        self.apart = nn.Dropout1d(2 * dropout)
        self.blocks = nn.ModuleList(
            [_Block(width, d, False, dropout) for d in CENTRED]
            + [_Block(width, d, True, dropout) for d in CAUSAL]
        )
        self.head = nn.Conv1d(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer every step that has a whole window."""
        return self.judge(self.look(x))

    def look(self, x: Tensor) -> Tensor:
        """What all regions show: features (batch, N_FEATURES, steps) to (batch, width, steps - 52)."""
        patterns = self.patterns(x)
        if self.training:
            kept = (torch.rand(len(x), 1, 1, 1) >= self._raw_dropout).to(patterns.dtype)
            patterns = torch.cat([patterns[:, :2] * kept, patterns[:, 2:]], dim=1)
        y = torch.relu(self.region_inlet(self.level(patterns)))
        for block in self.region_blocks:
            y = block(y)
        mean = y.mean(2)
        pooled = [y.amax(2), mean, torch.sqrt(((y - mean[:, :, None]) ** 2).mean(2) + 1e-4)]
        context = (x - self.mean[:, None])[:, CONTEXT_FEATURES] * self.scale[CONTEXT_FEATURES, None]
        reach = sum((length - 1) * dilation // 2 for length, dilation in ENCODER)
        context = context[:, :, PATTERN_STEPS + reach : context.shape[2] - reach]
        y = torch.cat([*pooled, self.apart(y.flatten(1, 2)), context], dim=1)
        return torch.relu(self.inlet(y))

    def judge(self, y: Tensor) -> Tensor:
        """Its course over time: (batch, width, steps) to (batch, 4, steps - 70)."""
        for block in self.blocks:
            y = block(y)
        out = self.head(y)
        times = nn.functional.softplus(out[:, 2:]) * 0.2
        return torch.cat([out[:, :2], times], dim=1)


class SpotterScores(nn.Module):
    """What is exported: one step of an ensemble, with its memory outside.

    Probabilities take the place of logits, and answers are averaged over the networks.
    """

    def __init__(self, nets: list[SpotterNet]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, features: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Features (1, N_FEATURES, 53) and past (1, channels, 70) to scores (1, 4, 1) and column."""
        columns = [net.look(features) for net in self.nets]
        answers = []
        for net, column, before in zip(self.nets, columns, past.chunk(len(columns), dim=1), strict=True):
            out = net.judge(torch.cat([before, column], dim=2))
            answers.append(torch.cat([torch.sigmoid(out[:, :2]), out[:, 2:]], dim=1))
        return torch.stack(answers).mean(0), torch.cat(columns, dim=1)
