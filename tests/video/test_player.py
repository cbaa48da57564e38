"""Replay against a clock."""

from __future__ import annotations

import threading
from pathlib import Path

from megc_live.video import LivePlayer, ManualClock, RealClock, open_source
from tests.indexed import write_indexed


def test_player_waits_for_the_clock(tmp_path: Path) -> None:
    clock = ManualClock()
    with LivePlayer(open_source(write_indexed(tmp_path / "a.mp4", 5)), clock) as player:
        first = player.poll()
        assert first is not None and first.index == 0
        assert player.poll() is None
        clock.advance(0.041)
        second = player.poll()
        assert second is not None and (second.index, second.t_capture) == (1, 0.041)
        clock.advance(1.0)
        late = [f for f in iter(player.poll, None)]
        assert [f.index for f in late] == [2, 3, 4] and player.ended


def test_interrupt_ends_a_waiting_player(tmp_path: Path) -> None:
    clock = ManualClock()
    player = LivePlayer(open_source(write_indexed(tmp_path / "a.mp4", 5)), clock)
    assert player.read() is not None
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(player.read()))
    thread.start()
    player.interrupt()
    thread.join(5)
    player.close()
    assert not thread.is_alive() and result == [None]


def test_the_real_clock_waits_until_it_is_time_or_cancelled() -> None:
    clock = RealClock()
    cancel = threading.Event()
    begin = clock.now()
    assert clock.wait_until(begin + 0.01, cancel)
    assert clock.now() >= begin + 0.01
    result: list[bool] = []
    thread = threading.Thread(target=lambda: result.append(clock.wait_until(begin + 1e6, cancel)))
    thread.start()
    cancel.set()
    clock.wake()
    thread.join(20)
    assert result == [False]
