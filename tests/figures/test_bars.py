"""Bars are as long as their values, and the right ones are marked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures import bars
from explorer.figures.theme import LIGHT

CLASSES = ("cat", "dog", "bird")
SHARES = np.array([0.25, 0.7, 0.05])


def test_probabilities_are_shown_and_exact_on_hover() -> None:
    (bar,) = bars.probabilities(SHARES, CLASSES).data
    np.testing.assert_array_equal(bar.x, SHARES.astype(np.float32))
    assert list(bar.text) == ["25.0 %", "70.0 %", "5.0 %"]
    # A long bar reaches the chart's edge: its number is in it.
    assert list(bar.textposition) == ["outside", "inside", "outside"]
    assert list(bar.hovertext) == ["cat: 0.25", "dog: 0.7", "bird: 0.05"]
    assert list(bar.customdata) == [0, 1, 2]
    assert list(bar.marker.color) == [LIGHT.train, LIGHT.accent, LIGHT.train]


@pytest.mark.parametrize(
    ("true", "colour", "marks"),
    [(1, LIGHT.right, ["", " ✓", ""]), (0, LIGHT.wrong, [" ✓", " ✗", ""])],
)
def test_right_and_wrong_have_a_mark_beside_their_colour(true: int, colour: str, marks: list[str]) -> None:
    (bar,) = bars.probabilities(SHARES, CLASSES, true=true).data
    assert bar.marker.color[1] == colour
    assert [text.split("%")[1] for text in bar.text] == marks


@given(st.floats(0, 1))
def test_no_share_is_rounded_to_all_or_nothing(share: float) -> None:
    (bar,) = bars.probabilities(np.array([share, 1 - share]), ("yes", "no")).data
    shown = bar.text[0].removesuffix(" %")
    assert (shown == "0.0") == (share == 0)
    assert (shown == "100.0") == (share == 1)
    if shown[0] not in "<>":
        assert float(shown) / 100 == pytest.approx(share, abs=0.0005001)


def test_units_stand_in_their_order_in_the_colour_of_their_sign() -> None:
    values = np.array([0.5, -1.5, 0.0, 2.0])
    negative, positive = bars.units(values).data
    found = {int(x): float(y) for bar in (negative, positive) for x, y in zip(bar.x, bar.y, strict=True)}
    assert found == dict(enumerate(values))
    assert list(negative.x) == [1]
    assert (negative.marker.color, positive.marker.color) == (LIGHT.signed[1], LIGHT.signed[-2])


def test_bars_as_a_table() -> None:
    assert bars.table(SHARES, CLASSES)[2] == {"name": "bird", "probability": 0.05}
    assert bars.table(SHARES, CLASSES, what="activation")[0] == {"name": "cat", "activation": 0.25}
