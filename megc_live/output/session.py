"""The record of a run: session.json, written with every output."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from megc_live import __version__
from megc_live.errors import DatasetError
from megc_live.output.files import write_whole

SESSION = "session.json"
SCHEMA_VERSION = 1
PURPOSE_NOTICE = (
    "Research use; not a lie detector; EU AI Act article 5(1)(f) forbids inferring emotions at work "
    "and in education."
)

_PACKAGES = {
    "numpy": "numpy",
    "cv2": "opencv-python",
    "mediapipe": "mediapipe",
    "onnxruntime": "onnxruntime",
    "av": "av",
}


@dataclass
class SourceRecord:
    """What was analysed.

    Attributes
    ----------
    spec, name, kind : str
        As asked for; name of the folder of results; ``file``, ``stream``, ``camera`` or ``folder``.
    width, height : int
        Frame size in pixels.
    nominal_fps, measured_fps : float
        Frames per second as announced, and as measured from the frames' own times; NaN where unknown.
    frames : int
        Frames read.
    duration_s : float
        From the first frame's time to the last one's, seconds.
    extras : dict
        Counts of what was put right or lost: ``decode_errors``, ``dropped``, ``timestamps_repaired``,
        ``rescaled``; ``ring_scale``; whether it was replayed ``as_live``.
    """

    spec: str
    name: str = ""
    kind: str = ""
    width: int = 0
    height: int = 0
    nominal_fps: float = math.nan
    measured_fps: float = math.nan
    frames: int = 0
    duration_s: float = 0.0
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass
class SessionInfo:
    """Everything that is needed to run it again, and what came of it.

    The caller fills it step by step and finishes it before the sinks are closed.

    Attributes
    ----------
    source : SourceRecord
        What was analysed.
    settings : dict
        ``Settings.model_dump(mode="json")``.
    versions : dict of str
        Of Python and the libraries that results depend on (:func:`library_versions`).
    models : dict
        Name to ``{"file": ..., "sha256": ...}``.
    provider : str
        onnxruntime's execution provider as resolved.
    delay : dict
        Seconds from a micro-expression's offset to its decision: ``look_ahead_s``, the most that the spotter
        states; ``p50_s`` and ``p95_s``, measured (:func:`decision_delay`).
    stages : list of dict
        Counts and times of each stage.
    consent : dict or None
        What the recorded person agreed to, where it was asked for.
    baseline : dict or None
        The person's neutral face, where it was taken (:class:`megc_live.baseline.Baseline`).
    started, finished : str
        ISO 8601 times with offset.
    events : dict of int
        Number of events of each kind.
    faces_seen : int
        Face ids given out.
    warnings : list of str
        What a reader of the results should know.
    run : dict
        What decides whether the result is still good when a run is resumed.
    notice : str
        What the program is not for.
    schema_version : int
        Of this record.
    """

    source: SourceRecord
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    provider: str = ""
    delay: dict[str, float | None] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)
    consent: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    started: str = ""
    finished: str = ""
    events: dict[str, int] = field(default_factory=lambda: {"micro": 0, "macro": 0})
    faces_seen: int = 0
    warnings: list[str] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    notice: str = PURPOSE_NOTICE
    schema_version: int = SCHEMA_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; numbers that are unknown (NaN) become None."""
        values = asdict(self)
        record = {"schema_version": values.pop("schema_version"), "notice": values.pop("notice"), **values}
        return dict(json_values(record))

    def write(self, folder: Path) -> Path:
        """Write ``session.json`` into ``folder``; raises :class:`~megc_live.errors.OutputError`."""
        path = folder / SESSION
        write_whole(path, to_json(self.as_dict()))
        return path

    @classmethod
    def read(cls, path: Path) -> SessionInfo:
        """Read a record that :meth:`write` wrote; raises :class:`~megc_live.errors.DatasetError`."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["schema_version"] != SCHEMA_VERSION:
                raise DatasetError(
                    f"{str(path)!r} has schema version {values['schema_version']}, "
                    f"expected {SCHEMA_VERSION}.",
                    "Analyse the source again with this version.",
                )
            source = values.pop("source")
            for rate in ("nominal_fps", "measured_fps"):
                source[rate] = math.nan if source[rate] is None else source[rate]
            known = {item.name for item in fields(cls)}
            return cls(SourceRecord(**source), **{k: v for k, v in values.items() if k in known})
        except OSError as error:
            raise DatasetError(f"cannot read {str(path)!r}: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(
                f"{str(path)!r} is not a session record: {type(error).__name__}: {error}.",
                "Expected the session.json of an analysis.",
            ) from None


def library_versions() -> dict[str, str]:
    """Return versions of Python and the libraries that results depend on, without importing them."""
    found = {"python": platform.python_version(), "megc_live": __version__}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def decision_delay(look_ahead_s: float, measured_s: Sequence[float]) -> dict[str, float | None]:
    """Summarise the delay of decisions.

    Parameters
    ----------
    look_ahead_s : float
        The longest delay that the spotter states, in seconds.
    measured_s : sequence of float
        ``decided_s - interval.offset_s`` of each micro-expression, in seconds of the stream.

    Examples
    --------
    >>> decision_delay(0.4, [0.3, 0.4, 0.5])
    {'look_ahead_s': 0.4, 'p50_s': 0.4, 'p95_s': 0.49}
    """
    p50, p95 = np.percentile(measured_s, (50, 95)).round(3).tolist() if measured_s else (None, None)
    return {"look_ahead_s": look_ahead_s, "p50_s": p50, "p95_s": p95}


def json_values(value: Any) -> Any:
    """Return ``value`` with numpy scalars and paths as plain values and NaN and infinities as None."""
    if isinstance(value, dict):
        return {str(key): json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]
    if isinstance(value, np.generic):
        return json_values(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def to_json(value: Any) -> str:
    """Return ``value`` as JSON text, as every output writes it."""
    return json.dumps(json_values(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
