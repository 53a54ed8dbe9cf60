"""Means over seeds: Welch's interval against SciPy's, and where nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem, t, ttest_ind

from explorer.analysis.repeated import difference, spread

RUNS = st.lists(st.integers(9_000, 10_000).map(lambda right: right / 10_000), min_size=2, max_size=8)


@given(RUNS, RUNS)
def test_the_interval_is_welchs(first: list[float], second: list[float]) -> None:
    found = difference(first, second)
    if len(set(first)) == len(set(second)) == 1:
        assert found is None
        return
    assert found is not None
    middle = np.mean(first) - np.mean(second)
    assert found.value == pytest.approx(middle, abs=1e-12)
    assert sum(found.interval) / 2 == pytest.approx(middle, abs=1e-12)
    assert found.told == (not found.interval[0] <= 0 <= found.interval[1])
    if len(set(first)) > 1 and len(set(second)) > 1:
        ends = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
        assert found.interval == pytest.approx((ends.low, ends.high), rel=1e-6, abs=1e-9)


def test_where_one_side_does_not_spread_the_other_ones_interval_is_left() -> None:
    found = difference([0.9, 0.9, 0.9], [0.91, 0.92, 0.94])
    low, high = t.interval(0.95, 2, loc=np.mean([0.91, 0.92, 0.94]), scale=sem([0.91, 0.92, 0.94]))
    assert found is not None
    assert found.interval == pytest.approx((0.9 - high, 0.9 - low))


def test_one_run_says_nothing_of_chance() -> None:
    assert difference([0.98], [0.97, 0.96]) is None
    assert difference([0.98, 0.98], [0.97, 0.97]) is None
    assert spread([0.98]) == (1, 0.98, None)
    assert spread([0.9, 0.8]) == (2, pytest.approx(0.85), pytest.approx(np.sqrt(0.005)))
    with pytest.raises(ValueError, match="no value"):
        spread([])


def test_the_interval_holds_the_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        found = difference(rng.normal(0.98, 0.001, 3).tolist(), rng.normal(0.97, 0.004, 4).tolist())
        assert found is not None
        held += found.interval[0] <= 0.01 <= found.interval[1]
    assert 0.91 < held / 400 < 0.99
