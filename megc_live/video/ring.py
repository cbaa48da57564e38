"""The last seconds of video, kept in memory that is allocated once."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from megc_live.errors import FrameGone
from megc_live.video.frame import U8, Frame, PixelImage
from megc_live.video.pixels import i420_planes


@dataclass(frozen=True)
class RingFrame:
    """One frame as the ring holds it.

    Attributes
    ----------
    index : int
        Frame index in the source.
    pts_s : float
        Presentation time in seconds.
    image : PixelImage
        A view of the ring's memory (from :meth:`FrameRing.get`): valid while
        ``ring.holds(index)``; or a copy (from :meth:`FrameRing.copy`).
    scale : float
        Stored width over original width: 1.0 unless the ring had to shrink.
    scale_xy : tuple of float
        The same per axis; they differ by rounding to whole pixels.
    """

    index: int
    pts_s: float
    image: PixelImage
    scale: float
    scale_xy: tuple[float, float] = (1.0, 1.0)


class FrameRing:
    """Keeps the newest frames in preallocated slots; the oldest is overwritten.

    One thread writes, any number of threads read. Reading copies nothing: :meth:`get` returns
    a view, and whoever works on it longer asks :meth:`holds` afterwards, or takes :meth:`copy`.
    A counter of writes says which slot holds what; a reader that has fallen behind gets
    :class:`FrameGone`, never another frame's pixels.

    The slots are allocated at the first frame: ``seconds * fps`` of them (rounded up, plus one).
    If they would take more than ``max_bytes``, all images are stored shrunk by one factor.

    Parameters
    ----------
    seconds : float
        Length in seconds at the rate given to the first :meth:`push`.
    max_bytes : int
        Most memory that the pixels may take.

    Examples
    --------
    >>> ring = FrameRing(1.0, 2**20)
    >>> ring.push(Frame(0, 0.0, PixelImage(np.zeros((48, 64), np.uint8), "grey"), 0.0), fps=25.0)
    >>> ring.get(0).image.data.shape, ring.capacity
    ((48, 64), 26)
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        if not seconds > 0 or max_bytes <= 0:
            raise ValueError(f"a ring needs seconds > 0 and max_bytes > 0, got {seconds}, {max_bytes}")
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._slots: U8 = np.empty((0, 0), np.uint8)
        self._indices: list[int] = []
        self._times: list[float] = []
        self._layout = ""
        self._source_shape: tuple[int, ...] = ()
        self._scale_xy = (1.0, 1.0)
        # frames with count first <= n < written are whole; frame n lies in slot n % capacity
        self._written = 0
        self._first = 0

    @property
    def capacity(self) -> int:
        """Number of slots; 0 before the first frame."""
        return len(self._indices)

    @property
    def scale(self) -> float:
        """Stored width over original width; 1.0 before the first frame."""
        return self._scale_xy[0]

    @property
    def n_bytes(self) -> int:
        """Memory of the slots, in bytes."""
        return int(self._slots.nbytes)

    def __len__(self) -> int:
        with self._lock:
            return self._written - self._first

    @property
    def oldest(self) -> int:
        """Index of the oldest frame held; raises :class:`FrameGone` when empty."""
        return self._end(newest=False)

    @property
    def newest(self) -> int:
        """Index of the newest frame held; raises :class:`FrameGone` when empty."""
        return self._end(newest=True)

    def _end(self, *, newest: bool) -> int:
        with self._lock:
            if self._written == self._first:
                raise FrameGone("the frame ring is empty.")
            return self._indices[self._slot(self._written - 1 if newest else self._first)]

    def push(self, frame: Frame, fps: float) -> None:
        """Store a frame; its index and time must be above those of the frame before.

        Parameters
        ----------
        frame : Frame
            Same size and layout as the first one.
        fps : float
            Rate in frames per second; the first call's decides the number of slots.
        """
        if not self.capacity:
            self._allocate(frame.image, fps)
        if frame.image.data.shape != self._source_shape or frame.image.layout != self._layout:
            raise ValueError(
                f"the ring holds {self._layout} {self._source_shape}, "
                f"got {frame.image.layout} {frame.image.data.shape}"
            )
        slot = self._open_slot(frame)
        _shrink_into(self._slots[slot], frame.image)
        with self._lock:
            self._indices[slot] = frame.index
            self._times[slot] = frame.pts_s
            self._written += 1

    def _open_slot(self, frame: Frame) -> int:
        """Take the oldest frame out of the ring if its slot is needed; return the slot."""
        with self._lock:
            if self._written > self._first:
                last = self._slot(self._written - 1)
                if frame.index <= self._indices[last] or frame.pts_s <= self._times[last]:
                    raise ValueError(
                        f"frame {frame.index} at {frame.pts_s} s does not follow "
                        f"frame {self._indices[last]} at {self._times[last]} s"
                    )
            if self._written - self._first == self.capacity:
                self._first += 1
            return self._slot(self._written)

    def holds(self, index: int) -> bool:
        """Return whether the frame is in the ring now."""
        with self._lock:
            return self._find(index) is not None

    def get(self, index: int) -> RingFrame:
        """Return a view of one frame; raises :class:`FrameGone` if it is not (or no longer) held."""
        with self._lock:
            return self._view(self._count(index))

    def copy(self, index: int) -> RingFrame:
        """Return a copy of one frame, checked to be whole; raises :class:`FrameGone`."""
        with self._lock:
            count = self._count(index)
            view = self._view(count)
        data = view.image.data.copy()
        with self._lock:
            if count < self._first:
                raise FrameGone(
                    f"frame {index} was overwritten while it was copied.", "Read sooner or keep more seconds."
                )
        return RingFrame(index, view.pts_s, PixelImage(data, self._layout), view.scale, view.scale_xy)

    def nearest(self, pts_s: float) -> int:
        """Return the index of the frame nearest in time; raises :class:`FrameGone` when empty."""
        with self._lock:
            if self._written == self._first:
                raise FrameGone("the frame ring is empty.")
            after = self._bisect(self._times, pts_s)
            near = [n for n in (after - 1, after) if self._first <= n < self._written]
            best = min(near, key=lambda n: abs(self._times[self._slot(n)] - pts_s))
            return self._indices[self._slot(best)]

    def span(self, first: int, last: int) -> Iterator[RingFrame]:
        """Iterate over views of the frames ``first`` to ``last``, inclusive; dropped ones are left out.

        Raises
        ------
        FrameGone
            A frame of the span may have been overwritten, before or while iterating, or has not
            arrived yet.
        """
        with self._lock:
            if self._written == self._first or last > self._indices[self._slot(self._written - 1)]:
                raise FrameGone(f"frame {last} has not arrived yet.")
            if first < self._indices[self._slot(self._first)] and self._first > 0:
                raise self._gone(first)
            begin = self._bisect(self._indices, first)
            end = self._bisect(self._indices, last + 1)
        return self._span(begin, end, first)

    def _span(self, begin: int, end: int, first: int) -> Iterator[RingFrame]:
        for count in range(begin, end):
            with self._lock:
                if count < self._first:
                    raise self._gone(first)
                view = self._view(count)
            yield view

    def _slot(self, count: int) -> int:
        return count % self.capacity

    def _bisect(self, values: list[int] | list[float], bound: float) -> int:
        """Return the first count whose value is at least ``bound``; the lock is held."""
        low, high = self._first, self._written
        while low < high:
            middle = (low + high) // 2
            if values[self._slot(middle)] < bound:
                low = middle + 1
            else:
                high = middle
        return low

    def _find(self, index: int) -> int | None:
        count = self._bisect(self._indices, index)
        held = count < self._written and self._indices[self._slot(count)] == index
        return count if held else None

    def _count(self, index: int) -> int:
        count = self._find(index)
        if count is None:
            raise self._gone(index)
        return count

    def _gone(self, index: int) -> FrameGone:
        if self._written == self._first:
            return FrameGone(f"frame {index} is not in the ring: it is empty.")
        low, high = self._indices[self._slot(self._first)], self._indices[self._slot(self._written - 1)]
        return FrameGone(
            f"frame {index} is not in the ring, which holds {low} to {high}.",
            "Read sooner or keep more seconds." if index < low else "",
        )

    def _view(self, count: int) -> RingFrame:
        slot = self._slot(count)
        image = PixelImage(self._slots[slot], self._layout)
        return RingFrame(self._indices[slot], self._times[slot], image, self._scale_xy[0], self._scale_xy)

    def _allocate(self, image: PixelImage, fps: float) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be above 0, got {fps}")
        count = math.ceil(self._seconds * fps) + 1
        width, height = _stored_size(image, self._max_bytes // count)
        shape = _shape(width, height, image.layout)
        # one block for all slots: the only allocation in the ring's life
        self._slots = np.empty((count, *shape), np.uint8)
        self._layout = image.layout
        self._source_shape = image.data.shape
        self._scale_xy = (width / image.width, height / image.height)
        self._times = [0.0] * count
        self._indices = [-1] * count


_NEAR = 0.85
"""A scale of 1/2, 1/4 ... is taken for one that is larger by no more than this: see :func:`_shrink`."""


def _shape(width: int, height: int, layout: str) -> tuple[int, ...]:
    if layout == "i420":
        return (height * 3 // 2, width)
    return (height, width, 3) if layout == "rgb" else (height, width)


def _stored_size(image: PixelImage, slot_bytes: int) -> tuple[int, int]:
    """Return a (width, height) of the same shape that fits ``slot_bytes``: nearly the largest one."""
    size = int(image.data.nbytes)
    if size <= slot_bytes:
        return image.width, image.height
    factor = math.sqrt(slot_bytes / size)
    halves = 2.0 ** math.floor(math.log2(factor))
    if halves >= _NEAR * factor:
        factor = halves
    unit = 2 if image.layout == "i420" else 1
    width = int(image.width * factor) // unit * unit
    height = int(image.height * factor) // unit * unit
    if width < unit or height < unit:
        raise ValueError(f"{slot_bytes} bytes a frame are too few for {image.width}x{image.height} pixels")
    return width, height


def _shrink_into(slot: U8, image: PixelImage) -> None:
    """Write the pixels into a slot, resampled by area if the slot is smaller."""
    if slot.shape == image.data.shape:
        np.copyto(slot, image.data)
    elif image.layout == "i420":
        source = np.ascontiguousarray(image.data)
        for target, plane in zip(i420_planes(slot), i420_planes(source), strict=True):
            _shrink(plane, target)
    else:
        _shrink(image.data, slot)


def _shrink(plane: U8, target: U8) -> None:
    """Average ``plane`` over the pixels of ``target``.

    In halves as far as they go: OpenCV averages two by two pixels many times quicker than by a broken factor.
    """
    height, width = target.shape[:2]
    while plane.shape[0] >= 2 * height and plane.shape[1] >= 2 * width:
        even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
        plane = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    cv2.resize(plane, (width, height), dst=target, interpolation=cv2.INTER_AREA)
