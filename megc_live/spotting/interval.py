"""What a spotter says: an interval from onset to offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["micro", "macro"]


@dataclass(frozen=True)
class Interval:
    """A spotted facial movement. Frame indices are 0-based and inclusive; times in seconds.

    Attributes
    ----------
    onset, apex, offset : int
        Frame indices in the source, ``onset <= apex <= offset``.
    onset_s, apex_s, offset_s : float
        The same frames' presentation times.
    score : float
        The spotter's confidence in [0, 1].
    kind : str
        ``"micro"`` or ``"macro"``.
    regions : tuple of str
        Names of the regions that moved most, strongest first (:data:`megc_live.face.regions.REGIONS`).
    n_dropped : int
        Frames of the source that are missing inside the interval.
    """

    onset: int
    apex: int
    offset: int
    onset_s: float
    apex_s: float
    offset_s: float
    score: float
    kind: Kind
    regions: tuple[str, ...] = ()
    n_dropped: int = 0

    def __post_init__(self) -> None:
        if not self.onset <= self.apex <= self.offset:
            raise ValueError(
                f"an interval needs onset <= apex <= offset, got {self.onset}, {self.apex}, {self.offset}"
            )


def iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Intersection over union of two inclusive frame intervals (MEGC 2019, eq. 1)."""
    inter = min(a[1], b[1]) - max(a[0], b[0]) + 1
    if inter <= 0:
        return 0.0
    return inter / ((a[1] - a[0] + 1) + (b[1] - b[0] + 1) - inter)
