"""Folders of numbered images, as laboratories store high-speed recordings."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path

import cv2
import numpy as np

from megc_live.errors import SourceError
from megc_live.video.base import SOURCES, Source, SourceInfo, safe_name
from megc_live.video.frame import U8, Frame, PixelImage

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
RATE_FILES = ("fps.txt", "fps.json")
MIN_PRESENT = 0.1
"""A series with a smaller share of its numbers present is not taken for one recording."""


@SOURCES.register("folder", summary="a folder of numbered images", live=False, seekable=True, needs_fps=True)
class FolderSource(Source):
    """Images with a number in their names, in the order of the last number of each name.

    Frame k is the image whose number is the first number + k; its time is k / fps. A missing
    number is a gap in the index and in time, counted in ``dropped``; so is an image that cannot
    be read (also in ``decode_errors``) or has another size than the first. Where all numbers are
    the same step apart (1, 8, 15 ...), the step counts as one.

    Parameters
    ----------
    path : str or Path
        The folder; subfolders and names that start with a dot are not looked at.
    fps : float, optional
        Frames per second. Needed unless the folder says it in ``fps.txt`` (a number) or
        ``fps.json`` (``{"fps": 200}``).

    Raises
    ------
    SourceError
        No such folder, no numbered images, several series in it, none readable, no rate known.
    """

    def __init__(self, path: str | Path, *, fps: float | None = None) -> None:
        self._path = Path(path)
        self._files = numbered_images(self._path)
        rate = _rate(self._path, fps)
        self._order = sorted(self._files)
        self._at = 0
        self._expected = 0
        self._closed = False
        first = self._first_readable()
        self.name = safe_name(self._path.resolve().name)
        self.info = SourceInfo(
            str(path),
            "folder",
            first.width,
            first.height,
            rate,
            len(self._order),
            (self._order[-1] + 1) / rate,
            False,
            self._files[self._order[0]].suffix[1:].lower(),
        )
        self._layout = first.layout

    def _first_readable(self) -> PixelImage:
        for index in self._order:
            image = read_image(self._files[index])
            if image is not None:
                return image
        raise SourceError(
            f"none of the {len(self._order)} images in {str(self._path)!r} can be read.",
            "Check that they open in an image viewer.",
        )

    @property
    def last_index(self) -> int:
        """Index of the last image."""
        return self._order[-1]

    def read(self) -> Frame | None:
        """Return the next image, or None after the last one."""
        while not self._closed and self._at < len(self._order):
            index = self._order[self._at]
            self._at += 1
            image = self._image(index)
            if image is not None:
                self.dropped += index - self._expected
                self._expected = index + 1
                return Frame(index, index / self.info.fps, image, time.perf_counter())
        return None

    def _image(self, index: int) -> PixelImage | None:
        image = read_image(self._files[index], grey=self._layout == "grey")
        if image is None:
            self.decode_errors += 1
            return None
        if (image.width, image.height) != (self.info.width, self.info.height):
            return None
        if image.layout != self._layout:
            return PixelImage(image.rgb(), "rgb")
        return image

    def frame_at(self, index: int) -> Frame:
        """Return the image of one frame index; raises :class:`SourceError` if it is missing or unreadable."""
        path = self._files.get(index)
        if path is None:
            raise SourceError(
                f"{str(self._path)!r} has no image for frame {index}; it has frames 0 to {self.last_index}.",
                "Choose a frame that is there.",
            )
        image = self._image(index)
        if image is None:
            raise SourceError(
                f"image {str(path)!r} cannot be read or has another size than the others.", "Replace it."
            )
        return Frame(index, index / self.info.fps, image, time.perf_counter())

    def close(self) -> None:
        """End reading."""
        self._closed = True


def numbered_images(folder: Path) -> dict[int, Path]:
    """Return the images of a folder by frame index (number - first number, in steps).

    Raises
    ------
    SourceError
        No folder, no permission, no numbered images, or numbers that occur twice or hardly at all.
    """
    images = [p for p in _listing(folder) if p.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        raise SourceError(
            f"the folder {str(folder)!r} holds no images ({', '.join(s[1:] for s in IMAGE_SUFFIXES)}).",
            "Name a folder of numbered images, or a video file.",
        )
    by_number: dict[int, Path] = {}
    for path in images:
        digits = re.findall(r"[0-9]+", path.stem)
        if not digits:
            continue
        other = by_number.setdefault(int(digits[-1]), path)
        if other != path:
            raise SourceError(
                f"{str(folder)!r} has two images with the number {int(digits[-1])}: "
                f"{other.name!r} and {path.name!r}.",
                "Keep one recording in a folder.",
            )
    if not by_number:
        raise SourceError(
            f"the {len(images)} images in {str(folder)!r} have no numbers in their names.",
            "Number them in the order of recording, for example img0001.png.",
        )
    return _to_indices(folder, by_number)


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file())
    except FileNotFoundError:
        raise SourceError(f"there is no folder {str(folder)!r}.", "Check the path.") from None
    except NotADirectoryError:
        raise SourceError(f"{str(folder)!r} is a file, not a folder.", "Name a folder.") from None
    except PermissionError:
        raise SourceError(
            f"no permission to list the folder {str(folder)!r}.", "Change its permissions or ask its owner."
        ) from None


def _to_indices(folder: Path, by_number: dict[int, Path]) -> dict[int, Path]:
    numbers = sorted(by_number)
    step = math.gcd(*(n - numbers[0] for n in numbers)) or 1
    indices = {(n - numbers[0]) // step: by_number[n] for n in numbers}
    if len(indices) < MIN_PRESENT * (max(indices) + 1):
        raise SourceError(
            f"the {len(numbers)} images in {str(folder)!r} are numbered {numbers[0]} to {numbers[-1]}: "
            "most of the series is missing.",
            "If they are one recording, number them 1, 2, 3 ...",
        )
    return indices


def stated_rate(folder: Path) -> float | None:
    """Return the rate that a folder's ``fps.txt`` or ``fps.json`` says, frames per second; None without one.

    Raises
    ------
    SourceError
        The file says no rate.
    """
    for name in RATE_FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
            value = json.loads(text)["fps"] if path.suffix == ".json" else text.split()[0]
            return _checked(float(value), str(path))
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            raise SourceError(
                f"{str(path)!r} does not say a frame rate.",
                'Write the number into fps.txt, or {"fps": 200} into fps.json.',
            ) from None
    return None


def _rate(folder: Path, asked: float | None) -> float:
    if asked is not None:
        return _checked(asked, "--fps")
    stated = stated_rate(folder)
    if stated is not None:
        return stated
    raise SourceError(
        f"the frame rate of the images in {str(folder)!r} is not known.",
        "Give it with --fps, or write the number into fps.txt beside the images.",
    )


def _checked(fps: float, where: str) -> float:
    if not (math.isfinite(fps) and fps > 0):
        raise SourceError(f"{where}: {fps} is not a frame rate.", "Give frames per second, above 0.")
    return float(fps)


def read_image(path: Path, *, grey: bool = False) -> PixelImage | None:
    """Read one image as 8-bit grey or RGB, turned as its EXIF says; None if it cannot be read."""
    try:
        raw = np.fromfile(path, np.uint8)  # cv2.imread cannot open every Unicode path on Windows
    except OSError:
        return None
    if raw.size == 0:
        return None
    try:
        pixels = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_ANYCOLOR)
    except cv2.error:
        return None
    if pixels is None:
        return None
    data: U8 = np.asarray(pixels, np.uint8)
    if data.ndim == 2:
        return PixelImage(data, "grey")
    return PixelImage(np.asarray(cv2.cvtColor(data, cv2.COLOR_BGR2RGB), np.uint8), "rgb")
