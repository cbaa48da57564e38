"""What every recogniser of flow images can do: be fitted, predict, be exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from megc_live.registry import Registry
from training.datasets.flow_file import FlowData

if TYPE_CHECKING:
    from training.recognition.state import State


class Fitted(Protocol):
    """A fitted classifier."""

    def probabilities(self, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return class probabilities, shape (n, 3), of flow images, (n, 28, 28, 3) uint8."""
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

    def fit(self, data: FlowData, seed: int) -> F:
        """Fit on all of ``data``; the same seed gives the same classifier."""
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

    def left_out(self, data: FlowData) -> NDArray[np.float64]:
        """Return each sample's probabilities, shape (n, 3), fitted without any sample of its group.

        Equal to :meth:`fit` on the others and ``probabilities``, fold by fold.
        """
        ...


class Watched(Method[F], Protocol[F]):
    """A method with the capability ``epochs``: it can be looked at while it is fitted."""

    def fit_watched(self, data: FlowData, seed: int, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Fit as :meth:`fit` does; return the probabilities of ``flow`` after each epoch.

        Returns
        -------
        ndarray of float64, shape (epochs, n, 3)
        """
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

Capabilities: ``epochs`` (:class:`Watched`), ``exports`` (:class:`Exporting`), ``folds_at_once``
(:class:`FoldsAtOnce`; such a method is deterministic, seeds make no difference), ``folds_together``
(:class:`FoldsTogether`; the number of folds in a group), ``own_split`` (:class:`OwnSplit`), ``published``
(the authors' :class:`training.recognition.ststnet.Schedule`).
"""


def method_names() -> list[str]:
    """Return the names of all recognisers that can be fitted."""
    _register()
    return list(METHODS)


def make_method(name: str, **settings: Any) -> Method[Any]:
    """Make a recogniser to train by its name; raises :class:`megc_live.errors.SettingsError`."""
    _register()
    return METHODS[name].make(**settings)


def _register() -> None:
    # Registration happens on import.
    import training.recognition.kernels
    import training.recognition.large_nets
    import training.recognition.ststnet  # noqa: F401
