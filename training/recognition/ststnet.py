"""STSTNet: shallow triple-stream three-dimensional CNN (Liong et al. 2019, Table I)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import ModelError, SettingsError
from megc_live.events import LABELS
from megc_live.recognition.flow import SIDE, prepare
from training.datasets.flow_file import FlowData
from training.export import export_torch
from training.recognition.base import METHODS
from training.recognition.state import State

STREAMS = (3, 5, 8)
"""Filters of the three streams."""
PARAMETERS = 1_683
"""28 a filter in the convolutions, 2 a filter in the batch norms, 400 x 3 + 3 in the last layer."""


class STSTNet(nn.Module):
    """Flow images (batch, 3, 28, 28) to logits (batch, 3).

    The layers of the authors' PyTorch release: convolutions 3 x 3 with padding 2 give 30 x 30, ReLU, batch
    norm, maxima of 3 x 3 give 10 x 10, dropout, concatenation, means of 2 x 2 give 5 x 5. The three
    streams of 3, 5 and 8 filters see the same input and nothing mixes their channels before they are
    joined, so one convolution of 16 filters is the same network at half the time.

    Parameters
    ----------
    dropout : float
        Share of units left out while it is fitted.
    standardised : bool
        Divide each channel of each image by its own standard deviation first. Not of the paper; what the
        exported network does itself needs no change in the application.
    """

    def __init__(self, dropout: float = 0.5, standardised: bool = False) -> None:
        super().__init__()
        self.standardised = standardised
        filters = sum(STREAMS)
        self.streams = nn.Sequential(
            nn.Conv2d(3, filters, 3, padding=2),
            nn.ReLU(),
            nn.BatchNorm2d(filters),
            nn.MaxPool2d(3, 3, 1),
            nn.Dropout(dropout),
            nn.AvgPool2d(2, 2),
        )
        self.head = nn.Linear(filters * 25, len(LABELS))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        if self.standardised:
            x = standardise(x)
        logits: Tensor = self.head(self.streams(x).flatten(1))
        return logits


class MeanProbabilities(nn.Module):
    """What is exported: class probabilities, averaged over networks."""

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, flow: Tensor) -> Tensor:
        """Return probabilities, shape (batch, 3)."""
        return torch.stack([torch.softmax(net(flow), dim=1) for net in self.nets]).mean(0)


@dataclass(frozen=True)
class Schedule:
    """How a network is fitted; the last epoch is used, whatever its score.

    The default does a twentieth of the published work. ``PUBLISHED`` is the authors' own.

    Attributes
    ----------
    epochs, batch : int
    rate : float
        Learning rate; with ``cosine`` it falls to 0 along a half cosine.
    balanced : bool
        Weigh the classes in the loss by the inverse of their counts.
    decay : float
        Decoupled weight decay (Loshchilov and Hutter 2019).
    mirrored : bool
        Each time an image is seen, it is mirrored with a chance of one half (:func:`mirror`).
    """

    epochs: int = 40
    batch: int = 64
    rate: float = 2e-3
    cosine: bool = True
    balanced: bool = True
    decay: float = 0.0
    mirrored: bool = False


PUBLISHED = Schedule(epochs=800, batch=256, rate=5e-5, cosine=False, balanced=False)


def prepared(flow: NDArray[np.uint8]) -> Tensor:
    """Flow images (n, 28, 28, 3) uint8 as network input (n, 3, 28, 28)."""
    return torch.from_numpy(np.stack([prepare(image) for image in flow]))


def as_released(flow: NDArray[np.uint8]) -> Tensor:
    """Flow images (n, 28, 28, 3) uint8 as the authors' PyTorch release reads them, (n, 3, 28, 28).

    Bytes as they are, strain, v, u (Liong et al. 2019, ``main.py``: read by OpenCV, not scaled).
    """
    return torch.from_numpy(np.ascontiguousarray(flow[..., ::-1].transpose(0, 3, 1, 2), dtype=np.float32))


@dataclass(frozen=True)
class FittedNet:
    """A fitted network, in eval mode; ``made_with`` are the settings of its layers."""

    net: nn.Module
    network_input: Callable[[NDArray[np.uint8]], Tensor] = prepared
    made_with: dict[str, Any] = field(default_factory=dict)

    @torch.no_grad()
    def probabilities(self, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return class probabilities, shape (n, 3), of flow images, (n, 28, 28, 3) uint8."""
        with one_thread():  # the same digits however many cores there are
            return torch.softmax(self.net(self.network_input(flow)), dim=1).numpy().astype(np.float64)

    def state(self) -> State:
        """Return the weights and the batch norms' statistics by their names in torch."""
        arrays = {name: value.detach().numpy().copy() for name, value in self.net.state_dict().items()}
        return State(arrays, dict(self.made_with))


class NetMethod:
    """Fits a network by Adam on cross-entropy (AdamW where the schedule has a weight decay).

    Subclasses say which: ``network`` makes it, ``parameters`` is the number of its weights, ``dropout`` the
    share of units left out, and ``default`` the schedule.

    Parameters
    ----------
    schedule : Schedule, optional
    """

    name: str
    network: Callable[..., nn.Module]
    parameters: int
    dropout: float
    default = Schedule()

    def __init__(self, schedule: Schedule | None = None) -> None:
        self.schedule = schedule or self.default

    def describe(self) -> dict[str, Any]:
        """Return the schedule and the size of the network."""
        return {
            "parameters": self.parameters,
            "optimiser": "AdamW" if self.schedule.decay else "Adam",
            "dropout": self.dropout,
            **asdict(self.schedule),
        }

    def fit(self, data: FlowData, seed: int) -> FittedNet:
        """Fit one network; the same seed gives the same network."""
        return self._holding(self._fitted(data, seed, lambda net: None))

    def network_input(self, flow: NDArray[np.uint8]) -> Tensor:
        """Flow images (n, 28, 28, 3) as input (n, 3, 28, 28): the application's own preparation."""
        return prepared(flow)

    def made_with(self) -> dict[str, Any]:
        """Return the settings that a fitted network depends on: JSON, for ``__init__``."""
        return {}

    def make(self) -> nn.Module:
        """Make the network."""
        return type(self).network()

    def restore(self, state: State) -> FittedNet:
        """Make a fitted network again; raises ModelError for weights of another one."""
        try:
            like = type(self)(**state.settings)
            net = like.make()
            net.load_state_dict({name: torch.from_numpy(value) for name, value in state.arrays.items()})
        except (TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(
                f"the state is not that of a {self.name}: {reason}", "Give one that this method wrote."
            ) from None
        return like._holding(net.eval())

    def _holding(self, net: nn.Module) -> FittedNet:
        return FittedNet(net, self.network_input, self.made_with())

    def fit_watched(self, data: FlowData, seed: int, flow: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Fit one network; return the probabilities of ``flow`` after each epoch, (epochs, n, 3)."""
        seen: list[NDArray[np.float64]] = []

        def look(net: nn.Module) -> None:
            seen.append(FittedNet(net.eval(), self.network_input).probabilities(flow))
            net.train()

        self._fitted(data, seed, look)
        return np.stack(seen)

    def _fitted(self, data: FlowData, seed: int, each_epoch: Callable[[nn.Module], None]) -> nn.Module:
        with torch.random.fork_rng(devices=[]), one_thread():
            torch.manual_seed(seed)
            net = self.make()
            train(net, self.network_input(data.flow), torch.from_numpy(data.label), self.schedule, each_epoch)
        return net.eval()


TOGETHER = 34
"""Folds of STSTNet in a group: their answers to one image are about what a core's own cache holds."""


@METHODS.register(
    "ststnet",
    summary="shallow triple-stream network (Liong et al. 2019)",
    epochs=True,
    exports=True,
    folds_together=TOGETHER,
    published=PUBLISHED,
)
class StstNetMethod(NetMethod):
    """Fits STSTNet.

    Parameters
    ----------
    schedule : Schedule, optional
    released_input : bool
        What the authors' PyTorch release reads: bytes 0 to 255 without scaling or centring, the channels in
        OpenCV's order. What it fits cannot be exported: the application centres its images.
    standardised : bool
        As of :class:`STSTNet`.
    """

    name = "ststnet"
    network = STSTNet
    parameters = PARAMETERS
    dropout = 0.5

    def __init__(
        self,
        schedule: Schedule | None = None,
        *,
        released_input: bool = False,
        standardised: bool = False,
    ) -> None:
        super().__init__(schedule)
        self.released_input = released_input
        self.standardised = standardised

    def made_with(self) -> dict[str, Any]:
        """Return the settings besides the schedule that a fitted network depends on."""
        return {"released_input": self.released_input, "standardised": self.standardised}

    def make(self) -> STSTNet:
        """Make the network."""
        return STSTNet(self.dropout, self.standardised)

    @property
    def in_one_pass(self) -> bool:
        """Whether several folds can be fitted in one pass (:mod:`training.recognition.grouped`).

        It knows no weight decay, mirrored images or standardised input.
        """
        return not (self.standardised or self.schedule.decay or self.schedule.mirrored)

    def describe(self) -> dict[str, Any]:
        """Return the schedule, the size of the network and what it sees."""
        alike = {"batches": "one order for all folds"} if self.in_one_pass else {}
        seen = {"input": "bytes 0 to 255, as released"} if self.released_input else {}
        return {**super().describe(), "standardised": self.standardised, **alike, **seen}

    def network_input(self, flow: NDArray[np.uint8]) -> Tensor:
        """Flow images (n, 28, 28, 3) as input (n, 3, 28, 28)."""
        return as_released(flow) if self.released_input else prepared(flow)

    def left_out_watched(
        self, data: FlowData, held: NDArray[np.bool_], seed: int, numbers: Sequence[int]
    ) -> NDArray[np.float64]:
        """Fit the networks of several folds in one pass (:mod:`training.recognition.grouped`).

        ``held`` (folds, n) is what each leaves out, whose probabilities after each epoch are returned,
        (epochs, n, 3). Where the settings are not for one pass, each fold is fitted by itself.
        """
        if not self.in_one_pass:
            return self._one_by_one(data, held, numbers)
        from training.recognition.grouped import Together  # which imports this module
        from training.recognition.patches import STEP

        x, y = self.network_input(data.flow), torch.from_numpy(data.label)
        step = 1.0 if self.released_input else STEP
        return Together(x, y, held, numbers, self.schedule, step).fit(seed)

    def _one_by_one(
        self, data: FlowData, held: NDArray[np.bool_], numbers: Sequence[int]
    ) -> NDArray[np.float64]:
        out = np.full((self.schedule.epochs, len(data), len(LABELS)), np.nan)
        for left_out, number in zip(held, numbers, strict=True):
            out[:, left_out] = self.fit_watched(data.subset(~left_out), number, data.flow[left_out])
        return out

    def export(self, fitted: Sequence[FittedNet], folder: Path, card: dict[str, Any]) -> Path:
        """Write ``ststnet.onnx`` and its card; raises SettingsError for the input as released."""
        if self.released_input:
            raise SettingsError(
                "the application centres its images, this network was fitted on bytes as released.",
                "Fit it without released_input.",
            )
        model = MeanProbabilities([one.net for one in fitted]).eval()
        # As small as real flow images are: on larger ones all probabilities are 0 or 1 and agree anyway.
        example = 0.12 * torch.randn(32, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        example[:, 2].abs_()
        return export_torch(model, {"flow": example}, "probabilities", folder, self.name, card, batched=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: for so small a network more cost time, and change sums in the last digit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def standardise(x: Tensor) -> Tensor:
    """Network input (n, 3, 28, 28), each channel of each image over its own standard deviation.

    A channel without contrast is all zero and stays so.
    """
    return x / x.std(dim=(2, 3), keepdim=True).clamp(min=1e-3)


def mirror(x: Tensor) -> Tensor:
    """Network input (n, 3, 28, 28) as of the face in a mirror: left is right, and u points the other way.

    Exact for what :func:`megc_live.recognition.flow.prepare` makes: the median of u is 0 there.
    """
    turned = x.flip(3)
    turned[:, 0].neg_()
    return turned


def train(
    net: nn.Module,
    x: Tensor,
    y: Tensor,
    schedule: Schedule,
    each_epoch: Callable[[nn.Module], None] = lambda net: None,
    epochs: Iterable[Iterable[Tensor]] | None = None,
) -> None:
    """Fit a network in place for a fixed number of epochs.

    ``each_epoch`` is called with the network after every epoch, and must leave it in train mode.
    ``epochs`` holds the batches of each epoch, indices; by default they are drawn.
    """
    weight = None
    if schedule.balanced:
        counts = torch.bincount(y, minlength=len(LABELS)).clamp(min=1)
        weight = len(y) / (len(LABELS) * counts.float())
    # Without decay AdamW is Adam. Fused: on millions of weights a step takes a sixth of the time.
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay, fused=True)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.epochs) if schedule.cosine else None
    net.train()
    drawn = (torch.randperm(len(y)).split(schedule.batch) for _ in range(schedule.epochs))
    for epoch in drawn if epochs is None else epochs:
        for part in epoch:
            if len(part) < 2:  # a batch norm needs two
                continue
            seen = x[part]
            if schedule.mirrored:
                turned = torch.rand(len(part)) < 0.5
                seen[turned] = mirror(seen[turned])
            loss = nn.functional.cross_entropy(net(seen), y[part], weight=weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if plan is not None:
            plan.step()
        each_epoch(net)
