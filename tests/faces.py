"""A real face for tests: the astronaut photograph (NASA, public domain), placed and moved at will."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from megc_live.video.frame import Frame, PixelImage

U8 = NDArray[np.uint8]


@cache
def portrait(side: int = 360) -> U8:
    """The astronaut's head, (side, side, 3)."""
    head = astronaut()[0:256, 96:352]
    return np.asarray(cv2.resize(head, (side, side), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def scene(
    width: int = 640,
    height: int = 480,
    side: int = 360,
    shift: tuple[float, float] = (0.0, 0.0),
    angle: float = 0.0,
    faces: int = 1,
) -> U8:
    """A picture with the head in its middle (or several side by side), moved by ``shift`` and turned."""
    out = np.full((height, width, 3), 90, dtype=np.uint8)
    for k in range(faces):
        centre = (width * (k + 1) / (faces + 1) + shift[0], height / 2 + shift[1])
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
        matrix[:, 2] += np.array(centre) - side / 2
        layer = cv2.warpAffine(portrait(side), matrix, (width, height), flags=cv2.INTER_CUBIC)
        mask = cv2.warpAffine(
            np.ones((side, side), np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST
        )
        out[mask > 0] = layer[mask > 0]
    return out


def frame(index: int, rgb: U8, fps: float = 30.0) -> Frame:
    """A picture as a frame of a source."""
    return Frame(index, index / fps, PixelImage(rgb, "rgb"), 0.0)


def as_i420(rgb: U8) -> PixelImage:
    """A picture in the layout of decoded video."""
    return PixelImage(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), dtype=np.uint8), "i420")
