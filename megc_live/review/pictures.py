"""Pictures of an interval, also of one whose borders were moved.

Each function reads the video again and finds the face: a second or so. They keep nothing between calls, so
they can be called from any thread; what may not be shared between threads is a ``reader``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import ReviewError
from megc_live.events import Pictures, Recognition
from megc_live.face.geometry import compose
from megc_live.face.observation import CROP_HEIGHT, CROP_WIDTH, FaceObservation
from megc_live.models import ModelStore
from megc_live.pictures import event_pictures
from megc_live.recognition.classifier import make_recognizer
from megc_live.recognition.crop import cut
from megc_live.recognition.flow import dense_flow, head_motion
from megc_live.recognition.magnify import Magnification, magnified
from megc_live.recognition.pipeline import IntervalRecognizer, movement_image
from megc_live.review.document import ReviewDocument
from megc_live.review.look import Item, Look, LookStopped, Stopped, follow_face, look_at, record_of
from megc_live.settings import Settings
from megc_live.video.frame import Frame
from megc_live.video.reader import FrameReader

__all__ = [
    "LookStopped",
    "aligned_faces",
    "clip_frames",
    "flow_picture",
    "interval_pictures",
    "magnified_clip",
    "reclassify",
]

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

MARGIN_S = 0.3
"""What a magnified clip shows before the onset, where the face is at rest, and after the offset."""
LONGEST_S = 10.0
_SIZE = (CROP_WIDTH, CROP_HEIGHT)


def flow_picture(
    document: ReviewDocument,
    interval: Item,
    *,
    reader: FrameReader | None = None,
    stopped: Stopped | None = None,
) -> U8:
    """Return the picture that the classifier sees of an interval: motion from onset to apex.

    Parameters
    ----------
    document : ReviewDocument
    interval : ReviewInterval or IntervalRecord
        With whatever borders.
    reader : FrameReader, optional
        Of the document's video; default: opened and closed here.
    stopped : callable, optional
        Asked after each frame; once true, :class:`LookStopped` is raised.

    Returns
    -------
    ndarray of uint8, shape (28, 28, 3)
        Channels: horizontal and vertical motion, strain.

    Raises
    ------
    ReviewError
        The video was moved, a frame was not recorded, or the face is not seen there.
    SourceError, ModelError
        The video or a model cannot be read.
    """
    return movement_image(*_onset_and_apex(look_at(document, interval, reader, stopped)))


def reclassify(
    document: ReviewDocument,
    interval: Item,
    *,
    reader: FrameReader | None = None,
    stopped: Stopped | None = None,
) -> Recognition:
    """Ask the classifier of the analysis about an interval as it is now.

    :class:`megc_live.review.edits.SetRecognition` takes the answer over. Parameters and errors as of
    :func:`flow_picture`.

    Raises
    ------
    ReviewError
        As there, or the recording was analysed without a classifier.
    """
    settings = Settings.from_dict(document.session.settings)
    name = settings.recognition.recognizer
    if name == "none":
        raise ReviewError(
            "this recording was analysed without a classifier (spotting only).",
            "Give the label yourself, or analyse it again with one.",
        )
    recognizer = IntervalRecognizer(make_recognizer(name, ModelStore(settings.models)))
    return recognizer.recognise(*_onset_and_apex(look_at(document, interval, reader, stopped)))


def aligned_faces(
    document: ReviewDocument,
    interval: Item,
    *,
    reader: FrameReader | None = None,
    stopped: Stopped | None = None,
) -> Pictures:
    """Return the aligned face at onset, apex and offset, each (192, 160, 3) uint8, R G B.

    Parameters and errors as of :func:`flow_picture`.
    """
    look = look_at(document, interval, reader, stopped)
    return event_pictures(look.ring, look.interval, (look.onset, look.apex, look.offset))


def interval_pictures(
    document: ReviewDocument,
    interval: Item,
    *,
    reader: FrameReader | None = None,
    stopped: Stopped | None = None,
) -> tuple[Pictures, U8]:
    """Return :func:`aligned_faces` and :func:`flow_picture` in one look; parameters and errors as there."""
    look = look_at(document, interval, reader, stopped)
    faces = event_pictures(look.ring, look.interval, (look.onset, look.apex, look.offset))
    return faces, movement_image(*_onset_and_apex(look))


def clip_frames(document: ReviewDocument, interval: Item) -> list[int]:
    """Return the frames of the source that :func:`magnified_clip` shows, in order.

    From 0.3 s before the onset to 0.3 s after the offset, where there is so much; quick.

    Raises
    ------
    ReviewError
        The interval is longer than 10 s.
    """
    record = record_of(interval)
    if record.offset_s - record.onset_s > LONGEST_S:
        raise ReviewError(
            f"the interval lasts {record.offset_s - record.onset_s:.1f} s, too long to be magnified.",
            f"Split it into parts of up to {LONGEST_S:g} s.",
        )
    first = document.frame_at(record.onset_s - MARGIN_S)
    last = document.frame_at(record.offset_s + MARGIN_S)
    frames = document.present_frames
    return [
        frame
        for frame in frames[(frames >= first) & (frames <= last)].tolist()
        if document.video_frame(frame) is not None
    ]


def magnified_clip(
    document: ReviewDocument,
    interval: Item,
    factor: float,
    *,
    reader: FrameReader | None = None,
    stopped: Stopped | None = None,
) -> U8:
    """Return the aligned face over an interval with its movements enlarged.

    The head's motion is taken out of each frame by the content of the pictures, so that it is not enlarged
    too; then :func:`megc_live.recognition.magnify.magnified`.

    Parameters
    ----------
    document, interval, reader, stopped
        As of :func:`flow_picture`.
    factor : float
        A movement d becomes (1 + factor) d; 0: aligned only.

    Returns
    -------
    ndarray of uint8, shape (n, 192, 160, 3)
        R G B, one picture for each of :func:`clip_frames`.

    Raises
    ------
    ReviewError
        As of :func:`flow_picture`, or the interval is longer than 10 s.
    SettingsError
        The factor is below 0.
    """
    how = Magnification(factor=factor)
    clip = _steady_clip(document, interval, reader, stopped)
    if factor == 0:
        return clip
    rate = document.frame_rate
    times = document.times_s[clip_frames(document, interval)]
    if not rate > 0:
        rate = (len(times) - 1) / float(times[-1] - times[0]) if len(times) > 1 else math.nan
    return np.stack(list(magnified(clip, rate, how)))


def _onset_and_apex(look: Look) -> tuple[U8, F64, U8, F64]:
    """Grey picture and landmarks of both, as the engine hands them to its classifier."""
    (onset, at_onset), (apex, at_apex) = (_grey_and_points(look, face) for face in (look.onset, look.apex))
    return onset, at_onset, apex, at_apex


def _grey_and_points(look: Look, face: FaceObservation) -> tuple[U8, F64]:
    stored = look.ring.get(face.index)
    return stored.image.grey, face.landmarks * stored.scale


def _steady_clip(
    document: ReviewDocument, interval: Item, reader: FrameReader | None, stopped: Stopped | None
) -> U8:
    frames = clip_frames(document, interval)
    record = record_of(interval)
    if not frames:
        raise ReviewError(
            f"nothing from {record.onset_s:.3f} to {record.offset_s:.3f} s was recorded.",
            "Choose an interval of which there is a recording.",
        )
    settings = Settings.from_dict(document.session.settings)
    wanted = set(frames)
    transform: F64 | None = None
    steadied = _Steadied()
    waiting: list[Frame] = []
    pictures: list[U8] = []
    for frame, face in follow_face(
        document, record, frames[0], frames[-1], settings, wanted, reader, stopped
    ):
        transform = transform if face is None else face.transform
        if frame.index not in wanted:
            continue
        waiting.append(frame)
        if transform is None:  # the face is found a few frames later: the first ones are cut as that one is
            continue
        for held in waiting:
            pictures.append(steadied.cut(held, transform))
        waiting.clear()
    if not pictures:
        raise ReviewError(
            f"face {record.face_id} is not seen from frame {frames[0]} to {frames[-1]} of the video.",
            "Move the interval to where the face is seen.",
        )
    return np.stack(pictures)


class _Steadied:
    """Cuts the face out of one frame after another so that the head stands as in the first."""

    def __init__(self) -> None:
        self._first: U8 | None = None
        self._rest: F64 = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        """What the tracker's transform was off by on the frame before: seldom far from now."""

    def cut(self, frame: Frame, transform: F64) -> U8:
        grey = frame.image.grey
        if self._first is None:
            self._first = cut(grey, transform, _SIZE)
        else:
            guess = compose(transform, self._rest)
            moved = head_motion(dense_flow(self._first, cut(grey, guess, _SIZE)))
            moved[0, 0] += 1
            moved[1, 1] += 1
            self._rest = compose(self._rest, moved)
        return cut(frame.image.rgb(), compose(transform, self._rest), _SIZE)
