"""Tables of annotations and predictions, and the command that scores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from megc_live.errors import DatasetError
from training.commands_score import Rule, app
from training.protocols.spotting import RULES
from training.protocols.tables import read_recognition_table, read_spotting_table


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_spotting_table_keeps_all_its_columns(write: Any) -> None:
    path = write(
        "t.csv",
        "\ufeffvideo, onset ,offset,kind,label,score,person,note\r\n"
        "a,3,12,micro,negative,0.5,p1,\r\n"
        '\r\n"b, c",0,100.0,Macro,,,007,"two\nlines"\r\n'
        "a,4,12,macro,2,nan,p1,x\r\n",
    )
    table = read_spotting_table(path)
    assert list(table.columns) == ["video", "onset", "offset", "kind", "label", "score", "person", "note"]
    assert table.index.tolist() == [2, 4, 6]
    assert table["video"].tolist() == ["a", "b, c", "a"]
    assert table["offset"].tolist() == [12, 100, 12] and table["offset"].dtype == "int64"
    assert table["kind"].tolist() == ["micro", "macro", "macro"]
    assert table["label"].tolist() == ["negative", "", "surprise"]
    assert table["score"].isna().tolist() == [False, True, True]
    assert table["person"].tolist() == ["p1", "007", "p1"]


def test_the_kind_is_micro_where_none_is_given(write: Any) -> None:
    table = read_spotting_table(write("t.csv", "offset,onset,video\n9,0,a\n"))
    assert table["kind"].tolist() == ["micro"]
    assert "label" not in table


def test_a_header_alone_is_a_table_without_rows(write: Any) -> None:
    table = read_spotting_table(write("t.csv", "video,onset,offset\n"))
    assert len(table) == 0
    assert table["onset"].dtype == "int64" and "kind" in table
    assert len(read_recognition_table(write("r.csv", "dataset,subject,clip,truth,pred"))) == 0


@pytest.mark.parametrize(
    ("text", "row", "column", "says"),
    [
        ("", 1, "video", "empty"),
        ("\n \n", 1, "video", "empty"),
        ("video,onset\na,1\n", 1, "offset", "no such column"),
        ("video;onset;offset\na;1;2\n", 1, "video", "commas"),
        ("a,1,2\n", 1, "video", "no such column"),
        ("video,onset,onset,offset\na,1,1,2\n", 1, "onset", "2 times"),
        ("video,onset,offset\na,1,5\n\na,9,8\n", 4, "offset", "before the onset 9"),
        ("video,onset,offset\na,,8\n", 2, "onset", "missing"),
        ("video,onset,offset\na,1,NaN\n", 2, "offset", "missing"),
        ("video,onset,offset\n,1,2\n", 2, "video", "missing"),
        ("video,onset,offset\na,1.5,8\n", 2, "onset", "'1.5' is not a whole number"),
        ("video,onset,offset\na,1_0,80\n", 2, "onset", "not a whole number"),
        ("video,onset,offset\na,1,inf\n", 2, "offset", "not a whole number"),
        ("video,onset,offset\na,0,9\na,-3,8\n", 3, "onset", "negative"),
        ("video,onset,offset\na,0,9\nb,0,9\na,0,9\n", 4, "video+onset+offset+kind", "row 2 already"),
        ("video,onset,offset\na,0,9\na,0,9.0\n", 3, "video+onset+offset+kind", "row 2 already"),
        ("video,onset,offset,kind\na,0,9,blink\n", 2, "kind", "micro, macro"),
        ("video,onset,offset,kind\na,0,9,\n", 2, "kind", "missing"),
        ("video,onset,offset,label\na,0,9,others\n", 2, "label", "negative, positive, surprise"),
        ("video,onset,offset,score\na,0,9,high\n", 2, "score", "not a number"),
        ('video,onset,offset\n"a\nb",0,9\nc,0,x\n', 4, "offset", "not a whole number"),
        ("video,onset,offset\na,0\n", 2, "offset", "2 values"),
        ("video,onset,offset\na,b,0,9\n", 2, "offset", "4 values"),
    ],
)
def test_a_bad_spotting_table_is_pointed_at(write: Any, text: str, row: int, column: str, says: str) -> None:
    path = write("bad.csv", text)
    with pytest.raises(DatasetError) as caught:
        read_spotting_table(path)
    message = str(caught.value)
    assert f"{str(path)!r}, row {row}, column {column}: " in message
    assert says in message


def test_the_same_frames_may_be_micro_and_macro(write: Any) -> None:
    assert (
        len(read_spotting_table(write("t.csv", "video,onset,offset,kind\na,0,9,micro\na,0,9,macro\n"))) == 2
    )


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00video", b'video,onset,offset\n"a,0,9\n'])
def test_a_file_that_is_no_table_is_named(write: Any, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "gone.csv" if content is None else write("odd.csv", content)
    with pytest.raises(DatasetError, match=path.name):
        read_spotting_table(path)
    with pytest.raises(DatasetError, match="cannot read"):
        read_spotting_table(tmp_path)


@pytest.mark.parametrize(
    ("text", "row", "column", "says"),
    [
        ("dataset,subject,clip,truth\nsmic,s1,a,0\n", 1, "pred", "no such column"),
        ("dataset,subject,clip,truth,pred\nsmic,s1,a,0,3\n", 2, "pred", "'3' is an unknown label"),
        ("dataset,subject,clip,truth,pred\nsmic,s1,a,,1\n", 2, "truth", "missing"),
        (
            "dataset,subject,clip,truth,pred\nsmic,s1,a,0,1\nsmic,s1,a,0,1\n",
            3,
            "dataset+subject+clip",
            "row 2",
        ),
        (
            "dataset,subject,clip,seed,truth,pred\ns,1,a,0,0,1\ns,1,a,1,0,1\ns,1,a,1,0,1\n",
            4,
            "dataset+subject+clip+seed",
            "row 3",
        ),
    ],
)
def test_a_bad_recognition_table_is_pointed_at(
    write: Any, text: str, row: int, column: str, says: str
) -> None:
    path = write("bad.csv", text)
    with pytest.raises(DatasetError) as caught:
        read_recognition_table(path)
    assert f"{str(path)!r}, row {row}, column {column}: " in str(caught.value)
    assert says in str(caught.value)


# --- the command ----------------------------------------------------------------------------------------


def run(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def scores_of(*args: object) -> dict[str, Any]:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    values: dict[str, Any] = json.loads(result.stdout)
    return values


TRUTH = "video,onset,offset,kind,label\na,10,19,micro,negative\na,50,59,micro,positive\nb,0,59,macro,\n"
PRED = (
    "video,onset,offset,kind,label,score\na,10,18,micro,negative,0.9\na,11,19,micro,positive,0.8\n"
    "b,0,50,macro,,0.7\nc,0,9,micro,surprise,0.6\n"
)


def test_every_rule_has_its_name_on_the_command_line() -> None:
    assert [rule.value for rule in Rule] == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_spotting_is_one_json_object(write: Any, rule: str) -> None:
    values = scores_of(
        "spotting", "--truth", write("t.csv", TRUTH), "--pred", write("p.csv", PRED), "--rule", rule
    )
    names = {"tp", "fp", "fn", "precision", "recall", "f1"}
    if rule == "megc2020":
        names |= {"hit", "predicted", "truth"}
    if rule == "strs":
        names |= {"strs", "f1_spot", "f1_recog"}
    assert values.keys() >= names | {"kinds"}
    assert values["kinds"].keys() == {"micro", "macro"}
    for kind in values["kinds"].values():
        assert kind.keys() >= names
    expected = {"megc2019": (1, 0, 1)}.get(rule, (2, 2, 1))
    assert (values["tp"], values["fp"], values["fn"]) == expected
    assert (values["rule"], values["iou_threshold"]) == (rule, 0.5)


def test_one_to_one_is_the_default_rule_and_the_table_shows_it(write: Any) -> None:
    files = ("--truth", write("t.csv", TRUTH), "--pred", write("p.csv", PRED))
    assert scores_of("spotting", *files)["rule"] == "one-to-one"
    assert scores_of("spotting", *files, "--iou", 0.95)["tp"] == 0
    assert scores_of("spotting", *files, "--videos", "me-only")["fp"] == 1
    shown = run("spotting", *files)
    assert shown.exit_code == 0
    for word in ("one-to-one", "micro", "macro", "0.571"):
        assert word in shown.stdout


def test_tables_without_rows_score_zero(write: Any) -> None:
    header = write("h.csv", "video,onset,offset\n")
    values = scores_of("spotting", "--truth", header, "--pred", header)
    assert (values["tp"], values["fp"], values["fn"], values["f1"]) == (0, 0, 0, 0)
    values = scores_of("spotting", "--truth", write("t.csv", TRUTH), "--pred", header)
    assert (values["tp"], values["fp"], values["fn"], values["f1"]) == (0, 0, 3, 0)


@pytest.mark.parametrize(
    ("pred", "options", "code", "says"),
    [
        ("", (), 1, "empty"),
        ("video,onset,offset\na,9,8\n", (), 1, "row 2, column offset"),
        ("video,onset,offset\na,8,9\n", ("--rule", "strs"), 1, "column label"),
        ("video,onset,offset,label\na,8,9,0\n", ("--rule", "strs", "--compat"), 1, "subject"),
        ("video,onset,offset\na,8,9\n", ("--rule", "megc2020", "--compat"), 2, "--compat"),
    ],
)
def test_errors_are_one_line(write: Any, pred: str, options: tuple[str, ...], code: int, says: str) -> None:
    result = run(
        "spotting", "--truth", write("t.csv", TRUTH), "--pred", write("p.csv", pred), "--json", *options
    )
    assert result.exit_code == code
    assert result.stdout == ""
    assert says in result.stderr and result.stderr.count("\n") == 1


RECOGNISED = (
    "dataset,subject,clip,truth,pred\n"
    "smic,s1,a,negative,negative\nsmic,s1,b,positive,negative\nsmic,s2,a,surprise,surprise\n"
    "samm,6,a,negative,negative\nsamm,6,b,positive,positive\n"
)


def test_recognition_from_one_file(write: Any) -> None:
    path = write("r.csv", RECOGNISED)
    values = scores_of("recognition", "--truth", path, "--pred", path)
    # negative: 2 TP, 1 FP; positive: 1 TP, 1 FN; surprise: 1 TP.
    assert values["uf1"] == pytest.approx((4 / 5 + 2 / 3 + 1) / 3)
    assert values["uar"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert values["per_dataset"].keys() == {"smic", "samm"}
    assert values["per_dataset"]["smic"]["uf1"] == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert values["per_dataset"]["samm"]["uar"] == pytest.approx(2 / 3)
    shown = run("recognition", "--truth", path, "--pred", path)
    assert shown.exit_code == 0 and "samm" in shown.stdout


def test_a_class_without_clips_is_told_once_and_apart_from_the_scores(write: Any) -> None:
    path = write("r.csv", RECOGNISED)
    shown = run("recognition", "--truth", path, "--pred", path, "--json")
    assert shown.exit_code == 0
    assert shown.stderr.splitlines() == ["note: samm has no clip of surprise: counts as 0 in UF1 and UAR."]
    assert json.loads(shown.stdout)["per_dataset"]["samm"]["uar"] == pytest.approx(2 / 3)


def test_a_table_without_clips_has_no_score(write: Any) -> None:
    path = write("r.csv", "dataset,subject,clip,truth,pred\n")
    shown = run("recognition", "--truth", path, "--pred", path)
    assert shown.exit_code == 1 and "has no clips" in shown.stderr and not shown.stdout


def test_recognition_joins_by_clip_not_by_row(write: Any) -> None:
    truth = write("t.csv", RECOGNISED)
    _, *rows = RECOGNISED.splitlines()
    cut = ["dataset,subject,clip,pred", *(",".join((*r.split(",")[:3], r.split(",")[4])) for r in rows[::-1])]
    pred = write("p.csv", "\n".join(cut))
    assert scores_of("recognition", "--truth", truth, "--pred", pred) == scores_of(
        "recognition", "--truth", truth, "--pred", truth
    )


def test_recognition_of_several_seeds_is_their_mean(write: Any) -> None:
    path = write(
        "r.csv",
        "dataset,subject,clip,seed,truth,pred\ns,1,a,0,0,0\ns,1,b,0,1,1\ns,1,c,0,2,2\n"
        "s,1,a,1,0,1\ns,1,b,1,1,2\ns,1,c,1,2,0\n",
    )
    values = scores_of("recognition", "--truth", path, "--pred", path)
    assert (values["uf1"], values["per_dataset"]["s"]["uar"]) == (0.5, 0.5)
    assert values["seeds"] == {"0": {"uf1": 1.0, "uar": 1.0}, "1": {"uf1": 0.0, "uar": 0.0}}


@pytest.mark.parametrize(
    ("pred", "says"),
    [
        ("dataset,subject,clip,pred\n", "no prediction for 5 of 5 clips"),
        ("dataset,subject,clip,pred\nsmic,s1,a,0\n", "no prediction for 4 of 5 clips"),
        (RECOGNISED + "casme2,sub01,x,negative,negative\n", "row 7, column clip: casme2 sub01 x is not in"),
        (RECOGNISED.replace("samm,6,a", "samm,006,a"), "samm 006 a is not in"),
    ],
)
def test_missing_and_extra_clips_are_errors(write: Any, pred: str, says: str) -> None:
    result = run("recognition", "--truth", write("t.csv", RECOGNISED), "--pred", write("p.csv", pred))
    assert result.exit_code == 1
    assert says in result.stderr and result.stderr.count("\n") == 1


def test_a_clip_has_one_annotation(write: Any) -> None:
    path = write("r.csv", "dataset,subject,clip,seed,truth,pred\ns,1,a,0,0,0\ns,1,a,1,1,0\n")
    result = run("recognition", "--truth", path, "--pred", path)
    assert result.exit_code == 1 and "with another seed" in result.stderr
