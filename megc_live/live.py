"""Threads, queues and clocks around the engine: capture never waits for the analysis."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from megc_live.video.base import Source
from megc_live.video.frame import Frame

RESERVOIR = 2048
QUEUE_BYTES = 512 * 2**20
"""Most memory for the frames that wait."""


@dataclass
class StageStats:
    """Counts and times of one stage; ``enqueued = processed + dropped + in_flight`` at any moment.

    Attributes
    ----------
    name : str
        ``"capture"`` or ``"process"`` in :class:`LiveRunner`.
    enqueued : int
        Frames that the stage was given.
    processed : int
        Frames that it finished.
    dropped : int
        Frames that it gave up.
    busy_s : float
        Seconds spent working on frames; for ``capture`` this includes waiting for the device.
    wait_s : float
        Seconds that frames waited before their work began, summed over frames.
    """

    name: str
    enqueued: int = 0
    processed: int = 0
    dropped: int = 0
    busy_s: float = 0.0
    wait_s: float = 0.0
    _latencies: list[float] = field(default_factory=list, repr=False)
    _seen: int = field(default=0, repr=False)
    _random: random.Random = field(default_factory=lambda: random.Random(0), repr=False, compare=False)

    @property
    def in_flight(self) -> int:
        """Frames that are waiting or being worked on."""
        return self.enqueued - self.processed - self.dropped

    def add_latency(self, seconds: float) -> None:
        """Note one frame's latency; a uniform sample of bounded size is kept (Vitter 1985, algorithm R)."""
        self._seen += 1
        if len(self._latencies) < RESERVOIR:
            self._latencies.append(seconds)
            return
        place = self._random.randrange(self._seen)
        if place < RESERVOIR:
            self._latencies[place] = seconds

    def latency_s(self, percent: float) -> float:
        """Return a percentile (nearest rank) of the latencies in seconds; NaN before the first."""
        if not self._latencies:
            return math.nan
        ordered = sorted(self._latencies)
        rank = math.ceil(percent / 100 * len(ordered))
        return ordered[min(max(rank, 1), len(ordered)) - 1]

    @property
    def p50_s(self) -> float:
        """Median latency in seconds."""
        return self.latency_s(50)

    @property
    def p95_s(self) -> float:
        """95th percentile of the latency in seconds."""
        return self.latency_s(95)

    def snapshot(self) -> StageStats:
        """Return a copy that no longer changes."""
        return StageStats(
            self.name,
            self.enqueued,
            self.processed,
            self.dropped,
            self.busy_s,
            self.wait_s,
            list(self._latencies),
            self._seen,
        )

    def as_dict(self) -> dict[str, float | int | str | None]:
        """Return the figures for session.json; latencies that are not known are None."""
        known = bool(self._latencies)
        return {
            "name": self.name,
            "enqueued": self.enqueued,
            "processed": self.processed,
            "dropped": self.dropped,
            "in_flight": self.in_flight,
            "busy_s": self.busy_s,
            "wait_s": self.wait_s,
            "latency_p50_s": self.p50_s if known else None,
            "latency_p95_s": self.p95_s if known else None,
        }


def format_stats(stats: Sequence[StageStats]) -> str:
    """Return one line a stage, in the order given; work and queue times are per finished frame.

    Examples
    --------
    >>> print(format_stats([StageStats("capture", 5, 4, 1)]))
    capture  in 5 = done 4 + dropped 1 + waiting 0  work 0.0 ms, queue 0.0 ms, latency p50 - p95 -
    """
    width = max((len(s.name) for s in stats), default=0)
    return "\n".join(_line(s, width) for s in stats)


def _line(s: StageStats, width: int) -> str:
    done = max(s.processed, 1)
    p50, p95 = ("-" if math.isnan(p) else f"{p * 1e3:.1f} ms" for p in (s.p50_s, s.p95_s))
    return (
        f"{s.name:<{width}}  in {s.enqueued} = done {s.processed} + dropped {s.dropped} "
        f"+ waiting {s.in_flight}  work {s.busy_s / done * 1e3:.1f} ms, "
        f"queue {s.wait_s / done * 1e3:.1f} ms, latency p50 {p50} p95 {p95}"
    )


class LiveRunner:
    """Reads a source in one thread and works on its frames, in order, in another.

    Between them is a first-in-first-out queue of bounded length. When it is full, or while
    paused, the incoming frame is dropped and counted: frames that are analysed stay in order, and
    a dropped one is a gap in their index. Both threads are daemons: one that hangs in a device
    driver cannot keep the program from ending.

    Parameters
    ----------
    source : Source
        Read, and closed at the end, by the capture thread.
    process : callable
        Called with each frame by the worker thread.
    queue_seconds : float
        Length of the queue in seconds at ``fps``.
    queue_bytes : int
        Most memory for the frames that wait, judged by the first one's size; two always fit.
    fps : float, optional
        Frames per second; default: the source's.
    now : callable, optional
        The clock that stamps ``Frame.t_capture``; default: ``time.perf_counter``.
    on_capture : callable, optional
        Called by the capture thread with each frame before it is queued; must not wait.

    Attributes
    ----------
    abandoned : bool
        :meth:`stop` gave up waiting for a thread that hangs.
    paused_frames : int
        Frames dropped because of :meth:`pause`: part of the capture stage's ``dropped``.
    """

    def __init__(
        self,
        source: Source,
        process: Callable[[Frame], None],
        *,
        queue_seconds: float,
        queue_bytes: int = QUEUE_BYTES,
        fps: float | None = None,
        now: Callable[[], float] = time.perf_counter,
        on_capture: Callable[[Frame], None] | None = None,
    ) -> None:
        self._source = source
        self._on_capture = on_capture
        self._process = process
        self._now = now
        self.queue_length = max(2, math.ceil(queue_seconds * (fps or source.info.fps)))
        self._queue_bytes = queue_bytes
        self._queue: deque[tuple[Frame, float]] = deque()
        self._changed = threading.Condition()
        self._capture_stats = StageStats("capture")
        self._process_stats = StageStats("process")
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._stopping = False
        self._paused = False
        self._started = False
        self.abandoned = False
        self.paused_frames = 0
        self._capture_thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._worker_thread = threading.Thread(target=self._work, name="process", daemon=True)

    def start(self) -> None:
        """Start both threads; once."""
        if self._started:
            raise RuntimeError("a LiveRunner starts once; make another one")
        self._started = True
        self._worker_thread.start()
        self._capture_thread.start()

    def pause(self) -> None:
        """Drop what is captured from now on; ``newest`` goes on, so that the picture stays live."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Analyse what is captured from now on."""
        with self._changed:
            self._paused = False

    @property
    def paused(self) -> bool:
        """Whether frames are dropped on request."""
        return self._paused

    @property
    def running(self) -> bool:
        """Whether frames can still be captured or worked on."""
        return self.capturing or self.processing

    @property
    def capturing(self) -> bool:
        """Whether the capture thread is alive: nobody else may close the source."""
        return self._capture_thread.is_alive()

    @property
    def processing(self) -> bool:
        """Whether the worker thread is alive: nobody else may use what ``process`` uses."""
        return self._worker_thread.is_alive()

    @property
    def newest(self) -> Frame | None:
        """The newest captured frame, for a painter that draws when it has time."""
        return self._newest

    @property
    def error(self) -> BaseException | None:
        """The first exception of either thread."""
        return self._error

    def stats(self) -> list[StageStats]:
        """Return the stages' counts at one moment: capture, process."""
        with self._changed:
            return [self._capture_stats.snapshot(), self._process_stats.snapshot()]

    def drain(self) -> None:
        """Capture no more and return at once: frames that wait are still worked on, then both threads end."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._source.interrupt()

    def stop(self, timeout: float = 1.5) -> bool:
        """End now: frames that still wait are dropped, the one being worked on is finished.

        Parameters
        ----------
        timeout : float
            Seconds to wait for both threads together. A thread that hangs longer is left behind:
            ``abandoned`` becomes True, and the source is closed by its thread if it ever returns.

        Returns
        -------
        bool
            Whether both threads have ended.
        """
        self._end()
        self._source.interrupt()
        if not self._started:
            self._source.close()
            return True
        deadline = time.monotonic() + timeout
        for thread in (self._worker_thread, self._capture_thread):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        self.abandoned = self.running
        return not self.abandoned

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the source has ended and every frame is done; raise the first error of a thread.

        After an error of the source the frames that were captured before are still worked on: it is
        raised when the worker thread has ended.

        Returns
        -------
        bool
            False if ``timeout`` seconds were not enough.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in (self._capture_thread, self._worker_thread):
            if self.abandoned or not self._started:
                break
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if self._error is not None and not self.processing:
            raise self._error
        return not self.running

    def _end(self) -> None:
        """Stop capturing and give up the frames that wait."""
        with self._changed:
            self._stopping = True
            self._process_stats.dropped += len(self._queue)
            self._queue.clear()
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            if self._error is None:
                self._error = error

    def _capture(self) -> None:
        try:
            while not (self._stopping or self._ended):
                began = time.perf_counter()
                frame = self._source.read()
                if frame is None:
                    break
                if self._on_capture is not None:
                    self._on_capture(frame)
                self._take(frame, time.perf_counter() - began)
        except BaseException as error:
            self._fail(error)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._close_source()

    def _close_source(self) -> None:
        try:
            self._source.close()
        except BaseException as error:
            self._fail(error)

    def _take(self, frame: Frame, read_s: float) -> None:
        with self._changed:
            if self._ended:  # it came after the end
                return
            if self._newest is None:
                fitting = self._queue_bytes // max(1, frame.image.data.nbytes)
                self.queue_length = max(2, min(self.queue_length, fitting))
            self._newest = frame
            stage = self._capture_stats
            stage.enqueued += 1
            stage.busy_s += read_s
            stage.add_latency(self._now() - frame.t_capture)
            if self._stopping or self._paused or len(self._queue) >= self.queue_length:
                stage.dropped += 1
                self.paused_frames += self._paused
                return
            stage.processed += 1
            self._process_stats.enqueued += 1
            self._queue.append((frame, time.perf_counter()))
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._do(*item)
        except BaseException as error:
            self._fail(error)
            with self._changed:
                self._process_stats.dropped += 1
            self._end()
            self._source.interrupt()

    def _next(self) -> tuple[Frame, float] | None:
        """Wait for a frame; None when there will be none any more."""
        with self._changed:
            while not self._queue and not self._ended and not self._stopping:
                self._changed.wait()
            return self._queue.popleft() if self._queue else None

    def _do(self, frame: Frame, queued: float) -> None:
        began = time.perf_counter()
        self._process(frame)
        ended = time.perf_counter()
        with self._changed:
            stage = self._process_stats
            stage.processed += 1
            stage.busy_s += ended - began
            stage.wait_s += began - queued
            stage.add_latency(self._now() - frame.t_capture)
