"""The program itself in a window of a real X server, driven from outside with keys."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from megc_live.gui.display import problem, without_opencvs_qt

WIDTH, HEIGHT = 1280, 720
PATIENCE_S = 90.0
MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]

NEEDED = bool(os.environ.get("MEGC_NEEDS_X"))
"""Where this is set, as `.ci/run` does, a missing X server is a failure."""

pytestmark = pytest.mark.skipif(
    bool(MISSING) and not NEEDED,
    reason=f"not installed: {', '.join(MISSING)} (Debian: apt-get install xvfb xdotool)",
)


@dataclass
class Screen:
    """A display, its picture, and hands."""

    display: str
    picture: Path
    environment: dict[str, str]

    def xdotool(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout.strip()

    def pixels(self) -> np.ndarray:
        """Return what the screen shows, (720, 1280, 3), from the server's own memory (X window dump)."""
        data = self.picture.read_bytes()
        head = struct.unpack(">25I", data[:100])
        header_size, width, height, bits, stride, colours = (head[k] for k in (0, 4, 5, 11, 12, 19))
        assert (width, height, bits) == (WIDTH, HEIGHT, 32)
        start = header_size + 12 * colours
        rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
        return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1].copy()

    def windows(self, title: str) -> list[str]:
        return self.xdotool("search", "--onlyvisible", "--name", title).split()


def wait_until(true: Callable[[], bool], what: str, alive: Callable[[], bool] = lambda: True) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not true():
        assert alive(), f"the program ended while waiting for: {what}"
        assert time.monotonic() < limit, f"waited {PATIENCE_S:.0f} s for: {what}"
        time.sleep(0.1)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """An X server with a free number that it chooses itself."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(
        [*command, "-fbdir", str(tmp_path)],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number.isdecimal(), "Xvfb does not start"
        environment = without_opencvs_qt(dict(os.environ))
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            environment.pop(name, None)
        home = tmp_path / "home"
        home.mkdir()
        environment |= {
            "DISPLAY": f":{number}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "QT_SCALE_FACTOR": "1",
        }
        yield Screen(f":{number}", tmp_path / "Xvfb_screen0", environment)
    finally:
        server.terminate()
        server.wait(timeout=20)


def colours(pixels: np.ndarray) -> int:
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@dataclass
class Program:
    """The program, started, with its window shown and painted."""

    process: subprocess.Popen[str]
    window: str

    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> str:
        """Wait for its end; returns what it said on standard error."""
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return str(said)


@pytest.fixture
def program(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", screen.display)
    if why := problem():
        (pytest.fail if NEEDED else pytest.skip)(why)
    assert colours(screen.pixels()) <= 2  # so that what comes is the program's
    process = subprocess.Popen(
        [sys.executable, "-m", "megc_live", "gui"],
        env=screen.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:

        def alive() -> bool:
            return process.poll() is None

        wait_until(lambda: bool(screen.windows("^megc-live")), "the window", alive)
        (window,) = screen.windows("^megc-live")
        screen.xdotool("windowfocus", "--sync", window)
        wait_until(lambda: colours(screen.pixels()) > 50, "something in the window", alive)
        yield Program(process, window)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_program_on_a_real_display(screen: Screen, program: Program) -> None:
    """It changes workspace by keys, shows the sheet under ``?``, and quits with exit code 0."""

    def changes(before: np.ndarray, what: str) -> np.ndarray:
        def changed() -> bool:
            return float((screen.pixels() != before).any(axis=-1).mean()) > 0.02

        wait_until(changed, what, program.alive)
        return screen.pixels()

    start = screen.pixels()
    screen.xdotool("key", "--clearmodifiers", "ctrl+2")
    live = changes(start, "Live after Ctrl+2")
    screen.xdotool("key", "--clearmodifiers", "ctrl+1")
    changes(live, "Start after Ctrl+1")
    screen.xdotool("key", "question")
    wait_until(lambda: bool(screen.windows("Keyboard shortcuts")), "the sheet under ?", program.alive)
    (sheet,) = screen.windows("Keyboard shortcuts")
    screen.xdotool("windowfocus", "--sync", sheet)
    screen.xdotool("key", "Escape")
    wait_until(lambda: not screen.windows("Keyboard shortcuts"), "the sheet's end", program.alive)
    screen.xdotool("windowfocus", "--sync", program.window)
    screen.xdotool("key", "--clearmodifiers", "ctrl+q")
    said = program.end()
    assert program.process.returncode == 0, said
    assert "Traceback" not in said and "QObject" not in said, said


def test_a_signal_ends_it_in_good_order(screen: Screen, program: Program) -> None:
    program.process.terminate()
    said = program.end()
    assert program.process.returncode == 0 and "Traceback" not in said, said
    kept = Path(screen.environment["XDG_CONFIG_HOME"]) / "megc-live" / "window.ini"
    assert "layout" in kept.read_text()
