"""Whether a choice matters: the same network trained several times with one choice, and several times with another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t


class Spread(NamedTuple):
    """What several runs reached: their number, their mean, and their standard deviation (of a sample; None for one)."""

    runs: int
    mean: float
    deviation: float | None


class Difference(NamedTuple):
    """The first mean less the second, and the interval that holds it with the wanted confidence."""

    value: float
    interval: tuple[float, float]

    @property
    def told(self) -> bool:
        """Whether it can be told from chance."""
        low, high = self.interval
        return low > 0 or high < 0


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError where there is none."""
    if not values:
        raise ValueError("there is no value to take the mean of")
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(len(values), float(np.mean(values)), deviation)


def difference(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95) -> Difference | None:
    """The difference of two means over runs of different seeds, with Welch's interval (Welch 1947): the two may spread
    differently. None where one has fewer than two runs, or none spreads at all, for then nothing is known of chance."""
    if min(len(first), len(second)) < 2 or not (np.ptp(first) or np.ptp(second)):
        return None
    # Written out, for SciPy's ttest_ind warns of lost precision where all runs of one side reached the same.
    one, other = (np.var(values, ddof=1) / len(values) for values in (first, second))
    freedom = (one + other) ** 2 / (one**2 / (len(first) - 1) + other**2 / (len(second) - 1))
    middle = float(np.mean(first) - np.mean(second))
    half = float(t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(one + other))
    return Difference(middle, (middle - half, middle + half))
