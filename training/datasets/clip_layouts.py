"""A semi-synthetic corpus written in the layouts of the data sets of clips.

As :mod:`training.datasets.layouts`, which has those of long videos. Each planted micro-expression becomes
a clip; frames keep the numbers that they have in the corpus' clip, counted from 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from openpyxl import Workbook

from megc_live.errors import DatasetError, OutputError
from megc_live.events import LABELS
from training.datasets.base import SYNTHETIC_FILE
from training.datasets.layouts import (
    first_sheet,
    read_corpus,
    save_book,
    units_text,
    write_casme2_long,
    write_image,
    write_samm_long,
    write_samm_long_cropped,
)

CASME2_FILE = "CASME2-coding-20190701.xlsx"
SAMM_FILE = "SAMM_Micro_FACS_Codes_v2.xlsx"
SMIC_FILE = "SMIC-HS-E_annotation.xlsx"
LIST_FILE = "combined_3class_gt.csv"
CASME2_COLUMNS = (
    "Subject",
    "Filename",
    None,
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    None,
    "Action Units",
    "Estimated Emotion",
    "Objective Classes",
)
SAMM_COLUMNS = (
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Duration",
    "Micro",
    "Action Units",
    "Estimated Emotion",
    "Objective Classes",
    "Notes",
)
SMIC_COLUMNS = ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion")

_MARGIN = 3
"""Frames before the onset and after the offset, where a release has such."""
_SHORT = {"negative": "ne", "positive": "po", "surprise": "sur"}
_CK_CODES = {"negative": 3, "positive": 5, "surprise": 7}


@dataclass(frozen=True)
class _Clip:
    """One planted micro-expression: frames counted from 1, ``count`` from 1 within its video."""

    video: str
    person: int
    number: int
    count: int
    onset: int
    apex: int
    offset: int
    label: str
    units: str

    @property
    def casme2(self) -> str:
        return f"EP{self.number + 1:02d}_{self.count:02d}"

    @property
    def samm(self) -> str:
        return f"{self.person:03d}_{self.number + 1}_{self.count}"


def write_casme2(corpus: Path, out: Path) -> Path:
    """Write ``sub15/EP01_01/img46.jpg`` ... and the workbook of codes.

    Parameters
    ----------
    corpus : Path
        Folder made by :func:`training.datasets.synth.make_corpus`.
    out : Path

    Returns
    -------
    Path
        The workbook.

    Raises
    ------
    DatasetError
        ``corpus`` is none, or no micro-expression is planted in it.
    OutputError
        Something cannot be written.
    """
    book = Workbook()
    sheet = first_sheet(book, "Sheet1")
    book.create_sheet("Sheet2")
    book.create_sheet("Sheet3")
    sheet.append(list(CASME2_COLUMNS))
    emotions = {"negative": "disgust", "positive": "happiness", "surprise": "surprise"}
    clips, cuts = _clips(corpus), []
    for clip in clips:
        folder = out / f"sub{clip.person:02d}" / clip.casme2
        cuts.append(_Cut(clip.video, clip.onset - _MARGIN, clip.offset + _MARGIN, folder, "img{}.jpg"))
        emotion = emotions.get(clip.label, "others")
        borders = (clip.onset, clip.apex, clip.offset)
        units = units_text(clip.units, side_first=True)
        sheet.append([f"{clip.person:02d}", clip.casme2, None, *borders, None, units, emotion, None])
    _write_images(corpus, cuts)
    return save_book(book, out / CASME2_FILE)


def write_samm(corpus: Path, out: Path) -> Path:
    """Write ``015/015_1_1/015_00046.jpg`` ... (grey) and the workbook; as :func:`write_casme2`."""
    book = Workbook()
    sheet = first_sheet(book, "MICRO_ONLY")
    for line in range(13):
        sheet.append(["Semi-synthetic movements in the layout of SAMM" if line == 0 else None])
    sheet.append(list(SAMM_COLUMNS))
    emotions = {"negative": "Anger", "positive": "Happiness", "surprise": "Surprise"}
    cuts = []
    for clip in _clips(corpus):
        subject = f"{clip.person:03d}"
        folder = out / subject / clip.samm
        pattern = subject + "_{:05d}.jpg"
        cuts.append(_Cut(clip.video, clip.onset, clip.offset, folder, pattern, grey=True))
        sheet.append(
            [
                subject,
                clip.samm,
                clip.number + 1,
                clip.onset,
                clip.apex,
                clip.offset,
                clip.offset - clip.onset + 1,
                "Micro - 1/2",
                units_text(clip.units, side_first=False),
                emotions.get(clip.label, "Other"),
                None,
                "synthetic",
            ]
        )
    _write_images(corpus, cuts)
    return save_book(book, out / SAMM_FILE)


def write_smic(corpus: Path, out: Path) -> Path:
    """Write ``HS/s15/micro/negative/s15_ne_01/image000046.bmp`` ...; returns the folder ``HS``.

    Movements without a class are left out, as that data set has none. Otherwise as :func:`write_casme2`.
    """
    cuts = []
    for name, clip in _smic_names(_clips(corpus)):
        folder = out / "HS" / f"s{clip.person}" / "micro" / clip.label / name
        cuts.append(_Cut(clip.video, clip.onset, clip.offset, folder, "image{:06d}.bmp"))
    _write_images(corpus, cuts)
    return out / "HS"


def write_smic_extended(corpus: Path, out: Path) -> Path:
    """Write ``SMIC_HS_E/s15/s15_ne_01/image46.jpg`` ... and the workbook; as :func:`write_smic`."""
    book = Workbook()
    sheet = first_sheet(book, "Sheet1")
    sheet.append(list(SMIC_COLUMNS))
    cuts = []
    for name, clip in _smic_names(_clips(corpus)):
        folder = out / "SMIC_HS_E" / f"s{clip.person}" / name
        first = max(clip.onset - _MARGIN, 1)
        cuts.append(_Cut(clip.video, first, clip.offset + _MARGIN, folder, "image{}.jpg"))
        sheet.append([f"s{clip.person}", name, clip.onset, clip.offset, first, clip.label])
    _write_images(corpus, cuts)
    return save_book(book, out / SMIC_FILE)


def write_ck_plus(corpus: Path, out: Path) -> Path:
    """Write ``cohn-kanade-images/S015/001/S015_001_00000001.png`` ... and ``Emotion``, onset to apex.

    A movement without a class has no label file. Returns ``out``; otherwise as :func:`write_casme2`.
    """
    counts: dict[int, int] = {}
    cuts = []
    for clip in _clips(corpus):
        counts[clip.person] = counts.get(clip.person, 0) + 1
        subject, sequence = f"S{clip.person:03d}", f"{counts[clip.person]:03d}"
        name = f"{subject}_{sequence}"
        folder = out / "cohn-kanade-images" / subject / sequence
        cuts.append(
            _Cut(clip.video, clip.onset, clip.apex, folder, name + "_{:08d}.png", shift=1 - clip.onset)
        )
        if clip.label:
            last = clip.apex - clip.onset + 1
            path = out / "Emotion" / subject / sequence / f"{name}_{last:08d}_emotion.txt"
            _write_text(path, f"   {_CK_CODES[clip.label]:.7e}\n")
    _write_images(corpus, cuts)
    return out


def write_composite(corpus: Path, out: Path) -> Path:
    """Write the corpus as each of SMIC, CASME II and SAMM, and the list of the clips with a class.

    Returns the list; otherwise as :func:`write_casme2`.
    """
    write_smic(corpus, out / "smic")
    write_casme2(corpus, out / "casme2")
    write_samm(corpus, out / "samm")
    clips = _clips(corpus)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows(["smic", f"s{c.person}", name, LABELS.index(c.label)] for name, c in _smic_names(clips))
    labelled = [clip for clip in clips if clip.label]
    table.writerows(["casme2", f"sub{c.person:02d}", c.casme2, LABELS.index(c.label)] for c in labelled)
    table.writerows(["samm", c.person, c.samm, LABELS.index(c.label)] for c in labelled)
    return _write_text(out / LIST_FILE, text.getvalue())


def _clips(corpus: Path) -> list[_Clip]:
    clips = [
        _Clip(
            video.name,
            video.person,
            video.number,
            count,
            int(row["onset"]) + 1,
            int(row["apex"]) + 1,
            int(row["offset"]) + 1,
            row["label"],
            row["units"],
        )
        for video in read_corpus(corpus)
        for count, row in enumerate((row for row in video.rows if row["kind"] == "micro"), start=1)
    ]
    if not clips:
        raise DatasetError(f"no micro-expression is planted in {str(corpus)!r}.", "Use more footage.")
    return clips


def _smic_names(clips: list[_Clip]) -> Iterator[tuple[str, _Clip]]:
    """Number the clips of a person and class: s15_ne_01, s15_ne_02 ..."""
    counts: dict[tuple[int, str], int] = {}
    for clip in clips:
        if clip.label:
            key = (clip.person, clip.label)
            counts[key] = counts.get(key, 0) + 1
            yield f"s{clip.person}_{_SHORT[clip.label]}_{counts[key]:02d}", clip


@dataclass(frozen=True)
class _Cut:
    """Frames ``first`` to ``last`` of a video, counted from 1, and where they go.

    An image's number is the frame's plus ``shift``; ``pattern`` takes it.
    """

    video: str
    first: int
    last: int
    folder: Path
    pattern: str
    shift: int = 0
    grey: bool = False


def _write_images(corpus: Path, cuts: list[_Cut]) -> None:
    """Write the images of all cuts; each video is decoded once."""
    for video in dict.fromkeys(cut.video for cut in cuts):
        mine = [cut for cut in cuts if cut.video == video]
        source = corpus / "clips" / f"{video}.mp4"
        try:
            for cut in mine:
                cut.folder.mkdir(parents=True, exist_ok=True)
            with av.open(str(source)) as container:
                for number, frame in enumerate(container.decode(video=0), start=1):
                    if all(number > cut.last for cut in mine):
                        break
                    for cut in mine:
                        if cut.first <= number <= cut.last:
                            path = cut.folder / cut.pattern.format(number + cut.shift)
                            write_image(frame, path, grey=cut.grey)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot turn {str(source)!r} into images: {error}.") from None


def _write_text(path: Path, text: str) -> Path:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}.") from None
    return path


def _marked(write: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
    """Have a writer say in its folder that what it wrote is synthetic."""

    def both(corpus: Path, out: Path) -> Path:
        _write_text(out / SYNTHETIC_FILE, "Planted movements, written by `megc-train synth`.\n")
        return write(corpus, out)

    return both


LAYOUTS: dict[str, Callable[[Path, Path], Path]] = {
    name: _marked(write)
    for name, write in {
        "cas_me2": write_casme2_long,
        "samm_long": write_samm_long,
        "samm_long_cropped": write_samm_long_cropped,
        "smic": write_smic,
        "smic_extended": write_smic_extended,
        "casme2": write_casme2,
        "samm": write_samm,
        "ck_plus": write_ck_plus,
        "composite": write_composite,
    }.items()
}
"""Writers by the name of the layout: ``write(corpus, out) -> workbook, list or folder``.

Each also leaves a file in ``out`` that says that the corpus is synthetic
(:func:`training.datasets.base.is_synthetic`).
"""
