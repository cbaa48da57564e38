"""Other frame rates: frames interpolated along the optical flow, or decimated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.video.frame import PixelImage

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


def retimed(
    frames: Iterable[PixelImage], landmarks: NDArray[np.floating], times_s: F64, fps_out: float
) -> tuple[Iterator[PixelImage], F32, F64]:
    """Bring frames and their landmarks to another, uniform rate.

    Parameters
    ----------
    frames : iterable of PixelImage
        ``i420``, as many as there are times.
    landmarks : ndarray, shape (n, 478, 3)
    times_s : ndarray, shape (n,)
        Times of the frames, increasing, the first 0.
    fps_out : float
        Rate wanted.

    Returns
    -------
    frames : iterator of PixelImage
    landmarks : ndarray of float32, shape (m, 478, 3)
    times_s : ndarray, shape (m,)
    """
    count = int(times_s[-1] * fps_out + 1e-6) + 1
    wanted = np.arange(count) / fps_out
    before = np.clip(np.searchsorted(times_s, wanted + 1e-9, side="right") - 1, 0, max(len(times_s) - 2, 0))
    after = np.minimum(before + 1, len(times_s) - 1)
    gap = np.maximum(times_s[after] - times_s[before], 1e-9)
    weight = np.clip((wanted - times_s[before]) / gap, 0.0, 1.0)
    w = weight[:, None, None]
    points = np.asarray(landmarks[before] * (1 - w) + landmarks[after] * w, dtype=np.float32)
    return _frames_at(iter(frames), before, weight), points, wanted


def _frames_at(frames: Iterator[PixelImage], before: NDArray[np.intp], weight: F64) -> Iterator[PixelImage]:
    """Yield the picture at ``weight`` of the way from frame ``before`` to the next, for each output."""
    flow = _Between()
    position = 0
    current = next(frames)
    following = next(frames, current)
    for index, w in zip(before, weight, strict=True):
        while position < index:
            position, current, following = position + 1, following, next(frames, following)
        yield flow.picture(position, current, following, float(w))


class _Between:
    """Pictures between two frames: both are warped along the flow and blended (DIS flow)."""

    _NEAR = 0.02

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._pair = -1
        self._forward: F32 = np.zeros((0, 0, 2), np.float32)
        self._backward: F32 = self._forward

    def picture(self, pair: int, first: PixelImage, second: PixelImage, weight: float) -> PixelImage:
        if weight <= self._NEAR:
            return first
        if weight >= 1 - self._NEAR:
            return second
        if pair != self._pair:
            a, b = np.ascontiguousarray(first.grey), np.ascontiguousarray(second.grey)
            self._forward = np.asarray(
                self._dis.calc(a, b, np.zeros((*a.shape, 2), np.float32)), dtype=np.float32
            )
            self._backward = np.asarray(
                self._dis.calc(b, a, np.zeros((*a.shape, 2), np.float32)), dtype=np.float32
            )
            self._pair = pair
        height, width = first.height, first.width
        packed = np.empty_like(first.data)
        packed[:height] = _blend(first.grey, second.grey, self._forward, self._backward, weight)
        shape = (2, height // 2, width // 2)
        chroma_a, chroma_b = first.data[height:].reshape(shape), second.data[height:].reshape(shape)
        small_f, small_b = (
            np.asarray(
                0.5 * cv2.resize(f, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32
            )
            for f in (self._forward, self._backward)
        )
        out = packed[height:].reshape(shape)
        for plane in range(2):
            out[plane] = _blend(chroma_a[plane], chroma_b[plane], small_f, small_b, weight)
        return PixelImage(packed, "i420")


def _blend(first: U8, second: U8, forward: F32, backward: F32, weight: float) -> U8:
    """Picture at ``weight``: content moves by weight * forward from the first, the rest from the second."""
    height, width = first.shape
    xs, ys = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    a = cv2.remap(
        np.ascontiguousarray(first), xs - weight * forward[..., 0], ys - weight * forward[..., 1],
        cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    rest = 1 - weight
    b = cv2.remap(
        np.ascontiguousarray(second), xs - rest * backward[..., 0], ys - rest * backward[..., 1],
        cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return np.asarray(cv2.addWeighted(a, rest, b, weight, 0), dtype=np.uint8)
