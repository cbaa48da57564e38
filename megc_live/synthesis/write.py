"""Clips onto disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from megc_live.errors import OutputError
from megc_live.video.frame import PixelImage

_TICKS = 90_000
"""Time base of clips with a variable rate, 1/s."""


def write_clip(
    path: Path,
    frames: Iterable[PixelImage],
    *,
    fps: float | None = None,
    times_s: NDArray[np.floating] | None = None,
    crf: int = 18,
) -> int:
    """Encode frames as H.264 in MP4.

    Parameters
    ----------
    path : Path
        Written under a temporary name and renamed when complete.
    frames : iterable of PixelImage
        Of one size, even height and width.
    fps : float, optional
        Uniform frame rate.
    times_s : ndarray, optional
        Presentation times, increasing, instead of ``fps``: the rate is then variable.
    crf : int
        Quality, 0 lossless to 51.

    Returns
    -------
    int
        Frames written.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    if (fps is None) == (times_s is None):
        raise ValueError("give either fps or times_s")
    rate = _rate(fps, times_s)
    base = 1 / rate if times_s is None else Fraction(1, _TICKS)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(part), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.pix_fmt = "yuv420p"
            # The same seed gives the same bytes: one thread, and no macroblock tree, whose costs x264
            # sometimes computes differently from the same pictures.
            stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": "mbtree=0"}
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = base
            count = 0
            for image in frames:
                if count == 0:
                    stream.width, stream.height = image.width, image.height
                picture = av.VideoFrame.from_ndarray(_i420(image), format="yuv420p")
                picture.pts = count if times_s is None else round(float(times_s[count]) * _TICKS)
                picture.time_base = base
                container.mux(stream.encode(picture))
                count += 1
            container.mux(stream.encode())
        part.replace(path)
    except (OSError, av.error.FFmpegError) as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}.",
            "Choose a folder that can be written to, on a disk with free space.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _rate(fps: float | None, times_s: NDArray[np.floating] | None) -> Fraction:
    if fps is None:
        assert times_s is not None
        fps = float((len(times_s) - 1) / (times_s[-1] - times_s[0]))
    return Fraction(fps).limit_denominator(1001)


def _i420(image: PixelImage) -> NDArray[np.uint8]:
    if image.layout == "i420":
        return image.data
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image.rgb()), format="rgb24")
    return np.asarray(rgb.reformat(format="yuv420p").to_ndarray(), dtype=np.uint8)
