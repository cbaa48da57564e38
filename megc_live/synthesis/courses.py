"""Courses over time: how far a movement is at a time, 0 at rest and 1 at the apex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

SHAPES: tuple[str, ...] = ("linear", "cosine", "smooth", "snap", "lag")
"""Forms of a rise or a fall; ``snap`` is fast first, ``lag`` slow first."""


@dataclass(frozen=True)
class Course:
    """Onset, apex with an optional plateau, offset.

    Attributes
    ----------
    onset_s, apex_s, offset_s : float
        The movement is 0 up to the onset and from the offset on, 1 at the apex.
    plateau_s : float
        Time held at 1 after ``apex_s``; ends before the offset.
    rise, fall : str
        Of :data:`SHAPES`.
    ripple : tuple of three float
        Amplitude, cycles and phase of an irregularity that vanishes at onset, apex and offset.
    """

    onset_s: float
    apex_s: float
    offset_s: float
    plateau_s: float = 0.0
    rise: str = "cosine"
    fall: str = "cosine"
    ripple: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def __call__(self, t_s: NDArray[np.floating] | float) -> F64:
        """Evaluate at times in seconds; the result is in [0, 1] and has the shape of ``t_s``."""
        t = np.asarray(t_s, dtype=np.float64)
        up = _clipped((t - self.onset_s) / max(self.apex_s - self.onset_s, 1e-9))
        fall_from = self.apex_s + self.plateau_s
        down = _clipped((self.offset_s - t) / max(self.offset_s - fall_from, 1e-9))
        level = np.where(t <= self.apex_s, _ease(self.rise, up), _ease(self.fall, down))
        size, cycles, phase = self.ripple
        wobble = (
            1 + size * np.sin(2 * np.pi * cycles * np.minimum(up, down) + phase) * level * (1 - level) * 4
        )
        return np.asarray(np.clip(level * wobble, 0.0, 1.0))


class Wander:
    """A smooth, endless wander within [-1, 1]: a sum of four sines.

    Parameters
    ----------
    rng : numpy.random.Generator
    periods_s : tuple of float
        Shortest and longest period, seconds.
    """

    def __init__(self, rng: np.random.Generator, periods_s: tuple[float, float]) -> None:
        low, high = np.log(periods_s[0]), np.log(periods_s[1])
        self._rates = 2 * np.pi / np.exp(rng.uniform(low, high, 4))
        self._phases = rng.uniform(0, 2 * np.pi, 4)
        sizes = rng.uniform(0.3, 1.0, 4)
        self._sizes = sizes / sizes.sum()

    def __call__(self, t_s: NDArray[np.floating] | float) -> F64:
        """Evaluate at times in seconds; the result has the shape of ``t_s``."""
        t = np.asarray(t_s, dtype=np.float64)[..., None]
        return np.asarray((self._sizes * np.sin(self._rates * t + self._phases)).sum(-1))


def draw_course(
    rng: np.random.Generator,
    onset_s: float,
    duration_s: float,
    *,
    apex_at: tuple[float, float] = (0.25, 0.75),
    plateau: float = 0.25,
) -> Course:
    """Draw a course that lasts ``duration_s``.

    Parameters
    ----------
    rng : numpy.random.Generator
    onset_s, duration_s : float
        Seconds.
    apex_at : tuple of float
        Range of the apex, as a fraction of the duration.
    plateau : float
        Probability of a hold at the apex.
    """
    apex_s = onset_s + duration_s * float(rng.uniform(*apex_at))
    offset_s = onset_s + duration_s
    held = float(rng.uniform(0.15, 0.6)) * (offset_s - apex_s) if rng.random() < plateau else 0.0
    rise, fall = (str(rng.choice(SHAPES)) for _ in range(2))
    ripple = (
        float(abs(rng.normal(0, 0.12))),
        float(rng.uniform(0.5, 2.0)),
        float(rng.uniform(0, 2 * np.pi)),
    )
    return Course(onset_s, apex_s, offset_s, held, rise, fall, ripple)


def _ease(shape: str, x: F64) -> F64:
    """Monotone map of [0, 1] onto [0, 1]."""
    if shape == "linear":
        return x
    if shape == "cosine":
        return np.asarray((1 - np.cos(np.pi * x)) / 2)
    if shape == "smooth":
        return np.asarray(x**3 * (10 - 15 * x + 6 * x * x))
    if shape == "snap":
        return np.asarray(1 - (1 - x) ** 2)
    if shape == "lag":
        return np.asarray(x**1.7)
    raise ValueError(f"course shape {shape!r} is none of {SHAPES}")


def _clipped(x: F64) -> F64:
    return np.asarray(np.clip(x, 0.0, 1.0))
