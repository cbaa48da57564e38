"""Full detections: over the whole frame to find faces, in a window to follow one.

The landmarker's detector shrinks its input to 128 pixels, so a face that fills little of the frame is
not seen. Where the whole frame shows none, overlapping tiles are searched; a face that is being
followed is looked for in a window around it, which makes small faces as easy as large ones.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.geometry import eye_distance
from megc_live.video.frame import PixelImage

WINDOW_EYES = 5.0
"""Side of the window around a followed face, in eye distances."""
MAX_TILES = 24
MIN_TILED_SIDE = 64
"""Frames with a shorter side than this are not searched in tiles, pixels."""
TILE_SHARE = 0.55
"""Side of a search tile as a share of the frame's shorter side."""


class Detector(Protocol):
    """Anything that finds 478-point faces in a picture (:class:`megc_live.face.landmarks.Landmarker`)."""

    def detect(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return faces as (478, 3) points in pixels of ``rgb``."""
        ...


class FaceFinder:
    """Finds faces in frames with a landmarker.

    Parameters
    ----------
    detector : Detector
    detect_side : int
        Pictures given to the landmarker are shrunk to this longest side, in pixels.
    """

    def __init__(self, detector: Detector, detect_side: int = 640) -> None:
        self._detector = detector
        self._side = detect_side

    def search(self, image: PixelImage, tiles: bool) -> list[NDArray[np.float64]]:
        """Return every face of the whole frame in source pixels, largest first.

        Parameters
        ----------
        image : PixelImage
        tiles : bool
            Search enlarged tiles too if the whole frame shows no face: at most ``MAX_TILES`` of them.
        """
        full = image.rgb()
        found = self._detect(full, 0, 0)
        height, width = full.shape[:2]
        if not found and tiles and min(height, width) >= MIN_TILED_SIDE:
            side = max(1, int(min(height, width) * TILE_SHARE))
            corners = [(x, y) for y in _spread(height, side) for x in _spread(width, side)]
            for x, y in corners[:MAX_TILES]:
                found += self._detect(full[y : y + side, x : x + side], x, y)
        return _distinct(sorted(found, key=eye_distance, reverse=True))

    def follow(self, image: PixelImage, landmarks: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the face nearest to ``landmarks`` in a window around them, or None.

        Parameters
        ----------
        image : PixelImage
        landmarks : ndarray, shape (478, 3)
            Where the face is expected, in source pixels.
        """
        centre = (landmarks[:, :2].min(0) + landmarks[:, :2].max(0)) / 2
        eye = max(eye_distance(landmarks), float(np.ptp(landmarks[:, 1])) / 2.4)
        half = max(16, round(WINDOW_EYES * eye / 2))
        x0, y0 = (int(max(0, v - half)) for v in centre)
        x1, y1 = int(min(image.width, centre[0] + half)), int(min(image.height, centre[1] + half))
        if x1 - x0 < 8 or y1 - y0 < 8:
            return None
        found = self._detect(_rgb_window(image, x0, y0, x1, y1), x0, y0)
        if not found:
            return None
        reach = [float(np.hypot(*(f[:, :2].mean(0) - landmarks[:, :2].mean(0)))) for f in found]
        best = int(np.argmin(reach))
        return found[best] if reach[best] < 1.2 * eye else None

    def _detect(self, rgb: NDArray[np.uint8], x0: int, y0: int) -> list[NDArray[np.float64]]:
        longest = max(rgb.shape[:2])
        scale = min(1.0, self._side / longest)
        if longest < 192:  # enlarge tiny windows: the mesh is fitted to 192 or 256 pixels
            scale = 192 / longest
        if scale != 1.0:
            size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8)
        offset = np.array([x0, y0, 0.0])
        return [face.astype(np.float64) / scale + offset for face in self._detector.detect(rgb)]


def _rgb_window(image: PixelImage, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.uint8]:
    """Colour pixels of a window; in 4:2:0 video only the window's pixels are converted."""
    if image.layout != "i420":
        part = image.data[y0:y1, x0:x1]
        return part if image.layout == "rgb" else np.asarray(cv2.cvtColor(part, cv2.COLOR_GRAY2RGB), np.uint8)
    # Chroma is at half size: take an even window of all three planes, then cut the odd rim.
    height, width = image.height, image.width
    ex0, ey0 = x0 & ~1, y0 & ~1
    ex1, ey1 = min(width, (x1 + 1) & ~1), min(height, (y1 + 1) & ~1)
    chroma = image.data[height:].reshape(2, height // 2, width // 2)
    planes = np.concatenate(
        [
            image.data[ey0:ey1, ex0:ex1].ravel(),
            chroma[:, ey0 // 2 : ey1 // 2, ex0 // 2 : ex1 // 2].ravel(),
        ]
    ).reshape((ey1 - ey0) * 3 // 2, ex1 - ex0)
    rgb = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
    return np.asarray(rgb[y0 - ey0 : y1 - ey0, x0 - ex0 : x1 - ex0], dtype=np.uint8)


def _spread(length: int, side: int) -> list[int]:
    """Starts of overlapping tiles that cover ``length``."""
    count = max(1, int(np.ceil((length - side) / (side * 0.5))) + 1)
    return [round(i * (length - side) / max(1, count - 1)) for i in range(count)]


def _distinct(faces: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    kept: list[NDArray[np.float64]] = []
    for face in faces:
        centre = face[:, :2].mean(0)
        if all(np.hypot(*(centre - other[:, :2].mean(0))) > 0.8 * eye_distance(other) for other in kept):
            kept.append(face)
    return kept
