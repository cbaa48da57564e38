"""What is read beside the window's thread when a folder of results is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from megc_live.errors import OutputError
from megc_live.gui.review.courses import Courses
from megc_live.gui.review.frames import CACHE_BYTES, FrameLoader, FrameMap
from megc_live.gui.review.worker import Answer, Ticket
from megc_live.review import ReviewDocument
from megc_live.review.video import was_recorded


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
        document = self.document
        if document.video is None:
            return None
        return FrameLoader(lambda: document.reader(CACHE_BYTES), self.in_file)


def open_results(
    folder: Path, reviewer: str, *, read_only: bool = False, own: bool = False, aside: bool = False
) -> Opened:
    """Open a folder of results; raises as :meth:`ReviewDocument.open` does.

    ``aside``: a review that cannot be gone on with is set aside.
    """
    document = ReviewDocument.open(folder, reviewer, read_only=read_only, own=own, aside=aside)
    try:
        times_s, present = document.times_s, document.present_frames
        faces = document.faces or (0,)
        return with_video(
            document, {face: Courses.of(times_s, document.rows(face), present) for face in faces}
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


def no_video(document: ReviewDocument) -> str:
    """Return one line that says why there are no pictures."""
    source = document.session.source
    if source.kind in ("file", "folder"):
        return f"The video is not where it was: {source.spec}"
    if was_recorded(document.session):
        name = source.extras["recording"].get("file") or "its name is not known"
        return f"The recording is not beside the results: {name}"
    return "This session was not recorded: there are no pictures to show."


def had_video(document: ReviewDocument) -> bool:
    """Whether there was a video that somebody can show the place of."""
    return document.session.source.kind in ("file", "folder") or was_recorded(document.session)


def same_folder(one: Path, other: Path) -> bool:
    """Whether two paths mean the same folder."""
    try:
        return one.resolve() == other.resolve()
    except OSError:
        return one == other


def give_up(answer: Answer) -> None:
    """Close a document that was opened and is not wanted any more."""
    if isinstance(answer.key, tuple) and answer.key[0] == "open" and isinstance(answer.value, Opened):
        answer.value.document.close()


def locator(opened: Opened, path: Path) -> Callable[[Ticket], tuple[Opened, str]]:
    """Return the work that takes a video for that of a document, for the thread that reads.

    Beside what is to be shown it returns what should be told; empty: nothing.
    """

    def work(ticket: Ticket) -> tuple[Opened, str]:
        note = ""
        try:
            opened.document.locate_video(path)
        except OutputError as error:  # it is used all the same
            note = f"The video is shown, but where it is cannot be remembered: {error}"
        return with_video(opened.document, opened.courses), note

    return work
