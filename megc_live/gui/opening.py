"""What something is that the user wants to open."""

from __future__ import annotations

from pathlib import Path

from megc_live.errors import SourceError
from megc_live.gui.recent import RecentKind as Kind
from megc_live.output.session import SESSION
from megc_live.video.sources import source_kind

__all__ = ["Kind", "kind_of", "results_of"]

INTERVALS = "intervals.csv"


def kind_of(spec: str) -> Kind:
    """Return what ``spec`` stands for; what does not exist counts as a file, and opening it says so.

    Examples
    --------
    >>> kind_of("camera:0"), kind_of("rtsp://door/live"), kind_of("talk.mp4")
    ('camera', 'stream', 'file')
    """
    try:
        kind = source_kind(spec)
    except SourceError:  # an address of a kind that cannot be read
        return "stream"
    if kind == "folder":
        return "results" if is_results(Path(spec)) else "folder"
    return "camera" if kind == "camera" else "stream" if kind == "stream" else "file"


def results_of(path: Path) -> Path | None:
    """Return the folder of results that ``path`` is, or of which it is the table or the record; else None."""
    if path.name in (SESSION, INTERVALS):
        path = path.parent
    return path if is_results(path) else None


def is_results(folder: Path) -> bool:
    """Tell whether a folder holds the results of an analysis."""
    try:
        return (folder / SESSION).is_file() and (folder / INTERVALS).is_file()
    except OSError:
        return False
