"""Regional motion on a real face moved by known amounts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import CANONICAL_EYE_PX, FaceObservation
from megc_live.face.regions import SIGNALS
from megc_live.face.tracker import FaceTracker
from megc_live.spotting.motion import cut_patches, measure_motion
from tests.face.conftest import landmarker  # noqa: F401  (a fixture)
from tests.faces import frame, scene


@pytest.fixture(scope="module")
def face(landmarker: Landmarker) -> FaceObservation:  # noqa: F811
    return FaceTracker(landmarker).update(frame(0, scene()))[0]


def warped(crop: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    height, width = crop.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        crop,
        x - u.astype(np.float32),
        y - v.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.uint8)


def bump(crop: np.ndarray, centre: np.ndarray, sigma: float = 12.0) -> np.ndarray:
    height, width = crop.shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))


def test_a_lifted_mouth_corner_is_seen_where_it_is(face: FaceObservation) -> None:
    corner = SIGNALS.index("mouth_l")
    at = face.canonical[291]
    after = warped(face.crop, np.zeros(face.crop.shape), -2.0 * bump(face.crop, at))
    motion = measure_motion(face.crop, after, face.canonical, face.depth, 0.1)
    speed = np.hypot(*motion.regions.T)
    assert speed.argmax() in (corner, SIGNALS.index("cheek_l"), SIGNALS.index("chin_l"))
    # two pixels at the centre, averaged over a patch of 15: about 1.8 px upwards
    assert motion.regions[corner, 1] == pytest.approx(-1.7 * 100 / CANONICAL_EYE_PX, rel=0.35)
    assert speed[SIGNALS.index("brow_r_mid")] < 0.4


def test_head_motion_is_fitted_out(face: FaceObservation) -> None:
    height, width = face.crop.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 1.0, 1.01)
    matrix[:, 2] += (1.5, -1.0)
    after = np.asarray(
        cv2.warpAffine(
            face.crop, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    )
    motion = measure_motion(face.crop, after, face.canonical, face.depth, 0.1)
    assert motion.head_speed > 1.5
    assert np.median(np.hypot(*motion.regions.T)) < 0.35 * motion.head_speed
    assert motion.kept > 0.6


def test_motion_is_per_tenth_of_a_second(face: FaceObservation) -> None:
    after = warped(face.crop, np.zeros(face.crop.shape), -2.0 * bump(face.crop, face.canonical[291]))
    slow, fast = (
        measure_motion(face.crop, after, face.canonical, face.depth, seconds) for seconds in (0.1, 0.05)
    )
    np.testing.assert_allclose(fast.regions, 2 * slow.regions, atol=0.6)


def test_patches_stay_inside(face: FaceObservation) -> None:
    centres = np.array([[-50.0, -50.0], [80.0, 90.0], [900.0, 900.0]])
    patches = cut_patches(face.crop, centres)
    assert patches.shape == (3, 225)
    assert (patches[1].reshape(15, 15) == face.crop[83:98, 73:88]).all()
    assert (patches[2].reshape(15, 15) == face.crop[-15:, -15:]).all()
