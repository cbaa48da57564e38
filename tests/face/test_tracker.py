"""Following the real photograph of a face with the real landmarker."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from megc_live.face import geometry
from megc_live.face.finder import FaceFinder
from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import CANONICAL_EYES
from megc_live.face.quality import assess
from megc_live.face.tracker import FaceTracker
from megc_live.settings import FaceSettings
from megc_live.video.frame import Frame, PixelImage
from tests.faces import as_i420, frame, portrait, scene


@pytest.fixture
def tracker(landmarker: Landmarker) -> FaceTracker:
    return FaceTracker(landmarker)


def test_a_moving_face_is_followed_and_its_crop_stands_still(tracker: FaceTracker) -> None:
    crops, keyframes, ids = [], 0, set()
    for i in range(40):
        shift = (40 * np.sin(i / 8), 15 * np.cos(i / 6))
        (face,) = tracker.update(frame(i, scene(shift=shift, angle=4 * np.sin(i / 10))))
        crops.append(face.crop.astype(int))
        keyframes += face.keyframe
        ids.add(face.face_id)
    assert ids == {0}
    assert keyframes <= 10  # about three a second, not every frame
    middle = np.s_[40:170, 30:130]
    step = [np.abs(b[middle] - a[middle]).mean() for a, b in pairwise(crops)]
    assert max(step) < 3.0  # unaligned, these crops differ by more than 20 grey levels


def test_eyes_are_where_the_crop_wants_them(tracker: FaceTracker) -> None:
    (face,) = tracker.update(frame(0, scene()))
    np.testing.assert_allclose(geometry.eye_centres(face.canonical), CANONICAL_EYES, atol=1.0)
    assert face.quality.eye_px == pytest.approx(geometry.eye_distance(face.landmarks), rel=0.02)


def test_layouts_agree(landmarker: Landmarker) -> None:
    rgb = scene()
    (a,) = FaceTracker(landmarker).update(frame(0, rgb))
    (b,) = FaceTracker(landmarker).update(Frame(0, 0.0, as_i420(rgb), 0.0))
    assert np.abs(a.landmarks[:, :2] - b.landmarks[:, :2]).mean() < 1.0


def test_no_face_no_observation(tracker: FaceTracker) -> None:
    blank = np.full((240, 320, 3), 127, np.uint8)
    assert all(tracker.update(frame(i, blank)) == [] for i in range(15))
    assert tracker.faces_seen == 0


def test_a_face_that_leaves_for_long_is_another_face_when_it_returns(tracker: FaceTracker) -> None:
    blank = np.full((480, 640, 3), 90, np.uint8)
    seen = []
    for i in range(90):
        picture = blank if 20 <= i < 65 else scene()
        seen.append([face.face_id for face in tracker.update(frame(i, picture))])
    assert seen[10] == [0]
    assert seen[40] == []
    assert seen[-1] == [1]


def test_a_face_hidden_for_a_moment_stays_the_same_face(tracker: FaceTracker) -> None:
    blank = np.full((480, 640, 3), 90, np.uint8)
    for i in range(60):
        tracker.update(frame(i, blank if 20 <= i < 28 else scene()))
    assert tracker.faces_seen == 1


def test_all_faces_are_followed_on_request(landmarker: Landmarker) -> None:
    tracker = FaceTracker(landmarker, FaceSettings(faces="all"))
    for i in range(10):
        faces = tracker.update(frame(i, scene(width=900, side=320, faces=2, shift=(i, 0))))
    assert [face.face_id for face in faces] == [0, 1]
    centres = sorted(face.landmarks[:, 0].mean() for face in faces)
    assert centres[1] - centres[0] > 200


def test_the_largest_face_is_taken(landmarker: Landmarker) -> None:
    picture = scene(width=900, side=240, faces=2)
    picture[:, 420:] = 90
    picture[60:420, 500:860] = portrait(360)
    (face,) = FaceTracker(landmarker).update(frame(0, picture))
    assert face.landmarks[:, 0].mean() > 500


def test_a_small_face_in_a_large_frame_is_found(landmarker: Landmarker) -> None:
    picture = np.full((720, 1280, 3), 90, np.uint8)
    picture[500:620, 1000:1120] = cv2.resize(portrait(256), (120, 120), interpolation=cv2.INTER_AREA)
    (face,) = FaceTracker(landmarker).update(frame(0, picture))
    assert 1000 < face.landmarks[:, 0].mean() < 1120
    assert "small" in face.quality.warnings


def test_a_window_of_packed_planes_is_the_picture(landmarker: Landmarker) -> None:
    rgb = scene(shift=(33, -17))
    finder = FaceFinder(landmarker)
    (face,) = finder.search(as_i420(rgb), tiles=False)
    again = finder.follow(as_i420(rgb), face + np.array([3.0, 2.0, 0.0]))
    assert again is not None
    assert np.abs(again[:, :2] - face[:, :2]).mean() < 1.5


def test_quality_warnings(tracker: FaceTracker) -> None:
    (face,) = tracker.update(frame(0, scene()))
    assert face.quality.warnings == ()
    dark = (face.crop * 0.15).astype(np.uint8)
    assert "dark" in assess(dark, 80, (0, 0, 0)).warnings
    blurred = np.asarray(cv2.GaussianBlur(face.crop, (0, 0), 6), np.uint8)
    assert "blurred" in assess(blurred, 80, (0, 0, 0)).warnings
    assert assess(face.crop, 30, (0, 40, 0)).warnings == ("small", "turned")


def test_head_angles_of_a_tilted_picture(landmarker: Landmarker) -> None:
    finder = FaceFinder(landmarker)
    upright, tilted = (
        geometry.head_angles(finder.search(PixelImage(scene(angle=a), "rgb"), False)[0]) for a in (0.0, 15.0)
    )
    assert upright[2] - tilted[2] == pytest.approx(15, abs=2)  # OpenCV turns against the clock
    assert abs(upright[1]) < 25 and abs(upright[0]) < 25
