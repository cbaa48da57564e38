"""One source on its way into its folder of results.

It is written to a folder of its own beside the final one and moved when it is whole, so that
nothing half-written is ever found under a final name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from megc_live.engine_stats import TOO_SHORT
from megc_live.errors import MegcError, OutputError, ReviewError, SourceError
from megc_live.events import Event, FrameRow
from megc_live.jobs import Job, fingerprint, is_live
from megc_live.lanes import Report, Stopped
from megc_live.live import LiveRunner
from megc_live.output import read_intervals
from megc_live.output.annotate import annotate_video
from megc_live.output.csv_sink import FRAMES, INTERVALS
from megc_live.output.session import json_values
from megc_live.publish import (
    ANNOTATED,
    clear_partials,
    free_name,
    partial_folder,
    publish,
    read_record,
    reviewed,
)
from megc_live.results import Results
from megc_live.review.journal import ReviewLock
from megc_live.review.names import OTHERS, reviewers_in
from megc_live.settings import Settings
from megc_live.source_checks import check_length, check_pictures, why_cut_off
from megc_live.video import Frame, LivePlayer, Source, SourceInfo, open_source

STOPPED = "-stopped"
"""Ends the name of a folder beside complete results, with what a later run found till it was stopped."""
_REPORT_EVERY_S = 0.2
_DRAIN_S = 5.0
"""Longest time for the frames that are still queued when a live source is stopped."""


class EngineLike(Protocol):
    """What a run needs of :class:`megc_live.engine.Engine`."""

    def push(self, frame: Frame) -> list[Event]: ...  # noqa: D102
    def flush(self) -> list[Event]: ...  # noqa: D102
    def take_rows(self) -> list[FrameRow]: ...  # noqa: D102
    def describe(self) -> dict[str, Any]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


EngineMaker = Callable[[Settings, SourceInfo], EngineLike]


def engine_of(settings: Settings, info: SourceInfo) -> EngineLike:
    """Return the engine of every ordinary run."""
    from megc_live.engine import Engine

    # A live source wants each answer as soon as it is known, a file the most frames a second.
    return Engine(settings, info, overlap=not info.live)


@dataclass(frozen=True)
class How:
    """How sources are analysed and what is written.

    Attributes
    ----------
    exports : tuple of str
        Names in the SINKS registry, besides the three files that are always written.
    annotate : bool
        Write the annotated video.
    as_live : bool
        Replay files at their own pace, through the live queue.
    fps : float or None
        Frame rate of folders of images; replaces the times of video files.
    resume : bool
        Skip what is complete and unchanged.
    make_engine : callable
        ``(settings, source_info) -> engine``: a function of a module, so that workers can find it.
    """

    exports: tuple[str, ...] = ()
    annotate: bool = False
    as_live: bool = False
    fps: float | None = None
    resume: bool = False
    make_engine: EngineMaker = engine_of


Status = Literal["done", "skipped", "interrupted", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one source.

    Attributes
    ----------
    spec, name : str
        As typed or found; name of its folder.
    status : str
        ``"done"``; ``"skipped"``: was complete; ``"interrupted"``: stopped by the user or
        a signal, what was found till then is kept; ``"failed"``: see ``error``.
    frames, micro, macro : int
        Frames read, micro- and macro-expressions found.
    took_s : float
        Seconds that it took.
    error : str
        One line, empty unless failed.
    kept : bool
        It failed, but what was found before is in the folder.
    warnings : tuple of str
        What a reader of the results should know, as in session.json.
    beside : str
        Why the folder is not the one that was meant: what is there is kept; a few words, empty if it is.
    """

    spec: str
    name: str
    status: Status
    frames: int = 0
    micro: int = 0
    macro: int = 0
    took_s: float = 0.0
    error: str = ""
    kept: bool = False
    warnings: tuple[str, ...] = ()
    beside: str = ""


class _Stopped(Exception):
    """The user has stopped the second pass."""


class Run:
    """One source, from opening to its final folder; raises what goes wrong.

    Parameters
    ----------
    job : Job
    out_dir : Path
        Folder of the folders of results.
    settings : Settings
    how : How
    report : callable
        Called a few times a second with frames done and, where known, of how many.
    stopped : callable
        Asked after each frame; once true, what was found is kept and the source is left.
    """

    def __init__(
        self, job: Job, out_dir: Path, settings: Settings, how: How, report: Report, stopped: Stopped
    ) -> None:
        self._job = job
        self._out = out_dir
        self._folder = out_dir / job.name
        self._settings = settings
        self._how = how
        self._report = report
        self._stopped = stopped
        self._results: Results | None = None
        self._total: int | None = None
        self._reported = 0.0
        self._interrupted = False
        self._live_stages: list[dict[str, Any]] = []
        self._runner: LiveRunner | None = None
        self._warnings: tuple[str, ...] = ()
        self._beside = ""

    def outcome(self, status: Status, error: str = "", *, kept: bool = False) -> Outcome:
        """Return what became of the source so far."""
        events = self._results.events if self._results is not None else {}
        return Outcome(
            self._job.spec,
            self._folder.name,
            status,
            frames=self._frames,
            micro=events.get("micro", 0),
            macro=events.get("macro", 0),
            error=" ".join(error.split()),
            kept=kept,
            warnings=self._warnings,
            beside=self._beside,
        )

    @property
    def _frames(self) -> int:
        """Frames analysed so far."""
        return self._results.frames if self._results is not None else 0

    def __call__(self) -> Outcome:
        """Do it."""
        mark = self._mark()
        clear_partials(self._out, self._job.name)
        before = read_record(self._folder)
        if self._how.resume and mark is not None and before == {"complete": True, **mark}:
            return self.outcome("skipped")
        self._keep_others_results(before)
        if reviewed(self._folder):  # the review would be of other intervals then
            names = {name for path in self._folder.glob(OTHERS) for name in reviewers_in(path)}
            by = f" by {', '.join(sorted(names))}" if names else ""
            raise OutputError(
                f"the results in {str(self._folder)!r} have been reviewed{by}, and are not replaced.",
                "Choose another folder for the results, or rename that one.",
            )
        source = open_source(self._job.spec, fps=self._how.fps)
        try:
            with partial_folder(self._out, self._job.name) as part:
                lost = self._analyse(source, part, mark)
                self._publish(part, before, whole=not (lost or self._interrupted))
        finally:
            # A thread that hangs in the device's driver closes the source itself when it returns.
            if self._runner is None or not self._runner.capturing:
                source.close()
        if lost:
            told = f"{lost} What was found before that is in {str(self._folder)!r}."
            return self.outcome("failed", told, kept=True)
        return self.outcome("interrupted" if self._interrupted else "done")

    def _publish(self, part: Path, before: dict[str, Any], *, whole: bool) -> None:
        """Give the results their name; another one where it would be taken from what is to stay."""
        name = self._job.name
        with ExitStack() as stack:
            if before.get("complete") is True and not whole:  # what is complete is not given for what is not
                self._folder = self._out / free_name(self._out, f"{name}{STOPPED}")
                self._beside = f"{name} is complete and was kept"
            elif self._folder.exists():
                try:
                    stack.enter_context(ReviewLock(self._folder, "an analysis"))
                    begun = "was reviewed meanwhile" if reviewed(self._folder) else ""
                except ReviewError:
                    begun = "is open in Review"
                if begun:  # a review, since this run began
                    self._folder = self._out / free_name(self._out, name)
                    self._beside = f"{name} {begun} and was kept"
            publish(part, self._folder)

    def _mark(self) -> dict[str, Any] | None:
        """What must be unchanged for a later run to skip this source; None for what cannot be read twice."""
        if is_live(self._job.spec):
            return None
        try:
            mark = fingerprint(
                self._job.spec,
                self._settings,
                exports=sorted(self._how.exports),
                annotate=self._how.annotate,
                as_live=self._how.as_live,
                fps=self._how.fps,
            )
        except OSError:  # missing or not to be read: opening it says so, and what to do
            return None
        return dict(json_values(mark))

    def _keep_others_results(self, before: dict[str, Any]) -> None:
        theirs = before.get("source")
        if theirs is not None and theirs != str(Path(self._job.spec).resolve()):
            raise OutputError(
                f"{str(self._folder)!r} holds the results of another source, {theirs!r}.",
                "Choose another folder for the results, or move those away.",
            )

    def _analyse(self, source: Source, part: Path, mark: dict[str, Any] | None) -> str:
        """Fill the folder; return why the source was lost or cut off on the way, or nothing."""
        check_pictures(source.info)
        live = source.info.live or self._how.as_live
        engine = self._how.make_engine(self._settings, replace(source.info, live=live))
        results: Results | None = None
        lost = ""
        try:
            results = Results(part, source.info, self._job.name, self._settings, self._how.exports)
            self._results = results
            try:
                self._read(source, engine, results)
            except SourceError as error:
                if not source.info.live or not self._frames:
                    raise
                lost = str(error)
            if not (source.info.live or self._interrupted):
                came = self._frames + self._late()
                check_length(source.info, came)
                lost = why_cut_off(source.info, came)
            events = engine.flush()
            results.take(engine.take_rows(), events)
            self._finish(results, source, engine.describe(), lost)
            results.close()
            if self._how.annotate and not self._interrupted:
                self._annotate(part)
            complete = not (lost or self._interrupted)
            results.session.run = {"complete": complete, **(mark or {"source": source.info.spec})}
            results.write_session()
        finally:
            if results is not None:
                results.discard()
            if self._runner is None or not self._runner.processing:
                engine.close()
        return lost

    def _finish(self, results: Results, source: Source, facts: dict[str, Any], lost: str) -> None:
        warnings = ["stopped before the end of the source"] if self._interrupted else []
        if lost:
            warnings.append(f"incomplete: {lost}")
        if self._interrupted and not source.info.live:  # the file may be longer than what was read of it
            facts = {**facts, "warnings": [told for told in facts["warnings"] if told != TOO_SHORT]}
        results.finish(
            source,
            facts,
            stages=self._live_stages,
            extras={"as_live": self._how.as_live},
            late=self._late(),
            warnings=warnings,
        )
        self._warnings = tuple(results.session.warnings)

    def _annotate(self, part: Path) -> None:
        """Read the source a second time and draw on it; left out when stopped."""

        def drawn(count: int) -> None:
            if self._stopped():
                raise _Stopped
            self._tell(self._frames + count)

        try:
            annotate_video(
                self._job.spec,
                part / FRAMES,
                read_intervals(part / INTERVALS),
                part / ANNOTATED,
                fps=self._how.fps,
                on_frame=drawn,
            )
        except _Stopped:
            self._interrupted = True

    def _late(self) -> int:
        """Frames that came but were dropped because this computer was too slow."""
        return int(sum(stage["dropped"] for stage in self._live_stages))

    def _read(self, source: Source, engine: EngineLike, results: Results) -> None:
        if source.info.n_frames is not None:
            self._total = source.info.n_frames * (2 if self._how.annotate else 1)

        def push(frame: Frame) -> None:
            results.count(frame)
            events = engine.push(frame)
            results.take(engine.take_rows(), events)
            self._tell(self._frames)

        if source.info.live or self._how.as_live:
            self._read_live(source if source.info.live else LivePlayer(source), push)
        else:
            for frame in source:
                push(frame)
                if self._stopped():
                    self._interrupted = True
                    break
        self._report(self._frames, self._total)

    def _tell(self, done: int) -> None:
        """Report progress, but not more often than somebody can see."""
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY_S:
            self._reported = now
            self._report(done, self._total)

    def _read_live(self, source: Source, push: Callable[[Frame], None]) -> None:
        """Read through the live queue; when stopped, what is in the queue is still analysed."""
        runner = LiveRunner(source, push, queue_seconds=self._settings.video.live_queue_seconds)
        self._runner = runner
        runner.start()
        try:
            while not runner.join(_REPORT_EVERY_S):
                if self._stopped():
                    self._interrupted = True
                    source.interrupt()
                    runner.join(_DRAIN_S)
                    break
        finally:
            runner.stop()
            self._live_stages = [stage.as_dict() for stage in runner.stats()]
        if runner.processing:
            raise MegcError(
                f"the analysis of one frame has taken over {_DRAIN_S:g} s and does not end.",
                "Close other programs, or record to a file first and analyse that.",
            )
        if runner.error is not None:
            raise runner.error
