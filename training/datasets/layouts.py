"""A semi-synthetic corpus written in the layouts of CAS(ME)^2 and of SAMM long videos.

So that everything that reads those licensed data sets can be tried, from folder to score, without
them. Folder names, sheets, columns, missing headers and preambles are those of the real releases;
frames are numbered from 1, as there. Where a clip has another rate than the data set, ``fps.txt`` beside
its images says it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from openpyxl import Workbook

from megc_live.errors import DatasetError, OutputError
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.output.files import write_whole
from megc_live.video import open_source
from megc_live.video.folder import RATE_FILES

CASME_FILE = "CAS(ME)^2code_final.xlsx"
SAMM_FILE = "SAMM_LongVideos_V3_Release.xlsx"
SAMM_COLUMNS = (
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset",
    "Apex",
    "Offset",
    "Duration",
    "Type",
    "Action Units",
    "Notes",
)

CASME_FPS, SAMM_FPS = 30.0, 200.0
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, the latter two exclusive."""
_SAME_RATE = 0.01

SYNTHETIC_MARK = "SYNTHETIC.txt"
"""A file beside the images that says what they are: no score on them may pass for one on the data set."""
_CROP_MARGIN = 0.25

_STIMULI = (
    ("disgust1", "0101", "disgustingteeth"),
    ("disgust2", "0102", "eatingworms"),
    ("anger1", "0401", "girlcrashing"),
    ("anger2", "0402", "beatingpregnantwoman"),
    ("happy1", "0502", "funnyerrors"),
    ("happy2", "0503", "unexpectedfall"),
    ("happy3", "0505", "funnyinnovations"),
    ("happy4", "0507", "climbingthewall"),
    ("happy5", "0508", "funnydunkey"),
)
"""Stimulus in the annotation, its code in folder names, its title in folder names."""


@dataclass(frozen=True)
class CorpusVideo:
    """One clip of the corpus: person, running number of the person's clips, annotation rows."""

    name: str
    person: int
    number: int
    rows: list[dict[str, str]]


def write_casme2_long(corpus: Path, out: Path) -> Path:
    """Write a corpus as CAS(ME)^2.

    ``rawpic/s15/15_0101disgustingteeth/img1.jpg`` ... and ``CAS(ME)^2code_final.xlsx`` with the sheets
    ``CASFEcode_final`` (no header: subject index, clip name, onset, apex, offset, AU, emotion, type,
    self-report), ``naming rule1`` (number, folder, index) and ``naming rule2`` (code without its
    leading zero, stimulus).

    Parameters
    ----------
    corpus : Path
        Folder made by :func:`training.datasets.synth.make_corpus`, of one clip per stimulus and person
        at most.
    out : Path
        Folder to write to.

    Returns
    -------
    Path
        The workbook.

    Raises
    ------
    DatasetError
        ``corpus`` is none, or holds more clips of a person than there are stimuli.
    """
    videos = read_corpus(corpus)
    crowded = [v.name for v in videos if v.number >= len(_STIMULI)]
    if crowded:
        raise DatasetError(
            f"{crowded[0]!r} is one clip too many of its person: CAS(ME)^2 has {len(_STIMULI)} stimuli.",
            "Use fewer clips.",
        )
    book = Workbook()
    codes = first_sheet(book, "CASFEcode_final")
    rule1, rule2 = book.create_sheet("naming rule1"), book.create_sheet("naming rule2")
    for video in videos:
        stimulus, code, title = _STIMULI[video.number]
        folder = out / "rawpic" / f"s{video.person}" / f"{video.person}_{code}{title}"
        _write_images(corpus / "clips" / f"{video.name}.mp4", folder, "img{}.jpg", CASME_FPS)
        for count, row in enumerate(video.rows, start=1):
            codes.append(
                [
                    _index(video, videos),
                    f"{stimulus}_{count}",
                    int(row["onset"]) + 1,
                    int(row["apex"]) + 1,
                    int(row["offset"]) + 1,
                    units_text(row["units"], side_first=True),
                    row["label"] or "others",
                    f"{row['kind']}-expression",
                    "",
                ]
            )
            rule1.append([video.person, f"s{video.person}", _index(video, videos)])
    for stimulus, code, _ in _STIMULI:
        rule2.append([int(code), stimulus])
    _mark(out, out / "rawpic")
    return save_book(book, out / CASME_FILE)


def write_samm_long(corpus: Path, out: Path) -> Path:
    """Write a corpus as SAMM long videos.

    ``006_1/006_1_0001.jpg`` ... (grey) and ``SAMM_LongVideos_V3_Release.xlsx``, sheet
    ``FACS_Movement_Only``: nine rows of preamble, then a header and one row for each movement.

    Parameters
    ----------
    corpus, out : Path
        As for :func:`write_casme2_long`.

    Returns
    -------
    Path
        The workbook.
    """
    return _write_samm(corpus, out, out)


def write_samm_long_cropped(corpus: Path, out: Path) -> Path:
    """Write a corpus as the cropped edition of SAMM long videos.

    As :func:`write_samm_long`, but ``cropped/006_1/006_1_0001.jpg`` ... show the face only: one box for the
    whole video, around the face of the first frame that has one.

    Parameters
    ----------
    corpus, out : Path
        As for :func:`write_casme2_long`.

    Returns
    -------
    Path
        The workbook, beside the folder ``cropped``.

    Raises
    ------
    DatasetError
        ``corpus`` is none, or no face is found in a clip.
    """
    return _write_samm(corpus, out, out / "cropped", crop=True)


def _write_samm(corpus: Path, out: Path, images: Path, *, crop: bool = False) -> Path:
    videos = read_corpus(corpus)
    book = Workbook()
    sheet = first_sheet(book, "FACS_Movement_Only")
    for line in range(9):
        sheet.append(["Semi-synthetic movements in the layout of SAMM Long Videos" if line == 0 else None])
    sheet.append(list(SAMM_COLUMNS))
    for video in videos:
        name = f"{video.person:03d}_{video.number + 1}"
        clip = corpus / "clips" / f"{video.name}.mp4"
        box = _face_box(clip) if crop else None
        _write_images(clip, images / name, name + "_{:04d}.jpg", SAMM_FPS, grey=True, box=box)
        for count, row in enumerate(video.rows, start=1):
            onset, apex, offset = (int(row[key]) + 1 for key in ("onset", "apex", "offset"))
            kind = "Macro" if row["kind"] == "macro" else "Micro - 1/2"
            sheet.append(
                [
                    f"{video.person:03d}",
                    f"{name}_{count}",
                    video.number + 1,
                    onset,
                    apex,
                    offset,
                    offset - onset + 1,
                    kind,
                    units_text(row["units"], side_first=False),
                    "synthetic",
                ]
            )
    _mark(out, images)
    return save_book(book, out / SAMM_FILE)


def read_corpus(corpus: Path) -> list[CorpusVideo]:
    """Number the corpus' persons from 1 and their clips from 0; clips without a movement are kept."""
    try:
        with (corpus / "truth.csv").open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"cannot read {str(corpus / 'truth.csv')!r}: {error}.", "Make a corpus with `megc-train synth`."
        ) from None
    missing = {"video", "onset", "apex", "offset", "kind", "label", "units"} - columns
    if missing:
        raise DatasetError(
            f"{str(corpus / 'truth.csv')!r} has no column {', '.join(sorted(missing))}.",
            "Make a corpus with `megc-train synth`.",
        )
    names = sorted(path.stem for path in (corpus / "clips").glob("*.mp4"))
    if not names:
        raise DatasetError(f"{str(corpus)!r} holds no clip.", "Make a corpus with `megc-train synth`.")
    persons = {person: i for i, person in enumerate(sorted({name.split("__")[0] for name in names}), start=1)}
    counts = dict.fromkeys(persons, 0)
    videos = []
    for name in names:
        person = name.split("__")[0]
        mine = sorted((row for row in rows if row["video"] == name), key=lambda row: int(row["onset"]))
        videos.append(CorpusVideo(name, persons[person] + 14, counts[person], mine))
        counts[person] += 1
    return videos


def _index(video: CorpusVideo, videos: list[CorpusVideo]) -> int:
    """The annotation's own number of a subject: 1, 2, 3 ..."""
    return sorted({v.person for v in videos}).index(video.person) + 1


def units_text(text: str, *, side_first: bool) -> str:
    """``AU12R|AU6`` as ``R12+6`` (CAS(ME)^2) or ``12R+6`` (SAMM); a free movement is ``0``."""
    parts = []
    for unit in text.split("|"):
        number = "".join(c for c in unit if c.isdigit()) or "0"
        side = unit[-1] if unit[-1:] in ("R", "L") and number != "0" else ""
        parts.append(side + number if side_first else number + side)
    return "+".join(parts)


def first_sheet(book: Workbook, title: str) -> Any:
    """Return the first sheet of a new workbook, renamed."""
    sheet = book.worksheets[0]
    sheet.title = title
    return sheet


def is_synthetic(root: Path) -> bool:
    """Whether a folder in the layout of a data set of long videos was written here."""
    return (root / SYNTHETIC_MARK).is_file()


def _mark(*folders: Path) -> None:
    for folder in folders:
        write_whole(
            folder / SYNTHETIC_MARK, "Planted movements in the layout of a data set, not the data set.\n"
        )


def _write_images(
    clip: Path, folder: Path, pattern: str, fps: float, *, grey: bool = False, box: Box | None = None
) -> None:
    """Write a clip's frames as JPEG, numbered from 1; its rate too where it is not the data set's ``fps``."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(str(clip)) as container:
            rate = float(container.streams.video[0].average_rate or fps)
            if abs(rate / fps - 1) > _SAME_RATE:
                (folder / RATE_FILES[0]).write_text(f"{rate:g}\n", encoding="utf-8")
            for number, frame in enumerate(container.decode(video=0), start=1):
                write_image(frame, folder / pattern.format(number), grey=grey, box=box)
    except (av.error.FFmpegError, OSError) as error:
        raise OutputError(f"cannot turn {str(clip)!r} into images in {str(folder)!r}: {error}.") from None


def _face_box(clip: Path) -> Box:
    """Box of the first face of a clip: its outermost points and, on all sides, a quarter of its width."""
    with open_source(clip) as source, Landmarker(ModelStore().landmarker()) as landmarker:
        for frame in source:
            rgb = frame.image.rgb()
            for face in landmarker.detect(rgb):
                low, high = face[:, :2].min(0), face[:, :2].max(0)
                margin = _CROP_MARGIN * (high[0] - low[0])
                left, top = np.maximum(low - margin, 0).astype(int)
                right, bottom = np.minimum(high + margin, (rgb.shape[1], rgb.shape[0])).astype(int)
                return int(left), int(top), int(right), int(bottom)
    raise DatasetError(f"no face is found in {str(clip)!r}, so none can be cut out.", "Leave the clip out.")


def write_image(frame: av.VideoFrame, path: Path, *, grey: bool, box: Box | None = None) -> None:
    """Write one frame, or a box of it, in the format of the path's suffix; raises OutputError and OSError."""
    image = frame.to_ndarray(format="gray" if grey else "bgr24")
    if box is not None:
        left, top, right, bottom = box
        image = image[top:bottom, left:right]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else []
    ok, data = cv2.imencode(path.suffix, np.ascontiguousarray(image), quality)
    if not ok:
        raise OutputError(f"cannot encode {str(path)!r}.")
    path.write_bytes(data.tobytes())


def save_book(book: Workbook, path: Path) -> Path:
    """Write a workbook under a temporary name first; raises OutputError."""
    part = path.with_name(f".{path.stem}.part.xlsx")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}.") from None
    return path
