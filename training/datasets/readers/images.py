"""Folders of numbered images, and the annotation file beside them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from megc_live.errors import DatasetError
from training.datasets.base import ClipRecord, Finding

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}


def annotation_file(
    name: str, root: Path | None, annotations: Path | None, patterns: tuple[str, ...]
) -> Path:
    """Return the file of annotations: the one given, or the only one in ``root`` with such a name.

    Raises
    ------
    DatasetError
        It does not exist, or there are several.
    """
    if annotations is not None:
        if not annotations.is_file():
            raise DatasetError(f"there is no file {str(annotations)!r}.", f"Give the annotations of {name}.")
        return annotations
    if root is None:
        raise DatasetError(f"nothing to read of {name}.", "Give --root PATH, --annotations FILE or both.")
    check_folder(root)
    found = sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    if len(found) == 1:
        return found[0]
    got = f"several: {', '.join(path.name for path in found)}" if found else "none"
    raise DatasetError(
        f"expected one file {' or '.join(patterns)} in {str(root)!r}, found {got}.",
        "Give --annotations FILE.",
    )


def check_folder(root: Path) -> None:
    """Raise DatasetError unless ``root`` is a folder."""
    if not root.is_dir():
        raise DatasetError(f"there is no folder {str(root)!r}.", "Give the folder of the release.")


def folders(root: Path, pattern: str, depth: int) -> list[Path]:
    """Return the folders whose names match, down to ``depth`` levels, not looking inside them.

    Parameters
    ----------
    root : Path
    pattern : str
        Regular expression of a whole name, case ignored.
    depth : int
        1: folders in ``root`` itself.
    """
    found = []
    for path in sorted(path for path in root.iterdir() if path.is_dir()):
        if re.fullmatch(pattern, path.name, re.IGNORECASE):
            found.append(path)
        elif depth > 1:
            found += folders(path, pattern, depth - 1)
    return found


def numbered(folder: Path) -> tuple[tuple[Path, ...], tuple[int, ...]]:
    """Return a folder's images in the order of their numbers, and the numbers.

    The number is the last run of digits of the name.

    Raises
    ------
    DatasetError
        Two images have the same number.
    """
    images: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        digits = re.findall(r"\d+", path.stem)
        if path.suffix.lower() not in _SUFFIXES or not digits:
            continue
        other = images.setdefault(int(digits[-1]), path)
        if other is not path:
            raise DatasetError(
                f"{other.name!r} and {path.name!r} in {str(folder)!r} have the same frame number.",
                "Keep one of them.",
            )
    order = sorted(images)
    return tuple(images[number] for number in order), tuple(order)


def add_frames(
    clips: list[ClipRecord], root: Path, find: Callable[[ClipRecord], Path | None]
) -> tuple[list[ClipRecord], list[Finding]]:
    """Give each clip its images from onset to offset.

    Parameters
    ----------
    clips : list of ClipRecord
    root : Path
        Named where nothing is found.
    find : callable
        The folder of a clip, or None.

    Raises
    ------
    DatasetError
        There are no images of any clip.
    """
    out, findings = [], []
    for clip in clips:
        folder = find(clip)
        where = f"{clip.dataset} {clip.subject} {clip.clip}"
        paths, numbers = numbered(folder) if folder is not None else ((), ())
        first, end = bisect_left(numbers, clip.onset), bisect_right(numbers, clip.offset)
        if first >= end:
            got = "no folder" if folder is None else f"no image from {clip.onset} to {clip.offset}"
            findings.append(Finding(where, None, "images", got, "kept without images"))
        else:
            gone = [n for n in range(clip.onset, clip.offset + 1) if n not in set(numbers[first:end])]
            if gone:
                got = f"{len(gone)} of {clip.offset - clip.onset + 1} missing, first {gone[0]}"
                findings.append(Finding(where, None, "images", got, "the others taken"))
        out.append(replace(clip, frames=paths[first:end], numbers=numbers[first:end]))
    if clips and not any(clip.frames for clip in out):
        raise DatasetError(
            f"no image of any clip of {clips[0].dataset} in {str(root)!r}.", "Give the folder of the release."
        )
    return out, findings
