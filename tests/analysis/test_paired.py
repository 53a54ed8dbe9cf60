"""Two networks' answers to the same images: counts by hand, the test from the binomial, the interval by trial."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis import Evaluation
from explorer.analysis.paired import both_wrong, only_right, paired
from explorer.errors import DataError


def answers(right: list[bool]) -> Evaluation:
    """Of a network that reads these images right, and takes every other one for the next class."""
    labels = np.arange(len(right)) % 3
    predictions = np.where(right, labels, (labels + 1) % 3)
    return Evaluation(labels, predictions, np.eye(3, dtype=np.float32)[predictions], np.zeros(len(right), np.float32))


def at_most(count: int, tosses: int, share: float = 0.5) -> float:
    """The chance of so many heads or fewer."""
    return sum(comb(tosses, k) * share**k * (1 - share) ** (tosses - k) for k in range(count + 1))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_counts_test_and_interval(pairs: list[tuple[bool, bool]]) -> None:
    one, other = answers([first for first, _ in pairs]), answers([second for _, second in pairs])
    found = paired(one, other)
    assert (found.both, found.first, found.second, found.neither) == tuple(
        pairs.count(which) for which in ((True, True), (True, False), (False, True), (False, False))
    )
    assert only_right(one, other).tolist() == [i for i, pair in enumerate(pairs) if pair == (True, False)]
    assert both_wrong(one, other).tolist() == [i for i, pair in enumerate(pairs) if pair == (False, False)]
    assert found.difference == pytest.approx(one.accuracy - other.accuracy)
    differ = found.first + found.second
    exact = min(1.0, 2 * at_most(min(found.first, found.second), differ)) if differ else 1.0
    assert found.p_value == pytest.approx(exact)
    low, high = found.interval
    assert -1 <= low < high <= 1
    turned = paired(other, one)
    assert turned.interval == pytest.approx((-high, -low))
    assert turned.p_value == pytest.approx(found.p_value)


@pytest.mark.parametrize(("total", "first", "second"), [(1_000, 0.07, 0.003), (1_000, 0.02, 0.02), (400, 0.005, 0.001)])
def test_the_interval_holds_the_difference_about_as_often_as_it_says(total: int, first: float, second: float) -> None:
    """Of images of which so many shares only the one or the other network reads right."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        sides = rng.random(total)
        one, other = sides < first, (sides >= first) & (sides < first + second)
        low, high = paired(answers(one.tolist()), answers(other.tolist())).interval
        held += low <= first - second <= high
    assert held / 500 > 0.93


def test_the_interval_is_bonetts_and_prices() -> None:
    """Their formula, written out once for 4 images alone to the first and 1 alone to the second, of ten."""
    found = paired(answers([True] * 4 + [False] * 6), answers([False] * 4 + [True] + [False] * 5))
    half = 1.959964 * ((5 / 12 + 2 / 12 - (3 / 12) ** 2) / 12) ** 0.5
    assert found.interval == pytest.approx((3 / 12 - half, 3 / 12 + half), abs=1e-6)


def test_two_that_answer_alike_do_not_differ() -> None:
    found = paired(answers([True, False, True]), answers([True, False, True]))
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert found.interval[0] == -found.interval[1] < 0  # three images alone do not tell it


def test_answers_to_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="the same images"):
        paired(answers([True, False]), answers([True, False, True]))
    other = answers([True, True])
    with pytest.raises(DataError, match="one data set"):
        paired(
            answers([True, True]),
            Evaluation(
                other.labels[::-1], *[getattr(other, name) for name in ("predictions", "probabilities", "losses")]
            ),
        )
