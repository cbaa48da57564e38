"""Support vector machines on features of clips: LBP-TOP, and Bi-WOOF of the flow in full size."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.recognition.flow import optical_strain
from training.recognition.base import METHODS
from training.recognition.clip_data import Clip, ClipData, Progress
from training.recognition.clip_features import computed, flow_settings, full_flows, grey_crops
from training.recognition.kernels import BINS, BLOCKS, SvmMethod, bi_woof_of
from training.recognition.lbp_top import interpolate, lbp_top

F64 = NDArray[np.float64]


def _silent(done: int, total: int, name: str) -> None:
    """Progress that nobody is told."""


class ClipSvmMethod(SvmMethod):
    """A linear support vector machine, one against one, on a row of features of each clip."""

    balanced = False
    penalty = 1e4

    @abstractmethod
    def rows(self, data: ClipData, jobs: int = 1, progress: Progress = _silent) -> F64:
        """Return the clips' features, shape (n, d); what is costly is kept beside the crops."""
        ...

    @abstractmethod
    def row_settings(self) -> dict[str, Any]:
        """Return every setting that :meth:`rows` depends on."""
        ...

    def prepare(self, data: ClipData, jobs: int, progress: Progress) -> None:
        """Compute the features of all clips, so that they are there when folds ask for them."""
        self.rows(data, jobs, progress)

    def features(self, data: ClipData) -> F64:  # type: ignore[override]
        """Return the clips' features as rows, shape (n, d)."""
        return self.rows(data)

    def product(self, a: F64, b: F64) -> F64:
        """Return inner products."""
        return a @ b.T

    def kernel_of(self, product: F64, rows: F64) -> F64:
        """Return the inner products themselves."""
        return product

    def describe(self) -> dict[str, Any]:
        """Return the settings."""
        return {**super().describe(), "kernel": "linear", **self.row_settings()}


@METHODS.register(
    "lbp-top",
    summary="LBP-TOP and a linear SVM, the challenge's baseline",
    input="clips",
    folds_at_once=True,
    prepares=True,
)
class LbpTopMethod(ClipSvmMethod):
    """LBP-TOP of the clip brought to a fixed number of frames, with a linear kernel, C = 10000.

    The challenge's paper gives no settings for its baseline; these are the ones most used with it.

    Parameters
    ----------
    frames : int or None
        Frames after interpolation; None: the clip's own.
    points : int
        Neighbours on each circle.
    radii : tuple of int
        Along x, y and t.
    blocks : tuple of int
        Rows and columns.
    """

    name = "lbp-top"

    def __init__(
        self,
        frames: int | None = 10,
        points: int = 8,
        radii: tuple[int, int, int] = (1, 1, 2),
        blocks: tuple[int, int] = (5, 5),
    ) -> None:
        self.frames, self.points = frames, points
        self.radii, self.blocks = (radii[0], radii[1], radii[2]), (blocks[0], blocks[1])

    def made_with(self) -> dict[str, Any]:
        """Return the settings of the features."""
        return {
            "frames": self.frames,
            "points": self.points,
            "radii": list(self.radii),
            "blocks": list(self.blocks),
        }

    def rows(self, data: ClipData, jobs: int = 1, progress: Progress = _silent) -> F64:
        """Return LBP-TOP of the clips' grey faces."""
        return computed(data, self.name, self.row_settings(), self._row, jobs, progress)

    def _row(self, clip: Clip) -> F64:
        crops = grey_crops(clip)
        volume = crops if self.frames is None else interpolate(crops, self.frames)
        if len(volume) <= 2 * self.radii[2]:
            raise DatasetError(
                f"{clip.dataset} {clip.subject} {clip.clip} has {len(volume)} frames, "
                f"expected more than twice the radius {self.radii[2]}.",
                "Interpolate to more frames.",
            )
        return lbp_top(volume, points=self.points, radii=self.radii, blocks=self.blocks)

    def row_settings(self) -> dict[str, Any]:
        """Return the settings."""
        return {**self.made_with(), "patterns": "uniform"}


@METHODS.register(
    "bi-woof-full",
    summary="Bi-WOOF of the flow in full size and a linear SVM (Liong et al. 2018)",
    input="clips",
    folds_at_once=True,
    prepares=True,
)
class BiWoofFullMethod(ClipSvmMethod):
    """Bi-WOOF as in its paper: of the TV-L1 flow in the crop's size, linear kernel, C = 10000."""

    name = "bi-woof-full"

    def rows(self, data: ClipData, jobs: int = 1, progress: Progress = _silent) -> F64:
        """Return Bi-WOOF of the clips' onset-to-apex flow."""
        out = []
        for flow in full_flows(data, jobs, progress):  # one by one: the weights of all would take memory
            u, v = flow[..., 0].astype(np.float64), flow[..., 1].astype(np.float64)
            strain = optical_strain(u, v).astype(np.float64)
            out.append(bi_woof_of(u[None], v[None], strain[None])[0])
        return np.array(out)

    def row_settings(self) -> dict[str, Any]:
        """Return the settings."""
        return {**flow_settings(), "grid": BLOCKS, "orientations": BINS}
