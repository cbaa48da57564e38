"""What there is to analyse: sources from what was typed, a name for each, and what makes a run the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megc_live import __version__
from megc_live.errors import SettingsError
from megc_live.models import LANDMARKER_FILE, LANDMARKER_SHA256, ModelStore
from megc_live.publish import free_name
from megc_live.settings import Settings
from megc_live.spotting.base import spotter_models
from megc_live.video.base import is_folder, safe_name
from megc_live.video.folder import IMAGE_SUFFIXES

VIDEO_SUFFIXES = (
    *(".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
)
FAILURES = "failures.csv"
"""Beside the folders of results: the sources that failed, and why."""


@dataclass(frozen=True)
class Job:
    """One source and the name of its folder of results."""

    spec: str
    name: str


def is_live(spec: str) -> bool:
    """Tell whether a source is a camera or an address, and not on this machine's disk.

    Examples
    --------
    >>> is_live("camera:0"), is_live("rtsp://host/door"), is_live("talk.mp4")
    (True, True, False)
    """
    return spec.startswith("camera:") or "://" in spec


def expand(specs: Sequence[str], leave_out: Path | None = None) -> list[str]:
    """Replace each folder of videos by what is in it, at any depth, in the order of the names.

    A folder with two or more numbered images and no video is one source by itself.

    Parameters
    ----------
    specs : sequence of str
        Files, folders, addresses and cameras as typed.
    leave_out : Path, optional
        The folder of results, whose annotated videos are no sources.

    Returns
    -------
    list of str
        Each source once. What cannot be listed stays as it is, so that opening it says why.

    Raises
    ------
    SettingsError
        A source has an empty name, which the file system would take for the current folder.
    """
    if not all(spec.strip() for spec in specs):
        raise SettingsError(
            "the name of a source is empty.",
            "Name a file, a folder, an address or camera:0; the current folder is '.'.",
        )
    found: dict[str, str] = {}
    for spec in specs:
        if is_live(spec):
            found.setdefault(spec, spec)
            continue
        for path in _within(Path(spec), leave_out) if is_folder(spec) else [Path(spec)]:
            found.setdefault(str(path.resolve()), str(path))
    return list(found.values())


def _within(folder: Path, leave_out: Path | None) -> list[Path]:
    been = {leave_out.resolve()} if leave_out is not None else set()

    def visit(place: Path) -> list[Path]:
        if place.resolve() in been:
            return []
        been.add(place.resolve())
        try:
            inside = sorted(path for path in place.iterdir() if not path.name.startswith("."))
        except OSError:
            return [place]
        videos = {path for path in inside if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()}
        if not videos and sum(_is_numbered_image(path) for path in inside) > 1:
            return [place]
        found: list[Path] = []
        for path in inside:
            if path.is_dir():
                found += visit(path)
            elif path in videos:
                found.append(path)
        return found

    return visit(folder) or [folder]


def _is_numbered_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and re.search(r"[0-9]", path.stem) is not None


def name_jobs(specs: Sequence[str], out_dir: Path | None = None) -> list[Job]:
    """Give each source a name that no other one has.

    A name is the file's stem; where two are alike (letter case apart), the folder's name goes
    before it, then the suffix behind it, then the folders above. What a source is called depends
    on the set of sources and not on their order. A camera or stream cannot be read again: its name
    gets a number where ``out_dir`` holds an earlier recording of it.

    Examples
    --------
    >>> [job.name for job in name_jobs(["s1/clip.mp4", "s2/clip.mp4", "talk.avi"])]
    ['s1_clip', 's2_clip', 'talk']
    """
    chosen = {spec: name_of(spec) for spec in specs}
    for level in range(1, _DEEPEST):
        counts = Counter(name.casefold() for name in chosen.values())
        alike = [spec for spec, name in chosen.items() if counts[name.casefold()] > 1]
        if not alike:
            break
        chosen |= {spec: _names(spec, level) for spec in alike}
    taken = {FAILURES}
    jobs = []
    for spec in specs:
        earlier = out_dir if is_live(spec) else None

        def is_taken(name: str, earlier: Path | None = earlier) -> bool:
            return name.casefold() in taken or (earlier is not None and (earlier / name).exists())

        name = free_name(out_dir or Path(), chosen[spec], is_taken)
        taken.add(name.casefold())
        jobs.append(Job(spec, name))
    return jobs


_DEEPEST = 12


def name_of(spec: str) -> str:
    """Return what the results of a source are called where nothing else has that name.

    Examples
    --------
    >>> name_of("camera:0"), name_of("rtsp://lab:secret@10.0.0.5/a"), name_of("talks/talk.v2.mp4")
    ('camera0', '10.0.0.5_a', 'talk.v2')
    """
    return _names(spec, 0)


def _names(spec: str, level: int) -> str:
    """Name of a source, longer with each level: stem, parent_stem, parent_stem_suffix, ..."""
    if is_live(spec):
        return safe_name(re.sub(r"^\w+://([^@/]*@)?", "", spec).replace("camera:", "camera"))
    path = Path(spec).resolve()
    suffix = path.suffix if path.suffix.lower() in VIDEO_SUFFIXES else ""
    stem = path.name.removesuffix(suffix)
    above = [part for part in path.parts[1:-1]][::-1]
    depth = min(level, 1) + max(0, level - 2)
    ending = suffix.removeprefix(".") if level >= 2 else ""
    return safe_name("_".join([*above[:depth][::-1], stem, *([ending] if ending else [])]))


def fingerprint(spec: str, settings: Settings, **how: Any) -> dict[str, Any]:
    """What must be equal for a result to be still good: the source's state, settings, models and program.

    Parameters
    ----------
    spec : str
        A file or a folder of images.
    settings : Settings
        The settings of the run.
    **how
        Whatever else shapes the result; JSON values.

    Raises
    ------
    OSError
        The source cannot be looked at.
    ModelError
        A model is missing or altered.
    """
    path = Path(spec).resolve()
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    stats = [p.stat() for p in files]
    return {
        "source": str(path),
        "files": len(files),
        "bytes": sum(s.st_size for s in stats),
        "mtime_ns": max((s.st_mtime_ns for s in stats), default=0),
        "settings": settings.model_dump(mode="json"),
        "models": _model_hashes(settings),
        "version": __version__,
        **how,
    }


def _model_hashes(settings: Settings) -> dict[str, str]:
    """SHA-256 of each model of a run: a file of the same name may hold another one tomorrow."""
    store = ModelStore(settings.models)
    names = [*spotter_models(settings.spotting.spotter), settings.recognition.recognizer]
    hashes = {name: store.get(name).sha256 for name in names if name != "none"}
    return {**hashes, LANDMARKER_FILE: LANDMARKER_SHA256}


def size_of(spec: str) -> float:
    """Bytes of a source on disk, 0 where that is unknown."""
    path = Path(spec)
    try:
        if is_live(spec):
            return 0.0
        files = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else [path]
        return float(sum(p.stat().st_size for p in files))
    except OSError:
        return 0.0
