"""Charts of what happens while digits get harder show exactly what they are given."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.figures import harder, theme
from explorer.figures.harder import Accuracy, Answer
from explorer.figures.theme import LIGHT

AMOUNTS = np.array([0.0, 1.0, 2.5])


def curves(count: int) -> list[Accuracy]:
    shares = np.linspace(1, 0.2, 3 * count).reshape(count, 3)
    return [
        Accuracy(f"network {k}", AMOUNTS, shares[k], np.stack([shares[k] - 0.02, shares[k] + 0.01 * k], 1))
        for k in range(count)
    ]


def test_each_network_is_a_line_with_its_intervals() -> None:
    figure = harder.accuracy(curves(12), unit="pixels", neutral=0)
    go.Figure(figure.to_dict())  # Plotly's own check
    for k, (line, given) in enumerate(zip(figure.data, curves(12), strict=True)):
        assert line.name == given.name
        np.testing.assert_array_equal(line.x, AMOUNTS.astype(np.float32))
        np.testing.assert_array_equal(line.y, given.shares.astype(np.float32))
        np.testing.assert_allclose(line.error_y.array, 0.01 * k, atol=1e-6)
        np.testing.assert_allclose(line.error_y.arrayminus, 0.02, atol=1e-6)
    looks = {(line.line.color, line.line.dash, line.marker.symbol) for line in figure.data}
    assert len(looks) == 12
    assert figure.layout.xaxis.title.text == "pixels"
    assert figure.layout.showlegend


def test_a_name_in_the_legend_is_text() -> None:
    (given,) = curves(1)
    figure = harder.accuracy([given._replace(name="a<b> & <a href='x'>c</a>")], unit="pixels", neutral=0)
    assert figure.data[0].name == "a&lt;b&gt; &amp; &lt;a href='x'&gt;c&lt;/a&gt;"


@pytest.mark.parametrize("at", [None, 1.25])
def test_a_turn_is_marked_where_it_is(at: float | None) -> None:
    answers = [
        Answer("true 4", np.array([0.1, 0.5, 0.9]), True),
        Answer("read 9", np.array([0.8, 0.4, 0.1]), False),
        Answer("read 2", np.array([0.1, 0.1, 0.0]), None),
    ]
    figure = harder.turning(AMOUNTS, answers, unit="degrees", at=at)
    go.Figure(figure.to_dict())
    assert [line.line.color for line in figure.data] == [LIGHT.right, LIGHT.wrong, LIGHT.accent]
    assert figure.data[1].line.dash == "dash"  # not by its colour alone
    for line, answer in zip(figure.data, answers, strict=True):
        np.testing.assert_array_equal(line.y, answer.shares.astype(np.float32))
        assert list(line.text) == [escape(theme.probability(float(share))) for share in answer.shares]
    assert figure.data[2].text[2] == "&lt; 0.1%", "what is pointed at is never 0%"
    assert [shape.x0 for shape in figure.layout.shapes] == ([] if at is None else [at])


def test_the_table_holds_every_value() -> None:
    one, two = curves(2)
    two = two._replace(amounts=np.array([1.0, 2.5, 4.0]))
    rows = harder.table([one, two])
    assert [row["amount"] for row in rows] == [0.0, 1.0, 2.5, 4.0]
    assert rows[1] == {"amount": 1.0, "network 0": one.shares[1], "network 1": two.shares[0]}
    assert "network 0" not in rows[3]
