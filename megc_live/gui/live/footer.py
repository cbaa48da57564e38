"""The line of figures under the live view."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from megc_live.live import StageStats, format_stats
from megc_live.live_warnings import FEW_FPS

if TYPE_CHECKING:
    from megc_live.live_snapshot import Snapshot

_TIPS = {
    "rate": "Frames per second, measured over the last 2 s: captured from the source, and analysed. "
    "Below 25 the shortest micro-expressions fall between frames.",
    "overlay": "Latency from the capture of a frame to its overlay on the screen, over the newest 300 "
    "pictures (about 10 s): median and 95th percentile, ms. Below: each stage since the start.",
    "decision": "Delay from a micro-expression's offset to its entry in the list, in time of the stream: "
    "median and 95th percentile, ms; in brackets the longest that the spotter states.",
    "dropped": "Frames that are missing: lost by the source, or given up because this computer was too "
    "slow. Those of a pause are not among them.",
    "age": "Time since the newest frame was captured, ms. It grows while the source delivers nothing.",
    "cpu": "Processor time of this program, percent of all cores.",
}


class Footer(QWidget):
    """Rate, latencies, drops, age of the data and processor load; each with what it means as a tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 1, 8, 1)
        layout.setSpacing(18)
        self.labels: dict[str, QLabel] = {}
        for name, tip in _TIPS.items():
            label = QLabel()
            label.setToolTip(tip)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            self.labels[name] = label
            layout.addWidget(label)
        layout.addStretch(1)
        self.clear()

    def clear(self) -> None:
        """Show that nothing is known."""
        self.show_figures(None, StageStats("paint"), (math.nan, math.nan))

    def show_figures(
        self, snapshot: Snapshot | None, paint: StageStats, shown_s: tuple[float, float]
    ) -> None:
        """Show what was measured.

        Parameters
        ----------
        snapshot : Snapshot or None
        paint : StageStats
            The picture's own stage.
        shown_s : tuple of float
            Median and 95th percentile of the latency from capture to overlay, seconds.
        """
        for name, text in _texts(snapshot, shown_s).items():
            self.labels[name].setText(text)
        if snapshot is not None:
            stages = format_stats([*snapshot.stages, paint])
            self.labels["overlay"].setToolTip(f"{_TIPS['overlay']}\n\n{stages}")
        going = snapshot is not None and snapshot.state in ("running", "lost")
        self._warn("rate", going and snapshot is not None and snapshot.capture_fps < FEW_FPS)
        self._warn("age", going and snapshot is not None and snapshot.data_age_s > 0.5)

    def _warn(self, name: str, on: bool) -> None:
        label, role = self.labels[name], "warn" if on else ""
        if on:
            label.setText(f"⚠ {label.text()}")
        if label.property("role") != role:
            label.setProperty("role", role)
            style = label.style()
            if style is not None:
                style.unpolish(label)
                style.polish(label)


def _texts(snapshot: Snapshot | None, shown_s: tuple[float, float]) -> dict[str, str]:
    if snapshot is None:
        return {
            "rate": "- fps",
            "overlay": "overlay - ms",
            "decision": "decision - ms",
            "dropped": "dropped -",
            "age": "data age -",
            "cpu": "CPU -",
        }
    s = snapshot
    stated = "" if math.isnan(s.stated_delay_s) else f" (at most {_ms(s.stated_delay_s)})"
    return {
        "rate": f"captured {_number(s.capture_fps)}, analysed {_number(s.analysed_fps)} fps",
        "overlay": f"overlay {_ms(shown_s[0])} / {_ms(shown_s[1])} ms",
        "decision": f"decision {_ms(s.delay_p50_s)} / {_ms(s.delay_p95_s)} ms{stated}",
        "dropped": f"dropped {s.dropped}",
        "age": f"data age {s.data_age_s:.0f} s" if s.data_age_s >= 10 else f"data age {_ms(s.data_age_s)} ms",
        "cpu": "CPU -" if math.isnan(s.cpu_percent) else f"CPU {s.cpu_percent:.0f} %",
    }


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:.0f}"
