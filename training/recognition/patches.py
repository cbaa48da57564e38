"""What the filters of STSTNet see of an image (im2col), in floating point and in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 30
"""Rows and columns of positions of a filter: 28 x 28 pixels with a padding of 2."""
POSITIONS = SIDE * SIDE
TAPS = 28
"""Weights of a filter: 3 channels of 3 x 3, and the bias."""
STEP = 1 / 255
"""Between two levels of an image, as the application prepares it."""


def whole_numbers_pay() -> bool:
    """Whether this processor multiplies matrices of bytes quicker than of floats: x86 with AVX2 or later."""
    return torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() in (
        "AVX2",
        "AVX512",
    )


def patches(x: Tensor) -> Tensor:
    """What each filter position sees of each image, shape (n, 901, 28).

    The first row is zero, for places without gradient; the last tap is one, for the bias.
    """
    out = torch.zeros(len(x), 1 + POSITIONS, TAPS)
    out[:, 1:, :-1] = _unfolded(x).transpose(1, 2)
    out[:, 1:, -1] = 1
    return out


def levels(x: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """The same in whole numbers, for sums that are exact and quick.

    Returns
    -------
    Tensor of int8, shape (n, 37, 900)
        For each tap the level less 128, 0 in the padding; for each place in a filter whether it is outside
        the padding; one.
    Tensor of float64, shape (n, 3)
        What the level 128 stands for in each channel.

    Raises
    ------
    ValueError
        A channel has other values than 256 levels ``step`` apart.
    """
    least = x.amin((2, 3)).double()
    level = (x - least[..., None, None]) / step
    if level.amax() > 255.5 or (level - level.round()).abs().amax() > 0.01:
        raise ValueError(f"expected images of 256 levels, {step:g} apart")
    out = torch.ones(len(x), TAPS - 1 + TAPS // 3 + 1, POSITIONS, dtype=torch.int8)
    out[:, : TAPS - 1] = _unfolded(level.round().float() - 128)
    out[:, TAPS - 1 : -1] = _unfolded(torch.ones_like(x[:1, :1]))
    return out, least + 128 * step


def _unfolded(x: Tensor) -> Tensor:
    return nn.functional.unfold(x, 3, padding=2)
