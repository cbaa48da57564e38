"""The frame ring: what it holds, what it has forgotten, and that nobody gets another frame's pixels."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megc_live.errors import FrameGone
from megc_live.video import Frame, FrameRing, PixelImage
from tests.indexed import backdrop, read_index, stamp

LAYOUTS = ("grey", "rgb", "i420")


def frame(index: int, pts_s: float, *, layout: str = "grey", size: tuple[int, int] = (8, 6)) -> Frame:
    """Return a frame whose pixels are all its index modulo 251."""
    width, height = size
    shape = {"grey": (height, width), "rgb": (height, width, 3), "i420": (height * 3 // 2, width)}[layout]
    return Frame(index, pts_s, PixelImage(np.full(shape, index % 251, np.uint8), layout), pts_s)


@given(
    gaps=st.lists(st.integers(1, 4), min_size=1, max_size=60),
    seconds=st.floats(0.1, 2),
    fps=st.floats(5, 30),
    layout=st.sampled_from(LAYOUTS),
    asked=st.integers(0, 250),
)
def test_holds_the_newest_and_says_what_is_gone(
    gaps: list[int], seconds: float, fps: float, layout: str, asked: int
) -> None:
    ring = FrameRing(seconds, 2**20)
    indices = np.cumsum(gaps).tolist()
    for k in indices:
        ring.push(frame(k, k / fps, layout=layout), fps)
        assert ring.newest == k
    held = indices[-ring.capacity :]
    assert (len(ring), ring.oldest, ring.newest) == (len(held), held[0], held[-1])
    assert ring.capacity >= seconds * fps
    for k in held:
        got = ring.get(k)
        assert (got.index, got.pts_s, got.scale, got.image.layout) == (k, k / fps, 1.0, layout)
        assert (got.image.data == k % 251).all() and (ring.copy(k).image.data == k % 251).all()
    for k in set(range(asked + 1)) - set(held):
        assert not ring.holds(k)
        with pytest.raises(FrameGone):
            ring.get(k)
        with pytest.raises(FrameGone):
            ring.copy(k)
    nearest = min(held, key=lambda k: abs(k / fps - asked / fps))
    assert abs(ring.nearest(asked / fps) - asked) == abs(nearest - asked)
    assert [f.index for f in ring.span(held[0], held[-1])] == held


@given(
    width=st.integers(2, 120),
    height=st.integers(2, 120),
    layout=st.sampled_from(LAYOUTS),
    max_bytes=st.integers(600, 60_000),
)
def test_stays_within_its_memory_by_shrinking_evenly(
    width: int, height: int, layout: str, max_bytes: int
) -> None:
    if layout == "i420":
        width, height = width // 2 * 2, height // 2 * 2
    picture = frame(1, 0.0, layout=layout, size=(width, height))
    ring = FrameRing(1.0, max_bytes)
    try:
        ring.push(picture, 9.0)
    except ValueError as error:  # a sliver: shrunk to the limit it would have no pixel across
        assert "too few" in str(error)
        return
    assert ring.n_bytes <= max_bytes
    got = ring.get(1)
    full = 10 * picture.image.data.nbytes <= max_bytes
    assert (ring.scale == 1.0) == full
    assert got.scale_xy == (got.image.width / width, got.image.height / height)
    unit = 2 if layout == "i420" else 1
    wanted = (max_bytes // 10 / picture.image.data.nbytes) ** 0.5
    if not full:
        # A half, a quarter ... is taken for what is a little more: 0.85 of the largest at least.
        assert 0.85 * width * wanted - unit <= got.image.width <= width * wanted
        assert 0.85 * height * wanted - unit <= got.image.height <= height * wanted
    assert (got.image.data == 1).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("share", "scale"), [(0.4, 0.632), (0.3, 0.5), (0.11, 0.332), (0.075, 0.25)])
def test_a_shrunk_frame_is_the_same_picture(layout: str, share: float, scale: float) -> None:
    rgb = stamp(backdrop(320, 240)(0), 4321)
    image = PixelImage(rgb, "rgb")
    if layout == "grey":
        image = PixelImage(image.grey, "grey")
    elif layout == "i420":
        image = PixelImage(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8), "i420")
    ring = FrameRing(1.0, round(11 * image.data.nbytes * share))
    ring.push(Frame(4321, 1.0, image, 1.0), 10.0)
    small = ring.get(4321)
    assert small.scale == pytest.approx(scale, abs=0.01)
    if scale > 0.5:  # below, the index's squares are too small to be read
        assert read_index(small.image.grey) == 4321
    size = (small.image.width, small.image.height)
    expected = cv2.resize(image.grey, size, interpolation=cv2.INTER_AREA)
    assert np.abs(small.image.grey.astype(int) - expected).mean() < 2
    colours = cv2.resize(image.rgb(), size, interpolation=cv2.INTER_AREA)
    off = small.image.rgb().astype(int) - colours
    assert np.abs(off.mean((0, 1))).max() < 2  # 4:2:0 keeps colours of half as many pixels each way


def test_span_is_strict_about_what_it_cannot_give() -> None:
    ring = FrameRing(0.3, 2**20)
    for k in (0, 1, 3, 4, 5):
        ring.push(frame(k, k / 10), 10.0)
    assert [f.index for f in ring.span(1, 4)] == [1, 3, 4]
    with pytest.raises(FrameGone, match="not in the ring"):
        ring.span(0, 4)
    with pytest.raises(FrameGone, match="not arrived"):
        ring.span(3, 6)
    walk = ring.span(1, 5)
    assert next(walk).index == 1
    for k in (6, 7):
        ring.push(frame(k, k / 10), 10.0)
    with pytest.raises(FrameGone):
        list(walk)


def test_an_empty_ring_says_so() -> None:
    ring = FrameRing(1.0, 2**20)
    assert len(ring) == 0 and ring.capacity == 0 and not ring.holds(0)
    for ask in (lambda: ring.oldest, lambda: ring.newest, lambda: ring.get(0), lambda: ring.nearest(0.0)):
        with pytest.raises(FrameGone, match="empty"):
            ask()


def test_what_does_not_fit_is_refused() -> None:
    ring = FrameRing(1.0, 2**20)
    ring.push(frame(5, 0.5), 10.0)
    for wrong in (frame(5, 0.6), frame(6, 0.5), frame(6, 0.6, size=(6, 6)), frame(6, 0.6, layout="rgb")):
        with pytest.raises(ValueError):
            ring.push(wrong, 10.0)
    assert (len(ring), ring.newest) == (1, 5)
    with pytest.raises(ValueError):
        FrameRing(0, 1)
    with pytest.raises(ValueError):
        FrameRing(1.0, 2**20).push(frame(0, 0.0), 0.0)


def test_reading_copies_nothing_and_memory_is_allocated_once() -> None:
    ring = FrameRing(0.4, 2**20)
    ring.push(frame(0, 0.0), 10.0)
    view = ring.get(0).image.data
    size = ring.n_bytes
    for k in range(1, 6):
        ring.push(frame(k, k / 10), 10.0)
    assert (view == 5).all() and not ring.holds(0)  # its slot holds frame 5 now
    assert ring.n_bytes == size


def test_readers_in_threads_never_get_another_frame_s_pixels() -> None:
    ring = FrameRing(0.5, 2**24)
    size = (400, 300)
    ring.push(frame(0, 0.0, size=size), 10.0)
    done = threading.Event()
    wrong: list[int] = []
    read = [0, 0]

    def reader(which: int) -> None:
        random = np.random.default_rng(which)
        while not done.is_set():
            k = ring.newest - int(random.integers(0, ring.capacity))
            try:
                got = ring.copy(k)
            except FrameGone:
                continue
            read[which] += 1
            if got.index != k or not (got.image.data == k % 251).all():
                wrong.append(k)

    threads = [threading.Thread(target=reader, args=(w,)) for w in range(2)]
    for thread in threads:
        thread.start()
    k = 0
    while (k < 300 or min(read) < 20) and k < 50_000:
        k += 1
        ring.push(frame(k, k / 10, size=size), 10.0)
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and min(read) >= 20
