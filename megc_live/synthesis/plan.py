"""What is planted where: a plan of events drawn from a random generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import SettingsError
from megc_live.synthesis.courses import Course, draw_course
from megc_live.synthesis.units import FREE, ONE_SIDED, UNITS

POSITIVE_KINDS: tuple[str, ...] = ("micro", "macro")
"""Kinds that a spotter is to find."""
NEGATIVE_KINDS: tuple[str, ...] = ("sham", "step", "talk", "blink", "head", "light")
"""Kinds that it is not to find: nothing at all; a movement that stays; a run of mouth movements;
lids; the whole head; brightness."""
EXPRESSIVE_KINDS: tuple[str, ...] = ("micro", "macro", "sham", "step", "talk")
"""Kinds that never overlap one another."""

COMBINATIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "surprise": (("AU1", "AU2"), ("AU1", "AU2", "AU25"), ("AU2",), ("AU2", "AU25")),
    "positive": (("AU12",), ("AU6", "AU12"), ("AU12", "AU25"), ("AU6",), ("AU6", "AU7", "AU12")),
    "negative": (
        ("AU4",), ("AU4", "AU7"), ("AU9",), ("AU10",), ("AU14",), ("AU15",), ("AU17",), ("AU15", "AU17"),
        ("AU20",), ("AU1", "AU4"), ("AU4", "AU9"), ("AU9", "AU10"), ("AU7",), ("AU1", "AU15"),
        ("AU14", "AU17"), ("AU20", "AU25"), ("AU4", "AU17"), ("AU10", "AU14"), ("AU7", "AU10"),
    ),
}  # fmt: skip
"""Units that go together, by the three classes of MEGC 2019."""


_NEGATIVE_SHARES = {"step": 0.22, "sham": 0.1, "talk": 0.1, "blink": 0.18, "head": 0.24, "light": 0.16}


@dataclass(frozen=True)
class PlannedEvent:
    """One planted event.

    Attributes
    ----------
    kind : str
        Of :data:`POSITIVE_KINDS` or :data:`NEGATIVE_KINDS`.
    units, sides : tuple of str
        Action units (or ``"free"``) and their sides (``B``, ``R``, ``L``), of equal length; empty
        for blink, head and light.
    onset_s, apex_s, offset_s : float
        Seconds from the clip's first frame; the displacement is nil at onset and offset.
    onset, apex, offset : int
        The nearest frames; 0-based, inclusive.
    amplitude : float
        Largest displacement in eye distances (micro, macro, step, talk, head); closure 0 to 1 of the
        lids (blink); relative change of brightness (light); 0 (sham).
    label : str
        ``negative``, ``positive``, ``surprise``, or empty.
    seed : int
        All else that is random in the event comes from this.
    """

    kind: str
    units: tuple[str, ...]
    sides: tuple[str, ...]
    onset_s: float
    apex_s: float
    offset_s: float
    onset: int
    apex: int
    offset: int
    amplitude: float
    label: str
    seed: int

    @property
    def unit_text(self) -> str:
        """Units as written in tables: ``AU12R|AU6``; no letter for both sides."""
        pairs = zip(self.units, self.sides, strict=True)
        return "|".join(unit + (side if side != "B" else "") for unit, side in pairs)

    def at(self, times_s: NDArray[np.floating]) -> PlannedEvent:
        """Return the event with frames counted on these presentation times, shape (frames,)."""
        onset, apex, offset = (
            int(np.abs(times_s - t).argmin()) for t in (self.onset_s, self.apex_s, self.offset_s)
        )
        return replace(self, onset=onset, apex=apex, offset=offset)


def course_of(event: PlannedEvent) -> tuple[Course, np.random.Generator]:
    """Rebuild a micro, macro or sham event's course; also the generator for what comes after it."""
    rng = np.random.default_rng(event.seed)
    return _draw_course(rng, event.kind, event.onset_s, event.offset_s - event.onset_s), rng


def draw_plan(
    rng: np.random.Generator,
    duration_s: float,
    fps: float,
    *,
    micro_per_min: float = 12.0,
    macro_per_min: float = 4.0,
    negatives_per_min: float = 18.0,
    units: Sequence[str] | None = None,
    min_gap_s: float = 0.6,
    margins_s: tuple[float, float] = (1.0, 0.7),
    counts: Mapping[str, int] | None = None,
    micro_amplitude: tuple[float, float] = (0.012, 0.045),
    blocked: Sequence[tuple[float, float]] = (),
) -> list[PlannedEvent]:
    """Draw a plan for one clip.

    Parameters
    ----------
    rng : numpy.random.Generator
    duration_s, fps : float
        The clip's length in seconds and its (mean) frame rate.
    micro_per_min, macro_per_min, negatives_per_min : float
        Mean densities. A clip with room for it gets at least one micro-expression unless
        ``micro_per_min`` is 0.
    units : sequence of str, optional
        Units to draw from; may hold ``"free"``. Default: all of them and ``"free"``.
    min_gap_s : float
        Least rest between expressive events.
    margins_s : tuple of float
        Time kept free at the start and at the end.
    counts : mapping of str to int, optional
        How many events of each kind to plant, instead of the densities, as far as there is room.
    micro_amplitude : tuple of float
        Range of 85 % of the micro-expressions, eye distances; the others are larger, up to 0.06.
    blocked : sequence of (start, end)
        Spans in seconds in which nothing is planted: cuts, no face.

    Returns
    -------
    list of PlannedEvent
        In order of onset. Micro, macro, sham, step and talk events do not overlap; head, light and
        blink events sometimes overlap one of those.

    Raises
    ------
    SettingsError
        An unknown unit, or an empty choice.
    """
    pool = check_units(units)
    wanted = (
        dict(counts)
        if counts is not None
        else _draw_counts(rng, duration_s / 60, micro_per_min, macro_per_min, negatives_per_min)
    )
    taken: list[tuple[str, float, float]] = []
    events = []
    for kind in ("micro", "macro", "step", "talk", "sham", "head", "blink", "light"):
        for _ in range(wanted.get(kind, 0)):
            event = _place(
                rng, kind, duration_s, fps, pool, taken, min_gap_s, margins_s, micro_amplitude, blocked
            )
            if event is not None:
                events.append(event)
    return sorted(events, key=lambda event: (event.onset_s, event.kind))


def check_units(units: Sequence[str] | None) -> tuple[str, ...]:
    """Return the units to draw from, all by default; raises :class:`SettingsError` for unknown ones."""
    pool = (*UNITS, FREE) if units is None else tuple(units)
    unknown = [unit for unit in pool if unit not in (*UNITS, FREE)]
    if unknown or not pool:
        raise SettingsError(
            f"units to plant: got {', '.join(unknown) or 'none'}.", f"Choose of {', '.join(UNITS)}, {FREE}."
        )
    return pool


def _draw_counts(
    rng: np.random.Generator, minutes: float, micro: float, macro: float, negatives: float
) -> dict[str, int]:
    minutes *= float(rng.uniform(0.8, 1.2))
    counts = {"micro": _count(rng, micro * minutes), "macro": _count(rng, macro * minutes)}
    if micro > 0 and counts["micro"] == 0:
        counts["micro"] = 1
    for kind, share in _NEGATIVE_SHARES.items():
        counts[kind] = _count(rng, negatives * minutes * share)
    return counts


def _count(rng: np.random.Generator, expected: float) -> int:
    return int(expected + rng.random())


def _place(
    rng: np.random.Generator,
    kind: str,
    duration_s: float,
    fps: float,
    pool: tuple[str, ...],
    taken: list[tuple[str, float, float]],
    min_gap_s: float,
    margins_s: tuple[float, float],
    micro_amplitude: tuple[float, float],
    blocked: Sequence[tuple[float, float]],
) -> PlannedEvent | None:
    """Find room for one event; None where there is none."""
    length = _draw_length(rng, kind)
    may_overlap = kind not in EXPRESSIVE_KINDS and rng.random() < 0.3
    latest = duration_s - margins_s[1] - length
    for _ in range(40):
        if latest <= margins_s[0]:
            return None
        onset_s = float(rng.uniform(margins_s[0], latest))
        seed = int(rng.integers(2**63))
        start, apex_s, end = _times(kind, onset_s, length, seed, duration_s)
        # A step occupies its rise; later it only creeps back, over which anything may happen.
        busy_end = apex_s if kind == "step" else end
        if any(start < b and a < busy_end for a, b in blocked):
            continue
        gap = min_gap_s if kind in EXPRESSIVE_KINDS else min_gap_s / 2
        if any(
            start - gap < b and a < busy_end + gap
            for other, a, b in taken
            if not (may_overlap and other in EXPRESSIVE_KINDS)
        ):
            continue
        taken.append((kind, start, busy_end))
        chosen, sides, label = _draw_units(rng, kind, pool)
        return PlannedEvent(
            kind, chosen, sides, start, apex_s, end,
            round(start * fps), round(apex_s * fps), round(end * fps),
            _draw_amplitude(rng, kind, micro_amplitude), label if kind in POSITIVE_KINDS else "", seed,
        )  # fmt: skip
    return None


def _draw_length(rng: np.random.Generator, kind: str) -> float:
    """Seconds from onset to offset (step: of its rise)."""
    low, high = {
        "micro": (0.2, 0.5) if rng.random() < 0.9 else (0.15, 0.22),
        "macro": (0.6, 2.5),
        "sham": (0.2, 0.6),
        "step": (0.08, 0.5),
        "talk": (0.8, 3.0),
        "blink": (0.1, 0.4),
        "head": (0.2, 0.7) if rng.random() < 0.8 else (0.7, 1.6),
        "light": (0.1, 0.8) if rng.random() < 0.6 else (0.8, 3.0),
    }[kind]
    return float(rng.uniform(low, high))


def _times(
    kind: str, onset_s: float, length: float, seed: int, duration_s: float
) -> tuple[float, float, float]:
    if kind == "step":
        held = float(np.random.default_rng([seed, 1]).uniform(3.5, 7.0))
        return onset_s, onset_s + length, min(onset_s + length + held, duration_s)
    if kind in ("micro", "macro", "sham"):
        course = _draw_course(np.random.default_rng(seed), kind, onset_s, length)
        return course.onset_s, course.apex_s, course.offset_s
    return onset_s, onset_s + length / 2, onset_s + length


def _draw_course(rng: np.random.Generator, kind: str, onset_s: float, length: float) -> Course:
    if kind == "macro":
        return draw_course(rng, onset_s, length, apex_at=(0.2, 0.7), plateau=0.5)
    return draw_course(rng, onset_s, length)


def _draw_amplitude(rng: np.random.Generator, kind: str, micro: tuple[float, float]) -> float:
    low, high = {
        "micro": micro if rng.random() < 0.85 else (0.03, 0.06),
        "macro": (0.03, 0.12),
        "sham": (0.0, 0.0),
        "step": (0.01, 0.08),
        "talk": (0.02, 0.1),
        "blink": (0.35, 1.0),
        "head": (0.01, 0.15),
        "light": (0.03, 0.35),
    }[kind]
    if low <= 0:
        return 0.0
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_units(
    rng: np.random.Generator, kind: str, pool: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Draw units, their sides and the label they stand for."""
    if kind in ("blink", "head", "light"):
        return (), (), ""
    if kind == "talk":
        mouth = tuple(u for u in ("AU25", "AU12", "AU20", "AU17", "AU15", "AU10") if u in pool)
        if not mouth:
            return (FREE,), ("B",), ""
        return (mouth[0], *(str(u) for u in rng.permutation(mouth[1:])[:1])), ("B",) * min(2, len(mouth)), ""
    chosen, label = _draw_combination(rng, pool)
    one_sided = rng.random() < 0.35
    side = str(rng.choice(["R", "L"]))
    sides = tuple(side if one_sided and unit in ONE_SIDED else "B" for unit in chosen)
    return chosen, sides, label


def _draw_combination(rng: np.random.Generator, pool: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    units = tuple(unit for unit in pool if unit != FREE)
    if FREE in pool and (not units or rng.random() < 0.25):
        return (FREE,), ""
    usable = {
        label: fitting
        for label, combinations in COMBINATIONS.items()
        if (fitting := [c for c in combinations if set(c) <= set(units)])
    }
    if not usable or rng.random() < 0.2:
        unit = str(rng.choice(units))
        alone = [label for label, combinations in COMBINATIONS.items() if (unit,) in combinations]
        return (unit,), alone[0] if alone else ""
    shares = np.array([{"negative": 0.46, "positive": 0.27, "surprise": 0.27}[label] for label in usable])
    label = str(rng.choice(list(usable), p=shares / shares.sum()))
    return usable[label][int(rng.integers(len(usable[label])))], label
