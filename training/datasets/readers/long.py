"""CAS(ME)^2 and SAMM long videos: movements of whole recordings, for spotting."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.video.folder import stated_rate
from training.datasets.base import DATASETS, Corpus, Finding, LongVideo
from training.datasets.readers.images import annotation_file, check_folder, folders, numbered
from training.datasets.readers.sheet import Row, Sheet, with_header, without_header
from training.protocols.matching import Expression

_CAS_COLUMNS = ("subject", "clip", "onset", "apex", "offset", "units", "emotion", "type", "report")
_SAMM_COLUMNS = {
    "subject": ("subject",),
    "filename": ("filename",),
    "onset": ("onset", "onsetframe"),
    "apex": ("apex", "apexframe"),
    "offset": ("offset", "offsetframe"),
    "duration": ("duration",),
    "type": ("type",),
    "units": ("actionunits",),
}


@dataclass
class _Movement:
    """One annotated movement in the annotation's own frame numbers."""

    subject: str
    video: str
    onset: int
    offset: int
    kind: str
    label: str
    where: str
    row: int
    units: str = ""


@dataclass
class _Table:
    """All movements of an annotation, and what was noticed."""

    movements: list[_Movement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@DATASETS.register(
    "cas_me2",
    summary="CAS(ME)^2 long videos: code workbook or all_Info.txt, folders s15/15_0101disgustingteeth",
    task="spotting",
    published={"videos": 98, "annotated videos": 95, "subjects": 22, "macro": 300, "micro": 57},
)
def read_cas_me2(root: Path | None, annotations: Path | None) -> Corpus:
    """Read CAS(ME)^2; a video is named as ``s15_0101``.

    Raises
    ------
    DatasetError
        A file, sheet or folder is missing, or a cell cannot be used.
    """
    path = annotation_file("cas_me2", root, annotations, ("CAS(ME)^2code_final*.xlsx", "all_Info*.txt"))
    table = _plain_list(path) if path.suffix.lower() == ".txt" else _cas_workbook(path)
    homes: dict[str, Path] = {}
    if root is not None:
        check_folder(root)
        for subject in folders(_raw(root), r"s\d+", depth=2):
            for folder in sorted(path for path in subject.iterdir() if path.is_dir()):
                match = re.match(r"\d+_(\d{4})", folder.name)
                if match is None:
                    read = str(folder.relative_to(root))
                    table.findings.append(Finding(root.name, None, "folder", read, "no video: left out"))
                    continue
                _add(homes, f"{subject.name.lower()}_{match[1]}", folder)
    return _corpus("cas_me2", 30.0, table, homes, root)


@DATASETS.register(
    "samm_long",
    summary="SAMM long videos, full frame or cropped: workbook, folders 006_1",
    task="spotting",
    published={"videos": 147, "subjects": 30, "macro": 343, "micro": 159},
)
def read_samm_long(root: Path | None, annotations: Path | None) -> Corpus:
    """Read SAMM long videos; a video is named as ``006_1``.

    Either edition: whole frames, or cropped faces in folders of the same names. Where both lie in ``root``,
    the whole frames are taken.

    Raises
    ------
    DatasetError
        A file, sheet or folder is missing, or a cell cannot be used.
    """
    path = annotation_file("samm_long", root, annotations, ("SAMM_LongVideos_V*_Release*.xlsx",))
    sheet = with_header(path, _SAMM_COLUMNS, optional=("duration", "units"))
    table = _Table(findings=sheet.findings)
    for row in sheet.rows:
        table.movements.append(_samm_movement(sheet, row))
    homes: dict[str, Path] = {}
    if root is not None:
        check_folder(root)
        for folder in _one_edition(root, folders(root, r"\d{3}_\d+", depth=3), table.findings):
            _add(homes, folder.name, folder)
    return _corpus("samm_long", 200.0, table, homes, root)


def _samm_movement(sheet: Sheet, row: Row) -> _Movement:
    subject = f"{sheet.number(row, 'subject'):03d}"
    match = re.fullmatch(r"(\d{3}_\d+)_\d+", sheet.needed(row, "filename"))
    if match is None or match[1][:3] != subject:
        raise sheet.fail(row, "filename", f"a movement of {subject} such as {subject}_1_1")
    kind = sheet.text(row, "type").lower().partition(" ")[0]
    if kind not in ("micro", "macro"):
        raise sheet.fail(row, "type", "'Macro' or 'Micro - 1/2'")
    onset, offset = sheet.frame(row, "onset"), sheet.frame(row, "offset")
    apex = sheet.apex(row)
    if offset < onset:
        raise sheet.fail(row, "offset", f"a frame number from the onset {onset} on")
    if apex is not None and not onset <= apex <= offset:
        sheet.note(row, "apex", f"{apex}, not within {onset} to {offset}", "onset and offset kept as read")
    if sheet.text(row, "duration"):
        duration = sheet.frame(row, "duration")
        # Rounding both borders may move their distance by one.
        if abs(duration - (offset - onset + 1)) > 1:
            sheet.note(row, "duration", duration, f"not used: offset - onset + 1 is {offset - onset + 1}")
    units = sheet.text(row, "units")
    return _Movement(subject, match[1], onset, offset, kind, "", sheet.where, row.number, units)


def _one_edition(root: Path, found: list[Path], findings: list[Finding]) -> list[Path]:
    """Of the folders of videos, those of whole frames, or those of cropped faces if there are no others."""
    cropped = [path for path in found if any("crop" in part.lower() for part in path.relative_to(root).parts)]
    whole = [path for path in found if path not in cropped]
    if cropped and whole:
        done = "whole frames taken: for the cropped faces give their own folder"
        findings.append(Finding(root.name, None, "folder", f"{len(cropped)} videos cropped too", done))
    return whole or cropped


def _cas_workbook(path: Path) -> _Table:
    sheet = without_header(path, "CASFEcode_final", _CAS_COLUMNS)
    subjects, codes = _subject_names(path), _stimulus_codes(path)
    table = _Table(findings=sheet.findings)
    last = max((i for i, row in enumerate(sheet.rows) if _kind(sheet, row)), default=-1)
    for i, row in enumerate(sheet.rows):
        if not _kind(sheet, row):
            read = " | ".join(str(cell) for cell in row.cells.values() if cell is not None)
            if set(sheet.text(row, "subject")) == {"#"} or i > last:
                sheet.note(row, "all", read, "no annotation: left out")
                continue
            raise sheet.fail(row, "type", "'macro-expression' or 'micro-expression'")
        index = sheet.number(row, "subject")
        if index not in subjects:
            raise sheet.fail(row, "subject", "a number of the sheet 'naming rule1'")
        stimulus = sheet.needed(row, "clip").rpartition("_")[0].lower()
        if stimulus not in codes:
            raise sheet.fail(row, "clip", "a stimulus of the sheet 'naming rule2' and a running number")
        emotion = sheet.text(row, "emotion").lower()
        if emotion not in (*LABELS, "others", "other"):
            sheet.note(row, "emotion", emotion or "nothing", "taken as none of the three classes")
        onset, offset = _borders(sheet, row)
        table.movements.append(
            _Movement(
                subjects[index],
                f"{subjects[index]}_{codes[stimulus]}",
                onset,
                offset,
                _kind(sheet, row),
                emotion if emotion in LABELS else "",
                sheet.where,
                row.number,
                sheet.text(row, "units"),
            )
        )
    return table


def _kind(sheet: Sheet, row: Row) -> str:
    match = re.fullmatch(r"(macro|micro)-?\s?expressions?", sheet.text(row, "type").lower())
    return match[1] if match else ""


def _borders(sheet: Sheet, row: Row) -> tuple[int, int]:
    """Return onset and offset; a missing offset becomes the apex, as in the challenge's baseline."""
    onset, offset = sheet.frame(row, "onset"), sheet.frame(row, "offset")
    apex = sheet.apex(row)
    if offset == 0:
        if apex is None or apex < onset:
            raise sheet.fail(row, "offset", "an offset, or an apex after the onset to stand for it")
        sheet.note(row, "offset", 0, f"missing: the apex {apex} taken")
        return onset, apex
    if offset < onset:
        raise sheet.fail(row, "offset", f"a frame number from the onset {onset} on, or 0")
    if apex is not None and offset < apex:
        sheet.note(row, "offset", f"{offset}, before the apex {apex}", "onset and offset kept as read")
    return onset, offset


def _subject_names(path: Path) -> dict[int, str]:
    """Read ``naming rule1``: 15, s15, 1 means that subject 1 of the annotation is in the folder s15."""
    sheet = without_header(path, "naming rule1", ("number", "folder", "subject"))
    names: dict[int, str] = {}
    for row in sheet.rows:
        index, folder = sheet.number(row, "subject"), sheet.needed(row, "folder").lower()
        if names.setdefault(index, folder) != folder:
            raise sheet.fail(row, "folder", f"{names[index]}, as in the rows above")
    return names


def _stimulus_codes(path: Path) -> dict[str, str]:
    """Read ``naming rule2``: 101, disgust1 means that disgust1 is 0101 in names of folders."""
    sheet = without_header(path, "naming rule2", ("code", "stimulus"))
    return {sheet.needed(row, "stimulus").lower(): f"{sheet.number(row, 'code'):04d}" for row in sheet.rows}


def _plain_list(path: Path) -> _Table:
    """Read the list of MEGC 2020: ``s15 0401 macro-expression 557.0 572.0 608.0``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error}.") from None
    columns = ("folder", "code", "type", "onset", "apex", "offset")
    sheet = Sheet(path.name, [])
    table = _Table(findings=sheet.findings)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != len(columns):
            raise DatasetError(
                f"{path.name}, row {number}: {len(words)} words, expected {' '.join(columns)}.",
                "Use the file as it was released.",
            )
        row = Row(number, dict(zip(columns, words, strict=True)))
        if not _kind(sheet, row):
            raise sheet.fail(row, "type", "macro-expression or micro-expression")
        subject, code = f"s{sheet.number(row, 'folder', 's')}", sheet.number(row, "code")
        onset, offset = _borders(sheet, row)
        table.movements.append(
            _Movement(
                subject, f"{subject}_{code:04d}", onset, offset, _kind(sheet, row), "", sheet.where, number
            )
        )
    return table


def _raw(root: Path) -> Path:
    """Return the folder of whole frames, where the release's other versions lie beside it."""
    return root / "rawpic" if (root / "rawpic").is_dir() else root


def _add(homes: dict[str, Path], video: str, folder: Path) -> None:
    if video in homes:
        raise DatasetError(
            f"two folders of the video {video}: {str(homes[video])!r} and {str(folder)!r}.",
            "Give the folder of one version of the images.",
        )
    homes[video] = folder


def _corpus(name: str, fps: float, table: _Table, homes: dict[str, Path], root: Path | None) -> Corpus:
    """Group the movements by video and put them into positions of its images."""
    if root is not None and not homes:
        raise DatasetError(f"no folder of a video of {name} in {str(root)!r}.", "Give the release's folder.")
    grouped: dict[str, list[_Movement]] = {video: [] for video in homes}
    for movement in table.movements:
        grouped.setdefault(movement.video, []).append(movement)
    findings = list(table.findings)
    videos = []
    for video, movements in sorted(grouped.items()):
        frames, numbers = numbered(homes[video]) if video in homes else ((), ())
        if root is not None and not frames:
            findings.append(Finding(video, None, "images", "none", "kept without images, from 1 on"))
        elif not movements:
            findings.append(Finding(video, None, "all", "no annotation", "a video without movements"))
        placed = [(_place(movement, numbers, findings), movement.units) for movement in movements]
        kept = sorted((expression, units) for expression, units in placed if expression is not None)
        truth, units = tuple(e for e, _ in kept), tuple(u for _, u in kept)
        rate = _rate(fps, homes.get(video), findings)
        videos.append(LongVideo(name, video.rpartition("_")[0], video, rate, truth, frames, units))
    return Corpus(name, videos=tuple(videos), findings=tuple(findings))


def _rate(fps: float, home: Path | None, findings: list[Finding]) -> float:
    """Return a video's frames per second: the data set's, unless a file beside the images says otherwise."""
    stated = stated_rate(home) if home is not None else None
    if home is None or stated is None or stated == fps:
        return fps
    findings.append(
        Finding(home.name, None, "rate file", f"{stated:g}", f"taken instead of {fps:g} frames/s")
    )
    return stated


def _place(movement: _Movement, numbers: tuple[int, ...], findings: list[Finding]) -> Expression | None:
    """Return a movement in positions; None if it lies wholly outside its video, with a finding."""

    def note(column: str, read: int, done: str) -> None:
        findings.append(Finding(movement.where, movement.row, column, str(read), done))

    first, last = (numbers[0], numbers[-1]) if numbers else (1, None)
    onset, offset = movement.onset, movement.offset
    if offset < first or (last is not None and onset > last):
        note("onset", onset, f"outside the images of {movement.video}: left out")
        return None
    if onset < first:
        note("onset", onset, f"before the first image: {first} taken")
        onset = first
    if last is not None and offset > last:
        note("offset", offset, f"past the end of {movement.video}: clipped to {last}")
        offset = last
    if numbers:
        begin, end = bisect_left(numbers, onset), bisect_right(numbers, offset) - 1
        if end - begin != offset - onset:
            note("onset", onset, f"{offset - onset - end + begin} images missing up to {offset}")
        if end < begin:
            return None
    else:
        begin, end = onset - 1, offset - 1
    return Expression(begin, end, movement.kind, movement.label)
