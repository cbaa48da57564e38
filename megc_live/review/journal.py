"""review.jsonl: every change on a line of its own, on the disk before it is shown."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO, Any

from megc_live.closing import Closing
from megc_live.errors import DatasetError, OutputError, ReviewError
from megc_live.output.files import writing
from megc_live.review.names import journal_of

LOCK = ".review.lock"
VERSION = 1


class JournalError(DatasetError):
    """A review cannot be gone on with; it may be set aside (:func:`set_aside`)."""


def set_aside(folder: Path, reviewer: str) -> Path:
    """Rename a reviewer's journal, so that the review begins anew; nothing is deleted.

    Returns
    -------
    Path
        Where it is now, ``review-aside-DATE-TIME.jsonl``.

    Raises
    ------
    ReviewError
        Another window reviews this folder.
    OutputError
        It cannot be renamed.
    """
    with ReviewLock(folder, reviewer):
        return rename_aside(folder, reviewer)


def rename_aside(folder: Path, reviewer: str) -> Path:
    """Do what :func:`set_aside` does; the caller holds the folder's :class:`ReviewLock`.

    Raises
    ------
    OutputError
        It cannot be renamed.
    """
    path = journal_of(folder, reviewer)
    stem = f"review-aside-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
    with writing(path):
        names = (f"{stem}{f'-{k}' if k else ''}.jsonl" for k in count())
        there = next(folder / name for name in names if not (folder / name).exists())
        path.rename(there)
    return there


class Journal:
    """The lines of a review, only ever added to.

    Parameters
    ----------
    path : Path
        Made at the first :meth:`append`.

    Raises
    ------
    DatasetError
        The file cannot be read.
    JournalError
        A line before the last one is damaged.

    Attributes
    ----------
    lines : list of dict
        What was read.
    torn : str
        Empty, or what was wrong with the last line, which is ignored and overwritten.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self.torn = ""
        self._lock = threading.Lock()
        """A video is located in a thread that writes down where it is."""
        self._end = 0
        """Bytes of whole lines: what comes after them is a torn line."""
        self._size = 0
        """Bytes of the file as it was left: with any other size somebody else has written."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
        self._size = len(data)
        pieces = data.split(b"\n")  # the last one is what follows the last line's end
        for number, piece in enumerate(pieces, start=1):
            rest = data[self._end :]
            line = _values(piece) if self._end + len(piece) < len(data) else None
            if line is not None:
                self.lines.append(line)
                self._end += len(piece) + 1
                continue
            if rest.rstrip(b"\n\0") and b"\n" in rest.rstrip(b"\n\0"):
                raise JournalError(
                    f"{str(path)!r}, line {number}: it is damaged, and there are others after it.",
                    "Take a copy of the file from a backup, or set it aside to begin the review anew.",
                )
            if rest:
                self.torn = f"line {number} of {path.name} was not written to its end: that change is lost."
            return

    def append(self, *lines: dict[str, Any]) -> None:
        """Add lines; when this returns they are on the disk.

        Raises
        ------
        OutputError
            They could not be written, and the file is as before; or somebody else has changed it.
        """
        with self._lock:
            self._append(lines)

    def _append(self, lines: tuple[dict[str, Any], ...]) -> None:
        data = b"".join(_line(line) for line in lines)
        start = self._end
        with writing(self.path):
            new = not self.path.exists()
            if new and start:  # moved away meanwhile: what is shown as saved must be on the disk
                data, start = b"".join(_line(line) for line in (*self.lines, *lines)), 0
            elif not new and self.path.stat().st_size != self._size:
                raise OutputError(
                    f"{str(self.path)!r} was changed by another program since it was opened.",
                    "Open the results again; this change is not saved.",
                )
            with self.path.open("xb" if new else "r+b", buffering=0) as file:
                try:
                    file.truncate(start)
                    file.seek(start)
                    rest = memoryview(data)
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        file.truncate(start)
                        self._size = start
                    raise
            if new:
                _sync_folder(self.path.parent)
        self._end = self._size = start + len(data)
        self.torn = ""
        self.lines += lines


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _values(piece: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(piece)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _sync_folder(folder: Path) -> None:
    """Make sure that a new file's name is on the disk too."""
    if sys.platform == "win32":  # folders cannot be opened there; the file system sees to it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ReviewLock(Closing):
    """Keeps a second window from a folder, as long as it is not closed; a crash lets go of it too.

    Parameters
    ----------
    folder : Path
    who : str
        Told to whoever comes second.

    Raises
    ------
    ReviewError
        Another window has it.
    OutputError
        The folder cannot be written to.
    """

    def __init__(self, folder: Path, who: str) -> None:
        path = folder / LOCK
        with writing(path):
            self._file: IO[bytes] | None = path.open("a+b")
        try:
            _take(self._file)
        except (BlockingIOError, PermissionError):
            self._file.seek(1)
            holder = self._file.read(200).decode("utf-8", "replace").strip() or "somebody"
            self.close()
            raise ReviewError(
                f"{str(folder)!r} is being reviewed in another window ({holder}).",
                "Close it there first, or open it here to look at only.",
            ) from None
        except OSError:  # a network drive without locks: nothing can be told about others there
            return
        # The first byte is the lock: on Windows nobody else can read it.
        with writing(path):
            self._file.truncate(0)
            self._file.write(f" {who}, process {os.getpid()}".encode())
            self._file.flush()

    def close(self) -> None:
        """Let the next one in. Twice is fine."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _take(file: IO[bytes]) -> None:
    """Lock a file until it is closed; raises OSError if somebody else has."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def header(machine: Sequence[dict[str, Any]], session: dict[str, Any]) -> dict[str, Any]:
    """Return the first line: what the review began with."""
    return {"version": VERSION, "session": session, "machine": list(machine)}
