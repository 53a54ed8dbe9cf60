"""How long an epoch will take, told by runs of networks that are alike in size."""

from __future__ import annotations

import pytest

from explorer.ui.design import expected_speed

LENET, ARTICLE, SOFTMAX = (416_520, 128, 10_000.0), (2_630_000, 128, 5_000.0), (7_840, 128, 90_000.0)


def test_the_network_itself_tells_before_newer_ones_of_another_size() -> None:
    for measured in ([LENET, ARTICLE, SOFTMAX], [SOFTMAX, ARTICLE], [ARTICLE]):
        assert expected_speed(ARTICLE[0], 128, measured) == ARTICLE[2]


def test_the_newest_of_equals_tells() -> None:
    assert expected_speed(ARTICLE[0], 64, [(ARTICLE[0], 128, 6_000.0), ARTICLE]) == 6_000.0


def test_a_network_twice_as_large_takes_twice_as_long() -> None:
    assert expected_speed(2 * ARTICLE[0], 128, [LENET, ARTICLE]) == pytest.approx(ARTICLE[2] / 2)


@pytest.mark.parametrize("measured", [[], [SOFTMAX], [(ARTICLE[0], 8, 900.0)]])
def test_without_anything_alike_there_is_no_number(measured: list[tuple[int, int, float]]) -> None:
    assert expected_speed(ARTICLE[0], 128, measured) is None
