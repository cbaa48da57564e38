"""One video frame and the pixels behind it.

The grey image is what the analysis works on. In YUV 4:2:0 video it is the Y plane, so it is
taken as it is; colour is converted only for those who ask (the landmarker, pictures).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class PixelImage:
    """Pixels in the layout in which they arrived.

    Attributes
    ----------
    data : ndarray of uint8
        ``i420``: shape (height * 3 // 2, width), planes Y, U, V packed; height and width even.
        ``rgb``: shape (height, width, 3), channel order R, G, B. ``grey``: shape (height, width).
    layout : str
        ``"i420"``, ``"rgb"`` or ``"grey"``.
    """

    data: U8
    layout: str

    def __post_init__(self) -> None:
        if self.layout not in ("i420", "rgb", "grey"):
            raise ValueError(f"layout {self.layout!r} is none of i420, rgb, grey")
        if self.data.dtype != np.uint8 or self.data.ndim != (3 if self.layout == "rgb" else 2):
            raise ValueError(
                f"{self.layout} pixels are uint8 with {3 if self.layout == 'rgb' else 2} axes, "
                f"got {self.data.dtype} {self.data.shape}"
            )

    @property
    def height(self) -> int:
        """Rows of pixels."""
        rows = int(self.data.shape[0])
        return rows * 2 // 3 if self.layout == "i420" else rows

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.data.shape[1])

    @property
    def grey(self) -> U8:
        """Luma, shape (height, width), uint8: a view where the layout allows it."""
        if self.layout == "i420":
            return self.data[: self.height]
        if self.layout == "grey":
            return self.data
        return np.asarray(cv2.cvtColor(self.data, cv2.COLOR_RGB2GRAY), dtype=np.uint8)

    def rgb(self, max_side: int | None = None) -> U8:
        """Return colour pixels, shape (h, w, 3), R G B, shrunk so that no side exceeds ``max_side``."""
        if self.layout == "i420":
            full = cv2.cvtColor(self.data, cv2.COLOR_YUV2RGB_I420)
        elif self.layout == "grey":
            full = cv2.cvtColor(self.data, cv2.COLOR_GRAY2RGB)
        else:
            full = self.data
        longest = max(self.height, self.width)
        if max_side is not None and longest > max_side:
            scale = max_side / longest
            size = (max(1, round(self.width * scale)), max(1, round(self.height * scale)))
            full = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
        return np.asarray(full, dtype=np.uint8)


@dataclass(frozen=True)
class Frame:
    """One frame of a source.

    Attributes
    ----------
    index : int
        0-based position in the source. A live source counts frames that it dropped too, so a
        gap in the index is a gap in time.
    pts_s : float
        Presentation time in seconds, from the container's own timestamps (files, streams) or
        from the clock at capture (cameras); the first frame of a file is at 0.
    image : PixelImage
        The pixels. Not to be changed by anyone who is handed the frame.
    t_capture : float
        ``time.perf_counter()`` when the frame was handed over by the device or decoder.
    """

    index: int
    pts_s: float
    image: PixelImage
    t_capture: float
