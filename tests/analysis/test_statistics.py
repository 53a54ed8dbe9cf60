"""Summaries against SciPy, Python's statistics and a loop."""

from __future__ import annotations

import itertools
import math
import statistics as stdlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.linalg import norm

from explorer.analysis.statistics import statistics, strongest

MAPS = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.sampled_from([0, -0.0, 1, -3, 1e-3, 1e4])
)


@given(MAPS)
def test_a_summary_is_pythons_own(values: np.ndarray) -> None:
    numbers = [float(value) for value in values.ravel()]
    found = statistics(values)
    assert (found.minimum, found.maximum) == (min(numbers), max(numbers))
    assert found.mean == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-9, abs=1e-9)
    assert found.std == pytest.approx(stdlib.pstdev(numbers), rel=1e-6, abs=1e-6)
    assert found.zeros == numbers.count(0.0) / len(numbers)
    assert found.norm == pytest.approx(norm(numbers), rel=1e-9)


def test_float32_maps_are_summed_up_in_float64() -> None:
    values = np.full((1000, 1000), 0.1, np.float32)
    assert statistics(values).mean == pytest.approx(float(np.float32(0.1)), rel=1e-14)


@given(MAPS)
def test_the_strongest_map_comes_first(values: np.ndarray) -> None:
    order = strongest(values)
    assert sorted(order) == list(range(len(values)))
    strength = [math.fsum(abs(float(value)) for value in values[index].ravel()) for index in order]
    assert all(left >= right or left == pytest.approx(right) for left, right in itertools.pairwise(strength))


def test_ties_keep_their_order_and_units_count_as_maps() -> None:
    np.testing.assert_array_equal(strongest(np.array([1.0, -2.0, 2.0, 0.0])), [1, 2, 0, 3])
