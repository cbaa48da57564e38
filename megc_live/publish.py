"""Folders of results under their final names: whole, and never over somebody else's."""

from __future__ import annotations

import glob
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from megc_live.errors import DatasetError
from megc_live.output import SINKS, SessionInfo
from megc_live.output.session import SESSION

ANNOTATED = "annotated.mp4"


def publish(part: Path, folder: Path) -> None:
    """Move a finished folder to its final name, over an earlier result if there is one.

    What people have added to the earlier folder stays; files that an earlier run wrote and this one
    did not are removed. ``session.json`` goes first and comes last: it marks a complete result.
    """
    if not folder.exists():
        os.replace(part, folder)
        return
    (folder / SESSION).unlink(missing_ok=True)
    new = {path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file()}
    written = {ANNOTATED, *(name for entry in SINKS.entries() for name in entry.capabilities["files"])}
    for name in written - new:
        (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # a folder of its own goes too, unless there is more in it
            (folder / name).parent.rmdir()
    for name in sorted(new, key=lambda name: name == SESSION):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(part / name, folder / name)


def partial_folder(out_dir: Path, name: str) -> Path:
    """Return the folder in which this process prepares the results called ``name``."""
    return out_dir / f".{name}.partial-{os.getpid()}"


def clear_partials(out_dir: Path, name: str) -> None:
    """Remove what processes that are no more have left half-written."""
    for left in out_dir.glob(f".{glob.escape(name)}.partial-*"):
        number = left.name.rpartition("-")[2]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def read_record(folder: Path) -> dict[str, Any]:
    """Return what an earlier run's session.json says of the run, empty if there is none to be read."""
    try:
        run: dict[str, Any] = SessionInfo.read(folder / SESSION).run
    except DatasetError:
        return {}
    return run
