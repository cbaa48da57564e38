"""Pictures of the selected interval, computed beside the window's thread and kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from megc_live.errors import MegcError
from megc_live.events import Recognition
from megc_live.gui.review.opening import Opened
from megc_live.gui.review.worker import Latest, Stale, Ticket
from megc_live.output.reviewed import ReviewInterval
from megc_live.recognition.magnify import Magnification, magnified
from megc_live.review.pictures import (
    LookStopped,
    aligned_faces,
    clip_frames,
    flow_picture,
    magnified_clip,
    reclassify,
)
from megc_live.video.reader import FrameReader

U8 = NDArray[np.uint8]
What = Literal["faces", "clip", "flow"]
_KEPT = 12
_CLIP_BYTES = 256 << 20
"""Memory of all clips that are kept together; the newest one is kept whatever it takes."""
_FALLBACK_FPS = 30.0


@dataclass(frozen=True)
class Clip:
    """The aligned face over an interval, as recorded and magnified.

    Attributes
    ----------
    frames : tuple of int
        Frame of the source of each picture.
    plain, magnified : ndarray of uint8, shape (n, 192, 160, 3)
    factor : float
        A movement d has become (1 + factor) d.
    """

    frames: tuple[int, ...]
    plain: U8
    magnified: U8
    factor: float

    @property
    def n_bytes(self) -> int:
        """Memory of the pictures; clips of one interval share the plain ones, which count in each."""
        return self.plain.nbytes + self.magnified.nbytes


@dataclass(frozen=True)
class Flow:
    """What the classifier sees of an interval: (28, 28, 3) uint8, and its answer or why there is none."""

    image: U8
    answer: Recognition | None
    why: str = ""


class Looks:
    """Computes pictures of intervals of one document at a time; the newest request counts.

    Attributes
    ----------
    wanted : hashable or None
        Key of what was asked for last and has not come yet.
    """

    def __init__(self) -> None:
        self._worker = Latest("megc-review-looks")
        self._opened: Opened | None = None
        self._reader: tuple[Opened, FrameReader] | None = None
        self._done: OrderedDict[Hashable, Any] = OrderedDict()
        self.wanted: Hashable | None = None

    def set_results(self, opened: Opened) -> None:
        """Look at another document from now on, or at the same with another video."""
        self._worker.drop()
        self._opened = opened
        self._done.clear()
        self.wanted = None

    def ask(self, what: What, item: ReviewInterval, factor: float = 0.0) -> Any | None:
        """Return what is known already, else compute it: :meth:`take` hands it out."""
        opened = self._opened
        if opened is None:
            return None
        key = (what, *_subject(item), factor if what == "clip" else 0.0)
        if key in self._done:
            self._done.move_to_end(key)
            self.drop()
            return self._done[key]
        if key != self.wanted:
            self.wanted = key
            self._worker.ask(key, self._work(opened, what, item, factor))
        return None

    def drop(self) -> None:
        """Nothing is wanted any more."""
        self.wanted = None
        self._worker.drop()

    def take(self) -> tuple[Any | None, str] | None:
        """Return once what came of what is wanted: the pictures, or one line that says why there are none."""
        answer = self._worker.take()
        if answer is None or answer.key != self.wanted:
            return None
        self.wanted = None
        if not answer.error:
            self._keep(answer.key, answer.value)
        return answer.value, answer.error

    def close(self, timeout_s: float = 1.0) -> bool:
        """End the thread; False if it hangs and was left behind."""
        return self._worker.close(timeout_s, at_end=self._close_reader)

    def _keep(self, key: Hashable, value: Any) -> None:
        self._done[key] = value
        clips = [(other, kept.n_bytes) for other, kept in self._done.items() if isinstance(kept, Clip)]
        left = sum(size for _, size in clips)
        for old, size in clips[:-1]:  # ten seconds at 200 frames/s are 400 MB
            if left <= _CLIP_BYTES:
                break
            del self._done[old]
            left -= size
        while len(self._done) > _KEPT:
            self._done.popitem(last=False)

    def _work(
        self, opened: Opened, what: What, item: ReviewInterval, factor: float
    ) -> Callable[[Ticket], Any]:
        aligned = self._aligned(item) if what == "clip" else None

        def work(ticket: Ticket) -> Any:
            reader = self._reader_of(opened)
            try:
                if what == "faces":
                    return aligned_faces(opened.document, item, reader=reader, stopped=lambda: ticket.stale)
                if what == "flow":
                    return _flow(opened, item, reader, ticket)
                return _clip(opened, item, factor, aligned, reader, ticket)
            except LookStopped:
                raise Stale from None

        return work

    def _aligned(self, item: ReviewInterval) -> U8 | None:
        """The aligned clip, if it was made for another factor."""
        for key, kept in self._done.items():
            if isinstance(kept, Clip) and isinstance(key, tuple) and key[1:-1] == _subject(item):
                return kept.plain
        return None

    def _reader_of(self, opened: Opened) -> FrameReader:
        if self._reader is None or self._reader[0] is not opened:
            self._close_reader()
            self._reader = opened, opened.document.reader()
        return self._reader[1]

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None


def _subject(item: ReviewInterval) -> tuple[int, str, int, int, int]:
    """What the pictures depend on; the kind too: only micro-expressions are classified."""
    record = item.record
    return record.face_id, record.kind, record.onset_frame, record.apex_frame, record.offset_frame


def _flow(opened: Opened, item: ReviewInterval, reader: FrameReader, ticket: Ticket) -> Flow:
    document = opened.document
    try:
        if item.record.kind == "micro":
            seen = reclassify(document, item, reader=reader, stopped=lambda: ticket.stale)
            return Flow(seen.flow_image, seen)
        why = "Macro-expressions are not classified."
    except MegcError as error:  # spotting only, or a model that is missing: the picture is still to be had
        why = str(error)
    return Flow(flow_picture(document, item, reader=reader, stopped=lambda: ticket.stale), None, why)


def _clip(
    opened: Opened, item: ReviewInterval, factor: float, plain: U8 | None, reader: FrameReader, ticket: Ticket
) -> Clip:
    document = opened.document
    if plain is None:
        plain = magnified_clip(document, item, 0.0, reader=reader, stopped=lambda: ticket.stale)
    rate = document.frame_rate
    how = Magnification(factor=factor)
    pictures = []
    for picture in magnified(plain, rate if rate > 0 else _FALLBACK_FPS, how):
        pictures.append(picture)
        ticket.done(len(pictures) / len(plain))
    return Clip(tuple(clip_frames(document, item)), plain, np.stack(pictures), factor)
