"""Markers and signals for LabStreamingLayer, so that other recordings can be put beside the face.

Off by default: an outlet can be read by every computer on the local network. ``pylsl`` (extra ``lsl``) is
imported when an outlet is opened, and not before.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from megc_live.errors import OutputError
from megc_live.events import LABELS, Event, FrameRow
from megc_live.face.regions import REGIONS
from megc_live.output.session import json_values
from megc_live.video.frame import Frame

SIGNAL_CHANNELS: tuple[str, ...] = ("frame", "face_id", "blink", "head_motion", *REGIONS)
_UNITS = {"frame": "index", "face_id": "id", "blink": "0 to 1"}
_ACTIVITY_UNIT = "percent of the eye distance in 0.1 s"


@dataclass(frozen=True)
class LslSettings:
    """Which outlets a live session opens.

    Attributes
    ----------
    name : str
        Outlets are called ``<name>-markers`` and ``<name>-signals``.
    markers : bool
        One JSON text an interval, stamped with its onset.
    signals : bool
        One sample a frame and face: frame index, face id, blink, head motion, the regions' activity.
    """

    name: str = "megc-live"
    markers: bool = True
    signals: bool = True


class LslOutlets:
    """Sends events and rows, stamped on LSL's clock with the time of capture, not of the analysis.

    Parameters
    ----------
    settings : LslSettings
    source : str
        Name of the source, part of the outlets' stable identity.
    now : callable, optional
        The clock that stamps ``Frame.t_capture``.

    Raises
    ------
    OutputError
        ``pylsl`` or its library is not installed.
    """

    def __init__(
        self, settings: LslSettings, source: str, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._lsl = _load()
        self._settings = settings
        self._now = now
        self._zero: float | None = None
        self._markers = self._marker_outlet(settings, source) if settings.markers else None
        self._signals = self._signal_outlet(settings, source) if settings.signals else None

    def _marker_outlet(self, settings: LslSettings, source: str) -> Any:
        name = f"{settings.name}-markers"
        info = self._lsl.StreamInfo(name, "Markers", 1, 0.0, "string", f"{name}-{source}")
        return self._lsl.StreamOutlet(info)

    def _signal_outlet(self, settings: LslSettings, source: str) -> Any:
        name = f"{settings.name}-signals"
        # a gap in the frames is a gap in the samples: the rate is that of the stamps, not a constant
        info = self._lsl.StreamInfo(name, "Face", len(SIGNAL_CHANNELS), 0.0, "double64", f"{name}-{source}")
        channels = info.desc().append_child("channels")
        for label in SIGNAL_CHANNELS:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", _UNITS.get(label, _ACTIVITY_UNIT))
        return self._lsl.StreamOutlet(info)

    def at(self, frame: Frame) -> None:
        """Tie the stream's time to LSL's clock by a frame's time of capture."""
        captured = self._lsl.local_clock() - (self._now() - frame.t_capture)
        self._zero = captured - frame.pts_s

    def on_row(self, row: FrameRow) -> None:
        """Send a frame's signals; those of a frame without a face are NaN."""
        if self._signals is not None and self._zero is not None:
            values = [float(row.frame), float(row.face_id), row.blink, row.head_motion, *row.activity]
            self._signals.push_sample(values, self._zero + row.timestamp)

    def on_event(self, event: Event) -> None:
        """Send an interval, stamped with its onset."""
        if self._markers is None or self._zero is None:
            return
        interval = event.interval
        answer = event.recognition
        text = {
            "id": event.id,
            "face_id": event.face_id,
            "kind": interval.kind,
            "score": interval.score,
            "regions": list(interval.regions),
            "label": answer.label if answer is not None else "",
            "probabilities": dict(zip(LABELS, answer.probabilities, strict=True)) if answer else None,
            "onset_s": interval.onset_s,
            "apex_s": interval.apex_s,
            "offset_s": interval.offset_s,
            "decided_s": event.decided_s,
        }
        self._markers.push_sample([json.dumps(json_values(text))], self._zero + interval.onset_s)

    def record(self) -> dict[str, str]:
        """Return what session.json says: the names of the outlets that were open."""
        asked = {"markers": self._settings.markers, "signals": self._settings.signals}
        return {kind: f"{self._settings.name}-{kind}" for kind, on in asked.items() if on}

    def close(self) -> None:
        """Close the outlets. Twice is fine."""
        self._markers = self._signals = None


def _load() -> Any:
    try:
        return importlib.import_module("pylsl")
    except (ImportError, RuntimeError, OSError) as error:  # RuntimeError: the package is there, liblsl is not
        raise OutputError(
            f"LSL outlets were asked for, but pylsl cannot be loaded: {str(error).splitlines()[0]}.",
            "Install it with: pip install 'megc-live[lsl]', or switch the outlets off.",
        ) from None
