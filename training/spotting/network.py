"""The network of ``ltp-net``: residual convolutions over time, a little centred, then causal.

Convolutions are unpadded: the answer to a step depends on exactly the 63 steps before it, itself and
the 7 after it, in training as in use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from megc_live.spotting.features import N_FEATURES
from megc_live.spotting.net import LOOK_AHEAD_STEPS, WINDOW_STEPS

CENTRED = (1, 2, 4)
CAUSAL = (4, 8, 16)
PAST_STEPS = WINDOW_STEPS - 1 - LOOK_AHEAD_STEPS


class _Block(nn.Module):
    """ReLU(BN(conv3)) added to what it saw; ``right`` steps are cut from the future."""

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
    """Features (batch, N_FEATURES, steps) to (batch, 4, steps - 70).

    Outputs: logit of micro, logit of macro, time back to the onset and on to the offset in seconds.

    Parameters
    ----------
    width : int
        Channels of each layer.
    dropout : float
    """

    def __init__(self, width: int = 48, dropout: float = 0.2) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("scale", torch.ones(N_FEATURES))
        self.inlet = nn.Conv1d(N_FEATURES, width, 1)
        self.blocks = nn.ModuleList(
            [_Block(width, d, False, dropout) for d in CENTRED] + [_Block(width, d, True, dropout) for d in CAUSAL]
        )
        self.head = nn.Conv1d(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean[:, None]) * self.scale[:, None]
        x = torch.relu(self.inlet(x))
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
        answers = []
        for net in self.nets:
            out = net(features)
            answers.append(torch.cat([torch.sigmoid(out[:, :2]), out[:, 2:]], dim=1))
        return torch.stack(answers).mean(0)
