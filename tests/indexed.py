"""Videos whose pixels say which frame they are: the oracle for every frame index.

A strip at the bottom of each picture holds the index as black and white cells: a white and a
black reference, sixteen bits, and two bits that count the ones. It survives lossy compression
and scaling as long as a cell keeps about two pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]

BITS = 16
CELLS = 2 + BITS + 2
STRIP = 1 / 8
"""Share of the height that the strip takes."""

CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".ts": "libx264",
    ".h264": "libx264",
    ".webm": "libvpx-vp9",
    ".mpg": "mpeg1video",
    ".avi": "mjpeg",
    ".gif": "gif",
}
PIXEL_FORMATS = {"mjpeg": "yuvj420p", "gif": "rgb8", "ffv1": "yuv420p"}
TICKS = 90_000


def stamp(rgb: U8, index: int) -> U8:
    """Return a copy of a picture, (h, w, 3) uint8, with ``index`` written into its bottom strip."""
    if not 0 <= index < 2**BITS:
        raise ValueError(f"index {index} does not fit {BITS} bits")
    bits = [(index >> k) & 1 for k in range(BITS)]
    ones = sum(bits) % 4
    cells = [1, 0, *bits, ones & 1, ones >> 1]
    out = rgb.copy()
    top = _strip_top(rgb.shape[0])
    edges = _edges(rgb.shape[1])
    for cell, (left, right) in zip(cells, pairwise(edges), strict=True):
        out[top:, left:right] = 225 if cell else 30
    return out


def read_index(grey: NDArray[np.generic]) -> int:
    """Return the index in a grey picture, (h, w); raises ValueError where none can be read."""
    top = _strip_top(grey.shape[0])
    margin = (grey.shape[0] - top) // 4
    strip = grey[top + margin : grey.shape[0] - margin].astype(float).mean(axis=0)
    edges = _edges(grey.shape[1])
    means = [_middle(strip[left:right]) for left, right in pairwise(edges)]
    white, black = means[:2]
    if white - black < 60:
        raise ValueError(f"no index strip: its references are {white:.0f} and {black:.0f}")
    cells = [mean > (white + black) / 2 for mean in means[2:]]
    if cells[BITS] + 2 * cells[BITS + 1] != sum(cells[:BITS]) % 4:
        raise ValueError("the index strip is damaged: its check does not fit")
    return sum(1 << k for k in range(BITS) if cells[k])


def _strip_top(height: int) -> int:
    return height - max(4, round(height * STRIP))


def _edges(width: int) -> list[int]:
    return [round(k * width / CELLS) for k in range(CELLS + 1)]


def _middle(values: NDArray[np.float64]) -> float:
    margin = len(values) // 4
    return float(values[margin : len(values) - margin].mean())


def backdrop(width: int, height: int) -> Callable[[int], U8]:
    """Return a maker of smooth pictures that drift from frame to frame, so that codecs have work."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)

    def picture(k: int) -> U8:
        waves = [np.sin(x / 9 + k * 0.3), np.cos(y / 7 - k * 0.2), np.sin((x + y) / 15 + k * 0.1)]
        return (128 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)

    return picture


def write_indexed(
    path: Path,
    n: int,
    fps: float = 25.0,
    size: tuple[int, int] = (160, 120),
    codec: str | None = None,
    pts: Sequence[float] | None = None,
    *,
    picture: Callable[[int], U8] | None = None,
    gop: int = 12,
    b_frames: int = 2,
    pix_fmt: str | None = None,
    options: dict[str, str] | None = None,
    stamped: bool = True,
) -> Path:
    """Write a video of ``n`` frames whose pixels hold their index; return ``path``.

    Parameters
    ----------
    path : Path
        Its ending chooses the container.
    fps : float
        Frames per second.
    size : tuple of int
        Width and height; replaced by the picture's own where ``picture`` is given.
    codec : str, optional
        FFmpeg encoder; default: what is usual in the container.
    pts : sequence of float, optional
        Times in seconds, for a variable rate (not in mpg, gif and avi).
    picture : callable, optional
        ``picture(k)`` is the RGB picture of frame k, (h, w, 3) uint8.
    gop, b_frames : int
        Distance of keyframes; B-frames in a row, where the codec has them.
    pix_fmt : str, optional
        Pixel format of the encoder.
    options : dict, optional
        Options of the encoder.
    stamped : bool
        False leaves the pictures as they are.
    """
    codec = codec or CODECS[path.suffix]
    make = picture or backdrop(*size)
    height, width = make(0).shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options)
        stream.width, stream.height = width, height
        stream.pix_fmt = pix_fmt or PIXEL_FORMATS.get(codec, "yuv420p")
        if codec in ("libx264", "mpeg4", "mpeg1video", "mpeg2video"):
            stream.codec_context.max_b_frames = b_frames
        if codec != "gif":
            stream.codec_context.gop_size = gop
        if codec in ("mpeg1video", "mjpeg", "mpeg4"):
            stream.bit_rate = 4_000_000
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, TICKS)
        for k in range(n):
            rgb = stamp(make(k), k) if stamped else make(k)
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
            if pts is not None:
                frame.pts, frame.time_base = round(pts[k] * TICKS), Fraction(1, TICKS)
            else:
                frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_images(
    folder: Path, n: int, *, first: int = 1, suffix: str = ".png", size: tuple[int, int] = (160, 120)
) -> Path:
    """Write ``n`` numbered images whose pixels hold 0 .. n - 1; return ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    make = backdrop(*size)
    for k in range(n):
        bgr = cv2.cvtColor(stamp(make(k), k), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(suffix, bgr)
        (folder / f"img{first + k}{suffix}").write_bytes(data.tobytes())
    return folder
