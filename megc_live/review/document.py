"""A result folder under review: intervals, edits with undo, and every change on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megc_live.closing import Closing
from megc_live.errors import ReviewError
from megc_live.output.csv_sink import FRAMES, INTERVALS
from megc_live.output.reviewed import ReviewInterval, plain_text
from megc_live.output.session import SESSION, SessionInfo, json_values
from megc_live.output.tables import IntervalRecord, read_intervals
from megc_live.review.change import Who
from megc_live.review.edits import Edit, edit_values
from megc_live.review.exported import by_machine, check_original, export_note
from megc_live.review.footage import FaceRows, Footage, nearest
from megc_live.review.journal import Journal, JournalError, ReviewLock, header, rename_aside
from megc_live.review.names import JOURNAL, OTHERS, journal_of, shown_names
from megc_live.review.replay import replay
from megc_live.review.run_before import kept_of, run_before
from megc_live.review.video import VideoPlace, analysed, find_video, open_checked, place_of, settled
from megc_live.video.reader import CACHE_BYTES, FrameReader


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


class ReviewDocument(Closing):
    """The intervals of one result folder and what reviewers have done to them.

    Made by :meth:`open`. All methods are quick but :meth:`open` (it reads frames.csv), :meth:`reader`
    and :meth:`locate_video`; a change waits for the disk, a few milliseconds. For one thread at a time,
    except that what is handed out never changes and may be read anywhere.

    Attributes
    ----------
    folder : Path
    session : SessionInfo
        As the analysis wrote it.
    reviewer : str
        Who makes the changes.
    reviewers_before : tuple of str
        Who had made changes when it was opened.
    machine : tuple of IntervalRecord
        What the review began with, by onset: of an export that are a person's intervals, too.
    found : tuple of IntervalRecord
        Of these the ones that no person has made or changed.
    run_before : dict or None
        What is known of the analysis that found them, if the results are of a later one.
    intervals : tuple of ReviewInterval
        As they are now, by onset; rejected ones too.
    times_s : ndarray of float64, shape (n_frames,)
        Frame to seconds.
    n_frames : int
    frame_rate : float
        Frames per second as measured; NaN unknown.
    faces : tuple of int
        Face ids, in the rows and in the intervals.
    video : Path or None
        Where the frames come from; None: it was moved (:meth:`locate_video`), or nothing was recorded.
    fps : float or None
        What the frames' rate was set to; None: the video's own times are used.
    notes : tuple of str
        What the reviewer should know, ready to be shown.
    read_only : bool
        No change can be made.
    revision : int

    Examples
    --------
    >>> document = ReviewDocument.open(Path("result"), "A. Coder")  # doctest: +SKIP
    >>> document.apply(SetStatus(3, "accepted"))  # doctest: +SKIP
    >>> document.undo_text  # doctest: +SKIP
    'accept interval 3'
    """

    def __init__(
        self,
        folder: Path,
        reviewer: str,
        session: SessionInfo,
        footage: Footage,
        machine: Sequence[IntervalRecord],
        journal: Journal,
        lock: ReviewLock | None,
        now: Callable[[], str] = _now,
    ) -> None:
        self.folder = folder
        self.reviewer = reviewer
        self.session = session
        self.read_only = lock is None
        self._footage = footage
        self._now = now
        self._lock = lock
        self._journal = journal
        review = replay(journal, footage, machine)
        self.machine: tuple[IntervalRecord, ...] = review.machine
        self.reviewers_before = tuple(review.reviewers)
        self.found = by_machine(review.machine)
        self.run_before = run_before(review.run, review.other_intervals, session)
        self._history = review.history
        said = export_note(folder, session, begun=bool(review.reviewers))
        self._notes = [*filter(None, [said]), *review.notes]
        self._analysed = analysed(session, footage.times_s, self.present_frames)
        self._place: VideoPlace | None = None
        try:
            place = find_video(folder, session, review.located)
            self._place = settled(place, self._analysed) if place is not None else None
        except ReviewError as error:
            self._notes.append(str(error))

    @classmethod
    def open(
        cls,
        folder: Path,
        reviewer: str,
        *,
        read_only: bool = False,
        own: bool = False,
        aside: bool = False,
        now: Callable[[], str] = _now,
    ) -> ReviewDocument:
        """Open a result folder and do again what its review says.

        That is review.jsonl, which reviewers share, or what this reviewer has begun independently.

        Parameters
        ----------
        folder : Path
            With intervals.csv, frames.csv and session.json.
        reviewer : str
            Name or code of who reviews; stored with each change.
        read_only : bool
            To look at only: works while another window reviews it, and in folders that cannot be written to.
        own : bool
            Begin a review of one's own with the machine's intervals, as if nobody had reviewed them.
        aside : bool
            Set a review that cannot be gone on with aside and begin anew; one that can be stays.
        now : callable
            The time of a change, ISO 8601.

        Raises
        ------
        ReviewError
            Another window reviews this folder, or the name cannot be stored.
        ExportedError
            It is the export of a review of the results in the folder above; it can be looked at only.
        DatasetError
            A file is missing or damaged.
        JournalError
            The review is damaged or does not fit the other files: it may be set aside.
        OutputError
            The folder cannot be written to.
        """
        reviewer = plain_text(reviewer.strip(), "reviewer's name")
        if not reviewer and not read_only:
            raise ReviewError(
                "the reviewer has no name.", "Give a name or a code: it is kept with each change."
            )
        session = SessionInfo.read(folder / SESSION)
        if not read_only:
            check_original(folder, session)
        # The lock first: what another window is writing must not be read half.
        lock = None if read_only else ReviewLock(folder, reviewer)
        try:
            footage = Footage(folder / FRAMES, session.source.measured_fps)
            machine = read_intervals(folder / INTERVALS)

            def begin() -> ReviewDocument:
                journal = Journal(journal_of(folder, reviewer, own=own))
                return cls(folder, reviewer, session, footage, machine, journal, lock, now)

            try:
                return begin()
            except JournalError:
                if not aside or lock is None:
                    raise
                # Under the same lock: another window may have set it aside and begun since somebody asked.
                rename_aside(folder, reviewer)
                return begin()
        except BaseException:
            if lock is not None:
                lock.close()
            raise

    @property
    def intervals(self) -> tuple[ReviewInterval, ...]:
        """The intervals as they are now, by onset; rejected ones too."""
        return self._history.intervals

    @property
    def revision(self) -> int:
        """Grows with every change."""
        return self._history.revision

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Time of each frame in seconds, shape (n_frames,)."""
        return self._footage.times_s

    @property
    def n_frames(self) -> int:
        """Frame indices: the last one is ``n_frames - 1``."""
        return self._footage.n_frames

    @property
    def present_frames(self) -> NDArray[np.int64]:
        """The frames that there are, in order: all but those that a live source lost."""
        return np.flatnonzero(self._footage.present).astype(np.int64)

    @property
    def frame_rate(self) -> float:
        """Frames per second as measured; NaN unknown."""
        return self._footage.fps

    @property
    def faces(self) -> tuple[int, ...]:
        """Ids of the faces that were seen or have an interval."""
        return tuple(sorted({*self._footage.faces, *(item.record.face_id for item in self.intervals)}))

    @property
    def video(self) -> Path | None:
        """Where the frames come from; None if it was moved or nothing was recorded."""
        return self._place.path if self._place is not None else None

    @property
    def recorded(self) -> bool:
        """Whether the video is the recording of a live session: it need not hold all frames."""
        return self._place is not None and self._place.recorded is not None

    @property
    def video_begins_s(self) -> float:
        """Time of the video's first frame on the clock of the results, seconds."""
        recorded = self._place.recorded if self._place is not None else None
        there = [frame for frame in recorded or () if frame < self.n_frames]
        return float(self.times_s[min(there)]) if there else 0.0

    @property
    def fps(self) -> float | None:
        """Rate that replaces the video's own times, as it did in the analysis; None: its own times."""
        return self._place.fps if self._place is not None else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reviewer should know, ready to be shown."""
        return tuple(self._notes)

    @property
    def journal(self) -> Path:
        """Where the changes are written."""
        return self._journal.path

    @property
    def independent(self) -> bool:
        """Whether this is a review of the reviewer's own, which others do not go on with."""
        return self._journal.path.name != JOURNAL

    def others(self) -> dict[str, Path]:
        """Return the other reviews of these results: whose each is, to be shown, and the file."""
        own = self._journal.path.name
        return shown_names([path for path in sorted(self.folder.glob(OTHERS)) if path.name != own])

    def review_in(self, path: Path) -> tuple[ReviewInterval, ...]:
        """Return the intervals of another review of these results, one of :meth:`others`.

        Raises as :meth:`open` does.
        """
        return replay(Journal(path), self._footage, self.machine).history.intervals

    def rows(self, face_id: int) -> FaceRows:
        """Return what was measured of a face, one row a frame."""
        return self._footage.rows(face_id)

    def get(self, number: int) -> ReviewInterval:
        """Return an interval by its number; raises :class:`ReviewError`."""
        try:
            return self._history.by_id[number]
        except KeyError:
            raise ReviewError(f"there is no interval {number}.", "Choose one that is in the list.") from None

    def frame_at(self, t_s: float) -> int:
        """Return the frame nearest to a time in seconds."""
        return nearest(self.times_s, t_s)

    def missing(self, first: int, last: int) -> int:
        """Return how many frames of the source are missing from one frame to another, inclusive."""
        return self._footage.missing(first, last)

    def video_frame(self, frame: int) -> int | None:
        """Return the index in the video file of a frame of the source; None: it was not recorded."""
        return self._place.index_of(frame) if self._place is not None else None

    def reader(self, cache_bytes: int = CACHE_BYTES) -> FrameReader:
        """Open the video; the caller closes it. Slow with long videos.

        Its indices are those of the video file: :meth:`video_frame` says which. May be called in any thread.

        Parameters
        ----------
        cache_bytes : int
            Memory for recently decoded frames.

        Raises
        ------
        ReviewError
            The video is not where it was, or another one is there.
        SourceError
            It cannot be read.
        """
        place = self._place
        if place is None:
            raise ReviewError(
                f"the video {self.session.source.spec!r} is not where it was when it was analysed.",
                "Show where it is now.",
            )
        return open_checked(place, self._analysed, cache_bytes)

    def locate_video(self, path: Path) -> None:
        """Say where the video is now; remembered with the review.

        Raises
        ------
        SourceError
            It cannot be read.
        ReviewError
            It is of another recording than what was analysed.
        OutputError
            That cannot be remembered; it is used all the same.
        """
        self._place = place_of(path, self.session, self.folder, self._analysed)
        if not self.read_only:
            self._write({"do": "video", "path": str(path.resolve())})

    def apply(self, edit: Edit) -> None:
        """Make a change; when this returns it is on the disk. One that changes nothing is no change.

        Raises
        ------
        ReviewError
            The change cannot be made; nothing was changed.
        OutputError
            It could not be written down; nothing was changed.
        """
        at = self._now()
        step = self._history.step(edit, Who(self.reviewer, at))
        if not step.after:
            return
        self._write({"do": "edit", "at": at, "reviewer": self.reviewer, **edit_values(edit)})
        self._history.do(step)

    def undo(self) -> None:
        """Take back the last change; raises as :meth:`apply` does, and if there is none."""
        if not self._history.undo_text:
            raise ReviewError("there is nothing to undo.")
        self._write({"do": "undo", "at": self._now(), "reviewer": self.reviewer})
        self._history.undo()

    def redo(self) -> None:
        """Make again what was taken back; raises as :meth:`apply` does, and if there is nothing."""
        if not self._history.redo_text:
            raise ReviewError("there is nothing to redo.")
        self._write({"do": "redo", "at": self._now(), "reviewer": self.reviewer})
        self._history.redo()

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._history.undo_text) and not self.read_only

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._history.redo_text) and not self.read_only

    @property
    def undo_text(self) -> str:
        """What :meth:`undo` would take back, in a few words; empty if nothing."""
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        """What :meth:`redo` would make again, in a few words; empty if nothing."""
        return self._history.redo_text

    def close(self) -> None:
        """Let others review the folder. Twice is fine."""
        if self._lock is not None:
            self._lock.close()
        self.read_only = True

    def _write(self, line: dict[str, Any]) -> None:
        if self.read_only:
            raise ReviewError("this review is open to look at only.", "Open it again to change it.")
        lines = [line]
        if not self._journal.lines:
            began = [dict(json_values(asdict(record))) for record in self.machine]
            lines.insert(0, header(began, kept_of(self.session, self.n_frames)))
        self._journal.append(*lines)
