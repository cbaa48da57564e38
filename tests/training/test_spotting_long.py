"""Spotters judged on long videos: from images in the data sets' layouts to tables, scores and report."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from megc_live.errors import DatasetError, SettingsError
from megc_live.models import shipped_folder
from megc_live.spotting import SPOTTERS, Span
from megc_live.spotting.signals import RegionSignal
from megc_live.synthesis.demo import DEMO_CAMERA, portrait
from megc_live.synthesis.photo import animate_photo
from megc_live.synthesis.plan import draw_plan
from megc_live.synthesis.write import write_clip
from megc_live.video.frame import PixelImage
from tests.training.dying_fold import die_once
from tests.training.test_spotting import clip as made_up_clip
from training.cli import app
from training.datasets.base import read_dataset
from training.datasets.clip_layouts import LAYOUTS
from training.protocols.matching import Expression
from training.protocols.spotting import RULES
from training.ship import export_models
from training.spotting.fit_net import HELD_BACK, NetSchedule, split_people
from training.spotting.long import evaluate as module
from training.spotting.long import loso
from training.spotting.long.evaluate import evaluate_long
from training.spotting.long.loso import FITTED, Fold, deal_seed, run_fold
from training.spotting.long.page import render
from training.spotting.long.scores import PROTOCOLS, prediction_table, score_method, truth_table
from training.spotting.long.videos import Recorded, unit_names

TINY = NetSchedule(width=8, epochs=1, batches=3, batch=4, steps=96, bank=60)
FPS, SECONDS = 25.0, 7.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people with planted movements, and of one a still video in which nothing is."""
    out = tmp_path_factory.mktemp("corpus")
    (out / "clips").mkdir()
    rows = []
    rgb, points = portrait()
    for k, seed in enumerate((1, 3, 7)):  # movements that a local temporal pattern shows
        name = f"p{k}__a__v0"
        plan_rng, life_rng, render_rng = np.random.default_rng(seed).spawn(3)
        plan = draw_plan(
            plan_rng,
            SECONDS,
            FPS,
            counts={"micro": 2, "macro": 1},
            micro_amplitude=(0.07, 0.09),
            units=["AU1", "AU2", "AU12", "AU10", "AU4"],
        )
        busy = [(e.onset_s, e.offset_s) for e in plan]
        photo = animate_photo(
            rgb, points, SECONDS, FPS, life_rng, size=(256, 256), eye_px=36.5, liveliness=0.1, avoid=busy
        )
        frames = photo.frames(plan, rng=render_rng, camera=DEMO_CAMERA)
        write_clip(out / "clips" / f"{name}.mp4", frames, fps=FPS, crf=DEMO_CAMERA.crf)
        rows += [(name, e.onset, e.apex, e.offset, e.kind, e.label, e.unit_text) for e in plan]
    rows.append(("p0__a__v0", 115, 130, 150, "macro", "positive", "AU12"))
    write_clip(out / "clips" / "p2__b__v0.mp4", [PixelImage(rgb, "rgb")] * 40, fps=FPS)
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("video", "onset", "apex", "offset", "kind", "label", "units"))
        table.writerows(rows)
    return out


@pytest.fixture(scope="module")
def cas(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """CAS(ME)^2 as written, the evaluation's folder, and its summary."""
    root, out = tmp_path_factory.mktemp("cas"), tmp_path_factory.mktemp("out") / "cas"
    LAYOUTS["cas_me2"](corpus, root)
    return root, out, evaluate_long("cas_me2", root, out, methods=["fire-always", *FITTED], schedule=TINY)


def row_of(summary: dict[str, Any], method: str) -> dict[str, Any]:
    (row,) = [row for row in summary["rows"] if row["method"] == method]
    return row


def scored(truth: Path, pred: Path, rule: str, videos: str) -> dict[str, Any]:
    """What `megc-train score spotting` says."""
    asked = ["--truth", truth, "--pred", pred, "--rule", rule, "--videos", videos, "--json"]
    result = CliRunner().invoke(app, ["score", "spotting", *map(str, asked)])
    assert result.exit_code == 0, result.output
    values: dict[str, Any] = json.loads(result.output)
    return values


def test_what_was_planted_is_the_truth(corpus: Path, cas: tuple[Path, Path, dict[str, Any]]) -> None:
    _, out, summary = cas
    with (corpus / "truth.csv").open(encoding="utf-8") as stream:
        planted = sorted((int(r["onset"]), int(r["offset"]), r["kind"]) for r in csv.DictReader(stream))
    with (out / "truth.csv").open(encoding="utf-8") as stream:
        truth = list(csv.DictReader(stream))
    assert sorted((int(r["onset"]), int(r["offset"]), r["kind"]) for r in truth) == planted
    assert {r["subject"] for r in truth} == {"s15", "s16", "s17"}
    assert (summary["videos"], summary["videos_with_micro"], summary["subjects"]) == (4, 3, 3)
    assert summary["micro"] + summary["macro"] == len(planted)
    assert summary["minutes"] == pytest.approx((3 * SECONDS + 40 / FPS) / 60, abs=0.02)


@pytest.mark.parametrize("method", ["fire-always", *FITTED])
def test_the_score_command_gives_the_same_numbers(
    cas: tuple[Path, Path, dict[str, Any]], method: str
) -> None:
    _, out, summary = cas
    row = row_of(summary, method)
    pred = out / "predictions" / f"{method}.csv"
    assert pred.read_text(encoding="utf-8").startswith("video,onset,offset,kind,label,score,subject\n")
    for protocol, videos in PROTOCOLS.items():
        for rule in RULES:
            ours = row["scores"][protocol][rule]
            theirs = scored(out / "truth.csv", pred, rule, videos)
            if ours is None:  # nothing was named
                assert (method, rule) == ("fire-always", "strs") and theirs["strs"] == 0
            else:
                assert ours == {key: theirs[key] for key in ours}


def test_the_protocols_differ_by_the_video_without_a_movement(
    cas: tuple[Path, Path, dict[str, Any]],
) -> None:
    scores = row_of(cas[2], "fire-always")["scores"]
    alarms = 4  # of 11 frames and more in 40
    more = [
        scores["MEGC2021+"][rule]["fp"] - scores["MEGC2019"][rule]["fp"]
        for rule in ("one-to-one", "megc2020")
    ]
    assert more == [alarms, alarms]
    assert row_of(cas[2], "fire-always")["subjects"]["s17"]["micro"]["fp"] >= alarms


def test_fitted_spotters_find_movements_and_say_what_was_chosen(
    cas: tuple[Path, Path, dict[str, Any]],
) -> None:
    summary = cas[2]
    net = row_of(summary, "ltp-net")
    assert set(net["chosen"]) == {"s15", "s16", "s17"}
    assert all(0.2 <= chosen["threshold"] <= 0.95 for chosen in net["chosen"].values())
    assert net["origin"] == "fitted on the other subjects"
    found = [row_of(summary, name)["scores"]["MEGC2021+"]["one-to-one"] for name in FITTED]
    assert all(score["tp"] + score["fp"] > 0 for score in found)
    for name in ("fire-always", *FITTED):
        for protocol, parts in row_of(summary, name)["interval_95"].items():
            for part, (low, high) in parts.items():
                score = row_of(summary, name)["scores"][protocol]["one-to-one"]
                f1 = score["f1"] if part == "overall" else score["kinds"][part]["f1"]
                assert low <= f1 <= high


def test_what_was_spotted_is_named(cas: tuple[Path, Path, dict[str, Any]]) -> None:
    _, out, summary = cas
    with (out / "predictions" / "ltp-ml.csv").open(encoding="utf-8") as stream:
        labels = {row["label"] for row in csv.DictReader(stream) if row["kind"] == "micro"}
    assert labels and labels <= {"negative", "positive", "surprise"}
    assert summary["settings"]["recognizer"] == "ststnet"
    assert summary["models"]["ststnet"] == summary["settings"]["recognizer_sha256"]


def test_the_report_needs_nothing_else_and_says_what_it_compares(
    cas: tuple[Path, Path, dict[str, Any]],
) -> None:
    _, out, summary = cas
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page == render(json.loads((out / "summary.json").read_text(encoding="utf-8")))
    assert "http" not in page and "<script" not in page and "<link" not in page
    for words in ("fire-always (synthetic)", "OF-FD (He 2021)", "0.0179", "megc2019, videos with a micro"):
        assert words in page
    assert "not spotted" in page, "ltp-ml has no macro F1"
    assert summary["files_sha256"]["truth.csv"] in page and summary["settings"]["code"] in page


def test_its_scores_go_into_no_card_of_a_model_fitted_elsewhere(
    cas: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="an evaluation on cas_me2"):
        export_models(shipped_folder(), tmp_path / "models", cas[1])
    assert not (tmp_path / "models").exists()


def test_a_real_data_set_is_not_called_synthetic(cas: tuple[Path, Path, dict[str, Any]]) -> None:
    page = render(cas[2] | {"synthetic": False})
    assert "ynthetic" not in page.partition("Settings, versions, hashes")[0]
    assert "Spotting on cas_me2" in page


def test_a_run_goes_on_and_keeps_what_is_finished(
    cas: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, out, summary = cas
    again = tmp_path / "again"
    shutil.copytree(out, again)
    (again / "folds" / "ltp-ml" / "s16.json").unlink()
    (again / "report.html").unlink()
    kept = {p: p.stat().st_mtime_ns for part in ("folds", "signals") for p in (again / part).rglob("*.*")}
    names = ["fire-always", "ltp-ml"]
    with pytest.raises(SettingsError, match="--resume"):
        evaluate_long("cas_me2", root, again, methods=names, schedule=TINY)
    resumed = evaluate_long("cas_me2", root, again, methods=names, schedule=TINY, resume=True)
    assert [row_of(resumed, name) for name in names] == [row_of(summary, name) for name in names]
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert (again / "report.html").exists() and (again / "folds" / "ltp-ml" / "s16.json").exists()
    for other in ({"seed": 1}, {"schedule": NetSchedule()}, {"recognizer": "none"}):
        with pytest.raises(SettingsError, match="other data, settings or code"):
            evaluate_long(
                "cas_me2",
                root,
                again,
                methods=names,
                resume=True,
                **({"schedule": TINY} | other),  # type: ignore[arg-type]
            )
    (again / "folds" / "ltp-ml" / "s16.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"s16\.json"):
        evaluate_long("cas_me2", root, again, methods=names, schedule=TINY, resume=True)


def test_nobody_is_fitted_on_who_is_judged(
    cas: tuple[Path, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, out, _ = cas
    items = tuple(Recorded.of(video, out) for video in read_dataset("cas_me2", root).videos)
    seen: list[set[str]] = []

    def spy(clips: Any, *_: Any) -> Any:
        seen.append({clip.person for clip in clips})
        raise DatasetError("that is enough")

    monkeypatch.setattr(loso, "fit_svm", spy)
    monkeypatch.setattr(loso, "fit_bag", spy)
    for method in FITTED:
        with pytest.raises(DatasetError, match=f"{method} cannot be fitted without s16: that is enough"):
            run_fold(Fold(method, "s16", items, 0, 1, TINY, ""))
    assert seen == [{"s15", "s17"}] * 2


class Eager:
    """A spotter that is not fitted: it fires for 0.3 s, once, 1 s after it saw a face."""

    delay_s = 0.0

    def __init__(self, models: object, threshold: float | None = None) -> None:
        self._first: float | None = None

    def push(self, signal: RegionSignal) -> list[Span]:
        if self._first is None:
            self._first = signal.pts_s
        if self._first >= 0 and signal.pts_s >= self._first + 1.3:
            start, self._first = self._first + 1.0, float("-inf")
            return [Span(start, start + 0.1, start + 0.3, 0.5, "macro")]
        return []

    def flush(self) -> list[Span]:
        self._first = None
        return []


@pytest.fixture
def eager() -> Iterator[None]:
    SPOTTERS.register("eager", summary="a test's", kinds=("macro",), trained=False)(Eager)
    yield
    del SPOTTERS._entries["eager"]


@pytest.mark.usefixtures("eager")
def test_samm_cropped_faces_with_what_ships_and_an_unfitted_spotter(corpus: Path, tmp_path: Path) -> None:
    root, out = tmp_path / "samm", tmp_path / "out"
    LAYOUTS["samm_long_cropped"](corpus, root)
    names = ["ltp-ml", "eager", "ltp-net-shipped"]
    summary = evaluate_long("samm_long", root, out, methods=names, schedule=TINY)
    assert summary["subjects"] == 3 and summary["videos"] == 4
    assert [f["column"] for f in summary["findings"]].count("rate file") == 4, "25 frames/s, not 200"
    with (out / "predictions" / "eager.csv").open(encoding="utf-8") as stream:
        eager = [(r["video"], int(r["onset"]), int(r["offset"]), r["kind"]) for r in csv.DictReader(stream)]
    assert [row[0] for row in eager] == ["015_1", "016_1", "017_1", "017_2"]
    assert all(row[1] == pytest.approx(FPS, abs=2) and row[3] == "macro" for row in eager)
    assert row_of(summary, "eager")["origin"] == "nothing is fitted"
    shipped = row_of(summary, "ltp-net-shipped")
    assert "OTHER DATA" in shipped["origin"] and shipped["data"]
    assert all(row["scores"]["MEGC2019"]["strs"] is None for row in summary["rows"]), "SAMM has no labels"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "FITTED ON OTHER DATA" in page and "LTP-ML, cropped faces" in page
    for rule in ("one-to-one", "megc2019", "megc2020"):
        ours = row_of(summary, "ltp-ml")["scores"]["MEGC2021+"][rule]
        theirs = scored(out / "truth.csv", out / "predictions" / "ltp-ml.csv", rule, "all")
        assert ours == {key: theirs[key] for key in ours}


def test_both_editions_of_samm_side_by_side(corpus: Path, tmp_path: Path) -> None:
    import cv2

    LAYOUTS["samm_long_cropped"](corpus, tmp_path)
    cropped = read_dataset("samm_long", tmp_path)
    LAYOUTS["samm_long"](corpus, tmp_path)
    whole = read_dataset("samm_long", tmp_path)
    assert [f.done for f in whole.findings if f.column == "folder"] == [
        "whole frames taken: for the cropped faces give their own folder"
    ]
    assert [(v.video, v.truth, v.units) for v in whole.videos] == [
        (v.video, v.truth, v.units) for v in cropped.videos
    ]
    alone = read_dataset("samm_long", tmp_path / "cropped", next(tmp_path.glob("*.xlsx")))
    assert [v.frames for v in alone.videos] == [v.frames for v in cropped.videos]
    for full, face in zip(whole.videos, cropped.videos, strict=True):
        big, small = (cv2.imread(str(v.frames[0]), cv2.IMREAD_GRAYSCALE) for v in (full, face))
        assert 0.05 * big.size < small.size < 0.7 * big.size
        found = cv2.matchTemplate(big, small, cv2.TM_SQDIFF)
        assert found.min() / small.size < 20, "a part of the same picture"


def test_action_units_as_they_are_written() -> None:
    assert unit_names("R12+6") == ("AU12R", "AU6")
    assert unit_names("12R + 4B") == ("AU12R", "AU4")
    assert unit_names("AU1/AU2") == ("AU1", "AU2")
    assert unit_names("0") == unit_names("") == unit_names("eye blink") == ()


def item(video: str, subject: str, *truth: Expression, out: Path = Path()) -> Recorded:
    return Recorded(video, subject, 30.0, 1800, truth, ((),) * len(truth), Path(), out)


def spotted(onset: int, offset: int, score: float = 0.5, kind: str = "micro") -> dict[str, Any]:
    return {"onset": onset, "apex": onset, "offset": offset, "kind": kind, "score": score}


def test_scores_of_a_hand_worked_case() -> None:
    twice = Expression(10, 19)
    items = [
        item("a", "s1", twice, twice, Expression(50, 90, "macro")),
        item("b", "s2", Expression(5, 40, "macro")),
        item("c", "s2"),
    ]
    found = {
        "a": [spotted(10, 19, 0.4), spotted(10, 19, 0.9), spotted(100, 110)],
        "b": [spotted(5, 40, kind="macro")],
        "c": [spotted(3, 9), spotted(20, 30)],
    }
    truth, pred = truth_table(items), prediction_table(items, found)
    assert len(truth) == 3, "annotated twice, counted once"
    assert list(pred["score"]) == [0.9, 0.5, 0.5, 0.5, 0.5], "of equal intervals the best"
    result = score_method(items, truth, pred)
    me_only, whole = (result["scores"][name]["one-to-one"]["kinds"] for name in PROTOCOLS)
    assert [me_only["micro"][key] for key in ("tp", "fp", "fn")] == [1, 1, 0]
    assert [me_only["macro"][key] for key in ("tp", "fp", "fn")] == [0, 0, 1]
    assert [whole["micro"][key] for key in ("tp", "fp", "fn")] == [1, 3, 0]
    assert [whole["macro"][key] for key in ("tp", "fp", "fn")] == [1, 0, 1]
    assert result["alarms_per_minute"] == {"micro": 1.0, "macro": 0.0, "overall": 1.0}
    assert result["subjects"]["s2"]["micro"] == {"tp": 0, "fp": 2, "fn": 0}
    # Draws of s1 alone give 2/3, of both 2/5, of s2 alone 0.
    assert result["interval_95"]["MEGC2021+"]["micro"] == [0.0, pytest.approx(2 / 3)]
    assert result["scores"]["MEGC2021+"]["strs"] is None


def test_the_threshold_is_chosen_on_somebody_who_shows_a_micro_expression() -> None:
    clips = [made_up_clip(f"v{k}", f"p{k}", seconds=4.0, seed=k) for k in range(8)]
    for clip in clips[1:]:
        clip.truth = []
    for seed in range(6):
        dealt = deal_seed(clips, seed, 1)
        assert (dealt - seed) % 1000 == 0
        assert "p0" in split_people(clips, HELD_BACK, dealt)[0]
    with pytest.raises(DatasetError, match="0 of them"):
        deal_seed(clips[1:], 0, 1)
    with pytest.raises(DatasetError, match="networks need"):
        deal_seed(clips[:2], 0, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_give_what_one_process_gives_and_a_killed_one_loses_no_fold(
    cas: tuple[Path, Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out, summary = cas
    again = tmp_path / "again"
    shutil.copytree(out, again)
    shutil.rmtree(again / "folds")
    monkeypatch.setattr(module, "_run_fold", die_once)

    def run() -> dict[str, Any]:
        names = ["fire-always"]
        return evaluate_long("cas_me2", root, again, methods=names, schedule=TINY, jobs=2, resume=True)

    with pytest.raises(SettingsError, match="killed; what was finished is kept"):
        run()
    kept = {path: path.stat().st_mtime_ns for path in (again / "folds").rglob("*.json")}
    assert again / "folds" / "fire-always" / "s17.json" not in kept
    assert run()["rows"] == [row_of(summary, "fire-always")]
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_what_cannot_be_judged_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ltp-net-shipped"):
        evaluate_long("cas_me2", tmp_path, tmp_path, methods=["magic"])
    with pytest.raises(SettingsError, match="cas_me2, samm_long"):
        evaluate_long("casme2", tmp_path, tmp_path)
    root = tmp_path / "cas"
    LAYOUTS["cas_me2"](corpus, root)
    shutil.rmtree(root / "rawpic" / "s16")
    with pytest.raises(DatasetError, match="needs 3 subjects with images, got 2"):
        evaluate_long("cas_me2", root, tmp_path / "out")
    for option in (
        ["--folds", "3"], ["--root", str(root)], ["--dataset", "casme9"],
        ["--jobs", "2", "--cluster", "tcp://127.0.0.1:1"],
        ["--dataset", "synthetic", "--cluster", "tcp://127.0.0.1:1"],
    ):  # fmt: skip
        asked = ["--dataset", "cas_me2", "--root", str(root), "--out", str(tmp_path / "out"), *option]
        result = CliRunner().invoke(app, ["evaluate", "spotting", *asked])
        assert result.exit_code == 2 and "error" in result.output
    assert not (tmp_path / "out").exists()


def test_the_command_goes_on_and_prints_a_line_a_method_and_protocol(
    cas: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    root, out, _ = cas
    again = tmp_path / "again"
    shutil.copytree(out, again)
    asked = ["--dataset", "cas_me2", "--root", root, "--out", again, "--method", "fire-always", "--resume"]
    # The command has the schedule of real data: another run than the tiny one of the tests.
    result = CliRunner().invoke(app, ["evaluate", "spotting", *map(str, asked)])
    assert result.exit_code == 2 and "other data, settings or code" in result.output
    (again / "settings.json").unlink()
    result = CliRunner().invoke(app, ["evaluate", "spotting", *map(str, asked)])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("fire-always")]
    assert [line.split()[1] for line in lines] == list(PROTOCOLS)
    assert all("one-to-one (synthetic): micro F1 0." in line for line in lines)
