"""What an evaluation of spotters found, as numbers and as a page: scores, chance level, intervals."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from megc_live.spotting.liveliness import LIVELY, liveliness, mean_speed
from megc_live.spotting.net import region_motion
from training.protocols.bootstrap import bootstrap
from training.protocols.matching import Expression, border_errors
from training.protocols.spotting import RULES, SpottingMetric
from training.spotting.evaluate import UNIT_GROUPS, FoldResult
from training.spotting.sequences import Clip, Movement, base_units

CALM = re.compile(r"__s\d+$")
"""Clips of animated photographs; all others are footage with its own natural movement."""
AMPLITUDES = ((0.0, 0.018), (0.018, 0.026), (0.026, 0.036), (0.036, 1.0))
"""Classes of the largest displacement, in eye distances."""
LIVELINESS = ((0.0, 0.3), (0.3, LIVELY), (LIVELY, 1.0), (1.0, None))
_SUBSETS = ("all", "calm", "footage")


class Judged(Protocol):
    """What scores need of a clip; a :class:`training.spotting.sequences.Clip` has it."""

    @property
    def name(self) -> str:
        """Of the video."""
        ...

    @property
    def person(self) -> str:
        """Who is in it."""
        ...

    @property
    def minutes(self) -> float:
        """Length."""
        ...

    @property
    def truth(self) -> Many[Movement]:
        """What was planted."""
        ...


@dataclass(frozen=True)
class Row:
    """Scores of one method on one subset; micro-expressions, IoU 0.5, maximum one-to-one matching."""

    method: str
    subset: str
    f1: float
    f1_low: float
    f1_high: float
    precision: float
    recall: float
    tp: int
    fp: int
    fn: int
    alarms_per_min: float
    onset_mean: float
    onset_std: float
    offset_mean: float
    offset_std: float


def score_folds(clips: Many[Judged], results: Many[FoldResult]) -> list[Row]:
    """Pool all folds and score every method on every subset, with people-bootstrap intervals."""
    methods = list(dict.fromkeys(method for result in results for method in result.predictions))
    judged = {person for result in results for person in result.people}
    rows = []
    for subset in _SUBSETS:
        part = [clip for clip in clips if clip.person in judged and _belongs(clip, subset)]
        if part:
            rows += [_row(method, subset, part, results) for method in methods]
    return rows


def unseen_unit_recall(clips: Many[Clip], results: Many[FoldResult]) -> dict[str, dict[str, Any]]:
    """Recall of micro-expressions with units that the asked model had never learned."""
    out: dict[str, dict[str, Any]] = {}
    for method in dict.fromkeys(m for result in results for m in result.unseen_units):
        found = planted = seen_found = 0
        for result in results:
            units = UNIT_GROUPS[result.fold % len(UNIT_GROUPS)]
            blind = _spans(result.unseen_units.get(method, ()))
            knowing = _spans(result.predictions.get(method, ()))
            for clip in clips:
                if clip.person not in result.people:
                    continue
                wanted = [m for m in clip.truth if m.kind == "micro" and units & base_units(m.units)]
                planted += len(wanted)
                found += _hits(wanted, blind.get(clip.name, []))
                seen_found += _hits(wanted, knowing.get(clip.name, []))
        out[method] = {
            "planted": planted,
            "found_unlearned": found,
            "found_learned": seen_found,
            "recall_unlearned": found / planted if planted else 0.0,
            "recall_learned": seen_found / planted if planted else 0.0,
        }
    return out


def recall_by_amplitude(clips: Many[Judged], results: Many[FoldResult], method: str) -> list[dict[str, Any]]:
    """How many micro-expressions of each size were found, on calm faces and in footage."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for result in results:
        spans |= _spans(result.predictions.get(method, ()))
    out = []
    for low, high in AMPLITUDES:
        row: dict[str, Any] = {"from": low, "to": high}
        for subset in ("calm", "footage"):
            found = planted = 0
            for clip in clips:
                if _belongs(clip, subset):
                    wanted = [m for m in clip.truth if m.kind == "micro" and low <= m.amplitude < high]
                    planted += len(wanted)
                    found += _hits(wanted, spans.get(clip.name, []))
            row[subset] = {"found": found, "planted": planted}
        out.append(row)
    return out


def by_liveliness(clips: Many[Clip], results: Many[FoldResult], method: str) -> list[dict[str, Any]]:
    """Micro-expressions found and intervals that are right, by how lively the face was just before."""
    counts = [dict.fromkeys(("planted", "found", "given", "right"), 0) for _ in LIVELINESS]
    spans: dict[str, list[tuple[int, int]]] = {}
    for result in results:
        spans |= _spans(result.predictions.get(method, ()))
    for clip in clips:
        samples = [sample for sequence in clip.sequences for sample in sequence.samples]
        times = np.array([sample.t_s for sample in samples])
        speeds = np.array([mean_speed(region_motion(sample.vector)) for sample in samples])
        truth = [(m.onset, m.offset) for m in clip.truth if m.kind == "micro"]
        given = list(dict.fromkeys(spans.get(clip.name, [])))
        metric: SpottingMetric[Any] = RULES["one-to-one"].make()
        metric.update(clip.name, [Expression(*t) for t in truth], [Expression(*p) for p in given])
        metric.compute()
        right = [(match.truth, match.pred) for match in metric.matches]
        for what, intervals in (
            ("planted", truth),
            ("found", [t for t, _ in right]),
            ("given", given),
            ("right", [p for _, p in right]),
        ):
            for onset, offset in intervals:
                at = clip.log.pts_s[min((onset + offset) // 2, len(clip.log.pts_s) - 1)]
                lively = liveliness(times, speeds, float(at))
                counts[sum(lively >= low for low, _ in LIVELINESS) - 1][what] += 1
    return [{"from": low, "to": high, **row} for (low, high), row in zip(LIVELINESS, counts, strict=True)]


def write_results(
    out: Path, clips: Many[Clip], results: Many[FoldResult], page: Path | None = None, members: int = 1
) -> dict[str, Any]:
    """Write truth.csv, videos.csv, a table of predictions a method, summary.json and accuracy.md.

    Returns what summary.json holds.

    ``members``: how many networks were averaged in each fold, for the page.
    """
    out.mkdir(parents=True, exist_ok=True)
    judged = {person for result in results for person in result.people}
    part = [clip for clip in clips if clip.person in judged]
    rows, unseen = score_folds(part, results), unseen_unit_recall(part, results)
    summary = {
        "people": len(judged),
        "clips": len(part),
        "minutes": round(sum(clip.minutes for clip in part), 1),
        "micro": sum(m.kind == "micro" for clip in part for m in clip.truth),
        "folds": len(results),
        "members": members,
        "thresholds": {str(r.fold): r.chosen for r in results},
        "rows": [row.__dict__ for row in rows],
        "unlearned_units": unseen,
        "recall_by_amplitude": {
            m: recall_by_amplitude(part, results, m) for m in dict.fromkeys(r.method for r in rows)
        },
        "by_liveliness": {m: by_liveliness(part, results, m) for m in dict.fromkeys(r.method for r in rows)},
    }
    _write(out / "truth.csv", _truth_table(part).to_csv(index=False))
    _write(out / "videos.csv", _video_table(part).to_csv(index=False))
    for method in dict.fromkeys(row.method for row in rows):
        table = _prediction_table([row for result in results for row in result.predictions.get(method, ())])
        _write(out / f"predictions-{method}.csv", table.to_csv(index=False))
    _write(out / "summary.json", json.dumps(summary, indent=1))
    text = accuracy_page(summary, rows)
    _write(out / "accuracy.md", text)
    if page is not None:
        _write(page, text)
    return summary


def accuracy_page(summary: dict[str, Any], rows: Many[Row]) -> str:
    """The results as Markdown."""
    names = {
        "all": "All clips",
        "calm": "Calm faces (animated photographs of the same people)",
        "footage": "Footage with its natural movement (mostly people who talk or act)",
    }
    lines = [
        "# How well the spotters work (synthetic)",
        "",
        "Every score on this page is **synthetic**: movements were planted into real faces by smooth warps, so it",
        "says how well planted movements are found, not how well spontaneous micro-expressions are.",
        "",
        *_disagreements(summary.get("disagreements", ())),
        f"{summary['clips']} clips, {summary['minutes']} minutes, {summary['people']} people, {summary['micro']} planted "
        "micro-expressions of 0.15 to 0.5 s, most",
        "with a largest displacement of 1.2 to 4.5 % of the eye distance; between them macro-expressions and, as traps,",
        "movements that stay, mouth movements like speech, blinks, head movements, changes of light and sham events.",
        f"People are apart: {summary['folds']} folds over persons, every person is judged by models that never saw them.",
        "Thresholds are chosen on people inside the training part, for the best F0.5. A fold judges "
        + ("one network," if summary["members"] == 1 else f"the mean of {summary['members']} networks,"),
        "fitted as the model that ships is fitted on all of these people.",
        "An interval counts if its IoU with a planted one is at least 0.5 (maximum one-to-one matching). The 95 %",
        "interval is a bootstrap over people. `fire-always` is the chance level: an alarm that never stops.",
    ]
    for subset in _SUBSETS:
        part = [row for row in rows if row.subset == subset]
        if not part:
            continue
        lines += [
            "",
            f"## {names[subset]}",
            "",
            "| spotter | micro F1 (synthetic) | 95 % | precision | recall | found / planted | false alarms per minute | "
            "onset, offset: predicted minus planted (frames, mean and standard deviation) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| `{r.method}` | {r.f1:.3f} | {r.f1_low:.2f} to {r.f1_high:.2f} | {r.precision:.3f} | {r.recall:.3f} | "
            f"{r.tp} / {r.tp + r.fn} | {r.alarms_per_min:.2f} | "
            f"{r.onset_mean:+.1f} ± {r.onset_std:.1f}, {r.offset_mean:+.1f} ± {r.offset_std:.1f} |"
            for r in part
        ]
    lines += ["", "## Units left out of training", ""]
    lines += [
        "Each fold also fits models that never learn a group of action units, and asks them for those units in the people",
        "held out. The second column is the recall of the same movements by models that knew the units.",
        "",
        "| spotter | recall, units never learned | recall, units learned | movements |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{method}` | {u['recall_unlearned']:.3f} | {u['recall_learned']:.3f} | {u['planted']} |"
        for method, u in summary["unlearned_units"].items()
    ]
    lines += [
        "",
        "## How small a movement is found",
        "",
        "Found and planted micro-expressions by their largest displacement, in percent of the eye distance.",
        "",
        "| spotter | displacement | calm faces | footage |",
        "| --- | --- | --- | --- |",
    ]
    for method, sizes in summary["recall_by_amplitude"].items():
        for size in sizes:
            to = f"to {100 * size['to']:.1f}" if size["to"] < 1 else "and more"
            calm, footage = (f"{size[k]['found']} of {size[k]['planted']}" for k in ("calm", "footage"))
            lines.append(f"| `{method}` | {100 * size['from']:.1f} {to} % | {calm} | {footage} |")
    lines += [
        "",
        "## How lively the face may be",
        "",
        "Liveliness is the median, over the 3 s before, of the regions' mean speed in percent of the eye distance per 0.1 s:",
        "about 0.1 to 0.2 for somebody who sits still, above 1 for most who talk. Right: intervals that match one planted.",
        "",
        "| spotter | liveliness | found / planted | right / given |",
        "| --- | --- | --- | --- |",
    ]
    for method, classes in summary["by_liveliness"].items():
        for row in classes:
            to = "and more" if row["to"] is None else f"to {row['to']:g}"
            lines.append(
                f"| `{method}` | {row['from']:g} {to} | {row['found']} / {row['planted']} | "
                f"{row['right']} / {row['given']} |"
            )
    lines += [
        "",
        "This page is written by `megc-train evaluate spotting --dataset synthetic --root CORPUS --out DIR`.",
        "",
    ]
    return "\n".join(lines)


def _disagreements(lines: Many[str]) -> list[str]:
    if not lines:
        return []
    head = "**summary.json disagrees with the tables.** This page shows what the tables give."
    return [head, "", *(f"- {line}" for line in lines), ""]


def _row(method: str, subset: str, clips: Many[Judged], results: Many[FoldResult]) -> Row:
    metric: SpottingMetric[Any] = RULES["one-to-one"].make()
    spans: dict[str, list[tuple[int, int]]] = {}
    for result in results:
        spans |= _spans(result.predictions.get(method, ()))
    for clip in clips:
        truth = [Expression(m.onset, m.offset) for m in clip.truth if m.kind == "micro"]
        pred = [Expression(onset, offset) for onset, offset in dict.fromkeys(spans.get(clip.name, []))]
        metric.update(clip.name, truth, pred, group=clip.person)
    score = metric.compute()
    interval = bootstrap(metric.tallies(), lambda tally: metric.score(tally).f1)
    borders = border_errors(metric.matches)
    minutes = sum(clip.minutes for clip in clips)
    return Row(
        method, subset, score.f1, interval.low, interval.high, score.precision, score.recall,
        score.tp, score.fp, score.fn, score.fp / minutes,
        borders.onset_mean, borders.onset_std, borders.offset_mean, borders.offset_std,
    )  # fmt: skip


def _belongs(clip: Judged, subset: str) -> bool:
    calm = CALM.search(clip.name) is not None
    return subset == "all" or calm == (subset == "calm")


def _spans(rows: Any) -> dict[str, list[tuple[int, int]]]:
    out: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        if row["kind"] == "micro":
            out.setdefault(row["video"], []).append((row["onset"], row["offset"]))
    return out


def _hits(wanted: Many[Movement], spans: Many[tuple[int, int]]) -> int:
    metric: SpottingMetric[Any] = RULES["one-to-one"].make()
    metric.update(
        "clip",
        [Expression(m.onset, m.offset) for m in wanted],
        [Expression(*span) for span in dict.fromkeys(spans)],
    )
    return int(metric.compute().tp)


def _truth_table(clips: Many[Clip]) -> pd.DataFrame:
    rows = [
        {
            "video": clip.name, "onset": m.onset, "offset": m.offset, "kind": m.kind, "units": "|".join(m.units),
            "amplitude": m.amplitude, "person": clip.person,
        }
        for clip in clips
        for m in clip.truth
    ]  # fmt: skip
    columns = ["video", "onset", "offset", "kind", "units", "amplitude", "person"]
    return pd.DataFrame(rows, columns=columns)


def _video_table(clips: Many[Clip]) -> pd.DataFrame:
    rows = [(clip.name, clip.person, len(clip.log.pts_s), clip.fps) for clip in clips]
    return pd.DataFrame(rows, columns=["video", "person", "frames", "fps"])


def _prediction_table(rows: Many[dict[str, Any]]) -> pd.DataFrame:
    """Predictions as they are scored: of equal intervals, as of two faces in a video, the best."""
    table = pd.DataFrame(rows, columns=["video", "onset", "offset", "kind", "score", "person"])
    best = table.sort_values("score", ascending=False, kind="stable")
    return best.drop_duplicates(["video", "onset", "offset", "kind"]).sort_index()


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
