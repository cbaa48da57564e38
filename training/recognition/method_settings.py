"""Settings of recognisers from the command line: ``NAME.SETTING=VALUE``, and CK+ for EMR."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from megc_live.errors import SettingsError
from training.datasets.base import read_dataset
from training.recognition.base import METHODS, method_names
from training.recognition.clip_data import Progress, load_clips
from training.recognition.emr import MacroClips

Settings = dict[str, dict[str, Any]]
"""Of a method's name: keywords for :func:`training.recognition.base.make_method`."""

_TRUTH = {"true": True, "false": False}


def parse_settings(texts: Sequence[str], methods: Sequence[str] = ()) -> Settings:
    """Read settings as they are written on the command line.

    Parameters
    ----------
    texts : sequence of str
        ``NAME.SETTING=VALUE``; numbers, words, true or false, and ``none`` where a setting can be left out.
    methods : sequence of str
        Those that are run; empty: the usual ones.

    Raises
    ------
    SettingsError
        Not of this form, no such method or setting, a value of another kind, or a method that is not run.

    Examples
    --------
    >>> parse_settings(["emr.epochs=5", "emr.without_macro=true"], ["emr"])
    {'emr': {'epochs': 5, 'without_macro': True}}
    """
    out: Settings = {}
    for text in texts:
        left, equals, value = text.partition("=")
        name, point, key = left.partition(".")
        if not (equals and point and value):
            raise SettingsError(f"got the setting {text!r}.", "Write NAME.SETTING=VALUE.")
        method_names()  # registers them
        known = _settable(METHODS[name].make)
        if name not in methods if methods else METHODS[name].capabilities.get("named"):
            raise SettingsError(f"got {text!r}, but {name} is not run.", f"Add --method {name}.")
        if key not in known:
            raise SettingsError(
                f"{name} has no setting {key!r} to be given so.",
                f"Choose one of: {', '.join(sorted(known))}." if known else "It has none.",
            )
        out.setdefault(name, {})[key] = _value(text, value, known[key])
    return out


def add_ck_plus(
    settings: Settings,
    methods: Sequence[str],
    root: Path,
    cache: Path,
    *,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
    log: Callable[[str], None] = lambda line: None,
) -> Settings:
    """Read CK+ and give its clips to EMR.

    Parameters
    ----------
    settings : dict
    methods : sequence of str
        Those that are run.
    root : Path
        Folder of CK+.
    cache : Path
        Folder for its aligned faces.
    jobs : int
        Processes.
    progress, log : callable
        Told the clips done, and each finding, a line each.

    Raises
    ------
    SettingsError
        EMR is not run.
    DatasetError
        CK+ cannot be read.
    """
    if "emr" not in methods:
        raise SettingsError("CK+ is for emr alone, which is not run.", "Add --method emr.")
    data = load_clips("ck_plus", root, cache.resolve(), jobs, progress)
    for finding in data.findings:
        log(str(finding))
    macro = MacroClips.of(data, read_dataset("ck_plus", root).clips)
    return {**settings, "emr": {**settings.get("emr", {}), "macro": macro}}


def _settable(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Settings that a word or a number can say, by name."""
    return {
        key: parameter
        for key, parameter in inspect.signature(make).parameters.items()
        if isinstance(parameter.default, bool | int | float | str) or "None" in str(parameter.annotation)
        if not {"Schedule", "MacroClips"} & set(str(parameter.annotation).replace("|", " ").split())
    }


def _value(text: str, value: str, parameter: inspect.Parameter) -> Any:
    default, kinds = parameter.default, str(parameter.annotation)
    if value == "none" and "None" in kinds:
        return None
    try:
        if isinstance(default, bool):
            return _TRUTH[value]
        if isinstance(default, int | float):
            return type(default)(value)
    except (KeyError, ValueError):
        kind = "true or false" if isinstance(default, bool) else type(default).__name__
        raise SettingsError(f"the value of {text!r} cannot be read.", f"Give {kind}.") from None
    if "Path" in kinds:
        return Path(value).resolve()  # the workers of a cluster may be at home elsewhere
    if "str" in kinds or isinstance(default, str):
        return value
    raise SettingsError(f"the value of {text!r} cannot be read.", "Give none, or leave it out.")
