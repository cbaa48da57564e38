"""A camera for tests: a real face at any rate, that can be unplugged, plugged in again and made to hang.

Its pictures hold the number of the frame since the camera was made (:mod:`tests.indexed`), and it keeps
counting while nobody reads it, as a camera does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from megc_live.errors import SourceError
from megc_live.video import Frame, PixelImage, Source, SourceInfo
from megc_live.video.clock import Clock, ManualClock, RealClock
from tests.faces import U8, scene
from tests.indexed import BITS, stamp

PATIENCE_S = 0.05


@cache
def swaying_face(n: int = 60, size: tuple[int, int] = (320, 240)) -> list[U8]:
    """Return ``n`` pictures of a face that sways by a pixel or two and comes back to where it began."""
    width, height = size
    turns = np.linspace(0, 2 * np.pi, n, endpoint=False)
    side = round(height * 0.92)
    return [scene(width, height, side, (2 * np.sin(t), np.cos(t)), 0.4 * np.sin(t)) for t in turns]


def jump_clock() -> ManualClock:
    """Return a clock that does not wait: frames come at their right times, as fast as they are read."""
    return ManualClock(jump=True)


@dataclass
class _Device:
    """What stays the same when the camera is opened again."""

    pictures: list[U8]
    fps: float
    clock: Clock
    limit: int | None
    stamped: bool
    began: float | None = None
    plugged: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    opened: int = 0


class SimulatedCamera(Source):
    """A camera that never was.

    Parameters
    ----------
    fps : float
        Frames per second.
    pictures : sequence of ndarray, optional
        What it sees, (h, w, 3) R G B, over and over; default: :func:`swaying_face`.
    clock : Clock, optional
        Default: the machine's; :func:`jump_clock` for tests that are not to wait.
    limit : int, optional
        Frames after which it ends.
    stamped : bool
        Write the frame's number into the picture.
    before_frame : callable, optional
        Called before each frame is handed out: a test may hold it up there.
    """

    def __init__(
        self,
        fps: float = 30.0,
        *,
        pictures: Sequence[U8] | None = None,
        clock: Clock | None = None,
        limit: int | None = None,
        stamped: bool = True,
        before_frame: Callable[[int], None] | None = None,
    ) -> None:
        device = _Device(
            list(pictures) if pictures is not None else swaying_face(),
            fps,
            clock or RealClock(),
            limit,
            stamped,
        )
        device.plugged.set()
        device.free.set()
        self._begin(device, before_frame)

    def _begin(self, device: _Device, before_frame: Callable[[int], None] | None) -> None:
        self._device = device
        self._before_frame = before_frame
        self._cancel = threading.Event()
        self.closed = threading.Event()
        self._zero: float | None = None
        self._first = self._number_now()
        self._next = self._first
        height, width = device.pictures[0].shape[:2]
        self.name = "simulated"
        self.info = SourceInfo("camera:sim", "camera", width, height, device.fps, None, None, True, "raw")
        device.opened += 1

    def open(self) -> SimulatedCamera:
        """Open the same camera anew: this is what to give a session as ``open_source``.

        Raises
        ------
        SourceError
            It is unplugged.
        """
        if not self._device.plugged.is_set():
            raise SourceError("camera sim does not open.", "Plug it in.")
        again = SimulatedCamera.__new__(SimulatedCamera)
        again._begin(self._device, self._before_frame)
        return again

    @property
    def clock(self) -> Clock:
        return self._device.clock

    @property
    def opened(self) -> int:
        """How often it was opened."""
        return self._device.opened

    def unplug(self) -> None:
        """No more frames: reading and opening fail until :meth:`plug`."""
        self._device.plugged.clear()
        self._device.clock.wake()

    def plug(self) -> None:
        """It can be opened again."""
        self._device.plugged.set()

    def hang(self) -> None:
        """From now on a read does not return, not even when interrupted, until :meth:`release`."""
        self._device.free.clear()

    @property
    def hanging(self) -> threading.Event:
        """Set as soon as a read hangs."""
        return self._device.hanging

    def release(self) -> None:
        """End :meth:`hang`."""
        self._device.free.set()

    def _number_now(self) -> int:
        device = self._device
        if device.began is None:
            return 0
        return max(0, round((device.clock.now() - device.began) * device.fps))

    def read(self) -> Frame | None:
        device = self._device
        if not device.free.is_set():
            device.hanging.set()
            device.free.wait()
        if self._over():
            return None
        if not device.plugged.is_set():
            raise SourceError("camera sim has delivered no frame for 0 s.", "Plug it in.")
        if self._before_frame is not None:
            self._before_frame(self._next)
        if device.began is None:
            device.began = device.clock.now()
        due = device.began + self._next / device.fps
        if not device.clock.wait_until(due, self._cancel):
            return None
        if not device.plugged.is_set():
            raise SourceError("camera sim has delivered no frame for 0 s.", "Plug it in.")
        t = max(due, device.clock.now())
        if self._zero is None:
            self._zero = t
        number = self._next
        rgb = device.pictures[number % len(device.pictures)]
        if device.stamped:
            rgb = stamp(rgb, number % 2**BITS)
        self._next += 1
        return Frame(number - self._first, t - self._zero, PixelImage(rgb, "rgb"), t)

    def _over(self) -> bool:
        limit = self._device.limit
        return self._cancel.is_set() or self.closed.is_set() or (limit is not None and self._next >= limit)

    def interrupt(self) -> None:
        self._cancel.set()
        self._device.clock.wake()

    def close(self) -> None:
        self._cancel.set()
        self.closed.set()
