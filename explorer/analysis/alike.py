"""Which kernels of a layer are nearly the same: the cosine of the angle between them, and an order that groups them."""

from __future__ import annotations

import numpy as np

NEAR = 0.95
"""From here on two kernels are called near-duplicates (18 degrees apart), and opposites from −0.95 down."""


def cosines(weights: np.ndarray) -> np.ndarray:
    """Kernels (K, C, k, k) or rows (K, n) → float32 (K, K): 1 for the same direction, −1 for the opposite one. Of a
    kernel whose weights are all 0 there is no direction: its cosines are 0, also with itself."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    unit = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    similarity: np.ndarray = np.clip(unit @ unit.T, -1.0, 1.0).astype(np.float32)
    return similarity


def grouped(similarity: np.ndarray) -> np.ndarray:
    """The order, int64 (K,), in which kernels that are alike stand together: the leaves of an average-linkage
    clustering by 1 − cosine, turned so that neighbours are as alike as can be (Bar-Joseph et al. 2001)."""
    if len(similarity) < 3:
        return np.arange(len(similarity))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(1.0 - similarity.astype(np.float64), 0.0, 2.0)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances), method="average", optimal_ordering=True)
    leaves: np.ndarray = leaves_list(tree).astype(np.int64)
    return leaves


def near(similarity: np.ndarray, *, least: float = NEAR, most: int | None = None) -> list[tuple[int, int, float]]:
    """Pairs (a, b), a before b, whose cosine is at least ``least`` or at most −``least``, the closest first: all, or
    the first ``most``."""
    rows, columns = np.triu_indices(len(similarity), 1)
    values = similarity[rows, columns]
    chosen = np.flatnonzero(np.abs(values) >= least)
    chosen = chosen[np.argsort(-np.abs(values[chosen]), kind="stable")][:most]
    return [(int(rows[place]), int(columns[place]), float(values[place])) for place in chosen]
