"""What Review says of a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from megc_live.gui.review.words import saved_words, title_words
from megc_live.output.session import SESSION, SessionInfo
from megc_live.review import ReviewDocument, SetStatus
from tests.review.conftest import Clock, write_result


def test_what_is_said_of_the_changes_never_goes_back(tmp_path: Path) -> None:
    with ReviewDocument.open(write_result(tmp_path / "result"), "Ada", now=Clock()) as document:
        assert "no changes yet" in saved_words(document)
        one, other = (item.id for item in document.intervals[:2])
        document.apply(SetStatus(one, "accepted"))
        said = saved_words(document)
        assert "all changes are saved" in said
        document.apply(SetStatus(other, "rejected"))
        for change in (document.undo, document.undo, document.redo):
            assert saved_words(document) == said
            change()
        assert saved_words(document) == said


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({}, ""),
        ({"complete": True}, ""),
        ({"complete": False}, " · stopped before its end"),
        ({"complete": False, "cut_off": True}, " · cut off"),
    ],
)
def test_the_title_says_what_did_not_come_to_its_end(tmp_path: Path, run: dict[str, Any], said: str) -> None:
    folder = write_result(tmp_path / "result")
    session = SessionInfo.read(folder / SESSION)
    session.run = {**session.run, **run}
    session.write(folder)
    with ReviewDocument.open(folder, "Ada") as document:
        assert title_words(document) == f"{session.source.name}{said}"
