"""Facial action units as smooth displacement fields that ride on the face mesh.

Each unit is a handful of kernels (:class:`Kernel`) placed on mesh points, with directions from
the muscles' lines of pull (Ekman, Friesen and Hager, *Facial Action Coding System*, 2002). Every
draw has its own centres, widths, directions, weights, profiles and asymmetry, so that no two
draws share a shape: a spotter cannot learn them as templates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SettingsError
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.muscles import FREE_POINTS, PULLS, Pull, mirror

F64 = NDArray[np.float64]

UNITS: tuple[str, ...] = tuple(PULLS)
"""The action units that can be drawn."""
FREE = "free"
"""A movement of no action unit: anywhere on the face, in any direction."""
ONE_SIDED: frozenset[str] = frozenset(unit for unit in UNITS if unit not in ("AU17", "AU25"))
"""Units that can move on one side alone."""
SIDES: tuple[str, ...] = ("B", "R", "L")
"""Both sides, the subject's right, the subject's left."""


_RIM = (10, 152, 234, 454)
"""Mesh points at the face's top, bottom, right and left."""
_IRISES = (468, 473)
_EYEBALL = (0.12, 0.05)
"""Standard deviations of what is held still round an iris, eye distances."""


@dataclass(frozen=True)
class Kernel:
    """One smooth bump of displacement.

    Attributes
    ----------
    points : tuple of int
        Mesh points; their mean, moved by ``shift``, is the centre.
    shift : tuple of float
        Face coordinates (unit: eye distance).
    widths, angle
        Standard deviations along the kernel's own two axes (eye distances), and the first axis'
        angle in face coordinates, radians.
    power : float
        Profile ``exp(-(r^2 / 2) ** power)``: 1 is Gaussian, more is flatter with a steeper rim.
    pull : tuple of float
        Displacement at the centre, face coordinates.
    spread : tuple of four float
        2x2 matrix, row by row: how the displacement changes across the kernel (skin gathers,
        stretches, turns) per kernel width.
    """

    points: tuple[int, ...]
    shift: tuple[float, float]
    widths: tuple[float, float]
    angle: float
    power: float
    pull: tuple[float, float]
    spread: tuple[float, float, float, float]

    def centre(self, landmarks: NDArray[np.floating], frame: FaceFrame) -> F64:
        """Where the kernel is, face coordinates, shape (2,)."""
        return np.asarray(frame.to_face(landmarks[list(self.points), :2].mean(0)) + self.shift)

    def displacement(self, centre: F64, face_xy: NDArray[Any]) -> NDArray[Any]:
        """Evaluate round ``centre`` at ``face_xy`` (..., 2): face coordinates, same shape and type."""
        kind = face_xy.dtype.type
        x, y = face_xy[..., 0] - kind(centre[0]), face_xy[..., 1] - kind(centre[1])
        c, s = np.cos(self.angle), np.sin(self.angle)
        across = x * kind(c / self.widths[0]) + y * kind(s / self.widths[0])
        along = y * kind(c / self.widths[1]) - x * kind(s / self.widths[1])
        half_r2 = (across * across + along * along) * kind(0.5)
        weight = np.exp(-(half_r2 if self.power == 1.0 else half_r2 ** kind(self.power)))
        xx, xy, yx, yy = (kind(v) for v in self.spread)
        result = np.empty_like(face_xy)
        result[..., 0] = weight * (kind(self.pull[0]) + xx * across + xy * along)
        result[..., 1] = weight * (kind(self.pull[1]) + yx * across + yy * along)
        return result

    @property
    def reach(self) -> float:
        """Radius in eye distances outside which the kernel moves nothing to speak of."""
        return 3.4 * max(self.widths)


@dataclass(frozen=True)
class UnitField:
    """One draw of a unit: its kernels.

    Attributes
    ----------
    unit : str
        Name in :data:`UNITS`, or ``"free"``.
    side : str
        One of :data:`SIDES`.
    kernels : tuple of Kernel
    hold : float
        How far the eyeballs stay at rest while the lids move: 0 not at all, 1 altogether.
    """

    unit: str
    side: str
    kernels: tuple[Kernel, ...]
    hold: float = 0.8

    def displacement(self, landmarks: NDArray[np.floating], xy_grid: NDArray[np.floating]) -> F64:
        """Displacement of the skin at pixel positions.

        Parameters
        ----------
        landmarks : ndarray, shape (478, 3)
            Mesh points in pixels.
        xy_grid : ndarray, shape (..., 2)
            Pixel positions x, y.

        Returns
        -------
        ndarray, shape (..., 2)
            Displacement u, v in pixels at amplitude 1, whose peak is about one eye distance
            before :meth:`scaled`, exactly one after it.
        """
        frame = FaceFrame.of(landmarks)
        return np.asarray(self.in_face(landmarks, frame, frame.to_face(xy_grid)) @ frame.axes.T)

    def in_face(self, landmarks: NDArray[np.floating], frame: FaceFrame, face_xy: F64) -> F64:
        """Evaluate at ``face_xy`` (..., 2), all in face coordinates."""
        total = np.zeros_like(face_xy)
        for kernel in self.kernels:
            total += kernel.displacement(kernel.centre(landmarks, frame), face_xy)
        skin = Skin.of(landmarks, frame)
        return np.asarray(total * (skin.face(face_xy) * (1 - self.hold * skin.eyes(face_xy)))[..., None])

    def scaled(self, factor: float) -> UnitField:
        """Return the field with every displacement multiplied by ``factor``."""
        return replace(
            self,
            kernels=tuple(
                replace(
                    k,
                    pull=(k.pull[0] * factor, k.pull[1] * factor),
                    spread=(
                        k.spread[0] * factor,
                        k.spread[1] * factor,
                        k.spread[2] * factor,
                        k.spread[3] * factor,
                    ),
                )
                for k in self.kernels
            ),
        )


@dataclass(frozen=True)
class Skin:
    """Where skin can move, in face coordinates: an ellipse for the face, two bumps for the eyeballs."""

    centre: F64
    half: F64
    irises: F64

    @classmethod
    def of(cls, landmarks: NDArray[np.floating], frame: FaceFrame) -> Skin:
        """Measure it on mesh points, shape (478, 3), pixels."""
        rim = frame.to_face(landmarks[list(_RIM), :2])
        half = np.array([np.ptp(rim[2:, 0]), np.ptp(rim[:2, 1])]) / 2
        return cls(
            (rim[:2].mean(0) + rim[2:].mean(0)) / 2,
            np.maximum(half, 0.3),
            frame.to_face(landmarks[list(_IRISES), :2]),
        )

    def face(self, face_xy: NDArray[Any]) -> NDArray[Any]:
        """1 inside of the face, falling to 0 outside of its contour."""
        kind = face_xy.dtype.type
        x = (face_xy[..., 0] - kind(self.centre[0])) / kind(self.half[0])
        y = (face_xy[..., 1] - kind(self.centre[1])) / kind(self.half[1])
        fall = np.clip((kind(1.35) - np.hypot(x, y)) / kind(0.33), 0, 1)
        return np.asarray(fall * fall * (3 - 2 * fall))

    def eyes(self, face_xy: NDArray[Any]) -> NDArray[Any]:
        """1 at the irises, falling to 0 at the lids' outer rims."""
        kind = face_xy.dtype.type
        total = np.zeros(face_xy.shape[:-1], dtype=face_xy.dtype)
        for iris in self.irises:
            x = (face_xy[..., 0] - kind(iris[0])) / kind(_EYEBALL[0])
            y = (face_xy[..., 1] - kind(iris[1])) / kind(_EYEBALL[1])
            total += np.exp((x * x + y * y) * kind(-0.5))
        return np.asarray(np.minimum(total, kind(1)))


def peak_of(
    fields: tuple[UnitField, ...], landmarks: NDArray[np.floating]
) -> tuple[float, tuple[float, float]]:
    """Largest displacement of the summed fields (eye distances) and where it is (face coordinates)."""
    frame = FaceFrame.of(landmarks)
    face = frame.to_face(landmarks[:468, :2])
    low, high = face.min(0) - 0.2, face.max(0) + 0.2
    xs, ys = (np.arange(low[axis], high[axis], 0.04) for axis in (0, 1))
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    total = np.zeros_like(grid)
    for field in fields:
        total += field.in_face(landmarks, frame, grid)
    size = np.hypot(total[..., 0], total[..., 1])
    top = np.unravel_index(int(size.argmax()), size.shape)
    return float(size[top]), (float(grid[top][0]), float(grid[top][1]))


def draw_unit(rng: np.random.Generator, unit: str, side: str = "B") -> UnitField:
    """Draw one shape of a unit.

    Parameters
    ----------
    rng : numpy.random.Generator
    unit : str
        Name in :data:`UNITS`, or ``"free"``.
    side : str
        ``"B"``, ``"R"`` or ``"L"``; units without two sides (AU17, AU25, free) ignore it.

    Raises
    ------
    SettingsError
        Unknown unit or side.
    """
    if unit != FREE and unit not in PULLS:
        raise SettingsError(f"there is no action unit {unit!r}.", f"Choose of {', '.join(UNITS)}, {FREE}.")
    if side not in SIDES:
        raise SettingsError(f"there is no side {side!r}.", "Choose B, R or L.")
    if unit == FREE:
        return UnitField(FREE, "B", _free_kernels(rng), hold=float(rng.uniform(0.0, 1.0)))
    if unit not in ONE_SIDED:
        side = "B"
    kernels: list[Kernel] = []
    balance = float(np.exp(rng.normal(0, 0.25)))  # two-sided movements are seldom symmetric
    for pull in PULLS[unit]:
        if rng.random() < pull.optional:
            continue
        right = _draw_kernel(rng, pull)
        if pull.middle:
            kernels.append(right)
            continue
        twin = mirror(_shake(rng, right))
        if side in ("B", "R"):
            kernels.append(_weighted(right, balance if side == "B" else 1.0))
        if side in ("B", "L"):
            kernels.append(_weighted(twin, 1 / balance if side == "B" else 1.0))
    return UnitField(unit, side, tuple(kernels), hold=float(rng.uniform(0.4, 1.0)))


def _draw_kernel(rng: np.random.Generator, pull: Pull) -> Kernel:
    angle = np.radians(pull.degrees + rng.normal(0, 14))
    size = pull.weight * float(np.exp(rng.normal(0, 0.25)))
    stretch = float(np.exp(rng.normal(0, 0.25)))
    widths = (
        float(np.clip(pull.widths[0] * stretch * np.exp(rng.normal(0, 0.18)), 0.06, 0.6)),
        float(np.clip(pull.widths[1] * stretch * np.exp(rng.normal(0, 0.18)), 0.06, 0.6)),
    )
    shift = rng.normal(0, 0.06 + 0.1 * min(widths), 2)
    return Kernel(
        points=pull.points,
        shift=(float(shift[0]), float(shift[1])),
        widths=widths,
        angle=float(np.radians(pull.turn) + rng.normal(0, 0.25)),
        power=float(rng.choice([1.0, 1.0, rng.uniform(0.85, 1.6)])),
        pull=(float(size * np.cos(angle)), float(-size * np.sin(angle))),
        spread=_spread(rng, size),
    )


def _shake(rng: np.random.Generator, kernel: Kernel) -> Kernel:
    """A near copy, for the other side of the face."""
    turn = rng.normal(0, 0.12)
    c, s = np.cos(turn), np.sin(turn)
    x, y = kernel.pull
    shift = rng.normal(0, 0.03, 2)
    return replace(
        kernel,
        shift=(kernel.shift[0] + float(shift[0]), kernel.shift[1] + float(shift[1])),
        widths=(
            kernel.widths[0] * float(np.exp(rng.normal(0, 0.08))),
            kernel.widths[1] * float(np.exp(rng.normal(0, 0.08))),
        ),
        pull=(float(c * x - s * y), float(s * x + c * y)),
    )


def _weighted(kernel: Kernel, factor: float) -> Kernel:
    return UnitField("", "B", (kernel,)).scaled(factor).kernels[0]


def _spread(rng: np.random.Generator, size: float) -> tuple[float, float, float, float]:
    values = rng.normal(0, 0.22 * size, 4)
    return float(values[0]), float(values[1]), float(values[2]), float(values[3])


def _free_kernels(rng: np.random.Generator) -> tuple[Kernel, ...]:
    kernels = []
    direction = rng.uniform(0, 2 * np.pi)
    centre = int(rng.choice(FREE_POINTS))
    for index in range(int(rng.choice([1, 1, 2]))):
        stretch = float(np.exp(rng.uniform(np.log(0.1), np.log(0.34))))
        turn = direction + (rng.normal(0, 0.7) if index else 0.0)
        shift = rng.normal(0, 0.05 if index == 0 else 0.3, 2)
        kernels.append(
            Kernel(
                points=(centre,),
                shift=(float(shift[0]), float(shift[1])),
                widths=(stretch, float(np.clip(stretch * np.exp(rng.normal(0, 0.3)), 0.08, 0.4))),
                angle=float(rng.uniform(0, np.pi)),
                power=float(rng.choice([1.0, rng.uniform(0.85, 1.6)])),
                pull=(float(np.cos(turn)), float(np.sin(turn))),
                spread=_spread(rng, 1.0),
            )
        )
    return tuple(kernels)
