"""``megc-live demo``: plant, find, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from megc_live.batch import How, analyse
from megc_live.commands.progress import SourceBars
from megc_live.commands.shell import FAILED, OK, print_error
from megc_live.commands.tables import console, print_table
from megc_live.errors import MegcError
from megc_live.lanes import stop_on_signals
from megc_live.output import IntervalRecord, SessionInfo, read_intervals
from megc_live.publish import make_folder
from megc_live.settings import Settings
from megc_live.spotting.interval import iou
from megc_live.synthesis.demo import make_demo_clip
from megc_live.synthesis.plan import PlannedEvent

IOU_NEEDED = 0.5
GOOD_SHARE, GOOD_FALSE = 0.8, 1
FPS = 30.0


@dataclass(frozen=True)
class Match:
    """A planted movement and what was found for it, or one of the two alone."""

    verdict: Literal["hit", "miss", "false"]
    planted: PlannedEvent | None
    found: IntervalRecord | None
    overlap: float


def compare(planted: Sequence[PlannedEvent], found: Sequence[IntervalRecord]) -> list[Match]:
    """Pair micro-expressions one to one, the largest overlap first, at IoU 0.5 (MEGC 2019).

    Macro-expressions are left out on both sides. The result is in the order of the onsets.
    """
    micro = [event for event in planted if event.kind == "micro"]
    fires = [event for event in found if event.kind == "micro"]
    pairs = sorted(
        (
            (iou((p.onset, p.offset), (f.onset_frame, f.offset_frame)), i, j)
            for i, p in enumerate(micro)
            for j, f in enumerate(fires)
        ),
        reverse=True,
    )
    matches: list[Match] = []
    hit: set[int] = set()
    used: set[int] = set()
    for overlap, i, j in pairs:
        if overlap >= IOU_NEEDED and i not in hit and j not in used:
            hit.add(i)
            used.add(j)
            matches.append(Match("hit", micro[i], fires[j], overlap))
    matches += [Match("miss", p, None, 0.0) for i, p in enumerate(micro) if i not in hit]
    matches += [Match("false", None, f, 0.0) for j, f in enumerate(fires) if j not in used]
    return sorted(
        matches, key=lambda m: m.planted.onset if m.planted else m.found.onset_frame if m.found else 0
    )


def is_good(matches: Sequence[Match]) -> bool:
    """Tell whether enough was found of what was planted, and hardly anything else."""
    hits, false, planted = _counts(matches)
    return planted > 0 and hits >= GOOD_SHARE * planted and false <= GOOD_FALSE


def _counts(matches: Sequence[Match]) -> tuple[int, int, int]:
    """Hits, false intervals, planted ones."""
    hits = sum(m.verdict == "hit" for m in matches)
    false = sum(m.verdict == "false" for m in matches)
    return hits, false, hits + sum(m.verdict == "miss" for m in matches)


def summary(matches: Sequence[Match], lost: int = 0) -> str:
    """Say in one line what was found, and plainly so if it is not good.

    Parameters
    ----------
    matches : sequence of Match
    lost : int
        Frames that were dropped because this computer was too slow: what lies in them cannot be found.
    """
    hits, false, planted = _counts(matches)
    line = (
        f"Found {hits} of {planted} planted micro-expressions at IoU {IOU_NEEDED}, "
        f"{false} false interval{'' if false == 1 else 's'} (synthetic clip)."
    )
    if is_good(matches):
        return line
    why = "`megc-live info` says what the analysis runs on."
    if lost:
        why = (
            f"The likely cause: {lost} frames were dropped, as this computer was too slow or busy to keep up "
            "with the clip. Close other programs and run it again."
        )
    return (
        f"{line} This is not good: at least {GOOD_SHARE:.0%} found and at most {GOOD_FALSE} false interval "
        f"are expected of this clip. {why}"
    )


def run(out: Path, settings: Settings, *, seed: int, seconds: float) -> int:
    """Render, analyse as if live, compare and report; return the exit code.

    Raises
    ------
    MegcError
        It cannot be done.
    """
    terminal = console()
    make_folder(out)
    clip = out / "clip.mp4"
    terminal.print(
        f"Planting micro-expressions in a photograph (NASA, public domain): {clip}", soft_wrap=True
    )
    planted = make_demo_clip(clip, seed=seed, seconds=seconds, fps=FPS)
    terminal.print(f"Analysing {seconds:g} s of video as if it were live ...")
    with stop_on_signals() as stopped, SourceBars([0.0], ["demo"]) as bars:
        outcome = analyse(
            str(clip),
            out,
            settings,
            How(exports=("html",), as_live=True),
            name="result",
            on_progress=lambda done, total: bars.advance(0, done, total),
            stopped=stopped,
        )
    if outcome.status == "failed":
        raise MegcError(outcome.error)
    matches = compare(planted, read_intervals(out / "result" / "intervals.csv"))
    print_table(
        "Planted and found: onset-apex-offset in frames (units of FACS; free: none)",
        ("units", "planted", "found", "label", "IoU", "score", "verdict"),
        [_row(match) for match in matches],
        unbroken=("planted", "found", "label", "verdict"),
    )
    session = SessionInfo.read(out / "result" / "session.json")
    terminal.print(summary(matches, frames_lost(session)), soft_wrap=True)
    for line in (delay_line(session), *(f"warning: {warning}" for warning in session.warnings)):
        terminal.print(line, soft_wrap=True)
    terminal.print(f"Report: {(out / 'result' / 'report.html').resolve()}", soft_wrap=True)
    if outcome.status == "interrupted":
        print_error("stopped before the end of the clip: what was planted after that could not be found.")
    return OK if outcome.status == "done" and is_good(matches) else FAILED


def frames_lost(session: SessionInfo) -> int:
    """Return how many frames of the clip were dropped because this computer was too slow."""
    return int(sum(stage["dropped"] for stage in session.stages if stage["name"] in ("capture", "process")))


def delay_line(session: SessionInfo) -> str:
    """Say how long after its offset an interval was reported, in stream time."""
    delay = session.delay
    stated = f"stated: at most {delay['look_ahead_s']} s after the offset"
    if delay["p50_s"] is None:
        return f"Delay of a decision, {stated}."
    return f"Delay of a decision, {stated}; here {delay['p50_s']} s (median), {delay['p95_s']} s (95 %)."


def _row(match: Match) -> dict[str, str]:
    planted, found = match.planted, match.found
    return {
        "units": ", ".join(planted.unit_text.split("|")) if planted else "",
        "planted": f"{planted.onset}-{planted.apex}-{planted.offset}" if planted else "",
        "found": f"{found.onset_frame}-{found.apex_frame}-{found.offset_frame}" if found else "",
        "label": found.label if found else "",
        "IoU": f"{match.overlap:.2f}" if found and planted else "",
        "score": f"{found.score:.2f}" if found else "",
        "verdict": match.verdict,
    }
