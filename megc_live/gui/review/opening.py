"""What is read beside the window's thread when a folder of results is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from megc_live.gui.review.courses import Courses
from megc_live.gui.review.frames import FrameLoader, FrameMap
from megc_live.review import ReviewDocument


@dataclass(frozen=True)
class Opened:
    """A document with what its timeline and player need, so that showing it waits for nothing.

    Attributes
    ----------
    document : ReviewDocument
    courses : dict of int to Courses
        By face id.
    in_file : FrameMap
        Frames of the video file.
    """

    document: ReviewDocument
    courses: dict[int, Courses]
    in_file: FrameMap

    def loader(self) -> FrameLoader | None:
        """Return what decodes the video, or None if it is not there."""
        video = self.document.video
        return None if video is None else FrameLoader(video, self.document.fps, self.in_file)


def open_results(folder: Path, reviewer: str, *, read_only: bool = False) -> Opened:
    """Open a folder of results; raises as :meth:`ReviewDocument.open` does."""
    document = ReviewDocument.open(folder, reviewer, read_only=read_only)
    try:
        times_s = document.times_s
        return with_video(
            document, {face: Courses.of(times_s, document.rows(face)) for face in document.faces or (0,)}
        )
    except BaseException:
        document.close()
        raise


def with_video(document: ReviewDocument, courses: dict[int, Courses]) -> Opened:
    """Return what is needed to show a document whose video is known (again)."""
    in_file = FrameMap()
    if document.video is not None:
        in_file = FrameMap.of([document.video_frame(frame) for frame in range(document.n_frames)])
    return Opened(document, courses, in_file)
