"""An hour of a live stream, as fast as it goes: is the memory flat, is every frame accounted for.

Run it from the repository's folder: ``python -m benchmarks.live_hour [--minutes 60]``.

A simulated camera hands out a synthetic clip (a real photograph with planted movements) forwards and
backwards at 30 frames/s of its own clock, which does not wait: each frame comes as soon as there is room in
the queue. A second thread looks at the session 30 times a second, as a window does. Recording is off; the
tables of results are written. Exit code 1: the memory grew by more than 5 %, a frame is missing, or a queue
grew beyond its bound.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from megc_live.live import StageStats, format_stats
from megc_live.live_session import LiveSession
from megc_live.settings import Settings
from megc_live.synthesis.demo import make_demo_clip
from megc_live.threads import share_cores
from megc_live.video import open_source
from tests.faces import U8
from tests.simulated import SimulatedCamera, jump_clock

EARLY_S = 300.0
MOST_GROWTH = 0.05
_ROOM = 30
"""Frames that may wait before the camera holds back the next one: the hour is to be analysed, not dropped."""
_LOOKS_A_SECOND = 30
_TOLD_EVERY_S = 60.0


class Hour:
    """One run.

    Parameters
    ----------
    seconds : float
        Length of the stream.
    fps : float
        Frames per second of the stream.
    pictures : sequence of ndarray
        What the camera sees.
    folder : Path
        For the results.
    """

    def __init__(self, seconds: float, fps: float, pictures: Sequence[U8], folder: Path) -> None:
        self.frames = round(seconds * fps)
        self._early = min(round(EARLY_S * fps), self.frames // 2)
        clock = jump_clock()
        camera = SimulatedCamera(
            fps, pictures=pictures, clock=clock, limit=self.frames, stamped=False, before_frame=self._hold
        )
        self.session = LiveSession(camera.open, Settings(), folder=folder, now=clock.now)
        self.early_rss = self.late_rss = 0
        self.most_waiting: dict[str, int] = {}
        self.most_rows = self.most_events = 0
        self.slowest_look_s = 0.0

    def _hold(self, number: int) -> None:
        """Wait until there is room; called by the camera before each frame."""
        while True:
            stages = self.session.stages()
            for stage in stages:
                self.most_waiting[stage.name] = max(self.most_waiting.get(stage.name, 0), stage.in_flight)
            if not stages or stages[1].in_flight < _ROOM:
                break
            time.sleep(0.002)
        if number == self._early:
            self.early_rss = rss()
        if number == self.frames - 1:  # before the models are let go
            self.late_rss = rss()

    def run(self) -> None:
        """Start, look at it until it has ended."""
        began = told = time.monotonic()
        self.session.start()
        rows = events = 0
        done = threading.Event()
        while True:
            looked = time.perf_counter()
            shot = self.session.snapshot()
            _, rows = self.session.rows_since(rows)
            _, events = self.session.events_since(events)
            self.slowest_look_s = max(self.slowest_look_s, time.perf_counter() - looked)
            if shot.state in ("ended", "failed"):
                break
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                self.most_rows = max(self.most_rows, len(self.session.rows_since(0)[0]))
                self.most_events = max(self.most_events, len(self.session.events_since(0)[0]))
                print(
                    f"{told - began:5.0f} s: {shot.newest_s / 60:5.1f} min of stream, {rows} rows, "
                    f"{events} events, RSS {mb(rss())}",
                    flush=True,
                )
            done.wait(1 / _LOOKS_A_SECOND)
        if shot.state == "failed":
            raise SystemExit(f"the session failed: {shot.message}")

    def report(self, took_s: float) -> bool:
        """Print what there is to know; return whether all is well."""
        growth = self.late_rss / self.early_rss - 1
        stages = self.session.stages()
        shot = self.session.snapshot()
        print(f"{self.frames} frames (synthetic) in {took_s:.0f} s: {self.frames / took_s:.0f} frames/s")
        memory = f"{mb(self.early_rss)}, at the last one {mb(self.late_rss)}: {growth:+.1%}"
        print(f"RSS after {self._early} frames {memory}")
        print(f"rows {shot.n_rows}, held {self.most_rows}; events {shot.n_events}, held {self.most_events}")
        print("most waiting: " + ", ".join(f"{name} {most}" for name, most in self.most_waiting.items()))
        print(f"slowest look of a window: {self.slowest_look_s * 1e3:.1f} ms")
        print(format_stats(stages))
        return growth <= MOST_GROWTH and _accounted(stages, self.frames)


def _accounted(stages: Sequence[StageStats], frames: int) -> bool:
    capture, process = stages[:2]
    whole = capture.enqueued == frames and process.enqueued == capture.processed
    return whole and all(stage.in_flight == 0 for stage in stages)


def pictures_of(seconds: float, fps: float, size: tuple[int, int], folder: Path) -> list[U8]:
    """Render a clip with planted movements and return its pictures, there and back again."""
    path = folder / "clip.mp4"
    make_demo_clip(path, seed=11, seconds=seconds, fps=fps, size=size)
    with open_source(path) as source:
        there = [frame.image.rgb() for frame in source]
    return there + there[-2:0:-1]


def rss() -> int:
    """Memory of this process in bytes."""
    return int(psutil.Process().memory_info().rss)


def mb(n_bytes: int) -> str:
    """Bytes for a reader."""
    return f"{n_bytes / 2**20:.1f} MB"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the stream")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second of the stream")
    parser.add_argument("--size", default="320x240", help="pixels of the pictures")
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    share_cores()
    with tempfile.TemporaryDirectory() as folder:
        pictures = pictures_of(12.0, asked.fps, (width, height), Path(folder))
        hour = Hour(math.ceil(60 * asked.minutes), asked.fps, pictures, Path(folder))
        began = time.monotonic()
        hour.run()
        good = hour.report(time.monotonic() - began)
    print("memory is flat and every frame is accounted for" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
