"""Several networks answer together: the mean of their probabilities (soft voting; Dietterich 2000, 'Ensemble methods in
machine learning'). It is better than each of them as far as they are wrong about different images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.analysis.evaluate import Evaluation
from explorer.errors import DataError


@dataclass(frozen=True, eq=False)
class Member:
    """How one network of a vote does, as numbers of images: those that it reads wrong; of these, those that all others
    read right (``alone``), and those that the vote reads right (``mended``); those that it reads right and the vote
    reads wrong (``spoiled``)."""

    wrong: int
    alone: int
    mended: int
    spoiled: int


def vote(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The answers of several networks to the same N images, each with a voice of the same weight.

    Raises DataError where there is no network, or they answer to other images or classes.
    """
    if not evaluations:
        raise DataError("nobody votes: choose at least one network")
    first = evaluations[0]
    for other in evaluations[1:]:
        if other.probabilities.shape != first.probabilities.shape or (other.labels != first.labels).any():
            raise DataError("these networks have not answered to the same images: choose ones of one data set")
    mean: np.ndarray = np.stack([one.probabilities for one in evaluations]).mean(0, dtype=np.float64)  # (N, K)
    truth = mean[np.arange(len(mean)), first.labels]
    with np.errstate(divide="ignore"):  # a class that nobody thinks possible costs infinitely much
        losses = -np.log(truth)
    return Evaluation(first.labels, mean.argmax(1), mean.astype(np.float32), losses.astype(np.float32))


def calibrated_loss(evaluation: Evaluation) -> float:
    """The cross-entropy of answers at the temperature that suits them best: how well they tell the classes apart,
    however sure they are of it. By the plain cross-entropy, networks that learned with label smoothing would seem worse
    than they are (Ashukha et al. 2020, 'Pitfalls of in-domain uncertainty estimation and ensembling in deep
    learning')."""
    from explorer.analysis.trust import fit_temperature, softmax  # SciPy's optimisers: for who chooses a vote alone

    logits = np.log(np.maximum(evaluation.probabilities, np.finfo(np.float32).tiny))
    scaled = softmax(logits / fit_temperature(logits, evaluation.labels))
    return float(-np.log(scaled[np.arange(len(scaled)), evaluation.labels]).mean())


def members(evaluations: Sequence[Evaluation]) -> list[Member]:
    """What each network of a vote contributes, in their order. Raises what :func:`vote` raises."""
    together = vote(evaluations)
    wrong = np.stack([one.predictions != one.labels for one in evaluations])
    vote_wrong = together.predictions != together.labels
    by_how_many = wrong.sum(0)
    return [
        Member(
            wrong=int(one.sum()),
            alone=int((one & (by_how_many == 1)).sum()),
            mended=int((one & ~vote_wrong).sum()),
            spoiled=int((~one & vote_wrong).sum()),
        )
        for one in wrong
    ]
