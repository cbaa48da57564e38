"""Which footage there is, and who is in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from megc_live.errors import DatasetError
from megc_live.jobs import VIDEO_SUFFIXES
from megc_live.synthesis.footage import Crop


@dataclass(frozen=True)
class Source:
    """One file of footage and who is in it."""

    path: Path
    person: str
    stem: str
    crop: Crop | None = None
    skip_first: int = 0


def find_sources(footage: Sequence[Path], people_csv: Path | None = None) -> list[Source]:
    """List the video files in ``footage`` with their persons; raises :class:`DatasetError`."""
    files: list[Path] = []
    for path in footage:
        if not path.exists():
            raise DatasetError(f"there is no footage at {str(path)!r}.", "Give video files or folders.")
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        files += [f for f in found if f.suffix.lower() in VIDEO_SUFFIXES and f.is_file()]
    if not files:
        raise DatasetError(
            f"no video file in {', '.join(str(p) for p in footage) or 'an empty list'}.",
            f"Looked for {' '.join(sorted(VIDEO_SUFFIXES))}.",
        )
    notes = _read_people(people_csv) if people_csv is not None else {}
    stems = [f.stem for f in files]
    sources = []
    for file in dict.fromkeys(files):
        person, note = notes.get(file.resolve(), (file.stem, ""))
        stem = file.stem if stems.count(file.stem) == 1 else f"{file.parent.name}_{file.stem}"
        columns = re.search(r"x\s*(\d+)\s*\.\.\s*(\d+)", note)
        crop = (int(columns[1]), 0, int(columns[2]) + 1, -1) if columns else None
        skip = 1 if "skip first frame" in note else 0
        sources.append(Source(file, _plain(person), _plain(stem), crop, skip))
    return sources


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("_")


def _read_people(path: Path) -> dict[Path, tuple[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error}.") from None
    if not rows or not {"file", "person"} <= rows[0].keys():
        raise DatasetError(
            f"{str(path)!r} has no columns file and person.", "Give a CSV table with a header."
        )
    for number, row in enumerate(rows, start=2):
        if not row["file"] or not row["person"]:
            raise DatasetError(
                f"{str(path)!r}, row {number}: the file or the person is missing.",
                "Fill it in, or remove the row.",
            )
    return {(path.parent / row["file"]).resolve(): (row["person"], row.get("note") or "") for row in rows}
