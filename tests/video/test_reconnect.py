"""A source that is lost and returns, without threads: read by hand, on a clock that jumps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from megc_live.errors import SourceError
from megc_live.video import Frame, PixelImage, Source, SourceInfo
from megc_live.video.reconnect import Reconnecting

PATIENCE = 20.0


class Piece(Source):
    """Frames at given times of capture, then an error or an end."""

    def __init__(
        self,
        times: list[float],
        error: str | Exception = "",
        *,
        kind: str = "camera",
        size: tuple[int, int] = (8, 6),
    ) -> None:
        self.name = "piece"
        self.info = SourceInfo("piece", kind, *size, 10.0, None, None, kind != "file", "raw")  # type: ignore[arg-type]
        self._left = list(enumerate(times))
        self._error = error
        self._zero = times[0] if times else 0.0
        self.closed = 0
        self.interrupted = threading.Event()
        self.grey = True

    def read(self) -> Frame | None:
        if self._left:
            index, t = self._left.pop(0)
            width, height = self.info.width, self.info.height
            data = np.full((height, width) if self.grey else (height, width, 3), 7, np.uint8)
            return Frame(index, t - self._zero, PixelImage(data, "grey" if self.grey else "rgb"), t)
        if isinstance(self._error, Exception):
            raise self._error
        if self._error:
            raise SourceError(self._error)
        return None

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed += 1


def opener(*pieces: Piece | Exception | None) -> Callable[[], Source]:
    """Open one piece after another; None does not open, an error is raised."""
    left = list(pieces)

    def open_source() -> Source:
        piece = left.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if piece is None:
            raise SourceError("it does not open.")
        return piece

    return open_source


def numbers(source: Source, n: int) -> list[tuple[int, float]]:
    frames = [source.read() for _ in range(n)]
    return [(frame.index, round(frame.pts_s, 6)) for frame in frames if frame is not None]


def test_index_and_time_go_on_with_a_gap() -> None:
    first, second = Piece([5.0, 5.1, 5.2], "unplugged."), Piece([7.0, 7.1])
    source = Reconnecting(opener(first, None, second), retry_s=0.001)
    assert numbers(source, 5) == [(0, 0.0), (1, 0.1), (2, 0.2), (20, 2.0), (21, 2.1)]
    assert source.dropped == 17 and source.times_lost == 1 and source.lost == ""
    assert first.closed == 1 and source.notes == ("the source was lost once",)


def test_what_went_wrong_is_said_until_frames_come() -> None:
    opened = threading.Event()
    pieces = [Piece([0.0], "unplugged. Plug it in."), Piece([1.0])]

    def open_source() -> Source:
        if len(pieces) == 1:
            assert opened.wait(PATIENCE)
        return pieces.pop(0)

    source = Reconnecting(open_source, retry_s=0.001)
    assert source.read() is not None and source.lost == ""
    reader = threading.Thread(target=source.read)
    reader.start()
    for _ in range(2000):
        if source.lost:
            break
        opened.wait(0.01)
    assert source.lost == "unplugged. Plug it in. It is tried again every 0.001 s."
    opened.set()
    reader.join(PATIENCE)
    assert source.lost == ""


def test_what_comes_back_in_another_shape_is_put_into_the_first() -> None:
    other = Piece([1.0, 1.1], size=(16, 12))
    other.grey = False
    source = Reconnecting(opener(Piece([0.0], "unplugged."), other), retry_s=0.001)
    frames = [source.read() for _ in range(3)]
    assert [frame.image.layout for frame in frames if frame] == ["grey"] * 3
    assert {frame.image.data.shape for frame in frames if frame} == {(6, 8)}
    assert source.rescaled == 2


def test_interrupting_ends_a_wait_for_the_camera() -> None:
    source = Reconnecting(opener(Piece([0.0], "unplugged.")), retry_s=3600)
    assert source.read() is not None
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    source.interrupt()
    reader.join(PATIENCE)
    assert got == [None] and not reader.is_alive()
    source.close()
    source.close()


def test_a_camera_that_opens_after_the_end_is_closed() -> None:
    opening, may_open = threading.Event(), threading.Event()
    late = Piece([1.0])
    pieces = [Piece([0.0], "unplugged.")]

    def open_source() -> Source:
        if pieces:
            return pieces.pop()
        opening.set()
        assert may_open.wait(PATIENCE)
        return late

    source = Reconnecting(open_source, retry_s=0.001)
    assert source.read() is not None
    reader = threading.Thread(target=source.read)
    reader.start()
    assert opening.wait(PATIENCE)
    source.interrupt()
    may_open.set()
    reader.join(PATIENCE)
    assert late.closed == 1


def test_files_fail_and_end_as_ever() -> None:
    broken = Reconnecting(opener(Piece([0.0], "damaged.", kind="file")))
    assert broken.read() is not None
    with pytest.raises(SourceError, match="damaged"):
        broken.read()
    whole = Reconnecting(opener(Piece([0.0], kind="file")))
    assert whole.read() is not None and whole.read() is None and whole.read() is None


def test_a_stream_that_ends_in_good_order_is_opened_again_and_a_camera_is_not() -> None:
    stream = Reconnecting(opener(Piece([0.0], kind="stream"), Piece([0.5], kind="stream")), retry_s=0.001)
    assert numbers(stream, 2) == [(0, 0.0), (5, 0.5)]
    camera = Reconnecting(opener(Piece([0.0])))
    assert camera.read() is not None and camera.read() is None


def test_the_first_opening_must_succeed() -> None:
    with pytest.raises(SourceError, match="does not open"):
        Reconnecting(opener(None))


@pytest.mark.parametrize("error", [OSError(19, "No such device"), cv2.error("driver"), RuntimeError("odd")])
def test_errors_of_the_devices_library_are_losses_too(error: Exception) -> None:
    pieces = (Piece([0.0, 0.1], error), error, None, Piece([1.0, 1.1]))
    source = Reconnecting(opener(*pieces), retry_s=0.001)
    assert [index for index, _ in numbers(source, 4)] == [0, 1, 10, 11]
    assert source.times_lost == 1 and source.lost == ""


def test_a_library_error_is_told_as_one_of_the_device() -> None:
    gone = OSError(19, "No such device")
    waiting = Reconnecting(opener(Piece([0.0], gone)), retry_s=3600)
    assert waiting.read() is not None
    reader = threading.Thread(target=waiting.read)
    reader.start()
    tick = threading.Event()
    for _ in range(2000):
        if waiting.lost:
            break
        tick.wait(0.01)
    assert waiting.lost.startswith("'piece' cannot be read: No such device. Check that it is plugged in")
    waiting.interrupt()
    reader.join(PATIENCE)
    with pytest.raises(SourceError, match="does not open: No such device"):
        Reconnecting(opener(gone))


def test_a_source_that_is_not_to_return_raises_its_loss() -> None:
    once = Reconnecting(opener(Piece([0.0], OSError(19, "No such device"))), returns=False)
    assert once.read() is not None
    with pytest.raises(SourceError, match="cannot be read: No such device"):
        once.read()
    other = Reconnecting(opener(Piece([0.0], "unplugged.")), returns=False)
    assert other.read() is not None
    with pytest.raises(SourceError, match="unplugged"):
        other.read()
