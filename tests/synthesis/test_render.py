from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from megc_live.synthesis.camera import STEADY, Camera, Drift, draw_camera
from megc_live.synthesis.faceframe import FaceFrame
from megc_live.synthesis.movements import SkinMovement, realise
from megc_live.synthesis.photo import LivingPhoto, animate_photo
from megc_live.synthesis.plan import PlannedEvent, draw_plan
from megc_live.synthesis.render import render
from megc_live.synthesis.units import peak_of
from megc_live.video.frame import PixelImage

FPS = 30.0


def event(
    kind: str = "micro", units: tuple[str, ...] = ("AU12",), amplitude: float = 0.04, seed: int = 0, **more
):
    sides = more.pop("sides", ("B",) * len(units))
    times = more.pop("times", (0.2, 0.4, 0.6))
    return PlannedEvent(kind, units, sides, *times, *(round(t * FPS) for t in times), amplitude, "", seed)


def greys(
    photo: LivingPhoto, plan: Iterable[PlannedEvent], camera: Camera = STEADY, seed: int = 0
) -> np.ndarray:
    frames = photo.frames(list(plan), rng=np.random.default_rng(seed), camera=camera)
    return np.array([frame.grey for frame in frames])


def flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    return np.asarray(dis.calc(first, second, np.zeros((*first.shape, 2), np.float32)))


def apex_of(planted: PlannedEvent, photo: LivingPhoto) -> int:
    movement = next(m for m in realise(planted, photo.landmarks) if isinstance(m, SkinMovement))
    return int(np.argmax(movement.level(photo.times_s)))


@pytest.mark.parametrize("units", [("AU1", "AU2"), ("AU4",), ("AU12",), ("AU15", "AU17"), ("AU10",)])
def test_what_was_planted_is_measured_back(units: tuple[str, ...], still: LivingPhoto) -> None:
    planted = event(units=units, amplitude=0.05)
    frames = greys(still, [planted])
    apex = apex_of(planted, still)
    movement = realise(planted, still.landmarks)[0]
    assert isinstance(movement, SkinMovement)
    level = float(movement.level(still.times_s)[apex])
    frame = FaceFrame.of(still.landmarks)
    _, top = peak_of(movement.fields, still.landmarks)
    x, y = np.rint(frame.to_pixels(np.array(top))).astype(int)
    around = np.stack(np.meshgrid(np.arange(x - 4, x + 5), np.arange(y - 4, y + 5)), -1)
    wanted = level * sum(f.displacement(still.landmarks, around) for f in movement.fields).mean((0, 1))
    seen = flow(frames[planted.onset], frames[apex])[y - 4 : y + 5, x - 4 : x + 5].mean((0, 1))
    assert np.hypot(*(seen - wanted)) < 0.35 * np.hypot(*wanted)
    assert np.hypot(*seen) > 1.0


def test_it_is_gone_after_the_offset_and_absent_before_the_onset(still: LivingPhoto) -> None:
    planted = event()
    frames = greys(still, [planted])
    assert (frames[: planted.onset + 1] == frames[0]).all()
    assert (frames[planted.offset :] == frames[0]).all()
    assert (frames[planted.onset + 2] != frames[0]).any()


def test_a_sham_moves_nothing(still: LivingPhoto) -> None:
    assert (greys(still, [event("sham", amplitude=0.0)]) == greys(still, [])).all()


def test_a_step_stays(still: LivingPhoto) -> None:
    planted = event("step", times=(0.1, 0.3, 1.0))
    frames = greys(still, [planted]).astype(int)
    away = np.abs(frames - frames[0]).mean((1, 2))
    assert away[3] == 0
    assert away[9:].min() > 0.9 * away.max()


def test_a_blink_closes_the_eyes_and_moves_little_else(still: LivingPhoto) -> None:
    frames = greys(still, [event("blink", (), 1.0)]).astype(int)
    change = np.abs(frames - frames[0]).max(0)
    points = still.landmarks
    for iris in (468, 473):
        x, y = np.rint(points[iris, :2]).astype(int)
        assert change[y - 2 : y + 3, x - 2 : x + 3].mean() > 15
    mouth = np.rint(points[[61, 291, 0, 17], :2]).astype(int)
    assert change[mouth[:, 1], mouth[:, 0]].max() == 0


def test_a_head_shift_moves_the_face_as_a_whole(still: LivingPhoto) -> None:
    seeds = [s for s in range(60) if realise(event("head", (), 0.05, s), still.landmarks)[0].whole]  # type: ignore[union-attr]
    planted = event("head", (), 0.05, seeds[0])
    movement = realise(planted, still.landmarks)[0]
    apex = int(np.argmax(np.abs(movement.level(still.times_s))))
    frames = greys(still, [planted])
    points = still.landmarks[:468, :2]
    inside = np.rint(points).astype(int)
    seen = flow(frames[0], frames[apex])[inside[:, 1], inside[:, 0]]
    fit = np.column_stack([np.ones(len(points)), points, still.landmarks[:468, 2]])
    left = seen - fit @ np.linalg.lstsq(fit, seen, rcond=None)[0]
    assert np.hypot(*seen.T).mean() > 0.4
    assert np.sqrt((left**2).mean()) < 0.3 * np.sqrt((seen**2).mean())


def test_light_changes_brightness_and_moves_nothing(still: LivingPhoto) -> None:
    seeds = [s for s in range(20) if realise(event("light", (), 0.3, s), still.landmarks)[0].slope == 0]  # type: ignore[union-attr]
    frames = greys(still, [event("light", (), 0.3, seeds[0])]).astype(float)
    means = frames.mean((1, 2))
    brightest = int(np.argmax(np.abs(means - means[0])))
    assert abs(means[brightest] / means[0] - 1) > 0.08
    bright, dark = frames[brightest] - 16, frames[0] - 16
    inner = (dark > 40) & (bright < 210)
    ratio = bright[inner] / dark[inner]
    assert ratio.std() < 0.03


def test_every_frame_is_resampled_alike(still: LivingPhoto) -> None:
    """Sharpness tells nothing: the same with a movement planted as with a sham."""
    camera = Camera(drift_px=0.5, read_noise=0.0, shot_noise=0.0, grain=0.0)
    x, y = np.rint(still.landmarks[61, :2]).astype(int)

    def sharpness(planted: PlannedEvent) -> np.ndarray:
        values = []
        for seed in range(8):
            frames = greys(still, [planted], camera, seed)[6:19, y - 20 : y + 21, x - 20 : x + 21]
            values += [cv2.Laplacian(frame, cv2.CV_64F).std() for frame in frames]
        return np.array(values)

    moved, sham = sharpness(event(amplitude=0.02)), sharpness(event("sham", amplitude=0.0))
    assert moved.mean() == pytest.approx(sham.mean(), rel=0.03)


def test_the_camera_drifts_within_half_a_pixel_and_always() -> None:
    drift = Drift(np.random.default_rng(0), 0.5)
    path = np.array([drift(t) for t in np.arange(0, 30, 1 / 30)])
    assert np.abs(path).max() <= 0.5
    assert 0 < np.abs(np.diff(path, axis=0)).max() < 0.1
    assert np.ptp(path, axis=0).min() > 0.3


def test_noise_grows_with_brightness(still: LivingPhoto) -> None:
    camera = Camera(drift_px=0.0, read_noise=1.0, shot_noise=4.0, grain=0.0)
    noise = greys(still, [], camera).astype(float)
    mean, deviation = noise.mean(0), noise.std(0)
    dark, bright = deviation[(mean > 20) & (mean < 50)].mean(), deviation[(mean > 170) & (mean < 220)].mean()
    assert 1.0 < dark < bright
    assert bright == pytest.approx(np.sqrt(1 + 16 * 195 / 255), rel=0.15)


def test_the_same_seeds_give_the_same_clip(face) -> None:
    rgb, points = face

    def clip(seed: int) -> np.ndarray:
        a, b, c = np.random.default_rng(seed).spawn(3)
        plan = draw_plan(a, 2.5, 25.0, counts={"micro": 1})
        photo = animate_photo(rgb, points, 2.5, 25.0, b, size=(128, 128), eye_px=32.0)
        return greys(photo, plan, draw_camera(c), seed)

    first, again, other = clip(7), clip(7), clip(8)
    assert (first == again).all()
    assert (first != other).any()


def test_each_source_frame_is_used_once_and_in_order(still: LivingPhoto) -> None:
    """Frame k of the source is a picture of grey level 10 k: nothing loops, repeats or skips."""
    n = 20
    flat = (PixelImage(np.full((96, 64), 10 * k + 20, np.uint8), "i420") for k in range(n))
    points = np.repeat(still.landmarks[None] / 4, n, axis=0)
    out = render(flat, points, np.arange(n) / 25, [], rng=np.random.default_rng(0), camera=STEADY)
    assert [int(np.median(frame.grey)) for frame in out] == [10 * k + 20 for k in range(n)]


def test_frames_without_a_face_pass_unmoved_and_sources_stay_as_they_are(still: LivingPhoto) -> None:
    points = np.repeat(still.landmarks[None], 30, axis=0)
    points[10:20] = np.nan
    source = still.picture.data.copy()
    frames = list(
        render(
            [still.picture] * 30,
            points,
            still.times_s,
            [event()],
            rng=np.random.default_rng(0),
            camera=STEADY,
        )
    )
    assert len(frames) == 30
    assert (frames[12].data == frames[0].data).all()
    assert (still.picture.data == source).all()


def test_colour_pictures_of_odd_size_are_taken(still: LivingPhoto) -> None:
    rgb = np.ascontiguousarray(still.picture.rgb()[:255, :253])
    points = still.landmarks[None]
    (frame,) = render(
        [PixelImage(rgb, "rgb")], points, np.zeros(1), [], rng=np.random.default_rng(0), camera=STEADY
    )
    assert (frame.height, frame.width) == (254, 252)
    assert np.abs(frame.rgb().astype(int) - rgb[:254, :252]).mean() < 3
