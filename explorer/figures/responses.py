"""How a kernel responds to each class, and which kernels of a layer are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT


def by_class(quantiles: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """The distribution of responses in each class, (C, 7): smallest, 5 %, 25 %, 50 %, 75 %, 95 % and largest, as boxes
    with whiskers from 5 to 95 % and a mark at the largest. Classes without images are left out."""
    there = np.flatnonzero(np.isfinite(quantiles[:, 3]))
    shown = quantiles[there].astype(np.float32)
    names = ("smallest", "5 %", "25 %", "median", "75 %", "95 %", "largest")
    hover = [
        "<br>".join(
            f"{name}: {theme.significant(value, 5)}" for name, value in zip(names[::-1], row[::-1], strict=True)
        )
        for row in shown.tolist()
    ]
    box = {
        "type": "box",
        "x": there,
        "lowerfence": shown[:, 1],
        "q1": shown[:, 2],
        "median": shown[:, 3],
        "q3": shown[:, 4],
        "upperfence": shown[:, 5],
        "line": {"color": LIGHT.accent, "width": 1.5},
        "fillcolor": theme.faint(LIGHT.accent, 0.2),
        "hoverinfo": "skip",
        "showlegend": False,
    }
    largest = {
        "type": "scatter",
        "mode": "markers",
        "x": there,
        "y": shown[:, 6],
        "marker": {"color": LIGHT.text, "size": 6, "symbol": "line-ew-open"},
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
    }
    ticks = {"tickvals": list(range(len(classes))), "ticktext": list(classes), "showgrid": False, "fixedrange": True}
    layout = {
        "xaxis": {**ticks, "range": [-0.6, len(classes) - 0.4], "title": {"text": "class"}},
        "yaxis": {"title": {"text": "largest response"}, "zeroline": True, "zerolinecolor": LIGHT.muted},
        "hovermode": "x",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "uirevision": "responses",
    }
    return figure([box, largest], layout)


def alike(cosines: np.ndarray, order: np.ndarray, *, what: str = "kernel") -> go.Figure:
    """A matrix of cosines (K, K), its rows and columns in ``order`` (K,), from −1 to 1 on the signed scale. A click
    gives x and y as places in the order."""
    numbers = [str(number) for number in order.tolist()]
    few = len(numbers) <= 40
    ticks = {
        "tickvals": list(range(len(numbers))) if few else [],
        "ticktext": numbers if few else [],
        "showgrid": False,
        "zeroline": False,
        "constrain": "domain",
    }
    cells = {
        "type": "heatmap",
        "z": cosines[np.ix_(order, order)].astype(np.float32),
        "coloraxis": "coloraxis",
        "hovertemplate": "%{z:.3f}<extra></extra>",
    }
    if len(numbers) <= 128:  # beyond, the texts would weigh more than the numbers
        cells["text"] = [[f"{what}s {row} and {column}" for column in numbers] for row in numbers]
        cells["hovertemplate"] = "%{text}<br>cosine %{z:.3f}<extra></extra>"
    layout = {
        "xaxis": {**ticks, "side": "top"},
        "yaxis": {**ticks, "autorange": "reversed", "scaleanchor": "x"},
        "coloraxis": {
            "colorscale": theme.scale("signed"),
            "cmin": -1,
            "cmax": 1,
            "colorbar": {"title": {"text": "cosine"}, "thickness": 12},
        },
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "uirevision": f"alike-{len(numbers)}",
    }
    return figure([cells], layout)
