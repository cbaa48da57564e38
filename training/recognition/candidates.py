"""Settings of STSTNet that a choice is made among. Written down before any of them was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.recognition.ststnet import TOGETHER, Schedule, StstNetMethod


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

    def make(self) -> StstNetMethod:
        """Make the method."""
        return StstNetMethod(self.schedule, **self.more)

    @property
    def together(self) -> int:
        """How many folds are fitted in one pass; 1 where the settings are not for it."""
        return TOGETHER if self.make().in_one_pass else 1


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
