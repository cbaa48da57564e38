"""What every reader of a data set returns, and the registry of the readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from megc_live.registry import Registry
from training.protocols.matching import Expression


@dataclass(frozen=True)
class Finding:
    """What a reader noticed: nothing is dropped or repaired silently.

    Attributes
    ----------
    where : str
        File or sheet.
    row : int or None
        Row as a spreadsheet counts it, from 1; None for the whole file.
    column : str
        Its name in the header, or what it holds where there is no header.
    read : str
        What was read.
    done : str
        What was done about it.
    """

    where: str
    row: int | None
    column: str
    read: str
    done: str

    def __str__(self) -> str:
        """One line to read."""
        row = "" if self.row is None else f", row {self.row}"
        return f"{self.where}{row}, {self.column}: {self.read}: {self.done}"


@dataclass(frozen=True)
class ClipRecord:
    """One annotated micro-expression clip; ``dataset`` and ``subject`` together name a person.

    Attributes
    ----------
    dataset, subject, clip : str
    label : int or None
        0 negative, 1 positive, 2 surprise (:data:`megc_live.events.LABELS`); None: none of the three.
    emotion, units : str
        As annotated: emotion and action units.
    onset, apex, offset : int
        The annotation's own frame numbers; ``apex`` is None where there is none.
    fps : float
        Frames per second.
    frames : tuple of Path
        The clip's images in order, onset first where the release is cut so; empty when read from
        annotations alone.
    numbers : tuple of int
        Own frame number of each of ``frames``.
    """

    dataset: str
    subject: str
    clip: str
    label: int | None
    emotion: str
    units: str
    onset: int
    apex: int | None
    offset: int
    fps: float
    frames: tuple[Path, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class LongVideo:
    """One long video for spotting.

    Attributes
    ----------
    dataset, subject, video : str
    fps : float
        Frames per second.
    truth : tuple of Expression
        Annotated movements: positions in ``frames``, from 0, inclusive.
    frames : tuple of Path
        The images in order; empty when read from annotations alone.
    units : tuple of str
        Action units of each of ``truth``, as annotated; an empty text where none are.
    """

    dataset: str
    subject: str
    video: str
    fps: float
    truth: tuple[Expression, ...]
    frames: tuple[Path, ...] = ()
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Corpus:
    """What a reader returns."""

    name: str
    clips: tuple[ClipRecord, ...] = ()
    videos: tuple[LongVideo, ...] = ()
    findings: tuple[Finding, ...] = ()


DATASETS: Registry[Corpus] = Registry("data set")
"""Readers ``make(root: Path | None, annotations: Path | None) -> Corpus`` by the data set's name.

Capabilities: ``task`` ("recognition" or "spotting"), ``published`` (counts by their names).
"""


SYNTHETIC_FILE = "SYNTHETIC.txt"


def is_synthetic(root: Path) -> bool:
    """Whether a folder was written by ``megc-train synth`` in the layout of a data set."""
    return (root / SYNTHETIC_FILE).exists()


def read_dataset(name: str, root: Path | None = None, annotations: Path | None = None) -> Corpus:
    """Read a data set: its annotations, and with ``root`` its images.

    Parameters
    ----------
    name : str
        Name in :data:`DATASETS`.
    root : Path, optional
        Folder of the release.
    annotations : Path, optional
        The file of annotations; without it, it is looked for in ``root``.

    Raises
    ------
    SettingsError
        There is no such data set.
    DatasetError
        A file or folder is missing, or not in the layout of the data set.
    """
    # The readers register themselves when they are imported.
    import training.datasets.readers  # noqa: F401

    return DATASETS[name].make(root, annotations)
