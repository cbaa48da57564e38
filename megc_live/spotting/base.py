"""What every spotter is: signals in, spans out, as soon as they are certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from megc_live.models import ModelStore
from megc_live.registry import Registry
from megc_live.spotting.interval import Kind
from megc_live.spotting.signals import RegionSignal


@dataclass(frozen=True)
class Span:
    """A movement in stream time, before it is put on frames. Times in seconds, regions strongest first."""

    onset_s: float
    apex_s: float
    offset_s: float
    score: float
    kind: Kind
    regions: tuple[str, ...] = ()


class Spotter(Protocol):
    """Spots movements of one face, online.

    A spotter sees each signal once, in order of time, and may not look at the clock. What it returns
    must depend on the signals alone, not on when they arrive.
    """

    delay_s: float
    """The longest time from a micro-expression's offset until its span is certain, in stream time, not
    counting the wait for the next frame: see :func:`stated_delay`."""

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain, in order of onset."""
        ...

    def flush(self) -> list[Span]:
        """The face is gone or the video is over: return what is left. Pushing again starts anew."""
        ...


def stated_delay(spotter: Spotter, fps: float) -> float:
    """Longest time from a micro-expression's offset to its span, in stream time, at a frame rate.

    What is certain is told with the next frame that is measured: one frame later, or two where a frame
    repeats the one before and is left out. Above 40 frames/s not every frame is measured.
    """
    return spotter.delay_s + 2 / min(fps, 25.0)


SPOTTERS: Registry[Spotter] = Registry("spotter")
"""Spotters by name: ``make(models: ModelStore, threshold: float | None) -> Spotter``."""


def make_spotter(name: str, models: ModelStore, threshold: float | None = None) -> Spotter:
    """Make a spotter by its registered name.

    Raises
    ------
    SettingsError
        There is none of that name.
    ModelError
        Its model is missing or altered.
    """
    return SPOTTERS[name].make(models, threshold)


def spotter_models(name: str) -> tuple[str, ...]:
    """Names of the models that a spotter needs: its own name, or nothing where nothing is trained.

    Raises
    ------
    SettingsError
        There is no spotter of that name.
    """
    return (name,) if SPOTTERS[name].capabilities["trained"] else ()
