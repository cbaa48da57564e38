"""Small workbooks and folders in exactly the layouts of the releases, each quirk one test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from megc_live.errors import DatasetError, SettingsError
from training.cli import app
from training.commands_check import Name
from training.datasets.base import DATASETS, Corpus, Finding, read_dataset
from training.protocols.matching import Expression

CASME2 = (
    "Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None,
    "Action Units", "Estimated Emotion",
)  # fmt: skip
SAMM = (
    "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration",
    "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
)  # fmt: skip
SAMM_LONG = (
    "Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type",
    "Action Units", "Notes",
)  # fmt: skip
SMIC = ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion")

Rows = Sequence[Sequence[Any]]


def workbook(path: Path, **sheets: Rows) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title.replace("naming_", "naming "))
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def casme2(folder: Path, *rows: Sequence[Any], header: Sequence[Any] = CASME2) -> Path:
    return workbook(folder / "CASME2-coding-20140508.xlsx", Sheet1=[header, *rows], Sheet2=[], Sheet3=[])


def samm(folder: Path, *rows: Sequence[Any]) -> Path:
    preamble = [["SAMM Micro-Movements"], *[[None]] * 12]
    return workbook(folder / "SAMM_Micro_FACS_Codes_v2.xlsx", MICRO_ONLY=[*preamble, SAMM, *rows])


def samm_clip(subject: object, onset: Any = 10, apex: Any = 15, offset: Any = 20) -> list[Any]:
    return [subject, "006_1_2", "001", onset, apex, offset, 11, "Micro 1/2", "AU4", "Anger", 1, ""]


def samm_long(folder: Path, *rows: Sequence[Any], preamble: int = 9) -> Path:
    lines = [["SAMM Long Videos"], *[[None]] * (preamble - 1)]
    path = folder / "SAMM_LongVideos_V3_Release.xlsx"
    return workbook(path, FACS_Movement_Only=[*lines, SAMM_LONG, *rows])


def long_row(
    onset: Any, apex: Any, offset: Any, kind: str = "Macro", name: str = "006_1_1", subject: Any = "006"
) -> list[Any]:
    return [subject, name, 1, onset, apex, offset, offset - onset + 1, kind, "12", ""]


def cas_me2(folder: Path, *rows: Sequence[Any]) -> Path:
    return workbook(
        folder / "CAS(ME)^2code_final.xlsx",
        CASFEcode_final=rows,
        naming_rule1=[[15, "s15", 1], [15, "s15", 1], [16, "s16", 2]],
        naming_rule2=[[101, "disgust1"], [502, "happy1"]],
    )


def cas_row(onset: Any, apex: Any, offset: Any, clip: str = "happy1_1", subject: Any = 1) -> list[Any]:
    return [subject, clip, onset, apex, offset, "12", "positive", "micro-expression", ""]


def images(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"")


def found(corpus: Corpus, column: str) -> list[Finding]:
    return [finding for finding in corpus.findings if finding.column == column]


# CASME II


def test_casme2_skips_the_blank_columns_and_keeps_absolute_frames(tmp_path: Path) -> None:
    rows = (
        ["01", "EP02_01f", None, 46, 59, 86, None, "12", "happiness"],
        ["02", "EP09_10", None, 1, 5, 9, None, "L4+7", "repression"],
        ["03", "EP01_2", None, 1, 5, 9, None, 4, "others"],
        ["03", "EP01_3", None, 1, 5, 9, None, 4, "fear"],
    )
    corpus = read_dataset("casme2", annotations=casme2(tmp_path, *rows))
    first = corpus.clips[0]
    assert (first.subject, first.clip, first.label, first.units) == ("sub01", "EP02_01f", 1, "12")
    assert (first.onset, first.apex, first.offset, first.fps) == (46, 59, 86, 200.0)
    assert [clip.label for clip in corpus.clips] == [1, 0, None, None]
    assert corpus.clips[2].units == "4"
    assert corpus.findings == ()


def test_casme2_newer_edition_has_one_column_more(tmp_path: Path) -> None:
    path = casme2(
        tmp_path,
        ["01", "EP02_01f", None, 46, 59, 86, None, "12", "surprise", 2],
        header=[*CASME2, "Objective Classes"],
    )
    assert read_dataset("casme2", annotations=path).clips[0].label == 2


def test_casme2_slash_is_a_missing_apex(tmp_path: Path) -> None:
    path = casme2(tmp_path, ["04", "EP12_01f", None, 21, "/", 61, None, "4", "others"])
    corpus = read_dataset("casme2", annotations=path)
    assert corpus.clips[0].apex is None
    where = "CASME2-coding-20140508.xlsx, sheet Sheet1"
    assert corpus.findings == (Finding(where, 2, "apex", "/", "taken as missing"),)


def test_casme2_known_slip_is_corrected_with_a_finding(tmp_path: Path) -> None:
    rows = [["01", f"EP01_{i}", None, 51, 61, 80, None, "4", "others"] for i in range(60)]
    path = casme2(tmp_path, *rows, ["05", "EP99", None, 51, 81, 911, None, "4", "others"])
    corpus = read_dataset("casme2", annotations=path)
    assert corpus.clips[60].offset == 91
    assert [(f.row, f.read) for f in found(corpus, "offset")] == [(62, "911")]


def test_a_possible_offset_in_the_row_of_the_known_slip_is_left_alone(tmp_path: Path) -> None:
    rows = [["01", f"EP01_{i}", None, 51, 61, 80, None, "4", "others"] for i in range(61)]
    corpus = read_dataset("casme2", annotations=casme2(tmp_path, *rows))
    assert corpus.clips[60].offset == 80
    assert corpus.findings == ()


def test_an_emotion_that_is_not_known_is_told(tmp_path: Path) -> None:
    path = casme2(tmp_path, ["01", "EP02_01f", None, 46, 59, 86, None, "12", "happyness"])
    corpus = read_dataset("casme2", annotations=path)
    assert corpus.clips[0].label is None
    assert [f.read for f in found(corpus, "emotion")] == ["happyness"]


def test_the_same_clip_twice_is_kept_and_told(tmp_path: Path) -> None:
    row = ["01", "EP02_01f", None, 46, 59, 86, None, "12", "happiness"]
    corpus = read_dataset("casme2", annotations=casme2(tmp_path, row, row))
    assert [clip.clip for clip in corpus.clips] == ["EP02_01f", "EP02_01f#2"]
    assert len(found(corpus, "filename")) == 1


def test_casme2_images_run_from_onset_to_offset(tmp_path: Path) -> None:
    casme2(tmp_path, ["01", "EP02_01f", None, 9, 10, 11, None, "12", "happiness"])
    folder = tmp_path / "CASME2_RAW_selected" / "sub01" / "EP02_01f"
    images(folder, *(f"img{i}.jpg" for i in range(8, 13)))
    clip = read_dataset("casme2", tmp_path).clips[0]
    assert clip.numbers == (9, 10, 11)
    assert [path.name for path in clip.frames] == ["img9.jpg", "img10.jpg", "img11.jpg"]


def test_missing_images_are_told(tmp_path: Path) -> None:
    row = ["01", "A", None, 1, 2, 4, None, "12", "happiness"]
    casme2(tmp_path, row, ["01", "B", *row[2:]])
    images(tmp_path / "sub01" / "A", "img1.jpg", "img2.jpg", "img4.jpg")
    corpus = read_dataset("casme2", tmp_path)
    assert corpus.clips[0].numbers == (1, 2, 4)
    assert [f.where for f in found(corpus, "images")] == ["casme2 sub01 A", "casme2 sub01 B"]


def test_two_versions_of_the_images_are_refused(tmp_path: Path) -> None:
    casme2(tmp_path, ["01", "A", None, 1, 1, 1, None, "12", "happiness"])
    for version in ("Cropped", "RAW"):
        images(tmp_path / version / "sub01" / "A", "img1.jpg")
    with pytest.raises(DatasetError, match="two folders of one clip"):
        read_dataset("casme2", tmp_path)


def test_a_folder_without_any_image_is_refused(tmp_path: Path) -> None:
    casme2(tmp_path, ["01", "A", None, 1, 1, 1, None, "12", "happiness"])
    with pytest.raises(DatasetError, match="no image of any clip of casme2"):
        read_dataset("casme2", tmp_path)


# SAMM


@pytest.mark.parametrize("subject", [6, "006", 6.0])
def test_samm_subject_as_number_or_text(tmp_path: Path, subject: object) -> None:
    clip = read_dataset("samm", annotations=samm(tmp_path, samm_clip(subject))).clips[0]
    assert (clip.subject, clip.clip, clip.label, clip.emotion) == ("006", "006_1_2", 0, "Anger")
    assert (clip.onset, clip.apex, clip.offset, clip.units) == (10, 15, 20, "AU4")


def test_samm_apex_outside_its_clip_is_taken_as_missing(tmp_path: Path) -> None:
    corpus = read_dataset("samm", annotations=samm(tmp_path, samm_clip(6, apex=2100)))
    assert corpus.clips[0].apex is None
    assert [(f.row, f.read) for f in found(corpus, "apex")] == [(15, "2100, not within 10 to 20")]


def test_the_workbook_of_the_other_data_set_is_refused(tmp_path: Path) -> None:
    """Their columns are the same: only the clips' names tell them apart."""
    book = casme2(tmp_path, ["01", "EP02_01f", None, 46, 59, 86, None, "12", "happiness"])
    with pytest.raises(DatasetError, match="'EP02_01f' are those of casme2, not of samm"):
        read_dataset("samm", annotations=book)
    with pytest.raises(DatasetError, match="'006_1_2' are those of samm, not of casme2"):
        read_dataset("casme2", annotations=samm(tmp_path, samm_clip(6)))


def test_samm_images_have_absolute_numbers(tmp_path: Path) -> None:
    samm(tmp_path, samm_clip(6, 5562, 5563, 5564))
    images(tmp_path / "006" / "006_1_2", *(f"006_{n:05d}.jpg" for n in range(5562, 5565)))
    assert read_dataset("samm", tmp_path).clips[0].numbers == (5562, 5563, 5564)


# SMIC


def test_smic_folders_of_the_first_edition(tmp_path: Path) -> None:
    for clip, kind in (("s1_ne_01", "negative"), ("s11_po_02", "positive"), ("s20_sur_01", "surprise")):
        subject = clip.partition("_")[0]
        images(tmp_path / "HS" / subject / "micro" / kind / clip, "image101.bmp", "image99.bmp")
    images(tmp_path / "HS" / "s1" / "non_micro" / "s1_non_01", "image1.bmp")
    clips = read_dataset("smic", tmp_path).clips
    assert [(c.subject, c.clip, c.label) for c in clips] == [
        ("s01", "s1_ne_01", 0),
        ("s11", "s11_po_02", 1),
        ("s20", "s20_sur_01", 2),
    ]
    assert (clips[0].onset, clips[0].apex, clips[0].offset, clips[0].fps) == (99, None, 101, 100.0)
    assert [path.name for path in clips[0].frames] == ["image99.bmp", "image101.bmp"]


def test_smic_other_cameras_are_not_mixed_in(tmp_path: Path) -> None:
    for camera in ("HS", "VIS"):
        images(tmp_path / camera / "s1" / "micro" / "negative" / "s1_ne_01", "image1.bmp")
    with pytest.raises(DatasetError, match="two folders of one clip"):
        read_dataset("smic", tmp_path)


def test_smic_extended_edition_with_its_workbook(tmp_path: Path) -> None:
    row = ["s20", "s20_ne_01", 17581040, 17581041, 17581039, "negative"]
    workbook(tmp_path / "SMIC-HS-E_annotation.xlsx", Sheet1=[SMIC, row])
    names = [f"image{n}.jpg" for n in range(17581039, 17581044)]
    images(tmp_path / "SMIC_HS_E" / "s20" / "s20_ne_01", *names)
    corpus = read_dataset("smic", tmp_path)
    clip = corpus.clips[0]
    assert (clip.subject, clip.label, clip.apex) == ("s20", 0, None)
    assert clip.numbers == (17581040, 17581041)
    assert corpus.findings == ()


def test_smic_emotion_against_the_clips_name_is_told(tmp_path: Path) -> None:
    row = ["s1", "s1_sur_01", 1, 9, 1, "positive"]
    path = workbook(tmp_path / "SMIC-HS-E_annotation.xlsx", Sheet1=[SMIC, row])
    corpus = read_dataset("smic", annotations=path)
    assert corpus.clips[0].label == 2
    assert [f.read for f in found(corpus, "emotion")] == ["positive"]


# CAS(ME)^2


def test_cas_me2_names_come_from_the_naming_rules(tmp_path: Path) -> None:
    path = cas_me2(tmp_path, cas_row(11, 15, 20), cas_row(31, 35, 40, "disgust1_2", 2))
    corpus = read_dataset("cas_me2", annotations=path)
    assert [(v.subject, v.video) for v in corpus.videos] == [("s15", "s15_0502"), ("s16", "s16_0101")]
    assert corpus.videos[0].truth == (Expression(10, 19, "micro", "positive"),)
    assert corpus.findings == ()


def test_cas_me2_missing_offset_becomes_the_apex(tmp_path: Path) -> None:
    corpus = read_dataset("cas_me2", annotations=cas_me2(tmp_path, cas_row(11, 15, 0)))
    assert corpus.videos[0].truth[0].frames == (10, 14)
    assert [(f.row, f.read, f.done) for f in found(corpus, "offset")] == [
        (1, "0", "missing: the apex 15 taken")
    ]


def test_cas_me2_offset_before_the_apex_is_kept_and_told(tmp_path: Path) -> None:
    corpus = read_dataset("cas_me2", annotations=cas_me2(tmp_path, cas_row(11, 15, 13)))
    assert corpus.videos[0].truth[0].frames == (10, 12)
    assert [f.read for f in found(corpus, "offset")] == ["13, before the apex 15"]


def test_cas_me2_other_edition_with_hashes_duration_and_junk(tmp_path: Path) -> None:
    path = cas_me2(
        tmp_path, ["###"], [*cas_row(11, 15, 20), 10], [None] * 9, ["see above"], [None, None, 300]
    )
    corpus = read_dataset("cas_me2", annotations=path)
    assert [v.truth[0].frames for v in corpus.videos] == [(10, 19)]
    assert [(f.row, f.read) for f in corpus.findings] == [(1, "###"), (4, "see above"), (5, "300")]


def test_cas_me2_row_without_a_type_between_others_is_refused(tmp_path: Path) -> None:
    path = cas_me2(tmp_path, cas_row(1, 2, 3), ["junk"], cas_row(11, 15, 20))
    with pytest.raises(DatasetError, match=r"sheet CASFEcode_final, row 2, column type: None"):
        read_dataset("cas_me2", annotations=path)


def test_cas_me2_videos_without_a_movement_are_kept(tmp_path: Path) -> None:
    cas_me2(tmp_path, cas_row(2, 3, 4))
    for title in ("15_0502funnyerrors", "15_0508funnydunkey"):
        images(tmp_path / "rawpic" / "s15" / title, *(f"img{n}.jpg" for n in range(1, 12)))
    corpus = read_dataset("cas_me2", tmp_path)
    assert [(v.video, len(v.frames), len(v.truth)) for v in corpus.videos] == [
        ("s15_0502", 11, 1),
        ("s15_0508", 11, 0),
    ]
    assert [path.name for path in corpus.videos[0].frames[1:4]] == ["img2.jpg", "img3.jpg", "img4.jpg"]
    assert [f.where for f in corpus.findings] == ["s15_0508"]


def test_plain_list_of_megc2020(tmp_path: Path) -> None:
    path = tmp_path / "all_Info.txt"
    path.write_text(
        "s15 0401 macro-expression 557.0 572.0 608.0\ns15 0401 micro-expression 3.0 5.0 0.0\n", "utf-8"
    )
    corpus = read_dataset("cas_me2", annotations=path)
    assert [v.video for v in corpus.videos] == ["s15_0401"]
    assert corpus.videos[0].truth == (Expression(2, 4, "micro"), Expression(556, 607, "macro"))
    path.write_text("s15 0401 macro-expression 557.0\n", "utf-8")
    with pytest.raises(DatasetError, match="row 1: 4 words"):
        read_dataset("cas_me2", annotations=path)


# SAMM long videos


@pytest.mark.parametrize("preamble", [9, 10])
def test_samm_long_header_is_found_by_its_names(tmp_path: Path, preamble: int) -> None:
    path = samm_long(tmp_path, long_row(11, 15, 20, "Micro - 1/2", subject=6), preamble=preamble)
    corpus = read_dataset("samm_long", annotations=path)
    assert [(v.subject, v.video, v.fps) for v in corpus.videos] == [("006", "006_1", 200.0)]
    assert corpus.videos[0].truth == (Expression(10, 19, "micro"),)
    assert corpus.findings == ()


def test_samm_long_fractional_frames_are_rounded_and_told(tmp_path: Path) -> None:
    path = samm_long(tmp_path, long_row(566.4000000000001, 600, 700.6))
    corpus = read_dataset("samm_long", annotations=path)
    assert corpus.videos[0].truth[0].frames == (565, 700)
    assert [f.done for f in found(corpus, "onset")] == ["rounded to 566"]
    assert [f.row for f in found(corpus, "offset")] == [11]


def test_samm_long_missing_apex_and_onset_zero(tmp_path: Path) -> None:
    corpus = read_dataset("samm_long", annotations=samm_long(tmp_path, long_row(0, -1, 20)))
    assert corpus.videos[0].truth[0].frames == (0, 19)
    assert [f.read for f in found(corpus, "apex")] == ["-1"]
    assert [(f.row, f.done) for f in found(corpus, "onset")] == [(11, "before the first image: 1 taken")]


def test_samm_long_offset_past_the_end_is_clipped(tmp_path: Path) -> None:
    samm_long(tmp_path, long_row(11, 15, 40))
    images(tmp_path / "SAMM_longvideos" / "006_1", *(f"006_1_{n:04d}.jpg" for n in range(1, 31)))
    corpus = read_dataset("samm_long", tmp_path)
    assert corpus.videos[0].truth[0].frames == (10, 29)
    assert [(f.read, f.done) for f in found(corpus, "offset")] == [
        ("40", "past the end of 006_1: clipped to 30")
    ]


def test_samm_long_duration_that_does_not_fit_is_told(tmp_path: Path) -> None:
    row = long_row(11, 15, 20)
    row[6] = 50
    corpus = read_dataset("samm_long", annotations=samm_long(tmp_path, row))
    assert [f.read for f in found(corpus, "duration")] == ["50"]


# The composite list


def test_composite_subjects_are_named_as_in_the_data_sets(tmp_path: Path) -> None:
    path = tmp_path / "combined_3class_gt.csv"
    path.write_text("samm,6,006_1_2,0\nsmic,s1,s1_ne_01,0\ncasme2,sub01,EP02_01f,1\n", "utf-8")
    clips = read_dataset("composite", annotations=path).clips
    assert [(c.dataset, c.subject, c.clip, c.label, c.fps) for c in clips] == [
        ("samm", "006", "006_1_2", 0, 200.0),
        ("smic", "s01", "s1_ne_01", 0, 100.0),
        ("casme2", "sub01", "EP02_01f", 1, 200.0),
    ]


def composite_root(folder: Path, listed: str) -> Path:
    samm(folder / "samm", samm_clip(6, 1, 2, 3))
    images(folder / "samm" / "006" / "006_1_2", *(f"006_{n:05d}.jpg" for n in (1, 2, 3)))
    images(folder / "smic" / "HS" / "s1" / "micro" / "negative" / "s1_ne_01", "image5.bmp", "image6.bmp")
    (folder / "combined_3class_gt.csv").write_text(listed, "utf-8")
    return folder


def test_composite_takes_frames_from_the_corpora_and_labels_from_the_list(tmp_path: Path) -> None:
    root = composite_root(tmp_path, "samm,6,006_1_2,1\nsmic,s1,s1_ne_01,0\n")
    corpus = read_dataset("composite", root)
    assert [(c.dataset, c.label, c.onset, len(c.frames)) for c in corpus.clips] == [
        ("samm", 1, 1, 3),
        ("smic", 0, 5, 2),
    ]
    assert [(f.row, f.read) for f in found(corpus, "label")] == [(1, "positive, but Anger in samm")]


def test_composite_clip_that_no_corpus_has(tmp_path: Path) -> None:
    root = composite_root(tmp_path, "samm,6,006_1_2,0\nsmic,s1,s1_ne_02,0\n")
    with pytest.raises(DatasetError, match="row 2: the clip smic s01 s1_ne_02 is not in"):
        read_dataset("composite", root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("samm,6,006_1_2,3", "row 1, column label: '3'"),
        ("samm,x,006_1_2,0", "row 1, column subject: 'x'"),
        ("casme3,6,006_1_2,0", "row 1, column dataset: 'casme3'"),
        ("samm,6,006_1_2", "row 1, column all"),
        ("samm,6,006_1_2,0\nsamm,006,006_1_2,0", "row 2, column clip: '006_1_2'"),
        ("", "lists no clip"),
    ],
)
def test_bad_lines_of_the_composite_list(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "combined_3class_gt.csv"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(DatasetError, match=message):
        read_dataset("composite", annotations=path)


# Bad workbooks


@pytest.mark.parametrize("value", ["abc", None, True, "nan", "inf"])
def test_a_frame_that_is_no_number_names_sheet_row_and_column(tmp_path: Path, value: object) -> None:
    path = samm(tmp_path, samm_clip(6, onset=value))
    with pytest.raises(DatasetError, match=r"sheet MICRO_ONLY, row 15, column onset: .*a frame number"):
        read_dataset("samm", annotations=path)


def test_offset_before_onset_names_sheet_row_and_column(tmp_path: Path) -> None:
    for name, path in (
        ("samm", samm(tmp_path, samm_clip(6, offset=4))),
        ("samm_long", samm_long(tmp_path, long_row(11, 15, 4))),
        ("cas_me2", cas_me2(tmp_path, cas_row(11, 15, 4))),
    ):
        with pytest.raises(DatasetError, match=r"row \d+, column offset: 4, expected a frame number from"):
            read_dataset(name, annotations=path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", Sheet1=[["Subject", "Filename", "OnsetFrame"]])
    with pytest.raises(DatasetError, match="lacks apex, offset, units, emotion"):
        read_dataset("casme2", annotations=path)


def test_a_file_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_text("subject,clip\n")
    with pytest.raises(DatasetError, match="cannot read the workbook"):
        read_dataset("samm", annotations=path)


def test_a_damaged_file_is_one_line_wherever_the_damage_is(tmp_path: Path) -> None:
    sheet = workbook(tmp_path / "whole.xlsx", Sheet1=[CASME2, *[["01", f"EP{k}"] for k in range(300)]])
    np.savez_compressed(tmp_path / "whole.npz", flow=np.arange(9000) % 251, label=np.arange(9000) % 3)
    rng = np.random.default_rng(0)
    for whole, name in ((sheet, "casme2"), (tmp_path / "whole.npz", "megc2019-flow")):
        damaged = tmp_path / f"damaged{whole.suffix}"
        for _ in range(40):
            data = bytearray(whole.read_bytes())
            for place in rng.integers(len(data), size=3):
                data[place] ^= int(rng.integers(1, 256))
            damaged.write_bytes(data)
            with pytest.raises(DatasetError):
                read_dataset(name, annotations=damaged)


def test_a_missing_sheet_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", CASFEcode_final=[cas_row(1, 2, 3)])
    with pytest.raises(DatasetError, match="no sheet 'naming rule1'"):
        read_dataset("cas_me2", annotations=path)


@pytest.mark.parametrize("name", [name.value for name in Name])
def test_nothing_given_and_nothing_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError):
        read_dataset(name)
    with pytest.raises(DatasetError):
        read_dataset(name, tmp_path / "none")
    with pytest.raises(DatasetError):
        read_dataset(name, annotations=tmp_path / "none")


def test_a_name_that_is_no_data_set() -> None:
    with pytest.raises(SettingsError, match="there is no data set named 'casme3'"):
        read_dataset("casme3")


def test_the_command_offers_what_is_registered() -> None:
    assert sorted(name.value for name in Name) == sorted(DATASETS)


# megc-train check


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *map(str, words)])
    return result.exit_code, result.output


def test_check_exits_with_1_where_counts_differ(tmp_path: Path) -> None:
    path = samm_long(tmp_path, long_row(0, 5, 20))
    code, text = run("samm_long", "--annotations", path)
    assert code == 1
    assert "Counts differ" in text
    code, text = run("samm_long", "--annotations", path, "--json")
    result = json.loads(text)
    assert (code, result["agrees"]) == (1, False)
    assert {"count": "macro", "read": 1, "published": 343, "agrees": False} in result["counts"]
    assert [f["column"] for f in result["findings"]] == ["onset"]


def flow_file(path: Path, counts: dict[str, tuple[int, int, int]]) -> Path:
    subjects = {"smic": "s{:02d}", "casme2": "sub{:02d}", "samm": "{:03d}"}
    people = {"smic": 16, "casme2": 24, "samm": 28}
    rows = []
    for name, labels in counts.items():
        all_labels = [c for c, n in enumerate(labels) for _ in range(n)]
        for i, label in enumerate(all_labels):
            rows.append((label, subjects[name].format(i % people[name]), name, f"clip{i}"))
    label, subject, dataset, clip = map(np.array, zip(*rows, strict=True))
    flow = np.zeros((len(rows), 28, 28, 3), np.uint8)
    np.savez_compressed(path, flow=flow, label=label, subject=subject, dataset=dataset, clip=clip)
    return path


def test_check_agrees_with_the_published_flow_file(tmp_path: Path) -> None:
    counts = {"smic": (70, 51, 43), "casme2": (88, 32, 25), "samm": (92, 26, 15)}
    path = flow_file(tmp_path / "flow.npz", counts)
    code, text = run("megc2019-flow", "--annotations", path, "--json")
    result = json.loads(text)
    assert (code, result["agrees"]) == (0, True)
    assert {"count": "subjects", "read": 68, "published": 68, "agrees": True} in result["counts"]
    counts["samm"] = (91, 26, 15)
    code, _ = run("megc2019-flow", "--annotations", flow_file(path, counts))
    assert code == 1


def test_check_finds_the_extended_edition_of_smic(tmp_path: Path) -> None:
    rows = []
    for short, kind, n in (("ne", "negative", 66), ("po", "positive", 51), ("sur", "surprise", 40)):
        for i in range(n):
            rows.append([f"s{i % 16 + 1}", f"s{i % 16 + 1}_{short}_{i:02d}", 1, 9, 1, kind])
    path = workbook(tmp_path / "SMIC-HS-E_annotation.xlsx", Sheet1=[SMIC, *rows])
    code, text = run("smic", "--annotations", path, "--json")
    result = json.loads(text)
    assert (code, result["edition"]) == (0, "extended")


def test_check_knows_both_editions_of_casme2(tmp_path: Path) -> None:
    kinds = ["happiness"] * 32 + ["surprise"] * 25 + ["others"] * 198
    rows = [[f"{i % 26 + 1:02d}", f"EP{i}", None, 1, 5, 9, None, "4", kind] for i, kind in enumerate(kinds)]
    found = {}
    for n in (255, 247, 246):
        path = casme2(tmp_path / str(n), *rows[:n])
        code, text = run("casme2", "--annotations", path, "--json")
        found[n] = (code, json.loads(text)["edition"])
    assert found[255] == (0, "") and found[247] == (0, "of 247 clips")
    assert found[246][0] == 1


def test_check_counts_all_of_a_whole_cas_me2(tmp_path: Path) -> None:
    """22 subjects, 95 videos with 300 macro- and 57 micro-expressions, as published."""
    stimuli = [f"happy{i}" for i in range(1, 6)]
    videos = [(subject, stimulus) for subject in range(1, 23) for stimulus in stimuli][:95]
    videos = [*videos[:92], (20, "happy1"), (21, "happy1"), (22, "happy1")]
    rows = []
    for i in range(357):
        subject, stimulus = videos[i % 95]
        kind = "micro-expression" if i < 57 else "macro-expression"
        rows.append([subject, f"{stimulus}_1", 10 * i + 1, 10 * i + 3, 10 * i + 5, "", "others", kind, ""])
    path = workbook(
        tmp_path / "CAS(ME)^2code_final.xlsx",
        CASFEcode_final=rows,
        naming_rule1=[[i + 14, f"s{i + 14}", i] for i in range(1, 23)],
        naming_rule2=[[501 + i, name] for i, name in enumerate(stimuli)],
    )
    code, text = run("cas_me2", "--annotations", path, "--json")
    assert code == 0, text
    assert "videos" not in {row["count"] for row in json.loads(text)["counts"]}


def test_check_says_one_line_where_a_workbook_is_bad(tmp_path: Path) -> None:
    path = samm(tmp_path, samm_clip(6, onset="abc"))
    code, text = run("samm", "--annotations", path)
    assert code == 1
    assert len(text.strip().splitlines()) == 1
    assert "row 15, column onset" in text


def test_samm_long_movement_outside_its_video_is_left_out_and_told(tmp_path: Path) -> None:
    samm_long(tmp_path, long_row(1, 2, 3), long_row(50, 55, 60))
    images(tmp_path / "006_1", *(f"006_1_{n:04d}.jpg" for n in range(1, 31)))
    corpus = read_dataset("samm_long", tmp_path)
    assert [e.frames for e in corpus.videos[0].truth] == [(0, 2)]
    assert [(f.row, f.read) for f in found(corpus, "onset")] == [(12, "50")]


def test_cas_me2_cropped_images_beside_the_whole_ones(tmp_path: Path) -> None:
    """With both in the release the whole frames are taken; the cropped ones where they are asked for."""
    path = cas_me2(tmp_path, cas_row(2, 3, 4))
    for version in ("rawpic", "cropped"):
        images(tmp_path / version / "s15" / "15_0502funnyerrors", *(f"img{n}.jpg" for n in range(1, 9)))
    for root, version in ((tmp_path, "rawpic"), (tmp_path / "cropped", "cropped")):
        video = read_dataset("cas_me2", root, path).videos[0]
        assert {frame.parent.parent.parent.name for frame in video.frames} == {version}
        assert video.truth[0].frames == (1, 3)
