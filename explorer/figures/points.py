"""Images as points of a map, and how well each layer tells the classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT

_SYMBOLS = ("circle", "square", "diamond", "triangle-up")
"""Of the classes by tens: there are ten colours."""


def cloud(
    positions: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
    classes: Sequence[str],
    *,
    names: Sequence[str],
    current: np.ndarray | None = None,
    selected: np.ndarray | None = None,
    revision: str = "cloud",
    choice: str = "",
) -> go.Figure:
    """Points (N, 2) in the colours of their classes, and beyond ten classes in other shapes: a trace for each class's
    points that were read right, and one of crosses for all that were read wrong.

    A point's ``customdata`` is its number, 0 to N − 1; ``names`` stand first in its hover text. ``current`` (2,) is
    ringed. ``selected`` (numbers) stand out from the others; None: all are alike. ``revision`` says what is mapped (a
    new one forgets zoom and lasso), ``choice`` whether ``selected`` came from elsewhere than the lasso.
    """
    chosen = np.zeros(len(labels), bool)
    if selected is not None:
        chosen[selected] = True
    colours = [LIGHT.classes[number % len(LIGHT.classes)] for number in range(len(classes))]
    titles = [*classes, "read wrong ✗"]
    traces: list[dict[str, Any]] = []
    for title, mine in zip(titles, _groups(labels, predictions, len(classes)), strict=True):
        wrong = len(traces) == len(classes)
        trace = {
            "type": "scatter",
            "mode": "markers",
            "name": title,
            "x": positions[mine, 0].astype(np.float32),
            "y": positions[mine, 1].astype(np.float32),
            "customdata": mine.astype(np.int32),
            "marker": {
                "color": [colours[label] for label in labels[mine].tolist()] if wrong else colours[len(traces)],
                "size": 11 if wrong else 6,
                "symbol": "x" if wrong else _SYMBOLS[len(traces) // len(LIGHT.classes) % len(_SYMBOLS)],
                "opacity": 1 if wrong else 0.85,
                "line": {"width": 1 if wrong else 0, "color": LIGHT.text},
            },
            "unselected": {"marker": {"opacity": 0.12}},
            "hovertext": [
                f"{names[i]}<br>{classes[labels[i]]}, read as {classes[predictions[i]]} {'✗' if wrong else '✓'}"
                for i in mine.tolist()
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        if selected is not None:
            trace["selectedpoints"] = np.flatnonzero(chosen[mine]).astype(np.int32)
        traces.append(trace)
    if current is not None:
        traces.append(_ring(current))
    hidden = {"visible": False, "automargin": False}
    layout = {
        "xaxis": hidden,
        "yaxis": {**hidden, "scaleanchor": "x"},
        "legend": {"itemsizing": "constant", "y": -0.02, "yanchor": "top"},
        "margin": {"l": 8, "r": 8, "t": 32, "b": 8},
        "uirevision": revision,
        "selectionrevision": f"{revision}-{choice}",
    }
    return figure(traces, layout)


def place(curve: int, point: int, labels: np.ndarray, predictions: np.ndarray, classes: int) -> int | None:
    """The number of a point of :func:`cloud`, given by its trace and its own number there; None for no such point."""
    groups = _groups(labels, predictions, classes)
    return int(groups[curve][point]) if curve < len(groups) and point < len(groups[curve]) else None


def _groups(labels: np.ndarray, predictions: np.ndarray, classes: int) -> list[np.ndarray]:
    """Which points each trace has: class by class those that were read right, then all that were not."""
    right = labels == predictions
    return [*(np.flatnonzero(right & (labels == number)) for number in range(classes)), np.flatnonzero(~right)]


def _ring(current: np.ndarray) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "current one",
        "x": current[:1].astype(np.float32),
        "y": current[1:].astype(np.float32),
        "marker": {"size": 18, "symbol": "circle-open", "color": LIGHT.text, "line": {"width": 3}},
        "unselected": {"marker": {"opacity": 1}},
        "hoverinfo": "skip",
    }


def depth(layers: Sequence[str], linear: np.ndarray, neighbours: np.ndarray) -> go.Figure:
    """Two accuracies, fractions (L,), layer by layer from the pixels on. A click gives the layer as x."""
    lines = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": list(layers),
            "y": values.astype(np.float32),
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"size": 8, "symbol": symbol},
            "hovertemplate": "%{y:.2%}",
        }
        for name, values, colour, dash, symbol in (
            ("linear probe", linear, LIGHT.accent, "solid", "circle"),
            ("5 nearest neighbours", neighbours, LIGHT.kinds["pool"], "dot", "diamond"),
        )
    ]
    layout = {
        "hovermode": "x unified",
        "xaxis": {"type": "category", "title": {"text": "after layer"}},
        "yaxis": {"title": {"text": "read right"}, "tickformat": ".0~%", "autorangeoptions": {"maxallowed": 1.02}},
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "uirevision": "depth",
        "meta": {"min_width": 40 * len(layers)},
    }
    return figure(lines, layout)


def table(
    positions: np.ndarray, labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str], numbers: np.ndarray
) -> list[dict[str, object]]:
    """One row a point; ``numbers`` are the images' own."""
    rows = zip(numbers.tolist(), labels.tolist(), predictions.tolist(), positions.tolist(), strict=True)
    return [
        {"image": number, "true": classes[true], "read as": classes[read], "x": x, "y": y}
        for number, true, read, (x, y) in rows
    ]
