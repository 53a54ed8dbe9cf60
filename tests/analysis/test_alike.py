"""Likeness of kernels, against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from explorer.analysis.alike import cosines, grouped, near


def kernels(count: int = 12) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 3, 5, 5)).astype(np.float32)


def test_cosines_are_scikit_learns() -> None:
    weights = kernels()
    weights[4] = 0
    np.testing.assert_allclose(cosines(weights), cosine_similarity(weights.reshape(12, -1)), atol=1e-6)


def test_groups_stand_together() -> None:
    base = kernels(3)
    noise = np.random.default_rng(1).normal(size=(30, *base.shape[1:])) * 0.01
    weights = base[np.arange(30) % 3] + noise
    order = grouped(cosines(weights))
    assert sorted(order.tolist()) == list(range(30))
    assert [len(set((order[start : start + 10] % 3).tolist())) for start in (0, 10, 20)] == [1, 1, 1]


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_need_no_order(count: int) -> None:
    assert grouped(cosines(kernels(count))).tolist() == list(range(count))


def test_near_duplicates_and_opposites_are_found_the_closest_first() -> None:
    weights = kernels(5)
    weights[3] = 2 * weights[1]
    weights[4] = -weights[0] + 0.05 * weights[2]
    found = near(cosines(weights))
    assert [pair[:2] for pair in found] == [(1, 3), (0, 4)]
    assert found[0][2] == pytest.approx(1)
    assert -1 < found[1][2] < -0.95
