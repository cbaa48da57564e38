"""Planned events made real: displacement of skin, of the head, of the lids; change of light.

All of it is written for inverse warping: given a pixel of the picture to be made, where in the
source picture does it come from?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from megc_live.synthesis.courses import draw_course
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.plan import PlannedEvent, course_of
from megc_live.synthesis.units import UnitField, draw_unit, peak_of

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]


class Level(Protocol):
    """How far an event is at a time in seconds: 0 at rest."""

    def __call__(self, t_s: NDArray[np.floating] | float) -> F64:
        """Return the level at times, of their shape."""


class Knots:
    """A smooth course through given levels (monotone cubic, no overshoot); 0 outside."""

    def __init__(self, times_s: list[float], levels: list[float]) -> None:
        self._span = times_s[0], times_s[-1]
        self._curve = PchipInterpolator(times_s, levels)

    def __call__(self, t_s: NDArray[np.floating] | float) -> F64:
        """Return the level at times in seconds, of their shape."""
        t = np.asarray(t_s, dtype=np.float64)
        inside = (t >= self._span[0]) & (t <= self._span[1])
        return np.asarray(np.where(inside, self._curve(np.clip(t, *self._span)), 0.0))


@dataclass(frozen=True)
class SkinMovement:
    """Micro, macro, sham, step and talk events: fields times a course.

    ``fields`` are scaled so that their common peak is ``amplitude`` eye distances.
    """

    fields: tuple[UnitField, ...]
    level: Level


@dataclass(frozen=True)
class HeadMovement:
    """A small rigid movement of the head, or of the camera.

    Attributes
    ----------
    shift : tuple of float
        Translation at level 1, face coordinates.
    roll, zoom : float
        Radians; relative scale.
    turn : tuple of float
        Yaw and pitch in radians: what sticks out of the face moves more (parallax).
    whole : bool
        True: the whole picture moves (camera), False: the head before a still background.
    """

    shift: tuple[float, float]
    roll: float
    zoom: float
    turn: tuple[float, float]
    whole: bool
    level: Level

    def displacement(self, face_xy: F64, depth: F64, level: float) -> F64:
        """Displacement in face coordinates, before any mask.

        Parameters
        ----------
        face_xy : ndarray, shape (..., 2)
        depth : ndarray, shape (...)
            Towards the camera, eye distances.
        level : float
        """
        x, y = face_xy[..., 0], face_xy[..., 1] - 0.6  # turns about the middle of the face
        u = self.shift[0] - self.roll * y + self.zoom * x + self.turn[0] * depth
        v = self.shift[1] + self.roll * x + self.zoom * y + self.turn[1] * depth
        return np.stack([u, v], axis=-1) * level


@dataclass(frozen=True)
class Blink:
    """Lids that close by ``closure`` (right eye, left eye) at level 1."""

    closure: tuple[float, float]
    level: Level


@dataclass(frozen=True)
class LightChange:
    """Brightness changed by ``size`` (relative) at level 1, fully on one side if ``slope`` is large.

    ``direction``: radians, where the light comes from; ``slope``: per eye distance, 0 for the whole
    picture alike.
    """

    size: float
    direction: float
    slope: float
    level: Level

    def gain(self, face_xy: F64, level: float) -> F64:
        """Factor on brightness at ``face_xy`` (..., 2)."""
        if self.slope == 0:
            return np.full(face_xy.shape[:-1], 1 + self.size * level)
        along = face_xy[..., 0] * np.cos(self.direction) + (face_xy[..., 1] - 0.6) * np.sin(self.direction)
        return np.asarray(1 + self.size * level / (1 + np.exp(-self.slope * along)))


Movement = SkinMovement | HeadMovement | Blink | LightChange


def head_mask(face_xy: F64) -> F64:
    """1 on the head and its hair, smoothly 0 on the background."""
    r = np.hypot(face_xy[..., 0] / 1.5, (face_xy[..., 1] - 0.4) / 2.1)
    x = np.clip((1.9 - r) / 0.9, 0.0, 1.0)
    return np.asarray(x * x * (3 - 2 * x))


def depth_model(landmarks: NDArray[np.floating], frame: FaceFrame) -> F64:
    """Fit how far the face's surface is towards the camera, in eye distances.

    Returns the coefficients for :func:`depth_at`: a smooth surface through the mesh's z.
    """
    face = frame.to_face(landmarks[:468, :2])
    towards = -(landmarks[:468, 2] - landmarks[:468, 2].mean()) / frame.eye_px
    return np.asarray(np.linalg.lstsq(_depth_basis(face), towards, rcond=None)[0])


def depth_at(coefficients: F64, face_xy: F64) -> F64:
    """Evaluate :func:`depth_model` at face coordinates (..., 2)."""
    return np.asarray(_depth_basis(np.clip(face_xy, -2.0, 2.5)) @ coefficients)


def _depth_basis(face_xy: F64) -> F64:
    x, y = face_xy[..., 0], face_xy[..., 1]
    nose = np.exp(-((x / 0.28) ** 2) - ((y - 0.62) / 0.4) ** 2)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, nose], axis=-1)


def realise(event: PlannedEvent, landmarks: NDArray[np.floating]) -> list[Movement]:
    """Make an event's movements.

    Parameters
    ----------
    event : PlannedEvent
    landmarks : ndarray, shape (478, 3)
        Mesh points at the event's onset, in pixels; the amplitude is set on them.
    """
    if event.kind in ("micro", "macro", "sham"):
        course, rng = course_of(event)
        return [SkinMovement(_draw_fields(rng, event, landmarks), course)]
    rng = np.random.default_rng(event.seed)
    if event.kind == "step":
        return [SkinMovement(_draw_fields(rng, event, landmarks), _step_level(rng, event))]
    if event.kind == "talk":
        fields = _draw_fields(rng, event, landmarks)
        return [SkinMovement(fields, _syllables(rng, event))]
    if event.kind == "head":
        return [_draw_head(rng, event)]
    if event.kind == "blink":
        return _draw_blink(rng, event, landmarks)
    if event.kind == "light":
        return [_draw_light(rng, event)]
    raise ValueError(f"cannot plant an event of kind {event.kind!r}")


def _draw_fields(
    rng: np.random.Generator, event: PlannedEvent, landmarks: NDArray[np.floating]
) -> tuple[UnitField, ...]:
    """Draw the event's fields, scaled together to its amplitude (a sham's: to nothing)."""
    fields = tuple(draw_unit(rng, u, s) for u, s in zip(event.units, event.sides, strict=True))
    weights = np.exp(rng.normal(0, 0.25, len(fields)))
    fields = tuple(field.scaled(float(w)) for field, w in zip(fields, weights, strict=True))
    peak, _ = peak_of(fields, landmarks)
    return tuple(field.scaled(event.amplitude / peak) for field in fields)


def _step_level(rng: np.random.Generator, event: PlannedEvent) -> Knots:
    """Rise, stay for two seconds and more, creep back."""
    start, top, end = event.onset_s, event.apex_s, event.offset_s
    middle = start + (top - start) * float(rng.uniform(0.35, 0.65))
    times, levels = [start, middle, top], [0.0, 0.5, 1.0]
    relax = top + 2.0 + float(rng.uniform(0.1, 1.2))
    back = max(end, relax + 1.2)  # a clip that ends earlier cuts this off
    return Knots([*times, relax, back], [*levels, float(rng.uniform(0.85, 1.0)), 0.0])


def _syllables(rng: np.random.Generator, event: PlannedEvent) -> Knots:
    """An irregular run of openings and closings, some incomplete."""
    times, levels = [event.onset_s], [0.0]
    high = True
    while times[-1] < event.offset_s - 0.25:
        times.append(times[-1] + float(rng.uniform(0.07, 0.22)))
        levels.append(float(rng.uniform(0.35, 1.0)) if high else float(rng.uniform(0.0, 0.35)))
        high = not high
    return Knots([*times, max(event.offset_s, times[-1] + 0.08)], [*levels, 0.0])


def _out_and_back(rng: np.random.Generator, event: PlannedEvent) -> Level:
    return draw_course(rng, event.onset_s, event.offset_s - event.onset_s, apex_at=(0.3, 0.7))


def _draw_head(rng: np.random.Generator, event: PlannedEvent) -> HeadMovement:
    size = event.amplitude
    form = str(rng.choice(["shift", "nod", "shake", "tilt", "zoom", "mixed"]))
    along = float(rng.uniform(0, 2 * np.pi))
    parts = {"shift": 0.0, "nod": 0.0, "shake": 0.0, "tilt": 0.0, "zoom": 0.0}
    if form == "mixed":
        parts = {name: float(rng.normal(0, 0.5)) for name in parts}
    else:
        parts[form] = float(rng.choice([-1.0, 1.0]))
    # Sizes are displacements at the rim of the face, about one eye distance from its middle.
    return HeadMovement(
        shift=(
            size * (parts["shift"] * float(np.cos(along)) + 0.6 * parts["shake"]),
            size * (parts["shift"] * float(np.sin(along)) + 0.6 * parts["nod"]),
        ),
        roll=size * parts["tilt"],
        zoom=0.8 * size * parts["zoom"],
        turn=(size * parts["shake"], size * parts["nod"]),
        whole=bool(rng.random() < 0.3),
        level=_head_level(rng, event),
    )


def _head_level(rng: np.random.Generator, event: PlannedEvent) -> Level:
    """Out and back; out and slowly back; or to and fro with decay."""
    start, end = event.onset_s, event.offset_s
    draw = rng.random()
    if draw < 0.6:
        return _out_and_back(rng, event)
    if draw < 0.8:
        slow = end + float(rng.uniform(1.5, 4.0))
        return Knots([start, end, end + 0.4, slow], [0.0, 1.0, 0.97, 0.0])
    quarter = (end - start) / 6
    return Knots([start + quarter * i for i in (0, 1, 3, 5, 6)], [0.0, 1.0, -0.6, 0.3, 0.0])


def _draw_blink(
    rng: np.random.Generator, event: PlannedEvent, landmarks: NDArray[np.floating]
) -> list[Movement]:
    close = float(rng.uniform(0.3, 0.5))
    level = draw_course(rng, event.onset_s, event.offset_s - event.onset_s, apex_at=(close - 0.05, close))
    both = (event.amplitude, event.amplitude * float(rng.uniform(0.85, 1.0)))
    one_eyed = rng.random()
    closure = both if one_eyed > 0.06 else ((both[0], 0.0) if one_eyed > 0.03 else (0.0, both[1]))
    # The skin round the eyes takes part a little.
    skin = draw_unit(rng, "AU7", "B")
    peak, _ = peak_of((skin,), landmarks)
    size = float(rng.uniform(0.0, 0.012)) / peak
    return [Blink(closure, level), SkinMovement((skin.scaled(size),), level)]


def _draw_light(rng: np.random.Generator, event: PlannedEvent) -> LightChange:
    sign = float(rng.choice([-0.7, 1.0]))
    slope = 0.0 if rng.random() < 0.45 else float(rng.uniform(1.0, 5.0))
    return LightChange(
        event.amplitude * sign, float(rng.uniform(0, 2 * np.pi)), slope, _light_level(rng, event)
    )


def _light_level(rng: np.random.Generator, event: PlannedEvent) -> Level:
    if rng.random() < 0.6:
        return _out_and_back(rng, event)
    times, levels = [event.onset_s], [0.0]  # flicker
    while times[-1] < event.offset_s - 0.2:
        times.append(times[-1] + float(rng.uniform(0.04, 0.2)))
        levels.append(float(rng.uniform(-1.0, 1.0)))
    return Knots([*times, times[-1] + 0.08], [*levels, 0.0])
