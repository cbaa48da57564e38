"""The guide shows pictures that are there and made by the script, and names keys that do what it says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from PyQt6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from megc_live.gui.main_window import MainWindow
from megc_live.gui.preferences import Places, Preferences
from megc_live.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guide.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"!\[[^\]]+\]\(pictures/([\w-]+)\.png\)", GUIDE)


def test_the_guide_shows_what_the_script_makes_and_nothing_else() -> None:
    script = (DOCS / "screenshots.py").read_text(encoding="utf-8")
    listed = re.search(r"PICTURES = \(([^)]*)\)", script)
    assert listed is not None
    made = re.findall(r'"([\w-]+)"', listed.group(1))
    assert sorted(SHOWN) == sorted(made)
    assert sorted(path.stem for path in (DOCS / "pictures").iterdir()) == sorted(made)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_has_the_size_of_the_smallest_window(name: str) -> None:
    data = (DOCS / "pictures" / f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 10_000
    assert struct.unpack(">II", data[16:24]) == (1280, 720)


def test_links_of_the_guide_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE)
    assert links and not [link for link in links if not (DOCS / link).exists()]


def test_keys_of_the_guide_are_keys_of_the_window(qtbot: QtBot, tmp_path: Path) -> None:
    places = Places(*(tmp_path / name for name in ("config", "state", "cache", "home")))
    window = MainWindow(places, Preferences(places), Settings(), listing=list)
    qtbot.addWidget(window)
    try:
        known = {
            "everywhere": keys_of(window._everywhere),
            "Live": keys_of(window.live.actions()),
            "Process": keys_of(window.process.actions()),
            "Review": keys_of(window.review.actions()),
        }
        rows = re.findall(r"^\| (\w+) \| (`.*`) \|", GUIDE, re.MULTILINE)
        assert len(rows) > 10
        for where, keys in rows:
            for key in re.findall(r"`([^`]+)`", keys):
                assert portable(key) in known[where], f"{key} in {where}"
    finally:
        window.close()


def keys_of(actions: list) -> set[str]:  # type: ignore[type-arg]
    return {keys.toString() for action in actions for keys in action.shortcuts()}


def portable(key: str) -> str:
    return QKeySequence(key).toString()
