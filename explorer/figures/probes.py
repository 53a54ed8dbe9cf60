"""Probe images: what a network made of each of them at a moment of its training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT


def probes(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, title: str = "") -> go.Figure:
    """Class probabilities (P, K) of P probe images with true classes ``labels`` (P,): one row an image, one column a
    class, the true class framed, in the colour of right where it is also the most probable, else of wrong. The scale
    is always 0 to 1, so that snapshots can be compared. A click gives y, the probe's number.
    """
    trace = {
        "type": "heatmap",
        "z": probabilities.astype(np.float32),
        "coloraxis": "coloraxis",
        "xgap": 2,
        "ygap": 2,
        "customdata": [[f"true {classes[label]}"] * len(classes) for label in labels],
        "hovertemplate": "image %{y}, %{customdata}<br>probability of %{x}: %{z:.5~f}<extra></extra>",
    }
    right = probabilities.argmax(1) == labels
    rows = {"tickvals": list(range(len(labels))), "ticks": "", "showgrid": False, "zeroline": False}
    layout = {
        "title": {"text": title},
        "xaxis": {
            "tickvals": list(range(len(classes))),
            "ticktext": list(classes),
            "side": "top",
            "ticks": "",
            "showgrid": False,
            "zeroline": False,
            "constrain": "domain",
            "title": {"text": "probability of"},
        },
        "yaxis": {
            **rows,
            "ticktext": [f"{classes[label]} {'✓' if hit else '✗'}" for label, hit in zip(labels, right, strict=True)],
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
        },
        "coloraxis": {"colorscale": theme.scale("sequential"), "cmin": 0, "cmax": 1, "showscale": False},
        "shapes": [
            _frame(row, int(label), bool(hit)) for row, (label, hit) in enumerate(zip(labels, right, strict=True))
        ],
        "margin": {"l": 8, "r": 8, "t": 32 if title else 8, "b": 8},
        "uirevision": "probes",
    }
    return figure([trace], layout)


def _frame(row: int, true: int, right: bool) -> dict[str, object]:
    corners = {"x0": true - 0.5, "x1": true + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", **corners, "line": {"color": LIGHT.right if right else LIGHT.wrong, "width": 2}}
