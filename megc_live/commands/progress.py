"""Progress bars on stderr, with the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from megc_live.commands.tables import console


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar; the function it gives is called with ``(done, total, name of what is being done)``."""
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console(stderr=True)) as bars:
        bar = bars.add_task("", total=None)

        def show(done: int, total: int, name: str = "") -> None:
            bars.update(bar, completed=done, total=total, description=name)

        yield show


class SourceBars:
    """One bar for everything and one for each source that is being read.

    The whole is weighed by the size of the files, so that the time left holds for videos of
    different lengths; sources of unknown size count as the mean of the others.

    Parameters
    ----------
    weights : list of float
        Bytes of each source, 0 where unknown.
    names : list of str
        Their names.
    """

    def __init__(self, weights: list[float], names: list[str]) -> None:
        known = [w for w in weights if w > 0]
        mean = sum(known) / len(known) if known else 1.0
        self._weights = [w or mean for w in weights]
        self._names = names
        self._shares = [0.0] * len(names)
        self._bars: dict[int, TaskID] = {}
        self._progress = Progress(
            # 80 columns hold all of it: a long name gives way, not the times.
            TextColumn("{task.description}", table_column=Column(max_width=22, no_wrap=True)),
            BarColumn(bar_width=14),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console(stderr=True),
        )
        self._all = (
            self._progress.add_task("all", total=sum(self._weights), note=f"0/{len(names)}")
            if len(names) > 1
            else None
        )
        self._over: set[int] = set()
        self._whole = 0

    def __enter__(self) -> SourceBars:
        if self._all is not None:  # without a bar an empty line would be shown
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.tasks:
            self._progress.stop()
        else:  # no bar is left to end with an empty line
            self._progress.live.transient = True
            self._progress.live.stop()

    def print(self, line: str, style: str | None = None) -> None:
        """Print a line above the bars, however long it is."""
        self._progress.console.print(line, style=style, soft_wrap=True)

    def advance(self, index: int, done: int, total: int | None) -> None:
        """A source has been read up to frame ``done`` of ``total``."""
        if index in self._over:
            return
        if index not in self._bars:
            self._bars[index] = self._progress.add_task(self._names[index], total=total, note="")
            self._progress.start()
        self._progress.update(self._bars[index], completed=done, total=total, note=f"{done} frames")
        if total:
            self._set_share(index, min(1.0, done / total))

    def finish(self, index: int, *, whole: bool = True) -> None:
        """A source is over; ``whole``: and not stopped before its end."""
        self._over.add(index)
        self._whole += whole
        if index in self._bars:
            self._progress.remove_task(self._bars.pop(index))
        self._set_share(index, 1.0 if whole else self._shares[index])

    def _set_share(self, index: int, share: float) -> None:
        if self._all is None:
            return
        self._shares[index] = share
        done = sum(w * s for w, s in zip(self._weights, self._shares, strict=True))
        self._progress.update(self._all, completed=done, note=f"{self._whole}/{len(self._names)}")
