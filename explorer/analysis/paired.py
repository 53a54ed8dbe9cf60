"""Whether one network reads more images right than another, when both have answered to the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from explorer.analysis.evaluate import Evaluation
from explorer.errors import DataError


@dataclass(frozen=True)
class Paired:
    """Numbers of images that both networks read right, the first or the second alone, and neither.

    ``difference`` is the first one's accuracy less the second's, a fraction, and ``interval`` holds it with 95 %
    confidence. ``p_value`` is the chance of a difference as large or larger if neither were better.
    """

    both: int
    first: int
    second: int
    neither: int
    difference: float
    interval: tuple[float, float]
    p_value: float


def paired(first: Evaluation, second: Evaluation, *, confidence: float = 0.95) -> Paired:
    """Compares two networks' answers to the same N images.

    Images that both read alike say nothing about which is better. Of the others, each falls to the one or the other
    side as a coin does, if neither is better: McNemar's test in its exact form (Dietterich 1998, 'Approximate
    statistical tests for comparing supervised classification learning algorithms', section 3.1). The interval follows
    from Clopper and Pearson's of that coin, so it excludes 0 where the p-value is below 5 %; it takes the number of
    images on which they differ as given.

    Raises DataError where they have answered to other images.
    """
    if len(first.labels) != len(second.labels) or (first.labels != second.labels).any():
        raise DataError("these networks have not answered to the same images: choose ones of one data set")
    one, other = first.predictions == first.labels, second.predictions == second.labels
    alone, beside = int((one & ~other).sum()), int((other & ~one).sum())
    differ, total = alone + beside, len(one)
    low, high, p_value = 0.0, 0.0, 1.0
    if differ:
        coin = binomtest(alone, differ)
        sides = coin.proportion_ci(confidence, method="exact")
        low, high = ((2 * side - 1) * differ / total for side in sides)
        p_value = float(coin.pvalue)
    return Paired(
        both=int((one & other).sum()),
        first=alone,
        second=beside,
        neither=int((~one & ~other).sum()),
        difference=(alone - beside) / total,
        interval=(float(low), float(high)),
        p_value=p_value,
    )


def only_right(first: Evaluation, second: Evaluation) -> np.ndarray:
    """The numbers (M,) of the images that the first network reads right and the second wrong, in ascending order."""
    one, other = first.predictions == first.labels, second.predictions == second.labels
    return np.flatnonzero(one & ~other)


def both_wrong(first: Evaluation, second: Evaluation) -> np.ndarray:
    """The numbers (M,) of the images that both networks read wrong, in ascending order."""
    return np.flatnonzero((first.predictions != first.labels) & (second.predictions != second.labels))
