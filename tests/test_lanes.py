"""Work in several processes: order, progress, stopping, and workers that die."""

from __future__ import annotations

import os
import signal

import pytest

from megc_live.lanes import Report, Stopped, run_in_lanes, stop_on_signals


def work(task: int, report: Report, stopped: Stopped) -> int:
    """Square a number; die on 13; wait to be stopped on 99."""
    if task == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    report(task, 100 if task % 2 else None)
    while task == 99 and not stopped():
        pass
    return task * task


def run(
    tasks: list[int], lanes: int, stopped: Stopped = lambda: False
) -> tuple[list[int | None], list[int], dict[int, tuple[int, int | None]]]:
    order: list[int] = []
    seen: dict[int, tuple[int, int | None]] = {}
    answers = run_in_lanes(
        work,
        tasks,
        lanes,
        stopped=stopped,
        on_progress=lambda index, done, total: seen.update({index: (done, total)}),
        on_answer=lambda index, answer: order.append(index),
    )
    return answers, order, seen


def test_a_dead_worker_costs_its_own_task_only() -> None:
    answers, order, seen = run([2, 13, 3, 4], lanes=2)
    assert answers == [4, None, 9, 16]
    assert sorted(order) == [0, 1, 2, 3]
    assert seen[2] == (3, 100) and seen[3] == (4, None)


def test_stopping_tells_the_running_task_and_begins_no_other() -> None:
    answers, order, _ = run([99, 5, 6], lanes=1, stopped=lambda: True)
    assert answers[1:] == [None, None]
    assert order in ([], [0])


def test_nothing_to_do() -> None:
    assert run([], lanes=2) == ([], [], {})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_raises_a_flag_the_second_one_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stopped:
        assert not stopped()
        signal.raise_signal(number)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
