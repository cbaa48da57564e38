"""docs/data-dictionary.md explains every column and key that is written."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from megc_live.face.regions import REGIONS
from megc_live.output import SINKS
from tests.output import made_up

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def explained(section: str) -> set[str]:
    """Return the names in the first column of the tables of one section."""
    body = re.search(rf"^## `?{re.escape(section)}.*?$(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.S | re.M)
    assert body is not None, f"no section {section}"
    names = set(re.findall(r"^\| `([^`]+)`", body[1], re.M))
    if "activity_<region>" in names:
        names |= {f"activity_{region}" for region in REGIONS}
        names.remove("activity_<region>")
    return names


def keys(value: Any, free: set[str], above: str = "") -> set[str]:
    """Return the dotted names of all keys, not looking into the parts whose content is open."""
    found: set[str] = set()
    if isinstance(value, list):
        return set().union(*(keys(item, free, above) for item in value)) if value else set()
    if isinstance(value, dict) and above.rstrip(".") not in free:
        for key, item in value.items():
            found |= {f"{above}{key}"} | keys(item, free, f"{above}{key}.")
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    for name in SINKS:
        sink = SINKS[name].make(folder, made_up.session(60))
        for row in made_up.rows(60):
            sink.on_row(row)
        for event in made_up.events(4, seconds=2):
            sink.on_event(event)
        sink.close(True)
    made_up.session(60).write(folder)
    return folder


@pytest.mark.parametrize(
    ("section", "delimiter"), [("intervals.csv", ","), ("frames.csv", ","), ("bids/events.tsv", "\t")]
)
def test_every_column_is_explained_and_nothing_else(written: Path, section: str, delimiter: str) -> None:
    with (written / section).open(newline="") as file:
        header = next(csv.reader(file, delimiter=delimiter))
    assert explained(section) == set(header)


def test_every_key_of_the_events_is_explained(written: Path) -> None:
    record = json.loads((written / "events.json").read_text())
    assert explained("events.json") == keys(record, free={"events.recognition.probabilities"})


def test_every_key_of_the_session_is_explained(written: Path) -> None:
    record = json.loads((written / "session.json").read_text())
    free = {"source.extras", "settings", "versions", "models", "stages", "run", "events"}
    assert explained("session.json") == keys(record, free)


def test_every_file_and_region_is_named(written: Path) -> None:
    text = DOCUMENT.read_text()
    assert [path.name for path in written.rglob("*") if path.is_file() and path.name not in text] == []
    assert [region for region in REGIONS if f"`{region}`" not in text] == []
