"""The guide shows pictures that are there and made by the script, and names keys that do what it says."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QAbstractButton, QMenu
from pytestqt.qtbot import QtBot

from megc_live.gui.main_window import MainWindow
from megc_live.gui.preferences import Places, Preferences
from megc_live.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guide.md").read_text(encoding="utf-8")
KEY = re.compile(
    r"(Ctrl\+|Shift\+|Alt\+)*([A-Z0-9?,.+-]|F\d+|Up|Down|Left|Right|Space|Ins|Del|Return|Home|End)"
)
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


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    places = Places(*(tmp_path / name for name in ("config", "state", "cache", "home")))
    made = MainWindow(places, Preferences(places), Settings(), listing=list)
    qtbot.addWidget(made)
    yield made
    made.close()


def test_keys_of_the_guide_are_keys_of_the_window(window: MainWindow) -> None:
    known = {
        "everywhere": keys_of(window._everywhere),
        "Start": keys_of([*window.start.actions(), *window.start.findChildren(QAction)]),
        "Live": keys_of(window.live.actions()),
        "Process": keys_of(window.process.actions()),
        "Review": keys_of(window.review.actions()),
    }
    rows = re.findall(r"^\| (\w+) \| (`.*`) \|", GUIDE, re.MULTILINE)
    assert len(rows) > 10
    for where, keys in rows:
        for key in re.findall(r"`([^`]+)`", keys):
            assert portable(key) in known[where], f"{key} in {where}"
    shared = known["everywhere"] | known["Start"]
    for chapter, where, least in ((4, "Live", 12), (5, "Review", 28), (6, "Review", 2), (8, "Process", 11)):
        named = [key for key in re.findall(r"`([^`\n]+)`", text_of(chapter)) if KEY.fullmatch(key)]
        assert len(named) >= least
        for key in named:
            assert portable(key) in known[where] | shared, f"{key} in chapter {chapter}"


def test_what_the_guide_calls_by_name_can_be_read_in_the_window(window: MainWindow) -> None:
    """What stands in italics with a capital letter is the text of a button, an action or a menu."""
    parts: list[QAbstractButton | QAction] = [*window.findChildren(QAbstractButton)]
    texts = {plain(part.text()) for part in [*parts, *window.findChildren(QAction)]}
    texts |= {plain(menu.title()) for menu in window.findChildren(QMenu)}
    named = {plain(name) for name in re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", GUIDE)}
    assert len(named) > 10
    assert named - texts == {"Save"}, "of which the guide says that there is none"


def keys_of(actions: list) -> set[str]:  # type: ignore[type-arg]
    return {keys.toString() for action in actions for keys in action.shortcuts()}


def plain(text: str) -> str:
    return re.sub(r"\s*…$", "", text.replace("&", ""))


def text_of(chapter: int) -> str:
    """Return the text of a chapter without its blocks of code."""
    found = re.search(rf"^## {chapter}\. .*?(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return re.sub(r"```.*?```", "", found.group(), flags=re.DOTALL)


def portable(key: str) -> str:
    return QKeySequence(key).toString()
