"""What is drawn on the frames of an annotated video."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.events import FrameRow
from megc_live.face.regions import REGIONS
from megc_live.output.tables import IntervalRecord

U8 = NDArray[np.uint8]
Point = tuple[int, int]
Colour = tuple[int, int, int]

WINDOW_S = 3.0
"""The strip shows this much before and after the frame."""
LEAST_HEIGHT, MOST_SIDE = 480, 1280

_MICRO: Colour = (230, 120, 30)
_MACRO: Colour = (86, 180, 233)
_WHITE: Colour = (245, 245, 245)
_GREY: Colour = (150, 158, 165)
_DARK: Colour = (24, 30, 36)
_WARN: Colour = (240, 228, 66)
_FULL = 6.0
"""Activity, in percent of the eye distance, that has the brightest colour."""
_MAX_LANES = 3
_PALETTE: U8 = np.asarray(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_CIVIDIS), dtype=np.uint8
).reshape(256, 3)[:, ::-1]

# Where the twelve regions lie in a schematic face seen from the front: x to the picture's right, y down.
_SCHEMATIC: dict[str, tuple[float, float]] = {
    "brow_r_outer": (0.10, 0.16),
    "brow_r_mid": (0.24, 0.08),
    "brow_r_inner": (0.39, 0.15),
    "brow_l_inner": (0.61, 0.15),
    "brow_l_mid": (0.76, 0.08),
    "brow_l_outer": (0.90, 0.16),
    "nose_bridge": (0.50, 0.30),
    "nose_tip": (0.50, 0.54),
    "mouth_r": (0.30, 0.76),
    "lip_upper": (0.50, 0.70),
    "mouth_l": (0.70, 0.76),
    "lip_lower": (0.50, 0.86),
}


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels of one annotated video: even, as the codec needs.

    ``scale`` takes source pixels to picture pixels (x and y may differ by rounding).
    """

    width: int
    height: int
    strip: int
    scale: tuple[float, float]

    @classmethod
    def of(cls, width: int, height: int) -> Layout:
        """Choose the size: at least 480 high, no side over 1280, the latter first."""
        factor = min(max(1.0, LEAST_HEIGHT / height), MOST_SIDE / max(width, height))
        wide, high = (max(2, 2 * round(side * factor / 2)) for side in (width, height))
        strip = 2 * round(min(200, max(124, 0.24 * high)) / 2)
        return cls(wide, high, strip, (wide / width, high / height))

    @property
    def font(self) -> float:
        """Scale of the letters: readable at every size."""
        return min(0.75, max(0.54, min(self.width, self.height) / 1000))

    @property
    def corner(self) -> Point:
        """Width and height of the upper left corner, where time and frame are written."""
        return round(450 * self.font), round(100 * self.font)


class Overlay:
    """Draws boxes, words and the strip.

    Parameters
    ----------
    width, height : int
        Size of the source's frames.
    records : sequence of IntervalRecord
        All intervals.
    """

    def __init__(self, width: int, height: int, records: Sequence[IntervalRecord]) -> None:
        self.layout = Layout.of(width, height)
        self._records = sorted(records, key=lambda record: record.onset_s)

    def draw(self, rgb: U8, frame: int, t_s: float, window: Sequence[FrameRow]) -> U8:
        """Return the annotated frame, shape (height + strip, width, 3).

        Parameters
        ----------
        rgb : ndarray of uint8, shape (h, w, 3)
            The source's frame.
        frame : int
            Its index.
        t_s : float
            Its time in seconds.
        window : sequence of FrameRow
            Rows from ``t_s - WINDOW_S`` to ``t_s + WINDOW_S`` in the order of time.
        """
        lay = self.layout
        canvas: U8 = np.empty((lay.height + lay.strip, lay.width, 3), np.uint8)
        canvas[: lay.height] = cv2.resize(rgb, (lay.width, lay.height), interpolation=cv2.INTER_AREA)
        canvas[lay.height :] = _DARK
        now = [row for row in window if row.frame == frame]
        seen = [row for row in now if row.success]
        for row in seen:
            self._face(canvas[: lay.height], row, several=len(seen) > 1)
        self._corner(canvas, frame, t_s, seen)
        near = [r for r in self._records if r.onset_s < t_s + WINDOW_S and r.offset_s > t_s - WINDOW_S]
        self._strip(canvas[lay.height :], t_s, seen, window, near)
        return canvas

    def _face(self, picture: U8, row: FrameRow, several: bool) -> None:
        lay = self.layout
        if any(math.isnan(value) for value in row.box):
            return
        x, y, w, h = row.box
        left, right = round(x * lay.scale[0]), round((x + w) * lay.scale[0])
        top, bottom = round(y * lay.scale[1]), round((y + h) * lay.scale[1])
        current = [
            r
            for r in self._records
            if r.face_id == row.face_id and r.onset_frame <= row.frame <= r.offset_frame
        ]
        colour = _colour(current[0]) if current else _GREY
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 3 if current else 1, cv2.LINE_AA)
        line = round(34 * lay.font)
        above = top - line * len(current)
        at = above if above >= 0 else min(bottom + 2, lay.height - line * len(current))
        if left < lay.corner[0]:  # what stands in the corner is not written over
            at = max(at, lay.corner[1])
        for k, record in enumerate(current):
            self._banner(picture, record, row.frame, (left, max(0, at + k * line)))
        words = row.quality.replace("|", " ")
        if several:
            words = f"face {row.face_id} {words}".strip()
        if words:
            # Below the box, so that it does not cover a small face's mouth; inside where there is no room.
            free = at <= bottom and bottom + line <= lay.height
            y = bottom + round(31 * lay.font) if free else min(bottom, lay.height) - 6
            _text(picture, words, (left + 2, y), lay.font, _WARN)

    def _banner(self, picture: U8, record: IntervalRecord, frame: int, corner: Point) -> None:
        """Say what is going on: ``MICRO 0.87 surprise``, and whether this is onset, apex or offset."""
        words = f"{record.kind.upper()} {record.score:.2f} {record.label}".strip()
        marks = {record.offset_frame: "offset", record.apex_frame: "apex", record.onset_frame: "onset"}
        font = 1.15 * self.layout.font
        full = f"{words} {marks[frame]}" if frame in marks else words
        (wide, high), base = cv2.getTextSize(full, cv2.FONT_HERSHEY_SIMPLEX, font, 2)
        x = max(0, min(corner[0], self.layout.width - wide - 10))
        y = corner[1]
        cv2.rectangle(picture, (x, y), (x + wide + 10, y + high + base + 6), _colour(record), cv2.FILLED)
        cv2.putText(
            picture, full, (x + 5, y + high + 3), cv2.FONT_HERSHEY_SIMPLEX, font, (0, 0, 0), 2, cv2.LINE_AA
        )

    def _corner(self, canvas: U8, frame: int, t_s: float, seen: Sequence[FrameRow]) -> None:
        font = self.layout.font
        line = round(44 * font)
        _text(canvas, f"{t_s:.3f} s  frame {frame}", (8, line), font, _WHITE)
        if not seen:
            _text(canvas, "no face", (8, 2 * line), font, _WARN)
        elif len(seen) == 1:
            row = seen[0]
            _text(
                canvas,
                f"eyes {_known(row.eye_px, 0)} px  blink {_known(row.blink, 1)}",
                (8, 2 * line),
                font,
                _WHITE,
            )

    def _strip(
        self,
        strip: U8,
        t_s: float,
        seen: Sequence[FrameRow],
        window: Sequence[FrameRow],
        near: Sequence[IntervalRecord],
    ) -> None:
        faces = sorted({row.face_id for row in window if row.success} | {record.face_id for record in near})
        schematic = len(faces) <= 1 and strip.shape[1] >= 360
        left = strip.shape[0] - 14 if schematic else 8
        right = strip.shape[1] - 8
        if schematic:
            _schematic(strip[6:-6, 6 : left - 4], seen[0].activity if seen else ())
        scale_line = round(24 * self.layout.font)
        lanes = faces[:_MAX_LANES] or [-1]
        height = (strip.shape[0] - scale_line - 6) // len(lanes)
        for k, face in enumerate(lanes):
            lane = strip[4 + k * height : 4 + (k + 1) * height - 3, left:right]
            self._lane(
                lane,
                t_s,
                [row for row in window if row.face_id == face and row.success],
                [record for record in near if record.face_id == face],
                f"face {face}" if len(lanes) > 1 else "",
            )
        middle = (left + right) // 2
        cv2.line(strip, (middle, 2), (middle, strip.shape[0] - scale_line), _WHITE, 1)
        self._scale(strip, left, right, len(faces) - len(lanes) if faces else 0)

    def _lane(
        self, lane: U8, t_s: float, rows: Sequence[FrameRow], records: Sequence[IntervalRecord], name: str
    ) -> None:
        """One face: intervals above, the activity of its twelve regions below, time from left to right."""
        height, width = lane.shape[:2]
        bar = max(10, round(22 * self.layout.font))
        lane[bar:] = _heat(rows, t_s, width, height - bar)
        if name:
            _text(lane, name, (4, height - 5), 0.8 * self.layout.font, _WHITE)
        for record in records:
            onset, apex, offset = (
                round((moment - t_s + WINDOW_S) / (2 * WINDOW_S) * width)
                for moment in (record.onset_s, record.apex_s, record.offset_s)
            )
            colour = _colour(record)
            cv2.rectangle(lane, (onset, 1), (max(offset, onset + 2), bar - 3), colour, cv2.FILLED)
            for mark in (onset, offset):
                cv2.line(lane, (mark, 0), (mark, height), colour, 1)
            half = max(3, bar // 3)
            triangle = np.array(
                [(apex - half, bar + half), (apex + half, bar + half), (apex, bar - 2)], np.int32
            )
            cv2.fillPoly(lane, [triangle], _WHITE, cv2.LINE_AA)

    def _scale(self, strip: U8, left: int, right: int, hidden: int) -> None:
        font = 0.75 * self.layout.font
        y = strip.shape[0] - 5
        texts = [(left, "-3 s"), ((left + right) // 2, "now"), (right, "+3 s")]
        for k, (x, words) in enumerate(texts):
            wide = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, font, 1)[0][0]
            _text(strip, words, (x - (0, wide // 2, wide)[k], y), font, _GREY)
        if hidden:
            _text(strip, f"and {hidden} more faces", (left + (right - left) // 8, y), font, _GREY)


def _heat(rows: Sequence[FrameRow], t_s: float, width: int, height: int) -> U8:
    """Return activity as colours: regions from top to bottom, time from left to right; dark where unknown."""
    picture: U8 = np.full((height, width, 3), (12, 16, 20), np.uint8)
    rows = [row for row in rows if row.activity]
    if not rows or height < 2:
        return picture
    times = [row.timestamp for row in rows]
    step = 2 * WINDOW_S / width
    reach = max(2 * step, 1.6 * _period(times))
    columns = t_s - WINDOW_S + step * (np.arange(width) + 0.5)
    nearest = np.array([_nearest(times, moment) for moment in columns])
    values = np.array([row.activity for row in rows], dtype=np.float64)[nearest]
    known = np.isfinite(values) & (np.abs(np.array(times)[nearest] - columns) < reach)[:, None]
    level = np.clip(np.where(known, values, 0) / _FULL, 0, 1)
    colours = _PALETTE[(255 * level).astype(np.uint8)]
    colours[~known] = (12, 16, 20)
    region = np.arange(height) * len(REGIONS) // height
    picture[:] = colours.transpose(1, 0, 2)[region]
    return picture


def _period(times: Sequence[float]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _nearest(times: Sequence[float], moment: float) -> int:
    right = min(bisect_left(times, moment), len(times) - 1)
    return right - 1 if right and moment - times[right - 1] < times[right] - moment else right


def _schematic(area: U8, activity: Sequence[float]) -> None:
    """Draw the twelve regions as dots of a face seen from the front, coloured by their activity."""
    height, width = area.shape[:2]
    side = min(height, width)
    radius = max(3, side // 18)
    for k, name in enumerate(REGIONS):
        x, y = _SCHEMATIC[name]
        centre = (round((width - side) / 2 + x * side), round(y * (height - 2 * radius) + radius))
        value = activity[k] if activity else math.nan
        if math.isnan(value):
            cv2.circle(area, centre, radius, _GREY, 1, cv2.LINE_AA)
            continue
        red, green, blue = _PALETTE[round(255 * min(1.0, value / _FULL))].tolist()
        cv2.circle(area, centre, radius, (red, green, blue), cv2.FILLED, cv2.LINE_AA)


def _colour(record: IntervalRecord) -> Colour:
    return _MICRO if record.kind == "micro" else _MACRO


def _known(value: float, digits: int) -> str:
    return "?" if math.isnan(value) else f"{value:.{digits}f}"


def _text(picture: U8, words: str, corner: Point, font: float, colour: Colour) -> None:
    """Write on a dimmed plate, to be read on any background."""
    (wide, high), base = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, font, 1)
    x, y = corner
    plate = picture[max(0, y - high - 3) : y + base, max(0, x - 3) : x + wide + 3]
    plate[:] = plate // 3
    cv2.putText(picture, words, corner, cv2.FONT_HERSHEY_SIMPLEX, font, colour, 1, cv2.LINE_AA)
