"""What is installed and what it can do: versions, models, providers, spotters, settings."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel

from megc_live.errors import MegcError
from megc_live.settings import Settings

PACKAGES = (
    "megc-live",
    "av",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "opencv-contrib-python",
    "opencv-python",
    "pydantic",
    "scikit-image",
    "scikit-learn",
    "scipy",
)


def versions() -> dict[str, str]:
    """Versions of Python, the system and the packages that results depend on."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def opencv_warnings(found: dict[str, str], has_optflow: bool) -> list[str]:
    """What is wrong with an installation of OpenCV, in words.

    ``opencv-python`` and ``opencv-contrib-python`` write into the same folder: with two versions
    the one that was installed last has overwritten half of the other.
    """
    plain, contrib = found["opencv-python"], found["opencv-contrib-python"]
    warnings = []
    if plain != contrib:
        warnings.append(
            f"opencv-python is {plain} and opencv-contrib-python is {contrib}: they overwrite each other. "
            "Install the same version of both."
        )
    if not has_optflow:
        warnings.append(
            "cv2.optflow is missing: TV-L1 flow falls back to scikit-image, which is slower. Reinstall "
            "with `python -m pip install --force-reinstall --no-deps opencv-contrib-python`."
        )
    return warnings


def collect() -> dict[str, Any]:
    """Everything that ``megc-live info --json`` says; JSON values only."""
    import cv2

    from megc_live.models import ModelStore

    found = versions()
    store = ModelStore(Settings().models)
    return {
        "versions": found,
        "provider": store.provider,
        "models": model_table(store),
        "spotters": _spotters(store),
        "warnings": opencv_warnings(found, hasattr(cv2, "optflow")),
    }


def model_table(store: Any) -> list[dict[str, Any]]:
    """One row a model: name, file, SHA-256 and licence, or what is wrong with it."""
    rows = []
    for check in store.verify():
        row: dict[str, Any] = {"name": check.name, "ok": check.ok}
        if check.ok:
            card = store.get(check.name).card if check.name in store.names() else _LANDMARKER_CARD
            row |= {
                "file": str(check.path),
                "sha256": check.message,
                "licence": card.get("licence") or card.get("license") or "see the card",
            }
        else:
            row["error"] = check.message
        rows.append(row)
    return rows


_LANDMARKER_CARD = {"licence": "Apache-2.0 (Google)"}


def _spotters(store: Any) -> list[dict[str, Any]]:
    """Each spotter with its stated delay, or why it cannot run here."""
    from megc_live.spotting.base import SPOTTERS, make_spotter, stated_delay

    rows = []
    for entry in SPOTTERS.entries():
        row: dict[str, Any] = {"name": entry.name, "summary": entry.summary}
        try:
            row["stated_delay_s"] = round(stated_delay(make_spotter(entry.name, store), 25.0), 3)
        except MegcError as error:
            row["error"] = str(error)
        rows.append(row)
    return rows


def settings_table(tree: type[BaseModel] = Settings, above: str = "") -> Iterator[dict[str, str]]:
    """Yield every setting: its dotted name, kind, default, limits and description."""
    for name, field in tree.model_fields.items():
        dotted = f"{above}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_table(field.annotation, f"{dotted}.")
            continue
        yield {
            "name": dotted,
            "kind": _kind(field.annotation),
            "default": "" if field.default is None else str(field.default),
            "toml": "" if field.default is None else json.dumps(field.default),
            "limits": ", ".join(_limit(item) for item in field.metadata if _limit(item)),
            "description": field.description or "",
        }


_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def _limit(item: object) -> str:
    return " ".join(f"{_SIGNS[key]} {getattr(item, key)}" for key in _SIGNS if hasattr(item, key))


def _kind(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    text = str(annotation)
    for part, plain in (
        ("typing.", ""),
        ("pathlib.", ""),
        ("Literal", "one of "),
        (" | None", " or nothing"),
    ):
        text = text.replace(part, plain)
    return text
