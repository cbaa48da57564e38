"""Kernel machines on flow images: whatever depends on images alone is computed once for all folds."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.svm import SVC

from megc_live.errors import DatasetError, ModelError
from megc_live.events import LABELS
from megc_live.recognition.flow import prepare
from training.datasets.flow_file import FlowData
from training.protocols.metrics import PooledScores
from training.recognition.base import METHODS, samples
from training.recognition.state import State

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def centred(flow: U8) -> F64:
    """Return flow images as rows, (n, 2352): u and v less each image's median, strain; bytes / 255."""
    return np.stack([prepare(image).ravel() for image in flow]).astype(np.float64)


BLOCKS, BINS = 5, 8


def bi_woof(flow: U8) -> F64:
    """Bi-WOOF of flow images, (n, 28, 28, 3): :func:`bi_woof_of` with zero at the median of u and of v.

    The bytes of a flow image do not say where zero was.
    """
    return bi_woof_of(*np.moveaxis(centred(flow).reshape(len(flow), 3, *flow.shape[1:3]), 1, 0))


def bi_woof_of(u: F64, v: F64, strain: F64) -> F64:
    """Bi-weighted oriented optical flow (Liong et al. 2018): (n, 200), each row of length 1.

    Blocks of 5 x 5; in each a histogram of 8 orientations of the flow, weighted by its magnitude and of
    sum 1, times the block's sum of strain. A block without movement is 0.

    Parameters
    ----------
    u, v, strain : ndarray, shape (n, rows, columns)
    """
    angle = np.arctan2(v, u)
    bins = np.minimum((angle + np.pi) / (2 * np.pi) * BINS, BINS - 1).astype(np.int64)
    weights = np.hypot(u, v)[..., None] * (bins[..., None] == np.arange(BINS))
    out = []
    for rows in np.array_split(np.arange(u.shape[1]), BLOCKS):
        for columns in np.array_split(np.arange(u.shape[2]), BLOCKS):
            block = np.ix_(np.arange(len(u)), rows, columns)
            histogram = weights[block].sum((1, 2))
            total = histogram.sum(1, keepdims=True)
            share = np.divide(histogram, total, out=np.zeros_like(histogram), where=total > 0)
            out.append(share * strain[block].sum((1, 2))[:, None])
    features = np.concatenate(out, axis=1)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)


@dataclass(frozen=True)
class Machine:
    """The numbers of a support vector machine, one against one, on kernel values.

    Attributes
    ----------
    classes_ : ndarray of int64, shape (c,)
    support : ndarray of int64, shape (s,)
        Rows of the fit that support it, those of the first class first.
    count : ndarray of int64, shape (c,)
        How many of them are of each class.
    dual : ndarray of float64, shape (c - 1, s)
        Coefficients, of each row against every other class in their order.
    intercept : ndarray of float64, shape (c (c - 1) / 2,)
        Of the pairs of classes (0, 1), (0, 2), ..., (1, 2), ...
    """

    classes_: I64
    support: I64
    count: I64
    dual: F64
    intercept: F64

    @classmethod
    def of(cls, svc: SVC) -> Machine:
        """Take the numbers of a fitted machine of scikit-learn."""
        # Of two classes scikit-learn turns the signs, so that the value is that of the second class.
        sign = -1.0 if len(svc.classes_) == 2 else 1.0
        return cls(
            svc.classes_.astype(np.int64),
            svc.support_.astype(np.int64),
            svc.n_support_.astype(np.int64),
            sign * svc.dual_coef_,
            sign * svc.intercept_,
        )

    def decision_function(self, kernel: F64) -> F64:
        """Return what scikit-learn's does, (n, c) or of two classes (n,), of kernel values (n, rows).

        Each pair of classes has one vote; sums of the pairs' values, squeezed into a third of a vote, order
        classes of equal votes.
        """
        near = kernel[:, self.support]
        edges = np.concatenate([[0], np.cumsum(self.count)])
        n, c = len(kernel), len(self.classes_)
        votes, sums = np.zeros((n, c)), np.zeros((n, c))
        value = np.zeros(n)
        for pair, (i, j) in enumerate(itertools.combinations(range(c), 2)):
            of_i, of_j = slice(edges[i], edges[i + 1]), slice(edges[j], edges[j + 1])
            value = near[:, of_i] @ self.dual[j - 1, of_i] + near[:, of_j] @ self.dual[i, of_j]
            value = value + self.intercept[pair]
            sums[:, i] += value
            sums[:, j] -= value
            votes[:, i] += value >= 0
            votes[:, j] += value < 0
        return -value if c == 2 else votes + sums / (3 * (np.abs(sums) + 1))


@dataclass(frozen=True)
class FittedSvm:
    """A fitted support vector machine; probabilities are the softmax of its decision values."""

    svc: Machine
    rows: F64
    kernel: Callable[[F64, F64], F64]
    features: Callable[[U8], F64]
    made_with: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, flow: U8) -> F64:
        """Return class probabilities, shape (n, 3), of flow images, (n, 28, 28, 3) uint8."""
        return _svm_probabilities(self.svc, self.kernel(self.features(flow), self.rows))

    def state(self) -> State:
        """Return the machine's numbers and the features of all samples of the fit."""
        arrays = {item.name: getattr(self.svc, item.name) for item in fields(self.svc)}
        return State({**arrays, "rows": self.rows}, dict(self.made_with))


class SvmMethod(ABC):
    """Fits a support vector machine, one against one, on kernel values.

    ``probabilities`` are the softmax of the decision values: they order the classes as the machine does
    and are not calibrated. A class that was not among the fitted samples has probability 0.
    """

    name: str
    balanced: bool
    penalty: float

    @abstractmethod
    def features(self, flow: U8) -> F64:
        """Return flow images as rows."""
        ...

    @abstractmethod
    def product(self, a: F64, b: F64) -> F64:
        """Return what the kernel is made of, of all pairs of rows."""
        ...

    @abstractmethod
    def kernel_of(self, product: F64, rows: F64) -> F64:
        """Return kernel values; ``rows`` are those of the fit."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the settings."""
        return {"C": self.penalty, "class_weight": "balanced" if self.balanced else "none"}

    def fit(self, data: FlowData, seed: int) -> FittedSvm:
        """Fit on all of ``data``; nothing in it is random."""
        rows = self.features(samples(data))
        kernel = self.kernel_of(self.product(rows, rows), rows)
        return self._fitted(Machine.of(self._svc(kernel, data.label)), rows)

    def restore(self, state: State) -> FittedSvm:
        """Make a fitted machine again; raises ModelError for the state of another one."""
        try:
            like = type(self)(**state.settings)
        except TypeError as error:
            raise ModelError(
                f"the state is not that of a {self.name}: {error}.", "Give one that this method wrote."
            ) from None
        machine = Machine(*(state.array(item.name) for item in fields(Machine)))
        return like._fitted(machine, state.array("rows"))

    def made_with(self) -> dict[str, Any]:
        """Return the settings that a fitted machine depends on: JSON, for ``__init__``."""
        return {}

    def _fitted(self, machine: Machine, rows: F64) -> FittedSvm:
        def kernel(a: F64, b: F64) -> F64:
            return self.kernel_of(self.product(a, b), rows)

        return FittedSvm(machine, rows, kernel, self.features, self.made_with())

    def left_out(self, data: FlowData) -> F64:
        """Return each sample's probabilities, (n, 3), fitted without any sample of its group."""
        rows = self.features(samples(data))
        product = self.product(rows, rows)
        out = np.zeros((len(data), len(LABELS)))
        for test in _folds(data):
            fitted = self.kernel_of(product[:, ~test], rows[~test])
            svc = self._svc(fitted[~test], data.label[~test])
            out[test] = _svm_probabilities(svc, fitted[test])
        return out

    def _svc(self, kernel: F64, label: I64) -> SVC:
        if len(np.unique(label)) < 2:
            raise DatasetError(
                f"{self.name} tells classes apart, and its {len(label)} samples are of one.",
                "Give data of which every two subjects show more than one class, or leave the method out.",
            )
        weight = "balanced" if self.balanced else None
        return SVC(C=self.penalty, kernel="precomputed", class_weight=weight).fit(kernel, label)


def _svm_probabilities(svc: SVC | Machine, kernel: F64) -> F64:
    out = np.zeros((len(kernel), len(LABELS)))
    values = svc.decision_function(kernel)
    if values.ndim == 1:  # of two classes, the value of the second
        values = np.stack([-values, values], axis=1)
    out[:, svc.classes_] = softmax(values, axis=1)
    return out


def _folds(data: FlowData) -> list[NDArray[np.bool_]]:
    return [data.group == name for name in np.unique(data.group)]


@METHODS.register(
    "rbf-svm", summary="support vector machine, RBF kernel, on centred flow images", folds_at_once=True
)
class RbfSvmMethod(SvmMethod):
    """RBF kernel of u and v less their medians and strain; C = 1, balanced.

    gamma is 1 / (features x variance) of the images of the fit.
    """

    name = "rbf-svm"
    balanced = True
    penalty = 1.0

    def features(self, flow: U8) -> F64:
        """Return centred flow images as rows."""
        return centred(flow)

    def product(self, a: F64, b: F64) -> F64:
        """Return squared distances."""
        return squared_distances(a, b)

    def kernel_of(self, product: F64, rows: F64) -> F64:
        """Return RBF kernel values."""
        gamma = 1.0 / (rows.shape[1] * max(float(rows.var()), 1e-12))
        return np.exp(-gamma * product)

    def describe(self) -> dict[str, Any]:
        """Return the settings."""
        return {**super().describe(), "kernel": "rbf", "gamma": "1 / (features x variance) of the fit"}


@METHODS.register("bi-woof", summary="Bi-WOOF and a linear SVM (Liong et al. 2018)", folds_at_once=True)
class BiWoofMethod(SvmMethod):
    """Bi-WOOF of flow images of 28 x 28 with a linear kernel, C = 10000."""

    name = "bi-woof"
    balanced = False
    penalty = 1e4

    def features(self, flow: U8) -> F64:
        """Return :func:`bi_woof`."""
        return bi_woof(flow)

    def product(self, a: F64, b: F64) -> F64:
        """Return inner products."""
        return a @ b.T

    def kernel_of(self, product: F64, rows: F64) -> F64:
        """Return the inner products themselves."""
        return product

    def describe(self) -> dict[str, Any]:
        """Return the settings."""
        return {**super().describe(), "kernel": "linear", "blocks": BLOCKS, "orientations": BINS}


def squared_distances(a: F64, b: F64) -> F64:
    """Squared Euclidean distances of all pairs of rows."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0)


GAMMAS = (0.5, 1.0, 2.0)
LAMBDAS = (1.0, 0.3, 0.1)
SCALES = {"u": 30.0, "v": 35.0, "strain": 25.0, "all": 90.0, "laplace": 300.0}
"""Distances that make a kernel exp(-gamma): about the mean between any two flow images (labels unused)."""


@dataclass(frozen=True)
class FittedRidge:
    """A fitted kernel ridge; probabilities are the softmax of its regressed classes."""

    rows: F64
    alpha: F64
    gamma: float
    penalty: float

    def probabilities(self, flow: U8) -> F64:
        """Return class probabilities, shape (n, 3), of flow images, (n, 28, 28, 3) uint8."""
        kernel = mean_kernel(distances(centred(flow), self.rows), self.gamma)
        return np.asarray(softmax(kernel @ self.alpha, axis=1))

    def state(self) -> State:
        """Return the images of the fit, their coefficients, and the settings that were chosen."""
        return State({"rows": self.rows, "alpha": self.alpha}, {"gamma": self.gamma, "lambda": self.penalty})


@METHODS.register(
    "kernel-mean", summary="kernel ridge on the mean of five kernels, settings nested", folds_at_once=True
)
class KernelMeanMethod:
    """Class-weighted kernel ridge on the mean of five kernels.

    RBF kernels of u, of v, of strain and of all three, and a Laplace kernel of all three. The width and
    the penalty are those that do best by UF1 when each subject of the fit is left out in turn, so a
    subject that is left out of the fit has no part in the choice.
    """

    name = "kernel-mean"

    def describe(self) -> dict[str, Any]:
        """Return the settings."""
        return {
            "kernels": SCALES,
            "gamma": list(GAMMAS),
            "lambda": list(LAMBDAS),
            "chosen": "by UF1 with subjects of the fit left out in turn",
            "class_weight": "balanced",
        }

    def fit(self, data: FlowData, seed: int) -> FittedRidge:
        """Fit on all of ``data``; nothing in it is random."""
        rows = centred(data.flow)
        between = distances(rows, rows)
        kernels = {gamma: mean_kernel(between, gamma) for gamma in GAMMAS}
        gamma, penalty, alpha = _nested(kernels, data.label, data.group)
        return FittedRidge(rows, alpha, gamma, penalty)

    def restore(self, state: State) -> FittedRidge:
        """Make a fitted kernel ridge again; raises ModelError where something is missing."""
        return FittedRidge(
            state.array("rows"), state.array("alpha"), state.number("gamma"), state.number("lambda")
        )

    def left_out(self, data: FlowData) -> F64:
        """Return each sample's probabilities, (n, 3), fitted without any sample of its group."""
        rows = centred(data.flow)
        between = distances(rows, rows)
        kernels = {gamma: mean_kernel(between, gamma) for gamma in GAMMAS}
        group = data.group
        out = np.zeros((len(data), len(LABELS)))
        for test in _folds(data):
            inside = {gamma: kernel[np.ix_(~test, ~test)] for gamma, kernel in kernels.items()}
            gamma, _, alpha = _nested(inside, data.label[~test], group[~test])
            out[test] = softmax(kernels[gamma][np.ix_(test, ~test)] @ alpha, axis=1)
        return out


def distances(a: F64, b: F64) -> dict[str, F64]:
    """Distances of all pairs of centred images, each over its scale."""
    third = a.shape[1] // 3
    parts = {name: slice(k * third, (k + 1) * third) for k, name in enumerate(("u", "v", "strain"))}
    out = {name: squared_distances(a[:, part], b[:, part]) for name, part in parts.items()}
    out["all"] = out["u"] + out["v"] + out["strain"]
    out["laplace"] = cdist(a, b, "cityblock")
    return {name: value / SCALES[name] for name, value in out.items()}


def mean_kernel(between: dict[str, F64], gamma: float) -> F64:
    """Mean of the kernels exp(-gamma distance)."""
    return np.asarray(np.mean([np.exp(-gamma * value) for value in between.values()], axis=0))


def _nested(kernels: dict[float, F64], label: I64, group: NDArray[np.str_]) -> tuple[float, float, F64]:
    """Choose width and penalty on these samples alone; return them with the coefficients, (n, 3)."""
    counts = np.bincount(label, minlength=len(LABELS))
    weight = len(label) / (len(LABELS) * counts[label])
    target = np.eye(len(LABELS))[label] - 1 / len(LABELS)
    parts = [np.flatnonzero(group == name) for name in np.unique(group)]
    best: tuple[float, float, float, F64] | None = None
    for penalty in LAMBDAS:
        for gamma, kernel in kernels.items():
            # min sum w (y - f)^2 + lambda |f|^2 has the coefficients (K + lambda / w)^-1 y.
            inverse = _inverse(kernel + np.diag(penalty / weight))
            alpha = inverse @ target
            score = _inner_uf1(inverse, alpha, target, label, parts)
            if best is None or score > best[0]:
                best = (score, gamma, penalty, alpha)
    assert best is not None
    return best[1:]


def _inverse(matrix: F64) -> F64:
    """Inverse of a symmetric positive definite matrix by its Cholesky factor, a third of the usual work."""
    factor, failed = dpotrf(matrix, lower=1)
    half, failed_too = dpotri(factor, lower=1)
    if failed or failed_too:
        raise np.linalg.LinAlgError("the kernel matrix with its penalty is not positive definite")
    lower = np.tril(half)
    return np.asarray(lower + np.tril(lower, -1).T)


def _inner_uf1(inverse: F64, alpha: F64, target: F64, label: I64, parts: list[I64]) -> float:
    """UF1 with each part left out, without a fit anew: f = y - (A_PP)^-1 (A y)_P with A the inverse."""
    values = np.empty_like(target)
    for part in parts:
        values[part] = target[part] - np.linalg.solve(inverse[np.ix_(part, part)], alpha[part])
    pooled = PooledScores(len(LABELS))
    pooled.update(label, values.argmax(1))
    return pooled.uf1()
