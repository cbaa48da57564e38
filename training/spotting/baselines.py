"""The chance level of spotting: an alarm that never stops.

Whoever says 'now' nearly all the time, in pieces as long as a micro-expression, finds a few by chance.
That F1 belongs beside every score of a spotter on the same videos.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from training.protocols.matching import Expression, Movement
from training.protocols.spotting import Score, SpottingMetric

FIRE_FRAMES = 11
"""Length of an interval at the reference rate, of every 12 frames."""

FIRE_FPS = 30.0
"""Reference rate: at others the intervals stay between .367 and .4 s long (rates of 25 and more)."""


def fire_always(frames: int, fps: float) -> list[Expression]:
    """Return micro-expressions all over a video: 11 frames of every 12 at 30 fps.

    Parameters
    ----------
    frames : int
        Length of the video.
    fps : float
        Its frames per second; the interval's and the gap's number of frames grow with it.

    Returns
    -------
    list of Expression
        Frames 0-based and inclusive; the last interval ends with the video at the latest.

    Examples
    --------
    >>> [interval.frames for interval in fire_always(30, 30.0)]
    [(0, 10), (12, 22), (24, 29)]
    """
    if frames < 0 or not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"a video has 0 or more frames and a rate above 0, got {frames} and {fps}")
    length = math.ceil(round(FIRE_FRAMES * fps / FIRE_FPS, 6))
    period = length + max(1, round(length / FIRE_FRAMES))
    return [Expression(onset, min(onset + length, frames) - 1) for onset in range(0, frames, period)]


def chance_level(
    metric: SpottingMetric[Score],
    truth: Mapping[str, Iterable[Movement]],
    videos: Mapping[str, tuple[int, float]],
    groups: Mapping[str, str] | None = None,
) -> Score:
    """Score :func:`fire_always` under a rule.

    Parameters
    ----------
    metric : SpottingMetric
        Reset first.
    truth : mapping of str to iterable of Movement
        What is annotated in each video; a video without annotation may be left out.
    videos : mapping of str to (int, float)
        Frames and frames per second of every video.
    groups : mapping of str to str, optional
        Who is in each video.
    """
    metric.reset()
    for video in sorted(videos):
        metric.update(video, truth.get(video, ()), fire_always(*videos[video]), (groups or {}).get(video))
    return metric.compute()
