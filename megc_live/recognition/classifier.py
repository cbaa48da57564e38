"""Classifiers of flow images, behind one registry."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ModelError
from megc_live.events import LABELS, Recognition
from megc_live.models import ModelStore
from megc_live.recognition.flow import SIDE, prepare
from megc_live.registry import Registry


class Recognizer(Protocol):
    """Says which of the three classes a movement shows."""

    def classify(self, image: NDArray[np.uint8]) -> Recognition:
        """Classify a flow image, (28, 28, 3) uint8; raises ValueError for any other."""
        ...


RECOGNIZERS: Registry[Recognizer] = Registry("recognizer")
"""Recognizers by name: ``make(models: ModelStore) -> Recognizer``."""


class FlowClassifier:
    """A classifier of flow images by onnxruntime.

    Parameters
    ----------
    models : ModelStore
    name : str
        Of the model: input ``flow``, float32 (n, 3, 28, 28) as :func:`prepare` makes it; output
        ``probabilities``, float32 (n, 3).

    Raises
    ------
    ModelError
        The model is missing, altered, or has other inputs or outputs.
    """

    def __init__(self, models: ModelStore, name: str) -> None:
        self._session = models.session(name)
        inputs = {i.name: list(i.shape[1:]) for i in self._session.get_inputs()}
        outputs = {o.name: list(o.shape[1:]) for o in self._session.get_outputs()}
        if inputs != {"flow": [3, SIDE, SIDE]} or outputs.get("probabilities") != [len(LABELS)]:
            raise ModelError(
                f"the model {name} takes {inputs} and gives {outputs}; a recognizer takes flow (3, 28, 28) "
                "and gives probabilities (3).",
                "Rebuild it with `megc-train fit recognizer`, or install the version it came with.",
            )

    def classify(self, image: NDArray[np.uint8]) -> Recognition:
        """Classify a flow image, (28, 28, 3) uint8: channels u, v, strain."""
        answer = self._session.run(["probabilities"], {"flow": prepare(image)[None]})[0][0].astype(float)
        negative, positive, surprise = (float(p) for p in answer / answer.sum())
        return Recognition(LABELS[int(answer.argmax())], (negative, positive, surprise), image.copy())


@RECOGNIZERS.register(
    "ststnet",
    summary="shallow triple-stream network on onset-apex flow (Liong et al. 2019)",
    labels=LABELS,
    input="flow",
)
class StstNet(FlowClassifier):
    """STSTNet; raises :class:`ModelError` as :class:`FlowClassifier` does."""

    def __init__(self, models: ModelStore) -> None:
        super().__init__(models, "ststnet")


def make_recognizer(name: str, models: ModelStore) -> Recognizer:
    """Make a recognizer by its registered name; raises :class:`SettingsError` or :class:`ModelError`."""
    return RECOGNIZERS[name].make(models)
