from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from megc_live.errors import ModelError, SettingsError
from megc_live.events import LABELS
from megc_live.face.geometry import apply, eye_centres
from megc_live.models import ModelStore, shipped_folder
from megc_live.recognition.classifier import RECOGNIZERS, make_recognizer
from megc_live.recognition.crop import CROP_SIZE, crop_transform, cut, face_crop, face_pair
from megc_live.recognition.flow import dense_flow, flow_image, prepare
from megc_live.recognition.pipeline import IntervalRecognizer
from megc_live.settings import ModelSettings
from megc_live.synthesis.demo import portrait
from megc_live.synthesis.units import draw_unit, peak_of


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """Grey portrait and its mesh points."""
    rgb, landmarks = portrait()
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), landmarks


def displaced(grey: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]].astype(np.float32)
    at = (np.stack([x, y], -1) - displacement).astype(np.float32)
    return cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def smile(grey: np.ndarray, landmarks: np.ndarray, amplitude: float = 0.05) -> np.ndarray:
    field = draw_unit(np.random.default_rng(3), "AU12", "B")
    size = amplitude / peak_of((field,), landmarks)[0]
    y, x = np.mgrid[0 : grey.shape[0] : 4, 0 : grey.shape[1] : 4].astype(np.float32)
    coarse = size * field.displacement(landmarks, np.stack([x, y], -1) + 1.5)
    return cv2.resize(coarse, grey.shape[::-1])


def images(n: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", list(RECOGNIZERS))
class TestEveryRecognizer:
    def test_probabilities_are_a_distribution_with_the_label_on_top(self, name: str) -> None:
        recognizer = make_recognizer(name, ModelStore())
        for image in images():
            answer = recognizer.classify(image)
            assert answer.label in LABELS and len(answer.probabilities) == len(LABELS)
            assert sum(answer.probabilities) == pytest.approx(1, abs=1e-6)
            assert all(0 <= p <= 1 for p in answer.probabilities)
            assert LABELS[int(np.argmax(answer.probabilities))] == answer.label
            assert np.array_equal(answer.flow_image, image)

    def test_the_same_image_gives_the_same_answer_and_another_another(self, name: str) -> None:
        one, two = (make_recognizer(name, ModelStore()) for _ in range(2))
        first, second = images(2)
        assert one.classify(first).probabilities == one.classify(first).probabilities
        assert one.classify(first).probabilities == two.classify(first).probabilities
        assert one.classify(first).probabilities != one.classify(second).probabilities

    def test_the_image_is_not_changed_and_not_shared(self, name: str) -> None:
        image = images(1)[0]
        before = image.copy()
        answer = make_recognizer(name, ModelStore()).classify(image)
        assert np.array_equal(image, before)
        image[:] = 0
        assert np.array_equal(answer.flow_image, before)

    def test_an_image_without_movement_gets_an_answer(self, name: str) -> None:
        answer = make_recognizer(name, ModelStore()).classify(np.zeros((28, 28, 3), np.uint8))
        assert np.isfinite(answer.probabilities).all()

    @pytest.mark.parametrize("shape", [(28, 28), (3, 28, 28), (27, 28, 3), (0, 0, 3)])
    def test_other_shapes_are_refused(self, name: str, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="flow image"):
            make_recognizer(name, ModelStore()).classify(np.zeros(shape, np.uint8))

    def test_its_labels_are_those_of_the_card(self, name: str) -> None:
        assert tuple(ModelStore().get(name).card["classes"]) == RECOGNIZERS[name].capabilities["labels"]


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(SettingsError, match="ststnet"):
        make_recognizer("nobody", ModelStore())


def test_a_model_that_is_altered_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    for suffix in ("onnx", "json"):
        shutil.copy(shipped_folder() / f"ststnet.{suffix}", tmp_path)
    with (tmp_path / "ststnet.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        make_recognizer("ststnet", ModelStore(ModelSettings(directory=tmp_path)))


def test_a_batch_is_classified_like_its_images_one_by_one() -> None:
    session = ModelStore().session("ststnet")
    batch = np.stack([prepare(image) for image in images(5)])
    together = session.run(["probabilities"], {"flow": batch})[0]
    alone = [session.run(["probabilities"], {"flow": one[None]})[0][0] for one in batch]
    assert np.allclose(together, alone, atol=1e-6)


def test_crops_are_upright_faces_of_one_size(face: tuple[np.ndarray, np.ndarray]) -> None:
    grey, landmarks = face
    crop = face_crop(grey, landmarks)
    assert crop.shape == CROP_SIZE[::-1] and crop.dtype == np.uint8
    assert face_crop(np.stack([grey] * 3, -1), landmarks).shape == (*CROP_SIZE[::-1], 3)
    assert face_crop(grey, landmarks, (70, 85)).shape == (85, 70)
    turn = cv2.getRotationMatrix2D((256, 256), 20, 0.8)
    turned = cv2.warpAffine(grey, turn, (512, 512), flags=cv2.INTER_AREA)
    again = face_crop(turned, apply(turn, landmarks[:, :2].astype(float)))
    middle = (slice(30, 140), slice(25, 115))
    assert np.corrcoef(crop[middle].ravel(), again[middle].ravel())[0, 1] > 0.98
    inverse = cv2.invertAffineTransform(crop_transform(landmarks))
    eyes = apply(inverse, eye_centres(landmarks))
    assert abs(eyes[0, 1] - eyes[1, 1]) < 2 and 45 < eyes[1, 0] - eyes[0, 0] < 70


def test_bad_landmarks_are_refused(face: tuple[np.ndarray, np.ndarray]) -> None:
    grey, landmarks = face
    with pytest.raises(ValueError, match=r"478"):
        face_crop(grey, landmarks[:68])
    with pytest.raises(ValueError, match="not finite"):
        face_crop(grey, np.full_like(landmarks, np.nan))


@pytest.mark.parametrize(("shift", "angle"), [((0.0, 0.0), 0.0), ((3.0, -2.0), 1.0), ((25.0, 14.0), -6.0)])
def test_a_moving_head_leaves_the_flow_of_the_expression(
    face: tuple[np.ndarray, np.ndarray], shift: tuple[float, float], angle: float
) -> None:
    grey, landmarks = face
    smiling = displaced(grey, smile(grey, landmarks))
    head = cv2.getRotationMatrix2D(tuple(map(float, landmarks[:, :2].mean(0))), angle, 1.0)
    head[:, 2] += shift
    away = cv2.warpAffine(smiling, head, (512, 512), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    # Landmarks that are off by a third of a pixel, as detected ones are.
    seen = apply(head, landmarks[:, :2].astype(float)) + np.random.default_rng(0).normal(0, 0.3, (478, 2))
    onset, apex = face_pair(grey, landmarks, away, seen)
    still = cut(smiling, crop_transform(landmarks))
    got, wanted = prepare(flow_image(onset, apex)), prepare(flow_image(onset, still))
    for a, b in zip(got, wanted, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.75
    upper = dense_flow(onset, apex)[15:45, 30:110]  # nothing moves on the forehead
    assert np.abs(np.median(upper, axis=(0, 1))).max() < 0.4


def test_from_two_frames_to_a_class(face: tuple[np.ndarray, np.ndarray]) -> None:
    grey, landmarks = face
    apex = displaced(grey, smile(grey, landmarks))
    before = grey.copy(), landmarks.copy()
    recognizer = IntervalRecognizer(make_recognizer("ststnet", ModelStore()))
    first, second = (recognizer.recognise(grey, landmarks, apex, landmarks) for _ in range(2))
    assert first.probabilities == second.probabilities and first.label in LABELS
    assert first.flow_image.shape == (28, 28, 3) and first.flow_image.any()
    assert np.array_equal(grey, before[0]) and np.array_equal(landmarks, before[1])
