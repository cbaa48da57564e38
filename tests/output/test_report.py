"""report.html says what there is to say, holds everything itself, and does not grow with the video."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from megc_live.events import Event, FrameRow
from megc_live.output import SINKS, SessionInfo
from megc_live.output.accumulate import BLINK, Histogram, Timeline
from megc_live.output.html_sink import MAX_PICTURED
from megc_live.output.words import clock
from tests.output import made_up


class Page(HTMLParser):
    """The text of a page and the addresses that it refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._style = tag == "style"
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href", "action", "data")]
        if tag == "img":
            self.images.append(values)

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def report(
    folder: Path, rows: Iterable[FrameRow], events: Iterable[Event], session: SessionInfo | None = None
) -> Page:
    sink = SINKS["html"].make(folder, session or made_up.session(90))
    for row in rows:
        sink.on_row(row)
    for event in events:
        sink.on_event(event)
    sink.close(True)
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "url(" not in html and "@import" not in html and "<script" not in html
    page = Page(html)
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert all(image.get("alt") for image in page.images)
    return page


def test_a_usual_report(tmp_path: Path) -> None:
    page = report(tmp_path, made_up.rows(300, away=range(50, 90)), made_up.events(4, seconds=10))
    for words in (
        "interview.mp4",
        "not a lie detector",
        "article 5(1)(f)",
        "ltp-net",
        "0.40 s",
        "29.97 fps",
        "86 % (260 of 300)",
        "brow R inner",
        "333 ms",
        "ab" * 32,
    ):
        assert words in page.words, words
    assert "No micro-expression" not in page.words
    # timeline, quality, three pictures an event, the flow of the three micro-expressions
    assert len(page.images) == 2 + 4 * 3 + 3


def test_pictures_are_the_events_own(tmp_path: Path) -> None:
    event = made_up.event()
    page = report(tmp_path, made_up.rows(30), [event])
    apex = next(image for image in page.images if "at apex" in str(image["alt"]))
    data = base64.b64decode(str(apex["src"]).partition(",")[2])
    shown = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert event.pictures is not None
    assert shown.shape == event.pictures.apex.shape
    assert np.abs(shown.astype(int) - event.pictures.apex).mean() < 4


def test_nothing_found_says_why(tmp_path: Path) -> None:
    good = report(tmp_path / "good", made_up.rows(90), [])
    assert "No micro-expression was found." in good.words
    assert "The picture is good enough" in good.words
    small = (replace(row, eye_px=41.0, quality="small") for row in made_up.rows(90))
    session = made_up.session(90)
    session.source.measured_fps = 12.5
    page = report(tmp_path / "small", small, [], session)
    assert "Eye distance 41 px (median): below 50 px small movements are missed." in page.words
    assert "below 25 frames/s the shortest micro-expressions fall between frames" in page.words
    tiny = (replace(row, eye_px=12.0) for row in made_up.rows(90))
    assert "Faces under 20 px are not spotted at all" in report(tmp_path / "tiny", tiny, []).words


def test_a_pause_does_not_count_as_watched(tmp_path: Path) -> None:
    """20 s at 30 frames/s, of which the middle 10 s were paused: 5 micro-expressions in 10 s."""
    there = [row for row in made_up.rows(600) if not 150 <= row.frame < 450]
    session = made_up.session(600)
    session.source.extras["paused"] = 300
    events = [made_up.event(k, onset=500 + 12 * k) for k in range(5)]
    page = report(tmp_path / "paused", there, events, session)
    assert "30.2 per minute" in page.words, "5 in 599 / 30 s less 301 / 30 s"
    assert "480 px, 10.0 s not watched" in page.words
    assert "time without frames10.0 spaused, or the source was away, once at 0:05" in page.words
    assert "frames paused300not analysed" in page.words
    whole = report(tmp_path / "whole", made_up.rows(600), events, made_up.session(600))
    assert "15.0 per minute" in whole.words and "without frames" not in whole.words
    slow = [replace(row, timestamp=float(row.frame)) for row in made_up.rows(60)]
    assert "without frames" not in report(tmp_path / "slow", slow, [], made_up.session(60)).words


def test_no_face_and_no_frame(tmp_path: Path) -> None:
    page = report(tmp_path / "a", made_up.rows(45, faces=0), [])
    assert "No face was found on any of the 45 frames" in page.words
    assert page.images == []
    assert "No frame was analysed." in report(tmp_path / "b", [], [], made_up.session(0)).words


def test_spotting_only_says_so_and_shows_no_probabilities(tmp_path: Path) -> None:
    events = [replace(event, recognition=None) for event in made_up.events(2, seconds=3)]
    page = report(tmp_path, made_up.rows(90), events, made_up.session(90, recognizer="none"))
    assert "Spotting only" in page.words
    assert "Flow" not in page.words
    assert not re.search(r"negative|surprise", page.words.partition("Settings, versions")[0])


def test_each_face_has_a_timeline(tmp_path: Path) -> None:
    page = report(tmp_path, made_up.rows(120, faces=2), made_up.events(4, faces=2, seconds=4))
    assert sum("activity of the twelve regions" in str(image["alt"]) for image in page.images) == 2


def test_text_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    session = made_up.session(30, spec="<script>alert(1)</script>.mp4")
    session.source.name = "<b>bold</b>"
    session.warnings = ["<img src=x>"]
    page = report(tmp_path, made_up.rows(30), [made_up.event(note="<i>note</i>")], session)
    assert "<script>alert(1)</script>.mp4" in page.words and "<img src=x>" in page.words


def test_pictures_of_very_many_events_are_kept_for_the_best(tmp_path: Path) -> None:
    n = MAX_PICTURED + 5
    events = [made_up.event(k + 1, onset=12 * k, kind="macro" if k < 3 else "micro") for k in range(n)]
    page = report(tmp_path, made_up.rows(30), events)
    assert sum("at apex" in str(image["alt"]) for image in page.images) == MAX_PICTURED
    assert page.words.count("pictures are kept for the 300 best scores only") == 5
    missing = sorted(event.interval.score for event in events[3:])[:2]
    shown = {int(str(image["alt"]).split()[-1]) for image in page.images if "at apex" in str(image["alt"])}
    assert {event.id for event in events if event.id not in shown} == {
        1,
        2,
        3,
        *(event.id for event in events[3:] if event.interval.score in missing),
    }


@pytest.mark.parametrize("n", [1, 2, 4096, 20_000])
def test_the_timeline_keeps_every_extreme_in_bounded_memory(n: int) -> None:
    timeline = Timeline()
    for k in range(n):
        timeline.add(made_up.row(k, blink=1.0 if k == n - 1 else 0.1, fps=100.0))
    (lane,) = timeline.lanes
    assert timeline.n_bins <= len(lane.rows) == 4096
    assert lane.rows.sum() == timeline.frames.sum() == n
    assert np.nanmax(lane.high[:, BLINK]) == 1.0
    last = timeline.n_bins - 1
    assert lane.high[last, BLINK] == 1.0
    assert timeline.times()[last] <= timeline.end_s < timeline.times()[last] + timeline.width_s + 1e-9


def test_bins_are_the_minimum_and_maximum_of_their_rows() -> None:
    timeline = Timeline()
    rows = [made_up.row(k, blink=abs(np.sin(k))) for k in range(3000)]
    for row in rows:
        timeline.add(row)
    (lane,) = timeline.lanes
    edges = timeline.times()
    at = np.searchsorted(edges, [row.timestamp + 1e-9 for row in rows], side="right") - 1
    for k in (0, 7, 100, timeline.n_bins - 2):
        inside = [row.blink for row, place in zip(rows, at, strict=True) if place == k]
        assert lane.rows[k] == len(inside)
        if inside:
            assert lane.high[k, BLINK] == pytest.approx(max(inside))
            assert lane.low[k, BLINK] == pytest.approx(min(inside))


def test_many_faces_that_come_in_turn_share_a_timeline() -> None:
    timeline = Timeline()
    for k in range(12 * 90):
        timeline.add(made_up.no_face_row(k) if k % 90 > 45 else made_up.row(k, face_id=k // 90))
    (lane,) = timeline.shared_lanes()
    assert list(lane.faces) == list(range(12))
    assert lane.rows.sum() == 12 * 46
    assert timeline.faceless.sum() == 12 * 44


def test_faces_seen_at_the_same_time_never_share() -> None:
    timeline = Timeline()
    for row in made_up.rows(100, faces=6):
        timeline.add(row)
    assert [list(lane.faces) for lane in timeline.shared_lanes()] == [[k] for k in range(6)]


def test_histogram_quantiles() -> None:
    histogram = Histogram(0, 100, 100)
    for value in [*range(101), -5, 1000, float("nan")]:
        histogram.add(value)
    assert histogram.total == 103
    assert histogram.quantile(0.5) == pytest.approx(50, abs=1)
    assert np.isnan(Histogram(0, 1, 10).quantile(0.5))


@pytest.mark.parametrize(
    ("t_s", "step", "text"),
    [
        (5, 1, "0:05"),
        (65, 1, "1:05"),
        (3723, 1, "1:02:03"),
        (59.9996, 0.001, "1:00.000"),
        (7.25, 0.001, "0:07.250"),
    ],
)
def test_clock(t_s: float, step: float, text: str) -> None:
    assert clock(t_s, step) == text
