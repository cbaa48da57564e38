"""What summary.json and the report of an evaluation on long videos hold."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from megc_live.models import LANDMARKER_FILE, LANDMARKER_SHA256, ModelStore
from training.datasets.base import Corpus
from training.spotting.long.loso import SHIPPED, kinds_of, origin
from training.spotting.long.scores import DEFAULT_RULE, PROTOCOLS, Judged, truth_table
from training.spotting.long.videos import Recorded

_VERSIONS = (
    "megc-live",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "onnxruntime",
    "mediapipe",
    "opencv-contrib-python",
)


def summarise(
    corpus: Corpus,
    items: Sequence[Recorded],
    left_out: Sequence[str],
    rows: Sequence[dict[str, Any]],
    settings: dict[str, Any],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Put together what was judged, the rows of scores, and what they rest on.

    Parameters
    ----------
    corpus : Corpus
        As it was read.
    items : sequence of Recorded
        Videos that were judged.
    left_out : sequence of str
        Videos without images.
    rows : sequence of dict
        One a method: ``method``, ``chosen``, and what
        :func:`training.spotting.long.scores.score_method` gives.
    settings : dict
    files : mapping of str to str
        Tables as they were written, by name.
    """
    models = {LANDMARKER_FILE: LANDMARKER_SHA256}
    methods = [row["method"] for row in rows]
    shipped = None
    if SHIPPED in methods:
        file = ModelStore().get("ltp-net")
        models[SHIPPED] = file.sha256
        shipped = str(file.card.get("data", ""))
    recognizer = settings["recognizer"]
    if recognizer:
        models[recognizer] = settings["recognizer_sha256"]
    return {
        "dataset": corpus.name,
        "synthetic": settings["synthetic"],
        **count(items, truth_table(items)),
        "left_out": list(left_out),
        "annotated_twice": sum(len(item.truth) - len(set(item.truth)) for item in items),
        "findings": [asdict(finding) for finding in corpus.findings],
        "protocols": dict(PROTOCOLS),
        "default_rule": DEFAULT_RULE,
        "rows": [
            {
                "method": row["method"],
                "origin": origin(row["method"]),
                "kinds": list(kinds_of(row["method"])),
                **({"data": shipped} if row["method"] == SHIPPED else {}),
                **{key: value for key, value in row.items() if key != "method"},
            }
            for row in rows
        ],
        "recognizer_data": ModelStore().get(recognizer).card.get("data", "") if recognizer else "",
        "settings": settings,
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _VERSIONS},
        },
        "models": models,
        "files_sha256": hashes(files),
    }


def count(items: Sequence[Judged], truth: pd.DataFrame) -> dict[str, Any]:
    """Say how much was judged: videos, subjects, minutes, movements.

    ``truth`` is a table of :func:`training.spotting.long.scores.truth_table`.
    """
    kinds = truth["kind"]
    return {
        "videos": len(items),
        "videos_with_micro": int(truth["video"][kinds == "micro"].nunique()),
        "subjects": len({item.subject for item in items}),
        "minutes": round(sum(item.frames / item.fps for item in items) / 60, 2),
        "micro": int((kinds == "micro").sum()),
        "macro": int((kinds == "macro").sum()),
    }


def hashes(files: Mapping[str, str | bytes]) -> dict[str, str]:
    """SHA-256 of tables, by their names; text as it is written, in UTF-8."""
    return {
        name: hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
        for name, data in files.items()
    }


def part_score(score: dict[str, Any], part: str) -> dict[str, Any]:
    """Of a score as a dict, that of one kind, or of both together (``overall``)."""
    kind: dict[str, Any] = score if part == "overall" else score["kinds"][part]
    return kind
