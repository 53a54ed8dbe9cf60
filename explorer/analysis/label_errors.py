"""Test images whose label is likely wrong, by confident learning (Northcutt, Jiang & Chuang 2021, 'Confident learning:
estimating uncertainty in dataset labels'), from networks that have not learned from these images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.errors import DataError


@dataclass(frozen=True, eq=False)
class Suspects:
    """Images by suspicion, the most suspicious first, all arrays (S,)."""

    numbers: np.ndarray  # int64, in the set
    suggested: np.ndarray  # int64, the class that the networks see instead
    confidence: np.ndarray  # float64, the mean probability of the label given: low is suspicious
    margin: np.ndarray  # float64, that less the suggested class's: what they are ranked by, −1 to 1
    agreeing: np.ndarray  # int64, how many networks read the suggested class
    confident: np.ndarray  # bool, whether the confident joint counts it as a label error


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> Suspects:
    """Images whose label networks doubt, from the probabilities (M, N, K) of M of them for N images.

    The networks' mean stands for the one model of the paper. Suspected is every image to which it gives another class
    than its label (section 3.2, method 1), and every one off the diagonal of the confident joint (section 3.1): class
    k's threshold is the mean probability of k over the images labelled k, and an image counts as a k if its probability
    of k reaches that threshold, of several such classes for the most probable. They are ranked by the normalised
    margin, the probability of the label less that of the suggested class.

    Raises DataError for shapes that don't fit, and where there is no network.
    """
    if probabilities.ndim != 3 or not len(probabilities) or probabilities.shape[1] != len(labels):
        raise DataError(f"probabilities {probabilities.shape} don't fit {len(labels):,} labels: give (networks, N, K)")
    mean = probabilities.mean(0, dtype=np.float64)  # (N, K)
    classes = mean.shape[1]
    # A class that no image has can't be reached.
    thresholds = np.array([mean[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(classes)])
    reached = np.where(mean >= thresholds, mean, -1.0)
    counted = np.where(reached.max(1) >= 0, reached.argmax(1), labels)
    confident = counted != labels
    likely = np.where(confident, counted, mean.argmax(1))
    numbers = np.flatnonzero(likely != labels)
    suggested, given = likely[numbers], mean[numbers, labels[numbers]]
    margin = given - mean[numbers, suggested]
    agreeing = (probabilities[:, numbers].argmax(2) == suggested).sum(0)
    order = np.argsort(margin, kind="stable")
    columns = (numbers, suggested, given, margin, agreeing, confident[numbers])
    return Suspects(*(column[order] for column in columns))
