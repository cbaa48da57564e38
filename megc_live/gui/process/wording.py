"""How the queue speaks: times, states and what became of a file, in words."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path

from megc_live.batch_items import OVER, ItemState, ItemView, QueueView

SIGNS = {
    "waiting": "·",
    "running": "▶",
    "paused": "||",
    "done": "✓",
    "failed": "✗",
    "cancelled": "□",
    "skipped": "↷",
}
"""A shape for each state, so that none is told by its colour alone."""


def how_long(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> how_long(7.2), how_long(75), how_long(7300), how_long(float("nan"))
    ('7 s', '1 min 15 s', '2 h 1 min', '')
    """
    if not math.isfinite(seconds):
        return ""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def frames_words(frames: int, of: int | None = None) -> str:
    """Return a number of frames in words, of how many if that is known.

    Examples
    --------
    >>> frames_words(1), frames_words(20), frames_words(1, 20)
    ('1 frame', '20 frames', '1 of 20 frames')
    """
    last = of or frames
    return f"{f'{frames} of ' if of else ''}{last} frame{'' if last == 1 else 's'}"


def state_text(item: ItemView) -> str:
    """Return the state of a file as the table shows it."""
    text: str = "stopping" if item.stopping else item.state
    warned = len(item.outcome.warnings) if item.outcome is not None else 0
    if warned and item.state != "failed":
        text += f", {warned} warning{'s' if warned > 1 else ''}"
    if item.folder is not None and item.folder.name not in (Path(item.spec).stem, Path(item.spec).name):
        text += f", in {item.folder.name}"
        text += f": {item.beside}" if item.beside and item.state != "failed" else ""
    if item.state == "failed" and (why := reason(item)):
        text += f": {why}"
    return f"{SIGNS[item.state]} {text}"


def reason(item: ItemView) -> str:
    """Return why a file failed without its path, which the row and the tooltip have already.

    Messages begin with the path (``'a.mp4' is empty``) or have it inside (``there is no file 'a.mp4'``).
    """
    text = item.outcome.error if item.outcome is not None else ""
    for path in (item.spec, str(Path(item.spec).absolute())):
        name = re.escape(repr(path))
        text = re.sub(rf"^{name}\s*", "", text)
        text = re.sub(rf"\b(of|in|from|to) {name}", r"\1 it", text)
        text = re.sub(rf"\s*{name}", "", text)
    return text


def failure_text(item: ItemView) -> str:
    """Return all that is known of a failure, to be copied: the file, what was wrong, the warnings."""
    outcome = item.outcome
    said = (outcome.error, *outcome.warnings) if outcome is not None else ()
    return "\n".join(filter(None, (item.spec, *said)))


def progress_text(item: ItemView) -> str:
    """Return what the progress bar says."""
    if item.state == "failed":
        return ""
    if not math.isnan(item.fraction):
        return f"{100 * item.fraction:.0f} %" if item.state != "waiting" else ""
    return frames_words(item.done) if item.done else "opening" if item.state == "running" else ""


def bar_text(queue: QueueView) -> str:
    """Return what the whole queue's bar says: how much is done, never 100 % for what was not analysed."""
    if not queue.items:
        return ""
    if bad := _in_bar(queue):
        done = queue.counts.get("done", 0) + queue.counts.get("skipped", 0)
        return f"{done} done, {queue.counts[bad]} {bad}"
    return f"{100 * queue.fraction:.0f} %"


def whole_text(queue: QueueView) -> str:
    """Return one line on the whole queue, without what the bar beside it says (:func:`bar_text`)."""
    n = len(queue.items)
    if not n:
        return "The queue is empty."
    bad = _in_bar(queue)
    in_bar = ("done", bad) if bad else ()
    parts = [
        f"{queue.counts[state]} {state}"
        for state in ("running", "paused", "waiting", "done", "skipped", "failed", "cancelled")
        if queue.counts.get(state) and state not in in_bar
    ]
    text = ": ".join(filter(None, (f"{n} file{'s' if n > 1 else ''}", ", ".join(parts))))
    left = how_long(queue.eta_s)
    if queue.state == "paused":
        return f"{text}. Paused."
    return f"{text}. About {left} left." if left else f"{text}."


def _in_bar(queue: QueueView) -> ItemState | None:
    """Return the state of those that are named in the bar in place of a share; None: there are none."""
    if queue.counts.get("failed"):
        return "failed"
    goes_on = any(count and state not in OVER for state, count in queue.counts.items())
    return "cancelled" if queue.counts.get("cancelled") and not goes_on else None


def detail_html(item: ItemView | None, colours: dict[str, str]) -> str:
    """Return what is known of one file, as simple HTML.

    Parameters
    ----------
    item : ItemView or None
        None: nothing is selected.
    colours : dict of str to str
        ``bad``, ``warn`` and ``soft`` as ``#rrggbb``.
    """
    if item is None:
        return _p("Select a file to see what is known of it.", colours["soft"])
    parts = [f"<p><b>{html.escape(item.spec)}</b></p>"]
    outcome = item.outcome
    if outcome is None:
        parts.append(_p(f"{state_text(item)}. {_so_far(item)}"))
        return "".join(parts)
    if outcome.error:
        parts.append(_p(f"✗ Error: {outcome.error}", colours["bad"]))
    if item.state == "skipped":
        parts.append(_p("↷ Complete and unchanged: its earlier results stand."))
    elif outcome.frames:
        stopped = " Stopped before its end; what was found till then is kept." if _is_cut(item) else ""
        parts.append(
            _p(
                f"{frames_words(outcome.frames)} in {how_long(outcome.took_s) or 'an unknown time'}, "
                f"{outcome.micro} micro- and {outcome.macro} macro-expressions.{stopped}"
            )
        )
    elif item.state == "cancelled":
        parts.append(_p("□ Cancelled; nothing was found till then."))
    parts += [_p(f"⚠ Warning: {warning}", colours["warn"]) for warning in outcome.warnings]
    if item.folder is not None:
        why = f" ({item.beside})" if item.beside else ""
        parts.append(_p(f"Results: {item.folder}{why}", colours["soft"]))
    return "".join(parts)


def _is_cut(item: ItemView) -> bool:
    return item.state == "cancelled"


def _so_far(item: ItemView) -> str:
    if not item.done:
        return ""
    rate = f", {item.rate:.0f} frames/s" if math.isfinite(item.rate) else ""
    left = f", about {how_long(item.eta_s)} left" if math.isfinite(item.eta_s) else ""
    return f"{frames_words(item.done, item.total)}{rate}{left}."


def _p(text: str, colour: str | None = None) -> str:
    style = f' style="color: {colour}"' if colour else ""
    return f"<p{style}>{html.escape(text)}</p>"
