"""Counts and times of one engine's run."""

from __future__ import annotations

import time
from typing import Any

from megc_live.events import FrameRow
from megc_live.face.quality import WARNINGS
from megc_live.spotting.liveliness import LivelyShare
from megc_live.video.frame import Frame

SHORT_S = 2.0
"""In recordings shorter than this hardly anything can be found."""
TOO_SHORT = f"the recording is shorter than {SHORT_S:g} s: a spotter needs to see what comes before and after"
BREAK_S = 1.0
"""A longer time between two frames is a pause or a lost source, and says nothing of the rate."""


class EngineStats:
    """Counts and times of one run; nothing that is decided depends on them."""

    def __init__(self) -> None:
        self.frames = 0
        self.without_face = 0
        self.face_rows = 0
        self._stages: dict[str, list[float]] = {}
        self._quality: dict[str, int] = {}
        self._lively = LivelyShare()
        self._first_s: float | None = None
        self._last_s = 0.0
        self._steps = 0
        self._stepped_s = 0.0

    def add(self, stage: str, began: float) -> None:
        """Count one pass of a stage that began at a ``perf_counter`` time."""
        record = self._stages.setdefault(stage, [0.0, 0.0])
        record[0] += 1
        record[1] += time.perf_counter() - began

    def clock(self, frame: Frame) -> None:
        """Note a frame's time for the measured rate."""
        if self._first_s is None:
            self._first_s = frame.pts_s
        elif frame.pts_s - self._last_s <= BREAK_S:
            self._steps += 1
            self._stepped_s += frame.pts_s - self._last_s
        self._last_s = frame.pts_s

    def note(self, row: FrameRow) -> None:
        """Count one row with a face, its quality warnings and its motion."""
        self.face_rows += 1
        self._lively.add(row.timestamp, sum(row.activity) / len(row.activity))
        for word in filter(None, row.quality.split("|")):
            self._quality[word] = self._quality.get(word, 0) + 1

    @property
    def measured_fps(self) -> float:
        """Frames per second of stream time, breaks left out; NaN with fewer than two frames."""
        return round(self._steps / self._stepped_s, 3) if self._stepped_s > 0 else float("nan")

    def as_list(self) -> list[dict[str, Any]]:
        """One record a stage: passes, mean ms a pass, ms a frame."""
        return [
            {
                "name": name,
                "passes": int(count),
                "ms_per_pass": round(1000 * total / max(1.0, count), 4),
                "ms_per_frame": round(1000 * total / max(1, self.frames), 4),
            }
            for name, (count, total) in self._stages.items()
        ]

    def warnings(self) -> list[str]:
        """What a reader of the results should know, in words."""
        out = []
        if self.frames and self._last_s - (self._first_s or 0.0) < SHORT_S:
            out.append(
                f"less than {SHORT_S:g} s were analysed: a spotter needs to see what comes before and after"
            )
        if self.frames and self.without_face:
            out.append(f"no face on {100 * self.without_face / self.frames:.0f} % of the frames")
        if self.measured_fps < 24.9:
            out.append(
                f"{self.measured_fps:.1f} frames/s: below 25, the shortest micro-expressions "
                "fall between frames"
            )
        if self._lively.share > 0.1:
            out.append(
                f"the face moves much, as in talking, for {100 * self._lively.share:.0f} % of the time: "
                "hardly any micro-expression is found there"
            )
        for word, count in self._quality.items():
            share = count / max(1, self.face_rows)
            if share > 0.1:
                out.append(f"{WARNINGS[word]} on {100 * share:.0f} % of the frames with a face")
        return out
