"""Files that appear under their final names only when they are whole."""

from __future__ import annotations

import errno
import math
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from megc_live.errors import OutputError

FLUSH_S = 1.0
"""What a crash of the program costs at most of what was written, seconds."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's error while ``path`` is written into an :class:`OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}.",
            "Choose a folder that can be written to, on a disk with free space.",
        ) from None


class PendingFile:
    """A file that is being written beside its final place.

    Parameters
    ----------
    path : Path
        Final name; missing folders on the way are made.

    Raises
    ------
    OutputError
        There is no writing at that place.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        self._made = _make_folders(path)
        try:
            with writing(path):
                self._file: BinaryIO = self.part.open("xb")
            self._flushed = -math.inf  # what is written first is there at once
        except OutputError:
            _remove_folders(self._made)
            raise

    def write(self, data: str | bytes) -> None:
        """Append text (as UTF-8) or bytes."""
        with writing(self.path):
            self._file.write(data.encode() if isinstance(data, str) else data)
            if time.monotonic() - self._flushed > FLUSH_S:
                self.flush()

    def flush(self) -> None:
        """Hand what was written to the system: a crash of the program no longer costs it."""
        with writing(self.path):
            self._file.flush()
        self._flushed = time.monotonic()

    def finish(self) -> None:
        """All is written: flush it, still under the temporary name."""
        with writing(self.path):
            self._file.close()

    def publish(self, *, replace: bool = True) -> None:
        """Give the finished file its final name.

        Raises
        ------
        OutputError
            It cannot be; or there is a file of that name, and it is not to be replaced.
        """
        if not replace:
            self._claim()
        try:
            with writing(self.path):
                self.part.replace(self.path)
        except OutputError:
            if not replace:
                with suppress(OSError):
                    self.path.unlink()
            raise

    def _claim(self) -> None:
        """Take the final name with an empty file, as only one can: what is there already stays."""
        with writing(self.path), suppress(FileExistsError):
            self.path.open("xb").close()
            return
        raise _taken([self.path])

    def discard(self) -> None:
        """Remove what was written, and the folders that were made for it if they are empty."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)
        _remove_folders(self._made)


_ASIDE = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-[0-9a-f]{8}\.old")


def publish_all(files: Sequence[PendingFile], replacing: Sequence[Path]) -> None:
    """Give finished files their final names: all of them, or none.

    What is to be replaced is moved aside first, which already fails for a file that another program keeps
    open, and is put back if anything goes wrong. The last file tells what the others are: it is the first one
    that is moved aside and the last one to get its name, so that it never stands beside files of two runs.

    Parameters
    ----------
    files : sequence of PendingFile
        Finished.
    replacing : sequence of Path
        Final names under which a file may be replaced.

    Raises
    ------
    OutputError
        There is a file under another one of the names, which stays; or one cannot be written or replaced.
    """
    there = [file.path for file in files if file.path not in replacing and os.path.lexists(file.path)]
    if there:
        raise _taken(there)
    aside: dict[Path, Path] = {}
    published: list[Path] = []
    try:
        for file in reversed(files):
            if file.path in replacing and os.path.lexists(file.path):
                _move_aside(file.path, aside)
        for file in files:
            file.publish(replace=file.path in replacing)
            published.append(file.path)
    except BaseException:
        _put_back(published, aside)
        raise
    for old in aside.values():
        with suppress(OSError):
            old.unlink()


def put_back_left(folder: Path) -> None:
    """Undo what a program that ended in the middle of :func:`publish_all` has left in a folder or one below.

    Where a name is missing it had not come to its end: all files that it had moved aside get their names
    again. Else they are removed.

    Raises
    ------
    OSError
        That cannot be done.
    """
    left: dict[str, list[tuple[Path, Path]]] = {}
    for hidden in [*folder.glob(".*.old"), *folder.glob("*/.*.old")]:
        match = _ASIDE.fullmatch(hidden.name)
        if match is not None and not psutil.pid_exists(int(match["pid"])):
            left.setdefault(match["pid"], []).append((hidden, hidden.with_name(match["name"])))
    for files in left.values():
        ended = all(os.path.lexists(path) for _, path in files)
        for hidden, path in files:
            hidden.unlink() if ended else hidden.replace(path)


def _move_aside(path: Path, aside: dict[Path, Path]) -> None:
    """Hide a file that is to be replaced; ``aside`` says where it is then."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.old")
    try:
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.replace(hidden)
    except OSError as error:
        raise OutputError(
            f"cannot replace {str(path)!r}: {error.strerror or error}; nothing was replaced.",
            "Close it where it is open, in a spreadsheet program for example, or choose another folder.",
        ) from None
    aside[path] = hidden


def _put_back(published: Sequence[Path], aside: dict[Path, Path]) -> None:
    """Take new files away again, and give those that were there their names.

    Raises
    ------
    OutputError
        That fails for one; it says where the earlier file is.
    """
    for path in published:
        if path not in aside:
            with suppress(OSError):
                path.unlink()
    lost: list[Path] = []
    for path, hidden in reversed(aside.items()):
        try:
            hidden.replace(path)
        except OSError:
            lost.append(hidden)
    if lost:
        raise OutputError(
            f"{str(lost[0].parent)!r} could not be written to, nor be made as it was.",
            f"The earlier files have other names now: {', '.join(str(path) for path in lost)}.",
        )


def _taken(paths: Sequence[Path]) -> OutputError:
    names = ", ".join(path.name for path in paths)
    return OutputError(
        f"{names} came into {str(paths[0].parent)!r} meanwhile: nothing was replaced, nothing written.",
        "Export again to see what would be replaced, or choose another folder.",
    )


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file in one go; raises :class:`OutputError` and leaves what was there before."""
    pending = PendingFile(path)
    try:
        pending.write(data)
        pending.finish()
        pending.publish()
    except BaseException:
        pending.discard()
        raise


def _make_folders(path: Path) -> list[Path]:
    """Make the folders above ``path``; return those that were not there, the innermost first."""
    made = []
    above = path.parent
    with writing(path):
        while not above.exists():
            made.append(above)
            above = above.parent
        path.parent.mkdir(parents=True, exist_ok=True)
    return made


def _remove_folders(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
