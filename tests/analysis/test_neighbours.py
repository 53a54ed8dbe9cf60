"""Nearest neighbours against all distances computed one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from explorer.analysis.neighbours import look_alikes, nearest
from explorer.data import load
from explorer.errors import DataError


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**16))
def test_the_nearest_are_those_of_all_distances(references: int, rows: int, count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    them, us = (generator.normal(size=(number, 5)).astype(np.float32) for number in (references, rows))
    numbers, distances = nearest(them, us, count)
    every = cdist(us, them)
    k = min(count, references)
    assert numbers.shape == distances.shape == (rows, k)
    np.testing.assert_allclose(distances, np.sort(every, 1)[:, :k], atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(every, numbers, 1), distances, atol=1e-4)


def test_chunks_and_progress() -> None:
    generator = np.random.default_rng(0)
    them, us = generator.normal(size=(50, 3)), generator.normal(size=(2_500, 3))
    told: list[float] = []
    numbers, _ = nearest(them, us, 1, progress=told.append)
    np.testing.assert_array_equal(numbers[:, 0], cdist(us, them).argmin(1))
    assert told == [0.4, 0.8, 1.0]
    with pytest.raises(DataError, match="nothing to compare"):
        nearest(them[:0], us, 1)


def test_look_alikes_are_the_chosen_ones_with_the_least_difference_in_brightness() -> None:
    pixels = load("mnist").test.pixels[:200]
    chosen = np.arange(1, 200, 3)
    numbers, distances = look_alikes(np.asarray(pixels[0]), pixels, chosen, 4)
    difference = [np.sqrt((((pixels[0] / 255) - (pixels[k] / 255)) ** 2).sum()) for k in chosen]
    np.testing.assert_array_equal(numbers, chosen[np.argsort(difference)[:4]])
    np.testing.assert_allclose(distances, np.sort(difference)[:4], rtol=1e-4)
