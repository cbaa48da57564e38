"""ResNet18 in plain torch, and its published weights from a file (He et al. 2016, Table 1)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from megc_live.errors import ModelError

PARAMETERS = 11_689_512
"""Of the whole network with the 1000 classes of ImageNet."""
PUBLISHED_SHA256 = {
    "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec": "resnet18-f37072fd.pth",
    "5c106cde386e87d4033832f2996f5493238eda96ccf559d1d62760c4de0613f8": "resnet18-5c106cde.pth",
}
"""SHA-256 of the weights that torchvision publishes (ImageNet, licence BSD-3-Clause), and their names:
the current edition and the one before it."""
RANDOM = "random: no published weights were given"
"""What ``describe()`` says of a network without published weights."""

_WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two convolutions 3 x 3 and a way round them; the first may halve rows and columns."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, width, rows / stride, columns / stride)."""
        around = x if self.downsample is None else self.downsample(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + around)


class ResNet18(nn.Module):
    """Colour pictures (batch, 3, rows, columns) to logits, or to a map of features.

    The names of the parameters are torchvision's, so that its file of weights fits. A network that ends
    early has the first of these names.

    Parameters
    ----------
    classes : int or None
        None: no classifier; ``forward`` returns the map of features.
    stages : int
        How many of ``layer1`` to ``layer4``.
    max_pool : bool
        The maxima of 3 x 3 behind the first convolution, which halve rows and columns.
    """

    def __init__(self, classes: int | None = 1000, *, stages: int = 4, max_pool: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.max_pool = max_pool
        self.stages = stages
        channels = 64
        for k, width in enumerate(_WIDTHS[:stages]):
            stride = 1 if k == 0 else 2
            layer = nn.Sequential(BasicBlock(channels, width, stride), BasicBlock(width, width, 1))
            setattr(self, f"layer{k + 1}", layer)
            channels = width
        self.channels = channels
        self.fc = nn.Linear(channels, classes) if classes is not None else None
        for part in self.modules():
            if isinstance(part, nn.Conv2d):  # as the published network began
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """Return the map of the last stage, (batch, channels, rows, columns)."""
        x = torch.relu(self.bn1(self.conv1(x)))
        if self.max_pool:
            x = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
        for k in range(self.stages):
            x = getattr(self, f"layer{k + 1}")(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, classes), or the map of features of a network without classifier."""
        x = self.features(x)
        if self.fc is None:
            return x
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take published weights; those of stages and classifier that this network lacks are left.

        Parameters
        ----------
        weights : mapping of str to Tensor
            From :func:`load_weights`.

        Raises
        ------
        ModelError
            A parameter of this network is missing, or of another shape.
        """
        own = self.state_dict()
        # The older of the two files was written before batch norms counted their batches.
        wanted = [name for name in own if name in weights or not name.endswith("num_batches_tracked")]
        wrong = [n for n in wanted if n not in weights or weights[n].shape != own[n].shape]
        if wrong:
            raise ModelError(
                f"the weights are not those of a ResNet18: {wrong[0]} is missing or of another shape "
                f"({len(wrong)} such in all).",
                "Give torchvision's resnet18 file.",
            )
        self.load_state_dict({**own, **{name: weights[name] for name in wanted}})


def load_weights(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """Read the weights of a ResNet18 from a file whose hash is known.

    Parameters
    ----------
    path : Path
        ``.pth`` (read as weights only: nothing in it is run) or ``.safetensors``.
    sha256 : str, optional
        What the file's SHA-256 must be. Without it, one of torchvision's own (:data:`PUBLISHED_SHA256`).

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    ModelError
        The file is missing, has another hash, cannot be read, holds no tensors by name, or is
        ``.safetensors`` without that library.
    """
    data = _content(path)
    check_hash(data, path, sha256)
    if path.suffix == ".safetensors":
        found = _safetensors(data, path)
    elif path.suffix in (".pth", ".pt"):
        found = _pth(data, path)
    else:
        raise ModelError(f"weights in {str(path)!r} are of no known kind.", "Give a .pth or .safetensors.")
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    ):
        raise ModelError(f"{str(path)!r} holds no tensors by name.", "Give a file of weights (state_dict).")
    return {name: value.detach() for name, value in found.items()}


def check_hash(data: bytes, path: Path, sha256: str | None = None) -> str:
    """Return the SHA-256 of a file's content; raises ModelError if it is not the one that is wanted."""
    digest = hashlib.sha256(data).hexdigest()
    wanted = {sha256.lower()} if sha256 is not None else set(PUBLISHED_SHA256)
    if digest not in wanted:
        whose = "wanted" if sha256 is not None else "published by torchvision"
        raise ModelError(
            f"{str(path)!r} has SHA-256 {digest}, {whose}: {' or '.join(sorted(wanted))}.",
            "Fetch it again; or, for weights of your own, give their SHA-256.",
        )
    return digest


def describe_start(path: Path | None, sha256: str | None = None) -> str:
    """Say what a network starts from, for ``describe()``; raises ModelError as :func:`load_weights`."""
    if path is None:
        return RANDOM
    digest = check_hash(_content(path), path, sha256)
    return f"{PUBLISHED_SHA256.get(digest, path.name)}, SHA-256 {digest}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the weights {str(path)!r}: {error.strerror or error}.",
            "Give the path of torchvision's resnet18-f37072fd.pth, or leave the setting out.",
        ) from None


def _pth(data: bytes, path: Path) -> Any:
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch has one of its own for each thing that can be wrong in a file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{str(path)!r} cannot be read as weights: {reason}", "Give torchvision's resnet18 file."
        ) from None


def _safetensors(data: bytes, path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ModuleNotFoundError:
        raise ModelError(
            f"{str(path)!r} needs the library safetensors, which is not installed.",
            "Install safetensors, or give the same weights as .pth.",
        ) from None
    try:
        return load(data)
    except SafetensorError as error:
        raise ModelError(
            f"{str(path)!r} cannot be read as weights: {error}", "Give torchvision's resnet18 file."
        ) from None
