from __future__ import annotations

import hashlib
import json
import shutil
import urllib.error
import urllib.request
from email.message import Message
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from megc_live import models
from megc_live.errors import ModelError
from megc_live.models import LANDMARKER_BYTES, LANDMARKER_FILE, LANDMARKER_SHA256, ModelCard, ModelStore
from megc_live.settings import ModelSettings

SHIPPED = models.shipped_folder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a copy of a model that ships."""
    made = tmp_path / "models"
    made.mkdir()
    for suffix in ("onnx", "json"):
        shutil.copy(SHIPPED / f"ststnet.{suffix}", made)
    return made


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache."""
    made = tmp_path / "cache"
    monkeypatch.setattr(models, "cache_folder", lambda: made)
    return made


def one_line(error: ModelError) -> str:
    assert "\n" not in str(error)
    return str(error)


def test_the_models_that_ship_are_whole_and_their_cards_complete() -> None:
    store = ModelStore()
    assert "ststnet" in store.names()
    for card_path in SHIPPED.glob("*.json"):
        file = store.get(card_path.stem)
        assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest() == file.card["sha256"]
        assert ModelCard.model_validate(file.card).problems() == []
        assert not list(SHIPPED.glob("*.data"))


def test_a_session_runs_on_one_thread_of_the_provider_that_is_named() -> None:
    store = ModelStore()
    session = store.session("ststnet")
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_providers() == [store.provider] == ["CPUExecutionProvider"]


def test_a_provider_that_is_missing_is_an_error() -> None:
    store = ModelStore(ModelSettings(provider="MadeUpExecutionProvider"))
    with pytest.raises(ModelError, match=r"models\.provider.*CPUExecutionProvider"):
        store.session("ststnet")


def test_the_folder_of_the_settings_comes_first(folder: Path, cache: Path) -> None:
    assert ModelStore(ModelSettings(directory=folder)).get("ststnet").path == folder / "ststnet.onnx"
    shutil.copytree(folder, cache)
    assert ModelStore().get("ststnet").path == cache / "ststnet.onnx"


def test_a_store_opens_a_model_once_and_keeps_it(folder: Path) -> None:
    store = ModelStore(ModelSettings(directory=folder))
    session, file = store.session("ststnet"), store.get("ststnet")
    (folder / "ststnet.onnx").unlink()  # a new face needs no file any more
    assert store.session("ststnet") is session and store.get("ststnet") is file
    assert not {check.name: check for check in store.verify()}["ststnet"].ok


def test_an_altered_model_is_refused_by_every_store_that_loads_it(folder: Path) -> None:
    store = ModelStore(ModelSettings(directory=folder))
    path = folder / "ststnet.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    for load in (store.get, store.session):
        with pytest.raises(ModelError) as caught:
            load("ststnet")
        assert "megc-live models verify" in one_line(caught.value)
    bad = {check.name: check for check in store.verify()}["ststnet"]
    assert not bad.ok and "SHA-256" in bad.message


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "not valid"),
        ("{}", "sha256"),
        ('{"sha256": "x", "kind": "dancer"}', "kind"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_card_is_one_clear_line(folder: Path, card: str | None, says: str) -> None:
    path = folder / "ststnet.json"
    path.unlink()
    if card is not None:
        path.write_text(card)
    with pytest.raises(ModelError) as caught:
        ModelStore(ModelSettings(directory=folder)).get("ststnet")
    assert says in one_line(caught.value)


def test_a_file_that_is_no_onnx_model_is_a_model_error(folder: Path) -> None:
    (folder / "ststnet.onnx").write_bytes(b"not a model")
    digest = hashlib.sha256(b"not a model").hexdigest()
    (folder / "ststnet.json").write_text(json.dumps({"sha256": digest}))
    with pytest.raises(ModelError) as caught:
        ModelStore(ModelSettings(directory=folder)).session("ststnet")
    assert "cannot open" in one_line(caught.value)


def test_an_unknown_model_names_the_places_that_were_searched(folder: Path, cache: Path) -> None:
    with pytest.raises(ModelError) as caught:
        ModelStore(ModelSettings(directory=folder)).get("nobody")
    assert all(str(place) in one_line(caught.value) for place in (folder, cache, SHIPPED))


def test_the_landmarker_comes_from_its_carrier_and_is_the_published_file(cache: Path) -> None:
    path = ModelStore().landmarker()
    assert path.stat().st_size == LANDMARKER_BYTES
    assert models.sha256_of(path) == LANDMARKER_SHA256


def test_the_landmarkers_order_is_settings_cache_carrier(tmp_path: Path, cache: Path) -> None:
    carried = ModelStore().landmarker()
    cache.mkdir()
    shutil.copy(carried, cache / LANDMARKER_FILE)
    assert ModelStore().landmarker() == cache / LANDMARKER_FILE
    own = tmp_path / "own.task"
    shutil.copy(carried, own)
    assert ModelStore(ModelSettings(landmarker=own)).landmarker() == own


def test_a_wrong_or_missing_landmarker_says_how_to_get_it(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"\0" * LANDMARKER_BYTES)
    for path in (wrong, tmp_path / "absent.task"):
        with pytest.raises(ModelError, match="megc-live models fetch"):
            ModelStore(ModelSettings(landmarker=path)).landmarker()

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(models, "distribution", absent)
    with pytest.raises(ModelError, match="megc-live models fetch"):
        ModelStore().landmarker()
    assert not {check.name: check.ok for check in ModelStore().verify()}[LANDMARKER_FILE]


class Answer:
    """What a server sends."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, n: int) -> bytes:
        return self._data[:n]


def test_fetch_keeps_what_has_the_published_hash(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ModelStore().landmarker().read_bytes()
    asked = []
    monkeypatch.setattr(
        urllib.request, "urlopen", lambda url, timeout: asked.append((url, timeout)) or Answer(data)
    )
    path = ModelStore().fetch()
    assert path == cache / LANDMARKER_FILE == ModelStore().landmarker()
    assert list(cache.iterdir()) == [path]
    assert asked[0][0] == models.LANDMARKER_URL and asked[0][1] > 0


def test_fetch_leaves_nothing_behind_that_is_wrong(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: Answer(b"<html>"))
    with pytest.raises(ModelError, match="not the file that was published"):
        ModelStore().fetch()
    assert not cache.exists()


@pytest.mark.parametrize(
    "failure",
    [
        urllib.error.URLError("no route to host"),
        TimeoutError("timed out"),
        urllib.error.HTTPError(models.LANDMARKER_URL, 404, "Not Found", Message(), None),
    ],
)
def test_fetch_without_a_network_is_one_line(
    cache: Path, monkeypatch: pytest.MonkeyPatch, failure: OSError
) -> None:
    def refuse(url: str, timeout: float) -> None:
        raise failure

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(ModelError, match="cannot download") as caught:
        ModelStore().fetch()
    one_line(caught.value)
    if isinstance(failure, urllib.error.HTTPError):
        failure.close()


def test_a_card_that_hides_that_its_scores_are_synthetic_is_found() -> None:
    scores = {"loso": {"uf1": 0.9}, "uar_synthetic": 0.9}
    card = ModelCard(
        sha256="0", name="a", kind="recognizer", classes=["x"], inputs="i", data="Synthetic: drawn",
        subjects=1, licence="l", trained="2026-01-01", scores=scores, limits=["none"],
    )  # fmt: skip
    assert card.problems() == ["score 'loso.uf1' does not say 'synthetic'"]
    assert "scores is missing" in ModelCard(sha256="0").problems()
