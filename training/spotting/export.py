"""Spotters to ONNX, with their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from megc_live.spotting.features import N_FEATURES
from megc_live.spotting.net import FEATURE_STEPS, HISTORY_STEPS
from megc_live.spotting.signals import PATTERN_POINTS
from training.export import export_torch
from training.spotting.fit_net import Bag
from training.spotting.network import SpotterScores


class _Linear(nn.Module):
    """A linear SVM's margin as a probability: logistic of the margin, 0.5 at the border."""

    def __init__(self, weights: np.ndarray, bias: float) -> None:
        super().__init__()
        self.layer = nn.Linear(len(weights), 1)
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(weights[None].astype(np.float32)))
            self.layer.bias.fill_(bias)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(rows))


def export_bag(bag: Bag, folder: Path, card: dict[str, Any]) -> Path:
    """Write ``ltp-net.onnx`` and its card; the bag's threshold goes into the card's settings."""
    card = {
        **card,
        "settings": {
            **card.get("settings", {}),
            "threshold": round(bag.threshold, 4),
            "networks": len(bag.nets),
        },
    }
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(1, N_FEATURES, FEATURE_STEPS, generator=chance)
    channels = sum(net.inlet.out_channels for net in bag.nets)
    past = torch.rand(1, channels, HISTORY_STEPS, generator=chance)
    return export_torch(
        SpotterScores(bag.nets).eval(),
        {"features": features, "past": past},
        ("scores", "column"),
        folder,
        "ltp-net",
        card,
    )


def export_svm(weights: np.ndarray, bias: float, folder: Path, card: dict[str, Any]) -> Path:
    """Write ``ltp-ml.onnx`` and its card."""
    example = torch.rand(12, 1 + PATTERN_POINTS, generator=torch.Generator().manual_seed(0))
    return export_torch(
        _Linear(weights, bias).eval(), {"rows": example}, "probability", folder, "ltp-ml", card, batched=True
    )
