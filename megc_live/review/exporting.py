"""A review written out: csv, json, ELAN, BIDS and the report, through the sinks of every analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path

from megc_live.errors import MegcError
from megc_live.output import SINKS, SessionInfo, read_frames
from megc_live.output.csv_sink import FRAMES
from megc_live.output.files import PendingFile, publish_all
from megc_live.output.html_sink import MAX_PICTURED
from megc_live.output.recording import EXPORTED_BY
from megc_live.output.registry import Sink
from megc_live.output.reviewed import ReviewInterval, Seen, reviewed_table
from megc_live.output.session import SESSION, to_json
from megc_live.review.document import ReviewDocument
from megc_live.review.earlier import check_folder, files_of
from megc_live.review.exported import REVIEW
from megc_live.review.look import LookStopped, Stopped
from megc_live.review.pictures import interval_pictures
from megc_live.review.run_before import put_into
from megc_live.review.video import was_recorded
from megc_live.video.reader import FrameReader

Progress = Callable[[int, int], None]
_WITH_ROWS = ("csv", "html")
_REPORT_EVERY = 2000


def export(
    document: ReviewDocument,
    folder: Path,
    formats: Sequence[str],
    *,
    pictures: bool = True,
    replacing: Sequence[Path] | None = None,
    progress: Progress | None = None,
    stopped: Stopped | None = None,
) -> list[Path]:
    """Write a review into a folder of its own; slow where there are pictures or many frames.

    ``csv`` writes intervals.csv (those not rejected), review.csv (all), frames.csv and session.json: a
    result folder like any other. The others hold all intervals, each with its status. Every file can be
    read again by :func:`megc_live.review.importing.import_intervals`, intervals.csv without what it leaves
    out.

    Parameters
    ----------
    document : ReviewDocument
        What is changed meanwhile is not in the files.
    folder : Path
        Made if need be; an earlier export of one's own in it is replaced, that of another person or the
        result of an analysis never.
    formats : sequence of str
        Names in the SINKS registry.
    pictures : bool
        Put faces and flow pictures into the report; left out, with a word on why, where there is no video.
    replacing : sequence of Path, optional
        Files, relative to ``folder``, that may be replaced (:func:`replaced_by`, as somebody has agreed to):
        if another one is there when all is ready to be named, nothing is written. Default: all may be.
    progress : callable, optional
        Called with steps done and of how many, now and then.
    stopped : callable, optional
        Asked now and then; once true, nothing is written and :class:`~megc_live.review.look.LookStopped`
        raised.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        The folder holds results of an analysis or another person's export, a file there is not to be
        replaced, or it cannot be written to; then all is there as it was.
    SettingsError
        There is no such format.
    """
    check_folder(document, folder)
    names = list(dict.fromkeys(formats))
    items = document.intervals
    session = _session_of(document, items)
    entries = [SINKS[name] for name in names]
    steps = _Steps(document, names, items, progress or (lambda done, total: None), stopped)
    sinks: list[Sink] = []
    own: list[PendingFile] = []
    try:
        for entry in entries:
            sinks.append(entry.make(folder, session))
        if any(name in _WITH_ROWS for name in names):
            readers = [sink for name, sink in zip(names, sinks, strict=True) if name in _WITH_ROWS]
            for row in read_frames(document.folder / FRAMES):
                steps.row()
                for sink in readers:
                    sink.on_row(row)
        for item, seen in _with_pictures(document, items, pictures and "html" in names, steps):
            for sink in sinks:
                sink.on_interval(item, seen)
        if "csv" in names:
            for name, text in ((REVIEW, reviewed_table(items)), (SESSION, to_json(session.as_dict()))):
                own.append(PendingFile(folder / name))
                own[-1].write(text)
                own[-1].finish()
        ready = [*(file for sink in sinks for file in sink.prepare()), *own]
        check_folder(document, folder)  # that takes a while: once more, now that it counts
        known = [file.path for file in ready] if replacing is None else [folder / name for name in replacing]
        publish_all(ready, known)
    finally:
        for file in own:
            file.discard()
        for sink in reversed(sinks):  # the first one may have made the folder of all
            sink.close(False)
    return [folder / name for name in files_of(names)]


def _session_of(document: ReviewDocument, items: Sequence[ReviewInterval]) -> SessionInfo:
    """The analysis's own record, with the counts of the review."""
    session = deepcopy(document.session)
    kept = [item.record for item in items if item.status != "rejected"]
    session.events = {kind: sum(record.kind == kind for record in kept) for kind in ("micro", "macro")}
    recording = session.source.extras.get("recording") if was_recorded(session) else None
    if recording is not None:
        recording.pop("path", None)  # of the export that this one is made of
    if document.video is not None and recording is not None and document.recorded:
        recording.update(path=str(document.video), first_s=round(document.video_begins_s, 6))
    elif document.video is not None and session.source.kind in ("file", "folder"):
        session.source.spec = str(document.video)
    names = {item.record.reviewer for item in items if item.record.reviewer}
    session.run = {
        **session.run,
        "reviewed": True,
        "reviewers": sorted(names),
        EXPORTED_BY: document.reviewer,
    }
    if document.run_before is not None:
        put_into(session, document.run_before)
    return session


class _Steps:
    """Counts what is done, says so now and then, and stops when asked to."""

    def __init__(
        self,
        document: ReviewDocument,
        names: Sequence[str],
        items: Sequence[ReviewInterval],
        progress: Progress,
        stopped: Stopped | None,
    ) -> None:
        rows = document.n_frames if any(name in _WITH_ROWS for name in names) else 0
        self._total = rows // _REPORT_EVERY + len(items)
        self._progress = progress
        self._stopped = stopped or (lambda: False)
        self._rows = 0
        self._done = 0

    def row(self) -> None:
        self._rows += 1
        if self._rows % _REPORT_EVERY == 0:
            self.one()

    def one(self) -> None:
        self._done = min(self._done + 1, self._total)  # with several faces there are more rows than frames
        self._progress(self._done, self._total)
        if self._stopped():
            raise LookStopped

    def stopped(self) -> bool:
        return self._stopped()


def _with_pictures(
    document: ReviewDocument, items: Sequence[ReviewInterval], wanted: bool, steps: _Steps
) -> Sequence[tuple[ReviewInterval, Seen | None]]:
    """Pair the intervals with what the report shows of them."""
    pictured = _worth_a_picture(items) if wanted else set()
    pairs: list[tuple[ReviewInterval, Seen | None]] = []
    with ExitStack() as stack:
        reader: FrameReader | None = None
        why = ""
        if pictured:
            try:
                reader = stack.enter_context(document.reader())
            except MegcError as error:
                why = f"no pictures: {error.got}"
        for item in items:
            steps.one()
            if item.id not in pictured:
                pairs.append((item, Seen(note=_why_no_picture(item, wanted))))
            elif reader is None:
                pairs.append((item, Seen(note=why)))
            else:
                pairs.append((item, _seen(document, item, reader, steps)))
    return pairs


def _seen(document: ReviewDocument, item: ReviewInterval, reader: FrameReader, steps: _Steps) -> Seen:
    try:
        faces, flow = interval_pictures(document, item, reader=reader, stopped=steps.stopped)
    except MegcError as error:
        return Seen(note=f"no pictures: {error.got}")
    # What no classifier was asked about has no picture that it saw.
    return Seen(faces, flow if item.record.probabilities is not None else None)


def _why_no_picture(item: ReviewInterval, wanted: bool) -> str:
    if item.status == "rejected":
        return "rejected: no pictures"
    return (
        f"pictures are kept for the {MAX_PICTURED} best scores only"
        if wanted
        else "exported without pictures"
    )


def _worth_a_picture(items: Sequence[ReviewInterval]) -> set[int]:
    """Numbers of the intervals for which the report has room."""
    kept = [item for item in items if item.status != "rejected"]
    kept.sort(key=lambda item: (item.record.kind == "micro", item.record.score), reverse=True)
    return {item.id for item in kept[:MAX_PICTURED]}
