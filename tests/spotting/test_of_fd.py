"""Displacement of the parts of a face since a quiet moment, and the movements that are told of it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from megc_live.face.regions import REGIONS
from megc_live.spotting.of_fd import PARTS, WINDOW_S, Anchor, OfFdSpotter, mean_of_largest
from megc_live.spotting.picture import FaceSignal
from tests.spotting.pictures import Lift, bent, moving, observation, smile


def anchor() -> Anchor:
    face = observation()
    return Anchor(face.crop, face.canonical, face.depth)


def unit_px() -> float:
    """A 64th of the distance of the inner eye corners."""
    right, left = observation().canonical[[133, 362]]
    return float(np.hypot(*(left - right))) / 64


def found(signals: list[FaceSignal], threshold: float | None = None) -> list[tuple[float, object]]:
    spotter = OfFdSpotter(threshold=threshold)
    out = [(signal.pts_s, span) for signal in signals for span in spotter.push(signal)]
    return out + [(signals[-1].pts_s, span) for span in spotter.flush()]


def test_a_part_moves_as_far_as_it_was_moved() -> None:
    curves = anchor().curves(bent({"mouth_l": (0.0, -3.0)}))
    assert curves is not None and curves.shape == (16,)
    corner = next(i for i, part in enumerate(PARTS) if part.points == (291,))
    assert curves[corner] == pytest.approx(3.0 / unit_px(), rel=0.25)
    brows = [i for i, part in enumerate(PARTS) if part.upper]
    assert curves[brows].max() < 0.6
    assert set(part.region for part in PARTS) <= set(REGIONS)


def test_nothing_moves_where_nothing_moved_and_a_moved_head_is_no_movement() -> None:
    face = observation()
    still = anchor().curves(face.crop)
    assert still is not None and still.max() < 0.05
    shift = np.array([[1.01, 0.004, 0.6], [-0.004, 1.01, -1.2]])
    moved = cv2.warpAffine(
        face.crop, shift, face.crop.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    curves = anchor().curves(np.asarray(moved, np.uint8))
    assert curves is not None and np.median(curves) < 0.7  # of more than 2 by the shift


def test_a_head_that_is_gone_is_none() -> None:
    assert anchor().curves(np.zeros_like(observation().crop)) is None


def test_the_longest_vectors_are_averaged() -> None:
    vectors = np.random.default_rng(0).normal(0, 1, (41, 2)).astype(np.float32)
    longest = sorted(vectors.tolist(), key=lambda v: -(v[0] ** 2 + v[1] ** 2))[:10]
    np.testing.assert_allclose(mean_of_largest(vectors, 0.25), np.mean(longest, axis=0), rtol=1e-5)
    np.testing.assert_allclose(mean_of_largest(vectors[:1], 0.25), vectors[0])


@pytest.mark.parametrize("fps", [20.0, 30.0])
def test_a_smile_is_found_at_its_delay_at_any_rate(fps: float) -> None:
    ((when, span),) = found(moving(2.5, smile(1.2, 0.45), fps=fps))
    assert span.kind == "micro"
    assert span.apex_s == pytest.approx(1.425, abs=0.07)
    assert span.onset_s == pytest.approx(1.25, abs=0.08) and span.offset_s == pytest.approx(1.6, abs=0.08)
    assert when <= span.offset_s + OfFdSpotter.delay_s + 2 / fps
    assert {"mouth_l", "mouth_r"} & set(span.regions)


def test_a_long_smile_is_a_macro_expression() -> None:
    ((_, span),) = found(moving(3.5, smile(1.0, 1.6, 4.0), fps=20.0))
    assert span.kind == "macro"
    assert span.offset_s - span.onset_s > 0.8


def test_a_step_is_no_micro_expression() -> None:
    def step(t: float) -> dict[str, tuple[float, float]]:
        up = -3.0 * min(1.0, max(0.0, (t - 1.0) / 0.2))
        return {"mouth_r": (0.0, up), "mouth_l": (0.0, up)}

    assert all(span.kind == "macro" for _, span in found(moving(4.0, step, fps=20.0)))


def test_two_parts_that_move_together_are_one_movement() -> None:
    mouth, brow = smile(1.2, 0.45), smile(1.25, 0.42)

    def both(t: float) -> dict[str, tuple[float, float]]:
        return {**mouth(t), **{f"brow_{k[-1]}_mid": v for k, v in brow(t).items()}}

    ((_, span),) = found(moving(2.5, both))
    assert {region.split("_")[0] for region in span.regions} >= {"mouth", "brow"}


def test_a_new_anchor_is_taken_while_the_face_is_quiet_and_does_not_cut_a_movement() -> None:
    """The first window is over at 3.3 s, in the middle of a smile."""
    spans = found(moving(6.0, smile(3.2, 0.45), fps=20.0))
    assert len(spans) == 1
    assert spans[0][1].apex_s == pytest.approx(3.425, abs=0.07)


def test_after_a_window_the_anchor_is_new_whatever_moves() -> None:
    def away(t: float) -> dict[str, tuple[float, float]]:
        return {"mouth_l": (0.0, -5.0 * np.sin(1.7 * np.pi * t) ** 2)}

    spotter = OfFdSpotter()
    anchors = set()
    for signal in moving(WINDOW_S + 1.0, away, fps=15.0):
        spotter.push(signal)
        anchors.add(spotter._anchor_s)
    assert 2 <= len(anchors) <= 3


def test_the_score_is_held_against_the_threshold() -> None:
    signals = moving(2.0, smile(1.2, 0.45), fps=20.0)
    ((_, span),) = found(signals)
    assert 0 < span.score < 1
    assert found(signals, span.score + 0.01) == []
    assert len(found(signals, span.score - 0.01)) == 1


def test_a_jump_of_the_crop_ends_what_was_before() -> None:
    still: Lift = lambda t: {}  # noqa: E731
    signals = moving(2.0, still, fresh_at=(1.0,))
    jumped = [replace(s, crop=np.roll(s.crop, 8, axis=1)) if s.pts_s >= 1.0 else s for s in signals]
    assert found(jumped) == []
