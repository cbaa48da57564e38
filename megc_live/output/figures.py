"""Figures of the report, drawn with matplotlib into PNG bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray
from PIL import Image

from megc_live.face.quality import BLURRED, BRIGHT, DARK, SMALL_EYE_PX, TURNED_DEG
from megc_live.face.regions import REGIONS
from megc_live.output.accumulate import BLINK, HEAD, Histogram, Lane, QualityStats, Timeline
from megc_live.output.tables import IntervalRecord
from megc_live.output.words import clock as clock
from megc_live.output.words import region_words as region_words

# Okabe and Ito's palette, told apart with any colour vision; micro and macro differ in pattern too.
MICRO, MACRO, INK, SOFT = "#D55E00", "#0072B2", "#22303C", "#9AA5AE"
COLOURS = {"micro": MICRO, "macro": MACRO}
_HATCHES = {"micro": "////", "macro": "...."}
_MARKERS = {"micro": "v", "macro": "s"}

_FONT = 8.5
_DPI = 160
_LEAST_WIDTH = 0.0025
"""Narrowest shade of an interval, as a share of the time axis."""

Floats = NDArray[np.float64]


def timeline_png(timeline: Timeline, lane: Lane, records: Sequence[IntervalRecord]) -> bytes:
    """Draw one lane: twelve regions, blink and head motion, with the intervals shaded.

    Parameters
    ----------
    timeline : Timeline
        At least one frame.
    lane : Lane
        One of its lanes.
    records : sequence of IntervalRecord
        The intervals of the lane's faces.
    """
    figure = Figure(figsize=(11.5, 6.2), dpi=_DPI)
    axes = figure.add_axes((0.105, 0.075, 0.885, 0.84))
    end_s = max(timeline.end_s, timeline.start_s + timeline.width_s)
    axes.set_xlim(timeline.start_s, end_s)
    there = timeline.frames[: timeline.n_bins] > 0
    times = timeline.times()[there] + (timeline.width_s / 2 if timeline.width_s > 0.02 else 0)
    low, high = (
        _masked(values[: timeline.n_bins], lane, timeline)[there] for values in (lane.low, lane.high)
    )
    activity, head = _scale(high[:, :BLINK]), _scale(high[:, HEAD:])
    n = len(REGIONS)
    for k in range(n):
        _trace(axes, times, low[:, k] / activity, high[:, k] / activity, n - k + 1.6, INK)
    _trace(axes, times, low[:, HEAD] / head, high[:, HEAD] / head, 1.0, "#5B4A8A")
    _trace(axes, times, low[:, BLINK], high[:, BLINK], 0.0, "#00795C")
    top = n + 1.6 + 1
    room = (1.9 if records else 0.3) + (0.5 if len(lane.faces) > 1 else 0.0)
    axes.set_ylim(-0.15, top + room)
    shaded = (top + 0.2) / (top + room + 0.15)
    _mark_absence(axes, timeline, lane, shaded)
    _mark_intervals(axes, records, top, shaded)
    _mark_faces(axes, lane, top + room)
    axes.set_yticks(
        [n - k + 1.6 + 0.4 for k in range(n)] + [1.4, 0.4],
        [*(region_words(name) for name in REGIONS), "head motion", "blink"],
    )
    _plain(axes)
    _time_axis(axes, end_s - timeline.start_s)
    figure.text(
        0.105,
        0.985,
        f"One row: 0 to {activity:.2g} % of the eye distance (regions), 0 to {head:.2g} % (head motion), "
        "0 to 1 (blink)",
        fontsize=_FONT - 0.5,
        color="#4A5661",
        va="top",
    )
    _legend(figure)
    return _png(figure)


def quality_png(stats: QualityStats) -> bytes:
    """Draw how eye distance, pose, exposure and sharpness are distributed; needs rows with a face."""
    panels: tuple[tuple[str, Histogram, tuple[float, ...]], ...] = (
        ("eye distance (px)", stats.eye_px, (SMALL_EYE_PX,)),
        ("pitch (degrees, + chin down)", stats.pitch, (-TURNED_DEG, TURNED_DEG)),
        ("yaw (degrees, + to own left)", stats.yaw, (-TURNED_DEG, TURNED_DEG)),
        ("exposure (grey level)", stats.exposure, (DARK, BRIGHT)),
        ("sharpness (Laplacian)", stats.blur, (BLURRED,)),
    )
    figure = Figure(figsize=(11.5, 2.1), dpi=_DPI)
    for k, (title, histogram, limits) in enumerate(panels):
        axes = figure.add_axes((0.015 + k * 0.199, 0.2, 0.175, 0.62))
        _histogram(axes, histogram, limits)
        axes.set_title(title, fontsize=_FONT, color=INK, loc="left")
        axes.set_yticks([])
        _plain(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    return _png(figure)


def _histogram(axes: Axes, histogram: Histogram, limits: tuple[float, ...]) -> None:
    for limit in limits:
        axes.axvline(limit, color=MICRO, linewidth=1.2, linestyle=(0, (4, 2)))
    if not histogram.total:
        axes.text(
            0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes, fontsize=_FONT
        )
        return
    low, high = histogram.used()
    low, high = min(low, *limits), max(high, *limits)
    margin = 0.06 * (high - low) + histogram.bin_width
    low, high = max(histogram.low, low - margin), min(histogram.high, high + margin)
    wide = histogram.bin_width * max(1, math.ceil((high - low) / 40 / histogram.bin_width))
    edges = np.arange(math.floor((low - histogram.low) / wide) * wide + histogram.low, high + wide, wide)
    centres = histogram.low + (np.arange(len(histogram.counts)) + 0.5) * histogram.bin_width
    counts, _ = np.histogram(centres, edges, weights=histogram.counts)
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=MACRO, linewidth=0)
    axes.set_xlim(low, high)


def _masked(values: NDArray[np.float32], lane: Lane, timeline: Timeline) -> Floats:
    """Return the values with bins in which the face is mostly missing set to NaN."""
    out = values.astype(np.float64)
    out[_absent(timeline, lane)] = np.nan
    return out


def _absent(timeline: Timeline, lane: Lane) -> NDArray[np.bool_]:
    frames, rows = timeline.frames[: timeline.n_bins], lane.rows[: timeline.n_bins]
    return np.asarray((frames > 0) & (2 * rows < frames))


def _scale(values: Floats) -> float:
    """Return the value that fills a row: nearly the largest, so that one outlier does not flatten all."""
    known = values[np.isfinite(values)]
    return max(1e-6, float(np.percentile(known, 99.7))) if known.size else 1.0


def _trace(axes: Axes, times: Floats, low: Floats, high: Floats, base: float, colour: str) -> None:
    bottom, top = (base + 0.95 * np.clip(values, 0, 1.0) for values in (low, high))
    axes.axhline(base, color="#DDE2E6", linewidth=0.6, zorder=1)
    axes.fill_between(times, bottom, top, color=colour, alpha=0.55, linewidth=0, zorder=3)
    axes.plot(times, top, color=colour, linewidth=0.6, zorder=4)


def _mark_absence(axes: Axes, timeline: Timeline, lane: Lane, ymax: float) -> None:
    """Shade where this face is not tracked: runs of bins with frames, hardly any of them with it."""
    there = np.flatnonzero(timeline.frames[: timeline.n_bins] > 0)
    edges = np.append(timeline.times()[there], timeline.end_s + timeline.width_s)
    away = _absent(timeline, lane)[there].astype(np.int8)
    steps = np.diff(np.concatenate(([0], away, [0])))
    for start, stop in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        axes.axvspan(
            edges[start],
            edges[stop],
            facecolor="#E9ECEE",
            edgecolor="#B4BDC4",
            hatch="xx",
            linewidth=0,
            zorder=2,
            ymax=ymax,
        )


def _mark_intervals(axes: Axes, records: Sequence[IntervalRecord], top: float, ymax: float) -> None:
    left, right = axes.get_xlim()
    span = right - left
    labelled = {"micro": -math.inf, "macro": -math.inf}
    for record in sorted(records, key=lambda item: item.onset_s):
        colour = COLOURS[record.kind]
        middle = (record.onset_s + record.offset_s) / 2
        half = max(record.offset_s - record.onset_s, _LEAST_WIDTH * span) / 2
        axes.axvspan(
            middle - half,
            middle + half,
            ymax=ymax,
            facecolor=(colour, 0.20),
            edgecolor=(colour, 0.75),
            hatch=_HATCHES[record.kind],
            linewidth=0,
            zorder=2.5,
        )
        height = top + (0.3 if record.kind == "micro" else 1.15)
        axes.plot(record.apex_s, height, _MARKERS[record.kind], color=colour, markersize=4.5, zorder=5)
        if record.apex_s - labelled[record.kind] > 0.02 * span:
            labelled[record.kind] = record.apex_s
            axes.text(
                record.apex_s,
                height + 0.22,
                str(record.id),
                fontsize=_FONT - 1.5,
                color=colour,
                ha="center",
                va="bottom",
            )


def _mark_faces(axes: Axes, lane: Lane, top: float) -> None:
    """Where faces came one after another: a line at each change."""
    if len(lane.faces) < 2:
        return
    left, right = axes.get_xlim()
    labelled = -math.inf
    for face, t_s in lane.faces.items():
        axes.axvline(t_s, color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=2)
        if t_s - labelled > 0.05 * (right - left):
            labelled = t_s
            axes.text(
                t_s, top, f" face {face}", fontsize=_FONT - 1.5, color="#4A5661", va="top", clip_on=True
            )


def _time_axis(axes: Axes, span_s: float) -> None:
    if span_s < 60:
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]))
        axes.set_xlabel("time (s)", fontsize=_FONT, color=INK)
        return
    step = next((step for step in _STEPS_S if span_s / step <= 10), 3600 * math.ceil(span_s / 36000))
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock(value)))
    axes.set_xlabel(
        "time (h:min:s)" if axes.get_xlim()[1] >= 3600 else "time (min:s)", fontsize=_FONT, color=INK
    )


_STEPS_S = (10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600)


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.tick_params(labelsize=_FONT, colors=INK, length=0)
    axes.tick_params(axis="x", length=3, color=SOFT)


def _legend(figure: Figure) -> None:
    handles: list[Patch | Line2D] = [
        Patch(
            facecolor=(COLOURS[kind], 0.20),
            edgecolor=(COLOURS[kind], 0.75),
            hatch=_HATCHES[kind] * 2,
            linewidth=0,
            label=kind,
        )
        for kind in COLOURS
    ]
    handles.append(
        Patch(facecolor="#E9ECEE", edgecolor="#B4BDC4", hatch="xxxx", linewidth=0, label="face not tracked")
    )
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.992, 1.0),
        ncols=3,
        fontsize=_FONT,
        frameon=False,
        borderpad=0.2,
    )


def _png(figure: Figure) -> bytes:
    """Render with a palette of 256 colours: half the size, and nothing is lost to the eye."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(pixels[..., :3])
    out = io.BytesIO()
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()
