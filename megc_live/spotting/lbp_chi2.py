"""``lbp-chi2``: change of local binary patterns against the mean of before and after, made online.

Moilanen, Zhao and Pietikainen 2014, in the form of the baseline of MEGC 2019 (organisers' code). A frame
is compared with the mean of those half a movement before and after it, so it takes twice that time until its
contrast is known; the threshold is that of the part seen so far. A peak above it is a movement of the length
that the method assumes. The baseline forms intervals in blocks of half a second counted from the first
frame of overlapping windows instead; where such blocks lie is chance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from megc_live.models import ModelStore
from megc_live.spotting.base import SPOTTERS, Span
from megc_live.spotting.blocks import BLOCKS, GRID, BlockGrid, frame_value, moved_regions
from megc_live.spotting.picture import FaceSignal, picture_of
from megc_live.spotting.running import (
    RESET_S,
    WAIT_S,
    Centred,
    Judged,
    Peaks,
    RunningThreshold,
    judge,
)
from megc_live.spotting.signals import RegionSignal

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

HALF_S = 0.16
"""k: half the length of a micro-expression. 30 frames at 200 fps, 5 at 30 fps in the published code."""
SHARE = 0.15
"""p of the threshold: the value for CAS(ME)^2, whose camera is nearest to a webcam."""
RADIUS = 3
LABELS = 59
"""58 uniform patterns of 8 neighbours and one for all others."""
_INNER_CORNERS, _SPINE = (133, 362), 2
_ENLARGE_X, _ENLARGE_Y = 0.2, 0.3
_FOLLOW = 0.05
_ONE = 4096


@SPOTTERS.register(
    "lbp-chi2",
    summary="baseline of MEGC 2019: chi2 distances of local binary patterns over a running threshold",
    kinds=("micro",),
    trained=False,
)
class LbpChi2Spotter:
    """The LBP-chi2 spotter of one face.

    Parameters
    ----------
    models : ModelStore
        Not needed: nothing is trained.
    threshold : float, optional
        p of the threshold, 0 to 1; ``SHARE`` by default.
    """

    delay_s = 2 * HALF_S + WAIT_S

    def __init__(self, models: ModelStore | None = None, threshold: float | None = None) -> None:
        self._share = SHARE if threshold is None else threshold
        self._newest_s: float | None = None
        self._points: F64 | None = None
        self._begin()

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain.

        Raises
        ------
        SettingsError
            The signal has no picture.
        """
        face = picture_of(signal, "lbp-chi2")
        out: list[Span] = []
        if self._newest_s is not None and face.pts_s - self._newest_s > RESET_S:
            out += self.flush()
        elif face.fresh:
            out += self._spans(self._peaks.end())
            self._cut()
        self._newest_s = face.pts_s
        self._follow(face)
        histograms = block_histograms(face.crop, self._grid)
        for at_s, before, at, after in self._around.push(face.pts_s, histograms):
            distances = chi2_distance(at, (before + after) / 2)
            for t_s, contrast, blocks in self._contrast(at_s, distances):
                out += self._spans(self._peaks.push(judge(self._threshold, t_s, contrast, blocks)))
        return out

    def flush(self) -> list[Span]:
        """Return the last peaks and start anew. The last 0.32 s are not judged."""
        out = self._spans(self._peaks.end())
        self._begin()
        return out

    def _begin(self) -> None:
        self._threshold = RunningThreshold(self._share)
        self._peaks = Peaks(HALF_S)
        self._around: Centred[F32] = Centred(HALF_S)
        self._values: Centred[tuple[float, F64]] = Centred(HALF_S)
        self._newest_s = None
        self._cut()

    def _cut(self) -> None:
        """What comes must not be compared with what was."""
        self._around.clear()
        self._values.clear()
        self._points = None

    def _follow(self, face: FaceSignal) -> None:
        """Lay the grid by the face's points, slowly: a block that jumps looks like a change of texture.

        The published code lays it anew for every window, by means over the window.
        """
        self._canonical = face.canonical
        points = face.canonical[[*_INNER_CORNERS, _SPINE]]
        if self._points is None:
            self._points = points.copy()
        self._points = self._points + _FOLLOW * (points - self._points)
        self._grid = lay_grid(self._points)

    def _contrast(self, t_s: float, distances: F64) -> list[tuple[float, float, F64]]:
        """C = F(t) - (F(t - k) + F(t + k)) / 2, negative values 0, for the frames now complete."""
        out = []
        for at_s, before, at, after in self._values.push(t_s, (frame_value(distances), distances)):
            contrast = at[0] - (before[0] + after[0]) / 2
            out.append((at_s, max(0.0, contrast), at[1]))
        return out

    def _spans(self, peaks: list[Judged]) -> list[Span]:
        return [
            Span(
                peak.t_s - HALF_S, peak.t_s, peak.t_s + HALF_S, peak.share, "micro",
                moved_regions(peak.blocks, self._grid, self._canonical),
            )
            for peak in peaks
        ]  # fmt: skip


def lay_grid(points: F64) -> BlockGrid:
    """6 x 6 blocks about the nose (METHODS of the published code, step 2).

    Half the distance of the inner eye corners wide; as high as the distance from the eyes' line to the nasal
    spine over (that distance / corner distance + 1); the spine is at the third column line and the fourth
    row line.

    Parameters
    ----------
    points : ndarray, shape (3, 2)
        Inner eye corners and nasal spine in crop pixels. The crop's eyes are level.
    """
    right, left, spine = points
    across = max(1.0, float(left[0] - right[0]))
    down = max(1.0, float(spine[1] - (right[1] + left[1]) / 2))
    width, height = across / 2, down / (down / across + 1)
    return BlockGrid(float(spine[0]) - 3 * width, float(spine[1]) - 4 * height, width, height)


def block_histograms(crop: U8, grid: BlockGrid) -> F32:
    """Normalised histograms of uniform LBP of each block, enlarged by 20 % in x and 30 % in y.

    Parameters
    ----------
    crop : ndarray of uint8, shape (height, width)

    Returns
    -------
    ndarray of float32, shape (36, 59)
        Each row sums to 1. A block that lies outside the picture is its nearest strip of pixels.
    """
    bounds = block_bounds(grid, crop.shape)
    left, top = bounds[:, 0].min(), bounds[:, 1].min()
    right, bottom = bounds[:, 2].max(), bounds[:, 3].max()
    labels = uniform_lbp(crop[top - RADIUS : bottom + RADIUS, left - RADIUS : right + RADIUS])
    out = np.empty((BLOCKS, LABELS), dtype=np.float32)
    for row, (x0, y0, x1, y1) in zip(out, (bounds - [left, top, left, top]).tolist(), strict=True):
        counts = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=LABELS)
        row[:] = counts / ((y1 - y0) * (x1 - x0))
    return out


def block_bounds(grid: BlockGrid, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Whole-pixel bounds x0, y0, x1, y1 (ends excluded) of the enlarged blocks, shape (36, 4).

    Kept three pixels inside a picture of this (height, width): there a pixel has all its neighbours.
    """
    column, row = np.meshgrid(np.arange(GRID), np.arange(GRID))
    x0 = grid.x + (column.ravel() - _ENLARGE_X / 2) * grid.width
    y0 = grid.y + (row.ravel() - _ENLARGE_Y / 2) * grid.height
    x1, y1 = x0 + (1 + _ENLARGE_X) * grid.width, y0 + (1 + _ENLARGE_Y) * grid.height
    low = np.rint(np.stack([x0, y0], axis=1)).astype(np.int64)
    high = np.rint(np.stack([x1, y1], axis=1)).astype(np.int64)
    limit = np.array([shape[1], shape[0]]) - RADIUS
    low = np.clip(low, RADIUS, limit - 1)
    return np.concatenate([low, np.clip(high, low + 1, limit)], axis=1)


def uniform_lbp(picture: U8) -> U8:
    """Uniform local binary patterns (u2) of 8 neighbours at radius 3.

    Neighbours between pixels are bilinear, in whole numbers, so that a flat surface is flat. A pattern with
    more than two changes between 0 and 1 around the circle has label 58, the 58 others have labels in
    order of their code, whose bit p is the neighbour at p / 8 of a turn.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height + 6, width + 6)

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Labels 0 to 58.
    """
    grey = picture.astype(np.int32)
    near, mixed, far = (grey * weight for weight in _diagonal_weights())
    height, width = grey.shape[0] - 2 * RADIUS, grey.shape[1] - 2 * RADIUS

    def at(values: NDArray[np.int32], x: int, y: int) -> NDArray[np.int32]:
        return values[RADIUS + y : RADIUS + y + height, RADIUS + x : RADIUS + x + width]

    centre = at(grey, 0, 0) * _ONE
    code = np.zeros((height, width), dtype=np.uint8)
    # Turning from the right upwards: y grows down the picture.
    for bit, (x, y) in enumerate(((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))):
        if x and y:
            neighbour = at(near, 2 * x, 2 * y) + at(far, 3 * x, 3 * y)
            neighbour += at(mixed, 2 * x, 3 * y)
            neighbour += at(mixed, 3 * x, 2 * y)
        else:
            neighbour = at(grey, 3 * x, 3 * y) * _ONE
        code |= (neighbour >= centre).astype(np.uint8) << bit
    return np.asarray(_label_of_code()[code])


def chi2_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> F64:
    """Sum of (a - b)^2 / (a + b) over the last axis; bins that are empty in both count nothing.

    A constant factor, which some papers put before it, does not matter: the threshold scales with it.
    """
    total = (a + b).astype(np.float64)
    squares = (a.astype(np.float64) - b) ** 2
    return np.asarray(np.divide(squares, total, out=np.zeros_like(total), where=total > 0).sum(-1))


def _diagonal_weights() -> tuple[int, int, int]:
    """Weights of the pixels 2,2 and 2,3 (and 3,2) and 3,3 for the point at radius 3 on the diagonal."""
    share = RADIUS / np.sqrt(2) - 2
    mixed, far = round(_ONE * share * (1 - share)), round(_ONE * share**2)
    return _ONE - 2 * mixed - far, mixed, far


@lru_cache(maxsize=1)
def _label_of_code() -> U8:
    table = np.full(256, LABELS - 1, dtype=np.uint8)
    label = 0
    for code in range(256):
        bits = [code >> p & 1 for p in range(8)]
        if sum(bits[p] != bits[p - 1] for p in range(8)) <= 2:
            table[code] = label
            label += 1
    return table
