"""A result folder to review, made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from megc_live.output import SINKS
from megc_live.review import ReviewDocument
from tests.output import made_up

N_FRAMES = 300
Open = Callable[..., ReviewDocument]


def write_result(folder: Path, n_frames: int = N_FRAMES, faces: int = 2, n_events: int = 6) -> Path:
    """Write intervals.csv, frames.csv, session.json; intervals of the faces in turn."""
    session = made_up.session(n_frames)
    sink = SINKS["csv"].make(folder, session)
    for row in made_up.rows(n_frames, faces, away=range(120, 130)):
        sink.on_row(row)
    for event in made_up.events(n_events, faces, seconds=n_frames / made_up.FPS):
        sink.on_event(event)
    sink.close(True)
    session.write(folder)
    return folder


class Clock:
    """Times that differ, so that a test sees which one was kept."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> str:
        self.n += 1
        return f"2026-01-02T03:04:{self.n:02d}+00:00"


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return write_result(tmp_path / "result")


@pytest.fixture
def opened(result: Path) -> Iterator[Open]:
    """Opens the result; all are closed at the end."""
    documents: list[ReviewDocument] = []
    clock = Clock()

    def open_it(reviewer: str = "Ada", **how: object) -> ReviewDocument:
        documents.append(ReviewDocument.open(result, reviewer, **{"now": clock, **how}))  # type: ignore[arg-type]
        return documents[-1]

    yield open_it
    for document in documents:
        document.close()
