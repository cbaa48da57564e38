"""Every setting of a run, in one tree: read from TOML, checked, and written into session.json."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from megc_live.errors import SettingsError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VideoSettings(_Part):
    """How frames are kept."""

    ring_seconds: float = Field(
        5.0,
        gt=1,
        le=60,
        title="Newest frames kept",
        description="how long frames are kept for the pictures and the label of an interval, s",
    )
    ring_bytes: int = Field(
        256 * 2**20,
        ge=2**20,
        title="Memory for these frames",
        description="where it is too little the frames are kept smaller, bytes",
    )
    live_queue_seconds: float = Field(
        3.0,
        gt=0,
        le=30,
        title="Live video that may wait",
        description="how much waits for a busy computer before frames are dropped, s",
    )


class FaceSettings(_Part):
    """How faces are found and followed."""

    faces: Literal["largest", "all"] = Field("largest", title="Faces", description="which faces are analysed")
    max_faces: int = Field(
        4, ge=1, le=16, title="Most faces", description="how many are followed with faces = all"
    )
    keyframe_s: float = Field(
        0.4,
        gt=0,
        le=2,
        title="Full face detection every",
        description="longest time between full detections, s",
    )
    detect_side: int = Field(
        640,
        ge=128,
        title="Picture for the face model",
        description="longest side given to the landmarker, px",
    )
    min_confidence: float = Field(
        0.5, gt=0, lt=1, title="Certainty of a face", description="how certain the detection must be, 0 to 1"
    )


class SpottingSettings(_Part):
    """Which spotter, and how certain it must be."""

    spotter: str = Field(
        "ltp-net", title="Spotter", description="method that finds intervals: a name in the SPOTTERS registry"
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Threshold",
        description="score needed for an interval; empty: the model card's own",
    )
    min_eye_px: float = Field(
        20.0,
        ge=0,
        title="Smallest eye distance",
        description="faces with a smaller eye distance are not spotted, px",
    )


class RecognitionSettings(_Part):
    """Which classifier."""

    recognizer: str = Field(
        "ststnet",
        title="Recognizer",
        description="method that names emotions: a name in the RECOGNIZERS registry, or none",
    )


class ModelSettings(_Part):
    """Where models are looked for before the ones that ship."""

    directory: Path | None = Field(
        None, title="Folder of models", description="folder with *.onnx and *.json cards"
    )
    landmarker: Path | None = Field(None, title="Face model", description="path of face_landmarker.task")
    provider: str = Field(
        "CPUExecutionProvider",
        title="Models run on",
        description="onnxruntime provider; one that is missing is an error",
    )


class Settings(_Part):
    """Settings of one run.

    Examples
    --------
    >>> Settings().spotting.spotter
    'ltp-net'
    """

    video: VideoSettings = VideoSettings()
    face: FaceSettings = FaceSettings()
    spotting: SpottingSettings = SpottingSettings()
    recognition: RecognitionSettings = RecognitionSettings()
    models: ModelSettings = ModelSettings()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Check ``values`` and make settings of them; raises :class:`SettingsError`."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                wrong = f"there is no setting {where!r}."
            else:
                wrong = f"setting {where!r}: {first['msg']}, got {first.get('input')!r}."
            raise SettingsError(
                wrong,
                "See `megc-live info --settings` for names, limits and defaults.",
            ) from None

    @classmethod
    def from_file(cls, path: Path) -> Settings:
        """Read a TOML file, or the settings of an earlier run from its session.json.

        Raises
        ------
        SettingsError
            The file cannot be read, or holds something else.
        """
        if path.suffix.lower() != ".json":
            return cls.from_toml(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))["settings"]
        except OSError as error:
            raise _unreadable(path, error) from None
        except (ValueError, KeyError, TypeError):
            raise SettingsError(
                f"{str(path)!r} is not the session.json of an analysis.",
                "Name such a file, or a TOML file: see `megc-live info --settings`.",
            ) from None
        return cls.from_dict(values)

    @classmethod
    def from_toml(cls, path: Path) -> Settings:
        """Read settings from a TOML file; raises :class:`SettingsError`."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise _unreadable(path, error) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{str(path)!r} is not valid TOML: {error}.",
                "`megc-live info --settings` prints a file to start from.",
            ) from None
        return cls.from_dict(values)


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"cannot read settings {str(path)!r}: {error.strerror}.", "Check the path after --settings."
    )
