"""What a reviewer can do to the intervals: each edit is a small value that can be written and read again."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from megc_live.output.reviewed import ReviewInterval, Status
from megc_live.output.session import json_values
from megc_live.spotting.interval import Kind


@dataclass(frozen=True)
class SetTimes:
    """Move the borders and the apex: frames of the source, inclusive, ``onset <= apex <= offset``.

    With another onset or apex the classifier's probabilities no longer belong to the interval and are
    dropped (:func:`megc_live.review.pictures.reclassify` gives new ones); the label stays.
    """

    id: int
    onset: int
    apex: int
    offset: int


@dataclass(frozen=True)
class SetStatus:
    """Accept or reject an interval, or leave it open again."""

    id: int
    status: Status


@dataclass(frozen=True)
class SetLabel:
    """Give an interval another of :data:`megc_live.events.LABELS`, or none (empty)."""

    id: int
    label: str


@dataclass(frozen=True)
class SetKind:
    """Say whether an interval is a micro- or a macro-expression."""

    id: int
    kind: Kind


@dataclass(frozen=True)
class Comment:
    """Write a comment, replacing the one before; empty takes it away."""

    id: int
    text: str


@dataclass(frozen=True)
class SetRecognition:
    """Take over what the classifier says of the interval as it is now: label and probabilities."""

    id: int
    label: str
    probabilities: tuple[float, float, float]


@dataclass(frozen=True)
class Add:
    """Add an interval that was not found: accepted, with the next free number and the score 1."""

    onset: int
    apex: int
    offset: int
    kind: Kind = "micro"
    label: str = ""
    face_id: int = 0


@dataclass(frozen=True)
class Split:
    """Cut an interval in two: ``at`` is the first frame of the second part, which gets a new number.

    Each part has two frames at least (onset before offset): ``onset + 2 <= at <= offset - 1``.
    """

    id: int
    at: int


@dataclass(frozen=True)
class Merge:
    """Make one interval of several of one face: from the first onset to the last offset."""

    ids: tuple[int, ...]


@dataclass(frozen=True)
class Import:
    """Take the intervals of a file in place of all there are; ``name`` is the file's, to be shown."""

    name: str
    intervals: tuple[ReviewInterval, ...]


IMPORTING = "import"
"""How the words for an :class:`Import` begin."""

Single = SetTimes | SetStatus | SetLabel | SetKind | Comment | SetRecognition | Add | Split | Merge | Import


@dataclass(frozen=True)
class Several:
    """Edits that one action makes, in order: made, taken back and made again as one; all of them or none."""

    edits: tuple[Single, ...]


Edit = Single | Several

_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        SetTimes,
        SetStatus,
        SetLabel,
        SetKind,
        Comment,
        SetRecognition,
        Add,
        Split,
        Merge,
        Import,
    )
}


def edit_values(edit: Edit) -> dict[str, Any]:
    """Return an edit as JSON values: its name under ``edit``, its fields under ``values``."""
    if isinstance(edit, Several):  # its parts are named too: fields alone do not say which edit they are
        return {"edit": "Several", "values": {"edits": [edit_values(part) for part in edit.edits]}}
    return {"edit": type(edit).__name__, "values": json_values(asdict(edit))}


def edit_of(values: dict[str, Any]) -> Edit:
    """Return the edit that :func:`edit_values` described; raises ValueError for anything else."""
    if values.get("edit") == "Several":
        return Several(tuple(_single_of(part) for part in values["values"]["edits"]))
    return _single_of(values)


def _single_of(values: dict[str, Any]) -> Single:
    name, fields = values.get("edit"), values.get("values")
    if name not in _ADAPTERS:
        raise ValueError(f"there is no edit {name!r}")
    try:
        # As JSON: strict about types, but lists are tuples.
        made: Single = _ADAPTERS[name].validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}.{where}: {first['msg']}") from None
    return made


def describe(edit: Edit) -> str:
    """Return a few words for a menu: ``"move interval 3"``."""
    match edit:
        case Several():
            return _describe_several(edit.edits)
        case SetTimes():
            return f"move interval {edit.id}"
        case SetStatus():
            verb = {"accepted": "accept", "rejected": "reject", "open": "reopen"}[edit.status]
            return f"{verb} interval {edit.id}"
        case SetLabel():
            return f"label interval {edit.id} {edit.label or 'with nothing'}"
        case SetKind():
            return f"make interval {edit.id} {edit.kind}"
        case Comment():
            return f"comment on interval {edit.id}"
        case SetRecognition():
            return f"classify interval {edit.id} again"
        case Add():
            return f"add a {edit.kind} interval"
        case Split():
            return f"split interval {edit.id}"
        case Merge():
            return f"merge intervals {', '.join(str(number) for number in edit.ids)}"
        case Import():
            return f"{IMPORTING} {edit.name}"


def _describe_several(edits: tuple[Single, ...]) -> str:
    said = list(dict.fromkeys(describe(edit) for edit in edits))
    if len(said) == 1:
        return said[0]
    # "accept interval 3", "accept interval 5" are "accept 2 intervals"
    alike = {re.sub(r"interval \d+", f"{len(edits)} intervals", text, count=1) for text in said}
    return alike.pop() if len(alike) == 1 else f"make {len(edits)} changes"
