"""Fitted recognisers as files: arrays in an npz, the rest in JSON. Nothing that is loaded can run code."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ModelError
from megc_live.output.files import write_whole
from training.recognition.base import Fitted, Method, make_method

_AGAIN = "Fit it again, and keep both files that save_state writes."


@dataclass(frozen=True)
class State:
    """All that a fitted recogniser is.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Numbers or truth values, no objects.
    settings : dict
        What else a method needs to make it again; JSON.
    """

    arrays: dict[str, NDArray[Any]]
    settings: dict[str, Any] = field(default_factory=dict)

    def array(self, name: str) -> NDArray[Any]:
        """Return an array; raises :class:`ModelError` where there is none of that name."""
        if name not in self.arrays:
            raise ModelError(f"the state has no array {name!r}, but {sorted(self.arrays)}.", _AGAIN)
        return self.arrays[name]

    def number(self, name: str) -> float:
        """Return a number of the settings; raises :class:`ModelError` where there is none of that name."""
        value = self.settings.get(name)
        if not isinstance(value, int | float):
            raise ModelError(f"the state's {name} is {value!r}, expected a number.", _AGAIN)
        return float(value)


def save_state(folder: Path, stem: str, method: Method[Any], fitted: Fitted, card: Mapping[str, Any]) -> Path:
    """Write ``folder/stem.npz`` and, with the hash of it, ``folder/stem.json``.

    Parameters
    ----------
    folder : Path
    stem : str
        Name of the files.
    method : Method
        What fitted it.
    fitted : Fitted
    card : mapping
        What else the JSON says, as a model card does.

    Returns
    -------
    Path
        The npz file.

    Raises
    ------
    OutputError
        The folder cannot be written.
    ModelError
        An array holds objects, which only a pickle could keep.
    """
    state = fitted.state()
    objects = [name for name, value in state.arrays.items() if value.dtype.hasobject]
    if objects:
        raise ModelError(f"the array {objects[0]!r} holds objects.", "A state holds numbers alone.")
    stream = io.BytesIO()
    np.savez_compressed(stream, **state.arrays)
    data = stream.getvalue()
    path = folder / f"{stem}.npz"
    write_whole(path, data)
    note = {
        **card,
        "name": method.name,
        "settings": {**method.describe(), **card.get("settings", {})},
        "state": state.settings,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_whole(path.with_suffix(".json"), json.dumps(note, indent=2, ensure_ascii=False) + "\n")
    return path


def load_state(path: Path) -> Fitted:
    """Make a fitted recogniser again from what :func:`save_state` wrote.

    Parameters
    ----------
    path : Path
        The npz file; its JSON is beside it.

    Raises
    ------
    ModelError
        A file is missing or malformed, they do not belong together, or no method of that name can use them.
    SettingsError
        The name is that of no method.
    """
    try:
        data = path.read_bytes()
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        name, settings, digest = str(note["name"]), dict(note["state"]), note["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read the state {str(path)!r} and its JSON: {error}.", _AGAIN) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{str(path)!r} is not the state of its JSON: the hashes differ.", _AGAIN)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except Exception as error:  # a damaged file raises whatever the part that stumbles over it raises
        raise ModelError(f"cannot read {str(path)!r}: {error}.", _AGAIN) from None
    return make_method(name).restore(State(arrays, settings))
