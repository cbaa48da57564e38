"""From a corpus' images to aligned clips, flow images and features."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from megc_live.errors import DatasetError, SettingsError
from megc_live.face.geometry import apply, eye_centres
from megc_live.face.landmarks import Landmarker
from megc_live.models import ModelStore
from megc_live.recognition.crop import cut
from megc_live.recognition.flow import dense_flow, flow_image, head_motion
from megc_live.video.frame import PixelImage
from tests.faces import scene
from tests.training.tiny_clips import PEOPLE, PLANTED
from training.datasets.base import read_dataset
from training.datasets.clip_layouts import LAYOUTS
from training.recognition.apex import cells_apex, middle_apex
from training.recognition.base import samples
from training.recognition.clip_align import SIDE, align, square_transform
from training.recognition.clip_data import UNLABELLED, ClipData, load_clips
from training.recognition.clip_features import computed, flow_from_clips, grey_crops

U8 = NDArray[np.uint8]


@pytest.fixture
def own(tiny_corpora: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of smic with its cache, to be spoilt. Copies keep the images' times, not their place."""
    shutil.copytree(tiny_corpora / "smic", tmp_path / "smic")
    load_clips("smic", tmp_path / "smic", tmp_path / "cache")
    return tmp_path / "smic", tmp_path / "cache"


@pytest.fixture
def smic(tiny_smic: ClipData) -> ClipData:
    return tiny_smic


def images(root: Path, clip: str) -> list[Path]:
    return sorted(next(path for path in root.rglob(clip) if path.is_dir()).iterdir())


def shift(first: U8, second: U8) -> NDArray[np.float64]:
    """By how many pixels the middle of a crop has moved."""
    a, b = (np.asarray(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), np.uint8) for f in (first, second))
    return head_motion(dense_flow(a, b)) @ [SIDE / 2, SIDE / 2, 1]


class TestCorpus:
    def test_clips_are_those_of_the_three_classes(self, smic: ClipData) -> None:
        assert len(smic) == 3 * len(PEOPLE)
        assert sorted(np.unique(smic.group)) == ["smic/s15", "smic/s16", "smic/s17"]
        assert np.bincount(smic.label).tolist() == [3, 3, 3]
        assert smic.findings == ()
        clip = smic.load(0)
        assert clip.frames.dtype == np.uint8 and clip.frames.shape[1:] == (SIDE, SIDE, 3)
        assert clip.points.shape == (478, 2) and clip.points.dtype == np.float32
        assert (clip.dataset, clip.label, clip.fps) == ("smic", int(smic.label[0]), 100.0)
        assert (clip.onset, clip.offset) == (0, len(clip.frames) - 1)

    def test_other_classes_are_left_out_and_listed(self, tiny_corpora: Path) -> None:
        data = load_clips("casme2", tiny_corpora / "casme2", tiny_corpora / "cache")
        assert len(data) == 3 * len(PEOPLE)
        assert [f.read for f in data.findings] == [
            f"{len(PEOPLE)} clips of none of the three classes: others"
        ]
        assert data.findings[0].done == "left out"

    def test_grey_images_are_kept_grey_and_come_back_as_colour(self, tiny_corpora: Path) -> None:
        data = load_clips("samm", tiny_corpora / "samm", tiny_corpora / "cache")
        with np.load(data.files[0]) as file:
            assert file["frames"].shape[-1] == 1
        frames = data.load(0).frames
        assert frames.shape[-1] == 3 and np.array_equal(frames[..., 0], frames[..., 2])

    @pytest.mark.parametrize("name", ["samm_long", "megc2019-flow"])
    def test_what_holds_no_clips_is_refused(self, tiny_corpora: Path, name: str) -> None:
        with pytest.raises((SettingsError, DatasetError)):
            load_clips(name, tiny_corpora / "smic", tiny_corpora / "cache")

    def test_ck_plus_keeps_every_label_and_has_its_apex_last(
        self, tiny_corpora: Path, tmp_path: Path
    ) -> None:
        LAYOUTS["ck_plus"](tiny_corpora / "corpus", tmp_path / "ck")
        data = load_clips("ck_plus", tmp_path / "ck", tmp_path / "cache")
        assert len(data) == len(PEOPLE) * sum(bool(label) for label, _ in PLANTED)
        clip = data.load(0)
        assert (clip.apex, clip.apex_rule) == (clip.offset, "annotated")


class TestApex:
    def test_it_is_the_annotated_one_where_there_is_one(self, tiny_corpora: Path) -> None:
        data = load_clips("samm", tiny_corpora / "samm", tiny_corpora / "cache", apex_rule="cells")
        records = {r.clip: r for r in read_dataset("samm", tiny_corpora / "samm").clips}
        for k in range(len(data)):
            clip, record = data.load(k), records[str(data.clip[k])]
            assert record.apex is not None and clip.apex_rule == "annotated"
            assert record.numbers[clip.apex] == record.apex

    def test_without_one_it_is_the_rule_that_was_asked_for(self, tiny_corpora: Path, smic: ClipData) -> None:
        clip = smic.load(0)
        assert (clip.apex, clip.apex_rule) == (len(clip.frames) // 2, "middle")
        other = load_clips("smic", tiny_corpora / "smic", tiny_corpora / "cache", apex_rule="cells").load(0)
        assert (other.apex, other.apex_rule) == (cells_apex(clip.frames, clip.points), "cells")
        with pytest.raises(SettingsError, match="no rule 'best'"):
            load_clips("smic", tiny_corpora / "smic", tiny_corpora / "cache", apex_rule="best")

    def test_the_middle_and_the_cells(self, smic: ClipData) -> None:
        assert [middle_apex(n) for n in (2, 5, 6, 11)] == [1, 2, 3, 5]
        points = smic.load(0).points
        frames = np.zeros((8, SIDE, SIDE, 3), dtype=np.uint8)
        # Far from the onset and standing still: 40 above it in the frame 4, unchanged from the frame 3.
        for k, level in enumerate((0, 15, 30, 40, 40, 25, 10, 0)):
            frames[k] = 100 + level
        assert cells_apex(frames, points) == 4
        # What moves elsewhere is not looked at.
        frames[6, :20, :20] = 255
        assert cells_apex(frames, points) == 4

    def test_cells_find_the_planted_apex_better_than_chance(self, tiny_corpora: Path) -> None:
        data = load_clips("samm", tiny_corpora / "samm", tiny_corpora / "cache")
        off = []
        for k in range(len(data)):
            clip = data.load(k)
            off.append(abs(cells_apex(clip.frames, clip.points) - clip.apex) / len(clip.frames))
        assert np.mean(off) < 0.25


class TestAlignment:
    def test_one_transform_the_onsets_serves_all_frames(self, tiny_corpora: Path, smic: ClipData) -> None:
        record = next(r for r in read_dataset("smic", tiny_corpora / "smic").clips if r.clip == smic.clip[4])
        with np.load(smic.files[4]) as file:
            transform = file["transform"]
        bgr = [cv2.imread(str(path)) for path in record.frames]
        pictures = [np.asarray(cv2.cvtColor(p, cv2.COLOR_BGR2RGB), np.uint8) for p in bgr]
        with Landmarker(ModelStore().landmarker()) as landmarker:
            onset = landmarker.detect(pictures[0])[0]
        assert transform == pytest.approx(square_transform(onset), abs=0.05)
        clip = smic.load(4)
        for frame, picture in zip(clip.frames, pictures, strict=True):
            assert np.array_equal(frame, cut(picture, transform, (SIDE, SIDE)))
        # Its points, taken back to the picture, are the landmarks.
        assert apply(transform, clip.points.astype(float)) == pytest.approx(onset[:, :2], abs=0.3)

    def test_eyes_are_level_and_in_the_upper_half(self, smic: ClipData) -> None:
        right, left = eye_centres(smic.load(0).points)
        assert abs(left[1] - right[1]) < 6 and abs((left[0] + right[0]) / 2 - SIDE / 2) < 6
        assert 0.3 * SIDE < right[1] < 0.42 * SIDE
        assert 0.28 * SIDE < left[0] - right[0] < 0.42 * SIDE

    def test_a_head_that_moves_moves_in_the_crops(self) -> None:
        still, moved = scene(), scene(shift=(6.0, 3.0))
        with Landmarker(ModelStore().landmarker()) as landmarker:
            points = landmarker.detect(still)[0]
        aligned = align([PixelImage(p, "rgb") for p in (still, moved)], points)
        wanted = np.linalg.inv(aligned.transform[:, :2]) @ np.array([6.0, 3.0])
        assert shift(*aligned.frames) == pytest.approx(wanted, abs=0.1)

    def test_a_large_picture_is_cut_at_the_same_place(self) -> None:
        small = scene(320, 240, 200)
        large = np.asarray(cv2.resize(small, (1604, 1203), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
        with Landmarker(ModelStore().landmarker()) as landmarker:
            points = landmarker.detect(small)[0]
        there = points.copy()
        there[:, :2] = (points[:, :2] + 0.5) * (1604 / 320) - 0.5
        one = align([PixelImage(small, "rgb")], points)
        two = align([PixelImage(large, "rgb")], there)
        assert shift(one.frames[0], two.frames[0]) == pytest.approx([0, 0], abs=0.05)
        assert one.points == pytest.approx(two.points, abs=0.01)
        assert np.abs(one.frames.astype(int) - two.frames).mean() < 2


class TestCache:
    def test_it_is_used_again_and_made_anew_where_an_image_changed(self, own: tuple[Path, Path]) -> None:
        root, cache = own
        before = {path.name: path.stat().st_mtime_ns for path in cache.glob("*.npz")}
        assert len(before) == 9
        load_clips("smic", root, cache)
        assert {path.name: path.stat().st_mtime_ns for path in cache.glob("*.npz")} == before
        digest = load_clips("smic", root, cache).digest()
        changed = images(root, "s15_po_01")[3]
        picture = cv2.imread(str(changed))
        cv2.imwrite(str(changed), 255 - picture)
        data = load_clips("smic", root, cache)
        after = {path.name: path.stat().st_mtime_ns for path in cache.glob("*.npz")}
        renewed = [name for name in after if after[name] != before[name]]
        assert len(renewed) == 1 and "s15_po_01" in renewed[0]
        frames = data.load(data.clip.tolist().index("s15_po_01")).frames
        assert abs(frames[3].mean() - (255 - frames[2].mean())) < 5
        assert data.digest() != digest

    def test_a_damaged_file_is_made_anew(self, own: tuple[Path, Path]) -> None:
        root, cache = own
        data = load_clips("smic", root, cache)
        whole = data.load(2).frames
        data.files[2].write_bytes(data.files[2].read_bytes()[:1000])
        with pytest.raises(DatasetError, match="Give the command again"):
            data.load(2)
        assert np.array_equal(load_clips("smic", root, cache).load(2).frames, whole)
        assert not list(cache.glob(".*"))

    def test_the_digest_does_not_depend_on_the_place(self, own: tuple[Path, Path], smic: ClipData) -> None:
        assert load_clips("smic", *own).digest() == smic.digest()
        label = smic.label.copy()
        label[0] = (label[0] + 1) % 3
        assert smic.relabelled(label).digest() != smic.digest()
        assert replace(smic, apex_rule="cells").digest() != smic.digest()

    def test_what_cannot_be_used_is_a_finding_and_the_others_stay(self, own: tuple[Path, Path]) -> None:
        root, cache = own
        cv2.imwrite(str(images(root, "s15_ne_01")[0]), np.full((224, 224, 3), 90, np.uint8))
        images(root, "s15_po_01")[2].write_bytes(b"no image")
        cv2.imwrite(str(images(root, "s16_sur_01")[1]), np.full((100, 100, 3), 90, np.uint8))
        for path in images(root, "s17_ne_01")[1:]:
            path.unlink()
        data = load_clips("smic", root, cache)
        assert len(data) == 5
        assert [(f.where, f.done) for f in data.findings] == [
            ("smic s15 s15_ne_01", "left out"),
            ("smic s15 s15_po_01", "left out"),
            ("smic s16 s16_sur_01", "left out"),
            ("smic s17 s17_ne_01", "left out"),
        ]
        assert "no face" in data.findings[0].read and "cannot be read" in data.findings[1].read
        assert "another size" in data.findings[2].read and "one image only" in data.findings[3].read

    def test_a_corpus_of_which_nothing_can_be_used_is_an_error(self, own: tuple[Path, Path]) -> None:
        root, cache = own
        for path in root.rglob("*.bmp"):
            cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
        with pytest.raises(DatasetError, match=r"no clip of smic .* no face"):
            load_clips("smic", root, cache)


def test_an_image_of_the_onset_or_apex_that_is_missing_is_a_finding(
    tiny_corpora: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_corpora / "samm", tmp_path / "samm")
    first, second, *_ = read_dataset("samm", tmp_path / "samm").clips
    assert second.apex is not None
    first.frames[0].unlink()
    second.frames[second.numbers.index(second.apex)].unlink()
    data = load_clips("samm", tmp_path / "samm", tmp_path / "cache")
    lost = {f.where: f.read for f in data.findings if f.done == "left out" and f.column == "images"}
    assert lost == {
        f"samm {first.subject} {first.clip}": f"no image of the onset {first.onset}, the first is "
        f"{first.onset + 1}",
        f"samm {second.subject} {second.clip}": f"no image of the apex {second.apex}",
    }


class TestFlow:
    def test_it_is_the_flow_image_of_the_onset_and_the_apex(self, smic: ClipData) -> None:
        flow = flow_from_clips(smic)
        assert flow.flow.shape == (9, 28, 28, 3) and flow.flow.dtype == np.uint8
        assert flow.clip.tolist() == smic.clip.tolist() and flow.label.tolist() == smic.label.tolist()
        clip = smic.load(5)
        grey = grey_crops(clip)
        assert grey.shape == (len(clip.frames), 170, 140)
        wanted = flow_image(grey[0], grey[clip.apex], method="tvl1", head=False)
        assert np.array_equal(flow.flow[5], wanted)

    def test_flow_of_brows_that_rise_is_in_the_brows(self, smic: ClipData) -> None:
        flow = flow_from_clips(smic)
        surprise = flow.flow[flow.label == 2].astype(float)
        v = surprise[..., 1] - np.median(surprise[..., 1], axis=(1, 2), keepdims=True)
        assert (v[:, 3:9].mean((1, 2)) < v[:, 16:].mean((1, 2)) - 5).all()

    def test_clips_without_a_class_are_refused(self, smic: ClipData) -> None:
        with pytest.raises(DatasetError, match="none of the three classes"):
            flow_from_clips(samples(smic))


class TestComputed:
    def test_a_row_is_kept_and_renewed_with_its_clip(self, own: tuple[Path, Path]) -> None:
        data = load_clips("smic", *own)
        first = computed(data, "mean", {"of": "frames"}, _mean)
        kept = {path: path.stat().st_mtime_ns for path in own[1].glob("*.mean-*.npz")}
        assert len(kept) == len(data)
        assert np.array_equal(computed(data, "mean", {"of": "frames"}, _mean), first)
        assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
        changed = images(own[0], "s16_ne_01")[2]
        cv2.imwrite(str(changed), 255 - cv2.imread(str(changed)))
        again = computed(load_clips("smic", *own), "mean", {"of": "frames"}, _mean)
        differs = (again != first).any(axis=1)
        assert data.clip[differs].tolist() == ["s16_ne_01"]

    def test_another_apex_gives_other_rows(self, smic: ClipData) -> None:
        middle = computed(smic, "apex", {}, _apex)
        cells = computed(replace(smic, apex_rule="cells"), "apex", {}, _apex)
        assert [int(a) for a in middle[:, 0]] == [smic.load(k).apex for k in range(len(smic))]
        assert not np.array_equal(middle, cells)


def _mean(clip) -> NDArray[np.float64]:
    return clip.frames.mean((0, 1, 2))


def _apex(clip) -> NDArray[np.float64]:
    return np.array([clip.apex])


def test_what_a_classifier_is_shown_has_no_labels(smic: ClipData) -> None:
    shown = samples(smic)
    assert isinstance(shown, ClipData) and (shown.label == UNLABELLED).all()
    assert shown.load(0).label is None
    assert shown.clip.tolist() == smic.clip.tolist()
    part = smic.subset(smic.group == "smic/s16")
    assert part.load(1).clip == smic.clip[np.flatnonzero(smic.group == "smic/s16")[1]]
