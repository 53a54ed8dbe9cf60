"""The confusion matrix, drawn so that the errors show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT


def matrix(counts: np.ndarray, classes: Sequence[str], *, chosen: tuple[int, int] | None = None) -> go.Figure:
    """A confusion matrix int (K, K), rows true, columns predicted, coloured by its errors alone: the right answers on
    the diagonal stay neutral. ``chosen`` (true, predicted) gets a frame. A click on a cell gives x, the predicted, and
    y, the true class, as numbers from 0.
    """
    right = np.eye(len(classes), dtype=bool)
    neutral = theme.faint(LIGHT.muted, 0.16)
    highest = max(1.0, float(np.where(right, 0, counts).max()))
    data = [
        {**_cells(counts, ~right, classes), "coloraxis": "coloraxis"},
        {
            **_cells(counts, right, classes),
            "colorscale": [[0, neutral], [1, neutral]],
            "showscale": False,
            "textfont": {"color": LIGHT.muted},
        },
    ]
    ticks = {"tickvals": list(range(len(classes))), "ticktext": list(classes), "ticks": ""}
    ticks |= {"showgrid": False, "zeroline": False, "constrain": "domain"}
    layout = {
        "xaxis": {**ticks, "title": {"text": "predicted"}, "side": "top"},
        "yaxis": {**ticks, "title": {"text": "true"}, "autorange": "reversed", "scaleanchor": "x"},
        "coloraxis": {"colorscale": theme.scale("sequential"), "cmin": 0, "cmax": highest, "showscale": False},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "uirevision": "matrix",
        "shapes": [_frame(*chosen)] if chosen else [],
    }
    return figure(data, layout)


def table(counts: np.ndarray, classes: Sequence[str]) -> list[dict[str, object]]:
    """All cells, one row a true class."""
    return [
        {"true": true, **{f"predicted {predicted}": int(count) for predicted, count in zip(classes, row, strict=True)}}
        for true, row in zip(classes, counts, strict=True)
    ]


def _cells(counts: np.ndarray, chosen: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """The cells that ``chosen`` (K, K) is true for, with their counts as text; no 0, it would only be noise."""
    shown = chosen & (counts > 0)
    totals = counts.sum(1)
    hover = [
        [
            f"true {true}, predicted {predicted}<br>{count:,} of {total:,}"
            + (f" ({count / total:.2%})" if total else "")
            for predicted, count in zip(classes, row, strict=True)
        ]
        for true, row, total in zip(classes, counts.tolist(), totals.tolist(), strict=True)
    ]
    return {
        "type": "heatmap",
        "z": np.where(chosen, counts, np.nan).astype(np.float32),
        "text": [
            [f"{n:,}" if seen else "" for n, seen in zip(*row, strict=True)] for row in zip(counts, shown, strict=True)
        ],
        "texttemplate": "%{text}",
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "xgap": 2,
        "ygap": 2,
    }


def _frame(true: int, predicted: int) -> dict[str, object]:
    corners = {"x0": predicted - 0.5, "x1": predicted + 0.5, "y0": true - 0.5, "y1": true + 0.5}
    return {"type": "rect", **corners, "line": {"color": LIGHT.accent, "width": 3}}
