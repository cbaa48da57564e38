"""``mdmd``: maximal difference of flow in its main direction, made online.

Wang et al. 2016 in the form of the baseline of MEGC 2020 (He et al. 2020). A movement that goes away and
comes back within 2 k has much flow up to its middle, and little from before it to after it. Micro- and
macro-expressions are two passes with k of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.models import ModelStore
from megc_live.spotting.base import SPOTTERS, Span
from megc_live.spotting.blocks import BLOCKS, GRID, BlockGrid, frame_value, moved_regions
from megc_live.spotting.interval import Kind
from megc_live.spotting.picture import picture_of
from megc_live.spotting.running import (
    RESET_S,
    WAIT_S,
    Centred,
    Judged,
    RunningThreshold,
    Runs,
    judge,
    peak_of,
    span_of,
)
from megc_live.spotting.signals import RegionSignal

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Flow = Callable[[U8, U8], F32]

MICRO_S, MACRO_S = 0.4, 1.3
"""k: 12 and 39 frames at 30 fps, 80 and 260 at 200 fps in the published code."""
SHARE = 0.01
"""p of the threshold."""
FACE_PX = 96
"""Side of the face on which flow is measured."""
_FRAME_S = 1 / 30
MICRO_LENGTH_S = (6 * _FRAME_S, 15 * _FRAME_S)
"""From first to last frame of 7 to 16 at 30 fps."""
LONGEST_S = 5.0
MACRO_STEP_S = 1 / 15
"""A macro-expression is slow: so often is enough to measure it, and half the work."""
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_CHIN = 152
_ABOVE_BROWS = 0.1


@dataclass
class _Pass:
    """The courses of one k."""

    kind: Kind
    step_s: float
    faces: Centred[U8]
    values: Centred[tuple[float, F64]]
    threshold: RunningThreshold
    runs: Runs
    newest_s: float = -np.inf


@SPOTTERS.register(
    "mdmd",
    summary="baseline of MEGC 2020: maximal difference of flow in its main direction, running threshold",
    kinds=("micro", "macro"),
    trained=False,
)
class MdmdSpotter:
    """The MDMD spotter of one face.

    Parameters
    ----------
    models : ModelStore
        Not needed: nothing is trained.
    threshold : float, optional
        p of the threshold, 0 to 1; ``SHARE`` by default.
    """

    delay_s = 2 * MICRO_S - _FRAME_S + WAIT_S

    def __init__(self, models: ModelStore | None = None, threshold: float | None = None) -> None:
        self._share = SHARE if threshold is None else threshold
        self._flow = ultrafast_flow()
        self._newest_s: float | None = None
        self._box: tuple[int, int, int, int] | None = None
        self._begin()

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain.

        Raises
        ------
        SettingsError
            The signal has no picture.
        """
        face = picture_of(signal, "mdmd")
        out: list[Span] = []
        if self._newest_s is not None and face.pts_s - self._newest_s > RESET_S:
            out += self.flush()
        elif face.fresh:
            out += self._cut()
        self._newest_s = face.pts_s
        if self._box is None:
            self._box = face_box(face.canonical, face.crop.shape)
        self._canonical = face.canonical
        picture = cut_face(face.crop, self._box)
        for course in self._passes:
            if face.pts_s - course.newest_s >= course.step_s - _FRAME_S / 10:
                course.newest_s = face.pts_s
                out += self._judge(course, face.pts_s, picture)
        return sorted(out, key=lambda span: (span.onset_s, span.kind))

    def flush(self) -> list[Span]:
        """Close the runs that are going on and start anew. What is not yet judged stays so."""
        out = self._cut()
        self._begin()
        return sorted(out, key=lambda span: (span.onset_s, span.kind))

    def _begin(self) -> None:
        self._passes = [
            _Pass(
                kind, step_s, Centred(k), Centred(k - _FRAME_S), RunningThreshold(self._share),
                Runs(LONGEST_S),
            )
            for kind, k, step_s in _KINDS
        ]  # fmt: skip
        self._newest_s = None
        self._box = None

    def _cut(self) -> list[Span]:
        """What comes must not be compared with what was."""
        out: list[Span] = []
        for course in self._passes:
            out += self._span(course, course.runs.end())
            course.faces.clear()
            course.values.clear()
            course.newest_s = -np.inf
        self._box = None
        return out

    def _judge(self, course: _Pass, t_s: float, picture: U8) -> list[Span]:
        out: list[Span] = []
        for middle_s, before, middle, after in course.faces.push(t_s, picture):
            blocks = block_differences(self._flow(before, middle), self._flow(before, after))
            for at_s, past, now, ahead in course.values.push(middle_s, (frame_value(blocks), blocks)):
                contrast = now[0] - (past[0] + ahead[0]) / 2
                frame = judge(course.threshold, at_s, contrast, now[1])
                out += self._span(course, course.runs.push(frame))
        return out

    def _span(self, course: _Pass, run: list[Judged]) -> list[Span]:
        if not run or self._box is None or kind_of(run[-1].t_s - run[0].t_s) != course.kind:
            return []
        left, top, right, bottom = self._box
        grid = BlockGrid(left, top, (right - left) / GRID, (bottom - top) / GRID)
        return [span_of(run, course.kind, moved_regions(peak_of(run).blocks, grid, self._canonical))]


_KINDS: tuple[tuple[Kind, float, float], ...] = (("micro", MICRO_S, 0.0), ("macro", MACRO_S, MACRO_STEP_S))


def kind_of(length_s: float) -> Kind | None:
    """What a run from first to last positive frame is by its length; None if too short for either."""
    shortest, longest = MICRO_LENGTH_S
    if length_s < shortest - _FRAME_S / 2:
        return None
    return "micro" if length_s <= longest + _FRAME_S / 2 else "macro"


def face_box(canonical: F64, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Box x0, y0, x1, y1 of a face from above the brows to the chin, inside a picture of (height, width).

    The published code takes a face detector's box on the first frame and keeps it.
    """
    top, chin = canonical[list(_BROWS), 1].min(), canonical[_CHIN, 1]
    top -= _ABOVE_BROWS * (chin - top)
    low = np.rint([canonical[:, 0].min(), top]).astype(int)
    high = np.rint([canonical[:, 0].max(), chin]).astype(int)
    limit = np.array([shape[1], shape[0]])
    low = np.clip(low, 0, limit - GRID)
    high = np.clip(high, low + GRID, limit)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def cut_face(crop: U8, box: tuple[int, int, int, int]) -> U8:
    """Cut a box and scale it to 96 x 96."""
    left, top, right, bottom = box
    cut = cv2.resize(crop[top:bottom, left:right], (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cut, dtype=np.uint8)


def ultrafast_flow() -> Flow:
    """Return a function from two faces to their flow, float32 (96, 96, 2).

    DIS with its quickest preset, no finer than half the size, where the published code has RLOF, which takes
    a hundred times as long. What recognisers take is :func:`megc_live.recognition.flow.dense_flow`.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    dis.setFinestScale(1)

    def flow(before: U8, after: U8) -> F32:
        # From a start of no motion each time: the answer does not depend on other pairs.
        start = np.zeros((*before.shape, 2), dtype=np.float32)
        return np.asarray(dis.calc(before, after, start), dtype=np.float32)

    return flow


def block_differences(first: F32, second: F32) -> F64:
    """Maximal difference in the main direction of each of 6 x 6 blocks.

    In each block the pixels of the most frequent quadrant of the first flow's direction are taken; of
    |first| - |second| at those pixels the largest third is averaged. The directions come from atan2:
    the published code's atan(u / v) reaches two of the four quadrants only.

    Parameters
    ----------
    first, second : ndarray of float32, shape (6 a, 6 b, 2)
        Flow from the frame k before to the middle one, and to the one k after it.

    Returns
    -------
    ndarray of float64, shape (36,)
    """
    quadrant = _in_blocks(direction_quadrants(first))
    difference = _in_blocks(np.hypot(*np.moveaxis(first, -1, 0)) - np.hypot(*np.moveaxis(second, -1, 0)))
    counts = (quadrant[:, :, None] == np.arange(4)).sum(1)
    main = counts.argmax(1)
    # Pixels of other directions go to the end, out of reach of the largest third.
    values = np.where(quadrant == main[:, None], difference, -np.inf)
    ordered = -np.sort(-values, axis=1)
    third = np.maximum(1, counts.max(1) // 3)
    sums = np.cumsum(np.where(np.isfinite(ordered), ordered, 0.0), axis=1, dtype=np.float64)
    return np.asarray(sums[np.arange(BLOCKS), third - 1] / third)


def direction_quadrants(flow: F32) -> NDArray[np.int64]:
    """Quadrant 0 to 3 of each vector's direction, (height, width): [0, 90), [90, 180), ... degrees."""
    turn = np.arctan2(flow[..., 1], flow[..., 0]) / (np.pi / 2)
    return np.asarray(np.floor(turn).astype(np.int64) % 4)


def _in_blocks(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """(6 a, 6 b) as (36, a b), block by block."""
    height, width = values.shape[0] // GRID, values.shape[1] // GRID
    split = values.reshape(GRID, height, GRID, width).swapaxes(1, 2)
    return split.reshape(BLOCKS, height * width)
