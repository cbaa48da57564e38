"""What a session is started with, and how often things are looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QStandardPaths

from megc_live.jobs import name_of
from megc_live.live_session import LiveSession
from megc_live.live_snapshot import Snapshot, Still
from megc_live.output.lsl import LslSettings
from megc_live.settings import Settings
from megc_live.video.base import Source


@dataclass(frozen=True)
class Request:
    """A source, what the recorded person agreed to, and where results go."""

    spec: str
    make: Callable[[], Source]
    consent: dict[str, Any]
    folder: Path | None

    def session(
        self, make: Callable[..., LiveSession], settings: Settings, *, spotting_only: bool, lsl: bool
    ) -> LiveSession:
        """Make the session, not started yet."""
        return make(
            self.make,
            without_labels(settings) if spotting_only else settings,
            folder=self.folder,
            name=name_of(self.spec),
            consent=self.consent,
            lsl=LslSettings() if lsl else None,
        )


class Every:
    """Tells when something is due again.

    Examples
    --------
    >>> footer = Every(0.5)
    >>> [footer.due(t) for t in (0.0, 0.3, 0.6)]
    [True, False, True]
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last_s: float | None = None

    def due(self, now_s: float) -> bool:
        """Return whether ``seconds`` have passed since the last time that it was due."""
        if self._last_s is not None and now_s - self._last_s < self._seconds:
            return False
        self._last_s = now_s
        return True

    def reset(self) -> None:
        """Be due at once."""
        self._last_s = None


def without_labels(settings: Settings) -> Settings:
    """Return the settings with recognition switched off."""
    recognition = settings.recognition.model_copy(update={"recognizer": "none"})
    return settings.model_copy(update={"recognition": recognition})


def why_labels(snapshot: Snapshot, request: Request | None) -> str:
    """Return what decided whether the running session names emotions."""
    if not snapshot.spotting_only:
        return "This session names emotions; choose before the next one starts."
    chosen = request is not None and request.consent.get("spotting_only")
    why = "as chosen in the consent form" if chosen else "as chosen before it started"
    return f"This session finds and times movements without naming an emotion, {why}."


def has_results(snapshot: Snapshot) -> bool:
    """Return whether the session has left a folder of results."""
    return snapshot.folder is not None and snapshot.folder.is_dir()


def still_of(snapshot: Snapshot) -> Still | None:
    """Return where a picture of the newest frame goes: into the session's folder, else to the pictures."""
    if snapshot.frame is None:
        return None
    if snapshot.folder is not None:
        return Still.of(snapshot.folder, snapshot.frame.index)
    place = QStandardPaths.StandardLocation.PicturesLocation
    path = Path(QStandardPaths.writableLocation(place)) / f"live_frame_{snapshot.frame.index:06d}.png"
    return Still(path, path)
