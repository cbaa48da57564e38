"""The composite database of MEGC 2019: a list of clips of SMIC, CASME II and SAMM."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from training.datasets.base import DATASETS, ClipRecord, Corpus, Finding
from training.datasets.readers.clips import read_casme2, read_samm, read_smic
from training.datasets.readers.flow import FPS, PUBLISHED, without_frames
from training.datasets.readers.images import annotation_file

_READERS = {"smic": read_smic, "casme2": read_casme2, "samm": read_samm}
_SUBJECTS = {
    "smic": (r"s0*(\d+)", "s{:02d}"),
    "casme2": (r"(?:sub)?0*(\d+)", "sub{:02d}"),
    "samm": (r"0*(\d+)", "{:03d}"),
}
_FOLDERS = {"smic": r"smic.*", "casme2": r"casme[ _]?(2|ii).*", "samm": r"samm.*"}


@DATASETS.register(
    "composite",
    summary="list combined_3class_gt.csv; --root holds a folder of each corpus: smic, casme2, samm",
    task="recognition",
    published=PUBLISHED,
)
def read_composite(root: Path | None, annotations: Path | None) -> Corpus:
    """Read the list, which is the authority on labels; with ``root`` the clips of the three corpora.

    Raises
    ------
    DatasetError
        A file or folder is missing, a line cannot be used, or a clip of the list is in no corpus.
    """
    path = annotation_file("composite", root, annotations, ("combined_3class_gt*.csv",))
    listed = _read_list(path)
    if root is None:
        return Corpus("composite", tuple(clip for _, clip in listed), findings=(without_frames(path),))
    clips: list[ClipRecord] = []
    findings: list[Finding] = []
    known: dict[tuple[str, str, str], ClipRecord] = {}
    for name in dict.fromkeys(clip.dataset for _, clip in listed):
        corpus = _READERS[name](_folder(root, name), None)
        known |= {_key(clip): clip for clip in corpus.clips}
        findings += corpus.findings
    for row, clip in listed:
        found = known.get(_key(clip))
        if found is None:
            raise DatasetError(
                f"{path.name}, row {row}: the clip {clip.dataset} {clip.subject} {clip.clip} is not in the "
                f"annotations of {clip.dataset} in {str(root)!r}.",
                "Give the editions that hold all clips of the list: of SMIC the first, with 164.",
            )
        if found.label != clip.label:
            read = f"{clip.emotion}, but {found.emotion} in {clip.dataset}"
            findings.append(Finding(path.name, row, "label", read, f"{clip.emotion} taken"))
        clips.append(replace(found, subject=clip.subject, clip=clip.clip, label=clip.label))
    return Corpus("composite", tuple(clips), findings=tuple(findings))


def _read_list(path: Path) -> list[tuple[int, ClipRecord]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error}.") from None
    clips: list[tuple[int, ClipRecord]] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, cells in enumerate(rows, start=1):
        if not any(cell.strip() for cell in cells):
            continue
        clip = _read_line(path.name, number, [cell.strip() for cell in cells])
        other = seen.setdefault(_key(clip), number)
        if other != number:
            raise _bad(path.name, number, "clip", clip.clip, f"a new clip: row {other} has it")
        clips.append((number, clip))
    if not clips:
        raise DatasetError(f"{str(path)!r} lists no clip.", "Give lines dataset,subject,clip,label.")
    return clips


def _read_line(where: str, number: int, cells: list[str]) -> ClipRecord:
    if len(cells) != 4:
        raise _bad(where, number, "all", ",".join(cells), "dataset,subject,clip,label")
    dataset, subject, clip, label = cells
    if dataset not in FPS:
        raise _bad(where, number, "dataset", dataset, ", ".join(FPS))
    pattern, name = _SUBJECTS[dataset]
    match = re.fullmatch(pattern, subject, re.IGNORECASE)
    if match is None:
        raise _bad(where, number, "subject", subject, f"a subject such as {name.format(6)}")
    if label not in ("0", "1", "2"):
        raise _bad(where, number, "label", label, "0 negative, 1 positive or 2 surprise")
    if not clip:
        raise _bad(where, number, "clip", clip, "a clip's name")
    return ClipRecord(
        dataset,
        name.format(int(match[1])),
        clip,
        int(label),
        LABELS[int(label)],
        "",
        0,
        None,
        0,
        FPS[dataset],
    )


def _bad(where: str, number: int, column: str, got: str, expected: str) -> DatasetError:
    return DatasetError(
        f"{where}, row {number}, column {column}: {got!r}, expected {expected}.",
        "Use the list as it was released.",
    )


def _key(clip: ClipRecord) -> tuple[str, str, str]:
    """Return data set, subject and clip; s01_ne_01 is the SMIC clip s1_ne_01."""
    name = clip.clip.lower()
    return clip.dataset, clip.subject, re.sub(r"^s0+", "s", name) if clip.dataset == "smic" else name


def _folder(root: Path, name: str) -> Path:
    found = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir() and re.fullmatch(_FOLDERS[name], path.name, re.IGNORECASE)
    ]
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise DatasetError(
            f"expected one folder of {name} in {str(root)!r}, found {got}.", f"Name it {name}."
        )
    return found[0]
