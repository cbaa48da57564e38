"""Semi-synthetic corpora: known movements planted into real footage.

What such a corpus is worth: the movements are smooth warps, not muscles, and no performance on
them is a performance on real micro-expressions. Split by person, hold out whole units for
testing, and say 'synthetic' beside every number.
"""

from __future__ import annotations

import importlib.metadata
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from megc_live.errors import DatasetError, SourceError
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.output.tables import csv_line
from megc_live.synthesis.camera import draw_camera
from megc_live.synthesis.footage import Survey, survey
from megc_live.synthesis.plan import POSITIVE_KINDS, PlannedEvent, check_units, draw_plan
from megc_live.synthesis.render import render
from megc_live.synthesis.write import write_clip
from training.datasets.footage import Source, find_sources
from training.datasets.material import moving_material, still_material
from training.processes import in_processes

COLUMNS = (
    "video",
    "onset",
    "apex",
    "offset",
    "kind",
    "label",
    "units",
    "amplitude",
    "person",
    "fps",
    "frames",
    "source",
)
"""Columns of truth.csv and negatives.csv."""

Progress = Callable[[int, int, str], None]
"""Called with (clips done, clips in all, name of the clip)."""

_VERSIONED = ("numpy", "opencv-python", "av", "mediapipe")
_LEAST_FACE_S = 1.5
"""Clips that show a face for less time than this are skipped."""
_FORMAT = 2
"""Raised when the same seed gives other clips than before."""


@dataclass(frozen=True)
class Density:
    """Events per minute."""

    micro_per_min: float = 12.0
    macro_per_min: float = 4.0
    negatives_per_min: float = 18.0


@dataclass(frozen=True)
class _Job:
    source: Source
    name: str
    variant: int
    seed: int
    out: Path
    cache: Path
    units: tuple[str, ...] | None
    rates: tuple[float, ...]
    density: Density
    max_eye_px: float
    still_s: float


def make_corpus(
    out: Path,
    footage: Sequence[Path],
    *,
    seed: int,
    variants: int = 1,
    stills: int = 0,
    still_s: float = 20.0,
    people_csv: Path | None = None,
    units: Sequence[str] | None = None,
    fps: float | Sequence[float] | None = None,
    density: Density | None = None,
    max_eye_px: float = 130.0,
    cache: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Make a corpus: clips, truth.csv, negatives.csv, corpus.json.

    Clips that are there already are kept: a run that was broken off goes on where it stopped. What
    a clip looks like depends on ``seed``, its name and the settings, not on order or ``jobs``.

    Parameters
    ----------
    out : Path
        Folder to write to.
    footage : sequence of Path
        Video files, or folders that are searched for them.
    seed : int
    variants : int
        Clips made of each source, each with its own plan and camera: ``<person>__<stem>__v<k>``.
    stills : int
        Further clips made of a single, frontal frame of each source brought to life: the same people,
        but calm, as in a laboratory: ``<person>__<stem>__s<k>``.
    still_s : float
        Length of those, seconds.
    people_csv : Path, optional
        Table with columns file (relative to the table's folder), person and note. A note may name
        the columns of pixels to use (``x 1030..1543``) or ``skip first frame``. Files that are not in
        the table, and all files without one, are each a person of their own.
    units : sequence of str, optional
        Units to plant (for held-out units); default all.
    fps : float or sequence of float, optional
        Rate of the clips, or rates of which each clip draws one; default that of the source.
    density : Density, optional
    max_eye_px : float
        Larger faces are scaled down.
    cache : Path, optional
        Folder for the sources' landmarks; default ``out/landmarks``.
    jobs : int
        Worker processes.
    progress : callable, optional

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    DatasetError
        No footage, a table that cannot be read, or ``out`` holds a corpus made with other settings.
    SettingsError
        An unknown unit, or a worker that was killed: finished clips are kept.
    """
    check_units(units)
    sources = find_sources(footage, people_csv)
    rates = () if fps is None else tuple(fps) if isinstance(fps, Sequence) else (float(fps),)
    settings = {
        "format": _FORMAT,
        "seed": seed,
        "variants": variants,
        "stills": [stills, still_s],
        "units": list(units) if units is not None else None,
        "fps": list(rates),
        "density": asdict(density or Density()),
        "max_eye_px": max_eye_px,
    }
    _claim(out, settings)
    kinds = [("v", k) for k in range(variants)] + [("s", k) for k in range(stills)]
    todo = [
        _Job(
            source=source,
            name=f"{source.person}__{source.stem}__{kind}{variant}",
            variant=variant,
            seed=seed,
            out=out,
            cache=cache or out / "landmarks",
            units=tuple(units) if units is not None else None,
            rates=rates,
            density=density or Density(),
            max_eye_px=max_eye_px,
            still_s=still_s if kind == "s" else 0.0,
        )
        for source in sources
        for kind, variant in kinds
    ]
    results = []
    for count, result in enumerate(_run_all(todo, jobs), start=1):
        results.append(result)
        if progress is not None:
            progress(count, len(todo), result["video"])
    _write_tables(out, settings, sorted(results, key=lambda result: str(result["video"])))
    return out


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Make sure that ``out`` holds no clips of another recipe."""
    recipe = out / "recipe.json"
    text = json.dumps(settings, indent=1, sort_keys=True)
    if recipe.exists() and recipe.read_text(encoding="utf-8") != text:
        raise DatasetError(
            f"{str(out)!r} holds a corpus made with other settings.", "Choose another folder, or remove it."
        )
    (out / "clips").mkdir(parents=True, exist_ok=True)
    write_whole(recipe, text)


def _run_all(todo: list[_Job], jobs: int) -> Iterable[dict[str, Any]]:
    if min(jobs, len(todo)) <= 1:
        worker = _Worker()
        try:
            for job in todo:
                yield worker.run(job)
        finally:
            worker.close()
        return
    yield from in_processes((partial(_run_in_process, job) for job in todo), jobs)


class _Worker:
    """One process' landmarker, made when first needed."""

    def __init__(self) -> None:
        self._landmarker: Landmarker | None = None

    def run(self, job: _Job) -> dict[str, Any]:
        """Make one clip, or read back the record of one that is there."""
        record = job.out / "clips" / f"{job.name}.json"
        if record.exists() and (record.with_suffix(".mp4").exists() or "skipped" in _read_json(record)):
            return _read_json(record)
        cv2.setNumThreads(1)
        try:
            found = self._survey(job)
            result = _make_clip(job, found)
        except SourceError as error:  # footage that is of no use; anything else must not look like that
            result = _record(job, skipped=str(error))
        write_whole(record, json.dumps(result, indent=1))
        return result

    def _survey(self, job: _Job) -> Survey:
        source = job.source
        path = job.cache / f"{source.person}__{source.stem}__{job.max_eye_px:g}.npz"
        if path.exists():
            return Survey.load(path)
        if self._landmarker is None:
            self._landmarker = Landmarker(ModelStore().landmarker())
        found = survey(
            source.path,
            self._landmarker,
            crop=source.crop,
            skip_first=source.skip_first,
            max_eye_px=job.max_eye_px,
        )
        found.save(path)
        return found

    def close(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()


@cache
def _worker() -> _Worker:
    """The worker of one process: one landmarker for all the clips that it makes."""
    return _Worker()


def _run_in_process(job: _Job) -> dict[str, Any]:
    return _worker().run(job)


def _make_clip(job: _Job, found: Survey) -> dict[str, Any]:
    """Plan, render and write one clip; returns its record."""
    if found.face_share * found.times_s[-1] < _LEAST_FACE_S:
        return _record(job, skipped=f"a face in only {found.face_share:.0%} of {found.times_s[-1]:.1f} s")
    name = zlib.crc32(f"{job.source.person}/{job.source.stem}".encode())
    rng = np.random.default_rng([job.seed, job.variant, name, int(job.still_s > 0)])
    material_rng, plan_rng, camera_rng, render_rng = rng.spawn(4)
    if job.still_s > 0:
        material = still_material(job.source.path, found, job.rates, job.still_s, material_rng)
    else:
        material = moving_material(job.source.path, found, job.rates, material_rng)
    duration_s = float(material.times_s[-1])
    plan = draw_plan(
        plan_rng, duration_s, material.fps, units=job.units, blocked=material.blocked, **asdict(job.density)
    )
    plan = [event.at(material.times_s) for event in plan]
    camera = draw_camera(camera_rng)
    frames = render(
        material.frames,
        material.landmarks,
        material.times_s,
        plan,
        rng=render_rng,
        camera=camera,
        background=material.background,
    )
    count = write_clip(
        job.out / "clips" / f"{job.name}.mp4",
        frames,
        fps=None if material.variable else material.fps,
        times_s=material.times_s if material.variable else None,
        crf=camera.crf,
    )
    return _record(
        job,
        fps=round(material.fps, 4),
        frames=count,
        duration_s=round(duration_s, 4),
        variable_rate=material.variable,
        still=job.still_s > 0,
        repeats_dropped=round(found.repeats, 4),
        size=list(found.size),
        camera=asdict(camera),
        events=[asdict(event) | {"unit_text": event.unit_text} for event in plan],
    )


def _record(job: _Job, **more: Any) -> dict[str, Any]:
    return {"video": job.name, "person": job.source.person, "source": job.source.path.name, **more}


def _write_tables(out: Path, settings: dict[str, Any], results: list[dict[str, Any]]) -> None:
    """Write truth.csv, negatives.csv and corpus.json from the clips' records."""
    truth: list[dict[str, Any]] = []
    negatives: list[dict[str, Any]] = []
    for result in results:
        for event in result.get("events", ()):
            row = {
                "video": result["video"],
                "units": event["unit_text"],
                "amplitude": round(event["amplitude"], 5),
                "person": result["person"],
                "fps": result["fps"],
                "frames": result["frames"],
                "source": result["source"],
                **{key: event[key] for key in ("onset", "apex", "offset", "kind", "label")},
            }
            (truth if event["kind"] in POSITIVE_KINDS else negatives).append(row)
    _write_csv(out / "truth.csv", truth)
    _write_csv(out / "negatives.csv", negatives)
    summary = {
        "settings": settings,
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONED},
        "clips": [{k: v for k, v in r.items() if k != "events"} for r in results if "skipped" not in r],
        "skipped": [r for r in results if "skipped" in r],
    }
    write_whole(out / "corpus.json", json.dumps(summary, indent=1))


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [csv_line(COLUMNS), *(csv_line(str(row[name]) for name in COLUMNS) for row in rows)]
    write_whole(path, "".join(lines))


def _read_json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def left_out(out: Path) -> Iterator[str]:
    """Say, a line each, which clips of a corpus could not be made and why."""
    for record in _read_json(out / "corpus.json")["skipped"]:
        yield f"left out: {record['video']}: {record['skipped']}"


def events_of(out: Path, video: str) -> list[PlannedEvent]:
    """Read back a clip's plan from its record."""
    events = []
    for item in _read_json(out / "clips" / f"{video}.json")["events"]:
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in item.items() if k != "unit_text"
        }
        events.append(PlannedEvent(**values))
    return events
