"""Lines on paper: what is taken away, and what stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from explorer.digits import ruling


@settings(max_examples=60, deadline=None)
@given(mask=arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))), axis=st.sampled_from([0, 1]))
def test_runs_are_those_of_a_loop(mask: np.ndarray, axis: int) -> None:
    wanted = np.zeros(mask.shape, dtype=int)
    lines = mask.T if axis == 0 else mask
    out = wanted.T if axis == 0 else wanted
    for line, row in zip(lines, out, strict=True):
        for place in range(len(line)):
            first = last = place
            while line[place] and first > 0 and line[first - 1]:
                first -= 1
            while line[place] and last < len(line) - 1 and line[last + 1]:
                last += 1
            row[place] = last - first + 1 if line[place] else 0
    np.testing.assert_array_equal(ruling.runs(mask, axis), wanted)


def drawn(*strokes: tuple[list[tuple[float, float]], int]) -> np.ndarray:
    image = Image.new("1", (600, 400))
    for points, width in strokes:
        ImageDraw.Draw(image).line(points, fill=1, width=width)
    return np.asarray(image)


@pytest.mark.parametrize("fall", [0, 12, -25])
def test_a_line_goes_and_a_stroke_across_it_stays(fall: int) -> None:
    line, stroke = ([(0, 200), (600, 200 + fall)], 3), ([(280, 60), (320, 340)], 12)
    mask = drawn(line, stroke)
    found = ruling.lines(mask, thickest=6, longest=200)
    only_line, only_stroke = drawn(line) & ~drawn(stroke), drawn(stroke)
    assert found[only_line].mean() > 0.97
    assert found[only_stroke].mean() < 0.01


def test_an_upright_line_goes_too() -> None:
    mask = drawn(([(100, 0), (110, 400)], 3), ([(80, 200), (300, 220)], 14))
    found = ruling.lines(mask, thickest=6, longest=200)
    assert found[:150, 95:115].sum() > 0.9 * mask[:150, 95:115].sum()
    assert not found[190:235, 150:].any()


def test_what_is_short_bent_or_thick_is_no_line() -> None:
    short = ([(100, 100), (220, 100)], 3)
    bent = ([(100, 300), (200, 210), (300, 300), (400, 210), (500, 300)], 4)
    thick = ([(50, 40), (550, 40)], 15)
    assert not ruling.lines(drawn(short, bent, thick), thickest=6, longest=200).any()
