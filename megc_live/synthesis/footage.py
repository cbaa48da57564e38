"""Real footage as raw material: frames, steadied landmarks, repeated frames left out.

Footage that was converted from 25 to 30 frames/s holds every fifth picture twice; a webcam that
falls behind repeats pictures irregularly. A planted movement would go on during a repeated
picture where the real face stands still, and the standstill itself is a false rhythm. Repeated
pictures are therefore dropped:

- *regular* repeats (the 25-to-30 pattern): the others are re-timed at the uniform rate that the
  pattern gives (30 * 5/6 = 25), which is how they were taken;
- *irregular* repeats: the others keep their own time stamps, so that the clip has a variable rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from megc_live.errors import SourceError
from megc_live.face.geometry import eye_distance
from megc_live.face.landmarks import Landmarker
from megc_live.video.frame import PixelImage

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

Crop = tuple[int, int, int, int]
"""left, top, right, bottom in source pixels; right and bottom are not inside; bottom -1 is the last row."""

_DETECT_SIDE = 640
_SMOOTH_S = 0.045
"""Standard deviation of the smoothing of landmarks over time, seconds."""
_LONGEST_GAP = 3
"""Frames without a face that are bridged."""


@dataclass(frozen=True)
class Survey:
    """What one pass over a source found.

    Attributes
    ----------
    kept : ndarray of int, shape (n,)
        Indices of the frames that are used (repeats left out).
    times_s : ndarray, shape (n,)
        Their times, the first 0.
    fps : float
        Uniform rate; mean rate if ``variable``.
    variable : bool
        True if the times are not on a uniform grid.
    repeats : float
        Share of frames dropped as repeats.
    crop : tuple of int
        Part of the source that is used, source pixels.
    size : tuple of int
        Width and height of the frames after crop and downscaling; even.
    landmarks : ndarray of float32, shape (n, 478, 3)
        In pixels of those frames, steadied; NaN without a face.
    cuts : ndarray of bool, shape (n,)
        True where the face or picture jumps from the frame before.
    """

    kept: NDArray[np.int64]
    times_s: F64
    fps: float
    variable: bool
    repeats: float
    crop: Crop
    size: tuple[int, int]
    landmarks: F32
    cuts: NDArray[np.bool_]

    @property
    def face_share(self) -> float:
        """Share of frames with a face."""
        return float(np.isfinite(self.landmarks[:, 0, 0]).mean()) if len(self.landmarks) else 0.0

    def blocked(self) -> list[tuple[float, float]]:
        """Spans in seconds in which nothing can be planted: no face, or a cut."""
        bad = ~np.isfinite(self.landmarks[:, 0, 0]) | self.cuts
        period = 1 / self.fps
        return [(float(t) - 0.15 - period, float(t) + 0.15 + period) for t in self.times_s[bad]]

    def save(self, path: Path) -> None:
        """Write as ``.npz`` (numbers only)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                kept=self.kept,
                times_s=self.times_s,
                fps=self.fps,
                variable=self.variable,
                repeats=self.repeats,
                crop=self.crop,
                size=self.size,
                landmarks=self.landmarks,
                cuts=self.cuts,
            )
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Survey:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            left, top, right, bottom = (int(v) for v in data["crop"])
            return cls(
                data["kept"],
                data["times_s"],
                float(data["fps"]),
                bool(data["variable"]),
                float(data["repeats"]),
                (left, top, right, bottom),
                (int(data["size"][0]), int(data["size"][1])),
                data["landmarks"],
                data["cuts"],
            )


def survey(
    path: Path,
    landmarker: Landmarker,
    *,
    crop: Crop | None = None,
    skip_first: int = 0,
    max_eye_px: float = 130.0,
    max_pixels: int = 640 * 480,
) -> Survey:
    """Look through a source once: landmarks, repeats, cuts, and the size to use it at.

    Parameters
    ----------
    path : Path
        Any video that FFmpeg reads.
    landmarker : Landmarker
    crop : tuple of int, optional
        The only part of the picture to use.
    skip_first : int
        Frames to leave out at the start.
    max_eye_px : float
        Larger faces are scaled down to this eye distance.
    max_pixels : int
        Larger pictures are cropped to where the face goes, with a wide margin.

    Raises
    ------
    SourceError
        The file cannot be read, or holds no frame.
    """
    raw: list[F32] = []
    times: list[float] = []
    change: list[float] = []
    before: F32 | None = None
    area: Crop = (0, 0, 0, 0)
    for index, (t_s, rgb) in enumerate(_decode(path)):
        if index < skip_first:
            continue
        if not times:
            area = _within(crop, rgb.shape[1], rgb.shape[0])
        part = np.ascontiguousarray(rgb[area[1] : area[3], area[0] : area[2]])
        small, scale = _at_most(part, _DETECT_SIDE)
        faces = landmarker.detect(small)
        raw.append(faces[0] / scale if faces else np.full((478, 3), np.nan, np.float32))
        tiny = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (128, 128), interpolation=cv2.INTER_AREA)
        now = np.asarray(tiny, dtype=np.float32)
        change.append(float(np.abs(now - before).mean()) if before is not None else np.inf)
        before = now
        times.append(t_s)
    if not times:
        raise SourceError(f"{str(path)!r} holds no frame to use.")
    return _summarise(
        np.array(raw), np.array(times), np.array(change), area, skip_first, max_eye_px, max_pixels
    )


def read_frames(path: Path, found: Survey) -> Iterator[PixelImage]:
    """Yield the frames that a survey kept, cropped and scaled as it says, layout ``i420``."""
    wanted = set(found.kept.tolist())
    last = int(found.kept[-1])
    left, top, right, bottom = found.crop
    for index, (_, rgb) in enumerate(_decode(path)):
        if index > last:
            return
        if index not in wanted:
            continue
        part = rgb[top:bottom, left:right]
        if (part.shape[1], part.shape[0]) != found.size:
            part = np.asarray(cv2.resize(part, found.size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        packed = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2YUV_I420)
        yield PixelImage(np.asarray(packed, dtype=np.uint8), "i420")


def steady(landmarks: F32, times_s: F64, cuts: NDArray[np.bool_]) -> F32:
    """Smooth landmarks over time, never across a cut or a frame without a face.

    The landmarker's frame-to-frame jitter would shake a planted warp and give it away.

    Parameters
    ----------
    landmarks : ndarray, shape (n, 478, 3)
    times_s : ndarray, shape (n,)
    cuts : ndarray of bool, shape (n,)
    """
    result = landmarks.copy()
    period = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.04
    sigma = max(1.0, _SMOOTH_S / max(period, 1e-3))
    for start, end in _runs(np.isfinite(landmarks[:, 0, 0]), cuts):
        result[start:end] = gaussian_filter1d(landmarks[start:end], sigma, axis=0, mode="nearest")
    return result


def find_repeats(change: F64) -> NDArray[np.bool_]:
    """Frames that repeat the one before.

    Parameters
    ----------
    change : ndarray, shape (n,)
        Mean absolute difference from the frame before, grey levels; the first is infinite.

    Returns
    -------
    ndarray of bool, shape (n,)
        All False where fewer than 5 % look like repeats: then it is chance, or a face at rest.
    """
    none = np.zeros(len(change), dtype=bool)
    if len(change) < 8:
        return none
    finite = np.where(np.isfinite(change), change, 0.0)
    usual = median_filter(finite, size=9, mode="mirror")
    repeat = np.isfinite(change) & (finite < 0.25 * usual) & (finite < 1.0)
    exact = np.isfinite(change) & (finite < 1e-3) & (usual > 0.02)
    repeat |= exact
    return repeat if repeat.mean() >= 0.05 else none


def _summarise(
    raw: F32, times: F64, change: F64, area: Crop, skip_first: int, max_eye_px: float, max_pixels: int
) -> Survey:
    repeat = find_repeats(change)
    kept = np.flatnonzero(~repeat)
    span = float(times[-1] - times[0])
    source_fps = (len(times) - 1) / span if span > 0 else 25.0
    pattern = np.diff(np.flatnonzero(repeat))
    regular = len(pattern) >= 3 and float((pattern == np.round(np.median(pattern))).mean()) > 0.6
    jumps = float(np.abs(np.diff(times) * source_fps - 1).max(initial=0.0)) > 0.5
    fps = source_fps
    if regular:
        cycle = float(np.median(pattern))
        fps = source_fps * (cycle - 1) / cycle
    variable = bool((repeat.any() and not regular) or jumps)
    if variable:
        stamps = times[kept] - times[kept[0]]
        fps = (len(kept) - 1) / float(stamps[-1]) if len(kept) > 1 else source_fps
    else:
        fps = _nice(fps)
        stamps = np.arange(len(kept)) / fps
    landmarks = _bridged(raw[kept])
    cuts = _cuts(landmarks, change[kept])
    steadied = steady(landmarks, stamps, cuts)
    crop, size, scale = _framing(steadied, area, max_eye_px, max_pixels)
    steadied[..., 0] -= crop[0] - area[0]
    steadied[..., 1] -= crop[1] - area[1]
    # Pixel centres are whole numbers: scaling is about the corner of pixel 0, half a pixel further out.
    steadied[..., :2] = (steadied[..., :2] + 0.5) * scale - 0.5
    steadied[..., 2] *= scale[0]
    return Survey(
        kept + skip_first,
        stamps,
        fps,
        variable,
        float(repeat.mean()),
        crop,
        size,
        steadied.astype(np.float32),
        cuts,
    )


def _nice(fps: float) -> float:
    """The usual rate that is within half a percent, else ``fps``."""
    for usual in (
        12.5,
        15.0,
        20.0,
        24000 / 1001,
        24.0,
        25.0,
        30000 / 1001,
        30.0,
        50.0,
        60.0,
        100.0,
        120.0,
        200.0,
    ):
        if abs(fps / usual - 1) < 0.0008 or (usual == 25.0 and abs(fps / usual - 1) < 0.005):
            return usual
    return fps


def _bridged(landmarks: F32) -> F32:
    """Fill gaps of a few frames without a face by straight lines."""
    seen = np.isfinite(landmarks[:, 0, 0])
    result = landmarks.copy()
    for start, end in _runs(~seen, np.zeros(len(seen), dtype=bool)):
        if start > 0 and end < len(seen) and end - start <= _LONGEST_GAP:
            w = (np.arange(start, end) - start + 1)[:, None, None] / (end - start + 1)
            result[start:end] = landmarks[start - 1] * (1 - w) + landmarks[end] * w
    return result


def _cuts(landmarks: F32, change: F64) -> NDArray[np.bool_]:
    """Frames at which the face jumps by a third of its eye distance, or the picture changes altogether."""
    cuts = np.zeros(len(landmarks), dtype=bool)
    cuts[1:] = change[1:] > 40
    seen = np.isfinite(landmarks[:, 0, 0])
    for i in range(1, len(landmarks)):
        if seen[i] and seen[i - 1]:
            step = np.hypot(*(landmarks[i, :, :2] - landmarks[i - 1, :, :2]).T)
            cuts[i] |= bool(np.median(step) > 0.33 * eye_distance(landmarks[i]))
    return cuts


def _runs(good: NDArray[np.bool_], cuts: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open stretches of ``good`` frames; a cut starts a new one."""
    runs: list[tuple[int, int]] = []
    start = -1
    for i, ok in enumerate(good):
        if start >= 0 and (not ok or cuts[i]):
            runs.append((start, i))
            start = -1
        if ok and start < 0:
            start = i
    if start >= 0:
        runs.append((start, len(good)))
    return runs


def _framing(
    landmarks: F32, area: Crop, max_eye_px: float, max_pixels: int
) -> tuple[Crop, tuple[int, int], F64]:
    """Choose the crop in source pixels, the output size, and the scales x, y."""
    left, top, right, bottom = area
    seen = landmarks[np.isfinite(landmarks[:, 0, 0])]
    eye = float(np.median([eye_distance(points) for points in seen])) if len(seen) else max_eye_px
    if len(seen) and (right - left) * (bottom - top) > max_pixels:
        low, high = np.percentile(seen[..., :2], [0.5, 99.5], axis=(0, 1))
        left, right = (
            max(left, area[0] + int(low[0] - 1.3 * eye)),
            min(right, area[0] + int(high[0] + 1.3 * eye)),
        )
        top, bottom = (
            max(top, area[1] + int(low[1] - 1.3 * eye)),
            min(bottom, area[1] + int(high[1] + 1.0 * eye)),
        )
    scale = min(1.0, max_eye_px / eye)
    width, height = (max(2, int(side * scale) // 2 * 2) for side in (right - left, bottom - top))
    if scale == 1.0:
        right, bottom = left + width, top + height
    scales = np.array([width / (right - left), height / (bottom - top)])
    return (left, top, right, bottom), (width, height), scales


def _within(crop: Crop | None, width: int, height: int) -> Crop:
    if crop is None:
        return 0, 0, width, height
    left, top, right, bottom = crop
    bottom = height if bottom < 0 else min(bottom, height)
    area = max(0, left), max(0, top), min(right, width), bottom
    if area[2] - area[0] < 2 or area[3] - area[1] < 2:
        raise SourceError(f"the crop {crop} is outside of the picture of {width} x {height} pixels.")
    return area


def _at_most(rgb: U8, side: int) -> tuple[U8, float]:
    scale = min(1.0, side / max(rgb.shape[:2]))
    if scale == 1.0:
        return rgb, 1.0
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), scale


def _decode(path: Path) -> Iterator[tuple[float, U8]]:
    """Yield (seconds from the first frame, R G B pixels)."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SourceError(f"{str(path)!r} has no video stream.", "Give a video file.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            first: float | None = None
            for count, picture in enumerate(container.decode(stream)):
                t_s = picture.time if picture.time is not None else count / rate
                first = t_s if first is None else first
                yield t_s - first, np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
    except av.error.FFmpegError as error:
        raise SourceError(
            f"cannot read {str(path)!r}: {error.strerror}.", "Is it a complete video?"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error}.") from None
