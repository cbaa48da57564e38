"""From sources to folders of results: one after another, or several at a time.

Each source is written to a folder of its own beside the final one and moved when it is whole, so
that nothing half-written is ever found under a final name.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import psutil

from megc_live.errors import MegcError, OutputError
from megc_live.events import Event, FrameRow
from megc_live.jobs import FAILURES, Job, fingerprint, is_live, name_jobs
from megc_live.lanes import Report, Stopped, run_in_lanes
from megc_live.settings import Settings
from megc_live.video import Frame, LivePlayer, Source, SourceInfo, open_source

_REPORT_EVERY_S = 0.2
SESSION = "session.json"


class EngineLike(Protocol):
    """What a run needs of :class:`megc_live.engine.Engine`."""

    def push(self, frame: Frame) -> list[Event]: ...  # noqa: D102
    def flush(self) -> list[Event]: ...  # noqa: D102
    def take_rows(self) -> list[FrameRow]: ...  # noqa: D102
    def describe(self) -> dict[str, Any]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


EngineMaker = Callable[[Settings, SourceInfo], EngineLike]


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
        Frame rate for sources that do not state one.
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
    make_engine: EngineMaker = field(default=lambda settings, info: _engine(settings, info))


def _engine(settings: Settings, info: SourceInfo) -> EngineLike:
    from megc_live.engine import Engine

    return Engine(settings, info)


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
    """

    spec: str
    name: str
    status: Status
    frames: int = 0
    micro: int = 0
    macro: int = 0
    took_s: float = 0.0
    error: str = ""


def analyse(
    spec: str,
    out_dir: Path,
    settings: Settings,
    how: How | None = None,
    *,
    name: str | None = None,
    on_progress: Report | None = None,
    stopped: Stopped | None = None,
) -> Outcome:
    """Analyse one source into ``out_dir/<name>``; never raises for a bad source.

    Parameters
    ----------
    spec : str
        What :func:`megc_live.video.open_source` takes.
    out_dir : Path
        Folder of the folders of results.
    settings : Settings
    how : How, optional
    name : str, optional
        Name of the folder; default from ``spec``.
    on_progress : callable, optional
        Called a few times a second with frames done and, where known, of how many.
    stopped : callable, optional
        Asked after each frame; once true, what was found is kept and the source is left.

    Returns
    -------
    Outcome
    """
    run = _Run(
        Job(spec, name or name_jobs([spec])[0].name),
        out_dir,
        settings,
        how or How(),
        on_progress or (lambda done, total: None),
        stopped or (lambda: False),
    )
    began = time.monotonic()
    try:
        outcome = run()
    except MegcError as error:
        outcome = run.outcome("failed", str(error))
    except OSError as error:
        outcome = run.outcome("failed", f"{error.strerror or error}: {error.filename or out_dir}.")
    except Exception as error:  # a fault of this program in one source must not cost the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        outcome = run.outcome(
            "failed",
            f"internal fault, please report it: {type(error).__name__} in {Path(place.filename).name}:{place.lineno}: "
            f"{error}",
        )
    return replace(outcome, took_s=round(time.monotonic() - began, 3))


class _Run:
    """One source on its way into its folder."""

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
        self._counts = {"frames": 0, "micro": 0, "macro": 0}
        self._total: int | None = None
        self._reported_s = 0.0

    def outcome(self, status: Status, error: str = "") -> Outcome:
        """Return what became of the source so far."""
        return Outcome(self._job.spec, self._job.name, status, **self._counts, error=" ".join(error.split()))

    def __call__(self) -> Outcome:
        mark = self._mark()
        before = _read_session(self._folder)
        if self._how.resume and mark is not None and before.get("run") == {"complete": True, **mark}:
            return self.outcome("skipped")
        self._keep_others_results(before)
        source = open_source(self._job.spec, fps=self._how.fps)
        part = self._out / f".{self._job.name}.partial-{os.getpid()}"
        _clear_partials(self._out, self._job.name)
        try:
            part.mkdir(parents=True)
            lost = self._analyse(source, part, mark)
            publish(part, self._folder)
        finally:
            source.close()
            shutil.rmtree(part, ignore_errors=True)
        if lost:
            return self.outcome("failed", f"{lost} What was found before is in {str(self._folder)!r}.")
        return self.outcome("interrupted" if self._stopped() else "done")
