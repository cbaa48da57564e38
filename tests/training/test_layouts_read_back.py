"""A corpus with known movements, written in each layout and read back by its reader."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from megc_live.errors import DatasetError
from megc_live.events import LABELS
from megc_live.synthesis.write import write_clip
from megc_live.video.frame import PixelImage
from training.cli import Layout
from training.datasets.base import Corpus, read_dataset
from training.datasets.clip_layouts import LAYOUTS

N = 60
ROWS = (
    ("P1__a__v0", 4, 7, 12, "micro", "negative", "AU4"),
    ("P1__a__v0", 30, 34, 40, "micro", "positive", "AU12R|AU6"),
    ("P1__b__v0", 1, 5, 9, "micro", "negative", "AU9"),
    ("P1__b__v0", 15, 25, 45, "macro", "positive", "AU12"),
    ("P2__c__v0", 50, 55, 59, "micro", "surprise", "AU1|AU2"),
    ("P2__c__v0", 20, 22, 26, "micro", "", "AU45"),
)
MICRO = sorted(row for row in ROWS if row[4] == "micro")
CLASSED = [row for row in MICRO if row[5]]


def flat(index: int) -> PixelImage:
    image = np.full((144, 64), 128, np.uint8)
    image[:96] = 20 + 3 * index
    return PixelImage(image, "i420")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips whose brightness is that of their frame index."""
    out = tmp_path_factory.mktemp("corpus")
    (out / "clips").mkdir()
    for name in sorted({row[0] for row in ROWS}):
        write_clip(out / "clips" / f"{name}.mp4", map(flat, range(N)), fps=30)
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("video", "onset", "apex", "offset", "kind", "label", "units"))
        table.writerows(ROWS)
    return out


def read_back(layout: str, corpus: Path, out: Path) -> Corpus:
    LAYOUTS[layout](corpus, out)
    return read_dataset("smic" if layout == "smic_extended" else layout, out)


def frame_of(path: Path) -> float:
    """The index of the corpus' frame that an image shows."""
    grey = float(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).mean())
    # Video holds brightness as 16 to 235, images as 0 to 255.
    return (grey * 219 / 255 + 16 - 20) / 3


@pytest.mark.parametrize("layout", ["casme2", "samm"])
def test_clips_with_an_apex(corpus: Path, tmp_path: Path, layout: str) -> None:
    read = read_back(layout, corpus, tmp_path)
    assert read.findings == ()
    labels = [LABELS.index(row[5]) if row[5] else None for row in MICRO]
    found = sorted((c.subject, c.clip, c.onset - 1, (c.apex or 0) - 1, c.offset - 1) for c in read.clips)
    assert [clip[2:] for clip in found] == [row[1:4] for row in MICRO]
    assert sorted(map(str, labels)) == sorted(str(c.label) for c in read.clips)
    for clip in read.clips:
        assert clip.numbers == tuple(range(clip.onset, clip.offset + 1))
        assert [frame_of(path) for path in clip.frames] == pytest.approx(
            [number - 1 for number in clip.numbers], abs=0.6
        )


@pytest.mark.parametrize("layout", ["smic", "smic_extended"])
def test_smic_has_the_clips_with_a_class(corpus: Path, tmp_path: Path, layout: str) -> None:
    read = read_back(layout, corpus, tmp_path)
    assert read.findings == ()
    assert [(c.subject, c.clip) for c in sorted(read.clips, key=lambda c: (c.subject, c.clip))] == [
        ("s15", "s15_ne_01"),
        ("s15", "s15_ne_02"),
        ("s15", "s15_po_01"),
        ("s16", "s16_sur_01"),
    ]
    borders = sorted((clip.onset - 1, clip.offset - 1) for clip in read.clips)
    assert borders == sorted((row[1], row[3]) for row in CLASSED)
    for clip in read.clips:
        assert frame_of(clip.frames[0]) == pytest.approx(clip.onset - 1, abs=0.6)
        assert frame_of(clip.frames[-1]) == pytest.approx(clip.offset - 1, abs=0.6)


def test_ck_plus_runs_from_neutral_to_peak(corpus: Path, tmp_path: Path) -> None:
    read = read_back("ck_plus", corpus, tmp_path)
    assert [(c.subject, c.clip, c.emotion, c.label) for c in read.clips] == [
        ("S015", "S015_001", "disgust", 0),
        ("S015", "S015_002", "happy", 1),
        ("S015", "S015_003", "disgust", 0),
        ("S016", "S016_002", "surprise", 2),
    ]
    first = read.clips[0]
    assert (first.onset, first.apex, first.offset, len(first.frames)) == (1, 4, 4, 4)
    assert frame_of(first.frames[0]) == pytest.approx(4, abs=0.6)
    assert frame_of(first.frames[-1]) == pytest.approx(7, abs=0.6)
    assert [f.read for f in read.findings] == ["1 sequences without a label"]


def test_ck_plus_label_that_is_no_code(corpus: Path, tmp_path: Path) -> None:
    LAYOUTS["ck_plus"](corpus, tmp_path)
    path = next((tmp_path / "Emotion" / "S015" / "001").glob("*.txt"))
    for text in ("   8.0000000e+00", "2.5", "happy", "nan"):
        path.write_text(text)
        with pytest.raises(DatasetError, match="does not hold a code"):
            read_dataset("ck_plus", tmp_path)


def test_ck_plus_sadness_is_negative(corpus: Path, tmp_path: Path) -> None:
    LAYOUTS["ck_plus"](corpus, tmp_path)
    next((tmp_path / "Emotion" / "S015" / "001").glob("*.txt")).write_text("   6.0000000e+00\n")
    clip = read_dataset("ck_plus", tmp_path).clips[0]
    assert (clip.emotion, clip.label) == ("sadness", 0)


def test_composite_joins_the_list_and_the_corpora(corpus: Path, tmp_path: Path) -> None:
    read = read_back("composite", corpus, tmp_path)
    assert read.findings == ()
    assert [c.dataset for c in read.clips] == [d for d in ("smic", "casme2", "samm") for _ in CLASSED]
    assert {c.subject for c in read.clips} == {"s15", "s16", "sub15", "sub16", "015", "016"}
    assert all(len(c.frames) == c.offset - c.onset + 1 for c in read.clips)


@pytest.mark.parametrize("layout", ["cas_me2", "samm_long"])
def test_long_videos(corpus: Path, tmp_path: Path, layout: str) -> None:
    read = read_back(layout, corpus, tmp_path)
    # The clips have 30 frames/s: SAMM has 200, and a file beside the images says otherwise.
    assert [f.column for f in read.findings] == ["rate file"] * (3 if layout == "samm_long" else 0)
    assert {video.fps for video in read.videos} == {30.0}
    found = sorted((e.onset, e.offset, e.kind) for video in read.videos for e in video.truth)
    assert found == sorted((row[1], row[3], row[4]) for row in ROWS)
    assert [len(video.frames) for video in read.videos] == [N] * 3
    for video in read.videos:
        onset = video.truth[0].onset
        assert frame_of(video.frames[onset]) == pytest.approx(onset, abs=0.6)


def test_every_layout_can_be_asked_for() -> None:
    assert sorted(layout.value for layout in Layout) == sorted(LAYOUTS)
