"""``megc-live analyze``."""

from __future__ import annotations

from pathlib import Path

from megc_live.batch import How, Outcome, analyse_all
from megc_live.commands.progress import SourceBars
from megc_live.commands.shell import FAILED, OK, print_error, print_note
from megc_live.cut_off import cut_off
from megc_live.errors import SettingsError
from megc_live.jobs import FAILURES, expand, is_live, name_jobs, size_of
from megc_live.lanes import stop_on_signals
from megc_live.output import SINKS
from megc_live.publish import make_folder
from megc_live.recognition.classifier import RECOGNIZERS
from megc_live.settings import Settings
from megc_live.spotting import SPOTTERS
from megc_live.threads import share_cores


def run(
    sources: list[str], out: Path, settings: Settings, how: How, *, jobs: int, cluster: str | None = None
) -> int:
    """Analyse what was typed; return the exit code.

    Raises
    ------
    SettingsError
        A spotter, recognizer or export of that name does not exist, or a source has no name.
    OutputError
        ``out`` cannot be written to.
    """
    check(sources, settings, how)
    typed = expand(sources, leave_out=out)
    make_folder(out)
    if sessions := cut_off(out):
        those = "a live session" if len(sessions) == 1 else f"{len(sessions)} live sessions"
        print_note(
            f"{str(out)!r} holds what was written of {those} until the program ended; "
            "`megc-live gui` offers to keep it."
        )
    share_cores()
    work = name_jobs(typed, out)
    with (
        stop_on_signals() as stopped,
        SourceBars([size_of(job.spec) for job in work], [job.name for job in work]) as bars,
    ):

        def over(index: int, outcome: Outcome) -> None:
            stopped_early = outcome.status == "interrupted"
            bars.finish(index, whole=not stopped_early)
            if outcome.status == "failed":
                bars.print(f"error: {one_line(outcome)}", style="red")
            else:
                bars.print(one_line(outcome))
                for warning in () if stopped_early else outcome.warnings:
                    bars.print(f"  warning: {warning}")

        outcomes = analyse_all(
            work,
            out,
            settings,
            how,
            lanes=jobs,
            cluster=cluster,
            on_progress=bars.advance,
            on_outcome=over,
            stopped=stopped,
        )
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    left = len(work) - len(outcomes) + sum(cut_short(outcome) for outcome in outcomes)
    if left:
        those = "the source is" if len(work) == 1 else f"{left} of {len(work)} sources are"
        print_error(f"stopped: {those} not finished; --resume goes on.")
    if failed and len(work) > 1:
        print_error(f"{failed} of {len(work)} sources failed: see {out / FAILURES}")
    return FAILED if failed or left else OK


def cut_short(outcome: Outcome) -> bool:
    """Tell whether a source was stopped before its end; a live one has no other end."""
    return outcome.status == "interrupted" and not is_live(outcome.spec)


def check(sources: list[str], settings: Settings, how: How) -> None:
    """Raise SettingsError if a name does not exist, before anything is opened."""
    SPOTTERS[settings.spotting.spotter]
    if settings.recognition.recognizer != "none":
        RECOGNIZERS[settings.recognition.recognizer]
    for name in how.exports:
        SINKS[name]
    if how.annotate and (live := [spec for spec in sources if is_live(spec)]):
        raise SettingsError(
            f"--annotate draws on a recorded video, and {live[0]!r} is live.",
            "Leave it out, or record first and analyse the file.",
        )


def one_line(outcome: Outcome) -> str:
    """Say what became of a source."""
    if outcome.status == "failed":
        return outcome.error if outcome.spec in outcome.error else f"{outcome.spec}: {outcome.error}"
    if outcome.status == "skipped":
        return f"{outcome.name}: complete and unchanged, skipped"
    stopped = "stopped early; " if outcome.status == "interrupted" else ""
    return (
        f"{outcome.name}: {stopped}{outcome.frames} frame{'' if outcome.frames == 1 else 's'}, "
        f"{outcome.micro} micro- and {outcome.macro} macro-expressions, {outcome.took_s:.1f} s"
    )
