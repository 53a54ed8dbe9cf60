"""Which images are nearest to one: in a network's features, or as pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.neighbors import NearestNeighbors

from explorer.errors import DataError

CHUNK = 1_000


def nearest(
    references: np.ndarray,
    rows: np.ndarray,
    count: int,
    *,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """For each of the rows (N, D) its ``count`` nearest references (M, D), the nearest first: their numbers int32
    (N, k) and Euclidean distances float32 (N, k), k at most M. ``progress`` is told the share done, 0 to 1.

    Raises DataError where there are no references.
    """
    if not len(references):
        raise DataError("there is nothing to compare with: choose another network or data set")
    index = NearestNeighbors(n_neighbors=min(count, len(references)), algorithm="brute").fit(references)
    numbers, distances = [], []
    for first in range(0, len(rows), CHUNK):
        away, which = index.kneighbors(rows[first : first + CHUNK])
        numbers.append(which.astype(np.int32))
        distances.append(away.astype(np.float32))
        if progress is not None:
            progress(min(1.0, (first + CHUNK) / len(rows)))
    return np.concatenate(numbers), np.concatenate(distances)


def look_alikes(
    pixels: np.ndarray, others: np.ndarray, chosen: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of the images ``others`` uint8 (M, C, H, W) those of the ``chosen`` numbers that look most like one (C, H, W):
    their numbers and the Euclidean distances of the pixels' brightness, 0 to 1, the nearest first."""
    references = np.asarray(others[chosen], np.float32).reshape(len(chosen), -1) / 255
    which, away = nearest(references, np.asarray(pixels, np.float32).reshape(1, -1) / 255, count)
    return chosen[which[0]], away[0]
