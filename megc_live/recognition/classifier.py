"""Classifiers of flow images, behind one registry."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from megc_live.events import LABELS, Recognition
from megc_live.models import ModelStore
from megc_live.recognition.flow import prepare
from megc_live.registry import Registry


class Recognizer(Protocol):
    """Says which of the three classes a movement shows."""

    def classify(self, image: NDArray[np.uint8]) -> Recognition:
        """Classify a flow image, (28, 28, 3) uint8."""
        ...


RECOGNIZERS: Registry[Recognizer] = Registry("recognizer")
"""Recognizers by name: ``make(models: ModelStore) -> Recognizer``."""


@RECOGNIZERS.register(
    "ststnet", summary="shallow triple-stream network on onset-apex flow (Liong et al. 2019)", labels=LABELS, input="flow"
)
class StstNet:
    """STSTNet by onnxruntime.

    Raises
    ------
    ModelError
        The model is missing or altered.
    """

    def __init__(self, models: ModelStore) -> None:
        self._session = models.session("ststnet")

    def classify(self, image: NDArray[np.uint8]) -> Recognition:
        """Classify a flow image, (28, 28, 3) uint8: channels u, v, strain."""
        answer = self._session.run(None, {"flow": prepare(image)[None]})[0][0].astype(float)
        negative, positive, surprise = (float(p) for p in answer / answer.sum())
        return Recognition(LABELS[int(answer.argmax())], (negative, positive, surprise), image)


def make_recognizer(name: str, models: ModelStore) -> Recognizer:
    """Make a recognizer by its registered name; raises :class:`SettingsError` or :class:`ModelError`."""
    return RECOGNIZERS[name].make(models)
