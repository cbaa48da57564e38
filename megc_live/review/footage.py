"""What frames.csv says, as columns: quick to read and quick to draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.face.regions import REGIONS
from megc_live.output.columns import FRAME_HEADER

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
_WIDE = ("frame", "face_id", "timestamp", "success")
_TYPES = {"quality": "str"} | {name: "float32" for name in FRAME_HEADER if name not in ("quality", *_WIDE)}
"""What is written to six digits needs no more; the rest is checked cell by cell (:class:`_Table`)."""
_GAP_PERIODS = 1.5
"""As the engine: frames further apart than this many periods have something missing between them."""


def nearest(times_s: NDArray[np.floating], t_s: float) -> int:
    """Return the place of the time nearest to ``t_s``, of two as near the first.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        Growing, seconds.
    t_s : float
    """
    right = min(int(np.searchsorted(times_s, t_s)), len(times_s) - 1)
    left = max(0, right - 1)
    return left if t_s - times_s[left] <= times_s[right] - t_s else right


@dataclass(frozen=True)
class FaceRows:
    """What was measured of one face; row k is frame k, unknown where the face was not seen.

    Attributes
    ----------
    face_id : int
    seen : ndarray of bool, shape (n_frames,)
        Whether the face was tracked on the frame.
    activity : ndarray of float32, shape (n_frames, 12)
        Motion of each region of ``REGIONS`` in the last 0.1 s, % of the eye distance; NaN unknown.
    blink : ndarray of float32, shape (n_frames,)
        Eyelid closure, 0 to 1; NaN unknown.
    head_motion : ndarray of float32, shape (n_frames,)
        In the last 0.1 s, % of the eye distance; NaN unknown.
    box : ndarray of float32, shape (n_frames, 4)
        x, y, width, height, pixels of the source; NaN unknown.
    quality : ndarray of str, shape (n_frames,)
        Warnings joined by ``|``; empty if fine or not seen.
    """

    face_id: int
    seen: NDArray[np.bool_]
    activity: F32
    blink: F32
    head_motion: F32
    box: F32
    quality: NDArray[np.object_]


class Footage:
    """The rows of a recording.

    Parameters
    ----------
    path : Path
        A frames.csv.
    fps : float
        Frames per second; NaN unknown: then it is taken from the times.

    Raises
    ------
    DatasetError
        The file cannot be read or is not such a table.

    Attributes
    ----------
    n_frames : int
        Frame indices: the last one is ``n_frames - 1``.
    times_s : ndarray of float64, shape (n_frames,)
        Time of each frame in seconds; of frames that were lost, interpolated.
    present : ndarray of bool, shape (n_frames,)
        False where a live source lost the frame.
    fps : float
        Frames per second, NaN where unknown.
    faces : tuple of int
        Ids of all faces.
    """

    def __init__(self, path: Path, fps: float = math.nan) -> None:
        table = _Table(path)
        frames = table.whole("frame")
        stamps = table.numbers("timestamp")
        if len(frames) and (frames.min() < 0 or not np.isfinite(stamps).all()):
            raise DatasetError(
                f"{str(path)!r}: a frame has no number or no time.", "Analyse the source again."
            )
        self.n_frames = int(frames.max()) + 1 if len(frames) else 0
        known, first = np.unique(frames, return_index=True)
        self.present: NDArray[np.bool_] = np.zeros(self.n_frames, dtype=bool)
        self.present[known] = True
        self.times_s: F64 = (
            np.interp(np.arange(self.n_frames), known, stamps[first]) if len(known) else stamps
        )
        steps = np.diff(stamps[first])
        if not fps > 0 and len(steps):
            fps = float(1 / np.median(steps)) if np.median(steps) > 0 else math.nan
        self.fps = fps
        self._faces = table.whole("face_id")
        self._frames = frames
        self._table = table
        seen = table.whole("success") == 1
        self.faces: tuple[int, ...] = tuple(int(face) for face in np.unique(self._faces[seen]))

    def rows(self, face_id: int) -> FaceRows:
        """Return what was measured of one face; nothing but NaN for a face that is not there."""
        at = np.flatnonzero(self._faces == face_id)
        frames = self._frames[at]

        def column(name: str) -> F32:
            values = np.full(self.n_frames, np.nan, dtype=np.float32)
            values[frames] = self._table.numbers(name)[at]
            return values

        seen = np.zeros(self.n_frames, dtype=bool)
        seen[frames] = True
        quality = np.full(self.n_frames, "", dtype=object)
        quality[frames] = self._table.texts("quality")[at]
        return FaceRows(
            face_id,
            seen,
            np.stack([column(f"activity_{region}") for region in REGIONS], axis=1),
            column("blink"),
            column("head_motion"),
            np.stack([column(name) for name in ("face_x", "face_y", "face_w", "face_h")], axis=1),
            quality,
        )

    def missing(self, first: int, last: int) -> int:
        """Frames that are missing from ``first`` to ``last``: gaps in index or in time."""
        inside = first + np.flatnonzero(self.present[first : last + 1])
        if len(inside) < 2:
            return 0
        lost = np.diff(inside) - 1
        if self.fps > 0:
            periods = np.diff(self.times_s[inside]) * self.fps
            in_time = np.where(periods > _GAP_PERIODS, np.rint(periods) - 1, 0).astype(np.int64)
            lost = np.maximum(lost, in_time)
        return int(lost.sum())


class _Table:
    """frames.csv by columns, with errors that say which column is wrong."""

    def __init__(self, path: Path) -> None:
        import pandas as pd  # an hour at 200 fps is 720,000 rows: not to be read one by one

        self._path = path
        try:
            self._data = pd.read_csv(
                path, dtype=_TYPES, keep_default_na=False, na_values=["NaN"], encoding="utf-8-sig"
            )
        except OSError as error:
            raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
        except (ValueError, pd.errors.ParserError) as error:
            raise DatasetError(f"{str(path)!r} is not a table of frames: {error}.") from None
        header = tuple(str(name) for name in self._data.columns)
        if header != FRAME_HEADER:
            raise DatasetError(
                f"{str(path)!r}: the header is {','.join(header)!r}.", f"Expected {','.join(FRAME_HEADER)!r}."
            )

    def numbers(self, name: str) -> F64:
        try:
            return np.asarray(self._data[name].to_numpy(dtype=np.float64))
        except (ValueError, TypeError):
            raise DatasetError(
                f"{str(self._path)!r}, column {name!r}: not all cells are numbers.",
                "Analyse the source again.",
            ) from None

    def whole(self, name: str) -> NDArray[np.int64]:
        values = self.numbers(name)
        whole = values.astype(np.int64) if np.isfinite(values).all() else None
        if whole is None or (whole != values).any():
            raise DatasetError(
                f"{str(self._path)!r}, column {name!r}: not all cells are whole numbers.",
                "Analyse the source again.",
            )
        return whole

    def texts(self, name: str) -> NDArray[np.object_]:
        return np.asarray(self._data[name].fillna("").to_numpy(dtype=object))
