"""Signals of a whole video, kept as arrays: what spotters are fitted on and evaluated with.

The signals are those that the engine feeds its spotters, recorded by a spotter that only listens. A
replay pushes them into a real spotter, so evaluation runs the code that users run, without decoding
each video again.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import megc_live
from megc_live.engine import Engine
from megc_live.models import ModelStore
from megc_live.settings import Settings
from megc_live.spotting.base import Span, Spotter
from megc_live.spotting.motion import Motion
from megc_live.spotting.picture import numbers_only
from megc_live.spotting.signals import RegionSignal
from megc_live.video import open_source


def signal_version() -> str:
    """Hash of the code that makes signals: what was recorded by other code is recorded again."""
    package = Path(megc_live.__file__).parent
    files = sorted((package / "face").glob("*.py")) + [
        package / "spotting" / f"{name}.py" for name in ("ltp", "motion", "signals")
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def recorded_version(path: Path) -> str:
    """Version of a log that was saved, or nothing where there is none, or one that cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return str(file["version"])
    except Exception:  # not there, or damaged in whatever way: it is recorded again
        return ""


class Listener:
    """A spotter that spots nothing and keeps every signal."""

    delay_s = 0.0

    def __init__(self, kept: list[tuple[int, RegionSignal]], face: int) -> None:
        self._kept, self._face = kept, face

    def push(self, signal: RegionSignal) -> list[Span]:
        """Keep the signal's numbers: pictures of a whole video would fill the memory."""
        self._kept.append((self._face, numbers_only(signal)))
        return []

    def flush(self) -> list[Span]:
        """Nothing is left to say."""
        return []


@dataclass(frozen=True)
class SignalLog:
    """All signals of one video.

    Attributes
    ----------
    pts_s : ndarray of float64, shape (frames,)
        Presentation time of every frame of the video.
    faces : list of list of RegionSignal
        One list a face, in order of time.
    """

    pts_s: NDArray[np.float64]
    faces: list[list[RegionSignal]]

    def frame_at(self, t_s: float) -> int:
        """Index of the frame nearest to a time."""
        right = min(int(np.searchsorted(self.pts_s, t_s)), len(self.pts_s) - 1)
        left = max(0, right - 1)
        return left if t_s - self.pts_s[left] <= self.pts_s[right] - t_s else right

    def replay(self, spotter: Spotter) -> list[Span]:
        """Push every face's signals into a spotter; return its spans."""
        out = []
        for signals in self.faces:
            for signal in signals:
                out += spotter.push(signal)
            out += spotter.flush()
        return out

    def save(self, path: Path) -> None:
        """Write as npz, under a temporary name first."""
        rows = [(face, s) for face, signals in enumerate(self.faces) for s in signals]
        n = len(rows)
        data: dict[str, NDArray[np.generic]] = {
            "version": np.array(signal_version()),
            "frame_pts_s": self.pts_s,
            "face": np.array([face for face, _ in rows], dtype=np.int32),
            "index": np.array([s.index for _, s in rows], dtype=np.int32),
            "pts_s": np.array([s.pts_s for _, s in rows]),
            "start_s": np.array([s.pattern_start_s for _, s in rows]),
            "blink": np.array([s.blink for _, s in rows], dtype=np.float32),
            "eye_px": np.array([s.eye_px for _, s in rows], dtype=np.float32),
            "fresh": np.array([s.fresh for _, s in rows], dtype=bool),
            "regions": np.full((n, 24, 2), np.nan, dtype=np.float32),
            "fit": np.full((n, 10), np.nan, dtype=np.float32),
            "pattern": np.full((n, 12, 9), np.nan, dtype=np.float32),
            "cn": np.full((n, 12), np.nan, dtype=np.float32),
        }
        for i, (_, s) in enumerate(rows):
            if s.motion is not None:
                data["regions"][i] = s.motion.regions
                data["fit"][i] = (*s.motion.head, s.motion.residual, s.motion.kept)
            if s.pattern is not None and s.cn is not None:
                data["pattern"][i], data["cn"][i] = s.pattern, s.cn
        part = path.with_name(path.name + ".part")
        with part.open("wb") as handle:
            np.savez(handle, **data)
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> SignalLog:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files}
        faces: list[list[RegionSignal]] = [[] for _ in range(int(data["face"].max(initial=-1)) + 1)]
        for i, face in enumerate(data["face"]):
            moved, patterned = np.isfinite(data["fit"][i, 0]), np.isfinite(data["cn"][i, 0])
            fit = data["fit"][i].astype(float)
            faces[face].append(
                RegionSignal(
                    index=int(data["index"][i]),
                    pts_s=float(data["pts_s"][i]),
                    motion=Motion(data["regions"][i].astype(float), fit[:8], fit[8], fit[9])
                    if moved
                    else None,
                    pattern=data["pattern"][i].astype(float) if patterned else None,
                    cn=data["cn"][i].astype(float) if patterned else None,
                    pattern_start_s=float(data["start_s"][i]),
                    blink=float(data["blink"][i]),
                    eye_px=float(data["eye_px"][i]),
                    fresh=bool(data["fresh"][i]),
                )
            )
        return cls(data["frame_pts_s"], faces)


def record_signals(video: Path, models: ModelStore | None = None) -> SignalLog:
    """Run a video through the engine and keep what its spotters are fed.

    Raises
    ------
    SourceError, ModelError
    """
    kept: list[tuple[int, RegionSignal]] = []
    made: list[Listener] = []

    def listen() -> Listener:
        made.append(Listener(kept, len(made)))
        return made[-1]

    settings = Settings.from_dict({"recognition": {"recognizer": "none"}, "spotting": {"min_eye_px": 0}})
    pts = []
    with open_source(video) as source, Engine(settings, source.info, models, spotters=listen) as engine:
        for frame in source:
            engine.push(frame)
            engine.take_rows()
            pts.append(frame.pts_s)
        engine.flush()
    order = sorted({face for face, _ in kept})
    return SignalLog(np.array(pts), [[s for f, s in kept if f == face] for face in order])
