"""Files and fits that are not right end as one error, and are never taken for something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from megc_live.errors import DatasetError, ModelError
from tests.training.dying import Steady
from tests.training.test_recognition import made_up
from training.datasets.flow_file import FlowData
from training.datasets.footage import find_sources
from training.datasets.layouts import read_corpus
from training.recognition import evaluate as module
from training.recognition.base import make_method
from training.recognition.evaluate import evaluate_recognition
from training.ship import export_models
from training.spotting.evaluate import evaluate_corpus
from training.spotting.sequences import read_listing, read_truth
from training.spotting.signal_log import SignalLog, recorded_version, signal_version


class Diverging(Steady):
    """A network whose weights became NaN."""

    def fit(self, data: FlowData, seed: int) -> Any:
        class Lost:
            def probabilities(self, flow: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
                return np.full((len(flow), 3), np.nan)

        return Lost()


def test_a_fit_that_diverged_is_an_error_and_no_vote_for_the_first_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made_up(36)
    np.savez(
        tmp_path / "d.npz", flow=data.flow, label=data.label, subject=data.subject, dataset=data.dataset,
        clip=data.clip,
    )  # fmt: skip
    monkeypatch.setattr(module, "_make", lambda names, settings: {"off-apexnet": Diverging()})
    with pytest.raises(ModelError, match="fold000 of off-apexnet_seed0: the fit did not converge"):
        evaluate_recognition(
            "megc2019-flow", tmp_path / "d.npz", tmp_path / "out", seeds=1, control=False,
            published_counts=False,
        )  # fmt: skip
    assert not list((tmp_path / "out").rglob("fold*.csv"))


@pytest.mark.parametrize("name", ["rbf-svm", "bi-woof"])
def test_a_machine_that_is_left_one_class_says_so(name: str) -> None:
    data = made_up(36)
    two = np.unique(data.group)[:2]
    part = data.subset(np.isin(data.group, two))
    alike = part.relabelled(np.where(part.group == two[0], 0, 1))
    with pytest.raises(DatasetError, match="samples are of one"):
        make_method(name).left_out(alike)  # type: ignore[attr-defined]


def test_signals_that_cannot_be_read_are_recorded_again(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert recorded_version(path) == ""
    SignalLog(np.zeros(3), [[]]).save(path)
    assert recorded_version(path) == signal_version()
    path.write_bytes(path.read_bytes()[:200])
    assert recorded_version(path) == ""


def test_a_fold_that_is_none(tmp_path: Path) -> None:
    from tests.training.test_spotting import clip

    clips = [clip(f"v{k}", f"p{k}", seconds=4.0, seed=k) for k in range(2)]
    for text in ("[1]", "{", '{"key": 1}'):
        (tmp_path / "fold-0.json").write_text(text)
        with pytest.raises(DatasetError, match="no fold of an evaluation"):
            evaluate_corpus(clips, tmp_path, folds=2)


@pytest.mark.parametrize("text", ["[]", '{"clips": [{"video": "a"}]}', '{"clips": 3}', "{"])
def test_a_corpus_whose_list_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(DatasetError, match="not a corpus"):
        read_listing(tmp_path)


def test_a_truth_table_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_bytes(b"video,onset,offset,kind,units\n\xff\xfe,1,2,micro,AU1\n")
    with pytest.raises(DatasetError, match="cannot read"):
        read_truth(path)
    path.write_text("video,onset,offset,kind,units\na,1,2,micro,AU1\na,soon,9,micro,AU1\n")
    with pytest.raises(DatasetError, match="column onset"):
        read_truth(path)
    path.write_text("video,onset,offset,kind,units\n")
    assert len(read_truth(path)) == 0


def test_a_table_of_people_as_a_spreadsheet_saves_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    people = tmp_path / "people.csv"
    people.write_text("file,person,note\na.mp4,ann,\n", encoding="utf-8-sig")
    assert [source.person for source in find_sources([tmp_path], people)] == ["ann"]
    people.write_text("file,person,note\na.mp4\n")
    with pytest.raises(DatasetError, match="row 2: the file or the person is missing"):
        find_sources([tmp_path], people)


def test_a_card_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"x")
    for card in ("[]", json.dumps({"name": "a", "settings": 3})):
        (tmp_path / "a.json").write_text(card)
        with pytest.raises(ModelError, match="card of"):
            export_models(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"video,onset\n", b"video,\xff\xfe\n"])
def test_a_corpus_that_cannot_be_written_in_a_layout(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "truth.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"truth\.csv"):
        read_corpus(tmp_path)
