"""Names for the results of the sources in a queue, and why one does not get the name of its file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from megc_live import publish
from megc_live.jobs import is_live, name_jobs, name_of
from megc_live.publish import read_record, reviewed


@dataclass(frozen=True)
class Named:
    """A name for a folder of results, and why it is not the file's own, in a few words; empty: it is."""

    name: str
    why: str = ""


def same(spec: str) -> str:
    """Return what two ways to write the same source have in common."""
    with suppress(OSError):
        return spec if is_live(spec) else str(Path(spec).absolute())
    return spec


def free_name(spec: str, others: Sequence[tuple[str, str]], out: Path, *, resume: bool = False) -> Named:
    """Return a name for the results of a source, as `analyze` gives it, that nothing else has taken.

    That is another source, in the queue or in an earlier run, or a review of this one's results.

    Parameters
    ----------
    spec : str
    others : sequence of (str, str)
        The other sources and the names that they have already, or empty.
    out : Path
        Folder of the folders of results.
    resume : bool
        Results that are complete and unchanged are to be found again, reviewed or not.
    """
    mine = same(spec)
    specs = {same(other): other for other, _ in others} | {mine: spec}
    taken = {name.casefold() for other, name in others if name and same(other) != mine}
    name = next(job.name for job in name_jobs(list(specs.values()), out) if same(job.spec) == mine)

    def why_not(tried: str) -> str:
        if tried.casefold() in taken:
            return f"{tried} is of another file in the queue"
        return _why_kept(out / tried, spec, resume=resume)

    free = publish.free_name(out, name, lambda tried: bool(why_not(tried)))
    if free != name:
        return Named(free, why_not(name))
    if is_live(spec):  # each recording is another one: an earlier one keeps its name
        plain = name_of(spec)
        return Named(name, f"{plain} is an earlier recording of it" if name != plain else "")
    (alone,) = name_jobs([spec], out)
    return Named(name, f"{alone.name} is the name of other files too" if name != alone.name else "")


def _why_kept(folder: Path, spec: str, *, resume: bool) -> str:
    """Why the results in a folder are not to be replaced by those of a source; empty: they may be."""
    theirs = read_record(folder).get("source", "")
    if theirs and not is_live(spec) and theirs != str(Path(spec).resolve()):
        return f"{folder.name} is of another recording"
    return f"{folder.name} is reviewed and was kept" if reviewed(folder) and not resume else ""
