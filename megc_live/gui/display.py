"""Whether a window can be opened at all. Imports no Qt: the answer may be that it does not load."""

from __future__ import annotations

import os
import re
import subprocess
import sys

PACKAGES = "libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1"
"""Debian packages that Qt needs for a window and whose absence is usual."""
_TRY = "from PyQt6.QtGui import QGuiApplication; QGuiApplication([])"
_ENOUGH_S = 30.0


def without_opencvs_qt(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment without the plugins of the Qt inside of OpenCV, which ours cannot load.

    ``import cv2`` sets these variables for the whole process.
    """
    ours = dict(environment)
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if re.search(r"[\\/]cv2[\\/]", ours.get(name, "")):
            del ours[name]
    return ours


def clean_environment() -> None:
    """Take OpenCV's Qt out of this process's environment."""
    kept = without_opencvs_qt(dict(os.environ))
    for name in set(os.environ) - set(kept):
        del os.environ[name]


def problem() -> str:
    """Return why no window can be opened and what to do, in one line; ``""`` if one can.

    Where that can fail (Linux and the like) it is tried in a process of its own, as Qt ends the one in
    which it fails.
    """
    if sys.platform in ("win32", "darwin"):
        return ""
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        return (
            "no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. Run this on a "
            "desktop, or use the command line: `megc-live --help`."
        )
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ENOUGH_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=without_opencvs_qt(dict(os.environ)),
        )
    except subprocess.TimeoutExpired:
        return f"no window can be opened: the display does not answer within {_ENOUGH_S:.0f} s."
    return "" if done.returncode == 0 else _explain(done.stderr)


def _explain(said: str) -> str:
    """Make one line of what Qt or Python printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    display = os.environ.get("DISPLAY", "")
    for line in lines:
        if "could not connect to display" in line:
            return f"no window can be opened: there is no display {display!r}. See the variable DISPLAY."
    if any("No module named 'PyQt6'" in line for line in lines):
        return "no window can be opened: PyQt6 is not installed. Run `python -m pip install pyqt6 pyqtgraph`."
    found = next((line for line in reversed(lines) if "ImportError" in line), lines[0] if lines else "")
    reason = found.removeprefix("ImportError: ") or "Qt does not start"
    return f"no window can be opened: {reason.rstrip('.')}. On Debian and Ubuntu: apt-get install {PACKAGES}."
