"""The annotated video: the source's own frames and times, readable at every size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from megc_live.errors import OutputError, SourceError
from megc_live.events import FrameRow
from megc_live.output import SINKS, IntervalRecord
from megc_live.output.annotate import annotate_video
from megc_live.output.overlay import Layout, Overlay
from tests.faces import scene
from tests.indexed import read_index, write_indexed
from tests.output import made_up

N = 24
MICRO_ORANGE = (230, 120, 30)


def frames(path: Path) -> tuple[list[NDArray[np.uint8]], list[float]]:
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        decoded = [
            (frame.to_ndarray(format="rgb24"), float(frame.time or 0)) for frame in container.decode(video=0)
        ]
    return [picture for picture, _ in decoded], [time for _, time in decoded]


def boxed(n: int, faces: int = 1, fps: float = 30.0, **changes: object) -> Iterator[FrameRow]:
    for row in made_up.rows(n, faces, fps=fps):
        yield replace(row, box=(30.0 + 60 * row.face_id, 20.0, 50.0, 60.0), **changes)


@pytest.mark.parametrize(("width", "height"), [(160, 120), (121, 91), (96, 160)])
def test_every_frame_at_its_own_time(tmp_path: Path, width: int, height: int) -> None:
    times = [k / 25 + (0.3 if k > 10 else 0) + 0.004 * (k % 3) for k in range(N)]
    even = (width + width % 2, height + height % 2)
    source = write_indexed(tmp_path / "in.mkv", N, size=even, pts=times)
    annotate_video(source, list(boxed(N)), [made_up.event(1, onset=5)], tmp_path / "out.mp4")
    pictures, shown = frames(tmp_path / "out.mp4")
    assert shown == pytest.approx(np.array(times) - times[0], abs=2e-3)
    layout = Layout.of(*even)
    assert [read_index(picture[: layout.height].mean(axis=2)) for picture in pictures] == list(range(N))
    assert layout.height >= 480


def test_an_interval_is_marked_on_its_frames_and_no_others(tmp_path: Path) -> None:
    source = write_indexed(tmp_path / "in.mp4", N, size=(160, 120))
    record = IntervalRecord.of(made_up.event(1, onset=5))
    annotate_video(source, list(boxed(N)), [record], tmp_path / "out.mp4")
    pictures, _ = frames(tmp_path / "out.mp4")
    height = Layout.of(160, 120).height
    orange = [orange_pixels(picture[:height]) > 1000 for picture in pictures]
    assert [k for k in range(N) if orange[k]] == list(range(record.onset_frame, record.offset_frame + 1))


def orange_pixels(picture: NDArray[np.uint8]) -> int:
    return int((np.abs(picture.astype(int) - MICRO_ORANGE).max(axis=2) < 40).sum())


def test_rows_may_come_from_the_table(tmp_path: Path) -> None:
    source = write_indexed(tmp_path / "in.mp4", N)
    sink = SINKS["csv"].make(tmp_path, made_up.session())
    for row in boxed(N, faces=2):
        sink.on_row(row)
    sink.close(True)
    seen: list[int] = []
    annotate_video(source, tmp_path / "frames.csv", [], tmp_path / "a.mp4", on_frame=seen.append)
    annotate_video(source, boxed(N, faces=2), [], tmp_path / "b.mp4")
    assert seen == list(range(1, N + 1))
    for one, other in zip(frames(tmp_path / "a.mp4")[0], frames(tmp_path / "b.mp4")[0], strict=True):
        assert np.abs(one.astype(int) - other).mean() < 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 256), (480, 480)),
        ((1920, 1080), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((640, 480), (640, 480)),
    ],
)
def test_size_is_readable_and_bounded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    layout = Layout.of(*size)
    assert (layout.width, layout.height) == expected


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (33, 1001), (5000, 20), (300, 534)])
@pytest.mark.parametrize("faces", [0, 1, 2, 5])
def test_odd_sizes_and_any_number_of_faces(size: tuple[int, int], faces: int) -> None:
    width, height = size
    rgb = np.full((height, width, 3), 120, np.uint8)
    events = [IntervalRecord.of(made_up.event(k + 1, k, onset=28)) for k in range(faces)]
    overlay = Overlay(width, height, events)
    before = rgb.copy()
    rows = [replace(row, quality="small|dark") for row in made_up.rows(60, faces)]
    picture = overlay.draw(rgb, 30, 1.0, rows)
    assert picture.shape == (overlay.layout.height + overlay.layout.strip, overlay.layout.width, 3)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    np.testing.assert_array_equal(rgb, before)


def test_a_face_at_the_edge_keeps_its_label_in_the_picture() -> None:
    overlay = Overlay(640, 480, [IntervalRecord.of(made_up.event(1, onset=28))])
    rgb = scene()
    for box in ((600.0, -20.0, 100.0, 100.0), (-50.0, 400.0, 100.0, 200.0), (0.0, 0.0, 640.0, 480.0)):
        row = made_up.row(30, box=box)
        assert orange_pixels(overlay.draw(rgb, 30, 1.0, [row])[:480]) > 2000


def test_words_cover_neither_the_corner_nor_a_small_face() -> None:
    """The corner's words are told apart by what a label of the same face further right leaves of them."""
    overlay = Overlay(480, 480, [IntervalRecord.of(made_up.event(1, onset=28))])
    rgb = np.full((480, 480, 3), 120, np.uint8)
    wide, high = overlay.layout.corner

    def corner(x: float) -> NDArray[np.uint8]:
        return overlay.draw(rgb, 30, 1.0, [made_up.row(30, box=(x, 60.0, 200.0, 200.0))])[:high, :wide]

    np.testing.assert_array_equal(corner(100.0)[: high - 2], corner(470.0)[: high - 2])
    plain, warned = (
        Overlay(480, 480, []).draw(
            rgb, 30, 1.0, [made_up.row(30, box=(200.0, 200.0, 40.0, 40.0), quality=words)]
        )
        for words in ("", "small|blurred")
    )
    np.testing.assert_array_equal(plain[200:239, 200:241], warned[200:239, 200:241])
    assert (plain[241:] != warned[241:]).any()


def test_rows_without_motion_or_box_are_drawn_without() -> None:
    overlay = Overlay(320, 240, [])
    nan = float("nan")
    rows = [made_up.row(k, activity=(), box=(nan,) * 4) for k in range(30)]
    assert overlay.draw(np.zeros((240, 320, 3), np.uint8), 10, 10 / 30, rows).any()


def test_a_failure_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    source = write_indexed(tmp_path / "in.mp4", N)
    out = tmp_path / "out" / "annotated.mp4"
    with pytest.raises(SourceError):
        annotate_video(tmp_path / "none.mp4", [], [], out)
    assert not out.parent.exists()
    out.parent.mkdir()
    out.write_bytes(b"earlier")

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate_video(source, [], [], out, on_frame=stop)
    assert [path.name for path in out.parent.iterdir()] == ["annotated.mp4"]
    assert out.read_bytes() == b"earlier"


def test_a_camera_is_not_opened_again(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be read a second time"):
        annotate_video("camera:0", [], [], tmp_path / "out.mp4")


def test_an_unwritable_place(tmp_path: Path) -> None:
    source = write_indexed(tmp_path / "in.mp4", 3)
    with pytest.raises(OutputError, match=r"in\.mp4"):
        annotate_video(source, [], [], source / "out.mp4")
