"""Images that are in a data set twice, or nearly so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

COMPONENTS = 50
BATCH = 1_000
FITTED = 10_000


def exact_pairs(pixels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The pairs of images uint8 (N, …) that are equal in every pixel and of different ``groups`` (N,): their numbers
    (P, 2) int64, the smaller first, in rising order."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, image in enumerate(pixels):
        places[image.tobytes()].append(number)
    pairs = [
        (one, other)
        for same in places.values()
        for at, one in enumerate(same)
        for other in same[at + 1 :]
        if groups[one] != groups[other]
    ]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def near_pairs(
    pixels: np.ndarray,
    groups: np.ndarray,
    most: float,
    *,
    searched: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of images uint8 (N, …) of different ``groups`` (N,) whose pixels differ by at most ``most`` grey levels
    in the root mean square, nearest first: their numbers (P, 2) int64, the smaller first, and the differences (P,).

    No pair is missed: the 50 principal components by which candidates are found are an orthogonal projection, in which
    no two images are farther apart than they are; every candidate is then measured on its pixels. ``searched`` are the
    numbers of the images whose partners are wanted (None: all); give those of the smaller groups. ``progress`` is told
    the share done.
    """
    count, size = len(pixels), int(np.prod(pixels.shape[1:]))
    flat = np.asarray(pixels).reshape(count, size)
    wanted = np.arange(count) if searched is None else searched
    rows = _reduced(flat)
    radius = most * float(np.sqrt(size))
    # A little wider, for the components are rounded to float32.
    search = NearestNeighbors(radius=1.001 * radius + 0.01, algorithm="brute").fit(rows)
    pairs: dict[tuple[int, int], float] = {}
    for first in range(0, len(wanted), BATCH):
        part = wanted[first : first + BATCH]
        for number, others in zip(part, search.radius_neighbors(rows[part], return_distance=False), strict=True):
            candidates = others[groups[others] != groups[number]]
            differences = flat[candidates].astype(np.int64) - flat[number]
            away = np.sqrt(np.square(differences).mean(axis=1))
            for other, distance in zip(candidates.tolist(), away.tolist(), strict=True):
                if distance <= most:
                    pairs[min(int(number), other), max(int(number), other)] = distance
        if progress is not None:
            progress(min(1.0, (first + BATCH) / len(wanted)))
    order = sorted(pairs, key=lambda pair: (pairs[pair], pair))
    return np.array(order, np.int64).reshape(-1, 2), np.array([pairs[pair] for pair in order], np.float64)


def _reduced(flat: np.ndarray) -> np.ndarray:
    """Images uint8 (N, D) on at most 50 principal components of 10,000 of them, evenly chosen: (N, k) float32."""
    some = flat[:: -(-len(flat) // FITTED)].astype(np.float32)
    if not np.ptp(some, axis=0).any():
        return np.zeros((len(flat), 1), np.float32)  # all alike: every one is a candidate
    space = PCA(min(COMPONENTS, *some.shape), random_state=0).fit(some)
    parts = [space.transform(flat[at : at + FITTED].astype(np.float32)) for at in range(0, len(flat), FITTED)]
    return np.concatenate(parts)
