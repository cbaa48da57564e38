"""Many sources: one after another, or several at a time."""

from __future__ import annotations

import csv
import io
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from megc_live.cluster import run_on_cluster
from megc_live.errors import MegcError
from megc_live.jobs import FAILURES, Job, is_live, name_jobs
from megc_live.lanes import Report, Stopped, run_in_lanes
from megc_live.one_source import How, Outcome, Run
from megc_live.output.files import write_whole, writing
from megc_live.publish import clear_partials
from megc_live.settings import Settings

__all__ = ["DIED", "Failures", "How", "Outcome", "Task", "analyse", "analyse_all", "work"]

DIED = (
    "the process that analysed it was ended from outside or crashed: out of memory, or a fault in a decoder. "
    "Try it alone, or with a smaller --jobs."
)


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
    run = Run(
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
        where = f"{Path(place.filename).name}:{place.lineno}"
        outcome = run.outcome(
            "failed", f"internal fault, please report it: {type(error).__name__} in {where}: {error}"
        )
    return replace(outcome, took_s=round(time.monotonic() - began, 3))


@dataclass(frozen=True)
class Task:
    """What a worker needs for one source."""

    job: Job
    out_dir: Path
    settings: Settings
    how: How


def work(task: Task, report: Report, stopped: Stopped) -> Outcome:
    """Do one task: :func:`analyse` as a function of a module, which workers can find."""
    return analyse(
        task.job.spec,
        task.out_dir,
        task.settings,
        task.how,
        name=task.job.name,
        on_progress=report,
        stopped=stopped,
    )


def analyse_all(
    jobs: Sequence[Job],
    out_dir: Path,
    settings: Settings,
    how: How | None = None,
    *,
    lanes: int = 1,
    cluster: str | None = None,
    on_progress: Callable[[int, int, int | None], None] | None = None,
    on_outcome: Callable[[int, Outcome], None] | None = None,
    stopped: Stopped | None = None,
) -> list[Outcome]:
    """Analyse many sources, each in a process that takes no other down with it.

    Parameters
    ----------
    jobs : sequence of Job
        Sources with names of their own (:func:`megc_live.jobs.name_jobs`).
    out_dir : Path
        Each result goes to ``out_dir/<name>``; ``out_dir/failures.csv`` (source, error) lists what
        failed, and is not there if nothing did.
    settings : Settings
    how : How, optional
    lanes : int
        Sources analysed at the same time on this computer.
    cluster : str, optional
        Address of a Dask scheduler whose workers do the work instead; they see the same paths.
    on_progress, on_outcome : callable, optional
        Called from this thread with ``(index, frames done, frames in all or None)`` and
        ``(index, outcome)``.
    stopped : callable, optional
        Once true, what runs keeps what it found and nothing more is begun.

    Returns
    -------
    list of Outcome
        In the order of ``jobs``, without those that were not begun.

    Raises
    ------
    MegcError
        The cluster cannot be reached.
    """
    how = how or How()
    stopped = stopped or (lambda: False)
    show = on_progress or (lambda index, done, total: None)
    failures = Failures(out_dir / FAILURES)
    outcomes: dict[int, Outcome] = {}

    def take(index: int, outcome: Outcome | None) -> None:
        if outcome is None:
            outcome = Outcome(jobs[index].spec, jobs[index].name, "failed", error=DIED)
            clear_partials(out_dir, jobs[index].name)
        outcomes[index] = outcome
        failures.take(index, outcome)
        if on_outcome is not None:
            on_outcome(index, outcome)

    if cluster is not None:
        tasks = [Task(absolute(job), out_dir.resolve(), settings, how) for job in jobs]
        run_on_cluster(work, tasks, cluster, stopped=stopped, on_progress=show, on_answer=take)
    elif len(jobs) == 1:
        task = Task(jobs[0], out_dir, settings, how)
        take(0, work(task, lambda done, total: show(0, done, total), stopped))
    else:
        tasks = [Task(job, out_dir, settings, how) for job in jobs]
        run_in_lanes(work, tasks, lanes, stopped=stopped, on_progress=show, on_answer=take)
    return [outcomes[index] for index in sorted(outcomes)]


def absolute(job: Job) -> Job:
    """The same source for a process that runs in another folder."""
    return job if is_live(job.spec) else replace(job, spec=str(Path(job.spec).resolve()))


class Failures:
    """The table of what failed, written anew with each change, in the order of the sources.

    Parameters
    ----------
    path : Path
        Of the table; one that an earlier run has left is removed.

    Raises
    ------
    OutputError
        It cannot be removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[int, tuple[str, str]] = {}
        with writing(path):
            path.unlink(missing_ok=True)

    def take(self, index: int, outcome: Outcome) -> None:
        """Note what became of a source, in place of what is noted of it; raises :class:`OutputError`."""
        before = dict(self._rows)
        self._rows.pop(index, None)
        if outcome.status == "failed":
            self._rows[index] = (outcome.spec, outcome.error)
        if self._rows == before:
            return
        if not self._rows:
            with writing(self.path):
                self.path.unlink(missing_ok=True)
            return
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(("source", "error"))
        table.writerows(self._rows[i] for i in sorted(self._rows))
        write_whole(self.path, text.getvalue())
