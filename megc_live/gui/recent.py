"""The sources and results that were opened last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from megc_live.errors import OutputError
from megc_live.output.files import write_whole

RecentKind = Literal["camera", "stream", "file", "folder", "results"]
AT_MOST = 12


@dataclass(frozen=True)
class RecentItem:
    """One of them: what to open, and as what."""

    spec: str
    kind: RecentKind


class Recent:
    """The list, newest first, in ``recent.json``.

    A list that cannot be read is an empty one and one that cannot be written lasts as long as the window:
    it is a convenience, not worth a message. Passwords in addresses are not kept.

    Parameters
    ----------
    folder : Path
        Where the file is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "recent.json"
        self.items = self._read()

    def add(self, spec: str, kind: RecentKind) -> None:
        """Put an item first."""
        item = RecentItem(without_password(spec), kind)
        self.items = [item, *(other for other in self.items if other != item)][:AT_MOST]
        self._write()

    def remove(self, item: RecentItem) -> None:
        """Take an item out; nothing happens if it is not there."""
        self.items = [other for other in self.items if other != item]
        self._write()

    def clear(self) -> None:
        """Forget all."""
        self.items = []
        self._write()

    def _read(self) -> list[RecentItem]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            items = [RecentItem(str(entry["spec"]), entry["kind"]) for entry in found]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [item for item in items if item.kind in get_args(RecentKind)][:AT_MOST]

    def _write(self) -> None:
        try:
            write_whole(self._path, json.dumps([asdict(item) for item in self.items], indent=1))
        except OutputError:
            return


def without_password(spec: str) -> str:
    """Return an address without the password in it.

    Examples
    --------
    >>> without_password("rtsp://me:secret@door/live")
    'rtsp://me@door/live'
    """
    if "://" not in spec:
        return spec
    try:
        parts = urlsplit(spec)
    except ValueError:
        return spec
    if parts.password is None:
        return spec
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))
