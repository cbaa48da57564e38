"""The analysis that a review began with, where the results were analysed again since."""

from __future__ import annotations

from typing import Any

from megc_live.output.session import SessionInfo

REVIEWED = "reviewed_results_of"
"""Entry of ``run`` in session.json of an export: when the analysis began whose intervals were reviewed."""
_KEPT = ("started", "finished", "settings", "versions", "models", "provider", "delay")


def kept_of(session: SessionInfo, n_frames: int) -> dict[str, Any]:
    """Return what a review keeps of the analysis that it begins with, JSON values."""
    values = session.as_dict()
    return {"n_frames": n_frames, **{name: values[name] for name in _KEPT}}


def run_before(kept: dict[str, Any], other_intervals: bool, session: SessionInfo) -> dict[str, Any] | None:
    """Return what is known of the analysis that a review began with; None if the results are still its.

    Parameters
    ----------
    kept : dict
        What the review kept of it (:func:`kept_of`); reviews of the first versions: ``started`` alone.
    other_intervals : bool
        Whether intervals.csv has others than the review began with.
    session : SessionInfo
        Of the results as they are now.
    """
    again = "settings" in kept and kept.get("started") != session.started
    return kept if again or other_intervals else None


def put_into(session: SessionInfo, kept: dict[str, Any]) -> None:
    """Make the record of an export say how the reviewed intervals were found."""
    before = str(kept.get("started") or "")
    known = "settings" in kept
    text = (
        f"The intervals are those of the analysis of {_minute(before)}. The source was analysed again "
        f"({_minute(session.started)}) afterwards: what was measured of each frame is of that one, settings, "
        f"versions and models are {'of the first' if known else 'too, and those of the first are not known'}."
    )
    for name in _KEPT if known else ():
        if isinstance(kept.get(name), type(getattr(session, name))):
            setattr(session, name, kept[name])
    session.run = {**session.run, REVIEWED: before or None}
    session.warnings = [*session.warnings, text]


def _minute(time: str) -> str:
    return time[:16].replace("T", " ") or "an unknown time"
