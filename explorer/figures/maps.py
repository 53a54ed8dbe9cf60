"""One feature map, kernel or picture, close up."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure

LARGEST_WITH_NUMBERS = 14

Limits = tuple[float, float]


def limits(values: np.ndarray, *, signed: bool) -> Limits:
    """The scale that shows all of ``values`` and 0: symmetric around it where signed, else from the lowest to the
    highest. Values that are all zero, or none, get a scale of 1. NaN and infinities don't count."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if signed:
        bound = max(-low, high) or 1.0
        return -bound, bound
    low, high = min(low, 0.0), max(high, 0.0)
    return low, high if high > low else 1.0


def heatmap(
    values: np.ndarray,
    *,
    scale: Literal["signed", "brightness"],
    bounds: Limits | None = None,
    numbers: bool = False,
    title: str = "",
    colorbar: bool = True,
) -> go.Figure:
    """A map (H, W) with crisp square pixels, row 0 on top; exact values on hover.

    ``bounds`` are the scale's ends, so that several maps can share one (None: this map's own :func:`limits`).
    ``numbers`` writes the values into the cells of a map of at most 14 × 14.
    """
    low, high = bounds if bounds is not None else limits(values, signed=scale == "signed")
    height, width = values.shape
    large = max(height, width) <= LARGEST_WITH_NUMBERS
    trace = {
        "type": "heatmap",
        "z": values.astype(np.float32),
        "coloraxis": "coloraxis",
        "zsmooth": False,
        "xgap": 1 if large else 0,
        "ygap": 1 if large else 0,
        "hovertemplate": "row %{y}, column %{x}<br>%{z:.7~g}<extra></extra>",
        **({"texttemplate": "%{z:.2~g}"} if numbers and large else {}),
    }
    hidden = {"visible": False, "constrain": "domain"}
    layout = {
        "title": {"text": title},
        "xaxis": {**hidden, "range": [-0.5, width - 0.5]},
        "yaxis": {**hidden, "range": [height - 0.5, -0.5], "scaleanchor": "x"},
        "coloraxis": {
            "colorscale": theme.scale(scale),
            "cmin": low,
            "cmax": high,
            "showscale": colorbar,
            "colorbar": {"tickvals": _ticks(low, high), "tickformat": ".3~g"},
        },
        "margin": {"l": 4, "r": 4, "t": 32 if title else 4, "b": 4},
        "uirevision": "map",
    }
    return figure([trace], layout)


def _ticks(low: float, high: float) -> list[float]:
    return [low, 0.0, high] if low < 0 < high else [low, high]
