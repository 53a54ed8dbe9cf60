"""Bars are as long as their values, and the right ones are marked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures import bars

CLASSES = ("cat", "dog", "bird")
SHARES = np.array([0.25, 0.7, 0.05])


def test_before_and_after_are_shown_and_exact_on_hover() -> None:
    after = np.array([0.6, 0.3, 0.1])
    first, second = bars.before_after(SHARES, after, CLASSES, true=1).data
    np.testing.assert_array_equal(first.x, SHARES.astype(np.float32))
    np.testing.assert_array_equal(second.x, after.astype(np.float32))
    assert list(first.text) == ["25.0%", "70.0%", "5.0%"]
    assert list(second.text) == ["60.0% ✗", "30.0% ✓", "10.0%"]
    assert list(first.hovertext) == ["cat, before: 0.25", "dog, before: 0.7", "bird, before: 0.05"]


@given(st.floats(0, 1))
def test_no_share_is_rounded_to_all_or_nothing(share: float) -> None:
    shares = np.array([share, 1 - share])
    bar, _ = bars.before_after(shares, shares, ("yes", "no"), true=None).data
    shown = bar.text[0].removesuffix("%")
    assert shown not in ("0.0", "100.0")
    if shown[0] not in "<>":
        assert float(shown) / 100 == pytest.approx(share, abs=0.0005001)
