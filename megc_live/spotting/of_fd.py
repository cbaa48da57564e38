"""``of-fd``: displacement of small parts of the face since a quiet moment, by He Yuhong, made online.

The winner of MEGC 2021 in the form of its author's code for MEGC 2024. Flow is measured from an anchor, a
frame at which the face was quiet, to each frame; what a part of the face moves beyond the head is its curve,
and peaks of the curves are movements. Nothing looks at the whole video.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.observation import CANONICAL_EYE_PX
from megc_live.face.regions import STABLE_POINTS
from megc_live.models import ModelStore
from megc_live.spotting.base import SPOTTERS, Span
from megc_live.spotting.curves import HOLD_S, SMOOTH_S, Channel, Movement, Smoother
from megc_live.spotting.interval import Kind
from megc_live.spotting.motion import LAG_S, measure_motion
from megc_live.spotting.picture import FaceSignal, picture_of
from megc_live.spotting.running import RESET_S, WAIT_S
from megc_live.spotting.signals import RegionSignal

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Rect = tuple[int, int, int, int]

UNIT = 1 / 64
"""The published lengths are pixels of a face of 256 pixels (CAS(ME)^2), this share of the distance of the
inner eye corners each."""
RISE = 1.4
BROW, MOUTH, NOSE = 1.925, 1.85, 2.10
"""Prominence that a curve of each part must exceed: the values for CAS(ME)^2."""
LARGEST = 0.25
"""Share of a channel's vectors, the largest, that are averaged (20 to 30 % in the published code)."""
STRIDE_S, WINDOW_S = 100 / 30, 200 / 30
"""After the first time a new anchor is taken as soon as the face is quiet, after the second at once."""
QUIET = 0.5
"""Share of the needed prominence below which a curve is quiet."""
SHORTEST_S, LONGEST_S = 9 / 30, 199 / 30
"""From first to last frame of 10 and of 200 at 30 fps."""
MICRO_S = 0.5
_HALF_FRAME_S = 1 / 60
OVERLAP = 0.1
_INNER_CORNERS = (133, 362)
_POINT_PX, _PATCH_PX = 10.0, 10.0
"""Half the side of the square about a point; room that a patch has about its points."""
_MAX_REGIONS = 4


@dataclass(frozen=True)
class Part:
    """One channel: the square about a point or, with several, a patch about them all."""

    points: tuple[int, ...]
    upper: bool
    prominence: float
    region: str


_BROW_R, _BROW_L, _MOUTH = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300), (61, 0, 291, 17)
PARTS: tuple[Part, ...] = (
    Part(_BROW_R, True, BROW, "brow_r_mid"),
    Part((66,), True, BROW, "brow_r_mid"),
    Part((105,), True, BROW, "brow_r_mid"),
    Part((63,), True, BROW, "brow_r_outer"),
    Part(_BROW_L, True, BROW, "brow_l_mid"),
    Part((296,), True, BROW, "brow_l_mid"),
    Part((334,), True, BROW, "brow_l_mid"),
    Part((293,), True, BROW, "brow_l_outer"),
    Part(_MOUTH, False, MOUTH, "lip_upper"),
    Part((61,), False, MOUTH, "mouth_r"),
    Part((291,), False, MOUTH, "mouth_l"),
    Part((0,), False, MOUTH, "lip_upper"),
    Part((17,), False, MOUTH, "lip_lower"),
    Part((13,), False, MOUTH, "lip_upper"),
    Part((98,), False, NOSE, "nose_tip"),
    Part((327,), False, NOSE, "nose_tip"),
)
"""The published channels: brow patches with points 20 19 18 | 23 24 25 of the 68-point scheme, the mouth with
48 54 51 57 62, nostrils 31 35. Its two bands of the lower lids take part in no peak and are left out."""


class Anchor:
    """A frame that others are compared with, and where the parts of its face are.

    Parameters
    ----------
    crop : ndarray of uint8, shape (192, 160)
        Read while the anchor is in use, not copied.
    canonical : ndarray of float64, shape (478, 2)
    depth : ndarray of float64, shape (478,)
    """

    def __init__(self, crop: U8, canonical: F64, depth: F64) -> None:
        right, left = canonical[list(_INNER_CORNERS)]
        self._unit = max(1e-3, float(np.hypot(*(left - right))) * UNIT)
        self._crop, self._canonical, self._depth = crop, canonical, depth
        self._rects = [
            self._rect(canonical[list(part.points)], _POINT_PX if len(part.points) == 1 else _PATCH_PX)
            for part in PARTS
        ]
        upper = [rect for part, rect in zip(PARTS, self._rects, strict=True) if part.upper]
        lower = [rect for part, rect in zip(PARTS, self._rects, strict=True) if not part.upper]
        self._areas = _around(upper, crop.shape), _around(lower, crop.shape)
        self._places = self._head_places()

    def curves(self, crop: U8) -> F64 | None:
        """How far each part has moved since the anchor, beyond the head.

        The published code takes the head's motion from the bridge of the nose, on pictures that are cut
        at one place. These crops follow the head already; what is left of its motion is parallax, which
        sends the nose one way and the brows the other: it is fitted as everywhere in this program.

        Returns
        -------
        ndarray of float64, shape (16,), or None
            In units of 1/64 of the distance of the inner eye corners. None where the head cannot be found
            again.
        """
        motion = measure_motion(self._crop, crop, self._canonical, self._depth, LAG_S)
        if motion is None:
            return None
        head = self._places @ motion.head.reshape(2, 4).T * (CANONICAL_EYE_PX / 100)
        flows = [part_flow(self._crop[y0:y1, x0:x1], crop[y0:y1, x0:x1]) for x0, y0, x1, y1 in self._areas]
        out = np.empty(len(PARTS))
        for i, (part, rect) in enumerate(zip(PARTS, self._rects, strict=True)):
            which = 0 if part.upper else 1
            own = mean_of_largest(_inside(flows[which], rect, self._areas[which]), LARGEST) - head[i]
            out[i] = np.hypot(*own) / self._unit
        return out

    def _head_places(self) -> F64:
        """[1, x, y, z] of each part's middle, as the parameters of :class:`Motion` are meant: (16, 4)."""
        unit = CANONICAL_EYE_PX / 2
        stable = list(STABLE_POINTS)
        places = np.column_stack(
            [
                (self._canonical - self._canonical[stable].mean(0)) / unit,
                (self._depth - self._depth[stable].mean()) / unit,
            ]
        )
        middles = np.stack([places[list(part.points)].mean(0) for part in PARTS])
        return np.column_stack([np.ones(len(PARTS)), middles])

    def _rect(self, points: F64, margin: float) -> tuple[float, float, float, float]:
        low, high = points.min(0) - margin * self._unit, points.max(0) + margin * self._unit
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def part_flow(before: U8, after: U8) -> F32:
    """Farneback's flow with the published settings, its lengths scaled to the crop's face: (h, w, 2)."""
    start = np.zeros((*before.shape, 2), dtype=np.float32)
    flow = cv2.calcOpticalFlowFarneback(before, after, start, 0.5, 3, 9, 5, 5, 1.1, 0)
    return np.asarray(flow, dtype=np.float32)


def mean_of_largest(vectors: F32, share: float) -> F64:
    """Mean of the longest vectors of (n, 2), at least one: shape (2,)."""
    count = max(1, round(share * len(vectors)))
    squares = (vectors**2).sum(1)
    longest = np.argpartition(-squares, count - 1)[:count]
    return np.asarray(vectors[longest].mean(0), dtype=np.float64)


def _around(rects: list[tuple[float, float, float, float]], shape: tuple[int, ...]) -> Rect:
    """Whole-pixel box about some boxes with a little room, inside a picture of (height, width)."""
    edges = np.array(rects)
    room = 4
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(edges[:, :2].min(0)).astype(int) - room, 0, limit - 8)
    high = np.clip(np.ceil(edges[:, 2:].max(0)).astype(int) + room, low + 8, limit)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _inside(flow: F32, rect: tuple[float, float, float, float], area: Rect) -> F32:
    """Vectors (n, 2) inside a box; at least one pixel of the area."""
    height, width = flow.shape[:2]
    x0 = min(max(round(rect[0]) - area[0], 0), width - 1)
    y0 = min(max(round(rect[1]) - area[1], 0), height - 1)
    x1, y1 = max(round(rect[2]) - area[0], x0 + 1), max(round(rect[3]) - area[1], y0 + 1)
    return flow[y0:y1, x0:x1].reshape(-1, 2)


@dataclass
class _Group:
    """Movements of several channels that are one movement of the face."""

    onset_s: float
    offset_s: float
    apex_s: float
    strengths: dict[str, float]
    tied: set[int] = field(default_factory=set)

    def overlaps(self, onset_s: float, offset_s: float) -> bool:
        overlap = min(self.offset_s, offset_s) - max(self.onset_s, onset_s)
        shorter = min(self.offset_s - self.onset_s, offset_s - onset_s)
        return overlap > OVERLAP * max(0.0, shorter)

    def join(self, other: _Group) -> None:
        if max(other.strengths.values()) > max(self.strengths.values()):
            self.apex_s = other.apex_s
        self.onset_s, self.offset_s = min(self.onset_s, other.onset_s), max(self.offset_s, other.offset_s)
        for region, strength in other.strengths.items():
            self.strengths[region] = max(strength, self.strengths.get(region, 0.0))
        self.tied |= other.tied


@SPOTTERS.register(
    "of-fd",
    summary="winner of MEGC 2021: peaks of displacement since a quiet moment, head motion taken out",
    kinds=("micro", "macro"),
    trained=False,
)
class OfFdSpotter:
    """The optical-flow spotter of one face.

    Parameters
    ----------
    models : ModelStore
        Not needed: nothing is trained.
    threshold : float, optional
        Least score of an interval, 0 by default. The score is 1 - needed prominence / prominence.
    """

    delay_s = SMOOTH_S + HOLD_S + WAIT_S

    def __init__(self, models: ModelStore | None = None, threshold: float | None = None) -> None:
        self._threshold = 0.0 if threshold is None else threshold
        self._smoother = Smoother()
        self._channels = [Channel(RISE, part.prominence) for part in PARTS]
        self._groups: list[_Group] = []
        self._anchor: Anchor | None = None
        self._anchor_s = 0.0
        self._newest_s: float | None = None

    def push(self, signal: RegionSignal) -> list[Span]:
        """Take the next signal; return the spans that became certain.

        Raises
        ------
        SettingsError
            The signal has no picture.
        """
        face = picture_of(signal, "of-fd")
        out: list[Span] = []
        if face.fresh or (self._newest_s is not None and face.pts_s - self._newest_s > RESET_S):
            out += self.flush()
        self._newest_s = face.pts_s
        if self._anchor is None:
            self._drop_anchor(face)
            return out
        curves = self._anchor.curves(face.crop)
        if curves is None:
            out += self._end_curves()
            self._drop_anchor(face)
            return out
        for t_s, heights in self._smoother.push(face.pts_s, curves):
            self._follow(t_s, heights)
            out += self._release(t_s)
        age = face.pts_s - self._anchor_s
        if age > WINDOW_S or (age > STRIDE_S and self._quiet()):
            out += self._end_curves()
            self._drop_anchor(face)
        return out

    def flush(self) -> list[Span]:
        """End what is going on and start anew."""
        out = self._end_curves() + self._release(np.inf)
        self._anchor, self._newest_s = None, None
        return out

    def _drop_anchor(self, face: FaceSignal) -> None:
        self._anchor = Anchor(face.crop, face.canonical, face.depth)
        self._anchor_s = face.pts_s
        self._smoother.push(face.pts_s, np.zeros(len(PARTS)))

    def _quiet(self) -> bool:
        return all(
            channel.onset_s is None and channel.above_past < QUIET * part.prominence
            for channel, part in zip(self._channels, PARTS, strict=True)
        )

    def _end_curves(self) -> list[Span]:
        """The anchor is given up: what moves now has moved."""
        out: list[Span] = []
        for t_s, heights in self._smoother.end():
            self._follow(t_s, heights)
            out += self._release(t_s)
        for i, channel in enumerate(self._channels):
            for movement in channel.end():
                self._add(i, movement)
        return out

    def _follow(self, t_s: float, heights: F64) -> None:
        for i, channel in enumerate(self._channels):
            for movement in channel.push(t_s, float(heights[i])):
                self._add(i, movement)

    def _add(self, channel: int, movement: Movement) -> None:
        """Join a channel's movement with the groups that it overlaps."""
        new = _Group(
            movement.onset_s,
            movement.offset_s,
            movement.apex_s,
            {PARTS[channel].region: movement.strength},
        )
        apart = []
        for group in self._groups:
            if channel in group.tied or group.overlaps(new.onset_s, new.offset_s):
                new.join(group)
            else:
                apart.append(group)
        new.tied.discard(channel)
        self._groups = [*apart, new]

    def _release(self, now: float) -> list[Span]:
        """Tell the groups that no movement which is still going on will join."""
        going_on = [(i, c.onset_s) for i, c in enumerate(self._channels) if c.onset_s is not None]
        ready: list[_Group] = []
        waiting: list[_Group] = []
        for group in self._groups:
            joining = {i for i, onset in going_on if group.overlaps(onset, now)}
            if now > group.offset_s + HOLD_S:
                # What still goes on makes this too long for a micro-expression: it is a part of that.
                group.tied |= joining
            wait = joining or group.tied or now < group.offset_s + SMOOTH_S
            (waiting if wait else ready).append(group)
        self._groups = waiting
        spans = [self._span(group) for group in sorted(ready, key=lambda g: g.onset_s)]
        return [span for span in spans if span is not None]

    def _span(self, group: _Group) -> Span | None:
        length = group.offset_s - group.onset_s
        score = 1 - 1 / max(group.strengths.values())
        if not SHORTEST_S - _HALF_FRAME_S <= length <= LONGEST_S or score < self._threshold:
            return None
        kind: Kind = "micro" if length <= MICRO_S + _HALF_FRAME_S else "macro"
        names = sorted(group.strengths, key=lambda name: -group.strengths[name])[:_MAX_REGIONS]
        return Span(group.onset_s, group.apex_s, group.offset_s, score, kind, tuple(names))
