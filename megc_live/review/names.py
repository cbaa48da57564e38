"""What the files of a review are called, and which person's they are."""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from pathlib import Path

from megc_live.output.reviewed import REVIEWS
from megc_live.video.base import safe_name

JOURNAL = "review.jsonl"
OTHERS = REVIEWS

_OWN = "-by-"
_INITIALS = 2
_LONGEST = 40
"""Letters of a person's name that are kept in a file's name."""


def name_for_files(reviewer: str) -> str:
    """Return a person's name as a part of a file's name: short, plain letters, and no other person's.

    Some file systems take ``Anna`` and ``anna`` for the same. So one way of writing each name stays as it is
    (initials in capitals, longer ones with a capital letter first); all others get a checksum.

    Examples
    --------
    >>> name_for_files("AB"), name_for_files("Anna")
    ('AB', 'Anna')
    >>> name_for_files("A/B"), name_for_files("A B")
    ('A_B-04d72634', 'A_B-834f3afb')
    """
    usual = reviewer.upper() if len(reviewer) <= _INITIALS else reviewer.capitalize()
    # without "-", so that it cannot be a name with a checksum
    if re.fullmatch(r"[A-Za-z0-9_]+", reviewer) and reviewer == usual and len(reviewer) <= _LONGEST:
        return reviewer
    letters = unicodedata.normalize("NFKD", reviewer).encode("ascii", "ignore").decode()
    start = re.sub(r"[^A-Za-z0-9_.]+", "_", letters)[:_LONGEST].strip("._") or "reviewer"
    return f"{start}-{zlib.crc32(reviewer.encode()):08x}"


def journal_of(folder: Path, reviewer: str, *, own: bool = False) -> Path:
    """Return the journal that a reviewer goes on with.

    Parameters
    ----------
    folder : Path
        Of the results.
    reviewer : str
        Name or code.
    own : bool
        The reviewer's own, even if there is none yet; else it is that one only if it is there, and
        review.jsonl otherwise, which is the folder's.
    """
    if not reviewer:
        return folder / JOURNAL
    now, before = (f"review{_OWN}{name}.jsonl" for name in (name_for_files(reviewer), _name_before(reviewer)))
    # looked up in the list: asked by name, some file systems find another person's
    there = {unicodedata.normalize("NFC", path.name) for path in folder.glob(OTHERS)}
    if now not in there and before in there:
        return folder / before
    return folder / now if own or now in there else folder / JOURNAL


def _name_before(reviewer: str) -> str:
    """The name that journals had at first; two people's could be the same."""
    name = safe_name(reviewer)
    return name if name == reviewer else f"{name}-{zlib.crc32(reviewer.encode()):08x}"


def reviewers_in(path: Path) -> list[str]:
    """Return who made changes in a journal, in the order in which they came; damaged lines say nothing."""
    names: dict[str, None] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and isinstance(values.get("reviewer"), str):
            names[values["reviewer"]] = None
    return list(names)


def shown_names(paths: list[Path]) -> dict[str, Path]:
    """Return journals of one folder by what each is called where one is chosen: its people come first."""
    shown: dict[str, Path] = {}
    for path in paths:
        people = " and ".join(reviewers_in(path))
        rest = path.stem.removeprefix("review")
        own = rest.startswith(_OWN)
        name = people or rest.removeprefix(_OWN) or path.stem
        if not own:
            name = f"{people} (review{rest})" if people else path.stem
        shown[name if name not in shown else f"{name}, {path.name}"] = path
    return shown
