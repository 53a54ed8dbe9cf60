"""Whether one network reads more images right than another, when both have answered to the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

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
    side as a coin does, if neither is better: ``p_value`` is of McNemar's test in its exact form (Dietterich 1998,
    'Approximate statistical tests for comparing supervised classification learning algorithms', section 3.1). The
    interval is Wald's with one image more on each of the two sides (Bonett & Price 2012, 'Adjusted Wald confidence
    interval for a difference of binomial proportions based on paired data'); near the edge it may leave out 0
    where the test tells no difference.

    Raises DataError where they have answered to other images.
    """
    if len(first.labels) != len(second.labels) or (first.labels != second.labels).any():
        raise DataError("these networks have not answered to the same images: choose ones of one data set")
    one, other = first.predictions == first.labels, second.predictions == second.labels
    alone, beside, total = int((one & ~other).sum()), int((other & ~one).sum()), len(one)
    more, less = (alone + 1) / (total + 2), (beside + 1) / (total + 2)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * sqrt((more + less - (more - less) ** 2) / (total + 2))
    return Paired(
        both=int((one & other).sum()),
        first=alone,
        second=beside,
        neither=int((~one & ~other).sum()),
        difference=(alone - beside) / total,
        interval=(max(more - less - half, -1.0), min(more - less + half, 1.0)),
        p_value=float(binomtest(alone, alone + beside).pvalue) if alone + beside else 1.0,
    )


def only_right(first: Evaluation, second: Evaluation) -> np.ndarray:
    """The numbers (M,) of the images that the first network reads right and the second wrong, in ascending order."""
    one, other = first.predictions == first.labels, second.predictions == second.labels
    return np.flatnonzero(one & ~other)


def both_wrong(first: Evaluation, second: Evaluation) -> np.ndarray:
    """The numbers (M,) of the images that both networks read wrong, in ascending order."""
    return np.flatnonzero((first.predictions != first.labels) & (second.predictions != second.labels))
