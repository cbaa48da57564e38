"""Whether a file of intervals and the results that are open are of the same recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.output.recording import Recording
from megc_live.output.reviewed import ReviewInterval

if TYPE_CHECKING:
    from megc_live.review.document import ReviewDocument

F64 = NDArray[np.float64]
_DO = "Choose a file of these results, or open the results that it belongs to."


def check_times(items: Sequence[ReviewInterval], path: Path, times_s: F64) -> None:
    """Raise :class:`DatasetError` if intervals are of another recording: their frames have other times."""
    tolerance_s = max(_period_s(times_s), 0.002)
    for item in items:
        record = item.record
        wrong = ""
        if record.offset_frame >= len(times_s):
            wrong = f"its last frame is {record.offset_frame}, these results have {len(times_s)} frames"
        for name in ("onset", "apex", "offset"):
            frame, t_s = getattr(record, f"{name}_frame"), getattr(record, f"{name}_s")
            if not wrong and abs(t_s - float(times_s[frame])) > tolerance_s:
                here = f"here that frame is at {times_s[frame]:.3f} s"
                wrong = f"its {name}, frame {frame}, is at {t_s:.3f} s, {here}"
        if wrong:
            raise DatasetError(
                f"{path.name!r} is of another recording: of interval {record.id}, {wrong}.", _DO
            )


def check_recording(
    found: Recording | None, path: Path, times_s: F64, document: ReviewDocument | None = None
) -> str:
    """Compare what a file says of its recording with the results that are open.

    The length decides, to half a frame: it is the same in a folder that was moved and after another
    analysis of the same video, and hardly ever in another recording of a live source. Recordings can be
    made equally long, though: then name and size of the video are looked at, which may have changed (it
    was renamed, or saved in another format), so that they do not decide but are told.

    Parameters
    ----------
    found : Recording or None
        What the file says; None: nothing.
    path : Path
        The file.
    times_s : ndarray of float64, shape (n_frames,)
        Time of each frame of the open results.
    document : ReviewDocument, optional
        The open results, for all but the length.

    Returns
    -------
    str
        What the reviewer should know; empty if it is the same recording.

    Raises
    ------
    DatasetError
        It is another recording.
    """
    if found is None:
        return (
            f"{path.name!r} does not say of which recording it is: only the times of its intervals could "
            "be compared."
        )
    here = None if document is None else Recording.of(document.session)
    length_s = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    differs = ""
    period_s = _period_s(times_s)
    if abs(found.duration_s - length_s) > max(0.5 * period_s if math.isfinite(period_s) else 0, 0.002):
        differs = (
            f"that one has {found.frames} frames in {found.duration_s:.3f} s, these results have "
            f"{len(times_s)} in {length_s:.3f} s"
        )
    elif here is not None and found.live and here.live and found.started != here.started:
        differs = (
            f"that one is of {found.name!r} at {found.started}, these results are of {here.name!r} at "
            f"{here.started}"
        )
    if differs:
        raise DatasetError(f"{path.name!r} is of another recording: {differs}.", _DO)
    doubt = "" if here is None or document is None else _doubt(found, here, document)
    return f"The times fit, but {doubt}: it may be another recording." if doubt else ""


def _doubt(found: Recording, here: Recording, document: ReviewDocument) -> str:
    """Say what speaks for another recording of the same length; empty: nothing."""
    sizes = (found.size_bytes, here.size_bytes)
    if None not in sizes and sizes[0] == sizes[1]:
        return ""  # the same file, whatever it is called
    names = {here.name, *([document.video.name] if document.video is not None else [])}
    if found.name not in names:
        return f"the file is of {found.name!r}, these results are of {here.name!r}"
    if None not in sizes:
        return f"the file is of a {found.name!r} of {sizes[0]} bytes, these results are of one of {sizes[1]}"
    if (found.width, found.height) != (here.width, here.height):
        return (
            f"the file is of a video of {found.width} x {found.height} pixels, these results are of one of "
            f"{here.width} x {here.height}"
        )
    return ""


def _period_s(times_s: F64) -> float:
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else math.inf
