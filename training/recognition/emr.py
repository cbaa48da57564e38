"""EMR, the winner of MEGC 2019 (Liu, Du, Zheng and Gedeon 2019): part-based, with CK+ made to look micro.

Micro-expressions are magnified and the macro-expressions of CK+ reduced; both become pictures of their
optical flow; a network judges them from the upper and the lower half of the face while it unlearns which
of the two kinds it sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from megc_live.errors import DatasetError, SettingsError
from megc_live.events import LABELS
from megc_live.recognition.flow import FlowMethod, dense_flow, without_head
from megc_live.recognition.magnify import Magnification, magnified_apex, reduced_apex
from training.datasets.base import ClipRecord
from training.recognition.augment import HALVES, Augmentation
from training.recognition.base import METHODS
from training.recognition.clip_data import Clip, ClipData, Progress
from training.recognition.clip_features import computed
from training.recognition.clip_nets import ClipNetMethod, EachEpoch, epochs_of, unwatched
from training.recognition.emr_net import EmrNet, heads_rate, losses, reversal_at
from training.recognition.resnet18 import describe_start, load_weights

U8 = NDArray[np.uint8]

POSITIVE = LABELS.index("positive")
_SMALLEST = 64


@dataclass(frozen=True)
class MacroClips:
    """The macro-expressions that EMR is fitted with besides: CK+ or the like.

    Attributes
    ----------
    data : ClipData
        Those without one of the three labels help to tell macro from micro only.
    emotion : ndarray of str, shape (n,)
        As annotated.
    """

    data: ClipData
    emotion: NDArray[np.str_]

    @classmethod
    def of(cls, data: ClipData, records: Sequence[ClipRecord]) -> MacroClips:
        """Add the emotions that the reader's records tell; raises DatasetError if one is missing."""
        known = {(r.dataset, r.subject, r.clip): r.emotion for r in records}
        keys = list(zip(data.dataset.tolist(), data.subject.tolist(), data.clip.tolist(), strict=True))
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise DatasetError(f"the clip {'/'.join(unknown[0])} is not among the records.")
        return cls(data, np.array([known[key] for key in keys], dtype=np.str_))

    def labels(self, sadness: str) -> NDArray[np.int64]:
        """Return the labels, with sadness as the data set has it (negative) or by the slip (positive)."""
        if sadness == "negative":
            return self.data.label
        return np.where(self.emotion == "sadness", POSITIVE, self.data.label).astype(np.int64)


def flow_picture(onset: U8, apex: U8, *, method: FlowMethod = "farneback", head: bool = True) -> U8:
    """Return the picture of a movement that EMR judges.

    Hue is the flow's direction (0 to the right, growing clockwise as seen), value its length scaled over
    the picture to 0 .. 255, saturation that of the apex picture itself.

    Parameters
    ----------
    onset, apex : ndarray of uint8, shape (rows, columns, 3)
        R, G, B.
    method : str
        Of :func:`megc_live.recognition.flow.dense_flow`.
    head : bool
        Fit the head's motion out of the flow. The authors align each frame by its own landmarks instead.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        R, G, B.
    """
    grey = [np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), dtype=np.uint8) for one in (onset, apex)]
    flow = dense_flow(grey[0], grey[1], method)
    if head:
        flow = without_head(flow)
    length, angle = cv2.cartToPolar(
        np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1]), angleInDegrees=True
    )
    hsv = np.empty(onset.shape, dtype=np.uint8)
    hsv[..., 0] = np.asarray(angle / 2) % 180
    hsv[..., 1] = cv2.cvtColor(apex, cv2.COLOR_RGB2HSV)[..., 1]
    span = float(np.ptp(length))
    hsv[..., 2] = np.rint((np.asarray(length) - np.min(length)) / span * 255) if span > 1e-6 else 0
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)


@METHODS.register(
    "emr",
    summary="part-based network on flow pictures, with macro-expressions (Liu et al. 2019)",
    epochs=True,
    prepares=True,
    named=True,
    as_published=True,
    input="clips",
)
class EmrMethod(ClipNetMethod):
    """Fits EMR by Adam: the losses of the whole, of both parts, and of macro against micro.

    Parameters
    ----------
    macro : MacroClips, optional
        CK+. To fit, it must be given, or ``without_macro`` asked for.
    without_macro : bool
        Fit on the micro-expressions alone, without the domain head: not the published method.
    sadness : str
        Label of the sad clips of ``macro``: ``negative``, or ``positive`` as in the authors' release,
        apparently a slip.
    magnification : float
        Factor for the micro-expressions (:class:`megc_live.recognition.magnify.Magnification`); 0: none.
    reduce : bool
        Of the macro-expressions take the middle frame in place of the peak.
    flow : str
        ``farneback`` (the authors'), ``tvl1`` or ``dis``.
    head : bool
        See :func:`flow_picture`.
    epochs, batch : int
    backbone_rate, rate : float
        Adam's rates for ResNet18 and for the heads; the latter is halved every 10 epochs down to 1e-5.
    size : int
        Rows and columns of the input.
    weights, weights_sha256
        Of ResNet18: :func:`training.recognition.resnet18.load_weights`. Without them, random.
    random_test : bool
        Vary the judged pictures as those of the fit, as the authors' release does: a slip.
    device : str

    Raises
    ------
    SettingsError
        Macro-expressions although asked to do without, or a setting out of range.
    ModelError
        The weights cannot be used.
    """

    name = "emr"

    def __init__(
        self,
        *,
        macro: MacroClips | None = None,
        without_macro: bool = False,
        sadness: Literal["negative", "positive"] = "negative",
        magnification: float = Magnification.factor,
        reduce: bool = True,
        flow: FlowMethod = "farneback",
        head: bool = True,
        epochs: int = 100,
        batch: int = 32,
        backbone_rate: float = 1e-5,
        rate: float = 1e-3,
        size: int = 224,
        weights: Path | None = None,
        weights_sha256: str | None = None,
        random_test: bool = False,
        device: str = "cpu",
    ) -> None:
        if macro is not None and without_macro:
            raise SettingsError("EMR got macro-expressions and the setting to do without.", "Leave out one.")
        if sadness not in ("negative", "positive") or flow not in ("farneback", "tvl1", "dis"):
            raise SettingsError(
                f"got sadness {sadness!r} and flow {flow!r}.",
                "Give negative or positive, and farneback, tvl1 or dis.",
            )
        if size < _SMALLEST or not (rate > 0 and backbone_rate > 0):
            raise SettingsError(
                f"got size {size} and rates {backbone_rate} and {rate}.",
                f"Give {_SMALLEST} or more, and numbers above 0.",
            )
        augmentation = Augmentation(
            resize=(round(size * 256 / 224),) * 2,
            crop=size,
            degrees=10.0,
            mirror=False,
            jitter=0.2,
            normal=HALVES,
        )
        super().__init__(
            epochs=epochs,
            batch=batch,
            device=device,
            augmentation=augmentation,
            slip=augmentation if random_test else None,
        )
        self.macro, self.without_macro, self.sadness = macro, without_macro, sadness
        self.magnification = None if magnification == 0 else Magnification(magnification)
        self.reduce = reduce
        self.flow, self.head = flow, head
        self.backbone_rate, self.rate, self.size = backbone_rate, rate, size
        self.weights, self.weights_sha256 = weights, weights_sha256
        self.start = describe_start(weights, weights_sha256)

    def describe(self) -> dict[str, Any]:
        """Return every setting, the size of the network, what it starts from and what CK+ adds.

        Raises
        ------
        SettingsError
            As :meth:`train`.
        """
        self._check_macro()
        net = EmrNet(domain=self.macro is not None)
        return {
            "parameters": sum(p.numel() for p in net.parameters()),
            "start": self.start,
            "macro": self._describe_macro(),
            "magnification": asdict(self.magnification) if self.magnification is not None else "none",
            "flow": self.flow,
            "head_motion": "fitted out" if self.head else "left in",
            "optimiser": "Adam, weight decay 1e-6, gradient norm at most 1",
            "epochs": self.epochs,
            "batch": self.batch,
            "backbone_rate": self.backbone_rate,
            "rate": self.rate,
            "size": self.size,
            "random_test": self.slip is not None,
            "device": self.device,
        }

    def _check_macro(self) -> None:
        if self.macro is None and not self.without_macro:
            raise SettingsError(
                "EMR learns from the macro-expressions of CK+ too, and got none.",
                "Give --ck-plus PATH, or --set emr.without_macro=true to leave out its domain part.",
            )

    def _describe_macro(self) -> dict[str, Any] | str:
        if self.macro is None:
            return "none: fitted without the domain part, which is not the published method"
        label = self.macro.labels(self.sadness)
        return {
            "clips": {name: int((label == k).sum()) for k, name in enumerate(LABELS)},
            "unlabelled": int((label < 0).sum()),
            "sha256": self.macro.data.digest(),
            "sadness": self.sadness,
            "frame": "middle" if self.reduce else "peak",
        }

    def network(self) -> EmrNet:
        """Return the network that judges, random: without the domain head."""
        return EmrNet(domain=False)

    def judging(self) -> dict[str, Any]:
        """Return the settings of size, picture and slip."""
        return {
            "size": self.size,
            "flow": self.flow,
            "head": self.head,
            "magnification": self.magnification.factor if self.magnification is not None else 0.0,
            "random_test": self.slip is not None,
        }

    def judged(self, data: ClipData) -> U8:
        """Return the flow pictures of micro-expressions."""
        return self._micro(data)

    def prepare(self, data: ClipData, jobs: int, progress: Progress) -> None:
        """Compute the flow pictures of micro- and macro-expressions; they are kept beside the clips."""
        self._micro(data, jobs, progress)
        if self.macro is not None:
            self._reduced(self.macro.data, jobs, progress)

    def scores(self, net: nn.Module, x: Tensor) -> Tensor:
        """Return class probabilities by the whole face's head."""
        return torch.softmax(net(x), dim=1)

    def train(self, data: ClipData, rng: np.random.Generator, each_epoch: EachEpoch) -> nn.Module:
        """Fit on micro- and macro-expressions, dealt into the same batches.

        Raises
        ------
        SettingsError
            There are no macro-expressions, and to do without was not asked for.
        """
        self._check_macro()
        pictures, label, is_micro = self._samples(data)
        net = EmrNet(domain=self.macro is not None)
        if self.weights is not None:
            net.backbone.start_from(load_weights(self.weights, self.weights_sha256))
        net.to(self.device).train()
        backbone = list(net.backbone.parameters())
        heads = [p for name, p in net.named_parameters() if not name.startswith("backbone.")]
        optimiser = torch.optim.Adam(
            [{"params": backbone, "lr": self.backbone_rate}, {"params": heads, "lr": self.rate}],
            weight_decay=1e-6,
        )
        step = 0
        for epoch, batches in enumerate(epochs_of(len(label), self.batch, self.epochs, rng)):
            optimiser.param_groups[1]["lr"] = heads_rate(self.rate, epoch)
            for part in batches:
                x = self.augmentation.batch(pictures[part], rng).to(self.device)
                found = net.all_heads(x, reversal_at(step))
                loss = losses(found, label[part].to(self.device), is_micro[part].to(self.device))
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimiser.step()
                step += 1
            each_epoch(net)
        net.domain = None  # its work is done: it judges nothing
        return net

    def _samples(self, data: ClipData) -> tuple[U8, Tensor, Tensor]:
        """Return the pictures of the fit, their labels (below 0: none), and which are micro."""
        pictures = self._micro(data)
        label = torch.from_numpy(data.label)
        is_micro = torch.ones(len(data))
        if self.macro is not None:
            pictures = np.concatenate([pictures, self._reduced(self.macro.data)])
            label = torch.cat([label, torch.from_numpy(self.macro.labels(self.sadness))])
            is_micro = torch.cat([is_micro, torch.zeros(len(self.macro.data))])
        return pictures, label, is_micro

    def _micro(self, data: ClipData, jobs: int = 1, progress: Progress = unwatched) -> U8:
        how = asdict(self.magnification) if self.magnification is not None else None
        settings = {"flow": self.flow, "head": self.head, "magnification": how}
        return computed(data, "emr-micro", settings, self._micro_picture, jobs, progress)

    def _reduced(self, data: ClipData, jobs: int = 1, progress: Progress = unwatched) -> U8:
        settings = {"flow": self.flow, "head": self.head, "reduce": self.reduce}
        return computed(data, "emr-macro", settings, self._macro_picture, jobs, progress)

    def _micro_picture(self, clip: Clip) -> U8:
        apex = clip.frames[clip.apex]
        if self.magnification is not None and clip.apex > clip.onset:
            apex = magnified_apex(clip.frames, clip.fps, clip.onset, clip.apex, self.magnification)
        return flow_picture(clip.frames[clip.onset], apex, method=self.flow, head=self.head)

    def _macro_picture(self, clip: Clip) -> U8:
        at = reduced_apex(clip.onset, clip.apex) if self.reduce else clip.apex
        return flow_picture(clip.frames[clip.onset], clip.frames[at], method=self.flow, head=self.head)
