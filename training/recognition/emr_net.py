"""The network of EMR: ResNet18 in two parts, heads for the whole and each part, and a domain head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from megc_live.events import LABELS
from training.recognition.resnet18 import ResNet18

PARAMETERS = 11_253_322
"""ResNet18 without its classifier 11,176,512; two parts of 32,832; heads 387, 195 and 195; domain 10,369."""
_PART = 64


@dataclass(frozen=True)
class HeadLogits:
    """What the heads say of pictures.

    Attributes
    ----------
    whole, top, bottom : Tensor, shape (n, 3)
    domain : Tensor or None, shape (n,)
        Above 0: micro.
    """

    whole: Tensor
    top: Tensor
    bottom: Tensor
    domain: Tensor | None


class EmrNet(nn.Module):
    """Flow pictures (batch, 3, size, size) to logits (batch, 3).

    ResNet18's last map (7 x 7 at a size of 224) is cut into its upper three and lower four rows; each is
    averaged and becomes 64 numbers. All 128 are judged by the main and the domain head, each 64 by a head
    of their own, which helps the fit only.

    Parameters
    ----------
    domain : bool
        With the head that tells micro from macro.
    """

    def __init__(self, *, domain: bool = True) -> None:
        super().__init__()
        self.backbone = ResNet18(None)
        self.top, self.bottom = _part(self.backbone.channels), _part(self.backbone.channels)
        self.head = nn.Linear(2 * _PART, len(LABELS))
        self.top_head, self.bottom_head = nn.Linear(_PART, len(LABELS)), nn.Linear(_PART, len(LABELS))
        self.domain = _domain_head() if domain else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the main head's logits."""
        logits: Tensor = self.head(torch.cat(self._parts(x), dim=1))
        return logits

    def all_heads(self, x: Tensor, reversal: float) -> HeadLogits:
        """Return what every head says; the domain head's gradient is reversed before it meets the parts."""
        top, bottom = self._parts(x)
        both = torch.cat([top, bottom], dim=1)
        domain = None
        if self.domain is not None:
            domain = self.domain(reverse_gradient(both, reversal)).squeeze(1)
        return HeadLogits(self.head(both), self.top_head(top), self.bottom_head(bottom), domain)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        upper, lower = halves(self.backbone(x))
        return self.top(upper.mean((2, 3))), self.bottom(lower.mean((2, 3)))


def halves(features: Tensor) -> tuple[Tensor, Tensor]:
    """Cut a map (n, channels, rows, columns) of two rows or more into 3/7 and 4/7 of its rows."""
    cut = max(1, features.shape[2] * 3 // 7)
    return features[:, :, :cut], features[:, :, cut:]


def _part(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, _PART), nn.Tanh(), nn.Dropout(0.1))


def _domain_head() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(2 * _PART, 64),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(32, 1),
    )


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.factor * gradient, None


def reverse_gradient(x: Tensor, factor: float) -> Tensor:
    """Return ``x`` itself, whose gradient comes back times ``-factor`` (Ganin and Lempitsky 2015, eq. 7)."""
    out: Tensor = _Reversal.apply(x, factor)
    return out


def reversal_at(step: int) -> float:
    """Return the factor of the reversed gradient, 2 / (1 + exp(-10 step / 10000)) - 1, from 0 up to 1.

    Examples
    --------
    >>> reversal_at(0), round(reversal_at(10_000), 4)
    (0.0, 0.9999)
    """
    return 2 / (1 + math.exp(-10 * step / 10_000)) - 1


def heads_rate(rate: float, epoch: int) -> float:
    """Return the heads' rate in an epoch from 0: halved every 10 epochs, down to 1e-5.

    Examples
    --------
    >>> heads_rate(1e-3, 9), heads_rate(1e-3, 10), heads_rate(1e-3, 99)
    (0.001, 0.0005, 1e-05)
    """
    return max(rate * 0.5 ** (epoch // 10), min(rate, 1e-5))


def losses(found: HeadLogits, label: Tensor, is_micro: Tensor) -> Tensor:
    """Sum of the cross-entropies of the three heads and, with a domain head, of micro against macro.

    Parameters
    ----------
    found : HeadLogits
    label : Tensor of int64, shape (n,)
        Below 0: none of the classes; such a sample counts for the domain only.
    is_micro : Tensor of float32, shape (n,)
    """
    known = label >= 0
    total = found.whole.new_zeros(())
    if bool(known.any()):
        for logits in (found.whole, found.top, found.bottom):
            total = total + nn.functional.cross_entropy(logits[known], label[known])
    if found.domain is not None:
        total = total + nn.functional.binary_cross_entropy_with_logits(found.domain, is_micro)
    return total
