"""What the networks on pictures of clips share: fitting and judging."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import ModelError, SettingsError
from training.recognition.augment import Augmentation
from training.recognition.clip_data import ClipData, Progress
from training.recognition.state import State

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

EachEpoch = Callable[[nn.Module], None]

_JUDGED_AT_ONCE = 16


@dataclass(frozen=True)
class FittedClipNet:
    """A fitted network, in eval mode.

    Attributes
    ----------
    net : nn.Module
        Pictures (n, 3, side, side) to class scores.
    method : ClipNetMethod
        Who fitted it.
    seed : int
        For pictures that are varied when they are judged.
    """

    net: nn.Module
    method: ClipNetMethod
    seed: int

    def probabilities(self, held: ClipData) -> F64:
        """Return class probabilities, shape (n, 3), of clips."""
        return self.judge(self.method.judged(held))

    @torch.no_grad()
    def judge(self, pictures: U8) -> F64:
        """Return class probabilities, shape (n, 3), of pictures, (n, rows, columns, 3)."""
        slip = self.method.slip
        how, rng = self.method.augmentation, None
        if slip is not None:
            how, rng = slip, np.random.default_rng([self.seed, 1])
        found = []
        for start in range(0, len(pictures), _JUDGED_AT_ONCE):
            x = how.batch(pictures[start : start + _JUDGED_AT_ONCE], rng)
            found.append(self.method.scores(self.net, x.to(self.method.device)).cpu())
        return torch.cat(found).numpy().astype(np.float64)

    def state(self) -> State:
        """Return the weights and the batch norms' statistics by their names in torch."""
        arrays = {name: value.detach().cpu().numpy().copy() for name, value in self.net.state_dict().items()}
        return State(arrays, {**self.method.judging(), "seed": self.seed})


class ClipNetMethod(ABC):
    """Fits a network on pictures of clips for a fixed number of epochs; the last one is used.

    Subclasses say which pictures (:meth:`judged`), which network, and how it is trained.

    Parameters
    ----------
    epochs : int
    batch : int
    device : str
        As torch names it.
    augmentation : Augmentation
        Of the pictures of a fit; those that are judged are plain.
    slip : Augmentation or None
        How the judged pictures vary too, where that is asked for, as in the authors' releases: a score is
        then chance in part.
    """

    name: str

    def __init__(
        self,
        *,
        epochs: int,
        batch: int,
        device: str,
        augmentation: Augmentation,
        slip: Augmentation | None = None,
    ) -> None:
        if epochs < 1 or batch < 2:
            raise SettingsError(
                f"got {epochs} epochs with {batch} samples at a time.", "Give 1 or more, and 2 or more."
            )
        self.epochs, self.batch = epochs, batch
        self.device = device
        self.augmentation, self.slip = augmentation, slip
        try:
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise SettingsError(f"cannot compute on {device!r}: {reason}", "Give cpu.") from None

    @abstractmethod
    def network(self) -> nn.Module:
        """Make what :meth:`scores` takes, with random weights."""
        ...

    @abstractmethod
    def judging(self) -> dict[str, Any]:
        """Return the keywords of the constructor, as JSON, that judging depends on."""
        ...

    @abstractmethod
    def judged(self, data: ClipData) -> U8:
        """Return the picture that each clip is judged by, (n, rows, columns, 3), R G B."""
        ...

    @abstractmethod
    def prepare(self, data: ClipData, jobs: int, progress: Progress) -> None:
        """Compute the pictures of all clips in so many processes; they are kept beside the clips."""
        ...

    @abstractmethod
    def scores(self, net: nn.Module, x: Tensor) -> Tensor:
        """Return class probabilities of pictures, (n, 3)."""
        ...

    @abstractmethod
    def train(self, data: ClipData, rng: np.random.Generator, each_epoch: EachEpoch) -> nn.Module:
        """Fit a network, random numbers from torch and ``rng``; tell ``each_epoch`` of every epoch."""
        ...

    def fit(self, data: ClipData, seed: int) -> FittedClipNet:
        """Fit one network; the same seed gives the same on one machine with one number of threads."""
        return FittedClipNet(self._fitted(data, seed, lambda net: None), self, seed)

    def restore(self, state: State) -> FittedClipNet:
        """Make a fitted network again; raises ModelError for a state of another one."""
        try:
            settings = dict(state.settings)
            seed = int(settings.pop("seed"))
            method = type(self)(**settings, device=self.device)
            net = method.network()
            net.load_state_dict({name: torch.from_numpy(value) for name, value in state.arrays.items()})
        except (KeyError, TypeError, ValueError, RuntimeError, SettingsError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(
                f"the state is not that of {self.name}: {reason}", "Give one that this method wrote."
            ) from None
        return FittedClipNet(net.to(self.device).eval(), method, seed)

    def fit_watched(self, data: ClipData, seed: int, held: ClipData) -> F64:
        """Fit one network; return the probabilities of ``held`` after each epoch, (epochs, n, 3)."""
        pictures = self.judged(held)
        seen: list[F64] = []

        def look(net: nn.Module) -> None:
            seen.append(FittedClipNet(net.eval(), self, seed).judge(pictures))
            net.train()

        self._fitted(data, seed, look)
        return np.stack(seen)

    def _fitted(self, data: ClipData, seed: int, each_epoch: EachEpoch) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.train(data, np.random.default_rng(seed), each_epoch).eval()


def epochs_of(
    length: int, batch: int, epochs: int, rng: np.random.Generator
) -> list[list[NDArray[np.int64]]]:
    """Deal samples into batches, anew for each epoch; a last batch of one is left out (batch norm)."""
    out = []
    for _ in range(epochs):
        order = rng.permutation(length)
        parts = [order[k : k + batch] for k in range(0, length, batch)]
        out.append([part for part in parts if len(part) > 1])
    return out


def unwatched(done: int, total: int, name: str) -> None:
    """Tell nobody of the progress."""
