from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from megc_live.errors import DatasetError, OutputError
from megc_live.synthesis.camera import STEADY
from megc_live.synthesis.demo import portrait
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.write import write_clip
from megc_live.video.frame import PixelImage
from training.cli import app
from training.datasets.footage import find_sources
from training.datasets.layouts import write_casme2_long, write_samm_long
from training.datasets.synth import COLUMNS, Density, events_of, make_corpus

DENSITY = Density(micro_per_min=30, macro_per_min=8, negatives_per_min=60)


def frame_count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of a person, one of another, one without a face, one that is broken."""
    folder = tmp_path_factory.mktemp("footage")
    rgb, points = portrait()
    for seed, name in enumerate(("one", "two", "three")):
        rng = np.random.default_rng(seed)
        photo = animate_photo(rgb, points, 4.0, 15.0, rng, size=(128, 128), eye_px=34.0)
        write_clip(folder / f"{name}.mp4", photo.frames([], rng=rng, camera=STEADY), fps=15)
    (folder / "sub").mkdir()
    grey = np.random.default_rng(0).integers(90, 110, (20, 192, 128)).astype(np.uint8)
    write_clip(folder / "sub" / "empty.mp4", (PixelImage(g, "i420") for g in grey), fps=20)
    (folder / "broken.mp4").write_bytes(b"nothing")
    (folder / "people.csv").write_text(
        "file,person,note\none.mp4,P1,\ntwo.mp4,P1,skip first frame\n"
        "three.mp4,P2,ONLY the right part (x 10..127)\n"
    )
    return folder


@pytest.fixture(scope="module")
def corpus(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    return make_corpus(out, [footage], seed=5, people_csv=footage / "people.csv", density=DENSITY)


def test_a_corpus_says_what_is_in_it(corpus: Path) -> None:
    truth, negatives = (pd.read_csv(corpus / f"{name}.csv") for name in ("truth", "negatives"))
    assert tuple(truth.columns) == tuple(negatives.columns) == COLUMNS
    assert set(truth["kind"]) <= {"micro", "macro"} and "micro" in set(truth["kind"])
    assert not set(negatives["kind"]) & {"micro", "macro"}
    assert set(truth["video"]) <= {"P1__one__v0", "P1__two__v0", "P2__three__v0"}
    for table in (truth, negatives):
        assert (table["onset"] <= table["apex"]).all() and (table["apex"] <= table["offset"]).all()
        assert (table["offset"] < table["frames"]).all() and (table["onset"] >= 15).all()
        assert (table["person"] == table["video"].str.split("__").str[0]).all()
    for video, frames in truth.groupby("video")["frames"].first().items():
        assert frame_count(corpus / "clips" / f"{video}.mp4") == frames
    micro = truth[truth["kind"] == "micro"]
    seconds = (micro["offset"] - micro["onset"]) / micro["fps"]
    assert seconds.between(0.1, 0.55).all()


def test_truth_frames_are_times_times_rate(corpus: Path) -> None:
    for event in events_of(corpus, "P1__one__v0"):
        assert (event.onset, event.offset) == (round(event.onset_s * 15), round(event.offset_s * 15))


def test_the_summary_names_clips_and_what_was_left_out(corpus: Path) -> None:
    summary = json.loads((corpus / "corpus.json").read_text())
    assert {c["video"]: c["person"] for c in summary["clips"]} == {
        "P1__one__v0": "P1", "P1__two__v0": "P1", "P2__three__v0": "P2",
    }  # fmt: skip
    by_name = {c["video"]: c for c in summary["clips"]}
    assert by_name["P1__two__v0"]["frames"] == 59
    assert by_name["P2__three__v0"]["size"] == [118, 128]
    reasons = {c["source"]: c["skipped"] for c in summary["skipped"]}
    assert "face" in reasons["empty.mp4"] and "cannot read" in reasons["broken.mp4"]
    assert summary["settings"]["seed"] == 5 and "numpy" in summary["versions"]


def test_a_broken_off_run_goes_on_and_gives_the_same(corpus: Path, footage: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    again = make_corpus(
        tmp_path, [footage / "three.mp4", footage / "one.mp4"], seed=5, people_csv=footage / "people.csv",
        density=DENSITY, cache=corpus / "landmarks",
        progress=lambda done, of, name: seen.append(f"{done}/{of} {name}"),
    )  # fmt: skip
    assert seen == ["1/2 P2__three__v0", "2/2 P1__one__v0"]
    clips = again / "clips"
    for name in ("P1__one__v0.mp4", "P2__three__v0.mp4"):
        assert (clips / name).read_bytes() == (corpus / "clips" / name).read_bytes()
    kept = (clips / "P1__one__v0.mp4").stat().st_mtime_ns
    (clips / "P2__three__v0.mp4").unlink()
    make_corpus(
        tmp_path, [footage / "three.mp4", footage / "one.mp4"], seed=5, people_csv=footage / "people.csv",
        density=DENSITY, cache=corpus / "landmarks",
    )  # fmt: skip
    assert (clips / "P1__one__v0.mp4").stat().st_mtime_ns == kept
    assert (clips / "P2__three__v0.mp4").read_bytes() == (corpus / "clips" / "P2__three__v0.mp4").read_bytes()
    with pytest.raises(DatasetError, match="other settings"):
        make_corpus(tmp_path, [footage / "one.mp4"], seed=6)


def test_variants_rates_and_held_out_units(corpus: Path, footage: Path, tmp_path: Path) -> None:
    make_corpus(
        tmp_path, [footage / "one.mp4"], seed=1, variants=2, people_csv=footage / "people.csv", fps=(50.0,),
        units=("AU12", "AU4"), density=DENSITY, cache=corpus / "landmarks",
    )  # fmt: skip
    truth = pd.read_csv(tmp_path / "truth.csv")
    assert set(truth["video"]) == {"P1__one__v0", "P1__one__v1"}
    assert set(truth["fps"]) == {50.0}
    assert {u.rstrip("RL") for units in truth["units"] for u in units.split("|")} <= {"AU12", "AU4"}
    onsets = truth.groupby("video")["onset"].apply(list)
    assert onsets.iloc[0] != onsets.iloc[1]


def test_stills_show_the_same_people_at_rest(corpus: Path, footage: Path, tmp_path: Path) -> None:
    make_corpus(
        tmp_path, [footage / "one.mp4"], seed=1, variants=0, stills=2, still_s=4.0, density=DENSITY,
        people_csv=footage / "people.csv", cache=corpus / "landmarks",
    )  # fmt: skip
    summary = json.loads((tmp_path / "corpus.json").read_text())
    assert [c["video"] for c in summary["clips"]] == ["P1__one__s0", "P1__one__s1"]
    assert all(c["frames"] == 60 and c["still"] for c in summary["clips"])
    assert frame_count(tmp_path / "clips" / "P1__one__s1.mp4") == 60
    assert len(pd.read_csv(tmp_path / "truth.csv")) >= 2


def test_the_command_plants_what_is_asked_for_and_says_what_it_left_out(
    footage: Path, tmp_path: Path
) -> None:
    asked = ["--units", "AU12, AU25", "--fps", "10", "--layout", "samm_long", "--seed", "3"]
    files = ["--footage", str(footage / "one.mp4"), str(footage / "broken.mp4")]
    result = CliRunner().invoke(app, ["synth", str(tmp_path), *files, *asked])
    assert result.exit_code == 0, result.output
    truth = pd.read_csv(tmp_path / "truth.csv")
    assert len(truth) and set(truth["fps"]) == {10.0}
    planted = {unit.rstrip("RL") for units in truth["units"] for unit in units.split("|")}
    assert planted <= {"AU12", "AU25"}
    assert (tmp_path / "samm_long" / "SAMM_LongVideos_V3_Release.xlsx").is_file()
    assert "left out: broken__broken__v0: cannot read" in result.stdout


def test_an_unknown_unit_is_bad_usage_and_nothing_is_written(footage: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    result = CliRunner().invoke(
        app, ["synth", str(out), "--footage", str(footage / "one.mp4"), "--units", "AU99"]
    )
    assert result.exit_code == 2 and "AU99" in result.stderr and not out.exists()


def test_a_clip_that_cannot_be_written_is_not_called_bad_footage(
    footage: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OutputError("cannot write 'a.mp4': No space left on device.")

    monkeypatch.setattr("training.datasets.synth.write_clip", full)
    with pytest.raises(OutputError, match="No space"):
        make_corpus(tmp_path, [footage / "one.mp4"], seed=1, density=DENSITY)
    assert list((tmp_path / "clips").iterdir()) == []


def test_footage_is_found_with_its_people(footage: Path, tmp_path: Path) -> None:
    sources = {s.stem: s for s in find_sources([footage], footage / "people.csv")}
    assert sources["three"].crop == (10, 0, 128, -1) and sources["two"].skip_first == 1
    assert {s.person for s in find_sources([footage])} == {"one", "two", "three", "empty", "broken"}
    with pytest.raises(DatasetError, match="no footage"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(DatasetError, match="no video file"):
        find_sources([tmp_path])
    (tmp_path / "p.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="person"):
        find_sources([footage], tmp_path / "p.csv")


def test_the_layout_of_casme2_long(corpus: Path, tmp_path: Path) -> None:
    book = write_casme2_long(corpus, tmp_path)
    truth = pd.read_csv(corpus / "truth.csv")
    codes = pd.read_excel(book, sheet_name="CASFEcode_final", header=None)
    rule1 = pd.read_excel(book, sheet_name="naming rule1", header=None)
    rule2 = pd.read_excel(book, sheet_name="naming rule2", header=None)
    assert book.name == "CAS(ME)^2code_final.xlsx"
    assert len(codes) == len(rule1) == len(truth) and codes.shape[1] in (8, 9)
    assert set(codes[7]) <= {"macro-expression", "micro-expression"}
    assert dict(zip(rule2[1], rule2[0], strict=True))["disgust1"] == 101
    folders = dict(zip(rule1[2], rule1[1], strict=True))
    stimuli = dict(zip(rule2[1], rule2[0], strict=True))
    for row in codes.itertuples(index=False):
        person, code = folders[row[0]], stimuli[str(row[1]).split("_")[0]]
        (video,) = (tmp_path / "rawpic" / person).glob(f"{person[1:]}_{code:04d}*")
        images = {int(p.stem.removeprefix("img")) for p in video.glob("img*.jpg")}
        assert images == set(range(1, len(images) + 1)) and {row[2], row[3], row[4]} <= images
    found = sorted(zip(codes[2] - 1, codes[3] - 1, codes[4] - 1, strict=True))
    assert found == sorted(zip(truth["onset"], truth["apex"], truth["offset"], strict=True))


def test_the_layout_of_samm_long(corpus: Path, tmp_path: Path) -> None:
    book = write_samm_long(corpus, tmp_path)
    truth = pd.read_csv(corpus / "truth.csv")
    table = pd.read_excel(book, sheet_name="FACS_Movement_Only", skiprows=9, dtype={"Subject": str})
    assert len(table) == len(truth)
    assert (table["Duration"] == table["Offset"] - table["Onset"] + 1).all()
    assert set(table["Type"]) <= {"Macro", "Micro - 1/2"}
    for row in table.itertuples():
        folder = str(row.Filename).rsplit("_", 1)[0]
        assert folder.startswith(str(row.Subject))
        assert (tmp_path / folder / f"{folder}_{row.Offset:04d}.jpg").is_file()
