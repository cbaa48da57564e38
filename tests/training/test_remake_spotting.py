"""``megc-train report`` of evaluations of spotters: the page from the tables alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.training.test_spotting import clip
from training.cli import app
from training.datasets.base import Corpus
from training.protocols.matching import Expression
from training.spotting.evaluate import evaluate_corpus
from training.spotting.fit_net import NetSchedule
from training.spotting.long import evaluate as long
from training.spotting.long.loso import Fold
from training.spotting.long.videos import Recorded
from training.spotting.report import write_results


def reported(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["report", str(folder)])
    return result.exit_code, result.output.replace("\n", " ")


def spotted(onset: int, offset: int, kind: str = "micro") -> dict[str, Any]:
    return {"onset": onset, "apex": onset, "offset": offset, "kind": kind, "score": 0.5}


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """What an evaluation on long videos writes, its folds made up: one video shows nothing."""
    out = tmp_path / "evaluated"
    micro, macro = Expression(10, 19), Expression(50, 90, "macro")
    items = tuple(
        Recorded(video, subject, 29.97, 1800, truth, ((),) * len(truth), Path(), out)
        for video, subject, truth in (("a", "s1", (micro, macro)), ("b", "s2", (micro,)), ("c", "s3", ()))
    )
    found = {
        "ltp-ml": {"a": [spotted(10, 20)], "b": [spotted(40, 50)], "c": []},
        "ltp-net": {"a": [spotted(50, 90, "macro"), spotted(12, 19)], "b": [], "c": [spotted(1, 9)]},
    }
    folds = []
    for method, spans in found.items():
        folds.append([Fold(method, i.subject, items, 0, 1, NetSchedule(), "") for i in items])
        for fold in folds[-1]:
            (video,) = fold.held_out
            chosen = {"threshold": 0.4} if method == "ltp-net" else {}
            fold.path.parent.mkdir(parents=True, exist_ok=True)
            fold.path.write_text(
                json.dumps(
                    {"method": method, "subject": fold.subject, "chosen": chosen,
                     "found": {video.video: spans[video.video]}}
                )
            )  # fmt: skip
    settings = {"synthetic": False, "recognizer": "", "schedule": asdict(NetSchedule())}
    long._write(out, Corpus("cas_me2", (), (), ()), items, ["d"], folds, settings)
    return out


@pytest.fixture
def tables(evaluated: Path, tmp_path: Path) -> Path:
    """A copy of what a report is made of, without the folds."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("summary.json", "truth.csv", "videos.csv"):
        shutil.copy(evaluated / name, folder)
    shutil.copytree(evaluated / "predictions", folder / "predictions")
    return folder


def test_the_report_is_made_anew_from_the_tables(evaluated: Path, tables: Path) -> None:
    assert reported(tables) == (0, f"written: {tables / 'report.html'} ")
    assert (tables / "report.html").read_bytes() == (evaluated / "report.html").read_bytes()


def test_a_summary_that_claims_more_than_the_tables_is_contradicted(tables: Path) -> None:
    before = json.loads((tables / "summary.json").read_text())
    before["rows"][0]["scores"]["MEGC2019"]["megc2019"]["f1"] = 0.99
    before["minutes"] += 1
    (tables / "summary.json").write_text(json.dumps(before))
    (tables / "predictions/ltp-net.csv").unlink()
    (tables / "predictions/mine.csv").write_bytes((tables / "truth.csv").read_bytes())
    with (tables / "predictions/ltp-ml.csv").open("a", newline="") as stream:
        stream.write("c,1,5,micro,,0.5,s3\n")
    code, output = reported(tables)
    lines = [
        "ltp-ml, scores MEGC2019 megc2019 f1: summary.json says 0.99, the predictions give 0.4",
        "ltp-ml, subjects s3 micro fp: summary.json says 0, the predictions give 1",
        f"minutes: summary.json says {before['minutes']}, the predictions give 3.0",
        "summary.json has no row mine",
        "summary.json has a row ltp-net, of which there are no predictions",
        "predictions/ltp-ml.csv is not the file of which summary.json gives the SHA-256",
    ]
    assert code == 0 and [line for line in lines if f"DISAGREES: {line}" not in output] == []
    page = (tables / "report.html").read_text()
    assert "summary.json disagrees" in page and [line for line in lines if line not in page] == []
    perfect = page.partition("<td>mine</td>")[2].partition("</tr>")[0]
    assert "not in summary.json" in perfect and perfect.count("1.0000 [") == 6
    assert json.loads((tables / "summary.json").read_text()) == before


def add(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")


def change(folder: Path, **values: Any) -> None:
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "videos.csv").unlink(), "holds no videos.csv"),
        (lambda f: (f / "truth.csv").unlink(), "cannot read the table"),
        (lambda f: shutil.rmtree(f / "predictions"), "holds no predictions"),
        (lambda f: add(f / "truth.csv", "nobody,1,2,micro,,s1"), "column video: nobody is not in videos"),
        (lambda f: add(f / "videos.csv", "more,s1,0,25"), "column frames: '0' is no number of frames"),
        (lambda f: add(f / "videos.csv", "more,s1,9,-1"), "column fps: '-1' is no frame rate"),
        (lambda f: change(f, dataset="casme9"), "'casme9', no data set of long videos"),
        (lambda f: change(f, settings=3), "the 'settings' of it is 3"),
        (lambda f: change(f, settings={}), "lacks what the page needs"),
        (lambda f: change(f, rows=[{"method": "a"}]), "row 1 has no 'origin'"),
    ],
)
def test_tables_that_are_not_whole_are_refused(
    tables: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(tables)
    code, output = reported(tables)
    assert code == 1 and says in output and "Traceback" not in output
    assert not (tables / "report.html").exists()


def test_the_page_of_a_synthetic_corpus_is_made_anew_from_its_tables(tmp_path: Path) -> None:
    clips = [clip(f"p{k}__clip__{'s' if k % 2 else 'v'}0", f"p{k}", seed=k) for k in range(3)]
    clips[2].truth = []  # a person of whom no row of a table speaks
    folds = evaluate_corpus(clips, tmp_path, methods=["fire-always"], folds=3)
    folds[0].predictions["fire-always"] *= 2  # two faces in which the same was found
    write_results(tmp_path, clips, folds)
    page = (tmp_path / "accuracy.md").read_text()
    (tmp_path / "accuracy.md").unlink()
    assert reported(tmp_path) == (0, f"written: {tmp_path / 'accuracy.md'} ")
    assert (tmp_path / "accuracy.md").read_text() == page
    shutil.copy(tmp_path / "truth.csv", tmp_path / "predictions-fire-always.csv")
    code, output = reported(tmp_path)
    assert code == 0 and "DISAGREES: fire-always (all), f1: summary.json says 0." in output
    assert "minutes" not in output and "people" not in output
    page = (tmp_path / "accuracy.md").read_text()
    assert "summary.json disagrees" in page and "| `fire-always` | 1.000 | 1.00 to 1.00 |" in page
    (tmp_path / "predictions-fire-always.csv").write_text("video,onset,offset\nnobody,1,2\n")
    code, output = reported(tmp_path)
    assert code == 1 and "nobody is not in videos.csv" in output
