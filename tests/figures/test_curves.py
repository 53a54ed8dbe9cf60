"""Curves show what they are given; thinning loses nothing that matters."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.figures import curves
from explorer.figures.curves import Series, means, thin
from explorer.figures.theme import LIGHT

VALUES = st.integers(1, 400).flatmap(
    lambda n: arrays(np.float64, n, elements=st.sampled_from([np.nan, -1, 0, 0.5, 2, 7e5]))
)


def series(name: str, count: int, seed: int = 0) -> Series:
    return Series(name, np.linspace(0, 3, count), np.random.default_rng(seed).random(count))


def by_name(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data}


@given(VALUES, st.integers(4, 60))
def test_thinning_keeps_the_ends_and_the_extremes_in_order(y: np.ndarray, points: int) -> None:
    x = np.arange(len(y)) * 3.0
    thin_x, thin_y = thin(x, y, points)
    assert len(thin_x) == len(thin_y) <= max(points, 0)
    assert (np.diff(thin_x) > 0).all()
    np.testing.assert_array_equal(thin_y, y[(thin_x / 3).astype(int)])  # its own points, none invented
    assert {thin_x[0], thin_x[-1]} == {x[0], x[-1]}
    if not np.isnan(y).all():
        assert np.nanmin(thin_y) == np.nanmin(y)
        assert np.nanmax(thin_y) == np.nanmax(y)


@given(VALUES, st.integers(4, 60))
def test_a_short_series_is_not_thinned_and_a_long_one_not_more_than_needed(y: np.ndarray, points: int) -> None:
    x = np.arange(len(y))
    found, _ = thin(x, y, points)
    if len(y) <= points:
        np.testing.assert_array_equal(found, x)
    else:
        assert len(found) >= (points - 2) // 2  # at least one a stretch


def test_each_stretch_keeps_its_own_peak() -> None:
    y = np.tile([0.0, 1.0, 0.0, -1.0, 0.0], 200)
    _, found = thin(np.arange(1000), y, 100)
    assert (found == 1).sum() == (found == -1).sum() == 49


@given(VALUES, st.integers(1, 60))
def test_means_are_those_of_even_stretches(y: np.ndarray, points: int) -> None:
    y = np.nan_to_num(y)
    x = np.arange(len(y))
    found_x, found_y = means(x, y, points)
    if len(y) <= points:
        assert found_y is y
        return
    cuts = [len(y) * number // points for number in range(points + 1)]
    assert max(abs(np.diff(cuts) - len(y) / points)) < 1
    for number, (low, high) in enumerate(itertools.pairwise(cuts)):
        assert found_y[number] == pytest.approx(sum(y[low:high]) / (high - low))
        assert found_x[number] == pytest.approx(sum(x[low:high]) / (high - low))


def test_loss_shows_the_given_values_and_marks_the_lowest() -> None:
    train, validation = series("train", 300), series("validation", 12, seed=1)
    validation.y[3] = np.nan
    figure = curves.loss(train, validation)
    lines = by_name(figure)
    for given_series in (train, validation):
        np.testing.assert_array_equal(lines[given_series.name].x, given_series.x.astype(np.float32))
        np.testing.assert_array_equal(lines[given_series.name].y, given_series.y.astype(np.float32))
    best = min((y, x) for x, y in zip(*validation[1:], strict=True) if y == y)
    assert (lines["best"].y[0], lines["best"].x[0]) == pytest.approx(best)
    assert figure.layout.yaxis.type == "linear"
    assert curves.loss(train, validation, log=True).layout.yaxis.type == "log"
    assert lines["validation"].line.color == LIGHT.validation


def test_accuracy_marks_the_highest_and_is_shown_in_percent() -> None:
    validation = series("validation", 9)
    figure = curves.accuracy(series("train", 20), validation, axis="step")
    assert by_name(figure)["best"].y[0] == np.float32(max(validation.y))
    assert figure.layout.yaxis.tickformat.endswith("%")
    assert figure.layout.xaxis.title.text == "step"


def test_before_the_first_evaluation_nothing_is_marked() -> None:
    nothing = Series("validation", np.array([]), np.array([]))
    assert "best" not in by_name(curves.loss(series("train", 5), nothing))
    diverged = Series("validation", np.array([1.0]), np.array([np.nan]))
    assert "best" not in by_name(curves.loss(series("train", 5), diverged))


def test_long_runs_stay_small_and_keep_their_best() -> None:
    train, validation = series("train", 50_000), series("validation", 5_000, seed=1)
    figure = curves.loss(train, validation)
    lines = by_name(figure)
    assert len(lines["train"].x) <= curves.POINTS
    assert lines["validation"].y.min() == lines["best"].y[0] == np.float32(validation.y.min())
    assert len(figure.to_json()) < 40_000


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_each_layers_gradient_norm_can_be_told_from_the_others(count: int) -> None:
    layers = [series(f"conv{number}", 40, number) for number in range(count)]
    figure = curves.gradient_norms(layers)
    assert [trace.name for trace in figure.data] == [layer.name for layer in layers]
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == count
    for trace, layer in zip(figure.data, layers, strict=True):
        np.testing.assert_array_equal(trace.y, layer.y.astype(np.float32))
    assert figure.layout.yaxis.type == "log"


def test_the_learning_rate_is_one_line() -> None:
    rate = series("learning rate", 30)
    (line,) = curves.learning_rate(rate).data
    np.testing.assert_array_equal(line.y, rate.y.astype(np.float32))


@given(st.lists(st.integers(0, 70), min_size=1, max_size=6))
def test_networks_side_by_side_are_told_apart_and_shown_as_they_are(counts: list[int]) -> None:
    lines = [series(f"<b>{number}", count, number) for number, count in enumerate(counts)]
    for quantity in ("accuracy", "loss"):
        figure = curves.side_by_side(lines, quantity)
        assert [trace.name for trace in figure.data] == [f"&lt;b&gt;{number}" for number in range(len(counts))]
        assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == len(counts)
        for trace, line in zip(figure.data, lines, strict=True):
            np.testing.assert_array_equal(trace.y, line.y.astype(np.float32))
        assert quantity == "loss" or figure.layout.yaxis.type == "linear"


def test_accuracies_side_by_side_are_seen_where_they_spend_their_time() -> None:
    late = Series("late", np.arange(5.0), np.array([0.1, 0.9, 0.96, 0.97, 0.98]))
    low, high = curves.side_by_side([late], "accuracy").layout.yaxis.range
    assert low == pytest.approx(0.92)
    assert 1 < high < 1.01
    perfect = Series("perfect", np.arange(5.0), np.ones(5))
    assert curves.side_by_side([perfect], "accuracy").layout.yaxis.range[0] < 1
    assert curves.side_by_side([Series("none", np.empty(0), np.empty(0))], "accuracy").layout.yaxis.range is None


@given(st.floats(-4, 1), st.floats(0.0, 6.0))
def test_a_logarithmic_axis_has_marks_where_the_values_are(low: float, decades: float) -> None:
    values = np.logspace(low, low + decades, 7)
    axis = curves.side_by_side([Series("one", np.arange(7.0), values)], "loss").layout.yaxis
    if axis.type == "linear":
        assert decades < 0.35, "an ordinary axis is for values that lie close together"
    elif axis.tickvals is None:
        assert axis.dtick == 1
        assert decades >= 1.99
    else:
        inside = [mark for mark in axis.tickvals if values[0] * 0.999 <= mark <= values[-1] * 1.001]
        assert len(inside) >= 2
        assert [float(text) for text in axis.ticktext] == list(axis.tickvals)
