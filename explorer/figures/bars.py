"""One number a class or unit, as bars: probabilities before and after a change, a dense layer's activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT, probability

ROW = 24  # pixels a bar


def before_after(before: np.ndarray, after: np.ndarray, classes: Sequence[str], *, true: int | None) -> go.Figure:
    """Class probabilities (K,) before a change and after it, as two bars a class, the first class on top; the mark
    (✓ or ✗) is at what is read after it, and ✓ at the ``true`` class, where it is known."""
    predicted = int(after.argmax())
    marks = [""] * len(after)
    if true is not None:
        marks[predicted] = " ✗"
        marks[true] = " ✓"
    sides = (("before", before, LIGHT.train, [""] * len(before)), ("after", after, LIGHT.accent, marks))
    drawn = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": values.astype(np.float32),
            "y": list(range(len(values))),
            "marker": {"color": colour, "line": {"width": 0}},
            "text": [f"{probability(float(value))}{mark}" for value, mark in zip(values, given, strict=True)],
            "textposition": "outside",
            "cliponaxis": False,
            "hovertext": [f"{one}, {name}: {value:.7g}" for one, value in zip(classes, values.tolist(), strict=True)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for name, values, colour, given in sides
    ]
    layout = {
        "height": round(1.5 * ROW) * len(before) + 48,
        "barmode": "group",
        "bargap": 0.25,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"range": [0, 1.25], "visible": False, "fixedrange": True},
        "yaxis": {
            "tickvals": list(range(len(before))),
            "ticktext": list(classes),
            "tickfont": {"color": LIGHT.text},
            "ticklabelstandoff": 6,
            "autorange": "reversed",
            "showgrid": False,
            "fixedrange": True,
        },
        "margin": {"l": 8, "r": 8, "t": 32, "b": 8},
        "uirevision": "before-after",
    }
    return figure(drawn, layout)
