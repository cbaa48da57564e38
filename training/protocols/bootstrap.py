"""How sure a pooled score is: percentile bootstrap over persons.

Clips of one person are not independent of each other, so persons are drawn, with replacement, and the
score is computed from the pooled counts of those drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Bootstrap:
    """A score with its percentile interval: ``low`` and ``high`` enclose the share ``level`` of the draws."""

    value: float
    low: float
    high: float
    level: float
    groups: int
    draws: int


def bootstrap(
    counts: Mapping[str, NDArray[Any]],
    statistic: Callable[[NDArray[Any]], float],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Bootstrap:
    """Bootstrap a score that is computed from pooled counts.

    Parameters
    ----------
    counts : mapping of str to ndarray
        Counts of each group (person), all of one shape, for example
        :meth:`training.protocols.spotting.SpottingMetric.tallies` or confusion matrices.
    statistic : callable
        Makes the score of summed counts of that shape.
    draws : int
    level : float
        Between 0 and 1.
    seed : int
        The same seed and the same counts, in whatever order, give the same interval.

    Raises
    ------
    ValueError
        There is no group, or ``draws`` or ``level`` is not possible.

    Examples
    --------
    >>> counts = {"a": np.array([8, 10]), "b": np.array([2, 10])}
    >>> result = bootstrap(counts, lambda pooled: pooled[0] / pooled[1])
    >>> result.value, result.low, result.high
    (0.5, 0.2, 0.8)
    """
    if not counts:
        raise ValueError("the bootstrap needs at least one group")
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"draws must be 1 or more and level between 0 and 1, got {draws} and {level}")
    table = np.stack([np.asarray(counts[name]) for name in sorted(counts)])
    n = len(table)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    pooled = np.tensordot(times, table, axes=1)
    scores = np.array([statistic(one) for one in pooled], dtype=np.float64)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Bootstrap(float(statistic(table.sum(axis=0))), float(low), float(high), level, n, draws)
