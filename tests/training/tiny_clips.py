"""A corpus of three people with four short movements each, all of one photograph."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from megc_live.synthesis.camera import STEADY
from megc_live.synthesis.demo import portrait
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.plan import PlannedEvent, course_of
from megc_live.synthesis.write import write_clip

PEOPLE = ("P1", "P2", "P3")
PLANTED = (
    ("negative", ("AU4", "AU9")),
    ("positive", ("AU12",)),
    ("surprise", ("AU1", "AU2")),
    ("", ("free",)),
)
FPS = 30.0
_SECONDS = 0.6
"""From the start of one movement to that of the next."""


def make_tiny_corpus(out: Path) -> Path:
    """Write ``clips/*.mp4`` and ``truth.csv``, which the writers of the layouts take."""
    rgb, points = portrait()
    rows = []
    (out / "clips").mkdir(parents=True)
    for number, person in enumerate(PEOPLE):
        name = f"{person}__photograph__v0"
        rng = np.random.default_rng(number)
        photo = animate_photo(
            rgb, points, _SECONDS * len(PLANTED) + 0.3, FPS, rng, size=(224, 224), eye_px=50.0,
            liveliness=0.05, blinks_per_min=0.0,
        )  # fmt: skip
        plan = [_event(k, number) for k in range(len(PLANTED))]
        frames = photo.frames(plan, rng=rng, camera=STEADY)
        write_clip(out / "clips" / f"{name}.mp4", frames, fps=FPS, crf=10)
        rows += [(name, e.onset, e.apex, e.offset, e.kind, e.label, e.unit_text) for e in plan]
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("video", "onset", "apex", "offset", "kind", "label", "units"))
        table.writerows(rows)
    return out


def _event(k: int, person: int) -> PlannedEvent:
    label, units = PLANTED[k]
    start = 0.15 + _SECONDS * k
    end = start + 0.34
    event = PlannedEvent(
        "micro", units, ("B",) * len(units), start, start, end, 0, 0, 0, 0.06, label, 10 * k + person
    )
    course, _ = course_of(event)
    times = np.arange(round((_SECONDS * len(PLANTED) + 0.3) * FPS)) / FPS
    return replace(event, apex_s=course.apex_s).at(times)
