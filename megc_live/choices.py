"""What a run can choose from, and why something cannot be chosen here: for lists that grey it out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from megc_live.errors import MegcError
from megc_live.models import ModelStore
from megc_live.output import SINKS
from megc_live.recognition.classifier import RECOGNIZERS, make_recognizer
from megc_live.settings import Settings
from megc_live.spotting import SPOTTERS, make_spotter
from megc_live.spotting.base import stated_delay

NO_RECOGNIZER = "none"
_WEBCAM_FPS = 25.0


@dataclass(frozen=True)
class Choice:
    """One entry of a registry.

    Attributes
    ----------
    name : str
        As on the command line.
    summary : str
        What it is and what it can do, in a sentence or two.
    reason : str
        Why it cannot be chosen on this computer, and what to do; empty where it can.
    short : str
        What it is in a few words, to stand behind the name.
    """

    name: str
    summary: str
    reason: str = ""
    short: str = ""


@dataclass(frozen=True)
class Choices:
    """All that a run can choose from.

    Attributes
    ----------
    spotters, recognizers, exports : tuple of Choice
        In the order of the registries; "none" is the last of the recognizers.
    no_cluster : str
        Why no cluster can be used; empty where one can.
    """

    spotters: tuple[Choice, ...]
    recognizers: tuple[Choice, ...]
    exports: tuple[Choice, ...]
    no_cluster: str = ""


def collect_choices(settings: Settings) -> Choices:
    """Try every entry of the registries; opens models, so call it from a thread.

    Parameters
    ----------
    settings : Settings
        Say where models are looked for.
    """
    store = ModelStore(settings.models)
    recognizers = [
        Choice(
            entry.name,
            f"{_sentence(entry.summary)} Says one of: {', '.join(entry.capabilities['labels'])}.",
            _why_not(partial(make_recognizer, entry.name, store)),
            entry.summary,
        )
        for entry in RECOGNIZERS.entries()
    ]
    told = "Spotting only: times without any emotion label."
    none = Choice(NO_RECOGNIZER, told, short="spotting only, no labels")
    return Choices(
        tuple(_spotter(name, store) for name in SPOTTERS),
        (*recognizers, none),
        tuple(
            Choice(entry.name, f"{_sentence(entry.summary)} Writes {', '.join(entry.capabilities['files'])}.")
            for entry in SINKS.entries()
        ),
        ""
        if importlib.util.find_spec("distributed")
        else "dask.distributed is not installed: "
        "install it with `python -m pip install -c constraints.txt '.[cluster]'`.",
    )


def _spotter(name: str, store: ModelStore) -> Choice:
    entry = SPOTTERS[name]
    finds = " and ".join(f"{kind}-expressions" for kind in entry.capabilities["kinds"])
    summary = f"{_sentence(entry.summary)} Finds {finds}."
    try:
        delay_s = stated_delay(make_spotter(name, store), _WEBCAM_FPS)
    except MegcError as error:
        return Choice(name, summary, str(error), entry.summary)
    told = f"{summary} Told at most {delay_s:.2f} s after the end of a micro-expression."
    return Choice(name, told, short=entry.summary)


def _why_not(make: Callable[[], object]) -> str:
    try:
        make()
    except MegcError as error:
        return str(error)
    return ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
