"""CapsuleNet on the apex picture (Van Quang, Chun and Tokuyama 2019), with frames near the apex."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import SettingsError
from megc_live.events import LABELS
from training.recognition.apex import cells_apex
from training.recognition.augment import IMAGENET, Augmentation
from training.recognition.base import METHODS
from training.recognition.clip_data import Clip, ClipData, Progress
from training.recognition.clip_features import computed
from training.recognition.clip_nets import ClipNetMethod, EachEpoch, epochs_of, unwatched
from training.recognition.resnet18 import ResNet18, describe_start, load_weights

U8 = NDArray[np.uint8]

PARAMETERS = 13_842_496
"""At 224 x 224: ResNet18 up to layer3 2,782,784, two convolutions of 5,308,672, capsules 442,368."""
ROUTINGS = 3
_PRIMARY, _PRIMARY_SIZE = 32, 8
_CLASS_SIZE = 16
_SMALLEST = 136


class CapsuleNet(nn.Module):
    """Colour pictures (batch, 3, size, size) to lengths of the class capsules (batch, 3).

    ResNet18 without its maxima, up to layer3; a convolution 9 x 9 with ReLU; a convolution 9 x 9 with
    stride 2 that is read as 32 capsules of 8 numbers at each place; class capsules of 16 numbers.

    Parameters
    ----------
    size : int
        Rows and columns, 136 or more.
    """

    def __init__(self, size: int = 224) -> None:
        super().__init__()
        self.backbone = ResNet18(None, stages=3, max_pool=False)
        self.conv = nn.Conv2d(256, 256, 9)
        self.primary = nn.Conv2d(256, _PRIMARY * _PRIMARY_SIZE, 9, stride=2)
        places = ((size + 7) // 8 - 8 - 9) // 2 + 1
        self.capsules = ClassCapsules(_PRIMARY * places**2, _PRIMARY_SIZE, len(LABELS), _CLASS_SIZE)

    def forward(self, x: Tensor) -> Tensor:
        """Return the lengths, each below 1."""
        found: Tensor = self.capsules(self.primary_capsules(x)).norm(dim=-1)
        return found

    def primary_capsules(self, x: Tensor) -> Tensor:
        """Return the squashed primary capsules, (batch, capsules, 8)."""
        x = self.primary(torch.relu(self.conv(self.backbone(x))))
        batch, _, rows, columns = x.shape
        x = x.view(batch, _PRIMARY, _PRIMARY_SIZE, rows, columns).permute(0, 1, 3, 4, 2)
        return squash(x.reshape(batch, -1, _PRIMARY_SIZE))


class ClassCapsules(nn.Module):
    """Capsules that agree on what lower ones say: routing by agreement (Sabour et al. 2017, procedure 1).

    Parameters
    ----------
    inputs, input_size : int
        Lower capsules, and their numbers each.
    outputs, output_size : int
    routings : int
        Iterations.
    """

    def __init__(
        self, inputs: int, input_size: int, outputs: int, output_size: int, routings: int = ROUTINGS
    ) -> None:
        super().__init__()
        self.routings = routings
        self.weight = nn.Parameter(0.01 * torch.randn(outputs, inputs, output_size, input_size))

    def forward(self, u: Tensor) -> Tensor:
        """Return the class capsules (batch, outputs, output_size) of (batch, inputs, input_size)."""
        said = torch.einsum("jiod,bid->bjio", self.weight, u)
        # Agreement is measured without a gradient, as in the paper's own code; only the last sum has one.
        fixed = said.detach()
        logits = torch.zeros(fixed.shape[:3], dtype=u.dtype, device=u.device)
        for _ in range(self.routings - 1):
            v = squash((torch.softmax(logits, dim=1)[..., None] * fixed).sum(2))
            logits = logits + torch.einsum("bjio,bjo->bji", fixed, v)
        return squash((torch.softmax(logits, dim=1)[..., None] * said).sum(2))


def squash(s: Tensor) -> Tensor:
    """Shorten vectors in the last dimension to a length below 1 (Sabour et al. 2017, eq. 1)."""
    squared = (s * s).sum(-1, keepdim=True)
    return s * (squared / (1 + squared) / torch.sqrt(squared + 1e-12))


def margin_loss(lengths: Tensor, label: Tensor) -> Tensor:
    """Mean over samples of the margin loss (Sabour et al. 2017, eq. 4) with the margins .99 and .01.

    y max(0, .99 - v)^2 + .5 (1 - y) max(0, v - .01)^2, summed over classes.

    Parameters
    ----------
    lengths : Tensor, shape (n, 3)
    label : Tensor of int64, shape (n,)
    """
    y = nn.functional.one_hot(label, lengths.shape[1]).to(lengths.dtype)
    there = y * torch.relu(0.99 - lengths) ** 2
    elsewhere = 0.5 * (1 - y) * torch.relu(lengths - 0.01) ** 2
    return (there + elsewhere).sum(1).mean()


def frames_near(apex: int, onset: int, offset: int, extra: int) -> list[int]:
    """Return the apex and ``extra`` frames next to it, the nearest first, none before or at the onset.

    Of a clip with fewer frames some are taken again.

    Examples
    --------
    >>> frames_near(10, 0, 20, 4)
    [10, 9, 11, 8, 12]
    >>> frames_near(1, 0, 20, 3)
    [1, 2, 3, 4]
    >>> frames_near(1, 0, 2, 3)
    [1, 2, 1, 2]
    """
    others = (k for k in range(onset + 1, offset + 1) if k != apex)
    near = [apex, *sorted(others, key=lambda k: (abs(k - apex), k))]
    return [near[k % len(near)] for k in range(extra + 1)]


def frame_counts(label: NDArray[np.int64], extra: int) -> NDArray[np.int64]:
    """Return how many frames each clip gives so that the classes are of one size.

    The rarest class (in the challenge: surprise) gives 1 + extra frames a clip; another of N_c clips as
    many in all, (1 + extra) N_rare / N_c a clip, whole frames dealt out evenly, at least 1.

    Parameters
    ----------
    label : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    counts = np.ones(len(label), dtype=np.int64)
    sizes = np.bincount(label, minlength=len(LABELS))
    rarest = int(sizes[sizes > 0].min())
    for c in np.flatnonzero(sizes):
        total = (1 + extra) * rarest
        dealt = np.diff(np.arange(sizes[c] + 1) * total // sizes[c])
        counts[label == c] = np.maximum(dealt, 1)
    return counts


@METHODS.register(
    "capsulenet",
    summary="capsules on the apex picture (Van Quang et al. 2019)",
    epochs=True,
    prepares=True,
    named=True,
    as_published=True,
    input="clips",
)
class CapsuleNetMethod(ClipNetMethod):
    """Fits CapsuleNet by Adam on the margin loss; the rate shrinks every epoch.

    Parameters
    ----------
    epochs, batch : int
    rate, decay : float
        Adam's rate, and what it is multiplied by after each epoch.
    size : int
        Rows and columns of the input.
    extra : int
        Frames near the apex that a clip of the rarest class adds to a fit (:func:`frame_counts`).
    apex : str
        ``cells``: where none is annotated, :func:`training.recognition.apex.cells_apex`, the authors' rule
        for SMIC; ``given``: the clip's, by whatever rule it was found.
    weights, weights_sha256
        Of ResNet18: :func:`training.recognition.resnet18.load_weights`. Without them, random.
    random_test : bool
        Turn the judged pictures at random too, as the authors' release does: a slip.
    device : str

    Raises
    ------
    SettingsError
        A number out of range.
    ModelError
        The weights cannot be used.
    """

    name = "capsulenet"

    def __init__(
        self,
        *,
        epochs: int = 30,
        batch: int = 32,
        rate: float = 1e-4,
        decay: float = 0.9,
        size: int = 224,
        extra: int = 4,
        apex: Literal["cells", "given"] = "cells",
        weights: Path | None = None,
        weights_sha256: str | None = None,
        random_test: bool = False,
        device: str = "cpu",
    ) -> None:
        if size < _SMALLEST or extra < 0 or apex not in ("cells", "given") or not (rate > 0 and decay > 0):
            raise SettingsError(
                f"got size {size}, {extra} extra frames, apex {apex!r}, rate {rate}, decay {decay}.",
                f"Give {_SMALLEST} or more, 0 or more, cells or given, and numbers above 0.",
            )
        augmentation = Augmentation(
            resize=(round(size * 234 / 224), round(size * 240 / 224)),
            crop=size,
            degrees=8.0,
            mirror=True,
            jitter=0.2,
            normal=IMAGENET,
        )
        super().__init__(
            epochs=epochs,
            batch=batch,
            device=device,
            augmentation=augmentation,
            slip=replace(augmentation, mirror=False, jitter=0.0, anywhere=False) if random_test else None,
        )
        self.rate, self.decay, self.size, self.extra, self.apex = rate, decay, size, extra, apex
        self.weights, self.weights_sha256 = weights, weights_sha256
        self.start = describe_start(weights, weights_sha256)

    def describe(self) -> dict[str, Any]:
        """Return every setting, the size of the network and what it starts from."""
        return {
            "parameters": sum(p.numel() for p in CapsuleNet(self.size).parameters()),
            "start": self.start,
            "optimiser": "Adam",
            "loss": "margin .99 and .01, half weight for other classes",
            "routings": ROUTINGS,
            "epochs": self.epochs,
            "batch": self.batch,
            "rate": self.rate,
            "decay": self.decay,
            "size": self.size,
            "extra_frames": self.extra,
            "apex": self.apex,
            "random_test": self.slip is not None,
            "device": self.device,
        }

    def network(self) -> CapsuleNet:
        """Return CapsuleNet, random."""
        return CapsuleNet(self.size)

    def judging(self) -> dict[str, Any]:
        """Return the settings of size, apex and slip."""
        random_test = self.slip is not None
        return {"size": self.size, "extra": self.extra, "apex": self.apex, "random_test": random_test}

    def judged(self, data: ClipData) -> U8:
        """Return the apexes."""
        return self._frames(data)[:, 0]

    def prepare(self, data: ClipData, jobs: int, progress: Progress) -> None:
        """Find apexes and the frames next to them; they are kept beside the clips."""
        self._frames(data, jobs, progress)

    def scores(self, net: nn.Module, x: Tensor) -> Tensor:
        """Return the lengths of the class capsules over their sum: they order classes, no more."""
        lengths = net(x) + 1e-9
        return lengths / lengths.sum(1, keepdim=True)

    def train(self, data: ClipData, rng: np.random.Generator, each_epoch: EachEpoch) -> nn.Module:
        """Fit on the clips' apexes and the frames next to them that balance the classes."""
        pictures, label = self._samples(data)
        net = self.network()
        if self.weights is not None:
            net.backbone.start_from(load_weights(self.weights, self.weights_sha256))
        net.to(self.device).train()
        optimiser = torch.optim.Adam(net.parameters(), lr=self.rate)
        plan = torch.optim.lr_scheduler.ExponentialLR(optimiser, self.decay)
        for batches in epochs_of(len(label), self.batch, self.epochs, rng):
            for part in batches:
                x = self.augmentation.batch(pictures[part], rng).to(self.device)
                loss = margin_loss(net(x), label[part].to(self.device))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            plan.step()
            each_epoch(net)
        return net

    def _samples(self, data: ClipData) -> tuple[U8, Tensor]:
        counts = frame_counts(data.label, self.extra)
        taken = np.arange(1 + self.extra) < counts[:, None]
        label = np.repeat(data.label, counts)
        return self._frames(data)[taken], torch.from_numpy(label)

    def _frames(self, data: ClipData, jobs: int = 1, progress: Progress = unwatched) -> U8:
        """Return each clip's apex and the frames next to it, the nearest first, (n, 1 + extra, ...)."""
        settings = {"extra": self.extra, "apex": self.apex}
        return computed(data, "near-apex", settings, self._near, jobs, progress)

    def _near(self, clip: Clip) -> U8:
        apex = clip.apex
        if self.apex == "cells" and clip.apex_rule != "annotated":
            apex = clip.onset + cells_apex(clip.frames[clip.onset : clip.offset + 1], clip.points)
        return clip.frames[frames_near(apex, clip.onset, clip.offset, self.extra)]
