"""Boxes have the quantiles they are given, and the matrix its order."""

from __future__ import annotations

import numpy as np

from explorer.figures.responses import alike, by_class


def test_boxes_are_the_quantiles_and_empty_classes_are_left_out() -> None:
    quantiles = np.arange(21, dtype=np.float32).reshape(3, 7)
    quantiles[1] = np.nan
    box, largest = by_class(quantiles, ("a", "b", "c")).data
    assert list(box.x) == [0, 2]
    for name, place in (("lowerfence", 1), ("q1", 2), ("median", 3), ("q3", 4), ("upperfence", 5)):
        np.testing.assert_array_equal(box[name], quantiles[[0, 2], place])
    np.testing.assert_array_equal(largest.y, quantiles[[0, 2], 6])
    assert largest.hovertext[0].split("<br>")[0] == "largest: 6.0000"
    assert largest.hovertext[0].split("<br>")[-1] == "smallest: 0"


def test_the_matrix_is_in_its_order_from_minus_one_to_one() -> None:
    cosines = np.array([[1, 0.5, -0.2], [0.5, 1, 0.1], [-0.2, 0.1, 1]], np.float32)
    figure = alike(cosines, np.array([2, 0, 1]), what="unit")
    cells = figure.data[0]
    np.testing.assert_array_equal(cells.z, cosines[np.ix_([2, 0, 1], [2, 0, 1])])
    assert cells.text[0][1] == "units 2 and 0"
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-1, 1)
    large = alike(np.eye(200, dtype=np.float32), np.arange(200))
    assert large.data[0].text is None
