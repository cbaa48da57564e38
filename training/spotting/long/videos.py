"""Long videos of a data set as signals: each once through the engine, kept as files.

One run of the engine feeds everything that a video is needed for: the signals that fitted spotters learn
from and are replayed on, and the spans of the spotters that are not fitted, which may look at pixels.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import megc_live
from megc_live.engine import Engine
from megc_live.errors import DatasetError
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.settings import Settings
from megc_live.spotting import SPOTTERS, Span, Spotter, make_spotter
from megc_live.spotting.signals import RegionSignal
from megc_live.video.folder import FolderSource, numbered_images
from training.datasets.base import LongVideo
from training.datasets.readers.images import numbered
from training.protocols.matching import Expression
from training.spotting.sequences import Clip, Movement, grid_samples, make_sequence
from training.spotting.signal_log import Listener, SignalLog, recorded_version, signal_version


def unit_names(text: str) -> tuple[str, ...]:
    """Return action units as the fits name them, from ``R12+6`` (CAS(ME)^2) or ``12R+6`` (SAMM).

    Examples
    --------
    >>> unit_names("R12+6"), unit_names("12L + 4B"), unit_names("0")
    (('AU12R', 'AU6'), ('AU12L', 'AU4'), ())
    """
    names = []
    for part in re.split(r"[+,;/&\s]+", text.upper()):
        number = re.search(r"[1-9]\d*", part)
        if number:
            side = next((letter for letter in "RL" if letter in part), "")
            names.append(f"AU{number[0]}{side}")
    return tuple(names)


def unfitted_spotters() -> list[str]:
    """Names of the registered spotters that nothing is fitted of."""
    return [entry.name for entry in SPOTTERS.entries() if not entry.capabilities["trained"]]


def spotter_version() -> str:
    """Hash of the code that makes signals and spans: spans of other code are made again."""
    package = Path(megc_live.__file__).parent
    files = [file for part in ("face", "spotting") for file in sorted((package / part).glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


@dataclass(frozen=True)
class Recorded:
    """One video of a data set and where its files are.

    Attributes
    ----------
    video, subject : str
    fps : float
        Frames per second.
    frames : int
        How many images it has.
    truth : tuple of Expression
        Annotated movements: positions among the images, from 0, inclusive.
    units : tuple of tuple of str
        Names of the action units of each, such as ``AU12R``.
    images : Path
        Their folder.
    out : Path
        Folder of the evaluation.
    """

    video: str
    subject: str
    fps: float
    frames: int
    truth: tuple[Expression, ...]
    units: tuple[tuple[str, ...], ...]
    images: Path
    out: Path

    @classmethod
    def of(cls, video: LongVideo, out: Path) -> Recorded:
        """Take what an evaluation needs of a video that has images."""
        folder = video.frames[0].parent
        units = tuple(unit_names(text) for text in video.units) or ((),) * len(video.truth)
        return cls(video.video, video.subject, video.fps, len(video.frames), video.truth, units, folder, out)

    @property
    def signals(self) -> Path:
        """The signals of every face (:class:`training.spotting.signal_log.SignalLog`)."""
        return self.out / "signals" / f"{self.video}.npz"

    def spans(self, spotter: str) -> Path:
        """What a spotter found in the video."""
        return self.out / "spans" / spotter / f"{self.video}.json"

    def missing(self, spotters: Iterable[str]) -> tuple[bool, tuple[str, ...]]:
        """Whether the signals have to be recorded, and which of the spotters have to be run."""
        version = spotter_version()
        return (
            recorded_version(self.signals) != signal_version(),
            tuple(name for name in spotters if _version(self.spans(name)) != version),
        )


def record(item: Recorded, spotters: Sequence[str], models: ModelStore | None = None) -> str:
    """Run one video through the engine and write what is missing of its files; return its name.

    Parameters
    ----------
    item : Recorded
    spotters : sequence of str
        Unfitted spotters to run beside.

    Raises
    ------
    DatasetError
        The images are not those that the annotations' positions count.
    SourceError, ModelError
    """
    log_missing, names = item.missing(spotters)
    if not (log_missing or names):
        return item.video
    cv2.setNumThreads(1)
    models = models or ModelStore()
    pts_s = _times(item)
    heard: list[tuple[int, RegionSignal]] = []
    faces: list[_All] = []

    def new_face() -> _All:
        faces.append(_All(Listener(heard, len(faces)), {name: make_spotter(name, models) for name in names}))
        return faces[-1]

    # Faces of any size: whatever the data set holds is judged.
    settings = Settings.from_dict({"recognition": {"recognizer": "none"}, "spotting": {"min_eye_px": 0}})
    source = FolderSource(item.images, fps=item.fps)
    with source, Engine(settings, source.info, models, spotters=new_face) as engine:
        for frame in source:
            engine.push(frame)
            engine.take_rows()
        engine.flush()
    order = sorted({face for face, _ in heard})
    log = SignalLog(pts_s, [[signal for f, signal in heard if f == face] for face in order])
    for name in names:
        rows = [span_row(log, span) for face in faces for span in face.found[name]]
        write_whole(item.spans(name), json.dumps({"version": spotter_version(), "spans": rows}))
    if log_missing:
        item.signals.parent.mkdir(parents=True, exist_ok=True)
        log.save(item.signals)
    return item.video


def span_row(log: SignalLog, span: Span) -> dict[str, Any]:
    """A span on the video's frames: positions from 0, inclusive."""
    onset, apex, offset = (log.frame_at(t) for t in (span.onset_s, span.apex_s, span.offset_s))
    return {
        "onset": onset, "apex": apex, "offset": offset, "kind": span.kind, "score": round(span.score, 4),
    }  # fmt: skip


def read_spans(item: Recorded, spotter: str) -> list[dict[str, Any]]:
    """Read back what a spotter found, as :func:`span_row` makes it."""
    rows: list[dict[str, Any]] = json.loads(item.spans(spotter).read_text(encoding="utf-8"))["spans"]
    return rows


def load_clip(item: Recorded) -> Clip:
    """A recorded video as what spotters are fitted on: the subject is the person."""
    log = SignalLog.load(item.signals)
    truth = [
        Movement(e.onset, e.offset, float(log.pts_s[e.onset]), float(log.pts_s[e.offset]), e.kind, units)
        for e, units in zip(item.truth, item.units, strict=True)
    ]
    clip = Clip(item.video, item.subject, log, truth, item.fps)
    clip.sequences = [make_sequence(samples, truth) for samples in grid_samples(log)]
    return clip


class _All:
    """The spotter of one face that is everything at once: it keeps the signals and runs the others."""

    delay_s = 0.0

    def __init__(self, listener: Listener, spotters: dict[str, Spotter]) -> None:
        self._listener, self._spotters = listener, spotters
        self.found: dict[str, list[Span]] = {name: [] for name in spotters}

    def push(self, signal: RegionSignal) -> list[Span]:
        """Pass the signal on. The engine is told of no span: it would make pictures of it."""
        for name, spotter in self._spotters.items():
            self.found[name] += spotter.push(signal)
        return self._listener.push(signal)

    def flush(self) -> list[Span]:
        """Ask the spotters for what is left."""
        for name, spotter in self._spotters.items():
            self.found[name] += spotter.flush()
        return []


def _times(item: Recorded) -> NDArray[np.float64]:
    """Time of every image, shape (frames,), in seconds: numbers that are missing leave a gap."""
    images = numbered_images(item.images)
    found = tuple(images[index] for index in sorted(images))
    if found != numbered(item.images)[0] or len(found) != item.frames:
        raise DatasetError(
            f"the folder {str(item.images)!r} holds {len(found)} numbered images, the data set's reader took "
            f"{item.frames}.",
            "Leave only the images of the video in it.",
        )
    return np.array([index / item.fps for index in sorted(images)])


def _version(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["version"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        raise DatasetError(f"{str(path)!r} cannot be read.", "Remove it; it is made again.") from None
