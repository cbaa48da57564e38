"""From a clip's images to aligned face crops: one similarity for all frames, kept as npz."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.errors import DatasetError
from megc_live.face.finder import FaceFinder
from megc_live.face.geometry import apply, compose, invert, scale_of
from megc_live.face.landmarks import Landmarker
from megc_live.models import LANDMARKER_SHA256, ModelStore
from megc_live.output.files import write_whole
from megc_live.recognition.crop import CROP_SIZE, crop_transform, cut
from megc_live.video.folder import read_image
from megc_live.video.frame import PixelImage
from training.datasets.base import ClipRecord, Finding
from training.recognition.apex import cells_apex

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

SIDE = 224
"""Rows and columns of a crop: what ResNet18 takes."""
VERSION = 1
"""Of everything in this module that changes a crop; a cache of another version is made anew."""
_MISSING = "left out"


@dataclass(frozen=True)
class Aligned:
    """What is kept of a clip.

    Attributes
    ----------
    frames : ndarray of uint8, shape (t, SIDE, SIDE, 3)
    points : ndarray of float32, shape (478, 2)
        Mesh points of the onset, pixels of the crop.
    transform : ndarray of float64, shape (2, 3)
        From crop to picture, the same for all frames.
    """

    frames: U8
    points: F32
    transform: F64


def square_transform(landmarks: NDArray[np.floating]) -> F64:
    """Similarity from the square crop to the picture, shape (2, 3).

    The square is as high as STSTNet's crop (:func:`megc_live.recognition.crop.crop_transform`), of the
    same place and turn, and wider by the same on both sides.

    Parameters
    ----------
    landmarks : ndarray, shape (478, >= 2)
        Pixels of the picture.
    """
    columns, rows = CROP_SIZE
    shrink = rows / SIDE
    square = np.array([[shrink, 0.0, (columns - rows) / 2], [0.0, shrink, 0.0]])
    return compose(crop_transform(landmarks), square)


def align(pictures: Iterable[PixelImage], landmarks: NDArray[np.floating]) -> Aligned:
    """Cut every picture of a clip by the transform of the onset's landmarks.

    Frames that were aligned one by one would show the jitter of their landmarks as movement.

    Parameters
    ----------
    pictures : iterable of PixelImage
        Of one size.
    landmarks : ndarray, shape (478, >= 2)
        Of the onset, pixels of the picture.
    """
    transform = square_transform(landmarks)
    frames = np.stack([_cut(picture.rgb(), transform) for picture in pictures])
    points = apply(invert(transform), landmarks[:, :2].astype(np.float64))
    return Aligned(frames, points.astype(np.float32), transform)


def _cut(picture: U8, transform: F64) -> U8:
    """Cut a crop; a picture more than twice as fine is shrunk first, or its grain would alias."""
    factor = int(scale_of(transform))
    if factor < 2:
        return cut(picture, transform, (SIDE, SIDE))
    rows, columns = (n // factor for n in picture.shape[:2])
    whole = picture[: rows * factor, : columns * factor]
    small = np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # Centres of pixels: x of the small picture is (x + 0.5) / factor - 0.5.
    shift = 0.5 / factor - 0.5
    shrink = np.array([[1 / factor, 0.0, shift], [0.0, 1 / factor, shift]])
    return cut(small, compose(shrink, transform), (SIDE, SIDE))


def cache_path(record: ClipRecord, cache: Path) -> Path:
    """Return where a clip's crops are kept."""
    parts = (record.dataset, record.subject, record.clip)
    safe = ("".join(c if c.isalnum() or c in "-_#" else "_" for c in part) for part in parts)
    # Names that differ only in what was replaced stay apart.
    tail = hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]
    return cache / f"{'__'.join(safe)}__{tail}.npz"


def cache_key(record: ClipRecord) -> str:
    """Hash of all that crops depend on: annotation, the images' paths, sizes and times, code, landmarker.

    Raises
    ------
    DatasetError
        An image is not there.
    """
    try:
        files = [
            (str(path.absolute()), (at := path.stat()).st_size, at.st_mtime_ns) for path in record.frames
        ]
    except OSError as error:
        raise DatasetError(
            f"cannot read {str(error.filename)!r}: {error.strerror}.", "Restore the release's images."
        ) from None
    known = [
        VERSION, SIDE, LANDMARKER_SHA256, record.dataset, record.subject, record.clip, record.onset,
        record.apex, record.offset, record.fps, list(record.numbers), files,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def keep(records: Sequence[ClipRecord], cache: Path) -> list[Finding | None]:
    """Align clips and write their files; return for each what prevented it, or None.

    One landmarker serves them all. A file of the right key is left as it is.
    """
    out: list[Finding | None] = []
    finder: FaceFinder | None = None
    with _Lazy() as landmarker:
        for record in records:
            try:
                key = cache_key(record)
                path = cache_path(record, cache)
                if not is_kept(path, key):
                    finder = finder or FaceFinder(landmarker.get())
                    write_whole(path, _packed(record, key, *_aligned(record, finder)))
                out.append(None)
            except DatasetError as error:
                where = f"{record.dataset} {record.subject} {record.clip}"
                out.append(Finding(where, None, "images", error.got, _MISSING))
    return out


class _Lazy:
    """A landmarker that is loaded when it is first needed."""

    def __init__(self) -> None:
        self._made: Landmarker | None = None

    def get(self) -> Landmarker:
        if self._made is None:
            self._made = Landmarker(ModelStore().landmarker())
        return self._made

    def __enter__(self) -> _Lazy:
        return self

    def __exit__(self, *_: object) -> None:
        if self._made is not None:
            self._made.close()


def is_kept(path: Path, key: str) -> bool:
    """Whether a file is there, whole, and of this key."""
    try:
        return str(read_arrays(path, "key")[0]) == key
    except DatasetError:
        return False


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Read some arrays of an npz file.

    Raises
    ------
    DatasetError
        The file is not there, not whole, or has no such array.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return [file[name] for name in names]
    except Exception as error:  # a damaged file raises whatever the part that stumbles over it raises
        raise DatasetError(
            f"cannot read {str(path)!r}: {error}.",
            "Give the command again: what is missing in the cache is made anew.",
        ) from None


def _aligned(record: ClipRecord, finder: FaceFinder) -> tuple[Aligned, int]:
    """Read, find and cut; return the crops and the apex by the rule of cells, counted from the onset."""
    if not record.frames:
        raise DatasetError("no images")
    if record.numbers[0] != record.onset:
        raise DatasetError(f"no image of the onset {record.onset}, the first is {record.numbers[0]}")
    if record.apex is not None and record.apex not in record.numbers:
        raise DatasetError(f"no image of the apex {record.apex}")
    if len(record.frames) < 2:
        raise DatasetError("one image only, a movement needs two")
    onset = _read(record.frames[0])
    faces = finder.search(onset, tiles=True)
    if not faces:
        raise DatasetError(f"no face is found on the onset's image {record.frames[0].name}")
    # One picture at a time: a hundred of 2040 x 1088 would take memory in every process.
    others = (_read(path, (onset.width, onset.height)) for path in record.frames[1:])
    aligned = align(chain([onset], others), faces[0])
    return aligned, cells_apex(aligned.frames, aligned.points)


def _read(path: Path, size: tuple[int, int] | None = None) -> PixelImage:
    """Read one image, of a size (columns, rows) if it is given."""
    picture = read_image(path)
    if picture is None:
        raise DatasetError(f"the image {path.name} cannot be read")
    if size not in (None, (picture.width, picture.height)):
        raise DatasetError(f"{path.name} has another size than the onset's image")
    return picture


def _packed(record: ClipRecord, key: str, aligned: Aligned, cells: int) -> bytes:
    """Bytes of an npz file; frames without colour are kept as grey, a third of the size."""
    frames = aligned.frames
    if (frames == frames[..., :1]).all():
        frames = frames[..., :1]
    place = record.numbers.index(record.apex) if record.apex is not None else -1
    arrays: dict[str, Any] = {
        "frames": frames,
        "points": aligned.points,
        "transform": aligned.transform,
        "fps": np.float64(record.fps),
        "apex": np.int64(place),
        "apex_cells": np.int64(cells),
    }
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    stream = io.BytesIO()
    np.savez(stream, key=np.array(key), digest=np.array(digest.hexdigest()), **arrays)
    return stream.getvalue()
