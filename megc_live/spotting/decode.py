"""From a network's course of scores to spans: peaks for micro, runs for macro-expressions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.face.regions import REGIONS
from megc_live.spotting.base import Span
from megc_live.spotting.features import GRID_HZ

F32 = NDArray[np.float32]

PEAK_REACH = 3
"""A peak is the largest score within so many steps on either side."""
_KEEP_STEPS = round(6 * GRID_HZ)
_LONGEST_STEPS = round(5 * GRID_HZ)
"""A macro-expression that lasts longer is told in parts: its frames must still be at hand."""
_SHORTEST_MACRO_S = 0.5
"""What is shorter is no macro-expression, whatever its score."""
_OVERLAP = 0.3
_REGION_SHARE = 0.5
_MAX_REGIONS = 4
LIVELY = 1.0
"""A face is lively where its regions' median speed exceeds this, percent of the eye distance per 0.1 s: most
who talk, hardly anybody who sits still."""
_LIVELINESS_S = 3.0
_MOTION_DELAY = 0.05  # a motion over 0.1 s belongs to the middle of that time


@dataclass(frozen=True)
class Score:
    """A network's opinion of one grid step.

    Attributes
    ----------
    step : int
    t_s : float
    micro, macro : float
        Probability that the step lies inside a micro- or a macro-expression.
    before_s, after_s : float
        Time back to the onset and on to the offset of the micro-expression, if there is one.
    """

    step: int
    t_s: float
    micro: float
    macro: float
    before_s: float
    after_s: float


class Decoder:
    """Makes spans of scores, in one pass.

    Parameters
    ----------
    threshold : float
        Score that a micro-expression's peak must reach.
    lively_threshold : float, optional
        The same on a face that is lively (:func:`liveliness` above ``LIVELY``), where movements all
        around keep every score low; the same threshold by default.
    macro_threshold : float
        Score over which a step belongs to a macro-expression.
    min_s, max_s : float
        A micro-expression's span is kept within these lengths about its own middle.
    """

    def __init__(
        self,
        threshold: float,
        lively_threshold: float | None = None,
        macro_threshold: float = 0.5,
        min_s: float = 0.12,
        max_s: float = 0.5,
    ) -> None:
        self._threshold = threshold
        self._lively_threshold = threshold if lively_threshold is None else lively_threshold
        self._macro_threshold = macro_threshold
        self._min_s, self._max_s = min_s, max_s
        self._scores: deque[Score] = deque(maxlen=_KEEP_STEPS)
        self._motion: deque[tuple[float, F32]] = deque(maxlen=_KEEP_STEPS)
        self._now = -np.inf
        self._pending: list[Span] = []
        self._last_micro: Span | None = None
        self._run: list[tuple[float, float]] = []

    def observe(self, t_s: float, motion: F32) -> None:
        """Take the newest step's time and the regions' motion.

        ``motion`` is (12, 2), percent of the eye distance per 0.1 s. It runs ahead of the scores by the
        network's look-ahead.
        """
        self._motion.append((t_s, motion))
        self._now = t_s

    def push(self, score: Score) -> list[Span]:
        """Take the next step's score; return the spans that are over and certain."""
        self._scores.append(score)
        self._find_peak()
        self._follow_run(score)
        return self._release(self._now)

    def flush(self) -> list[Span]:
        """No more steps come: return what is left."""
        self._end_run()
        return self._release(np.inf)

    def _find_peak(self) -> None:
        if len(self._scores) < 2 * PEAK_REACH + 1:
            return
        near = [self._scores[-1 - i] for i in range(2 * PEAK_REACH, -1, -1)]
        peak = near[PEAK_REACH]
        if peak.micro < min(self._threshold, self._lively_threshold) or peak.micro <= peak.macro:
            return
        earlier = max(s.micro for s in near[:PEAK_REACH])
        later = max(s.micro for s in near[PEAK_REACH + 1 :])
        if peak.micro > earlier and peak.micro >= later and peak.micro >= self._needed(peak.t_s):
            self._propose(self._micro_span(peak))

    def _needed(self, t_s: float) -> float:
        """The score that is needed at a time."""
        if self._threshold == self._lively_threshold:
            return self._threshold
        return self._lively_threshold if liveliness(self._motion, t_s) > LIVELY else self._threshold

    def _micro_span(self, peak: Score) -> Span:
        onset, offset = peak.t_s - peak.before_s, peak.t_s + peak.after_s
        middle, half = (onset + offset) / 2, (offset - onset) / 2
        half = float(np.clip(half, self._min_s / 2, self._max_s / 2))
        return Span(middle - half, peak.t_s, middle + half, peak.micro, "micro")

    def _propose(self, span: Span) -> None:
        """Queue a span, unless it is the same movement as an earlier one."""
        for other in self._pending:
            if other.kind == "micro" and _share(span, other) > _OVERLAP:
                if span.score > other.score:
                    self._pending.remove(other)
                    break
                return
        if self._last_micro is not None and _share(span, self._last_micro) > _OVERLAP:
            return
        self._pending.append(span)

    def _follow_run(self, score: Score) -> None:
        if score.macro >= self._macro_threshold and score.macro > score.micro:
            self._run.append((score.t_s, score.macro))
            if len(self._run) >= _LONGEST_STEPS:
                self._end_run()
        elif self._run:
            self._end_run()

    def _end_run(self) -> None:
        run, self._run = self._run, []
        if run and run[-1][0] - run[0][0] >= _SHORTEST_MACRO_S:
            times, scores = [t for t, _ in run], [s for _, s in run]
            middle = times[len(times) // 2]
            self._pending.append(Span(times[0], middle, times[-1], float(np.mean(scores)), "macro"))

    def _release(self, now: float) -> list[Span]:
        ready = [span for span in self._pending if span.offset_s <= now]
        self._pending = [span for span in self._pending if span.offset_s > now]
        out = []
        for span in sorted(ready, key=lambda s: (s.onset_s, s.kind)):
            if span.kind == "micro":
                self._last_micro = span
            out.append(self._describe(span))
        return out

    def _describe(self, span: Span) -> Span:
        """Add the apex and the regions that moved most."""
        inside = [(t, m) for t, m in self._motion if span.onset_s <= t - _MOTION_DELAY <= span.offset_s]
        if not inside:
            return span
        motion = np.stack([m for _, m in inside])  # (steps, 12, 2)
        strength = np.hypot(motion[..., 0], motion[..., 1]).mean(0)
        order = np.argsort(-strength, kind="stable")[:_MAX_REGIONS]
        moved = [i for i in order if strength[i] >= _REGION_SHARE * strength[order[0]]]
        # Displacement since the onset of the regions that moved; the apex is where it is largest.
        path = np.cumsum(motion[:, moved], axis=0)
        # A movement comes back by its offset: what the path lacks of that is drift, taken out evenly.
        path = path - np.linspace(0, 1, len(path) + 1)[1:, None, None] * path[-1]
        reach = np.hypot(path[..., 0], path[..., 1]).mean(1)
        apex = inside[int(reach.argmax())][0] - _MOTION_DELAY
        apex = float(np.clip(apex, span.onset_s, span.offset_s))
        names = tuple(REGIONS[i] for i in moved)
        return Span(span.onset_s, apex, span.offset_s, span.score, span.kind, names)


def liveliness(motion: Iterable[tuple[float, F32]], t_s: float) -> float:
    """How much a face moved in the 3 s before a time: the median over time of its regions' mean speed.

    A median, so that the movement that is asked about does not count itself.

    Parameters
    ----------
    motion : iterable of (float, ndarray of shape (12, 2))
        Times in seconds and the regions' motion, percent of the eye distance per 0.1 s.
    t_s : float

    Returns
    -------
    float
        Percent of the eye distance per 0.1 s; 0 where nothing is known.
    """
    speeds = [
        float(np.hypot(m[:, 0], m[:, 1]).mean()) for t, m in motion if t_s - _LIVELINESS_S <= t <= t_s + 1e-6
    ]
    return float(np.median(speeds)) if speeds else 0.0


def _share(a: Span, b: Span) -> float:
    """Overlap as a share of the shorter span."""
    overlap = min(a.offset_s, b.offset_s) - max(a.onset_s, b.onset_s)
    return overlap / max(1e-9, min(a.offset_s - a.onset_s, b.offset_s - b.onset_s))
