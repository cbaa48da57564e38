"""Planting: every frame of a clip warped once, lit, and read by a noisy sensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.synthesis.camera import Camera, Drift, Sensor
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.lids import close_lids
from megc_live.synthesis.movements import (
    Blink,
    HeadMovement,
    LightChange,
    Movement,
    SkinMovement,
    depth_at,
    depth_model,
    head_mask,
    realise,
)
from megc_live.synthesis.plan import PlannedEvent
from megc_live.synthesis.units import Skin
from megc_live.video.frame import PixelImage

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_BLACK = 16.0
"""Black level of limited-range luma: light changes scale what is above it."""


def render(
    frames: Iterable[PixelImage],
    landmarks: NDArray[np.floating],
    times_s: NDArray[np.floating],
    plan: Sequence[PlannedEvent],
    *,
    rng: np.random.Generator,
    camera: Camera,
    background: Sequence[Movement] = (),
) -> Iterator[PixelImage]:
    """Plant a plan into frames.

    Each output frame is one interpolation (bicubic) of its source frame, on Y, U and V alike, at the
    sum of all displacements: the camera's drift, head movements, planted movements. A frame in
    which nothing is planted goes the same way.

    Parameters
    ----------
    frames : iterable of PixelImage
        Of one size. Odd last rows and columns are cut off.
    landmarks : ndarray, shape (frames, 478, 3)
        Mesh points in pixels of the frames; NaN where there is no face (nothing moves there).
    times_s : ndarray, shape (frames,)
        Presentation times, the first 0.
    plan : sequence of PlannedEvent
    rng : numpy.random.Generator
        For drift and noise.
    camera : Camera
    background : sequence of Movement
        Movements that are no events: what brings a photograph to life.

    Yields
    ------
    PixelImage
        ``i420``, one for each frame that has landmarks; the iteration ends with the shorter of both.
    """
    stage = Stage(landmarks, times_s, plan, background)
    drift = Drift(rng, camera.drift_px)
    sensor: Sensor | None = None
    for index, image in zip(range(len(times_s)), frames, strict=False):
        planes = _planes(image)
        height, width = planes[0].shape
        if sensor is None:
            sensor = Sensor(rng, camera, height, width)
        displacement, gain = stage.at(index, height, width, drift(float(times_s[index])))
        y, u, v = _warp(planes, displacement)
        luma = y.astype(np.float32)
        if gain is not None:
            luma = (luma - _BLACK) * gain + _BLACK
        packed = np.empty((height * 3 // 2, width), dtype=np.uint8)
        packed[:height] = sensor.expose(luma)
        chroma = packed[height:].reshape(2, height // 2, width // 2)
        chroma[0], chroma[1] = u, v
        yield PixelImage(packed, "i420")


class Stage:
    """All movements of a clip, ready to be asked for one frame's displacement."""

    def __init__(
        self,
        landmarks: NDArray[np.floating],
        times_s: NDArray[np.floating],
        plan: Sequence[PlannedEvent],
        background: Sequence[Movement] = (),
    ) -> None:
        self._landmarks = landmarks
        seen = np.isfinite(landmarks[:, 0, 0])
        self._levels: list[tuple[Movement, F64]] = [(m, m.level(times_s)) for m in background]
        for event in plan:
            start = min(event.onset, len(landmarks) - 1)
            if not seen[start]:
                continue
            for movement in realise(event, landmarks[start]):
                self._levels.append((movement, movement.level(times_s)))
        self._seen = seen

    def at(self, index: int, height: int, width: int, drift: tuple[float, float]) -> tuple[F32, F32 | None]:
        """Return displacement (height, width, 2), pixels, for inverse warping, and the gain of light."""
        displacement = np.empty((height, width, 2), dtype=np.float32)
        displacement[...] = drift
        active = [(m, float(levels[index])) for m, levels in self._levels if abs(levels[index]) > 1e-6]
        if not active or not self._seen[index]:
            return displacement, None
        points = self._landmarks[index].astype(np.float64)
        frame = FaceFrame.of(points)
        heads = [(m, a) for m, a in active if isinstance(m, HeadMovement)]
        skins = [(m, a) for m, a in active if isinstance(m, SkinMovement)]
        if heads:
            _add_heads(displacement, heads, points, frame)
        if skins:
            _add_skin(displacement, skins, points, frame)
        for movement, level in active:
            if isinstance(movement, Blink):
                close_lids(displacement, points, frame, movement.closure, level)
        lights = [(m, a) for m, a in active if isinstance(m, LightChange)]
        return displacement, _gain(lights, frame, height, width) if lights else None


def _grid(top: int, left: int, rows: int, columns: int, step: int) -> F64:
    """Centres of ``step`` x ``step`` cells, pixels, shape (rows, columns, 2)."""
    xs = left + (np.arange(columns) + 0.5) * step - 0.5
    ys = top + (np.arange(rows) + 0.5) * step - 0.5
    return np.stack(np.meshgrid(xs, ys), axis=-1)


def _add_heads(
    displacement: F32, heads: list[tuple[HeadMovement, float]], points: F64, frame: FaceFrame
) -> None:
    height, width = displacement.shape[:2]
    step = 8
    rows, columns = -(-height // step), -(-width // step)
    face = frame.to_face(_grid(0, 0, rows, columns, step))
    depth = depth_at(depth_model(points, frame), face)
    mask = head_mask(face)[..., None]
    total = np.zeros_like(face)
    for movement, level in heads:
        total += movement.displacement(face, depth, level) * (1.0 if movement.whole else mask)
    displacement += _enlarged(total @ frame.axes.T, step, cv2.INTER_LINEAR)[:height, :width]


def _add_skin(
    displacement: F32, skins: list[tuple[SkinMovement, float]], points: F64, frame: FaceFrame
) -> None:
    """Add planted movements, evaluated on a coarse grid, each kernel only where it reaches."""
    fields = [(field, level) for movement, level in skins for field in movement.fields]
    kernels = [kernel for field, _ in fields for kernel in field.kernels]
    if not kernels:
        return
    step = int(np.clip(min(min(k.widths) for k in kernels) * frame.eye_px / 1.4, 1, 4))
    rows, columns = (-(-side // step) for side in displacement.shape[:2])
    centres = [kernel.centre(points, frame) for kernel in kernels]
    # Kernels live in the source picture; in the picture to be made the head may have moved them.
    spare = float(np.abs(displacement[::8, ::8]).max()) + step
    boxes = [
        _cells(frame.to_pixels(centre), kernel.reach * frame.eye_px + spare, step, rows, columns)
        for kernel, centre in zip(kernels, centres, strict=True)
    ]
    top, left = (min(box[i][0] for box in boxes) for i in (0, 1))
    bottom, right = (max(box[i][1] for box in boxes) for i in (0, 1))
    if bottom <= top or right <= left:
        return
    part = displacement[top * step : bottom * step, left * step : right * step]
    grid = _grid(top * step, left * step, bottom - top, right - left, step)
    taken_from = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    face = frame.to_face(grid - taken_from).astype(np.float32)
    skin = Skin.of(points, frame)
    eyes = skin.eyes(face)
    total = np.zeros_like(face)
    pairs = iter(zip(kernels, centres, boxes, strict=True))
    for field, level in fields:
        moved = np.zeros_like(face)
        for kernel, centre, ((first, last), (start, end)) in islice(pairs, len(field.kernels)):
            inside = slice(first - top, last - top), slice(start - left, end - left)
            moved[inside] += kernel.displacement(centre, face[inside])
        total += moved * (np.float32(level) * (1 - np.float32(field.hold) * eyes))[..., None]
    total *= skin.face(face)[..., None]
    part += _enlarged(total @ frame.axes.T.astype(np.float32), step)[: part.shape[0], : part.shape[1]]


def _cells(
    centre: F64, reach: float, step: int, rows: int, columns: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of the grid, half-open, within ``reach`` pixels of ``centre``; may be empty."""
    (left, right), (top, bottom) = (
        (min(max(0, int((c - reach) // step)), n), min(max(0, int((c + reach) // step) + 1), n))
        for c, n in zip(centre, (columns, rows), strict=True)
    )
    return (top, bottom), (left, right)


def _enlarged(coarse: NDArray[np.floating], step: int, interpolation: int = cv2.INTER_CUBIC) -> F32:
    if step == 1:
        return np.asarray(coarse, dtype=np.float32)
    size = (coarse.shape[1] * step, coarse.shape[0] * step)
    small = np.ascontiguousarray(coarse, dtype=np.float32)
    return np.asarray(cv2.resize(small, size, interpolation=interpolation), dtype=np.float32)


def _gain(lights: list[tuple[LightChange, float]], frame: FaceFrame, height: int, width: int) -> F32:
    step = 8
    face = frame.to_face(_grid(0, 0, -(-height // step), -(-width // step), step))
    gain = np.ones(face.shape[:-1])
    for light, level in lights:
        gain *= light.gain(face, level)
    return _enlarged(gain, step, cv2.INTER_LINEAR)[:height, :width]


def _planes(image: PixelImage) -> tuple[U8, U8, U8]:
    """Y, U and V, with even height and width."""
    if image.layout != "i420":
        rgb = image.rgb()
        rgb = np.ascontiguousarray(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])
        image = PixelImage(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), dtype=np.uint8), "i420")
    height, width = image.height, image.width
    chroma = image.data[height:].reshape(2, height // 2, width // 2)
    return image.data[:height], chroma[0], chroma[1]


def _warp(planes: tuple[U8, U8, U8], displacement: F32) -> tuple[U8, U8, U8]:
    """Move each pixel by ``displacement``: inverse warping, bicubic, borders mirrored."""
    half = cv2.resize(displacement, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) * 0.5
    y_map, c_map = _map(displacement), _map(np.asarray(half, dtype=np.float32))
    y, u, v = (
        cv2.remap(
            np.ascontiguousarray(plane), maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        for plane, maps in zip(planes, (y_map, c_map, c_map), strict=True)
    )
    return np.asarray(y, dtype=np.uint8), np.asarray(u, dtype=np.uint8), np.asarray(v, dtype=np.uint8)


def _map(displacement: F32) -> tuple[F32, F32]:
    height, width = displacement.shape[:2]
    xs = np.arange(width, dtype=np.float32)[None, :]
    ys = np.arange(height, dtype=np.float32)[:, None]
    return xs - displacement[..., 0], ys - displacement[..., 1]
