"""What every recogniser can do: be fitted, predict, be exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from megc_live.registry import Registry
from training.datasets.flow_file import FlowData
from training.recognition.clip_data import UNLABELLED, ClipData, Progress

if TYPE_CHECKING:
    from training.recognition.state import State

Data = FlowData | ClipData
"""Samples to be fitted on: flow images, or for a method with the capability ``input="clips"`` clips."""
Samples = NDArray[np.uint8] | ClipData
"""Samples to be judged: flow images, (n, 28, 28, 3) uint8, or clips without their labels."""


def samples(data: Data) -> Samples:
    """Return what a classifier is shown of ``data``: the samples and not their labels."""
    if isinstance(data, ClipData):
        return data.relabelled(np.full(len(data), UNLABELLED))
    return data.flow


class Fitted(Protocol):
    """A fitted classifier."""

    def probabilities(self, samples: Any) -> NDArray[np.float64]:
        """Return class probabilities, shape (n, 3), of :data:`Samples`: those that the method takes."""
        ...

    def state(self) -> State:
        """Return all that it is, as arrays and JSON; :meth:`Method.restore` makes it again."""
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

    def fit(self, data: Any, seed: int) -> F:
        """Fit on all of ``data`` (:data:`Data`); the same seed gives the same classifier."""
        ...

    def restore(self, state: State) -> F:
        """Make a fitted classifier again, whatever the settings of this instance.

        Raises
        ------
        ModelError
            The state is not one of this method's.
        """
        ...


class Exporting(Method[F], Protocol[F]):
    """A method with the capability ``exports``."""

    def export(self, fitted: Sequence[F], folder: Path, card: dict[str, Any]) -> Path:
        """Write the mean of some classifiers as ``name.onnx`` with its card.

        Input ``flow``, float32 (n, 3, 28, 28), as :func:`megc_live.recognition.flow.prepare` makes it;
        output ``probabilities``, float32 (n, 3).
        """
        ...


class FoldsAtOnce(Method[F], Protocol[F]):
    """A method with the capability ``folds_at_once``: what is costly does not depend on the fold."""

    def left_out(self, data: Any) -> NDArray[np.float64]:
        """Return each sample's probabilities, shape (n, 3), fitted without any sample of its group.

        Equal to :meth:`fit` on the others and ``probabilities``, fold by fold.
        """
        ...


class Watched(Method[F], Protocol[F]):
    """A method with the capability ``epochs``: it can be looked at while it is fitted."""

    def fit_watched(self, data: Any, seed: int, samples: Any) -> NDArray[np.float64]:
        """Fit as :meth:`fit` does; return the probabilities of ``samples`` after each epoch.

        Returns
        -------
        ndarray of float64, shape (epochs, n, 3)
        """
        ...


class Prepared(Method[F], Protocol[F]):
    """A method with the capability ``prepares``: what it computes of each clip alone is kept on disk."""

    def prepare(self, data: ClipData, jobs: int, progress: Progress) -> None:
        """Compute that of all clips in so many processes, so that no fold has to."""
        ...


class FoldsTogether(Watched[F], Protocol[F]):
    """A method with the capability ``folds_together``: classifiers of several folds advance in one pass."""

    def left_out_watched(
        self, data: FlowData, held: NDArray[np.bool_], seed: int, numbers: Sequence[int]
    ) -> NDArray[np.float64]:
        """Fit one classifier a fold; return the probabilities of what each leaves out, after each epoch.

        Parameters
        ----------
        data : FlowData
        held : ndarray of bool, shape (folds, n)
            What each fold leaves out; no sample is left out twice.
        seed : int
            Of what all folds share.
        numbers : sequence of int
            The folds' own seeds.

        Returns
        -------
        ndarray of float64, shape (epochs, n, 3)
            NaN where no fold leaves a sample out.
        """
        ...


class OwnSplit(Watched[F], Protocol[F]):
    """A method with the capability ``own_split``: it has a say in what the other samples are used for."""

    def left_out_chosen(
        self, data: FlowData, held: NDArray[np.bool_], seed: int
    ) -> tuple[NDArray[np.float64], int]:
        """Fit without the samples ``held``, shape (n,), whose probabilities are returned.

        Returns
        -------
        ndarray of float64, shape (epochs, left out, 3)
        int
            The epoch that counts. It is not chosen on what is left out.
        """
        ...


METHODS: Registry[Method[Any]] = Registry("recogniser to train")
"""Recognisers that can be fitted: ``make(**settings) -> Method``.

Capabilities: ``input`` ("flow", which is the default, or "clips"), ``epochs`` (:class:`Watched`),
``exports`` (:class:`Exporting`), ``prepares`` (:class:`Prepared`), ``named`` (only run when named: it takes
days), ``folds_at_once`` (:class:`FoldsAtOnce`; such a method is deterministic, seeds make no difference),
``folds_together`` (:class:`FoldsTogether`; the number of folds in a group), ``own_split``
(:class:`OwnSplit`), ``published`` (the authors' :class:`training.recognition.ststnet.Schedule`),
``as_published`` (its default schedule is the authors').
"""


def method_names(takes: str | None = None) -> list[str]:
    """Return the names of all recognisers that can be fitted, or of those that take flow or clips."""
    _register()
    return [name for name in METHODS if takes in (None, input_of(name))]


def input_of(name: str) -> str:
    """Return what a recogniser is fitted on: "flow" or "clips"."""
    return str(METHODS[name].capabilities.get("input", "flow"))


def make_method(name: str, **settings: Any) -> Method[Any]:
    """Make a recogniser to train by its name; raises :class:`megc_live.errors.SettingsError`."""
    _register()
    return METHODS[name].make(**settings)


def _register() -> None:
    # Registration happens on import.
    import training.recognition.capsulenet
    import training.recognition.clip_svm
    import training.recognition.emr
    import training.recognition.kernels
    import training.recognition.large_nets
    import training.recognition.ststnet  # noqa: F401
