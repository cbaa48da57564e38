"""A quick method to be fitted, in a module that worker processes import without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets.flow_file import FlowData


class Means:
    """Closeness to each class's mean image."""

    def __init__(self, means: NDArray[np.float64]) -> None:
        self.means = means

    def probabilities(self, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        distance = ((flow[:, None].astype(float) - self.means) ** 2).mean((2, 3, 4))
        closeness = np.exp(-distance / 1000)
        return np.asarray(closeness / closeness.sum(1, keepdims=True))


class NearestMean:
    """Class means, of noisy images: the seed matters."""

    name = "nearest-mean"

    def describe(self) -> dict[str, Any]:
        return {}

    def fit(self, data: FlowData, seed: int) -> Means:
        flow = data.flow + np.random.default_rng(seed).normal(0, 9, data.flow.shape)
        return Means(np.array([flow[data.label == c].mean(0) for c in range(3)]))

    def export(self, fitted: Any, folder: Path, card: dict[str, Any]) -> Path:
        return folder
