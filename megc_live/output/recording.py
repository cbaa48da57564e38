"""Which recording a file of intervals is of, so that it is not taken for another one's."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from megc_live.output.session import SessionInfo, json_values

EXPORTED_BY = "exported_by"
"""Entry of ``run`` in session.json of an export: whose it is, whoever else made changes."""
_SEEKABLE = ("file", "folder")


@dataclass(frozen=True)
class Recording:
    """What all files of one recording say alike, wherever they are and however often it is analysed.

    Attributes
    ----------
    name : str
        Of the video or the folder of images, without the way to it; the address of a live source.
    kind : str
        ``file``, ``stream``, ``camera`` or ``folder``.
    frames : int
        Frames read.
    duration_s : float
        From the first frame's time to the last one's, seconds.
    width, height : int
        Frame size in pixels.
    size_bytes : int or None
        Size of the video, of a folder all its files; None: not known.
    started : str
        ISO 8601 time at which the analysis began: of a live session, which can be analysed only once, it
        says which one.
    exported_by : str
        Reviewer whose export the file is; empty: an analysis wrote it.
    """

    name: str
    kind: str
    frames: int
    duration_s: float
    width: int
    height: int
    size_bytes: int | None = None
    started: str = ""
    exported_by: str = ""

    @classmethod
    def of(cls, session: SessionInfo) -> Recording:
        """Return what a complete record of a run says of its source."""
        source, size = session.source, session.run.get("bytes")
        return cls(
            name=Path(source.spec).name if source.kind in _SEEKABLE else source.spec,
            kind=source.kind,
            frames=source.frames,
            duration_s=source.duration_s,
            width=source.width,
            height=source.height,
            size_bytes=size if isinstance(size, int) else None,
            started=session.started,
            exported_by=str(session.run.get(EXPORTED_BY) or ""),
        )

    @property
    def live(self) -> bool:
        """Whether it was seen once only: each analysis is another recording."""
        return self.kind not in _SEEKABLE

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; whose export it is only where it is one."""
        values = dict(json_values(asdict(self)))
        if not self.exported_by:
            del values["exported_by"]
        return values

    def to_text(self) -> str:
        """Return JSON text on one line."""
        return json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Recording | None:
        """Return what :meth:`to_text` wrote; None for anything else, which says nothing of a recording."""
        try:
            found: Recording = TypeAdapter(cls).validate_json(text, strict=True)
        except ValidationError:
            return None
        known = math.isfinite(found.duration_s) and found.duration_s >= 0 and found.frames >= 0
        return found if known else None
