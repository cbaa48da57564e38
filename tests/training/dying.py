"""A method that kills its worker, in a module that the workers of a cluster import."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.training.nearest_mean import NearestMean
from training.datasets.flow_file import FlowData
from training.recognition.large_nets import OffApexNetMethod


class Dying(OffApexNetMethod):
    """Goes under the name of a network that is fitted fold by fold, and is quick.

    At fold 1 it kills its process: the first time, or every time where there is no ``marker``.
    """

    def __init__(self, marker: Path | None = None) -> None:
        super().__init__()
        self.marker = marker

    def fit(self, data: FlowData, seed: int) -> Any:
        if seed % 1000 == 1 and (self.marker is None or not self.marker.exists()):
            if self.marker is not None:
                self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return NearestMean().fit(data, seed)


class Steady(OffApexNetMethod):
    """The same without dying."""

    def fit(self, data: FlowData, seed: int) -> Any:
        return NearestMean().fit(data, seed)
