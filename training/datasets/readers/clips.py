"""CASME II, SAMM and SMIC: one row of a workbook, or one folder, for each clip."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from training.datasets.base import DATASETS, ClipRecord, Corpus, Finding
from training.datasets.readers.images import add_frames, annotation_file, check_folder, folders, numbered
from training.datasets.readers.sheet import Row, Sheet, with_header

CASME2_FPS = SAMM_FPS = 200.0
SMIC_FPS = 100.0

_CASME2_LABELS = {
    "happiness": 1,
    "disgust": 0,
    "repression": 0,
    "surprise": 2,
    "others": None,
    "fear": None,
    "sadness": None,
}
_SAMM_LABELS = {
    **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), 0),
    "happiness": 1,
    "surprise": 2,
    "other": None,
    "others": None,
}
_COLUMNS = {
    "subject": ("subject",),
    "filename": ("filename",),
    "onset": ("onsetframe", "onset"),
    "apex": ("apexframe", "apex"),
    "offset": ("offsetframe", "offset"),
    "units": ("actionunits", "actionunit"),
    "emotion": ("estimatedemotion", "emotion"),
}
_SMIC_COLUMNS = {
    "subject": ("subject",),
    "filename": ("filename",),
    "onset": ("onsetf", "onsetframe", "onset"),
    "offset": ("offsetf", "offsetframe", "offset"),
    "emotion": ("emotion",),
}
_SMIC_LABELS = {"ne": 0, "negative": 0, "po": 1, "positive": 1, "sur": 2, "surprise": 2}
_SMIC_CLIP = r"s\d+_(ne|po|sur)_\d+"

_NAMES = {"casme2": r"EP\d+_\d+\w*", "samm": r"\d+_\d+_\d+"}
"""How clips are called, ``EP02_01f`` and ``006_1_2``: the columns of both workbooks are the same."""

_KNOWN_OFFSETS = {("casme2", 61): (91, 126), ("samm", 57): (5739, 101)}
"""Known slips: data set and row below the header, counted from 1, to the right offset and the most
frames that a clip of this data set has (Varanka et al., arXiv 2211.11425, code)."""


@DATASETS.register(
    "casme2",
    summary="CASME II: workbook of codes, folders sub01/EP02_01f",
    task="recognition",
    published={"clips": 255, "subjects": 26, "positive": 32, "surprise": 25},
    editions={"of 247 clips": {"clips": 247, "subjects": 26}},
)
def read_casme2(root: Path | None, annotations: Path | None) -> Corpus:
    """Read CASME II; frame numbers are those of the raw clip.

    Raises
    ------
    DatasetError
        A file is missing, or a cell cannot be used.
    """
    path = annotation_file("casme2", root, annotations, ("CASME2-coding-*.xlsx",))
    sheet = with_header(path, _COLUMNS)
    _check_names(sheet, "casme2")
    clips = []
    for count, row in enumerate(sheet.rows, start=1):
        subject = f"sub{sheet.number(row, 'subject', 'sub'):02d}"
        clips.append(_clip(sheet, row, count, "casme2", subject, _CASME2_LABELS))
    return _corpus("casme2", sheet, clips, root, r"sub\d+")


@DATASETS.register(
    "samm",
    summary="SAMM micro-movements: workbook of FACS codes, folders 006/006_1_2",
    task="recognition",
    published={
        "clips": 159, "subjects": 29, "negative": 92, "positive": 26, "surprise": 15, "other": 26,
    },
)  # fmt: skip
def read_samm(root: Path | None, annotations: Path | None) -> Corpus:
    """Read SAMM; a subject may stand there as 6 or as '006'.

    Raises
    ------
    DatasetError
        A file is missing, or a cell cannot be used.
    """
    path = annotation_file("samm", root, annotations, ("SAMM_Micro_FACS_Codes*.xlsx",))
    sheet = with_header(path, _COLUMNS)
    _check_names(sheet, "samm")
    clips = []
    for count, row in enumerate(sheet.rows, start=1):
        subject = f"{sheet.number(row, 'subject'):03d}"
        clips.append(_clip(sheet, row, count, "samm", subject, _SAMM_LABELS))
    return _corpus("samm", sheet, clips, root, r"\d{3}")


@DATASETS.register(
    "smic",
    summary="SMIC-HS: folders s1/micro/negative/s1_ne_01, or the extended edition with its workbook",
    task="recognition",
    published={"clips": 164, "subjects": 16, "negative": 70, "positive": 51, "surprise": 43},
    editions={
        "extended": {"clips": 157, "subjects": 16, "negative": 66, "positive": 51, "surprise": 40},
    },
)
def read_smic(root: Path | None, annotations: Path | None) -> Corpus:
    """Read SMIC-HS: with a workbook the extended edition, without one the folders of the first.

    Neither has an apex. In the first edition a clip's images are the movement itself.

    Raises
    ------
    DatasetError
        A file or folder is missing, or a cell cannot be used.
    """
    pattern = "SMIC-HS-E_annotation*.xlsx"
    if root is not None and annotations is None:
        check_folder(root)
        if not any(root.glob(pattern)):
            return _smic_folders(root)
    sheet = with_header(annotation_file("smic", root, annotations, (pattern,)), _SMIC_COLUMNS)
    clips = [_smic_clip(sheet, row) for row in sheet.rows]
    return _corpus("smic", sheet, clips, root, _SMIC_CLIP)


def _check_names(sheet: Sheet, dataset: str) -> None:
    """Raise :class:`DatasetError` for the workbook of another data set."""
    names = [sheet.text(row, "filename") for row in sheet.rows]
    like = {name: [x for x in names if re.fullmatch(_NAMES[name], x, re.IGNORECASE)] for name in _NAMES}
    if like[dataset]:
        return
    for other, found in like.items():
        if found:
            raise DatasetError(
                f"{sheet.where}: clips such as {found[0]!r} are those of {other}, not of {dataset}.",
                f"Give the workbook of {dataset}, or {other} as the data set.",
            )


def _clip(
    sheet: Sheet, row: Row, count: int, dataset: str, subject: str, labels: dict[str, int | None]
) -> ClipRecord:
    """Read one row; what is wrong in it is repaired only with a finding."""
    emotion = sheet.needed(row, "emotion")
    if emotion.lower() not in labels:
        sheet.note(row, "emotion", emotion, "taken as none of the three classes")
    onset, apex, offset = sheet.frame(row, "onset"), sheet.apex(row), sheet.frame(row, "offset")
    right, longest = _KNOWN_OFFSETS.get((dataset, count), (0, 0))
    # Only where the cell is impossible and the correction is not: another edition may have other rows.
    if (
        longest
        and not max(onset, apex or onset) <= offset < onset + longest
        and max(onset, apex or onset) <= right < onset + longest
    ):
        sheet.note(row, "offset", offset, f"known slip: {right} taken")
        offset = right
    if offset < onset:
        raise sheet.fail(row, "offset", f"a frame number from the onset {onset} on")
    if apex is not None and not onset <= apex <= offset:
        sheet.note(row, "apex", f"{apex}, not within {onset} to {offset}", "taken as missing")
        apex = None
    return ClipRecord(
        dataset,
        subject,
        sheet.needed(row, "filename"),
        labels.get(emotion.lower()),
        emotion,
        sheet.text(row, "units"),
        onset,
        apex,
        offset,
        CASME2_FPS if dataset == "casme2" else SAMM_FPS,
    )


def _smic_clip(sheet: Sheet, row: Row) -> ClipRecord:
    name = sheet.needed(row, "filename")
    match = re.fullmatch(_SMIC_CLIP, name, re.IGNORECASE)
    if match is None:
        raise sheet.fail(row, "filename", "a name such as s1_ne_01")
    label = _SMIC_LABELS[match[1].lower()]
    emotion = sheet.text(row, "emotion")
    if _SMIC_LABELS.get(emotion.lower()) != label:
        sheet.note(row, "emotion", emotion or "nothing", f"{LABELS[label]} taken from the name {name}")
    onset, offset = sheet.frame(row, "onset"), sheet.frame(row, "offset")
    if offset < onset:
        raise sheet.fail(row, "offset", f"a frame number from the onset {onset} on")
    subject = f"s{sheet.number(row, 'subject', 's'):02d}"
    return ClipRecord("smic", subject, name, label, LABELS[label], "", onset, None, offset, SMIC_FPS)


def _smic_folders(root: Path) -> Corpus:
    clips: list[ClipRecord] = []
    findings: list[Finding] = []
    seen: dict[str, Path] = {}
    for folder in folders(root, _SMIC_CLIP, depth=6):
        if folder.name.lower() in seen:
            # The folders of the other cameras, VIS and NIR, have the same names.
            raise _twice(seen[folder.name.lower()], folder)
        seen[folder.name.lower()] = folder
        paths, numbers = numbered(folder)
        match = re.fullmatch(r"s0*(\d+)_(ne|po|sur)_\d+", folder.name, re.IGNORECASE)
        if not paths or match is None:
            findings.append(Finding(str(folder.relative_to(root)), None, "images", "none", "left out"))
            continue
        label = _SMIC_LABELS[match[2].lower()]
        if folder.parent.name.lower() not in (LABELS[label], "micro"):
            done = f"{LABELS[label]} taken from the clip's name"
            findings.append(Finding(str(folder.relative_to(root)), None, "folder", folder.parent.name, done))
        subject = f"s{int(match[1]):02d}"
        clips.append(
            ClipRecord(
                "smic",
                subject,
                folder.name,
                label,
                LABELS[label],
                "",
                numbers[0],
                None,
                numbers[-1],
                SMIC_FPS,
                paths,
                numbers,
            )
        )
    if not clips:
        raise DatasetError(
            f"no folder such as s1/micro/negative/s1_ne_01 in {str(root)!r}.",
            "Give the folder HS of the release, or of the extended edition with its workbook.",
        )
    return Corpus("smic", tuple(clips), findings=tuple(findings))


def _corpus(name: str, sheet: Sheet, clips: list[ClipRecord], root: Path | None, pattern: str) -> Corpus:
    """Add the images, where there is a folder; ``pattern`` is that of a subject's or clip's folder."""
    clips = _once(sheet, clips)
    findings: list[Finding] = []
    if root is not None:
        check_folder(root)
        homes: dict[str, Path] = {}
        for found in folders(root, pattern, depth=4):
            inside = [found] if name == "smic" else [path for path in found.iterdir() if path.is_dir()]
            for path in inside:
                key = _home("" if name == "smic" else found.name, path.name)
                if key in homes:
                    raise _twice(homes[key], path)
                homes[key] = path

        def find(clip: ClipRecord) -> Path | None:
            # A clip that is listed twice has one folder.
            return homes.get(_home("" if name == "smic" else clip.subject, clip.clip.partition("#")[0]))

        clips, findings = add_frames(clips, root, find)
    return Corpus(name, tuple(clips), findings=(*sheet.findings, *findings))


def _home(subject: str, clip: str) -> str:
    return f"{subject}/{clip}".lower()


def _twice(one: Path, other: Path) -> DatasetError:
    return DatasetError(
        f"two folders of one clip: {str(one)!r} and {str(other)!r}.",
        "Give the folder of one version of the images.",
    )


def _once(sheet: Sheet, clips: list[ClipRecord]) -> list[ClipRecord]:
    """Tell apart clips that are listed twice; both rows are kept."""
    seen: dict[tuple[str, str], int] = {}
    out = []
    for clip, row in zip(clips, sheet.rows, strict=True):
        key = (clip.subject, clip.clip)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            name = f"{clip.clip}#{seen[key]}"
            sheet.note(row, "filename", f"{clip.subject} {clip.clip} again", f"kept as {name}")
            clip = replace(clip, clip=name)
        out.append(clip)
    return out
