"""Everything that can be done in the Live workspace, as actions with keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from megc_live.gui import icons
from megc_live.gui.shortcuts import make_action

# name: (text, keys, tooltip, whether it is a switch)
_TABLE: dict[str, tuple[str, str, str, bool]] = {
    "start": ("New source …", "F5", "Go to the start page: choose a source and start a session", False),
    "stop": ("Stop", "F6", "End the session and write its results", False),
    "pause": (
        "Pause",
        "P",
        "Stop analysing and recording, and go on later; the time in between is left out",
        True,
    ),
    "snapshot": ("Snapshot", "S", "Save the newest frame as a PNG picture in the session's folder", False),
    "record": ("Record", "F9", "Record the video beside the results; off unless you switch it on", True),
    "baseline": (
        "Neutral",
        "B",
        "Take 3 s of the neutral face: look at the camera with a relaxed face that does not move. "
        "Activity is then shown relative to it. It can be taken again at any time",
        False,
    ),
    "relative": (
        "Relative to neutral",
        "N",
        "Show activity in standard deviations above the neutral face instead of % of the eye distance",
        True,
    ),
    "landmarks": ("Landmarks", "1", "Show the 478 points of the face mesh", True),
    "regions": ("Regions", "2", "Show the 12 regions (ROI), coloured by their activity", True),
    "head_box": ("Head box", "3", "Show the face's box, and its number where there are several", True),
    "warnings": ("Warnings", "4", "Write on the picture what makes it hard to see movements", True),
    "heat": ("Heat rows", "H", "Timeline: activity as colours (on) or as lines (off)", True),
    "face": ("Next face", "F", "Timeline: show the next face, and the largest one after the last", False),
    "longer": ("Longer time span", "+", "Timeline: a longer time span, 10, 20 or 30 s", False),
    "shorter": ("Shorter time span", "-", "Timeline: a shorter time span, 30, 20 or 10 s", False),
    "brighter": ("Show weaker movements", "]", "Activity: brighter colours, higher lines", False),
    "dimmer": ("Show only stronger movements", "[", "Activity: darker colours, lower lines", False),
    "spotting": (
        "Spotting only",
        "O",
        "Find and time movements without naming an emotion; for the next session",
        True,
    ),
    "lsl": (
        "LSL",
        "L",
        "Send activity (% of the eye distance) and event markers to Lab Streaming Layer; "
        "for the next session",
        True,
    ),
    "review": ("Open in Review", "V", "Open the finished session's results in Review", False),
    "again": ("Start again", "F7", "Start a new session with the same source", False),
}
_ON_BUTTONS = {
    "longer": "Longer", "shorter": "Shorter", "brighter": "Weaker too", "dimmer": "Stronger only",
    "record": "● Record",
}  # fmt: skip
"""Short texts of buttons; menus and the sheet of shortcuts have the long ones."""
_TICKED = (
    "landmarks", "regions", "head_box", "warnings", "heat", "relative", "spotting", "lsl",
)  # fmt: skip
"""Switches with a box that is ticked while they are on; a pause and a recording have signs of their own."""
SWITCHED_ON = ("regions", "head_box", "warnings", "heat")


class Commands:
    """The actions by name; what they do is connected by the view.

    Parameters
    ----------
    parent : QWidget
        Their keys work while the focus is inside of it.
    """

    def __init__(self, parent: QWidget) -> None:
        self._all: dict[str, QAction] = {}
        self._forbidden: set[str] = set()
        for name, (text, keys, tip, switch) in _TABLE.items():
            action = make_action(parent, text, keys, tip=tip, checkable=switch)
            action.setChecked(name in SWITCHED_ON)
            if name in _TICKED:
                action.setIcon(icons.switch_icon())
            if name in _ON_BUTTONS:
                action.setIconText(_ON_BUTTONS[name])
            self._all[name] = action
        self._tips = {name: action.toolTip() for name, action in self._all.items()}

    def __getitem__(self, name: str) -> QAction:
        return self._all[name]

    def connect(self, slots: Mapping[str, Callable[[], object]]) -> None:
        """Connect actions that are triggered."""
        for name, slot in slots.items():
            self._all[name].triggered.connect(_without_argument(slot))

    def connect_switches(self, slots: Mapping[str, Callable[[bool], object]]) -> None:
        """Connect actions that are switched; the slot is told whether on."""
        for name, slot in slots.items():
            self._all[name].toggled.connect(slot)

    def set_quietly(self, name: str, on: bool) -> None:
        """Show a switch as it really is, without doing anything."""
        action = self._all[name]
        if action.isChecked() != on:
            action.blockSignals(True)
            action.setChecked(on)
            action.blockSignals(False)
            action.changed.emit()

    def hold(self, name: str, on: bool, why: str) -> None:
        """Show a switch as it is, grey, and say in its tooltip why it cannot be changed now."""
        self.set_quietly(name, on)
        if name not in self._forbidden:
            self._all[name].setEnabled(False)
            self._all[name].setToolTip(why)

    def release(self, name: str, on: bool) -> None:
        """Let a switch be changed again."""
        self.set_quietly(name, on)
        if name not in self._forbidden:
            self._all[name].setToolTip(self._tips[name])
            self._all[name].setEnabled(True)

    def forbid(self, name: str, why: str) -> None:
        """Grey an action for good, and say why in its tooltip."""
        self._forbidden.add(name)
        self._all[name].setEnabled(False)
        self._all[name].setToolTip(why)

    def listed(self) -> list[QAction]:
        """All of them, for the sheet of shortcuts."""
        return list(self._all.values())


def _without_argument(slot: Callable[[], object]) -> Callable[[bool], None]:
    def call(_checked: bool = False) -> None:
        slot()

    return call
