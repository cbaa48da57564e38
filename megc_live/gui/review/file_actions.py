"""What can be done with the whole of a review, as actions with keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QWidget

from megc_live.gui.shortcuts import make_action

# name: (text, keys, tooltip)
_TABLE = {
    "import": (
        "Import …",
        "Ctrl+I",
        "Take the intervals of a file in place of all there are; Undo brings them back",
    ),
    "export": ("Export …", "Ctrl+E", "Write csv, json, ELAN, BIDS, HTML"),
    "open": ("Open results …", "Ctrl+O", "Open a folder of results"),
    "name": ("Reviewer …", "Ctrl+Shift+R", "Who reviews: stored with each change"),
    "locate": ("Locate the video …", "Ctrl+Shift+L", "Show where the video is now"),
    "hide": ("Hide the message", "Esc", ""),
}
ON_BUTTONS = ("import", "export", "open", "name")


def file_actions(parent: QWidget, slots: Mapping[str, Callable[[], object]]) -> dict[str, QAction]:
    """Return the actions by name; ``slots`` says what each of them does."""
    return {
        name: make_action(parent, text, keys, slots[name], tip=tip)
        for name, (text, keys, tip) in _TABLE.items()
    }
