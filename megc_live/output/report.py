"""What the report says, in words and numbers; the template gives it its form."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from megc_live.events import LABELS
from megc_live.face.quality import SMALL_EYE_PX, TURNED_DEG
from megc_live.output.accumulate import QualityStats, Timeline
from megc_live.output.figures import quality_png, timeline_png
from megc_live.output.html_sink import ReportEvent
from megc_live.output.recording import Recording
from megc_live.output.reviewed import STATUSES, to_text
from megc_live.output.session import SessionInfo, to_json
from megc_live.output.words import clock, region_words

LEAST_FPS = 25.0
MUCH = 0.1
"""Share of the frames from which a flaw is worth a word."""

_LOST = "frames are missing: a movement inside the gap is not seen"
_PAUSED = "not analysed, as somebody wanted"
_MANY = 12
"""Face numbers that are named one by one."""


@dataclass(frozen=True)
class Measure:
    """One line of the quality panel; ``remark`` says what it means, ``bad`` that it costs accuracy."""

    name: str
    value: str
    remark: str
    bad: bool


DATA_ID = "megc-live-intervals"
"""Id of the hidden element that holds all that is known of the intervals, as JSON."""
RECORDING_ID = "megc-live-recording"
"""Id of the hidden element that says which recording they are of, as JSON."""


def render_report(
    session: SessionInfo,
    timeline: Timeline,
    quality: QualityStats,
    events: Sequence[ReportEvent],
    *,
    reviewed: bool = False,
) -> str:
    """Return the report as one HTML page that needs nothing else.

    Parameters
    ----------
    session : SessionInfo
        Complete.
    timeline : Timeline
        The rows over time.
    quality : QualityStats
        The rows' image quality.
    events : sequence of ReportEvent
        In any order.
    reviewed : bool
        Whether the page is a review's: it says who decided what then.
    """
    template = files("megc_live.output").joinpath("templates/report.html.jinja").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    ordered = sorted(events, key=lambda event: (event.record.onset_s, event.record.id))
    measures = list(_measures(session, quality))
    results = [event for event in ordered if event.item.status != "rejected"]
    micro = sum(event.record.kind == "micro" for event in results)
    still_open = Counter[str](
        event.record.kind for event in results if reviewed and event.item.status == "open"
    )
    return page.from_string(template).render(
        session=session,
        labels=LABELS,
        notice=session.notice,
        summary=_summary(session, quality, micro, len(results) - micro, still_open),
        nothing=_why_nothing(session, quality, measures) if not micro else [],
        micro=micro,
        frames=quality.frames,
        no_face=quality.frames > 0 and quality.frames_with_face == 0,
        spotting_only=_recognizer(session) == "none" and not any(event.record.label for event in ordered),
        reviewed=_reviewed(session, ordered) if reviewed else "",
        data_id=DATA_ID,
        data=to_text(event.item for event in ordered),
        recording_id=RECORDING_ID,
        recording=Recording.of(session).to_text(),
        timelines=list(_timelines(timeline, results, reviewed)),
        events=[_event(event) for event in ordered],
        measures=measures,
        quality_figure=_png_uri(quality_png(quality)) if quality.rows else "",
        warnings=session.warnings,
        record=to_json(session.as_dict()),
        several_faces=len({face for lane in timeline.lanes for face in lane.faces}) > 1,
    )


def _reviewed(session: SessionInfo, events: Sequence[ReportEvent]) -> str:
    """Say who reviewed and what was decided."""
    names = list(dict.fromkeys(event.record.reviewer for event in events if event.record.reviewer))
    counts = Counter(event.item.status for event in events)
    told = ", ".join(f"{counts[status]} {status}" for status in STATUSES)
    by = f" by {', '.join(names)}" if names else ""
    text = f"Reviewed{by}: {told}. Rejected intervals are listed, but not counted nor drawn."
    if counts["open"]:
        text += " Open ones are counted, though nobody has decided on them yet."
    if "reviewed_results_of" in session.run:
        text += " The source was analysed again after the review had begun: see the warnings below."
    return text


def _summary(
    session: SessionInfo, quality: QualityStats, micro: int, macro: int, still_open: Mapping[str, int]
) -> list[tuple[str, str, str]]:
    """Return tiles: what, how much, and a remark."""
    source, delay = session.source, session.delay
    watched_s = source.duration_s - quality.gaps.total_s
    not_watched = f", {quality.gaps.total_s:.1f} s not watched" if quality.gaps.n else ""
    duration = f"{source.duration_s:.1f} s"
    if source.duration_s >= 60:
        duration = f"{clock(source.duration_s)} {'h' if round(source.duration_s) >= 3600 else 'min'}"
    measured = delay.get("p95_s")
    size = f"{source.width}\u202f\u00d7\u202f{source.height}\u00a0px"
    return [
        ("micro-expressions", str(micro), _per_minute(micro, watched_s, still_open.get("micro", 0))),
        ("macro-expressions", str(macro), _per_minute(macro, watched_s, still_open.get("macro", 0))),
        (
            "duration",
            duration,
            f"{quality.frames} frames, {size}{not_watched}",
        ),
        ("frame rate", _fps(source.measured_fps), f"announced: {_fps(source.nominal_fps)}"),
        ("spotter", _spotter(session), _model(session, _spotter(session))),
        ("recognizer", _recognizer(session), _model(session, _recognizer(session))),
        (
            "decision delay",
            _seconds(delay.get("look_ahead_s")),
            "at most, as stated"
            + (f"; measured after offset, p95: {_seconds(measured)}" if measured is not None else ""),
        ),
    ]


def _per_minute(count: int, watched_s: float, still_open: int) -> str:
    rate = f"{60 * count / watched_s:.1f} per minute" if watched_s > 0 else ""
    return ", ".join(filter(None, (rate, f"{still_open} still open" if still_open else "")))


def _fps(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.4g} fps"


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"


def _spotter(session: SessionInfo) -> str:
    return str(session.settings.get("spotting", {}).get("spotter", "unknown"))


def _recognizer(session: SessionInfo) -> str:
    return str(session.settings.get("recognition", {}).get("recognizer", "unknown"))


def _model(session: SessionInfo, name: str) -> str:
    if name == "none":
        return "spotting only: no label is given"
    model = session.models.get(name)
    return f"model {str(model.get('sha256', ''))[:12]}" if model else ""


def _measures(session: SessionInfo, quality: QualityStats) -> Iterator[Measure]:
    """Yield the lines of the quality panel."""
    source, share = session.source, quality.face_share
    if not math.isnan(share):
        yield Measure(
            "frames with a face",
            f"{_percent(share)} ({quality.frames_with_face} of {quality.frames})",
            "nothing can be found on the other frames" if share < 1 else "",
            share < 1 - MUCH,
        )
    yield from _rates(session)
    if quality.gaps.n:
        times = "once" if quality.gaps.n == 1 else f"{quality.gaps.n} times, first"
        yield Measure(
            "time without frames",
            f"{quality.gaps.total_s:.1f} s",
            f"paused, or the source was away, {times} at {clock(quality.gaps.first_s)}: nothing can be found "
            "in it, and the rates per minute leave it out",
            False,
        )
    for name, count in source.extras.items():
        if isinstance(count, int) and not isinstance(count, bool) and count:
            bad = name in ("dropped", "decode_errors")
            yield Measure(
                f"frames {name.replace('_', ' ')}".replace("frames decode errors", "decode errors"),
                str(count),
                _LOST if bad else _PAUSED if name == "paused" else "",
                bad,
            )
    if not quality.rows:
        return
    eye = quality.eye_px.quantile(0.5)
    if not math.isnan(eye):
        small = eye < SMALL_EYE_PX
        yield Measure(
            "eye distance",
            f"{eye:.0f} px (median)",
            f"below {SMALL_EYE_PX:.0f} px small movements are missed" if small else "",
            small,
        )
    for word, name, remark in (
        ("turned", f"turned by more than {TURNED_DEG:.0f}°", "movements on the far side are missed"),
        ("dark", "too dark", "noise hides small movements: use more light"),
        ("bright", "too bright", "skin without texture: use less light or a shorter exposure"),
        ("blurred", "blurred", "small movements are smeared: focus, use more light or a shorter exposure"),
    ):
        share = quality.share(word)
        yield Measure(
            f"face {name}", f"{_percent(share)} of the time", remark if share > MUCH else "", share > MUCH
        )


def _rates(session: SessionInfo) -> Iterator[Measure]:
    measured, nominal = session.source.measured_fps, session.source.nominal_fps
    slow = measured < LEAST_FPS - 0.1
    off = not math.isnan(nominal) and abs(measured - nominal) > 0.05 * nominal
    remark = "below 25 frames/s the shortest micro-expressions fall between frames" if slow else ""
    if off and not slow:
        remark = "not the rate that the source announces; the frames' own times are used"
    yield Measure("measured frame rate", f"{_fps(measured)} (announced: {_fps(nominal)})", remark, slow)


def _percent(share: float) -> str:
    return "under 1 %" if 0 < share < 0.01 else f"{math.floor(100 * share)} %"


def _why_nothing(session: SessionInfo, quality: QualityStats, measures: Sequence[Measure]) -> list[str]:
    """Return reasons for which no micro-expression may have been found."""
    if not quality.frames:
        return ["The source gave no frame."]
    if not quality.frames_with_face:
        return [
            "A face may be too small (under about 80 px high), turned away, covered or too dark, or the "
            "picture may be upside down."
        ]
    reasons = [_sentence(f"{bad.name} {bad.value}: {bad.remark}") for bad in measures if bad.bad]
    least = session.settings.get("spotting", {}).get("min_eye_px", 0.0)
    eye = quality.eye_px.quantile(0.5)
    if eye < least:
        reasons.append(
            f"The eye distance is {eye:.0f} px. Faces under {least:g} px are not spotted at all "
            "(setting spotting.min_eye_px)."
        )
    if session.source.duration_s < 2:
        reasons.append(
            "The recording is shorter than 2 s: a spotter needs to see what comes before and after."
        )
    if not reasons:
        reasons.append(
            "The picture is good enough. Micro-expressions are rare, and weak ones may stay under the "
            "spotter's threshold (setting spotting.threshold; a lower one gives more false alarms)."
        )
    return reasons


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _timelines(timeline: Timeline, events: Sequence[ReportEvent], reviewed: bool) -> Iterator[dict[str, str]]:
    for lane in timeline.shared_lanes():
        there = [event for event in events if event.record.face_id in lane.faces]
        records = [event.record for event in there]
        still_open = sum(event.item.status == "open" for event in there) if reviewed else 0
        micro = sum(record.kind == "micro" for record in records)
        faces = ", ".join(str(face) for face in lane.faces)
        if len(lane.faces) > _MANY:
            faces = (
                f"{', '.join(str(face) for face in [*lane.faces][:_MANY])} and {len(lane.faces) - _MANY} more"
            )
        title = f"Face {faces}" if len(lane.faces) == 1 else f"Faces {faces}, one after another"
        counts = f"{micro} micro, {len(records) - micro} macro"
        counts += f", {still_open} of them still open" if still_open else ""
        yield {
            "title": title,
            "counts": counts,
            "figure": _png_uri(timeline_png(timeline, lane, records)),
            "alt": f"{title}: activity of the twelve regions, head motion and blinks over time; {counts}",
        }


def _event(event: ReportEvent) -> dict[str, Any]:
    record = event.record
    duration_s = record.offset_s - record.onset_s
    return {
        "id": record.id,
        "face": record.face_id,
        "kind": record.kind,
        "score": f"{record.score:.2f}",
        "duration": f"{1000 * duration_s:.0f} ms",
        "n_frames": record.offset_frame - record.onset_frame + 1,
        "marks": [
            {
                "name": mark,
                "time": clock(time_s, 0.001),
                "frame": frame,
                "picture": event.pictures.get(mark, ""),
            }
            for mark, time_s, frame in (
                ("onset", record.onset_s, record.onset_frame),
                ("apex", record.apex_s, record.apex_frame),
                ("offset", record.offset_s, record.offset_frame),
            )
        ],
        "regions": [region_words(name) for name in record.regions],
        "label": record.label,
        "bars": [
            {"label": label, "share": f"{100 * p:.0f}", "top": label == record.label}
            for label, p in zip(LABELS, record.probabilities or (), strict=bool(record.probabilities))
        ],
        "flow": event.pictures.get("flow", ""),
        "n_dropped": record.n_dropped,
        "note": event.note,
        "boxes": event.item.status != "rejected" or bool(event.pictures),
        "delay": "" if math.isnan(event.decided_s) else f"{event.decided_s - record.offset_s:.2f} s",
        "status": event.item.status,
        "comment": event.item.comment,
        "by": ", ".join(
            word
            for word in (
                event.record.reviewer,
                event.item.changed[:16].replace("T", " "),
                "set by hand" if record.source == "human" else "",
            )
            if word
        ),
    }


def _png_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
