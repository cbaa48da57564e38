"""Whether a source holds enough to be analysed, and whether all of it was there."""

from __future__ import annotations

from megc_live.errors import SourceError
from megc_live.video import SourceInfo

LEAST_FRAMES = 11
"""A local temporal pattern is nine frames and the one it starts from: in less nothing can be spotted."""
LEAST_SIDE = 16
_WHOLE_SHARE = 0.9
"""Containers count a few frames more than they show; a source with fewer than this share was cut off."""


def check_pictures(info: SourceInfo) -> None:
    """Raise :class:`SourceError` for pictures in which no face can be."""
    if min(info.width, info.height) < LEAST_SIDE:
        raise SourceError(
            f"the pictures of {info.spec!r} are {info.width} x {info.height} pixels: too small for a face.",
            f"Give a video of at least {LEAST_SIDE} x {LEAST_SIDE}; a face needs 50 pixels between the eyes.",
        )


def check_length(info: SourceInfo, frames: int) -> None:
    """Raise :class:`SourceError` for a recording that is over before anything can be spotted."""
    if frames < LEAST_FRAMES:
        raise SourceError(
            f"{info.spec!r} has only {frames} frames: too short to spot a movement in.",
            f"Give a recording of at least {LEAST_FRAMES} frames, better of 2 s and more.",
        )


def why_cut_off(info: SourceInfo, frames: int) -> str:
    """Say that fewer frames came than the container announced, and what to do; nothing if they all came."""
    announced = info.n_frames
    if not announced or frames >= _WHOLE_SHARE * announced:
        return ""
    return (
        f"{info.spec!r} ends after {frames} of {announced} announced frames: it was cut off while it was "
        "copied or recorded. Copy or record it again."
    )
