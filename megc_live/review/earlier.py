"""Where a review is exported to, and what lies there already: whose it is, what of it would be replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from megc_live.errors import DatasetError, OutputError
from megc_live.output import SINKS, SessionInfo
from megc_live.output.bids_sink import TABLE
from megc_live.output.elan_sink import EAF
from megc_live.output.files import put_back_left, writing
from megc_live.output.recording import Recording
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.session import SESSION
from megc_live.review.document import ReviewDocument
from megc_live.review.exported import (
    REVIEW,
    is_export,
    people_in,
    reviewers_of,
    same_recording,
)
from megc_live.review.importing import Imported, import_intervals
from megc_live.review.names import OTHERS, name_for_files

FORMATS = ("csv", "json", "elan", "bids", "html")
FOLDER = "reviewed"
"""What the name of the folder that is offered begins with."""

_READ_BY = {"csv": REVIEW, "json": "events.json", "elan": EAF, "bids": TABLE, "html": "report.html"}
"""The file of each format that holds its intervals; the quickest to read first."""


@dataclass(frozen=True)
class Earlier:
    """What lies in a folder that a review is to be exported into; all paths are relative to it.

    Attributes
    ----------
    own : bool
        It is an earlier export of the same reviewer. False: nobody knows whose the files are.
    replaced : tuple of Path
        Files that would be replaced.
    older : tuple of Path
        Files of an own export that are of formats which were not chosen, and do not say what the review
        says now: it has changed since, or they have. They would stay as they are.
    written_s : float
        When the latest of these files was written, seconds since 1970; 0 if there is none.
    """

    own: bool = False
    replaced: tuple[Path, ...] = ()
    older: tuple[Path, ...] = ()
    written_s: float = 0.0


def folder_for(document: ReviewDocument) -> Path:
    """Return where a reviewer's export goes if nothing else is said: a folder of each one's own."""
    return document.folder / _own_name(document.reviewer)


def free_folder_for(document: ReviewDocument, instead_of: Path) -> Path:
    """Return where a review can be exported to instead of a folder: there is nobody else's file in it."""
    first = folder_for(document)
    for number in count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}_{number}")
        try:
            found = _look(document, folder, FORMATS)
        except OutputError:
            continue
        except OSError:  # of the disk: it would be the same with every other number
            return folder
        if folder.resolve() != instead_of.resolve() and (found.own or not found.replaced):
            return folder
    raise AssertionError("there is always another number")


def files_of(formats: Sequence[str]) -> list[str]:
    """Return the names of the files that an export writes, in its folder."""
    names = [name for kind in formats for name in SINKS[kind].capabilities["files"]]
    return [*names, REVIEW, SESSION] if "csv" in formats else names


def replaced_by(folder: Path, formats: Sequence[str]) -> list[Path]:
    """Return the files, relative to ``folder``, that an export would replace."""
    return [Path(name) for name in sorted(files_of(formats)) if os.path.lexists(folder / name)]


def earlier_export(document: ReviewDocument, folder: Path, formats: Sequence[str]) -> Earlier:
    """Look at what lies in a folder before a review is exported into it; reads what is there.

    Where a program ended in the middle of an export, the files that were there before have their names again.

    Raises
    ------
    OutputError
        A review cannot be exported into it, as :func:`check_folder` says.
    """
    with writing(folder):
        put_back_left(folder)
        return _look(document, folder, formats)


def _look(document: ReviewDocument, folder: Path, formats: Sequence[str]) -> Earlier:
    people, known = _checked(document, folder)
    named = folder.name == _own_name(document.reviewer)
    own = document.reviewer in people or (known and not people and named)
    own = own and _of_this_recording(document, folder)
    rest = [kind for kind in FORMATS if kind not in formats] if own else []
    stale = [kind for kind in rest if not _says(document, folder, kind)]
    older, replaced = replaced_by(folder, stale), replaced_by(folder, formats)
    times_s = [(folder / path).lstat().st_mtime for path in (*replaced, *older)]
    return Earlier(own, tuple(replaced), tuple(older), max(times_s, default=0.0))


def check_folder(document: ReviewDocument, folder: Path) -> None:
    """See that an export takes neither the place of what the machine found nor that of another person's.

    Raises
    ------
    OutputError
        The folder holds results of an analysis, another review or another reviewer's export.
    """
    with writing(folder):
        _checked(document, folder)


def _checked(document: ReviewDocument, folder: Path) -> tuple[tuple[str, ...], bool]:
    """Do what :func:`check_folder` does; return what :func:`_people` does."""
    theirs = folder.resolve() == document.folder.resolve() or any(folder.glob(OTHERS))
    if not theirs and (folder / SESSION).exists():
        theirs = True
        with suppress(DatasetError):
            theirs = not is_export(SessionInfo.read(folder / SESSION))
    if theirs:
        raise OutputError(
            f"{str(folder)!r} holds the results of an analysis, or another review, which stay as they are.",
            f"Export into another folder, for example {str(folder_for(document))!r}.",
        )
    people, known = _people(document, folder)
    if people and document.reviewer not in people:
        raise OutputError(
            f"{people_in(people)}'s export is in {folder.name!r} and stays as it is: files of two people "
            "would be mixed there.",
            f"Export into a folder of your own, for example {str(folder_for(document))!r}.",
        )
    return people, known


def _people(document: ReviewDocument, folder: Path) -> tuple[tuple[str, ...], bool]:
    """Whose export a folder holds, nobody's if it does not say, and whether it holds one at all."""
    people: tuple[str, ...] = ()
    known = False
    with suppress(DatasetError):
        session = SessionInfo.read(folder / SESSION)
        if is_export(session):
            if name := Recording.of(session).exported_by:
                return (name,), True
            people, known = reviewers_of(session), True
    found = [items for kind in FORMATS if (items := _read(folder, kind)) is not None]
    if owners := sorted({items.exported_by for items in found if items.exported_by}):
        return tuple(owners), True
    # Of an early version. Several may have gone on with one review: the folder's name says whose it is.
    if found and not people:
        people = tuple(sorted({item.record.reviewer for items in found for item in items} - {""}))
    if people and folder.name == _own_name(document.reviewer):
        return (document.reviewer,), True
    mine = next(((name,) for name in people if folder.name == _own_name(name)), people)
    return mine, known or bool(found)


def _of_this_recording(document: ReviewDocument, folder: Path) -> bool:
    """Whether what a folder holds is of the recording that is reviewed."""
    with suppress(DatasetError):
        return same_recording(SessionInfo.read(folder / SESSION), document.session)
    return any(_read(folder, kind, document) is not None for kind in FORMATS)


def _own_name(reviewer: str) -> str:
    return f"{FOLDER}-{name_for_files(reviewer)}"


def _says(document: ReviewDocument, folder: Path, kind: str) -> bool:
    """Whether a format that is there says the same as the review does now; one that is not there does."""
    if not (folder / _READ_BY[kind]).exists():
        return not replaced_by(folder, [kind])
    items = _read(folder, kind, document)
    return items is not None and _by_number(items) == _by_number(document.intervals)


def _read(folder: Path, kind: str, document: ReviewDocument | None = None) -> Imported | None:
    """Return the intervals of a format, or None if it is not there, or not to be read."""
    with suppress(DatasetError):
        if (folder / _READ_BY[kind]).is_file():
            return import_intervals(folder / _READ_BY[kind], document=document)
    return None


def _by_number(items: Iterable[ReviewInterval]) -> list[ReviewInterval]:
    return sorted(items, key=lambda item: item.id)
