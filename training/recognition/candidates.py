"""Settings of STSTNet that a choice is made among. Written down before any of them was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.recognition.base import METHODS, Method, make_method
from training.recognition.ststnet import Schedule


@dataclass(frozen=True)
class Candidate:
    """One set of settings.

    Attributes
    ----------
    name : str
        Says what differs from the default, and is the stem of files.
    schedule : Schedule
    more : dict
        Other settings of the method.
    """

    name: str
    schedule: Schedule
    more: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Method[Any]:
        """Make the method."""
        return make_method("ststnet", schedule=self.schedule, **self.more)

    @property
    def together(self) -> int:
        """How many folds are fitted in one pass (:mod:`training.recognition.grouped`); 1 where it cannot."""
        alone = self.schedule.decay or self.schedule.mirrored or self.more.get("standardised")
        return 1 if alone else int(METHODS["ststnet"].capabilities["folds_together"])


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("default", Schedule()),
    Candidate("epochs-20", Schedule(epochs=20)),
    Candidate("epochs-60", Schedule(epochs=60)),
    Candidate("rate-1e-3", Schedule(rate=1e-3)),
    Candidate("rate-4e-3", Schedule(rate=4e-3)),
    Candidate("decay-1e-2", Schedule(decay=1e-2)),
    Candidate("mirrored", Schedule(mirrored=True)),
    Candidate("standardised", Schedule(), {"standardised": True}),
    Candidate("mirrored-standardised", Schedule(mirrored=True), {"standardised": True}),
)
