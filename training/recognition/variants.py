"""What `megc-train evaluate recognition` can do as the authors did it, each on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from megc_live.errors import SettingsError
from training.recognition.base import METHODS, method_names


def as_published(
    methods: Sequence[str] | None,
    *,
    schedules: bool = False,
    released_input: bool = False,
    released_split: bool = False,
) -> dict[str, dict[str, Any]]:
    """Settings of the methods for :func:`training.recognition.base.make_method`.

    Parameters
    ----------
    methods : sequence of str, optional
        Default: all.
    schedules : bool
        The authors' schedules for those that are fitted in epochs (METHODS' capability ``published``).
    released_input : bool
        STSTNet on bytes that are not scaled or centred.
    released_split : bool
        Dual-Inception on the two data sets that the subject left out is not of.

    Raises
    ------
    SettingsError
        An unknown method, or none that the option is about.
    """
    every = method_names()
    names = list(methods) if methods else every
    known = {name: METHODS[name].capabilities for name in names}
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    if schedules:
        networks = [name for name in names if known[name].get("published")]
        if not networks:
            raise SettingsError(
                "none of these methods has a published schedule.", "Leave out --published, or add a network."
            )
        lacking = [name for name in names if known[name].get("epochs") and name not in networks]
        if lacking:
            raise SettingsError(
                f"the published schedule of {', '.join(lacking)} is not known here.", "Leave out --published."
            )
        for name in networks:
            found[name]["schedule"] = known[name]["published"]
    for wanted, name, option in (
        (released_input, "ststnet", "released_input"),
        (released_split, "dual-inception", "released_split"),
    ):
        if wanted and name not in found:
            raise SettingsError(
                f"--{option.replace('_', '-')} is about {name}.", f"Add --method {name}, or leave it out."
            )
        if wanted:
            found[name][option] = True
    return found
