"""``ltp-ml``: micro-expression spotting by recognition of local temporal patterns, made online.

Li, Soladie and Seguier 2018; Li et al. 2018 (arXiv 1812.10306), the method of the MEGC 2019 spotting
challenge. The published method works through one-second windows that overlap by 300 ms; here the window
slides with every frame, and the fusion works through the stream in half-second blocks with the half
second before as context. All lengths are times.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ModelError
from megc_live.face.regions import REGIONS
from megc_live.models import ModelStore
from megc_live.spotting import fusion
from megc_live.spotting.base import SPOTTERS, Span
from megc_live.spotting.signals import PATTERN_POINTS, PATTERN_S, RegionSignal

BLOCK_S = 0.5
"""Length of a block in which one interval is formed (15 frames at 30 fps in the published code)."""
BLOCK_SHARE = 0.4
"""Share of a block's frames that must be positive (6 of 15)."""
LEAD_S = 0.1
"""The classifier is trained to fire this long before the onset (3 frames at 30 fps): spans move on by it."""
LOCAL_CHUNK_S = PATTERN_S / 6
LOCAL_MOST = 2
FRAME_CHUNK_S = PATTERN_S / 3
FRAME_MOST = 1
_RESET_S = 1.0


@dataclass(frozen=True)
class _Tick:
    """One pattern's start and what the classifier said of it."""

    t_s: float
    fired: NDArray[np.bool_]
    score: NDArray[np.float64]
    peak_s: NDArray[np.float64]


@SPOTTERS.register(
    "ltp-ml",
    summary="the published method: linear SVM on local temporal patterns, region fusion",
    kinds=("micro",),
    trained=True,
)
class LtpMlSpotter:
    """The LTP-ML spotter of one face.

    Parameters
    ----------
    models : ModelStore
    threshold : float, optional
        Mean probability that an interval must reach; 0.5 or more follows from the method itself.

    Raises
    ------
    ModelError
        The model is missing, altered, or made for other features.
    """

    delay_s = PATTERN_S + 2 * BLOCK_S

    def __init__(self, models: ModelStore, threshold: float | None = None) -> None:
        self._session = models.session("ltp-ml")
        self._input = self._session.get_inputs()[0]
        if self._input.shape[1] != 1 + PATTERN_POINTS:
            raise ModelError(
                f"the model ltp-ml takes {self._input.shape[1]} features, "
                f"this version makes {1 + PATTERN_POINTS}.",
                "Rebuild it with `megc-train fit spotter`, or install the version it came with.",
            )
        self._threshold = 0.0 if threshold is None else threshold
        self._newest_s: float | None = None
        self._block_start: float | None = None
        self._begin()

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain."""
        out: list[Span] = []
        if self._newest_s is not None and signal.pts_s - self._newest_s > _RESET_S:
            out += self.flush()
        self._newest_s = signal.pts_s
        if signal.pattern is None or signal.cn is None:
            return out
        if self._block_start is None:
            self._block_start = signal.pattern_start_s
        while signal.pattern_start_s >= self._block_start + BLOCK_S:
            out += self._close_block()
        self._ticks.append(self._classify(signal))
        return out

    def flush(self) -> list[Span]:
        """Close the last block and start anew."""
        out: list[Span] = []
        if self._block_start is not None:
            out += self._close_block()
        if self._held is not None:
            out.append(self._held)
        self._begin()
        return out

    def _begin(self) -> None:
        self._ticks: deque[_Tick] = deque()
        self._block_start = None
        self._held: Span | None = None
        self._newest_s = None

    def _classify(self, signal: RegionSignal) -> _Tick:
        assert signal.pattern is not None and signal.cn is not None
        rows = np.column_stack([signal.cn, signal.pattern]).astype(np.float32)
        probability = self._session.run(None, {self._input.name: rows})[0][:, 0].astype(np.float64)
        fired = (probability > 0.5) & fusion.qualified(signal.pattern, signal.cn)
        step = PATTERN_S / PATTERN_POINTS
        peak = signal.pattern_start_s + (signal.pattern.argmax(1) + 1) * step
        return _Tick(signal.pattern_start_s, fired, probability, peak)

    def _close_block(self) -> list[Span]:
        """Fuse the last second, form this block's interval, merge it with the one before."""
        assert self._block_start is not None
        start = self._block_start
        self._block_start = start + BLOCK_S
        while self._ticks and self._ticks[0].t_s < start - BLOCK_S:
            self._ticks.popleft()
        span = self._interval(start)
        ready = []
        if self._held is not None:
            if span is not None and _one(self._held, span):
                span = _merged(self._held, span)
            else:
                ready.append(self._held)
        self._held = span
        return ready

    def _interval(self, block_start: float) -> Span | None:
        ticks = list(self._ticks)
        if len(ticks) < 4:
            return None
        step = (ticks[-1].t_s - ticks[0].t_s) / (len(ticks) - 1)
        local = max(2, round(LOCAL_CHUNK_S / step))
        fired = np.stack([tick.fired for tick in ticks])
        for region in range(fired.shape[1]):
            fired[:, region] = fusion.remove_isolated(fired[:, region], local, min(LOCAL_MOST, local - 1))
        whole = fusion.fuse_regions(fired)
        whole = fusion.remove_isolated(whole, max(2, round(FRAME_CHUNK_S / step)), FRAME_MOST)
        first = next((i for i, tick in enumerate(ticks) if tick.t_s >= block_start), len(ticks))
        found = fusion.block_interval(whole[first:], BLOCK_SHARE)
        if found is None:
            return None
        low, high = first + found[0], first + found[1]
        return self._span(ticks[low : high + 1], fired[low : high + 1])

    def _span(self, ticks: list[_Tick], fired: NDArray[np.bool_]) -> Span | None:
        score = np.stack([tick.score for tick in ticks])
        votes = (score * fired).sum(0)
        order = [int(i) for i in np.argsort(-votes, kind="stable") if votes[i] > 0]
        confidence = float(score[fired].mean())
        if confidence < self._threshold:
            return None
        onset, offset = ticks[0].t_s + LEAD_S, ticks[-1].t_s + LEAD_S
        peaks = [tick.peak_s[order[0]] for tick, row in zip(ticks, fired, strict=True) if row[order[0]]]
        apex = float(np.clip(np.median(peaks), onset, offset))
        names = tuple(REGIONS[i] for i in order[:4])
        return Span(onset, apex, offset, confidence, "micro", names)


def _one(a: Span, b: Span) -> bool:
    return fusion.mergeable((a.onset_s, a.offset_s), (b.onset_s, b.offset_s), PATTERN_S)


def _merged(a: Span, b: Span) -> Span:
    names = tuple(dict.fromkeys(a.regions + b.regions))[:4]
    best = a if a.score >= b.score else b
    return Span(a.onset_s, best.apex_s, b.offset_s, best.score, "micro", names)
