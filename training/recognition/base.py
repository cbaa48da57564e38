"""What every recogniser of flow images can do: be fitted, predict, be exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from megc_live.registry import Registry
from training.datasets.flow_file import FlowData


class Fitted(Protocol):
    """A fitted classifier."""

    def probabilities(self, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return class probabilities, shape (n, 3), of flow images, (n, 28, 28, 3) uint8."""
        ...


F = TypeVar("F", bound=Fitted)


class Method(Protocol[F]):
    """How to fit one kind of classifier. Instances hold settings alone and can be sent to a process.

    ``describe`` is what the model card's ``settings`` say.
    """

    name: str

    def describe(self) -> dict[str, Any]:
        """Return every setting that the result depends on."""
        ...

    def fit(self, data: FlowData, seed: int) -> F:
        """Fit on all of ``data``; the same seed gives the same classifier."""
        ...

    def export(self, fitted: Sequence[F], folder: Path, card: dict[str, Any]) -> Path:
        """Write the mean of some classifiers as ``name.onnx`` with its card.

        Input ``flow``, float32 (n, 3, 28, 28), as :func:`megc_live.recognition.flow.prepare` makes it;
        output ``probabilities``, float32 (n, 3).
        """
        ...


METHODS: Registry[Method[Any]] = Registry("recogniser to train")
"""Recognisers that can be fitted: ``make(**settings) -> Method``."""


def make_method(name: str, **settings: Any) -> Method[Any]:
    """Make a recogniser to train by its name; raises :class:`megc_live.errors.SettingsError`."""
    # Registration happens on import.
    import training.recognition.ststnet  # noqa: F401

    return METHODS[name].make(**settings)
