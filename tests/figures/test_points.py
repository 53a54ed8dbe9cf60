"""The map of points and the curve over depth: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.data.own import MOST_CLASSES
from explorer.figures import points
from explorer.figures.theme import LIGHT

CLASSES = ("zero", "one", "two")
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 3, 40)
PREDICTIONS = np.where(GENERATOR.random(40) < 0.2, (LABELS + 1) % 3, LABELS)
POSITIONS = GENERATOR.normal(size=(40, 2)).astype(np.float32)
NAMES = [f"image {index}" for index in range(40)]


def test_every_point_is_drawn_once_in_its_classs_colour_and_wrong_ones_are_crosses() -> None:
    drawn = points.cloud(POSITIONS, LABELS, PREDICTIONS, CLASSES, names=NAMES)
    seen = np.concatenate([trace.customdata for trace in drawn.data])
    assert sorted(seen.tolist()) == list(range(40))
    for number, trace in enumerate(drawn.data):
        for at, index in enumerate(trace.customdata.tolist()):
            assert (trace.x[at], trace.y[at]) == tuple(POSITIONS[index])
            wrong = LABELS[index] != PREDICTIONS[index]
            assert (number == 3) == wrong
            colour = trace.marker.color[at] if wrong else trace.marker.color
            assert colour == LIGHT.classes[LABELS[index]]
            assert trace.marker.symbol == ("x" if wrong else "circle")
            assert trace.hovertext[at] == (
                f"image {index}<br>{CLASSES[LABELS[index]]}, read as {CLASSES[PREDICTIONS[index]]} "
                f"{'✗' if wrong else '✓'}"
            )
            assert points.place(number, at, LABELS, PREDICTIONS, 3) == index
    assert [trace.name for trace in drawn.data] == [*CLASSES, "read wrong ✗"]
    assert all(trace.selectedpoints is None for trace in drawn.data)


@pytest.mark.parametrize(("curve", "point"), [(0, 40), (3, 30), (4, 0)])
def test_there_are_no_other_points(curve: int, point: int) -> None:
    assert points.place(curve, point, LABELS, PREDICTIONS, 3) is None


@pytest.mark.parametrize("selected", [[], [3, 5, 7, 30], list(range(40))])
def test_the_selected_ones_are_those_given(selected: list[int]) -> None:
    current = np.array([1.5, -2], np.float32)
    drawn = points.cloud(
        POSITIONS, LABELS, PREDICTIONS, CLASSES, names=NAMES, current=current, selected=np.array(selected, np.int64)
    )
    *groups, ring = drawn.data
    assert sorted(int(trace.customdata[at]) for trace in groups for at in trace.selectedpoints) == selected
    assert (ring.x[0], ring.y[0], ring.name) == (1.5, -2, "current one")


def test_the_curve_has_both_readers_layer_by_layer() -> None:
    linear, near = np.array([0.9, 0.95, 0.99]), np.array([0.93, 0.96, 0.98])
    drawn = points.depth(("input", "conv1", "output"), linear, near)
    assert [trace.x for trace in drawn.data] == [("input", "conv1", "output")] * 2
    np.testing.assert_array_equal([trace.y for trace in drawn.data], np.float32([linear, near]))


def test_the_table_has_every_point() -> None:
    rows = points.table(POSITIONS, LABELS, PREDICTIONS, CLASSES, np.arange(100, 140))
    assert [row["image"] for row in rows] == list(range(100, 140))
    assert [row["true"] for row in rows] == [CLASSES[label] for label in LABELS]
    assert [row["read as"] for row in rows] == [CLASSES[label] for label in PREDICTIONS]
    np.testing.assert_array_equal([[row["x"], row["y"]] for row in rows], POSITIONS)


def test_no_two_of_the_most_classes_look_alike() -> None:
    classes = [str(number) for number in range(MOST_CLASSES)]
    labels = np.arange(MOST_CLASSES)
    drawn = points.cloud(GENERATOR.normal(size=(MOST_CLASSES, 2)), labels, labels, classes, names=classes)
    looks = {(trace.marker.color, trace.marker.symbol) for trace in drawn.data[:MOST_CLASSES]}
    assert len(looks) == MOST_CLASSES
