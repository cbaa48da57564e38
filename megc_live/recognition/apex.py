"""The apex inside an interval: the frame in which the face is furthest from its onset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from megc_live.recognition.flow import dense_flow, without_head

U8 = NDArray[np.uint8]
ApexRule = Literal["flow", "mid"]


def find_apex(crops: NDArray[np.uint8] | Sequence[U8], rule: ApexRule = "flow") -> int:
    """Return the index of the apex among aligned faces.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, rows, columns)
        Grey, aligned alike, in order of time; the first is the onset.
    rule : str
        ``"flow"``: largest flow from the onset, with the head's motion fitted out. ``"mid"``: the
        middle frame, which on CASME II and SAMM is close to the annotated apex in the mean.

    Returns
    -------
    int
        0 to n - 1; the earliest where several are equal.

    Raises
    ------
    ValueError
        No crops, or an unknown rule.
    """
    if len(crops) == 0:
        raise ValueError("an apex needs one crop or more, got none")
    if rule == "mid":
        return len(crops) // 2
    if rule != "flow":
        raise ValueError(f"apex rule {rule!r} is neither flow nor mid")
    return int(np.argmax(distances(crops)))


def distances(crops: NDArray[np.uint8] | Sequence[U8]) -> NDArray[np.float64]:
    """Return each crop's mean flow from the first one, head motion fitted out, pixels, shape (n,)."""
    out = np.zeros(len(crops))
    for k, crop in enumerate(crops):
        if k > 0:
            flow = without_head(dense_flow(crops[0], crop))
            out[k] = float(np.hypot(flow[..., 0], flow[..., 1]).mean())
    return out
