"""A second look at an interval: the video read again, the face followed as the engine follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from megc_live.engine import TICK_S
from megc_live.errors import ReviewError
from megc_live.face.landmarks import Landmarker
from megc_live.face.observation import FaceObservation
from megc_live.face.tracker import FaceTracker
from megc_live.models import ModelStore
from megc_live.output.reviewed import ReviewInterval
from megc_live.output.tables import IntervalRecord
from megc_live.review.document import ReviewDocument
from megc_live.settings import Settings
from megc_live.spotting.interval import Interval
from megc_live.video.frame import Frame
from megc_live.video.reader import FrameReader
from megc_live.video.ring import FrameRing

Item = ReviewInterval | IntervalRecord
Stopped = Callable[[], bool]

RUN_IN_S = 0.8
"""How long before the first frame that is needed the face is followed: two full detections and more."""
_FALLBACK_FPS = 30.0


class LookStopped(Exception):
    """The caller no longer wants the answer."""


@dataclass(frozen=True)
class Look:
    """What was seen of one interval.

    Attributes
    ----------
    interval : Interval
    onset, apex, offset : FaceObservation
        The face on the measured frames nearest to them.
    ring : FrameRing
        Holds the frames of the three marks and of the three observations, shrunk as the engine's ring does.
    """

    interval: Interval
    onset: FaceObservation
    apex: FaceObservation
    offset: FaceObservation
    ring: FrameRing


def look_at(
    document: ReviewDocument, item: Item, reader: FrameReader | None = None, stopped: Stopped | None = None
) -> Look:
    """Find the face of an interval on its onset, apex and offset.

    Parameters
    ----------
    document : ReviewDocument
    item : ReviewInterval or IntervalRecord
    reader : FrameReader, optional
        Of the document's video, used by no other thread meanwhile; default: opened and closed here.
    stopped : callable, optional
        Asked after each frame.

    Raises
    ------
    ReviewError
        The video was moved, a frame was not recorded, or the face is not seen there.
    LookStopped
        ``stopped`` said so.
    SourceError, ModelError
        The video or a model cannot be read.
    """
    record = record_of(item)
    marks = (record.onset_frame, record.apex_frame, record.offset_frame)
    ticks = measured_frames(document)
    nearest = [
        int(ticks[np.argmin(np.abs(document.times_s[ticks] - document.times_s[mark]))]) for mark in marks
    ]
    settings = Settings.from_dict(document.session.settings)
    ring = FrameRing(settings.video.ring_seconds, settings.video.ring_bytes)
    needed = {*marks, *nearest}
    fps = document.session.source.nominal_fps
    fps = fps if fps > 0 else _FALLBACK_FPS
    faces: dict[int, FaceObservation] = {}
    first, last = min(needed), max(needed)
    for frame, face in follow_face(document, record, first, last, settings, needed, reader, stopped):
        if frame.index in needed:
            ring.push(frame, fps)
        if face is not None:
            faces[frame.index] = face
    missing = [frame for frame in nearest if frame not in faces]
    if missing:
        raise ReviewError(
            f"face {record.face_id} is not seen on frame {missing[0]} of the video.",
            "Move the interval to where the face is seen.",
        )
    onset, apex, offset = (faces[frame] for frame in nearest)
    return Look(_interval(record), onset, apex, offset, ring)


def follow_face(
    document: ReviewDocument,
    record: IntervalRecord,
    first: int,
    last: int,
    settings: Settings,
    extra: set[int],
    reader: FrameReader | None,
    stopped: Stopped | None,
) -> Iterator[tuple[Frame, FaceObservation | None]]:
    """Yield frames from a run-in before ``first`` up to ``last``, with the interval's face where measured.

    Measured are the frames that the engine measures, at most 40 a second; frames in ``extra`` are yielded
    as well, with None, and those that a live source lost are left out.
    """
    ticks = measured_frames(document)
    begin = document.frame_at(float(document.times_s[first]) - RUN_IN_S)
    wanted = {int(frame) for frame in ticks if begin <= frame <= last}
    finding = _Finding(document, record)
    with ExitStack() as stack:
        video = reader or stack.enter_context(document.reader())
        landmarker = stack.enter_context(
            Landmarker(
                ModelStore(settings.models).landmarker(),
                settings.face.max_faces,
                settings.face.min_confidence,
            )
        )
        # All faces: the one that the interval is of need not be the largest here.
        tracker = FaceTracker(landmarker, settings.face.model_copy(update={"faces": "all"}))
        for index in sorted(wanted | extra):
            if stopped is not None and stopped():
                raise LookStopped
            frame = source_frame(document, video, index)
            if frame is None:
                if index in extra:
                    raise ReviewError(f"frame {index} was not recorded.", "Choose a frame that was.")
                continue
            yield frame, finding.of(tracker.update(frame)) if index in wanted else None


def source_frame(document: ReviewDocument, reader: FrameReader, index: int) -> Frame | None:
    """Return a frame by its number in the source, with its time there; None: it was not recorded."""
    at = document.video_frame(index)
    if at is None or not 0 <= at < reader.n_frames:
        return None
    return replace(reader.frame(at), index=index, pts_s=float(document.times_s[index]))


def measured_frames(document: ReviewDocument) -> NDArray[np.int64]:
    """Return the frames on which the engine looked for faces."""
    frames = document.present_frames
    times = document.times_s[frames]
    if len(times) > 1 and float(np.diff(times).min()) >= TICK_S:
        return frames
    kept, last = [], -np.inf
    for frame, t_s in zip(frames.tolist(), times.tolist(), strict=True):
        if t_s - last >= TICK_S:
            kept.append(frame)
            last = t_s
    return np.array(kept, dtype=np.int64)


def record_of(item: Item) -> IntervalRecord:
    """Return the record of an interval."""
    return item.record if isinstance(item, ReviewInterval) else item


class _Finding:
    """Which of the faces that are followed now is the one that the analysis followed then."""

    def __init__(self, document: ReviewDocument, record: IntervalRecord) -> None:
        self._boxes = document.rows(record.face_id).box
        others = (face for face in document.faces if face != record.face_id)
        self._others = [document.rows(face).box for face in others]
        self._id: int | None = None

    def of(self, seen: Sequence[FaceObservation]) -> FaceObservation | None:
        if not seen:
            return None
        for face in seen:
            if face.face_id == self._id:
                return face
        index = seen[0].index
        box = self._boxes[index]
        if np.isnan(box).any():
            if self._id is not None:  # it is known, and not here
                return None
            # Not seen then: the largest that is nobody else, until the table knows better.
            taken = [other[index] for other in self._others if not np.isnan(other[index]).any()]
            free = [face for face in seen if all(_apart(face, other) > 0.5 for other in taken)]
            return max(free, key=lambda face: face.quality.eye_px, default=None)
        best = min(seen, key=lambda face: _apart(face, box))
        if _apart(best, box) > 0.5:
            return None
        self._id = best.face_id
        return best


def _apart(face: FaceObservation, box: NDArray[np.float32]) -> float:
    """Distance of the centres of two face boxes, in widths."""
    x, y, width, height = face.box
    across = x + width / 2 - float(box[0] + box[2] / 2)
    down = y + height / 2 - float(box[1] + box[3] / 2)
    return float(np.hypot(across, down)) / max(width, 1.0)


def _interval(record: IntervalRecord) -> Interval:
    return Interval(
        onset=record.onset_frame,
        apex=record.apex_frame,
        offset=record.offset_frame,
        onset_s=record.onset_s,
        apex_s=record.apex_s,
        offset_s=record.offset_s,
        score=record.score,
        kind=record.kind,
        regions=record.regions,
        n_dropped=record.n_dropped,
    )
