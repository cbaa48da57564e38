"""A gap in time, a pause or a file of uneven rate: nothing is drawn or shown across it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from megc_live.gui import theme
from megc_live.gui.review.courses import Courses, periods_around
from megc_live.gui.review.frames import FrameLoader, FrameMap
from megc_live.gui.review.player import Player
from megc_live.gui.review.timeline import Timeline
from megc_live.video.reader import FrameReader
from tests.gui.review.conftest import pixels
from tests.indexed import read_index, write_indexed

PAUSED = np.concatenate([np.arange(50) / 25, 60 + np.arange(50) / 25])
"""Frame 49 is at 1.96 s, frame 50 at 60 s."""


@pytest.fixture
def timeline(qtbot: QtBot) -> Timeline:
    theme.apply("light")
    made = Timeline()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    return made


def courses(times_s: np.ndarray, strong: int | None = None, present: np.ndarray | None = None) -> Courses:
    n = len(times_s)
    activity = np.full((n, 12), 0.01, np.float32)
    line = np.full(n, 0.1, np.float32)
    if strong is not None:
        activity[strong], line[strong] = 5.0, 1.0
    return Courses(times_s, activity, line, line, np.zeros((n, 4)), 5.0, 1.0, present)


def seconds(timeline: Timeline, colour: np.ndarray) -> float:
    """How much of the heat map has a colour."""
    low, high = timeline.span()
    return float((timeline.heat.image[0] == colour).all(axis=-1).mean()) * (high - low)


def nothing() -> np.ndarray:
    raised = theme.colour("raised")
    return np.array([raised.red(), raised.green(), raised.blue()])


def at(timeline: Timeline, t_s: float) -> np.ndarray:
    low, high = timeline.span()
    image = timeline.heat.image
    return np.asarray(image[0, int((t_s - low) / (high - low) * image.shape[1])])


def test_what_was_before_a_pause_is_not_painted_over_it(timeline: Timeline) -> None:
    timeline.set_courses(courses(PAUSED, strong=49))
    assert seconds(timeline, theme.activity_rgb(1.0)) < 0.2
    assert seconds(timeline, nothing()) > 57
    timeline.show_span(1.9, 2.2)  # frames of many columns each
    assert seconds(timeline, theme.activity_rgb(1.0)) == pytest.approx(1.5 * 0.04, abs=0.005)
    assert (at(timeline, 2.1) == nothing()).all() and (at(timeline, 1.93) != nothing()).any()
    timeline.show_span(30.0, 31.0)  # nothing but pause
    assert seconds(timeline, nothing()) == pytest.approx(1.0)
    timeline.show_span(59.9, 60.2)
    assert (at(timeline, 59.98) == nothing()).all() and (at(timeline, 60.01) != nothing()).any()


def test_the_first_frame_after_a_pause_is_drawn_there(timeline: Timeline) -> None:
    timeline.set_courses(courses(PAUSED, strong=50))
    low, high = timeline.span()
    bright = np.flatnonzero((timeline.heat.image[0] == theme.activity_rgb(1.0)).all(axis=-1))
    assert len(bright) and low + bright.mean() / timeline.heat.image.shape[1] * (high - low) == pytest.approx(
        60, abs=0.2
    )


def test_a_single_frame_between_two_pauses_is_drawn(timeline: Timeline) -> None:
    times = np.concatenate([np.arange(50) / 25, [400.0], 800 + np.arange(50) / 25])
    timeline.set_courses(courses(times, strong=50))
    bright = np.flatnonzero((timeline.heat.image[0] == theme.activity_rgb(1.0)).all(axis=-1))
    assert len(bright) == 1


@pytest.mark.parametrize("span", [None, (0.0, 61.0), (1.8, 60.1)])
@pytest.mark.parametrize("many", [False, True])
def test_lines_break_at_a_pause(timeline: Timeline, span: tuple[float, float] | None, many: bool) -> None:
    times = np.concatenate([np.arange(5000) / 2500, 60 + np.arange(5000) / 2500]) if many else PAUSED
    timeline.set_courses(courses(times))
    if span is not None:
        timeline.show_span(*span)
    for curve in timeline.curves:
        t_s, line = curve.getData()
        before, after = np.flatnonzero(t_s < 30)[-1], np.flatnonzero(t_s > 30)[0]
        assert np.isfinite(line[[before, after + 1]]).all()
        assert np.isnan(line[before : after + 1]).any(), "joined across the pause"
        assert np.isnan(line).sum() == 1


def test_even_frames_have_no_gap(timeline: Timeline) -> None:
    jitter = np.random.default_rng(3).uniform(-0.15, 0.15, 500) / 25
    timeline.set_courses(courses(np.arange(500) / 25 + jitter))
    low, high = timeline.span()
    assert seconds(timeline, nothing()) < (high - low) - 19.9, "only what is beyond the video"
    timeline.show_span(5.0, 6.0)
    assert seconds(timeline, nothing()) == 0.0
    assert not np.isnan(timeline.curves[0].getData()[1]).any()


def test_a_slower_part_of_a_video_is_no_gap(timeline: Timeline) -> None:
    times = np.concatenate([np.arange(100) / 30, 100 / 30 + np.arange(40) / 8])
    timeline.set_courses(courses(times))
    timeline.show_span(4.0, 6.0)
    assert seconds(timeline, nothing()) == 0.0
    assert not np.isnan(timeline.curves[0].getData()[1]).any()


def test_few_frames_that_a_camera_lost_in_a_long_time_are_a_gap(timeline: Timeline) -> None:
    known = np.concatenate([np.arange(50), np.arange(55, 105)])
    times = np.interp(np.arange(105), known, np.concatenate([np.arange(50) / 25, 60 + np.arange(50) / 25]))
    made = courses(times, strong=49, present=known)
    made.activity[50:55] = np.nan
    timeline.set_courses(made)
    assert seconds(timeline, theme.activity_rgb(1.0)) < 0.2


def test_periods_leave_gaps_out_and_follow_the_rate() -> None:
    assert periods_around(PAUSED) == pytest.approx(np.full(100, 0.04))
    assert periods_around(PAUSED[:51]) == pytest.approx(np.full(51, 0.04))
    assert periods_around(np.array([0.0, 10.0])) == pytest.approx([10.0, 10.0])
    assert len(periods_around(np.zeros(0))) == 0 and periods_around(np.zeros(1))[0] > 0
    two = np.concatenate([np.arange(20) / 100, 20 / 100 + np.arange(20) / 10])
    assert periods_around(two) == pytest.approx(np.r_[np.full(20, 0.01), np.full(20, 0.1)])


# the player


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def player(qtbot: QtBot, now: list[float]) -> Player:
    made = Player(clock_s=lambda: now[0])
    qtbot.addWidget(made)
    return made


def played(player: Player, now: list[float], n: int) -> list[int]:
    """Positions at each frame's time, and a little."""
    seen = []
    for _ in range(n):
        player._tick()
        seen.append(player.position)
        now[0] += 0.04
    return seen


def test_a_loop_before_a_pause_turns_round_after_a_period(player: Player, now: list[float]) -> None:
    player.set_video(None, PAUSED)
    player.loop((40, 49))
    now[0] = 0.001
    seen = played(player, now, 200)
    assert max(np.bincount(seen)[40:50]) <= 21 and set(seen) == set(range(40, 50))
    assert seen[:11] == [*range(40, 50), 40]


@pytest.mark.parametrize("times", [PAUSED, PAUSED[:50], np.append(PAUSED[:49], 50.0)])
def test_the_last_frame_is_shown_for_a_period(player: Player, now: list[float], times: np.ndarray) -> None:
    player.set_video(None, times)
    last = len(times) - 1
    player.loop((last, last))
    now[0] = 0.039
    player._tick()
    assert player._playing_since is not None and player._playing_since[0] == 0.0
    now[0] = 0.041
    player._tick()
    assert player._playing_since is not None and player._playing_since[0] == 0.041, "begun again"
    player.loop_action.setChecked(False)
    player.go(last - 1)
    player.play()
    now[0] += float(times[last] - times[last - 1]) + 0.03
    player._tick()
    assert player.playing and player.position == last
    now[0] += 0.02
    player._tick()
    assert not player.playing and player.position == last


def test_a_loop_before_a_pause_shows_all_of_its_pictures(
    qtbot: QtBot, tmp_path: Path, player: Player, now: list[float]
) -> None:
    path = write_indexed(tmp_path / "paused.mp4", 30, pts=[*(np.arange(15) / 25), *(9 + np.arange(15) / 25)])
    with FrameReader(path) as reader:
        times = np.array([reader.pts_s(k) for k in range(30)])
    player.set_video(FrameLoader(lambda: FrameReader(path), FrameMap()), times)
    player.loop((10, 14))
    try:
        now[0] = 0.001
        for expected in (10, 11, 12, 13, 14, 10, 11):
            qtbot.waitUntil(lambda frame=expected: player.frame == frame, timeout=10_000)
            assert read_index(pixels(player.picture.image).astype(float).mean(axis=2)) == expected
            now[0] += 0.04
    finally:
        assert player.shutdown(5.0)
