"""From a decoded PyAV frame to a :class:`PixelImage`: as it is where possible, converted where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.video.reformatter import VideoReformatter

from megc_live.errors import SourceError
from megc_live.video.frame import U8, PixelImage

_I420 = ("yuv420p", "yuvj420p")


@dataclass(frozen=True)
class Orientation:
    """How stored pixels are turned for display: first swap the axes, then mirror."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """Read the display matrix that phones write beside the pixels (to quarter turns).

        The matrix maps stored (p, q) to shown (a p + c q, b p + d q); ISO/IEC 14496-12, 6.2.2.
        """
        side = frame.side_data.get("DISPLAYMATRIX")
        if side is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(bytes(cast(Buffer, side)), dtype="<i4", count=9).tolist()
        if abs(b) > abs(a):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @property
    def plain(self) -> bool:
        """Nothing is to be done."""
        return not (self.swap or self.flip_x or self.flip_y)

    def apply(self, plane: U8) -> U8:
        """Return one plane, shape (h, w) or (h, w, 3), as it is to be shown."""
        if self.swap:
            plane = np.swapaxes(plane, 0, 1)
        if self.flip_x:
            plane = plane[:, ::-1]
        if self.flip_y:
            plane = plane[::-1]
        return plane


class FrameConverter:
    """Makes :class:`PixelImage` of PyAV frames, all of the first frame's size and layout.

    A stream may change its resolution: such frames are scaled to the first one's size and
    counted in ``rescaled``, since whoever follows a face in them needs one coordinate system.

    Attributes
    ----------
    rescaled : int
        Frames that had another size than the first.
    """

    def __init__(self, first: av.VideoFrame) -> None:
        self.rescaled = 0
        self._size = (first.width, first.height)
        self._turn = Orientation.of(first)
        self._format, self._layout = _target(first)
        self._reformatter = VideoReformatter()
        swap = self._turn.swap
        self.width, self.height = self._size[::-1] if swap else self._size

    def __call__(self, frame: av.VideoFrame) -> PixelImage:
        """Return the pixels of ``frame``, copied out of the decoder's memory."""
        same_size = (frame.width, frame.height) == self._size
        if not same_size:
            self.rescaled += 1
        if not same_size or not self._fits(frame.format.name):
            frame = self._converted(frame)
        if self._layout == "i420":
            return self._i420(frame)
        channels = 3 if self._layout == "rgb" else 1
        plane = _plane(frame.planes[0], frame.height, frame.width * channels)
        if channels == 3:
            plane = plane.reshape(frame.height, frame.width, 3)
        return PixelImage(np.array(self._turn.apply(plane), order="C"), self._layout)

    def _converted(self, frame: av.VideoFrame) -> av.VideoFrame:
        try:
            return self._reformatter.reformat(frame, *self._size, format=self._format)
        except (av.FFmpegError, ValueError):
            raise SourceError(
                f"the video's pixel format {frame.format.name!r} cannot be converted.",
                "Convert it to H.264 in mp4, for example with ffmpeg.",
            ) from None

    def _fits(self, name: str) -> bool:
        return name == self._format or (self._layout == "i420" and name in _I420)

    def _i420(self, frame: av.VideoFrame) -> PixelImage:
        data = np.empty((self.height * 3 // 2, self.width), np.uint8)
        for target, plane in zip(i420_planes(data), frame.planes, strict=True):
            pixels = _plane(plane, plane.height, plane.width)
            target[:] = pixels if self._turn.plain else self._turn.apply(pixels)
        return PixelImage(data, "i420")


def _target(first: av.VideoFrame) -> tuple[str, str]:
    """Return the PyAV format that frames are brought to and the layout that it is called here."""
    name = first.format.name
    if name.startswith("gray"):
        return "gray", "grey"
    if first.width % 2 or first.height % 2:
        return "rgb24", "rgb"
    return (name if name in _I420 else "yuvj420p" if name.startswith("yuvj") else "yuv420p"), "i420"


def _plane(plane: av.video.plane.VideoPlane, rows: int, row_bytes: int) -> U8:
    """Return a view of one plane, shape (rows, row_bytes), without the decoder's padding."""
    stride = plane.line_size
    if stride < 0:
        raise SourceError(
            "the video stores its rows from the bottom up in a format that cannot be read.",
            "Convert it, for example with `ffmpeg -i IN -c:v ffv1 OUT.mkv`.",
        )
    view: U8 = np.frombuffer(memoryview(plane), np.uint8, count=rows * stride)
    return view.reshape(rows, stride)[:, :row_bytes]


def i420_planes(data: U8) -> tuple[U8, U8, U8]:
    """Return the Y, U and V planes of packed I420 pixels as writable views.

    Parameters
    ----------
    data : ndarray of uint8, shape (height * 3 // 2, width)
        C-contiguous; height and width even.

    Returns
    -------
    tuple of ndarray
        Y (height, width), U and V (height // 2, width // 2).
    """
    height, width = data.shape[0] * 2 // 3, data.shape[1]
    flat = data.reshape(-1)
    luma, chroma = height * width, height * width // 4
    half = (height // 2, width // 2)
    return (
        data[:height],
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def from_bgr(bgr: U8) -> PixelImage:
    """Return a camera's picture, (h, w, 3) B G R or (h, w) grey, as I420, or as RGB if a side is odd."""
    if bgr.ndim == 2:
        return PixelImage(np.ascontiguousarray(bgr), "grey")
    even = bgr.shape[0] % 2 == 0 and bgr.shape[1] % 2 == 0
    code = cv2.COLOR_BGR2YUV_I420 if even else cv2.COLOR_BGR2RGB
    return PixelImage(np.asarray(cv2.cvtColor(bgr, code), np.uint8), "i420" if even else "rgb")
