"""What the report keeps of the rows: memory does not grow with the length of the video."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from megc_live.events import FrameRow
from megc_live.face.regions import REGIONS

N_CHANNELS = len(REGIONS) + 2
"""Activity of each region, then blink, then head motion."""
BLINK, HEAD = len(REGIONS), len(REGIONS) + 1

_CAPACITY = 4096
_FIRST_WIDTH_S = 0.01
_OWN_LANES = 4
_GONE_S = 1.0
_GAP_S = 0.5
"""From one frame to the next: in more than that a whole micro-expression can pass unseen."""

Values = NDArray[np.float32]
Counts = NDArray[np.int32]


@dataclass
class Lane:
    """Minimum and maximum of each channel over time, for one face or for faces that came in turn.

    ``low``, ``high``: (bins, channels), NaN where nothing was measured; ``rows``: rows in each bin;
    ``faces``: time in seconds at which each face id first came.
    """

    low: Values = field(default_factory=lambda: np.full((_CAPACITY, N_CHANNELS), np.nan, np.float32))
    high: Values = field(default_factory=lambda: np.full((_CAPACITY, N_CHANNELS), np.nan, np.float32))
    rows: Counts = field(default_factory=lambda: np.zeros(_CAPACITY, np.int32))
    faces: dict[int, float] = field(default_factory=dict)
    last_s: float = -math.inf

    def add(self, at: int, values: Values) -> None:
        """Note one row's values in bin ``at``."""
        self.low[at] = np.fmin(self.low[at], values)
        self.high[at] = np.fmax(self.high[at], values)
        self.rows[at] += 1

    def fits(self, other: Lane) -> bool:
        """Tell whether the faces of both lanes came one after another."""
        changes = len(self.faces) + len(other.faces)  # at each, the old and the new face share a bin
        return int(np.sum((self.rows > 0) & (other.rows > 0))) <= changes

    def joined(self, other: Lane) -> Lane:
        """Return a lane with the faces of both."""
        return Lane(
            np.fmin(self.low, other.low),
            np.fmax(self.high, other.high),
            self.rows + other.rows,
            dict(sorted({**self.faces, **other.faces}.items(), key=lambda item: item[1])),
            max(self.last_s, other.last_s),
        )

    def halve(self) -> None:
        """Join bins in pairs."""
        half = _CAPACITY // 2
        for values, join in ((self.low, np.fmin), (self.high, np.fmax)):
            values[:half] = join(values[0::2], values[1::2])
            values[half:] = np.nan
        _join_counts(self.rows)


class Timeline:
    """The rows of a recording of any length in at most 4096 bins of time.

    Bins start at 10 ms and are joined in pairs whenever the recording outgrows them. Up to four
    faces have a lane each; of more faces, those that come one after another share lanes.

    Attributes
    ----------
    lanes : list of Lane
    width_s : float
        Width of a bin in seconds.
    start_s, end_s : float
        Times of the first and the last frame.
    frames, faceless : ndarray of int32, shape (bins,)
        Frames, and frames without any face, in each bin.
    """

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.width_s = _FIRST_WIDTH_S
        self.start_s = math.nan
        self.end_s = math.nan
        self.frames: Counts = np.zeros(_CAPACITY, np.int32)
        self.faceless: Counts = np.zeros(_CAPACITY, np.int32)
        self._lane_of: dict[int, Lane] = {}
        self._last_frame: int | None = None

    def add(self, row: FrameRow) -> None:
        """Take the next row."""
        if math.isnan(self.start_s):
            self.start_s = row.timestamp
        self.end_s = row.timestamp
        at = self._bin(row.timestamp)
        if row.frame != self._last_frame:
            self._last_frame = row.frame
            self.frames[at] += 1
            self.faceless[at] += not row.success
        if row.success:
            values = np.array((*row.activity, row.blink, row.head_motion), np.float32)
            self._lane(row).add(at, values)

    @property
    def n_bins(self) -> int:
        """Bins from the start to the last frame."""
        return 0 if math.isnan(self.start_s) else int((self.end_s - self.start_s) / self.width_s) + 1

    def times(self) -> NDArray[np.float64]:
        """Return the left edge of each bin in seconds."""
        return np.asarray(self.start_s + self.width_s * np.arange(self.n_bins), dtype=np.float64)

    def _bin(self, t_s: float) -> int:
        at = int((t_s - self.start_s) / self.width_s)
        while at >= _CAPACITY:
            self.width_s *= 2
            for lane in self.lanes:
                lane.halve()
            _join_counts(self.frames)
            _join_counts(self.faceless)
            at = int((t_s - self.start_s) / self.width_s)
        return max(0, at)

    def _lane(self, row: FrameRow) -> Lane:
        lane = self._lane_of.get(row.face_id)
        if lane is None:
            lane = self._free_lane(row.timestamp)
            self._lane_of = {face: other for face, other in self._lane_of.items() if other is not lane}
            self._lane_of[row.face_id] = lane
            lane.faces[row.face_id] = row.timestamp
        lane.last_s = row.timestamp
        return lane

    def _free_lane(self, t_s: float) -> Lane:
        gone = [lane for lane in self.lanes if t_s - lane.last_s > _GONE_S]
        if gone and len(self.lanes) >= _OWN_LANES:
            return max(gone, key=lambda lane: lane.last_s)
        self.lanes.append(Lane())
        return self.lanes[-1]

    def shared_lanes(self) -> list[Lane]:
        """Return the lanes to draw: where lanes are shared anyway, as few as hold all faces."""
        if all(len(lane.faces) < 2 for lane in self.lanes):
            return self.lanes
        drawn: list[Lane] = []
        for lane in self.lanes:
            place = next((k for k, other in enumerate(drawn) if other.fits(lane)), None)
            if place is None:
                drawn.append(lane)
            else:
                drawn[place] = drawn[place].joined(lane)
        return drawn


def _join_counts(counts: Counts) -> None:
    half = _CAPACITY // 2
    counts[:half] = counts[0::2] + counts[1::2]
    counts[half:] = 0


class Histogram:
    """Counts of a measure in equal bins from ``low`` to ``high``; values beyond are put at the ends."""

    def __init__(self, low: float, high: float, n: int) -> None:
        self.low, self.high = low, high
        self.counts: NDArray[np.int64] = np.zeros(n, np.int64)

    def add(self, value: float) -> None:
        """Count a value; NaN is not counted."""
        if math.isnan(value):
            return
        n = len(self.counts)
        at = int((value - self.low) / (self.high - self.low) * n)
        self.counts[min(max(at, 0), n - 1)] += 1

    @property
    def total(self) -> int:
        """Values counted."""
        return int(self.counts.sum())

    def quantile(self, share: float) -> float:
        """Return the value below which ``share`` of the values lie; NaN without any."""
        if not self.total:
            return math.nan
        at = int(np.searchsorted(np.cumsum(self.counts), share * self.total))
        return self.low + (min(at, len(self.counts) - 1) + 0.5) * self.bin_width

    @property
    def bin_width(self) -> float:
        """Width of a bin in units of the measure."""
        return (self.high - self.low) / len(self.counts)

    def used(self) -> tuple[float, float]:
        """Return the range of values that occur."""
        there = np.flatnonzero(self.counts)
        return self.low + there[0] * self.bin_width, self.low + (there[-1] + 1) * self.bin_width


class Gaps:
    """Times in which there were no frames: a pause, or a source that was away.

    Attributes
    ----------
    n : int
        How many; 0 for a source that is as slow all the time.
    total_s : float
        Their length together, seconds.
    first_s : float
        Time of the last frame before the first one, seconds; NaN without any.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._last_s = math.nan
        self._n = 0
        self._total_s = 0.0
        self._first_s = math.nan

    def add(self, t_s: float) -> None:
        """Take the next frame's time."""
        step_s, before_s, self._last_s = t_s - self._last_s, self._last_s, t_s
        if math.isnan(step_s):
            return
        self._steps += 1
        if step_s > _GAP_S:
            self._first_s = self._first_s if self._n else before_s
            self._n += 1
            self._total_s += step_s

    @property
    def n(self) -> int:
        """How many."""
        return self._n if 2 * self._n < self._steps else 0

    @property
    def total_s(self) -> float:
        """Their length together, seconds."""
        return self._total_s if self.n else 0.0

    @property
    def first_s(self) -> float:
        """When the first one began, seconds; NaN without any."""
        return self._first_s if self.n else math.nan


class QualityStats:
    """How good the pictures of the faces were.

    Attributes
    ----------
    frames, frames_with_face : int
    rows : int
        Rows with a face: with several faces more than frames.
    words : Counter
        Rows with each quality warning.
    eye_px, pitch, yaw, exposure, blur : Histogram
    gaps : Gaps
        Between the frames.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.frames_with_face = 0
        self.rows = 0
        self.words: Counter[str] = Counter()
        self.eye_px = Histogram(0, 1000, 4000)
        self.pitch = Histogram(-90, 90, 180)
        self.yaw = Histogram(-90, 90, 180)
        self.exposure = Histogram(0, 256, 256)
        self.blur = Histogram(0, 100, 400)
        self.gaps = Gaps()
        self._last_frame: int | None = None

    def add(self, row: FrameRow) -> None:
        """Take the next row."""
        if row.frame != self._last_frame:
            self._last_frame = row.frame
            self.gaps.add(row.timestamp)
            self.frames += 1
            self.frames_with_face += bool(row.success)
        if not row.success:
            return
        self.rows += 1
        self.words.update(word for word in row.quality.split("|") if word)
        self.eye_px.add(row.eye_px)
        self.pitch.add(row.pose[0])
        self.yaw.add(row.pose[1])
        self.exposure.add(row.exposure)
        self.blur.add(row.blur)

    @property
    def face_share(self) -> float:
        """Share of frames with a face; NaN without frames."""
        return self.frames_with_face / self.frames if self.frames else math.nan

    def share(self, word: str) -> float:
        """Share of the rows with a face that carry a quality warning."""
        return self.words[word] / self.rows if self.rows else 0.0
