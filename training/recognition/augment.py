"""Pictures as network input: cut, turned, mirrored and coloured at random for a fit, plain otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of R, G, B that torchvision's weights were fitted with."""
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How pictures of a fit vary.

    Attributes
    ----------
    resize : tuple of int
        Rows and columns that a picture is brought to first.
    crop : int
        Rows and columns that are cut out of it: the network's input.
    degrees : float
        Largest turn to either side.
    mirror : bool
        Every other picture is mirrored.
    jitter : float
        Brightness, contrast and saturation are each multiplied by 1 - jitter .. 1 + jitter.
    normal : tuple
        Mean and standard deviation that R, G, B in 0 .. 1 are brought to zero and one by.
    anywhere : bool
        Cut at a random place; otherwise the middle.
    """

    resize: tuple[int, int]
    crop: int
    degrees: float
    mirror: bool
    jitter: float
    normal: tuple[tuple[float, float, float], tuple[float, float, float]]
    anywhere: bool = True

    def random(self, picture: U8, rng: np.random.Generator) -> F32:
        """Vary a picture, (rows, columns, 3) R G B; return input, (3, crop, crop)."""
        place = [int(rng.integers(side - self.crop + 1)) for side in self.resize]
        matrix = self._cut(
            picture,
            place if self.anywhere else self._middle(),
            degrees=float(rng.uniform(-self.degrees, self.degrees)),
            mirror=self.mirror and bool(rng.random() < 0.5),
        )
        brightness, contrast, saturation = rng.uniform(1 - self.jitter, 1 + self.jitter, 3)
        x = self._warped(picture, matrix) * np.float32(brightness)
        middle = np.float32((x @ _LUMA).mean())
        x = (x - middle) * np.float32(contrast) + middle
        grey = (x @ _LUMA)[..., None]
        return self._normal(grey + (x - grey) * np.float32(saturation))

    def plain(self, picture: U8) -> F32:
        """Cut the middle of a picture, (rows, columns, 3) R G B; return input, (3, crop, crop)."""
        matrix = self._cut(picture, self._middle(), degrees=0.0, mirror=False)
        return self._normal(self._warped(picture, matrix))

    def batch(self, pictures: U8, rng: np.random.Generator | None) -> Tensor:
        """Return (n, rows, columns, 3) as input, (n, 3, crop, crop): varied, or plain without ``rng``."""
        return torch.from_numpy(
            np.stack([self.plain(one) if rng is None else self.random(one, rng) for one in pictures])
        )

    def _middle(self) -> list[int]:
        return [(side - self.crop) // 2 for side in self.resize]

    def _cut(self, picture: U8, place: list[int], *, degrees: float, mirror: bool) -> F64:
        """Affine map from the pixels of the input to those of the picture: all in one interpolation."""
        rows, columns = self.resize
        top, left = place
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        middle = np.array([[1, 0, columns / 2], [0, 1, rows / 2], [0, 0, 1]])
        flip = np.array([[-1, 0, columns], [0, 1, 0], [0, 0, 1]]) if mirror else np.eye(3)
        # Corners, not centres, of pixels have whole numbers while scaling.
        enter = np.array([[1, 0, left + 0.5], [0, 1, top + 0.5], [0, 0, 1]])
        scale = np.diag([picture.shape[1] / columns, picture.shape[0] / rows, 1.0])
        leave = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        whole = leave @ scale @ flip @ middle @ turn @ np.linalg.inv(middle) @ enter
        return np.asarray(whole[:2], dtype=np.float64)

    def _warped(self, picture: U8, matrix: F64) -> F32:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.crop, self.crop)
        warped = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(warped, dtype=np.float32)

    def _normal(self, x: F32) -> F32:
        mean, deviation = (np.array(of, dtype=np.float32) for of in self.normal)
        scaled = (np.clip(x, 0, 255) / np.float32(255) - mean) / deviation
        return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)
