"""An hour of a live stream: is the memory flat, every queue bounded, every frame accounted for.

Run it from the repository's folder: ``python -m benchmarks.live_hour [--minutes 60] [--out FILE.json]``.

Three parts, each with a simulated camera that shows a synthetic clip (a real photograph with planted
movements) forwards and backwards:

- ``hour``: 30 frames/s of the camera's own clock, which does not wait: each frame comes as soon as there is
  room in the queue, so that every one is analysed. A second thread looks at the session 30 times a second, as
  a window does. Recording is off; the tables of results are written.
- ``flood``: 200 frames/s of a clock that does not wait, and nothing holds the camera back: more frames come
  than this computer can analyse, the queue is full, and what is dropped must be counted.
- ``window``: the Live workspace of the window, offscreen, with 30 and with 200 frames/s in real time: how
  often the picture is painted, and how long after its capture a frame is seen with its overlays.

Exit code 1: the memory at any of the points differs by more than 5 % from that after five minutes, a
frame is missing in the counts or in the table, a queue or list grew beyond its bound, or the window paints
more often than it means to.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from megc_live.live import StageStats, format_stats
from megc_live.live_recent import EVENTS_KEPT, HISTORY_S
from megc_live.live_session import LiveSession
from megc_live.settings import Settings
from megc_live.synthesis.demo import make_demo_clip
from megc_live.threads import share_cores
from megc_live.video import open_source
from tests.faces import U8
from tests.simulated import SimulatedCamera, jump_clock

EARLY_S = 300.0
LATER = (0.25, 0.5, 0.75, 1.0)
"""Shares of the stream at which the memory is read, besides :data:`EARLY_S`."""
MOST_GROWTH = 0.05
FLOOD_FPS = 200.0
WINDOW_FPS = (30.0, 200.0)
_ROOM = 30
"""Frames that may wait before the camera of the hour holds back the next one."""
_LOOKS_A_SECOND = 30
_TOLD_EVERY_S = 60.0


class Watched:
    """One session with a simulated camera, and the most that was seen in each of its queues and lists.

    Parameters
    ----------
    n_frames : int
        Length of the stream.
    fps : float
        Frames per second of the stream.
    pictures : sequence of ndarray
        What the camera sees.
    folder : Path
        For the results.
    held : bool
        The camera waits for room in the queue.
    """

    def __init__(
        self, n_frames: int, fps: float, pictures: Sequence[U8], folder: Path, *, held: bool
    ) -> None:
        self.n_frames, self.fps, self._held = n_frames, fps, held
        clock = jump_clock()
        camera = SimulatedCamera(
            fps, pictures=pictures, clock=clock, limit=n_frames, stamped=False, before_frame=self._before
        )
        settings = Settings()
        self.session = LiveSession(camera.open, settings, folder=folder, now=clock.now)
        early = min(round(EARLY_S * fps), n_frames // 4)
        self._points = {early, *(max(early, round(share * n_frames)) - 1 for share in LATER)}
        self.memory: dict[int, int] = {}
        # one more than fit into the queue: the frame that is being worked on
        queue = max(2, math.ceil(settings.video.live_queue_seconds * fps)) + 1
        self.bounds = {
            "capture": 1,
            "process": queue,
            "rows": round(HISTORY_S * fps) + 1,
            "events": EVENTS_KEPT,
        }
        self.most = dict.fromkeys(self.bounds, 0)
        self.slowest_look_s = 0.0
        self.handed_out = 0
        self.took_s = 0.0

    def _before(self, number: int) -> None:
        """Called by the camera before each frame: wait until there is room, read the memory."""
        while True:
            stages = self.session.stages()
            self._see({stage.name: stage.in_flight for stage in stages})
            if not self._held or len(stages) < 2 or stages[1].in_flight < _ROOM:
                break
            time.sleep(0.002)
        self.handed_out += 1
        if number in self._points:  # the last one: before the models are let go
            self.memory[number] = rss()

    def _see(self, now: dict[str, int]) -> None:
        for name, count in now.items():
            self.most[name] = max(self.most.get(name, 0), count)

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
                self._see_lists()
                print(
                    f"{told - began:5.0f} s: {shot.newest_s / 60:5.1f} min of stream, {rows} rows, "
                    f"{events} events, RSS {mb(rss())}",
                    flush=True,
                )
            done.wait(1 / _LOOKS_A_SECOND)
        self._see_lists()
        self.took_s = time.monotonic() - began
        if shot.state == "failed":
            raise SystemExit(f"the session failed: {shot.message}")

    def _see_lists(self) -> None:
        self._see(
            {
                "rows": len(self.session.rows_since(0)[0]),
                "events": len(self.session.events_since(0)[0]),
            }
        )

    def faults(self) -> list[str]:
        """Return what is wrong with the counts and the bounds, one line each."""
        stages = self.session.stages()
        capture, process = stages[:2]
        found = [
            f"{name}: {self.most[name]} at most, its bound is {bound}"
            for name, bound in self.bounds.items()
            if self.most[name] > bound
        ]
        if unknown := set(self.most) - set(self.bounds):
            found.append(f"no bound is known for {', '.join(sorted(unknown))}")
        sums = {
            "captured": (capture.enqueued, self.handed_out, "frames that the camera handed out"),
            "captured, at the end": (capture.enqueued, capture.processed + capture.dropped, "done + dropped"),
            "queued": (process.enqueued, capture.processed, "frames that capture passed on"),
            "queued, at the end": (process.enqueued, process.processed + process.dropped, "done + dropped"),
            "analysed": (process.processed, self.frames_in_table(), "frames in frames.csv"),
        }
        return found + [
            f"{name}: {count} is not {other} {what}"
            for name, (count, other, what) in sums.items()
            if count != other
        ]

    def frames_in_table(self) -> int:
        """Return how many frames the written table has."""
        folder = self.session.snapshot().folder
        assert folder is not None
        with (folder / "frames.csv").open(newline="", encoding="utf-8") as file:
            return len({row["frame"] for row in csv.DictReader(file)})

    def growth(self) -> float:
        """Return the largest difference of the memory from that after five minutes, as a share of it."""
        first, *later = (self.memory[number] for number in sorted(self.memory))
        return max((abs(size / first - 1) for size in later), default=0.0)

    def report(self) -> dict[str, Any]:
        """Print what there is to know and return it."""
        shot = self.session.snapshot()
        print(
            f"{self.n_frames} frames (synthetic) in {self.took_s:.0f} s: "
            f"{self.n_frames / self.took_s:.0f} frames/s"
        )
        minutes = {
            f"{(number + 1) / self.fps / 60:.1f} min": size for number, size in sorted(self.memory.items())
        }
        print("RSS after " + ", ".join(f"{at} {mb(size)}" for at, size in minutes.items()))
        print("most (of at most): " + ", ".join(f"{n} {self.most[n]} ({b})" for n, b in self.bounds.items()))
        print(f"rows {shot.n_rows}, events {shot.n_events}")
        print(f"slowest look of a window: {self.slowest_look_s * 1e3:.1f} ms")
        print(format_stats(self.session.stages()))
        return {
            "frames": self.n_frames,
            "seconds": round(self.took_s, 1),
            "rss_bytes": minutes,
            "largest_change": round(self.growth(), 4),
            "most": self.most,
            "bounds": self.bounds,
            "stages": [_counts(stage) for stage in self.session.stages()],
        }


def _counts(stage: StageStats) -> dict[str, Any]:
    return {name: getattr(stage, name) for name in ("name", "enqueued", "processed", "dropped", "in_flight")}


def hour(
    minutes: float, fps: float, pictures: Sequence[U8], folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """Run the first part; return its figures and faults."""
    print("hour: every frame is analysed", flush=True)
    run = Watched(round(60 * minutes * fps), fps, pictures, folder, held=True)
    run.run()
    figures, faults = run.report(), run.faults()
    if 60 * minutes <= EARLY_S:
        print("too short to judge the memory: models and tables are still being filled")
    elif run.growth() > MOST_GROWTH:
        faults.append(f"the memory changed by {run.growth():.1%}, more than {MOST_GROWTH:.0%}")
    if any(stage["dropped"] for stage in figures["stages"]):
        faults.append("frames were dropped although the camera waited")
    return figures, faults


def flood(n_frames: int, pictures: Sequence[U8], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the second part; return its figures and faults."""
    print("flood: more frames than can be analysed", flush=True)
    run = Watched(n_frames, FLOOD_FPS, pictures, folder, held=False)
    run.run()
    figures, faults = run.report(), run.faults()
    if not any(stage["dropped"] for stage in figures["stages"]):
        faults.append("nothing was dropped: this part shows nothing, give it more frames")
    return figures, faults


def window(seconds: float, pictures: Sequence[U8]) -> tuple[dict[str, Any], list[str]]:
    """Run the third part; return its figures and faults."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtWidgets import QApplication

    from megc_live.gui import theme
    from megc_live.gui.live.view import PAINT_S, LiveView

    print("window: how often it paints", flush=True)
    application = QApplication.instance() or QApplication([])
    theme.apply("light")
    figures: dict[str, Any] = {"paints_at_most": round(1 / PAINT_S, 1)}
    rates = []
    for fps in WINDOW_FPS:
        view = LiveView(Settings)
        view.resize(1280, 660)
        view.show()
        camera = SimulatedCamera(fps, pictures=pictures, stamped=False)
        view.start("camera:sim", camera.open, consent={"given": True, "purpose": "benchmark"}, folder=None)
        frames, paints = _rates(view, seconds, application)
        overlay_ms = [round(view.picture.latency_s(percent) * 1e3) for percent in (50, 95)]
        dropped = view._snapshot.dropped if view._snapshot is not None else 0
        view.shutdown()
        view.close()
        rates.append(paints)
        figures[f"at_{fps:g}_fps"] = {
            "captured_a_second": round(frames, 1),
            "paints_a_second": round(paints, 1),
            "overlay_ms": overlay_ms,
            "dropped": dropped,
        }
        print(
            f"camera {fps:g} frames/s: {frames:.1f} captured, {paints:.1f} painted a second, overlay p50 "
            f"{overlay_ms[0]} ms p95 {overlay_ms[1]} ms over the newest pictures, dropped {dropped}"
        )
    figures["paints_ratio"] = round(rates[1] / rates[0], 2)
    print(f"paints at {WINDOW_FPS[1]:g} to paints at {WINDOW_FPS[0]:g} frames/s: {figures['paints_ratio']}")
    most = 1.1 / PAINT_S
    return figures, [
        f"{rate:.1f} paints a second, at most {1 / PAINT_S:.0f} are meant" for rate in rates if rate > most
    ]


def _rates(view: Any, seconds: float, application: Any) -> tuple[float, float]:
    """Return how many frames a second are captured and how often the picture is painted."""
    _until(lambda: view._snapshot is not None and bool(view._snapshot.faces), application)
    painted, captured = view.picture.stats.enqueued, view._snapshot.stages[0].enqueued
    began = time.monotonic()
    _until(lambda: time.monotonic() - began >= seconds, application)
    took_s = time.monotonic() - began
    frames = view._snapshot.stages[0].enqueued - captured
    return frames / took_s, (view.picture.stats.enqueued - painted) / took_s


def _until(condition: Any, application: Any, patience_s: float = 120.0) -> None:
    """Let the window work until something holds."""
    began = time.monotonic()
    while not condition():
        application.processEvents()
        time.sleep(0.001)
        if time.monotonic() - began > patience_s:
            raise SystemExit(f"the window did not get there within {patience_s:g} s")


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
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the hour's stream")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second of the hour's stream")
    parser.add_argument("--flood", type=int, default=6000, help="frames of the flood")
    parser.add_argument(
        "--window", type=float, default=15.0, help="seconds of each rate in the window; 0: none"
    )
    parser.add_argument("--size", default="320x240", help="pixels of the pictures")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    share_cores()
    figures: dict[str, Any] = {}
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = pictures_of(12.0, asked.fps, (width, height), folder)
        parts: dict[str, Callable[[], tuple[dict[str, Any], list[str]]]] = {
            "hour": lambda: hour(asked.minutes, asked.fps, pictures, folder),
            "flood": lambda: flood(asked.flood, pictures, folder),
        }
        if asked.window > 0:
            parts["window"] = lambda: window(asked.window, pictures)
        for part, work in parts.items():
            figures[part], found = work()
            faults += [f"{part}: {fault}" for fault in found]
    figures["faults"] = faults
    if asked.out is not None:
        asked.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("\n".join(faults) or "memory is flat, every queue bounded, every frame accounted for")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
