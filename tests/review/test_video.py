"""The video of a result is the one that was analysed, wherever it lies and whatever a crash has left."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from megc_live.errors import ReviewError, SourceError
from megc_live.output.session import SessionInfo
from megc_live.review.video import Analysed, VideoPlace, find_video, open_checked, place_of, settled
from megc_live.video.base import SourceInfo
from megc_live.video.reader import FrameReader
from tests.indexed import read_index, write_indexed
from tests.output import made_up

N, FPS, SIZE = 60, 25.0, (160, 120)
ALL = np.arange(N)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_indexed(tmp_path_factory.mktemp("clip") / "face.mp4", N, FPS, SIZE)


def known(times_s: np.ndarray | None = None, n: int = N) -> Analysed:
    times = np.arange(n) / FPS if times_s is None else times_s
    return Analysed(SIZE, times, np.arange(len(times)), whole=True)


def copied(clip: Path, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(clip.read_bytes())
    return to


def of_a_file(spec: Path, **run: str) -> SessionInfo:
    session = made_up.session(N, str(spec))
    session.source.width, session.source.height = SIZE
    session.run = dict(run)
    return session


def of_a_camera(recording: object) -> SessionInfo:
    session = of_a_file(Path("camera:0"))
    session.source.kind = "camera"
    session.source.extras["recording"] = recording
    return session


def recorded(folder: Path, table: str, clip: Path) -> SessionInfo:
    copied(clip, folder / "recording.mp4")
    (folder / "recording.csv").write_bytes(table.encode())
    return of_a_camera({"file": "recording.mp4", "frames": "recording.csv"})


def rows(n: int, begins: int = 100) -> str:
    lines = [f"{k},{begins + k},{(begins + k) / FPS:.6f}\n" for k in range(n)]
    return "recording_frame,frame,timestamp\n" + "".join(lines)


# the table of a recording


@pytest.mark.parametrize("torn", ["59,15", "59,159,6.3", "59", "5", "59,159,6.36\0\0\0", "\0" * 4096])
def test_a_line_that_a_crash_left_half_written_is_left_out(tmp_path: Path, clip: Path, torn: str) -> None:
    place = find_video(tmp_path, recorded(tmp_path, rows(59) + torn, clip))
    assert place is not None and place.recorded == {100 + k: k for k in range(59)}
    what = Analysed(SIZE, np.arange(200) / FPS, np.arange(200), whole=False)
    with open_checked(place, what) as reader:
        assert read_index(reader.frame(58).image.grey) == 58


@pytest.mark.parametrize("damaged", ["3", "3,", "x,103,4.12"])
def test_a_line_before_the_last_that_is_damaged_is_refused(tmp_path: Path, clip: Path, damaged: str) -> None:
    table = rows(20).replace("3,103,4.120000", damaged)
    assert table != rows(20)
    with pytest.raises(ReviewError, match=r"recording\.csv.*which frame"):
        find_video(tmp_path, recorded(tmp_path, table, clip))


@pytest.mark.parametrize("table", ["", "recording_frame,fra", "nonsense\n1\n", "\0" * 512])
def test_a_table_without_its_head_is_refused(tmp_path: Path, clip: Path, table: str) -> None:
    with pytest.raises(ReviewError, match=r"recording\.csv.*which frame"):
        find_video(tmp_path, recorded(tmp_path, table, clip))


@pytest.mark.parametrize("entry", [{}, {"file": "", "frames": ""}, {"file": None, "frames": "recording.csv"}])
@pytest.mark.parametrize("located", ["", "away/recording.mp4"])
def test_a_record_that_names_no_recording_is_none(
    tmp_path: Path, clip: Path, entry: dict[str, object], located: str
) -> None:
    folder = tmp_path / "result"
    folder.mkdir()
    assert find_video(folder, of_a_camera(entry), str(tmp_path / "gone.mp4")) is None
    if located:
        away = copied(clip, tmp_path / located)
        away.with_suffix(".csv").write_text(rows(N))
        place = find_video(folder, of_a_camera(entry), str(away))
        assert place is not None and place.path == away and place.index_of(100) == 0
    else:
        assert find_video(folder, of_a_camera(entry)) is None


def test_a_recording_without_the_name_of_its_table_needs_one(tmp_path: Path, clip: Path) -> None:
    copied(clip, tmp_path / "recording.mp4")
    for entry in ({"file": "recording.mp4"}, {"file": "recording.mp4", "frames": ""}):
        with pytest.raises(ReviewError, match=r"recording\.csv"):
            find_video(tmp_path, of_a_camera(entry))


def test_names_of_a_changed_record_stay_beside_the_results(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "a" / "result"
    folder.mkdir(parents=True)
    for name in ("..", "../..", "/"):
        assert find_video(folder, of_a_camera({"file": name, "frames": name})) is None


def test_a_source_without_a_name_is_not_the_working_folder(tmp_path: Path) -> None:
    assert find_video(tmp_path, of_a_file(Path())) is None


def test_results_named_as_their_folder_of_images_are_not_the_images(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    session = of_a_file(Path("/gone/images"))
    session.source.kind = "folder"
    assert find_video(folder, session) is None


# which of several


def test_the_right_video_beside_the_results_is_found_behind_a_wrong_one(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "result"
    wrong = tmp_path / "videos" / "face.mp4"
    wrong.parent.mkdir()
    write_indexed(wrong, N // 2, FPS, SIZE)
    right = copied(clip, folder / "face.mp4")
    place = find_video(folder, of_a_file(wrong, source=str(wrong)))
    assert place is not None and place.path == wrong
    found = settled(place, known())
    with open_checked(found, known()) as reader:
        assert found.path == right and reader.n_frames == N
        assert read_index(reader.frame(41).image.grey) == 41


def test_a_file_that_is_no_video_hides_nothing_either(tmp_path: Path, clip: Path) -> None:
    wrong = tmp_path / "face.mp4"
    wrong.write_bytes(b"not a video" * 100)
    right = copied(clip, tmp_path / "result" / "face.mp4")
    place = find_video(tmp_path / "result", of_a_file(wrong))
    assert place is not None
    assert settled(place, known()).path == right
    right.unlink()
    with pytest.raises(SourceError, match=r"face\.mp4"):
        open_checked(settled(place, known()), known())


def test_where_none_fits_the_first_says_why(tmp_path: Path) -> None:
    first = tmp_path / "face.mp4"
    write_indexed(first, 30, FPS, SIZE)
    (tmp_path / "result").mkdir()
    write_indexed(tmp_path / "result" / "face.mp4", 20, FPS, SIZE)
    place = find_video(tmp_path / "result", of_a_file(first))
    assert place is not None and len(place.others) == 1
    with pytest.raises(ReviewError, match="30 frames"):
        open_checked(settled(place, known()), known())


def test_of_a_file_that_was_replayed_all_frames_are_there_also_if_it_was_recorded(
    tmp_path: Path, clip: Path
) -> None:
    folder = tmp_path / "result"
    session = recorded(folder, rows(N), clip)
    video = copied(clip, tmp_path / "videos" / "face.mp4")
    session.source.kind, session.source.spec = "file", str(video)
    place = find_video(folder, session)
    assert place is not None and (place.path, place.recorded) == (video, None)
    assert settled(place, known()).path == video
    write_indexed(video, N // 2, FPS, SIZE)  # another one is there now: the recording shows what it holds
    there = settled(place, known(n=200))
    assert there.path == folder / "recording.mp4" and there.index_of(100) == 0
    video.unlink()
    there = find_video(folder, session)
    assert there is not None and there.path == folder / "recording.mp4"


def test_an_export_finds_the_recording_in_the_folder_of_the_results(tmp_path: Path, clip: Path) -> None:
    session = recorded(tmp_path / "result", rows(N), clip)
    exported = tmp_path / "result" / "reviewed-A"
    exported.mkdir()
    place = find_video(exported, session)
    assert place is not None and place.path == tmp_path / "result" / "recording.mp4"
    assert place.index_of(100) == 0


def test_a_replayed_file_that_was_moved_is_not_taken_for_its_recording(tmp_path: Path, clip: Path) -> None:
    session = recorded(tmp_path / "result", rows(40, begins=10), clip)
    (tmp_path / "result" / "recording.mp4").unlink()
    session.source.kind, session.source.spec = "file", "/nowhere/face.mp4"
    place = place_of(clip, session, tmp_path / "result", known())
    assert place.recorded is None and place.index_of(10) == 10


@pytest.mark.parametrize("n", [10, 300])
def test_a_video_of_another_length_is_no_recording(tmp_path: Path, clip: Path, n: int) -> None:
    session = recorded(tmp_path / "result", rows(150), clip)
    other = write_indexed(tmp_path / "other.mp4", n, FPS, SIZE)
    what = Analysed(SIZE, np.arange(300) / FPS, np.arange(300), whole=True)
    with pytest.raises(ReviewError, match=f"it has {n} frames, the recording of the session had 150"):
        place_of(other, session, tmp_path / "result", what)


def test_a_recording_with_a_table_of_its_own_is_not_taken_for_another(tmp_path: Path, clip: Path) -> None:
    folder, archive = tmp_path / "result", tmp_path / "archive"
    session = recorded(folder, rows(N), clip)
    moved = copied(clip, archive / "recording.mp4")
    both = find_video(folder, session, str(moved))
    assert both is not None and both.path == moved
    assert [place.path for place in both.others] == [folder / "recording.mp4"]
    (folder / "recording.csv").rename(archive / "recording.csv")
    alone = find_video(folder, session, str(moved))
    assert alone is not None and alone.path == moved


def test_a_named_video_is_checked(tmp_path: Path, clip: Path) -> None:
    assert place_of(clip, of_a_file(clip), tmp_path, known()).path == clip
    with pytest.raises(ReviewError, match="60 frames"):
        place_of(clip, of_a_file(clip), tmp_path, known(n=90))


# times


def check(clip: Path, times_s: np.ndarray) -> None:
    place = VideoPlace(clip)
    with FrameReader(clip) as reader:
        known(times_s).check(place, reader)


@pytest.mark.parametrize("frame", [0, 1, 30, N - 1])
@pytest.mark.parametrize("odd_s", [np.nan, 0.7, 400.0])
def test_one_odd_time_is_not_another_recording(clip: Path, frame: int, odd_s: float) -> None:
    times = ALL / FPS
    times[frame] = odd_s
    check(clip, times)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(ALL / 30.0, id="another rate"),
        pytest.param(np.where(ALL < 50, ALL, ALL + 1) / FPS, id="a frame lost near the end"),
        pytest.param(np.where(ALL < N - 3, ALL, ALL + 5) / FPS, id="another end"),
        pytest.param(np.where(ALL < 3, ALL - 4, ALL) / FPS, id="another beginning"),
        pytest.param(ALL / FPS + 0.1, id="later"),
    ],
)
def test_other_times_are_another_recording(clip: Path, times: np.ndarray) -> None:
    with pytest.raises(ReviewError, match="another recording: its frame"):
        check(clip, times)


def test_a_recording_with_an_odd_first_time_is_still_the_one(tmp_path: Path, clip: Path) -> None:
    place = find_video(tmp_path, recorded(tmp_path, rows(N), clip))
    assert place is not None
    times = np.arange(200) / FPS
    times[100] = 0.5
    what = Analysed(SIZE, times, np.arange(200), whole=True)
    with FrameReader(clip) as reader:
        what.check(place, reader)
    slow = Analysed(SIZE, np.arange(200) / 20.0, np.arange(200), whole=True)
    with FrameReader(clip) as reader, pytest.raises(ReviewError, match="another recording"):
        slow.check(place, reader)


@dataclass
class LongReader:
    """A reader that counts how often it is asked for a time."""

    info: SourceInfo
    times: np.ndarray
    asked: list[int] = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        return len(self.times)

    def pts_s(self, index: int) -> float:
        self.asked.append(index)
        return float(self.times[index])


@pytest.mark.parametrize("live", [False, True])
def test_of_a_long_video_some_thousand_frames_are_compared(clip: Path, live: bool) -> None:
    n = 200_000
    times = np.arange(n) / 200
    with FrameReader(clip) as reader:
        info = reader.info
    place = VideoPlace(clip, None, {k + 7: k for k in range(n - 7)} if live else None)
    here = Analysed(SIZE, times, np.arange(n), whole=True)
    long = LongReader(info, times[: n - 7] if live else times)
    here.check(place, long)  # type: ignore[arg-type]
    assert 1000 < len(long.asked) < 3000
    assert min(long.asked) == 0 and max(long.asked) == long.n_frames - 1
    assert max(np.diff(sorted(long.asked))) < 300, "spread over all of it"
    late = LongReader(info, np.where(np.arange(long.n_frames) < 0.9 * n, long.times, long.times + 0.05))
    with pytest.raises(ReviewError, match="another recording: its frame"):
        here.check(place, late)  # type: ignore[arg-type]
