"""Cameras, read with OpenCV."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Protocol

import cv2
import numpy as np

from megc_live.errors import SourceError
from megc_live.video.base import SOURCES, Source, SourceInfo
from megc_live.video.clock import Clock, RealClock
from megc_live.video.frame import U8, Frame
from megc_live.video.pixels import from_bgr

WARM_UP_FRAMES = 10
"""Frames that are read and thrown away at first: exposure settles, the rate is measured."""
PATIENCE_S = 3.0
RETRY_S = 0.05
REOPEN_S = 0.5
FALLBACK_FPS = 30.0


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that is used."""

    def isOpened(self) -> bool:  # noqa: D102
        ...

    def grab(self) -> bool:  # noqa: D102
        ...

    def retrieve(self) -> tuple[bool, Any]:  # noqa: D102
        ...

    def get(self, prop: int, /) -> float:  # noqa: D102
        ...

    def set(self, prop: int, value: float, /) -> bool:  # noqa: D102
        ...

    def release(self) -> None:  # noqa: D102
        ...


@dataclass(frozen=True)
class CameraInfo:
    """A camera that the system knows: open it with ``camera:<index>``."""

    index: int
    name: str
    path: str


def list_cameras() -> list[CameraInfo]:
    """Return the cameras that the operating system lists, without opening any of them."""
    from cv2_enumerate_cameras import enumerate_cameras, supported_backends

    backend = _backend()
    if backend not in supported_backends:
        return []
    found = {c.index: CameraInfo(int(c.index), str(c.name), str(c.path)) for c in enumerate_cameras(backend)}
    return [found[index] for index in sorted(found)]


def _backend() -> int:
    """Return OpenCV's own backend for this system: the one whose numbers are listed."""
    backends = {"win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    return int(backends.get(sys.platform, cv2.CAP_V4L2))


def open_capture(index: int) -> Capture:
    """Open a camera of this machine."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # a failure is reported as our error
    try:
        return cv2.VideoCapture(index, _backend())
    finally:
        cv2.utils.logging.setLogLevel(level)


@SOURCES.register("camera", summary="a camera of this computer", live=True, seekable=False, needs_fps=False)
class CameraSource(Source):
    """A camera. Frames are stamped right after they are grabbed, before they are decoded.

    Reads that fail are tried again, and the device is opened anew, for ``patience_s``. What was
    missed meanwhile is a gap in the index, estimated from the measured rate and counted in
    ``dropped``.

    Parameters
    ----------
    index : int
        Number of the camera, see :func:`list_cameras`.
    fps : float, optional
        Rate to ask the camera for; ``info.fps`` is what it really delivers.
    make : callable, optional
        Opens the device: ``make(index) -> Capture``.
    clock : Clock, optional
        Stamps the frames; default: the machine's clock.
    patience_s : float
        Seconds without a frame after which the camera is given up.

    Raises
    ------
    SourceError
        It does not open or deliver; from :meth:`read`: it has stopped delivering.
    """

    def __init__(
        self,
        index: int,
        *,
        fps: float | None = None,
        make: Callable[[int], Capture] = open_capture,
        clock: Clock | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._number = index
        self._make = make
        self._fps_asked = fps
        self._clock: Clock = RealClock() if clock is None else clock
        self._patience = patience_s
        self._cancel = threading.Event()
        self._closed = False
        self._index = 0
        self._zero: float | None = None
        self._last = 0.0
        self.failed_reads = 0
        self._capture = self._open()
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"camera {index} does not open.",
                "`megc-live cameras` lists the cameras; close other programs that use it.",
            )
        try:
            rate, first = self._warm_up()
        except BaseException:
            self._capture.release()
            raise
        self._size = (first.shape[1], first.shape[0])
        self.name = f"camera{index}"
        self.info = SourceInfo(
            f"camera:{index}", "camera", *self._size, rate, None, None, True, self._codec()
        )

    def _open(self) -> Capture:
        capture = self._make(self._number)
        if self._fps_asked is not None and capture.isOpened():
            capture.set(cv2.CAP_PROP_FPS, self._fps_asked)
        return capture

    def _warm_up(self) -> tuple[float, U8]:
        """Return the measured rate and one picture."""
        times: list[float] = []
        picture: U8 | None = None
        for _ in range(WARM_UP_FRAMES):
            grabbed = self._grab()
            if grabbed is None:
                break
            picture, t, _ = grabbed
            times.append(t)
        if picture is None:
            raise SourceError(f"camera {self._number} was closed before its first frame.", "Open it again.")
        # the first few may wait in the driver's buffer: their distances are not the rate
        steps = [b - a for a, b in pairwise(times[2:])]
        rate = 1 / max(median(steps), 1e-6) if steps else 0.0
        if not 1 <= rate <= 1000:
            stated = float(self._capture.get(cv2.CAP_PROP_FPS))
            rate = stated if 1 <= stated <= 1000 else FALLBACK_FPS
        return rate, picture

    def _codec(self) -> str:
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        name = "".join(chr((code >> shift) & 0xFF) for shift in (0, 8, 16, 24))
        return name.strip().lower() if code > 0 and name.isprintable() else "raw"

    def read(self) -> Frame | None:
        """Wait for the next frame and return it; None when closed or interrupted."""
        if self._closed:
            return None
        grabbed = self._grab()
        if grabbed is None:
            return None
        bgr, t, failures = grabbed
        if self._zero is None:
            self._zero = t
        elif failures:
            missed = max(1, round((t - self._last) * self.info.fps) - 1)
            self._index += missed
            self.dropped += missed
        self._last = t
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = np.asarray(cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        frame = Frame(self._index, t - self._zero, from_bgr(bgr), t)
        self._index += 1
        return frame

    def _grab(self) -> tuple[U8, float, int] | None:
        """Return picture, time and how many attempts failed before; None when interrupted."""
        failures = 0
        started = reopened = self._clock.now()
        while not self._cancel.is_set():
            picture, t = self._try()
            if picture is not None:
                return picture, t, failures
            failures += 1
            self.failed_reads += 1
            if t - started >= self._patience:
                raise SourceError(
                    f"camera {self._number} has delivered no frame for {t - started:.0f} s.",
                    "Check that it is plugged in and that no other program uses it, then open it again.",
                )
            if t - reopened >= REOPEN_S:
                self._capture.release()
                self._capture = self._open()
                reopened = t
            self._clock.wait_until(t + RETRY_S, self._cancel)
        return None

    def _try(self) -> tuple[U8 | None, float]:
        try:
            grabbed = self._capture.grab()
            t = self._clock.now()
            ok, picture = self._capture.retrieve() if grabbed else (False, None)
        except cv2.error:
            return None, self._clock.now()
        return (np.asarray(picture, np.uint8) if ok and picture is not None else None), t

    def interrupt(self) -> None:
        """End a :meth:`read` that waits for the camera to come back."""
        self._cancel.set()
        self._clock.wake()

    def close(self) -> None:
        """Release the camera."""
        if not self._closed:
            self._closed = True
            self._cancel.set()
            self._capture.release()
