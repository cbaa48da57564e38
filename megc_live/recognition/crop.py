"""Aligned faces for the flow: onset and apex in one frame of reference."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.geometry import compose, eye_centres, fit_similarity
from megc_live.face.regions import STABLE_POINTS
from megc_live.recognition.flow import dense_flow, head_motion

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

CROP_SIZE = (140, 170)
"""Columns and rows of the aligned faces (STSTNet, Table II)."""

_MOUTH = (61, 291)
_PLACES = np.array([[44.0, 60.0], [96.0, 60.0], [70.0, 122.0]])
"""Where the eyes and the middle of the mouth are in a crop of ``CROP_SIZE``: x, y."""
_REGISTRATIONS = 2


def crop_transform(landmarks: NDArray[np.floating], size: tuple[int, int] = CROP_SIZE) -> F64:
    """Similarity from crop to picture by eyes and mouth, shape (2, 3).

    Parameters
    ----------
    landmarks : ndarray, shape (478, >= 2)
        Pixels of the picture.
    size : tuple of int
        Columns and rows of the crop.

    Raises
    ------
    ValueError
        The landmarks have another shape, or are not numbers.
    """
    if landmarks.ndim != 2 or landmarks.shape[0] < 468 or landmarks.shape[1] < 2:
        raise ValueError(f"landmarks are (478, >= 2), got {landmarks.shape}")
    right, left = eye_centres(landmarks)
    found = np.stack([right, left, landmarks[list(_MOUTH), :2].mean(0)]).astype(np.float64)
    if not np.isfinite(found).all():
        raise ValueError("landmarks of eyes or mouth are not finite")
    places = _PLACES * (np.array(size) / CROP_SIZE)
    return fit_similarity(places, found)[0]


def cut(picture: U8, transform: F64, size: tuple[int, int] = CROP_SIZE) -> U8:
    """Cut the crop that a (2, 3) transform from crop to picture describes.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width) or (height, width, 3)
    transform : ndarray, shape (2, 3)
    size : tuple of int
        Columns and rows.
    """
    crop = cv2.warpAffine(
        picture,
        transform,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, dtype=np.uint8)


def face_crop(picture: U8, landmarks: NDArray[np.floating], size: tuple[int, int] = CROP_SIZE) -> U8:
    """Aligned face, shape (170, 140[, 3]), of a grey or colour picture; see :func:`crop_transform`."""
    return cut(picture, crop_transform(landmarks, size), size)


def face_pair(
    onset: U8, onset_landmarks: NDArray[np.floating], apex: U8, apex_landmarks: NDArray[np.floating]
) -> tuple[U8, U8]:
    """Grey faces at onset and apex, cut alike.

    The onset's transform is used for both, carried along by the head: first by mesh points that move
    with the skull, then by the content of the crops. Frames aligned one by one would show the jitter of
    their landmarks, and a mouth that moves would shift the whole face.

    Parameters
    ----------
    onset, apex : ndarray of uint8, shape (height, width)
    onset_landmarks, apex_landmarks : ndarray, shape (478, >= 2)

    Returns
    -------
    tuple of ndarray of uint8, shape (170, 140)
    """
    here = crop_transform(onset_landmarks)
    stable = list(STABLE_POINTS)
    head, _ = fit_similarity(
        onset_landmarks[stable, :2].astype(np.float64),
        apex_landmarks[stable, :2].astype(np.float64),
        trims=2,
    )
    there = compose(head, here)
    first = cut(onset, here)
    for _ in range(_REGISTRATIONS):
        rest = head_motion(dense_flow(first, cut(apex, there)))
        rest[0, 0] += 1
        rest[1, 1] += 1
        there = compose(there, rest)
    return first, cut(apex, there)
