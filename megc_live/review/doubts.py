"""What of an interval does not fit what its kind means; a person may mean it so, and nothing is refused."""

from __future__ import annotations

from megc_live.output.reviewed import ReviewInterval

MICRO_S = 0.5
"""Micro-expressions last this long at most (MEGC), macro-expressions longer; seconds."""
_HALF_FRAME_S = 0.02
"""At 25 frames/s: a length is known no better."""


def length_doubt(item: ReviewInterval) -> str:
    """Return why an interval's length does not fit its kind; empty if it does, or was rejected."""
    record = item.record
    length_s = record.offset_s - record.onset_s
    if item.status == "rejected":
        return ""
    if record.offset_frame <= record.onset_frame:
        return "Onset and offset are one frame, so that it has no length: move one of them, or reject it."
    told = f"this {record.kind}-expression has {1000 * length_s:.0f} ms"
    if record.kind == "micro" and length_s > MICRO_S + _HALF_FRAME_S:
        return f"A micro-expression lasts {1000 * MICRO_S:.0f} ms at most, {told}: K makes it a macro."
    if record.kind == "macro" and length_s < MICRO_S - _HALF_FRAME_S:
        return f"A macro-expression lasts more than {1000 * MICRO_S:.0f} ms, {told}: K makes it a micro."
    return ""


def label_doubt(item: ReviewInterval) -> str:
    """Return why an interval's label does not fit its kind; empty if it does, or was rejected."""
    record = item.record
    if item.status == "rejected" or record.kind == "micro" or not record.label:
        return ""
    return f"The labels are of micro-expressions, this is a macro with {record.label!r}: 0 takes it away."
