"""Scrub, step, play and loop: the number and time shown are those of the picture that is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from megc_live.errors import MegcError
from megc_live.gui.review.courses import periods_around
from megc_live.gui.review.frames import FrameLoader, Shown
from megc_live.gui.review.picture import Picture
from megc_live.gui.shortcuts import make_action
from megc_live.output.words import clock
from megc_live.review.footage import nearest

SPEEDS = ((0.25, "1/4"), (0.5, "1/2"), (1.0, "1"))
LEAP = 10
"""Frames of a step with Shift."""
HELD_S = 0.25
"""While playing, a picture stays for this long over frames that the recorder dropped, seconds."""
POLL_MS = 15
_NEAR = 12
"""Frames before and after one whose times say how long it is shown."""


class Player(QWidget):
    """The controls, and the picture that they move, which whoever makes it places.

    Works on without a picture where the video has moved, and says of each frame that was not recorded that
    there is none. Frames that the camera lost are skipped.

    Attributes
    ----------
    shown : pyqtSignal(int)
        Frame of the source that has come on the screen (without a video: that is the position).
    failed : pyqtSignal(str)
        One line: why a frame cannot be shown.
    """

    shown = pyqtSignal(int)
    failed = pyqtSignal(str)

    def __init__(
        self, parent: QWidget | None = None, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._now = clock_s
        self._times: NDArray[np.float64] = np.zeros(0)
        self._present: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._present_s: NDArray[np.float64] = np.zeros(0)
        self._loader: FrameLoader | None = None
        self._position = 0
        self._on_screen: Shown | None = None
        self._loop: tuple[int, int] | None = None
        self._playing_since: tuple[float, float] | None = None
        self.picture = Picture("No video")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.slider.setToolTip("Position in the video, frames (Left, Right: one frame; with Shift: ten)")
        self.slider.valueChanged.connect(self._slid)
        self.where = QLabel("Frame -")
        self.where.setToolTip("Number and time of the frame that is shown: frame from 0, minutes:seconds")
        self.where.setMinimumWidth(190)
        self.speed = QComboBox()
        self.speed.setToolTip("Speed of the replay, times real time (, slower; . faster)")
        for factor, text in SPEEDS:
            self.speed.addItem(f"{text}x", factor)
        self.speed.setCurrentIndex(len(SPEEDS) - 1)
        self.speed.currentIndexChanged.connect(self._speed_changed)
        self._make_actions()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._tick)
        self.set_video(None, self._times)

    def _make_actions(self) -> None:
        self.play_action = make_action(self, "Play", "Space", self.toggle, tip="Play or pause")
        self.loop_action = make_action(
            self, "Loop", "L", tip="Repeat the selected interval while playing", checkable=True
        )
        steps = (
            ("Frame back", "Left", -1),
            ("Frame on", "Right", 1),
            (f"{LEAP} frames back", "Shift+Left", -LEAP),
            (f"{LEAP} frames on", "Shift+Right", LEAP),
        )
        self.step_actions = [make_action(self, text, keys, self._stepper(n)) for text, keys, n in steps]
        self.other_actions = [
            make_action(self, "First frame", "Home", lambda: self.go(0)),
            make_action(self, "Last frame", "End", lambda: self.go(len(self._times) - 1)),
            make_action(self, "Slower", ",", lambda: self._change_speed(-1)),
            make_action(self, "Faster", ".", lambda: self._change_speed(1)),
        ]

    def _stepper(self, frames: int) -> Callable[[], None]:
        return lambda: self.step(frames)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        back, on = self.step_actions[:2]
        for action, text in ((back, "◀|"), (self.play_action, ""), (on, "|▶"), (self.loop_action, "")):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if text:
                action.setIconText(text)
            row.addWidget(button)
        row.addWidget(self.speed)
        row.addStretch(1)
        row.addWidget(self.where)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.slider)
        layout.addLayout(row)

    def set_video(
        self,
        loader: FrameLoader | None,
        times_s: NDArray[np.float64],
        *,
        present: NDArray[np.int64] | None = None,
        text: str = "No video",
    ) -> None:
        """Show another recording.

        Parameters
        ----------
        loader : FrameLoader or None
            Where its frames come from; closed by the player. None: positions without pictures.
        times_s : ndarray of float64, shape (n,)
            Time of each frame of the source, seconds.
        present : ndarray of int64, shape (m,), optional
            The frames that the source did not lose, growing; default: all.
        text : str
            What is shown without a video.
        """
        self.pause()
        if self._loader is not None:
            self._loader.close(0)
        self._loader, self._times, self._on_screen, self._loop = loader, times_s, None, None
        self._present = np.arange(len(times_s)) if present is None or not len(present) else present
        self._present_s = times_s[self._present]
        self._position = 0
        self.picture.show_text(text if loader is None else "Opening the video …")
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(times_s) - 1))
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self.setEnabled(len(times_s) > 0)
        if len(times_s):
            self.go(0)
        else:
            self.where.setText("Frame -")

    @property
    def position(self) -> int:
        """Frame that was asked for last."""
        return self._position

    @property
    def frame(self) -> int | None:
        """Frame of the source that is on the screen; None without a picture."""
        return None if self._on_screen is None else self._on_screen.frame

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the source."""
        return 1.0 if self._on_screen is None else self._on_screen.scale

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._playing_since is not None

    def go(self, frame: int) -> None:
        """Show a frame; pauses."""
        self.pause()
        self._seek(frame)

    def step(self, frames: int) -> None:
        """Go on or back by some frames, of those that there are."""
        if not len(self._present):
            return
        if frames > 0:
            at = int(np.searchsorted(self._present, self._position, side="right")) + frames - 1
        else:
            at = int(np.searchsorted(self._present, self._position)) + frames
        self.go(int(self._present[min(max(at, 0), len(self._present) - 1)]))

    def set_loop(self, interval: tuple[int, int] | None) -> None:
        """Set what is repeated while ``loop_action`` is on: onset and offset, frames."""
        self._loop = interval

    def loop(self, interval: tuple[int, int]) -> None:
        """Play an interval over and over."""
        self.set_loop(interval)
        self.loop_action.setChecked(True)
        self._seek(interval[0])
        self.play()

    def toggle(self) -> None:
        """Play or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play from the position on; from the start if it is at the end."""
        if not len(self._times):
            return
        first, last = self._span()
        if not first <= self._position < last:
            self._seek(first)
        self._start_clock()
        self.play_action.setText("Pause")
        self.play_action.setIconText("Pause")

    def pause(self) -> None:
        """Stop at the frame that is shown."""
        if self.playing:
            self._playing_since = None
            if self.frame is not None:
                self._seek(self.frame)
        self.play_action.setText("Play")
        self.play_action.setIconText("Play")

    def shutdown(self, timeout_s: float = 1.0) -> bool:
        """End the decoding; False if it hangs and was left behind."""
        self._timer.stop()
        loader, self._loader = self._loader, None
        return loader is None or loader.close(timeout_s)

    def _span(self) -> tuple[int, int]:
        if self.loop_action.isChecked() and self._loop is not None:
            return self._loop
        return 0, len(self._times) - 1

    def _end_s(self, frame: int) -> float:
        """Until when a frame is shown: until the next one, or for a period where that is far away or none."""
        start = max(frame - _NEAR, 0)
        near = self._times[start : frame + _NEAR + 1]
        end = float(self._times[frame] + periods_around(near)[frame - start])
        return min(end, float(self._times[frame + 1])) if frame + 1 < len(self._times) else end

    def _start_clock(self) -> None:
        self._playing_since = self._now(), float(self._times[self._position])
        self._timer.start()

    def _speed_changed(self) -> None:
        if self.playing:
            self._start_clock()

    def _change_speed(self, by: int) -> None:
        self.speed.setCurrentIndex(min(max(self.speed.currentIndex() + by, 0), len(SPEEDS) - 1))

    def _slid(self, value: int) -> None:
        if value != self._position:
            self.go(value)

    def _seek(self, frame: int) -> None:
        if not len(self._times):
            return
        self._position = self._nearest(min(max(frame, 0), len(self._times) - 1))
        self.slider.blockSignals(True)
        self.slider.setValue(self._position)
        self.slider.blockSignals(False)
        if self._loader is None:
            self._say(self._position, float(self._times[self._position]), " · no picture")
            self.shown.emit(self._position)
            return
        if self._loader.holds(self._position):
            self._loader.ask(self._position)
        elif not (self.playing and self._held()):
            self._loader.forget()
            self._on_screen = None
            self.picture.show_text(f"Frame {self._position} was not recorded: there is no picture of it.")
            self._say(self._position, float(self._times[self._position]), " · not recorded")
            self.shown.emit(self._position)
        self._timer.start()

    def _held(self) -> bool:
        """Whether the picture on the screen is of a short time ago."""
        if self.frame is None:
            return False
        return 0 <= float(self._times[self._position] - self._times[self.frame]) <= HELD_S

    def _nearest(self, frame: int) -> int:
        """Return the frame nearest to one that the source lost; any other is itself."""
        return int(self._present[nearest(self._present_s, float(self._times[frame]))])

    def _newest(self, frame: int) -> int:
        """Return the frame, or the last one before it that the source did not lose."""
        at = int(np.searchsorted(self._present, frame, side="right")) - 1
        return int(self._present[max(at, 0)])

    def _tick(self) -> None:
        if self.playing:
            self._play_on()
        if self._loader is not None:
            try:
                shown = self._loader.take()
            except MegcError as error:
                self.pause()
                if self._on_screen is None:
                    self.picture.show_text(str(error))
                self.failed.emit(str(error))
                shown = None
            if shown is not None:
                self._show(shown)
        if not self.playing and (self._loader is None or not self._loader.waiting):
            self._timer.stop()

    def _play_on(self) -> None:
        assert self._playing_since is not None
        since, from_s = self._playing_since
        now_s = from_s + (self._now() - since) * float(self.speed.currentData())
        first, last = self._span()
        frame = int(np.searchsorted(self._times, now_s, side="right")) - 1
        if now_s >= self._end_s(last):
            if self.loop_action.isChecked():
                self._seek(first)
                self._start_clock()
            else:
                self.pause()
                self._seek(last)
        elif (there := self._newest(frame)) != self._position:
            self._seek(there)

    def _show(self, shown: Shown) -> None:
        self._on_screen = shown
        self.picture.show_rgb(shown.rgb)
        self._say(shown.frame, float(self._times[min(shown.frame, len(self._times) - 1)]))
        self.shown.emit(shown.frame)

    def _say(self, frame: int, time_s: float, more: str = "") -> None:
        self.where.setText(f"Frame {frame} · {clock(time_s, 0.001)}{more or ' min:s'}")
