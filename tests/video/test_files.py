"""Video files of every kind, whole and damaged."""

from __future__ import annotations

import os
import struct
import threading
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from megc_live.errors import SourceError
from megc_live.video import FrameReader, open_source
from megc_live.video.sources import StreamSource
from tests.indexed import backdrop, read_index, stamp, write_indexed
from tests.video.fakes import MJPEG, mjpeg, serve

N = 40
KINDS = {
    "h264.mp4": {},
    "h264.mkv": {},
    "open-gop.mp4": {"options": {"x264-params": "open-gop=1"}},
    "intra-refresh.mp4": {"options": {"x264-params": "intra-refresh=1"}},
    "mpeg4.mov": {"codec": "mpeg4"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mjpeg.avi": {},
    "mpeg1.mpg": {},
    "transport.ts": {},
    "vp8-hidden.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "10"}},
    "vp9.webm": {"options": {"deadline": "realtime", "cpu-used": "8"}},
    "moving.gif": {"fps": 12.5},
    "raw.h264": {},
    "ten-bit.mp4": {"pix_fmt": "yuv420p10le"},
    "grey.mkv": {"codec": "ffv1", "pix_fmt": "gray"},
    "odd.mkv": {"codec": "ffv1", "pix_fmt": "bgr0", "size": (161, 121)},
}
LAYOUTS = {"grey.mkv": "grey", "odd.mkv": "rgb"}


@pytest.mark.parametrize("name", list(KINDS))
def test_source_and_reader_agree_on_every_index_and_time(tmp_path: Path, name: str) -> None:
    path = write_indexed(tmp_path / name, N, **KINDS[name])
    with open_source(path) as source:
        frames = list(source)
        fps = source.info.fps
    assert [f.index for f in frames] == [read_index(f.image.grey) for f in frames] == list(range(N))
    assert [f.pts_s for f in frames] == pytest.approx([k / fps for k in range(N)], abs=2e-3)
    assert {f.image.layout for f in frames} == {LAYOUTS.get(name, "i420")}
    order = [*np.random.default_rng(0).permutation(N).tolist(), N - 1, N - 2, N - 3, 0]
    with FrameReader(path, cache_bytes=1) as reader:
        assert reader.n_frames == N
        for k in order:
            again = reader.frame(k)
            assert (again.index, again.pts_s) == (k, frames[k].pts_s)
            assert reader.pts_s(k) == frames[k].pts_s
            np.testing.assert_array_equal(again.image.data, frames[k].image.data)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_keeps_the_container_s_times(tmp_path: Path, name: str) -> None:
    times = np.cumsum(np.random.default_rng(3).uniform(0.008, 0.09, N)).tolist()
    path = write_indexed(tmp_path / name, N, pts=times)
    with open_source(path) as source:
        found = [(f.index, read_index(f.image.grey), f.pts_s) for f in source]
        assert source.timestamps_repaired == 0
    assert [f[:2] for f in found] == [(k, k) for k in range(N)]
    assert [f[2] for f in found] == pytest.approx([t - times[0] for t in times], abs=1.1e-3)
    with FrameReader(path) as reader:
        assert [reader.pts_s(k) for k in range(N)] == [f[2] for f in found]
        assert reader.nearest(times[17] - times[0] + 0.001) == 17


@pytest.mark.parametrize(("name", "stated"), [("a.mkv", 200), ("a.webm", 500)])
def test_a_rate_that_the_packets_contradict_is_not_believed(tmp_path: Path, name: str, stated: int) -> None:
    path = write_indexed(tmp_path / name, N, fps=stated, pts=[k / 25 for k in range(N)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == stated
    with open_source(path) as source:
        assert source.info.fps == pytest.approx(25)
        assert [(f.index, read_index(f.image.grey)) for f in source] == [(k, k) for k in range(N)]


def test_a_rate_within_a_factor_of_two_is_the_stated_one_and_none_exceeds_1000(tmp_path: Path) -> None:
    bunched = [k / 25 if k < 30 else 30 / 25 + (k - 30) / 10 for k in range(N)]
    with open_source(write_indexed(tmp_path / "a.mp4", N, pts=bunched)) as source:
        assert 17 < source.info.fps < 24
    with open_source(write_indexed(tmp_path / "b.mkv", N, pts=[k / 1000 for k in range(N)])) as source:
        assert source.info.fps == pytest.approx(1000)
    with open_source(write_indexed(tmp_path / "c.mp4", N, pts=[k / 8000 for k in range(N)])) as source:
        assert source.info.fps == 1000


@pytest.mark.parametrize(
    "name", ["mpeg4.avi", "h264.mp4", "h264.mkv", "transport.ts", "raw.h264", "moving.gif"]
)
def test_a_rate_that_is_asked_for_replaces_the_times_of_the_file(tmp_path: Path, name: str) -> None:
    path = write_indexed(tmp_path / name, N, **KINDS[name])
    with open_source(path, fps=200) as source:
        frames = list(source)
        assert source.info.fps == 200 and source.timestamps_repaired == 0
        own_times = name != "raw.h264"
        assert [*source.notes] == [
            "times are frame number / 200 as asked with --fps; the file's own times were replaced"
        ] * own_times
    assert [(f.index, read_index(f.image.grey), f.pts_s) for f in frames] == [
        (k, k, k / 200) for k in range(N)
    ]
    with FrameReader(path, fps=200) as reader:
        assert [reader.pts_s(k) for k in range(N)] == [f.pts_s for f in frames]
        assert reader.nearest(0.1) == 20
        again = reader.frame(17)
        assert (again.pts_s, read_index(again.image.grey)) == (17 / 200, 17)


def test_a_gap_stays_a_gap_when_the_times_are_replaced(tmp_path: Path) -> None:
    path = write_indexed(tmp_path / "bad.mp4", N, b_frames=0)
    with av.open(str(path)) as container:
        broken = [p.pos for p in container.demux(video=0) if p.size][20:24]
    data = bytearray(path.read_bytes())
    for at in broken:
        data[at : at + 12] = b"\xff" * 12
    path.write_bytes(data)
    with open_source(path, fps=200) as source:
        frames = list(source)
        assert source.dropped >= 1
    assert [f.pts_s for f in frames] == [f.index / 200 for f in frames]
    assert [read_index(f.image.grey) for f in frames if f.index >= 24] == [
        f.index for f in frames if f.index >= 24
    ]
    with FrameReader(path, fps=200) as reader:
        assert [reader.pts_s(f.index) for f in frames] == [f.pts_s for f in frames]


MATRICES = {  # a, b, c, d of the display matrix, and what a player makes of the picture
    "right": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "half": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "left": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upright": ((1, 0, 0, 1), lambda p: p),
}


@pytest.mark.parametrize("turn", list(MATRICES))
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_rotation_of_the_container_is_applied(tmp_path: Path, turn: str, pix_fmt: str) -> None:
    numbers, expected = MATRICES[turn]
    path = write_indexed(tmp_path / "phone.mp4", 6, pix_fmt=pix_fmt)
    with open_source(path) as source:
        stored = [f.image.rgb() for f in source]
    set_display_matrix(path, numbers)
    with open_source(path) as source:
        shown = [f.image.rgb() for f in source]
        assert shown[0].shape == (source.info.height, source.info.width, 3)
    for a, b in zip(stored, shown, strict=True):
        difference = np.abs(expected(a).astype(int) - b.astype(int))
        assert difference.mean() < 1  # chroma is interpolated along the other axis
    with FrameReader(path) as reader:
        np.testing.assert_array_equal(reader.frame(4).image.rgb(), shown[4])


def set_display_matrix(path: Path, numbers: tuple[int, ...]) -> None:
    """Rewrite the matrix in the track header (ISO/IEC 14496-12, 8.3.2, version 0)."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (n << 16 for n in numbers)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_an_edit_list_s_discarded_frames_are_no_frames(tmp_path: Path) -> None:
    path = write_indexed(tmp_path / "cut.mp4", N, gop=10)
    with av.open(str(path)) as whole, av.open(str(tmp_path / "part.mp4"), "w") as part:
        stream = whole.streams.video[0]
        copy = part.add_stream_from_template(stream)
        shift = None
        for packet in whole.demux(stream):
            if packet.size == 0 or packet.pts < 10 * 512:
                continue
            shift = packet.pts + 3 * 512 if shift is None else shift  # three frames lie before zero
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
            part.mux(packet)
    with open_source(tmp_path / "part.mp4") as source:
        frames = list(source)
    codes = [read_index(f.image.grey) for f in frames]
    assert codes == list(range(codes[0], N)) and frames[0].pts_s == 0
    with FrameReader(tmp_path / "part.mp4") as reader:
        assert [read_index(reader.frame(k).image.grey) for k in (5, 0, 20)] == [codes[k] for k in (5, 0, 20)]


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mpg", "cut.avi", "cut.ts", "cut.webm", "cut.gif"])
def test_a_truncated_file_yields_the_frames_that_decode(tmp_path: Path, name: str) -> None:
    path = write_indexed(tmp_path / name, N)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with open_source(path) as source:
        frames = list(source)
    whole = frames[:-3]  # the last one may be cut in half, and the B-frames before it refer to it
    assert 10 < len(frames) < N
    assert [read_index(f.image.grey) for f in whole] == [f.index for f in whole]
    with FrameReader(path) as reader:
        assert reader.frame(7).pts_s == frames[7].pts_s


def test_damage_in_the_middle_is_skipped_counted_and_leaves_a_gap(tmp_path: Path) -> None:
    path = write_indexed(tmp_path / "bad.mp4", N, b_frames=0)
    with av.open(str(path)) as container:
        broken = [p.pos for p in container.demux(video=0) if p.size][20:24]
    data = bytearray(path.read_bytes())
    for at in broken:
        data[at : at + 12] = b"\xff" * 12  # not even the length of the first unit is left
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
        assert source.decode_errors >= 1
        assert source.dropped == N - len(frames) >= 1
    assert [f.index for f in frames[:20]] == list(range(20))
    after_next_key = [f for f in frames if f.index >= 24]
    assert [read_index(f.image.grey) for f in after_next_key] == [f.index for f in after_next_key]
    assert [f.pts_s for f in frames] == pytest.approx([f.index * 0.04 for f in frames])
    with FrameReader(path) as reader:
        assert reader.n_frames == N
        missing = set(range(N)) - {f.index for f in frames}
        with pytest.raises(SourceError, match="cannot be decoded"):
            reader.frame(min(missing))
        assert read_index(reader.frame(30).image.grey) == 30


def test_a_file_in_which_nothing_decodes_is_an_error(tmp_path: Path) -> None:
    path = write_indexed(tmp_path / "noise.mp4", 10)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for at, size in packets:
        data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    with pytest.raises(SourceError, match="not one of its frames can be decoded"):
        open_source(path)


@pytest.mark.parametrize("pix_fmt", ["gray", "bgr0", "yuv420p"])
def test_one_pixel_is_a_video_too(tmp_path: Path, pix_fmt: str) -> None:
    path = write_indexed(tmp_path / "a.mkv", 3, size=(1, 1), codec="ffv1", pix_fmt=pix_fmt, stamped=False)
    with open_source(path) as source:
        assert [f.image.grey.shape for f in source] == [(1, 1)] * 3


def test_a_change_of_size_is_scaled_to_the_first_size(tmp_path: Path) -> None:
    body = mjpeg(4) + mjpeg(4, (320, 240))
    with serve(body, MJPEG, announce=False) as url, StreamSource(url) as source:
        frames = list(source)
        assert source.rescaled == 4
    assert [f.image.grey.shape for f in frames] == [(120, 160)] * 8
    assert [read_index(f.image.grey) for f in frames] == [0, 1, 2, 3] * 2


def test_a_silent_stream_ends_with_an_error_not_a_hang() -> None:
    hold = threading.Event()
    with serve(mjpeg(8), MJPEG, announce=False, hold=hold) as url:
        source = StreamSource(url, read_timeout_s=0.3)
        with pytest.raises(SourceError, match=r"was lost after [78] frames"):
            list(source)
        source.close()


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(SourceError) as error:
        open_source("http://user:secret@127.0.0.1:9/live")
    assert "secret" not in str(error.value) and "127.0.0.1" in str(error.value)


def test_wrong_inputs_are_told_apart(tmp_path: Path) -> None:
    picture = tmp_path / "face.jpg"
    picture.write_bytes(cv2.imencode(".jpg", backdrop(64, 64)(0))[1].tobytes())
    text = tmp_path / "notes.mp4"
    text.write_text("not a video\n" * 100)
    sound = tmp_path / "sound.wav"
    write_sound(sound)
    (tmp_path / "clips").mkdir()
    write_indexed(tmp_path / "clips" / "a.mp4", 2)
    expected = {
        picture: "is one picture, not a video",
        text: "is not a video that can be read",
        sound: "only sound",
        tmp_path / "missing.mp4": "there is no file",
        tmp_path / "clips": "holds no images",
    }
    for path, message in expected.items():
        with pytest.raises(SourceError, match=message) as error:
            open_source(path, fps=25)
        assert error.value.do and "\n" not in str(error.value)
    for spec in ("camera:first", "ftp://host/a.mp4", ""):
        with pytest.raises(SourceError):
            open_source(spec)
    with pytest.raises(SourceError, match="not a frame rate"):
        open_source(picture, fps=0)


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows may read every file")
def test_no_permission(tmp_path: Path) -> None:
    path = write_indexed(tmp_path / "a.mp4", 2)
    path.chmod(0)
    with pytest.raises(SourceError, match="no permission"):
        open_source(path)


def test_stamp_survives_scaling_and_refuses_other_pictures() -> None:
    picture = backdrop(320, 240)(0)
    for index in (0, 1, 777, 2**16 - 1):
        small = cv2.resize(stamp(picture, index), (150, 113), interpolation=cv2.INTER_AREA)
        assert read_index(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)) == index
    assert all(a != b for a, b in pairwise([stamp(picture, k).tobytes() for k in range(4)]))
    with pytest.raises(ValueError, match="strip"):
        read_index(np.full((240, 320), 128, np.uint8))
