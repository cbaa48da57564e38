"""A camera made of arrays, and a server on this machine that sends a video."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

from megc_live.video import ManualClock
from tests.indexed import U8, backdrop, stamp


class FakeCamera:
    """Behaves like ``cv2.VideoCapture``: picture k holds the index k; the clock runs with each grab.

    ``unplugged`` (grab numbers) are the grabs that fail; ``ends`` is the grab from which all fail.
    """

    def __init__(
        self,
        clock: ManualClock,
        *,
        fps: float = 25.0,
        unplugged: range = range(0),
        ends: int | None = None,
        size: tuple[int, int] = (160, 120),
    ) -> None:
        self.clock = clock
        self.fps = fps
        self.unplugged = unplugged
        self.ends = ends
        self.grabs = 0
        self.opened = 1
        self.released = 0
        self.settings: dict[int, float] = {}
        self._make = backdrop(*size)

    def __call__(self, index: int) -> FakeCamera:
        return self

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.clock.advance(1 / self.fps)
        self.grabs += 1
        number = self.grabs - 1
        return number not in self.unplugged and (self.ends is None or number < self.ends)

    def retrieve(self) -> tuple[bool, U8]:
        # decoding takes time: a frame stamped after it would be late
        self.clock.advance(0.25 / self.fps)
        rgb = stamp(self._make(self.grabs), self.grabs - 1)
        return True, np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)

    def get(self, prop: int) -> float:
        return self.settings.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        self.settings[prop] = value
        return True

    def release(self) -> None:
        self.released += 1


@contextmanager
def serve(
    body: bytes, kind: str, *, announce: bool = True, hold: threading.Event | None = None
) -> Iterator[str]:
    """Serve one body on 127.0.0.1 and yield its URL.

    ``announce`` sends its length; ``hold`` keeps the connection open and silent after the body
    until it is set.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
                self.wfile.flush()
                if hold is not None:
                    hold.wait(30)
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live"
    finally:
        if hold is not None:
            hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


def mjpeg(n: int, size: tuple[int, int] = (160, 120)) -> bytes:
    """Return ``n`` index-coded pictures of an MJPEG-over-HTTP answer (boundary ``frame``)."""
    make = backdrop(*size)
    parts = []
    for k in range(n):
        jpeg = cv2.imencode(".jpg", cv2.cvtColor(stamp(make(k), k), cv2.COLOR_RGB2BGR))[1].tobytes()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        parts.append(head.encode() + jpeg + b"\r\n")
    return b"".join(parts)


MJPEG = "multipart/x-mixed-replace; boundary=frame"
