"""What every registered source must do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from megc_live.errors import SourceError
from megc_live.video import SOURCES, LivePlayer, ManualClock, Source, open_source
from megc_live.video.camera import WARM_UP_FRAMES, CameraSource
from megc_live.video.sources import FileSource, FolderSource, StreamSource
from tests.indexed import read_index, write_images, write_indexed
from tests.video.fakes import MJPEG, FakeCamera, mjpeg, serve

N = 30


class Kit:
    """Makes good and empty sources of one kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()

    def file(self) -> Source:
        return open_source(write_indexed(self.folder / "clip.mp4", N))

    def empty_file(self) -> Source:
        (self.folder / "clip.mp4").write_bytes(b"")
        return open_source(self.folder / "clip.mp4")

    def stream(self) -> Source:
        body = write_indexed(self.folder / "clip.ts", N).read_bytes()
        return open_source(self.stack.enter_context(serve(body, "video/mp2t")))

    def empty_stream(self) -> Source:
        return open_source(self.stack.enter_context(serve(b"", "video/mp2t")))

    def folder_(self) -> Source:
        return open_source(write_images(self.folder / "take 1", N), fps=25)

    def empty_folder(self) -> Source:
        return open_source(self.folder, fps=25)

    def camera(self) -> Source:
        clock = ManualClock(jump=True)
        return CameraSource(0, make=FakeCamera(clock, ends=WARM_UP_FRAMES + N), clock=clock)

    def empty_camera(self) -> Source:
        clock = ManualClock(jump=True)
        return CameraSource(0, make=FakeCamera(clock, ends=0), clock=clock)


MAKERS: dict[str, tuple[Callable[[Kit], Source], Callable[[Kit], Source], type[Source]]] = {
    "file": (Kit.file, Kit.empty_file, FileSource),
    "stream": (Kit.stream, Kit.empty_stream, StreamSource),
    "folder": (Kit.folder_, Kit.empty_folder, FolderSource),
    "camera": (Kit.camera, Kit.empty_camera, CameraSource),
}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    with kit.stack:
        yield kit


@pytest.fixture(params=list(MAKERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(kit: Kit, kind: str) -> Iterator[Source]:
    with MAKERS[kind][0](kit) as source:
        yield source


def test_every_registered_source_is_tested_and_states_its_capabilities() -> None:
    assert set(MAKERS) == set(SOURCES)
    for entry in SOURCES.entries():
        assert entry.make is MAKERS[entry.name][2]
        assert set(entry.capabilities) == {"live", "seekable", "needs_fps"}


def frames_of(source: Source, n: int = N) -> list[tuple[int, int, float]]:
    """Return index, index in the pixels and time of the first ``n`` frames."""
    found = []
    for frame in source:
        found.append((frame.index, read_index(frame.image.grey), frame.pts_s))
        if len(found) == n:
            break
    return found


def test_index_is_the_one_in_the_pixels_and_times_are_exact(source: Source, kind: str) -> None:
    found = frames_of(source)
    offset = WARM_UP_FRAMES if kind == "camera" else 0
    period = 0.05 if kind == "camera" else 0.04  # the fake camera needs a quarter period to retrieve
    assert [(index, code - offset) for index, code, _ in found] == [(k, k) for k in range(N)]
    assert [pts for _, _, pts in found] == pytest.approx([k * period for k in range(N)], abs=1e-6)
    assert source.timestamps_repaired == source.decode_errors == source.dropped == 0


def test_info_fits_the_frames(source: Source, kind: str) -> None:
    frame = source.read()
    assert frame is not None
    assert (frame.image.width, frame.image.height) == (source.info.width, source.info.height) == (160, 120)
    assert source.info.kind == kind
    assert source.info.fps == pytest.approx(20 if kind == "camera" else 25)
    assert source.info.codec
    assert source.name == {"file": "clip", "folder": "take_1", "camera": "camera0"}.get(kind, source.name)
    assert "/" not in source.name and source.name


def test_close_twice_and_read_after_close(source: Source) -> None:
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None
    assert list(source) == []


def test_stop_mid_read(source: Source) -> None:
    assert len(frames_of(source, 5)) == 5
    source.interrupt()
    source.close()
    assert source.read() is None


def test_empty_input_is_a_source_error_that_says_what_to_do(kit: Kit, kind: str) -> None:
    with pytest.raises(SourceError) as error:
        MAKERS[kind][1](kit)
    assert error.value.do
    assert "\n" not in str(error.value)


def test_pixels_of_a_frame_stay_while_reading_goes_on(source: Source) -> None:
    first = source.read()
    assert first is not None
    before = first.image.data.copy()
    frames_of(source, 10)
    np.testing.assert_array_equal(first.image.data, before)


def test_the_player_makes_any_source_live(source: Source) -> None:
    clock = ManualClock(start=100.0, jump=True)
    with LivePlayer(source, clock) as player:
        assert player.info.live
        released = [(f.index, f.pts_s, f.t_capture) for f in islice(player, N)]
    assert [index for index, _, _ in released] == list(range(N))
    assert [t for _, _, t in released] == pytest.approx([100.0 + pts for _, pts, _ in released])


def test_mjpeg_over_http_has_every_frame_and_increasing_times() -> None:
    with serve(mjpeg(N), MJPEG, announce=False) as url, open_source(url) as source:
        found = frames_of(source)
        assert source.read() is None
        assert source.info.live
    assert [(index, code) for index, code, _ in found] == [(k, k) for k in range(N)]
    times = [pts for _, _, pts in found]
    assert times[0] == 0 and all(a < b for a, b in pairwise(times))
