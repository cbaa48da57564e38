"""The one place where the stages meet: frames in, events out, the same online and offline.

No stage looks at the wall clock or at the whole video: whatever is decided depends on the frames
that were pushed and on nothing else.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.closing import Closing
from megc_live.engine_stats import EngineStats
from megc_live.errors import FrameGone
from megc_live.events import Event, FrameRow, Recognition
from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import FaceObservation
from megc_live.face.tracker import FaceTracker
from megc_live.models import LANDMARKER_FILE, LANDMARKER_SHA256, ModelStore
from megc_live.pictures import event_pictures
from megc_live.recognition.classifier import make_recognizer
from megc_live.recognition.pipeline import IntervalRecognizer
from megc_live.rows import face_row, no_face_row
from megc_live.settings import Settings
from megc_live.spotting.base import Span, Spotter, make_spotter, spotter_models, stated_delay
from megc_live.spotting.interval import Interval
from megc_live.spotting.picture import with_picture
from megc_live.spotting.signals import RegionSignal, SignalMeter
from megc_live.video.frame import Frame
from megc_live.video.ring import FrameRing
from megc_live.video.sources import SourceInfo

TICK_S = 0.0245
"""Frames closer than this to the one measured before are not measured: up to 40 frames/s are."""
_FACE_GONE_S = 1.0
_GAP_PERIODS = 1.5
"""Frames further apart than this many frame periods: something between them is missing."""
_HISTORY_S = 12.0
_DEFAULT_FPS = 30.0
_HANDED_OVER = 16
_HANDED_OVER_BYTES = 64 * 2**20
"""Frames, and bytes of them, that the second thread takes at a time: each handing over costs both threads a
wait."""
_ROWS_KEPT = 20_000
"""Rows that wait for whoever takes them: who never does must not lose memory by it."""


@dataclass
class _Face:
    """What is kept of one face."""

    meter: SignalMeter
    spotter: Spotter
    seen_s: float
    newest: FaceObservation
    signal: RegionSignal | None = None
    past: deque[FaceObservation] = field(default_factory=deque)


class Engine(Closing):
    """Finds micro-expressions in a sequence of frames.

    Parameters
    ----------
    settings : Settings, optional
    source_info : SourceInfo, optional
        What is known of the source; its frame rate sets the length of the ring.
    models : ModelStore, optional
        Where models come from; by default as ``settings.models`` says.
    spotters : callable, optional
        Makes the spotter of each new face instead of ``settings.spotting.spotter``.
    overlap : bool
        Measure the motion of a frame in a second thread while the next one's faces are found: half as
        much time a frame on two cores. Events and rows are the same, handed out a few pushes later.

    Raises
    ------
    ModelError, SettingsError
        A model is missing or altered, or a name is unknown.

    Attributes
    ----------
    ring : FrameRing
        The last seconds of frames; read it, do not write.
    delay_s : float
        Stated delay: the longest time from a micro-expression's offset to its event, in stream time.

    Examples
    --------
    >>> with Engine() as engine, open_source("session.mp4") as source:  # doctest: +SKIP
    ...     events = [event for frame in source for event in engine.push(frame)] + engine.flush()
    """

    def __init__(
        self,
        settings: Settings | None = None,
        source_info: SourceInfo | None = None,
        models: ModelStore | None = None,
        spotters: Callable[[], Spotter] | None = None,
        overlap: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        self._fps = source_info.fps if source_info is not None and source_info.fps > 0 else _DEFAULT_FPS
        self._models = models or ModelStore(self.settings.models)
        self._new_spotter = spotters or self._configured_spotter
        self.delay_s = stated_delay(self._new_spotter(), self._fps)
        name = self.settings.recognition.recognizer
        self._recognizer = None if name == "none" else IntervalRecognizer(make_recognizer(name, self._models))
        self._landmarker = Landmarker(
            self._models.landmarker(), self.settings.face.max_faces, self.settings.face.min_confidence
        )
        self._tracker = FaceTracker(self._landmarker, self.settings.face)
        self.ring = FrameRing(self.settings.video.ring_seconds, self.settings.video.ring_bytes)
        self._faces: dict[int, _Face] = {}
        self._indices: deque[int] = deque()
        self._times: deque[float] = deque()
        self._rows: deque[FrameRow] = deque(maxlen=_ROWS_KEPT)
        self._rows_lock = threading.Lock()
        self._helper = ThreadPoolExecutor(1, "megc-motion") if overlap else None
        self._waiting: list[tuple[Frame, list[FaceObservation] | None]] = []
        self._waiting_bytes = 0
        self._pending: Future[list[Event]] | None = None
        self._tick_s = -np.inf
        self._newest_s = -np.inf
        self._measured_s = -np.inf
        self._last_s = -np.inf
        self._n_events = 0
        self._stats = EngineStats()
        self._closed = False

    def push(self, frame: Frame) -> list[Event]:
        """Take the next frame; return the events that became certain.

        Frames come in order: index and time grow. Rows are handed out by :meth:`take_rows`.
        """
        if frame.pts_s <= self._newest_s:
            raise ValueError(
                f"frames come in order of time: frame {frame.index} is at {frame.pts_s:.6f} s, "
                f"after one at {self._newest_s:.6f} s"
            )
        self._newest_s = frame.pts_s
        seen: list[FaceObservation] | None = None
        if frame.pts_s - self._tick_s >= TICK_S:
            self._tick_s = frame.pts_s
            began = time.perf_counter()
            seen = self._tracker.update(frame)
            self._stats.add("face", began)
        if self._helper is None:
            return self._conclude(frame, seen)
        self._waiting.append((frame, seen))
        self._waiting_bytes += frame.image.data.nbytes
        enough = len(self._waiting) >= _HANDED_OVER or self._waiting_bytes >= _HANDED_OVER_BYTES
        return self._hand_over() if enough else []

    def flush(self) -> list[Event]:
        """The source is over: return the events that are left."""
        events = self._hand_over() + self._settle()
        for face_id in list(self._faces):
            events += self._drop(face_id)
        return events

    def take_rows(self) -> list[FrameRow]:
        """Return the rows of the frames that were finished since the last call: at least one a frame.

        The newest 20 000 are kept for this call; who wants them all calls it after each push.
        """
        with self._rows_lock:
            rows = list(self._rows)
            self._rows.clear()
        return rows

    def face_near(self, face_id: int, t_s: float) -> FaceObservation | None:
        """The observation of a face nearest to a time, while it is in the history; None afterwards.

        Not while frames are pushed from another thread, nor with ``overlap``.
        """
        face = self._faces.get(face_id)
        return _nearest(face.past, t_s) if face is not None else None

    def describe(self) -> dict[str, Any]:
        """What ran: names, stated delay, model hashes, measured rate, faces, time per stage."""
        spotter = self.settings.spotting.spotter
        names = list(spotter_models(spotter))
        if self._recognizer is not None:
            names.append(self.settings.recognition.recognizer)
        files = {name: self._models.get(name) for name in names}
        return {
            "spotter": spotter,
            "recognizer": self.settings.recognition.recognizer,
            "stated_delay_s": round(self.delay_s, 3),
            "models": {
                LANDMARKER_FILE: {"file": LANDMARKER_FILE, "sha256": LANDMARKER_SHA256},
                **{name: {"file": file.path.name, "sha256": file.sha256} for name, file in files.items()},
            },
            "provider": self._models.provider,
            "measured_fps": self._stats.measured_fps,
            "frames": self._stats.frames,
            "faces_seen": self._tracker.faces_seen,
            "stages": self._stats.as_list(),
            "ring_scale": round(self.ring.scale, 4),
            "warnings": self._stats.warnings(),
        }

    def close(self) -> None:
        """Free the models. Twice is fine."""
        if not self._closed:
            self._closed = True
            if self._helper is not None:
                self._helper.shutdown(wait=True, cancel_futures=True)
            self._landmarker.close()

    def _configured_spotter(self) -> Spotter:
        return make_spotter(self.settings.spotting.spotter, self._models, self.settings.spotting.threshold)

    def _hand_over(self) -> list[Event]:
        """Give the second thread the frames that wait, once it is done with those before; their events."""
        events = self._settle()
        if self._helper is not None and self._waiting:
            self._pending = self._helper.submit(self._conclude_all, self._waiting)
            self._waiting, self._waiting_bytes = [], 0
        return events

    def _settle(self) -> list[Event]:
        """Wait for the frames that the second thread works on; return their events."""
        pending, self._pending = self._pending, None
        return pending.result() if pending is not None else []

    def _conclude_all(self, frames: list[tuple[Frame, list[FaceObservation] | None]]) -> list[Event]:
        return [event for frame, seen in frames for event in self._conclude(frame, seen)]

    def _conclude(self, frame: Frame, seen: list[FaceObservation] | None) -> list[Event]:
        """All that comes after the faces were found; ``seen`` is None on frames between measured ones.

        Touches nothing that finding the next frame's faces touches.
        """
        events: list[Event] = []
        began = time.perf_counter()
        self.ring.push(frame, self._fps)
        self._stats.add("ring", began)
        if frame.pts_s - self._last_s > _FACE_GONE_S:
            # After a gap in time the histories are trimmed: what is left to say must be said before.
            for face_id in list(self._faces):
                events += self._drop(face_id)
        self._remember(frame)
        if seen is not None:
            self._measured_s = frame.pts_s
            for observation in seen:
                events += self._spot(observation)
            for face_id, face in list(self._faces.items()):
                if frame.pts_s - face.seen_s > _FACE_GONE_S:
                    events += self._drop(face_id)
        self._write_rows(frame)
        self._stats.frames += 1
        return events

    def _remember(self, frame: Frame) -> None:
        self._last_s = frame.pts_s
        self._indices.append(frame.index)
        self._times.append(frame.pts_s)
        while frame.pts_s - self._times[0] > _HISTORY_S:
            self._times.popleft()
            self._indices.popleft()
        self._stats.clock(frame)

    def _spot(self, observation: FaceObservation) -> list[Event]:
        face = self._faces.get(observation.face_id)
        if face is None:
            face = _Face(SignalMeter(), self._new_spotter(), observation.pts_s, observation)
            self._faces[observation.face_id] = face
        face.seen_s, face.newest = observation.pts_s, observation
        face.past.append(observation)
        while observation.pts_s - face.past[0].pts_s > self.settings.video.ring_seconds:
            face.past.popleft()
        if observation.quality.eye_px < self.settings.spotting.min_eye_px:
            face.signal = None
            return [self._event(face, span) for span in face.spotter.flush()]
        began = time.perf_counter()
        signal = face.meter.measure(observation)
        self._stats.add("signals", began)
        if signal is None:
            return []
        face.signal = signal
        began = time.perf_counter()
        spans = face.spotter.push(with_picture(signal, observation))
        self._stats.add("spotter", began)
        return [self._event(face, span) for span in spans]

    def _drop(self, face_id: int) -> list[Event]:
        face = self._faces.pop(face_id)
        return [self._event(face, span) for span in face.spotter.flush()]

    def _event(self, face: _Face, span: Span) -> Event:
        began = time.perf_counter()
        interval = self._interval(span)
        self._n_events += 1
        onset, apex, offset = (
            _nearest(face.past, t) for t in (interval.onset_s, interval.apex_s, interval.offset_s)
        )
        recognition, pictures, note = None, None, ""
        try:
            if interval.kind == "micro":
                recognition = self._recognise(interval, onset, apex)
            pictures = event_pictures(self.ring, interval, (onset, apex, offset))
        except FrameGone as gone:
            note = f"no pictures: {gone.got}"
        self._stats.add("recognition", began)
        return Event(
            id=self._n_events,
            face_id=face.newest.face_id,
            interval=interval,
            decided_s=self._last_s,
            recognition=recognition,
            pictures=pictures,
            note=note,
        )

    def _interval(self, span: Span) -> Interval:
        """Put a span of times on frames."""
        at = [self._frame_at(t) for t in (span.onset_s, span.apex_s, span.offset_s)]
        onset, apex, offset = (self._indices[i] for i in at)
        return Interval(
            onset=onset,
            apex=apex,
            offset=offset,
            onset_s=self._times[at[0]],
            apex_s=self._times[at[1]],
            offset_s=self._times[at[2]],
            score=span.score,
            kind=span.kind,
            regions=span.regions,
            n_dropped=self._missing(at[0], at[2]),
        )

    def _missing(self, first: int, last: int) -> int:
        """Frames that are missing between two positions of the history: gaps in index or in time.

        A stream numbers the frames that it gets; what it lost shows in their times alone.
        """
        missing = 0
        for k in range(first, last):
            periods = (self._times[k + 1] - self._times[k]) * self._fps
            in_time = round(periods) - 1 if periods > _GAP_PERIODS else 0
            missing += max(self._indices[k + 1] - self._indices[k] - 1, in_time)
        return missing

    def _frame_at(self, t_s: float) -> int:
        """Position in the history of the frame nearest to a time."""
        right = min(bisect_left(self._times, t_s), len(self._times) - 1)
        left = max(0, right - 1)
        return left if t_s - self._times[left] <= self._times[right] - t_s else right

    def _recognise(
        self, interval: Interval, onset: FaceObservation, apex: FaceObservation
    ) -> Recognition | None:
        if self._recognizer is None:
            return None
        return self._recognizer.recognise(*self._grey_and_points(onset), *self._grey_and_points(apex))

    def _grey_and_points(self, face: FaceObservation) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        stored = self.ring.get(face.index)
        return stored.image.grey, face.landmarks * stored.scale

    def _write_rows(self, frame: Frame) -> None:
        current = [face for face in self._faces.values() if face.seen_s >= self._measured_s]
        rows = [face_row(frame, face.newest, face.signal) for face in current] or [no_face_row(frame)]
        with self._rows_lock:
            self._rows += rows
        self._stats.without_face += not current
        for row in rows if current else ():
            self._stats.note(row)


def _nearest(past: deque[FaceObservation], t_s: float) -> FaceObservation:
    return min(past, key=lambda observation: abs(observation.pts_s - t_s))
