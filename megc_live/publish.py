"""Folders of results under their final names: whole, and never over somebody else's."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import psutil

from megc_live.errors import DatasetError, OutputError
from megc_live.output import SINKS, SessionInfo
from megc_live.output.reviewed import REVIEWS
from megc_live.output.session import SESSION

ANNOTATED = "annotated.mp4"
HOST = "host"
"""Entry of the record of a live session while it goes on: the computer on which it does."""
_CLOCKS_AGREE_S = 2.0

_in_use: set[Path] = set()


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


def make_folder(out_dir: Path) -> None:
    """Make the folder of the folders of results, if need be, and see whether files can be made in it.

    Raises
    ------
    OutputError
        They cannot.
    """
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out_dir):
            pass
    except OSError as error:
        why = "it is not a folder" if out_dir.exists() and not out_dir.is_dir() else error.strerror
        raise OutputError(
            f"cannot write to {str(out_dir)!r}: {why}.", "Name another folder with --out."
        ) from None


@contextmanager
def partial_folder(out_dir: Path, name: str, *, once: bool = False) -> Iterator[Path]:
    """Make the folder in which this process prepares the results called ``name``; remove it at the end.

    ``once``: of a session that cannot be done again. Then an error leaves the folder, see cut_off.py.
    """
    part = out_dir / f".{name}.partial-{os.getpid()}"
    part.mkdir(parents=True)
    _in_use.add(part)
    kept = False
    try:
        yield part
    except BaseException:
        kept = once
        raise
    finally:
        _in_use.discard(part)
        if not kept:
            shutil.rmtree(part, ignore_errors=True)


def clear_partials(out_dir: Path, name: str) -> None:
    """Remove what runs that are no more have left half-written."""
    for left in out_dir.glob(f".{glob.escape(name)}.partial-*"):
        number = left.name.rpartition("-")[2]
        live = HOST in read_record(left)  # of a live session, which cannot be done again: see cut_off.py
        if number.isdecimal() and not live and not is_owned(left, int(number)):
            shutil.rmtree(left, ignore_errors=True)


def is_owned(part: Path, pid: int) -> bool:
    """Tell whether the process that made ``part`` still works on it: numbers are given out again."""
    if pid == os.getpid():
        return part in _in_use
    try:
        born_s: float = psutil.Process(pid).create_time()
        return born_s <= part.stat().st_mtime + _CLOCKS_AGREE_S
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True


def read_record(folder: Path) -> dict[str, Any]:
    """Return what an earlier run's session.json says of the run, empty if there is none to be read."""
    try:
        run: dict[str, Any] = SessionInfo.read(folder / SESSION).run
    except DatasetError:
        return {}
    return run


def reviewed(folder: Path) -> bool:
    """Tell whether a person has begun to review the results in a folder."""
    return any(path.stat().st_size for path in folder.glob(REVIEWS))


def free_name(out_dir: Path, name: str) -> str:
    """Return ``name``, with a number behind it if there already are results of that name.

    What a run that died has left half-written counts too: of a live session there is nothing else.
    """
    for count in range(1, 10_000):
        tried = name if count == 1 else f"{name}-{count}"
        if not (out_dir / tried).exists() and not any(out_dir.glob(f".{glob.escape(tried)}.partial-*")):
            return tried
    raise OutputError(
        f"{str(out_dir)!r} already holds 10 000 results called {name!r}.", "Choose another name or folder."
    )
