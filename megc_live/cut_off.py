"""What a live session leaves when the program ends in its middle: found again, and given a name."""

from __future__ import annotations

import platform
import re
import time
from pathlib import Path
from typing import Any

from megc_live.errors import DatasetError
from megc_live.output import SessionInfo, read_frames
from megc_live.output.columns import FRAME_HEADER, INTERVAL_HEADER
from megc_live.output.csv_sink import FRAMES, INTERVALS
from megc_live.output.files import write_whole, writing
from megc_live.output.session import SESSION
from megc_live.output.tables import csv_line, read_intervals
from megc_live.publish import HOST, free_name, is_owned
from megc_live.video.recorder import RECORDING

CUT_OFF = "-cut-off"
"""Ends the name of a folder with what there was of a session when the program ended."""
RUNNING = {"complete": False, HOST: platform.node()}
"""What the record of a session says of the run while it goes on: on which computer, for who looks for it."""
MARK = "cut_off"
"""Entry of what the record says of the run once such a session is kept: true."""
_PART = re.compile(r"\.(?P<name>.+)\.partial(-\d+)?-(?P<pid>\d+)")
_QUIET_S = 24 * 3600.0
_HEADERS = {INTERVALS: INTERVAL_HEADER, FRAMES: FRAME_HEADER}
_PENDING = re.compile(r"\.(?P<name>.+)\.\d+-[0-9a-f]{8}\.part")


def cut_off(out_dir: Path) -> list[Path]:
    """Return the folders of live sessions of this computer in whose middle the program has ended.

    Parameters
    ----------
    out_dir : Path
        Folder of the folders of results.
    """
    found = []
    for part in sorted(out_dir.glob(".*.partial-*")):
        match = _PART.fullmatch(part.name)
        if match is None or is_owned(part, int(match["pid"])):
            continue
        try:
            run = SessionInfo.read(part / SESSION).run
        except DatasetError:  # of an analysis that can be done again, or of an older program
            continue
        # of other computers it is not known whether they still run; this one's name may have changed
        if run.get(HOST) == platform.node() or (HOST in run and _quiet_s(part) > _QUIET_S):
            found.append(part)
    return found


def _quiet_s(part: Path) -> float:
    """Seconds since anything in a folder was written; 0 if it is being changed at this moment."""
    try:
        return time.time() - max(path.stat().st_mtime for path in (part, *part.iterdir()))
    except OSError:
        return 0.0


def keep(part: Path) -> Path:
    """Give a folder of :func:`cut_off` its name and what was written into it theirs; return the folder.

    A line that was not written to its end is left out. Files of which nothing can be made are removed.

    Raises
    ------
    OutputError
        It cannot be renamed.
    """
    match = _PART.fullmatch(part.name)
    assert match is not None  # cut_off() gives no other
    for pending in part.glob(".*.part"):
        name = _PENDING.fullmatch(pending.name)
        with writing(pending):
            if name is not None and name["name"] in _HEADERS:
                data = pending.read_bytes()
                whole = data[: data.rfind(b"\n") + 1].rstrip(b"\0")  # a power cut leaves zeros, or nothing
                write_whole(part / name["name"], whole or csv_line(_HEADERS[name["name"]]))
            pending.unlink()
    for table, header in _HEADERS.items():
        if not (part / table).exists():
            write_whole(part / table, csv_line(header))
    _complete(part)
    folder = part.with_name(free_name(part.parent, f"{match['name']}{CUT_OFF}"))
    with writing(folder):
        part.rename(folder)
    session = SessionInfo.read(folder / SESSION)
    session.run.pop(HOST, None)  # of no use any more, and nobody else's business
    session.write(folder)
    return folder


def _complete(part: Path) -> None:
    """Say in the record what there is; it is found again should the renaming fail."""
    session = SessionInfo.read(part / SESSION)
    session.run = {**session.run, "source": session.source.spec, MARK: True}
    told = "the session did not come to its regular end; this was written till then"
    session.warnings = [*(line for line in session.warnings if line != told), told]
    kinds = [record.kind for record in read_intervals(part / INTERVALS)]
    session.events = {kind: kinds.count(kind) for kind in ("micro", "macro")}
    first = last = None
    count = 0
    for row in read_frames(part / FRAMES):
        if first is None:
            first = row
        count += last is None or row.frame != last.frame
        last = row
    session.source.frames = count
    if first is not None and last is not None and last.timestamp > first.timestamp:
        session.source.duration_s = round(last.timestamp - first.timestamp, 6)
        session.source.measured_fps = round((count - 1) / session.source.duration_s, 3)
    recordings = list(filter(None, map(_recorded, sorted(part.glob(f"{Path(RECORDING).stem}*.csv")))))
    if recordings:
        session.source.extras["recording"] = max(recordings, key=lambda one: int(one["written"]))
    if len(recordings) > 1:
        session.source.extras["recordings"] = recordings
    session.write(part)


def _recorded(table: Path) -> dict[str, Any] | None:
    """What the table of a recording says of its first frame and of how many there are; None: of none."""
    video = table.with_suffix(Path(RECORDING).suffix)
    try:
        lines = table.read_text(encoding="utf-8").split("\n")[1:-1]
        _, frame, time_s = lines[0].split(",")
        known = {"first_frame": int(frame), "first_s": float(time_s), "written": len(lines)}
    except (OSError, ValueError, IndexError):
        return None
    return {"file": video.name, "frames": table.name, **known} if video.is_file() else None
