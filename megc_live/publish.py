"""Folders of results under their final names: whole, and never over somebody else's."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
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
_HIDDEN = re.compile(r"\.(?P<name>.+)\.(partial|replaced)(-\d+)?-(?P<pid>\d+)")

_in_use: set[Path] = set()


def publish(part: Path, folder: Path) -> None:
    """Move a finished folder to its final name, in place of an earlier result if there is one.

    The earlier one is there until the new one is: where the program ends between the two moves, it gets
    its name back (:func:`clear_partials`). What people have added to it goes over to the new one.
    """
    if not folder.is_dir():
        os.replace(part, folder)
        return
    old = _hidden(folder.parent, folder.name, "replaced")
    _in_use.add(old)
    try:
        os.utime(folder)  # else it looks older than this process, and as if nobody worked on it
        try:
            os.replace(folder, old)
        except PermissionError:  # Windows moves no folder in which a file is open, a review's lock say
            _replace_files(part, folder)
            return
        try:
            os.replace(part, folder)
        except OSError:
            os.replace(old, folder)
            raise
        with suppress(OSError):  # what cannot be moved now stays, and is moved the next time
            _carry_over(old, folder)
    finally:
        _in_use.discard(old)


def _written() -> set[str]:
    """Return the names of all files that runs write."""
    return {ANNOTATED, SESSION, *(name for entry in SINKS.entries() for name in entry.capabilities["files"])}


def _replace_files(part: Path, folder: Path) -> None:
    """Put the new files in place of the earlier ones, session.json last: it marks a whole result."""
    (folder / SESSION).unlink(missing_ok=True)
    new = {path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file()}
    for name in _written() - new:
        (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # a folder of its own goes too, unless there is more in it
            (folder / name).parent.rmdir()
    for name in sorted(new, key=lambda name: name == SESSION):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(part / name, folder / name)


def _carry_over(old: Path, folder: Path) -> None:
    """Move what people have added to an earlier result to the new one, and remove the earlier one."""
    written = _written()
    for path in sorted(old.rglob("*")):
        name, there = path.relative_to(old), folder / path.relative_to(old)
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                there.mkdir(parents=True, exist_ok=True)
        elif name.as_posix() not in written and not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, there)
    shutil.rmtree(old, ignore_errors=True)


def _hidden(out_dir: Path, name: str, what: str) -> Path:
    """Return a hidden folder of this process beside the results ``name`` that is not there yet.

    Processes in containers have few numbers: one that died may have had this one's.
    """
    free = (f"-{k}" if k else "" for k in count())
    return next(path for k in free if not (path := out_dir / f".{name}.{what}{k}-{os.getpid()}").exists())


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
            f"cannot write to {str(out_dir)!r}: {why}.", "Choose another folder for the results."
        ) from None


@contextmanager
def partial_folder(out_dir: Path, name: str, *, once: bool = False) -> Iterator[Path]:
    """Make the folder in which this process prepares the results called ``name``; remove it at the end.

    ``once``: of a session that cannot be done again. Then an error leaves the folder, see cut_off.py.
    """
    part = _hidden(out_dir, name, "partial")
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


def prepared_in(folder: Path) -> Path:
    """Return where this process prepares what will be in ``folder``; the folder itself if it does not."""
    begins = f".{folder.name}.partial"
    mine = (part for part in set(_in_use) if part.parent == folder.parent and part.name.startswith(begins))
    return next(mine, folder)


def clear_partials(out_dir: Path, name: str) -> None:
    """Remove what runs that are no more have left half-written, and finish what they were replacing."""
    for left in _left(out_dir, name, "partial"):
        if HOST not in read_record(left):  # of a live session, which cannot be done again: see cut_off.py
            shutil.rmtree(left, ignore_errors=True)
    folder = out_dir / name
    for old in _left(out_dir, name, "replaced"):
        if not folder.exists():
            os.replace(old, folder)
        elif read_record(folder).get("source") == read_record(old).get("source"):
            with suppress(OSError):
                _carry_over(old, folder)
        else:  # something else has come under that name meanwhile
            os.replace(old, out_dir / free_name(out_dir, f"{name}-earlier"))


def _left(out_dir: Path, name: str, what: str) -> list[Path]:
    """Return the hidden folders for the results ``name`` of processes that are no more."""
    found = [(path, _HIDDEN.fullmatch(path.name)) for path in out_dir.glob(f".{glob.escape(name)}.{what}*")]
    return [path for path, match in found if match is not None and not is_owned(path, int(match["pid"]))]


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


def free_name(out_dir: Path, name: str, taken: Callable[[str], bool] | None = None) -> str:
    """Return ``name``, or with the first number behind it that is free: ``talk``, ``talk_2``, ``talk_3``.

    Parameters
    ----------
    out_dir : Path
        Folder of the folders of results.
    name : str
    taken : callable, optional
        Tells of a name whether it must not be used. Default: where there already are results of that name;
        what a run that died has left half-written counts too: of a live session there is nothing else.

    Raises
    ------
    OutputError
        Too many are taken.
    """

    def there(tried: str) -> bool:
        hidden = (out_dir.glob(f".{glob.escape(tried)}.{what}-*") for what in ("partial", "replaced"))
        return (out_dir / tried).exists() or any(map(any, hidden))

    is_taken = taken or there
    for number in range(1, 10_000):
        tried = name if number == 1 else f"{name}_{number}"
        if not is_taken(tried):
            return tried
    raise OutputError(
        f"{str(out_dir)!r} already holds 10 000 results called {name!r}.", "Choose another name or folder."
    )
