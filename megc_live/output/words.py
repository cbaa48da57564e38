"""Names and times as a reader sees them."""

from __future__ import annotations

import math


def region_words(name: str) -> str:
    """Return a region's name as a reader sees it.

    Examples
    --------
    >>> region_words("brow_r_outer")
    'brow R outer'
    """
    return " ".join({"r": "R", "l": "L"}.get(part, part) for part in name.split("_"))


def clock(t_s: float, step_s: float = 1.0) -> str:
    """Return a time as 7.5, 1:05 or 1:02:03, with as many decimals as steps of ``step_s`` need."""
    decimals = max(0, math.ceil(-math.log10(step_s))) if step_s < 1 else 0
    t_s = round(t_s, decimals)
    minutes, seconds = divmod(t_s, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{seconds:0{3 + decimals if decimals else 2}.{decimals}f}"
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"
