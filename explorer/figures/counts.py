"""How many images of each class there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT


def counts(splits: Mapping[str, np.ndarray], classes: Sequence[str]) -> go.Figure:
    """For each split its images of each class, (K,), stacked: one bar a class."""
    colours = (LIGHT.accent, LIGHT.kinds["pool"], LIGHT.kinds["activation"])
    bars = [
        {
            "type": "bar",
            "name": name,
            "x": list(classes),
            "y": np.asarray(values, np.int32),
            "marker": {"color": colours[number % len(colours)], "line": {"width": 0}},
            "hovertemplate": "%{y:,d}",
        }
        for number, (name, values) in enumerate(splits.items())
    ]
    layout = {
        "barmode": "stack",
        "bargap": 0.25,
        "hovermode": "x unified",
        "xaxis": {"type": "category", "title": {"text": "class"}, "showgrid": False},
        "yaxis": {"title": {"text": "images"}, "tickformat": ",d"},
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "uirevision": "counts",
        "meta": {"min_width": 34 * len(classes)},
    }
    return figure(bars, layout)
