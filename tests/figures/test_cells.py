"""Matrices, maps and probes: every cell shows its own number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from explorer.figures import maps, matrix, theme
from explorer.figures.probes import probes
from explorer.figures.theme import LIGHT

CLASSES = ("cat", "dog", "bird")
COUNTS = np.array([[980, 0, 3], [12, 1200, 1], [0, 0, 0]])
MAPS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.floats(-1e6, 1e6, width=32),
)


def test_errors_alone_are_coloured() -> None:
    figure = matrix.matrix(COUNTS, CLASSES)
    errors, right = figure.data
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(errors.z[off], COUNTS[off])
    np.testing.assert_array_equal(right.z[~off], COUNTS[~off])
    assert np.isnan(errors.z[~off]).all()
    assert np.isnan(right.z[off]).all()
    assert figure.layout.coloraxis.cmax == 12
    assert len({colour for _, colour in right.colorscale}) == 1


def test_counts_are_written_and_told_with_their_share() -> None:
    figure = matrix.matrix(COUNTS, CLASSES)
    errors, right = figure.data
    written = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(errors.text, right.text, strict=True)]
    assert written == [["980", "", "3"], ["12", "1,200", "1"], ["", "", ""]]
    assert errors.customdata[1][0] == "true dog, predicted cat<br>12 of 1,213 (0.99%)"
    assert errors.customdata[2][0] == "true bird, predicted cat<br>0 of 0"


def test_rows_are_true_from_the_top_and_the_chosen_cell_is_framed() -> None:
    layout = matrix.matrix(COUNTS, CLASSES, chosen=(1, 2)).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("predicted", "true")
    assert layout.yaxis.autorange == "reversed"
    (frame,) = layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)
    assert not matrix.matrix(COUNTS, CLASSES).layout.shapes


def test_a_network_without_errors_still_has_a_scale() -> None:
    assert matrix.matrix(np.diag([5, 5, 5]), CLASSES).layout.coloraxis.cmax == 1


def test_the_matrix_as_a_table() -> None:
    assert matrix.table(COUNTS, CLASSES)[1] == {
        "true": "dog",
        "predicted cat": 12,
        "predicted dog": 1200,
        "predicted bird": 1,
    }


@given(MAPS)
def test_limits_hold_all_values_and_a_signed_scale_has_zero_in_its_middle(values: np.ndarray) -> None:
    for signed in (False, True):
        low, high = maps.limits(values, signed=signed)
        assert low <= values.min() <= values.max() <= high
        assert low < high
        assert low <= 0 <= high
        assert not signed or low == -high
    positive = np.abs(values)
    assert maps.limits(positive, signed=False)[0] == 0


def test_limits_of_broken_values() -> None:
    assert maps.limits(np.array([np.nan, 2.0, np.inf]), signed=True) == (-2, 2)
    assert maps.limits(np.array([np.nan]), signed=False) == (0, 1)


@given(MAPS)
def test_a_map_shows_its_values_row_0_on_top(values: np.ndarray) -> None:
    figure = maps.heatmap(values, scale="signed")
    (trace,) = figure.data
    np.testing.assert_array_equal(trace.z, values)
    assert trace.z.dtype == np.float32
    assert tuple(figure.layout.yaxis.range) == (len(values) - 0.5, -0.5)
    assert figure.layout.yaxis.scaleanchor == "x"
    bar = figure.layout.coloraxis
    assert (bar.cmin, bar.cmax) == maps.limits(values, signed=True)
    assert {bar.cmin, bar.cmax} <= set(bar.colorbar.tickvals)


@pytest.mark.parametrize(("name", "stops"), [("signed", LIGHT.signed), ("brightness", theme.BRIGHTNESS)])
def test_the_scale_is_the_themes_and_shared_bounds_are_kept(name: str, stops: tuple[str, ...]) -> None:
    figure = maps.heatmap(np.ones((3, 3)), scale=name, bounds=(-8, 8))
    axis = figure.layout.coloraxis
    assert [colour for _, colour in axis.colorscale] == list(stops)
    assert (axis.cmin, axis.cmax) == (-8, 8)


@pytest.mark.parametrize(("side", "written"), [(14, True), (15, False)])
def test_numbers_are_written_into_small_maps_only(side: int, written: bool) -> None:
    (trace,) = maps.heatmap(np.ones((side, 3)), scale="signed", numbers=True).data
    assert bool(trace.texttemplate) == written
    (plain,) = maps.heatmap(np.ones((3, 3)), scale="signed").data
    assert not plain.texttemplate


def test_probes_show_all_probabilities_and_frame_the_true_class() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    figure = probes(shares, np.array([0, 2]), CLASSES)
    (trace,) = figure.data
    np.testing.assert_array_equal(trace.z, shares.astype(np.float32))
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    frames = [(frame.x0, frame.y0, frame.line.color) for frame in figure.layout.shapes]
    assert frames == [(-0.5, -0.5, LIGHT.right), (1.5, 0.5, LIGHT.wrong)]
    assert list(figure.layout.yaxis.ticktext) == ["cat ✓", "bird ✗"]
