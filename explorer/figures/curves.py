"""Curves through training: loss, accuracy, learning rate, gradient norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT

POINTS = 800
STRETCHES = 150
MOST_DECADES, FEWEST_MARKS = 2, 2
EXACT, PERCENT = ".6~g", ".3~%"
_DASHES = ("solid", "dot", "dash")

Axis = Literal["epoch", "step"]
Best = Literal["lowest", "highest"]
Quantity = Literal["loss", "accuracy"]


class Series(NamedTuple):
    """One line: its name, and its positions (steps or epochs, rising) and values, both (N,)."""

    name: str
    x: np.ndarray
    y: np.ndarray


def loss(train: Series, validation: Series, *, axis: Axis = "epoch", log: bool = False) -> go.Figure:
    """The loss in nats, the lowest of validation marked."""
    data = [*_pair(train, validation, EXACT), *_mark(validation, "lowest", EXACT)]
    return _curves(data, axis, "loss", log=log)


def accuracy(train: Series, validation: Series, *, axis: Axis = "epoch") -> go.Figure:
    """The accuracy, given as fractions and shown in percent, the highest of validation marked."""
    data = [*_pair(train, validation, PERCENT), *_mark(validation, "highest", PERCENT)]
    return _curves(data, axis, "accuracy", percent=True)


def side_by_side(lines: Sequence[Series], quantity: Quantity, *, axis: Axis = "epoch") -> go.Figure:
    """One line a network, each in a colour of its own: the loss in nats on a logarithmic scale, or the accuracy as a
    fraction, from where :func:`begins` says."""
    exact = PERCENT if quantity == "accuracy" else EXACT
    data = []
    for number, line in enumerate(lines):
        named = line._replace(name=escape(line.name, quote=False))  # Plotly reads markup in it
        colour = LIGHT.classes[number % len(LIGHT.classes)]
        drawn = _line(named, colour, exact, mode="lines+markers" if len(line.x) <= 60 else "lines")
        drawn["line"]["dash"] = _DASHES[number % len(_DASHES)]
        data.append(drawn)
    chart = _curves(data, axis, quantity, log=quantity == "loss", percent=quantity == "accuracy")
    chart.layout.showlegend = True  # also for one: it says whose it is
    chart.layout.xaxis.rangemode = "tozero"
    if quantity == "accuracy" and any(np.isfinite(line.y).any() for line in lines):
        low = begins(lines)
        chart.layout.yaxis.range = [low, 1 + 0.05 * (1 - low)]
        chart.layout.yaxis.tickformat = ".2~%"
    return chart


def begins(lines: Sequence[Series]) -> float:
    """Where an axis of accuracies begins that shows the half of each line that is nearer to 1."""
    middles = [float(np.median(line.y[np.isfinite(line.y)])) for line in lines if np.isfinite(line.y).any()]
    return max(0.0, min(1 - 2 * (1 - min(middles, default=0.0)), 0.99))


def learning_rate(rate: Series, *, axis: Axis = "epoch", log: bool = False) -> go.Figure:
    """The learning rate at each step."""
    return _curves([_line(rate, LIGHT.accent, EXACT)], axis, "learning rate", log=log)


def gradient_norms(layers: Sequence[Series], *, axis: Axis = "epoch", log: bool = True) -> go.Figure:
    """The gradient's L2 norm in each layer, coloured along one scale as the layers follow each other.

    Norms jump from step to step, so of more than 150 steps the means of 150 even stretches are shown.
    """
    stops = LIGHT.sequential[:1:-1]  # without the faintest
    data = [_line(Series(layer.name, *means(layer.x, layer.y, STRETCHES)), LIGHT.accent, EXACT) for layer in layers]
    for number, line in enumerate(data):
        colour = stops[round(number * (len(stops) - 1) / max(1, len(data) - 1))]
        dash = _DASHES[number % len(_DASHES)] if len(data) > len(stops) else "solid"
        line["line"] = {"color": colour, "width": 1.6, "dash": dash}
    return _curves(data, axis, "gradient norm", log=log)


def thin(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most ``points`` (at least 4) of the points (x, y), in order: the first, the last, and from even stretches
    between them the lowest and the highest, so that no peak and no best value is lost. NaN counts as neither, but a
    stretch of nothing else keeps one.
    """
    if len(x) <= points:
        return x, y
    inner = y[1:-1]
    stretches = points // 2 - 1
    starts = np.arange(stretches) * len(inner) // stretches
    lengths = np.diff(starts, append=len(inner))
    # The stretches as rows of a matrix, the shorter ones filled up with their last point.
    rows = starts[:, None] + np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
    hole = np.isnan(inner[rows])
    lowest = np.where(hole, np.inf, inner[rows]).argmin(1)
    highest = np.where(hole, -np.inf, inner[rows]).argmax(1)
    number = np.arange(stretches)
    kept = np.unique([0, *(rows[number, lowest] + 1), *(rows[number, highest] + 1), len(x) - 1])
    return x[kept], y[kept]


def means(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The means of ``points`` even stretches, or the points themselves where they are no more."""
    if len(x) <= points:
        return x, y
    edges = np.arange(points + 1) * len(x) // points
    lengths = np.diff(edges)
    sums = (np.add.reduceat(np.asarray(values, np.float64), edges[:-1]) for values in (x, y))
    x, y = (total / lengths for total in sums)
    return x, y


def _pair(train: Series, validation: Series, number: str) -> list[dict[str, Any]]:
    points = "lines+markers" if len(validation.x) <= 60 else "lines"
    faint = theme.faint(LIGHT.train, 0.6)
    return [_line(train, faint, number, width=1), _line(validation, LIGHT.validation, number, mode=points)]


def _line(series: Series, colour: str, number: str, *, width: float = 2, mode: str = "lines") -> dict[str, Any]:
    x, y = thin(series.x, series.y)
    return {
        "type": "scatter",
        "mode": mode,
        "name": series.name,
        "x": np.asarray(x, np.float32),
        "y": np.asarray(y, np.float32),
        "line": {"color": colour, "width": width},
        "marker": {"size": 5},
        "hovertemplate": f"%{{y:{number}}}",
    }


def _mark(series: Series, best: Best, number: str) -> list[dict[str, Any]]:
    """A ring around the best value that there is."""
    if not np.isfinite(series.y).any():
        return []
    index = int(np.nanargmin(series.y) if best == "lowest" else np.nanargmax(series.y))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "best",
            "x": np.asarray(series.x[index : index + 1], np.float32),
            "y": np.asarray(series.y[index : index + 1], np.float32),
            "marker": {"size": 11, "symbol": "circle-open", "color": LIGHT.validation, "line": {"width": 2}},
            "hovertemplate": f"%{{y:{number}}}",
        }
    ]


def _curves(
    data: list[dict[str, Any]], axis: Axis, title: str, *, log: bool = False, percent: bool = False
) -> go.Figure:
    layout: dict[str, Any] = {
        "uirevision": title,
        "hovermode": "x unified",
        "xaxis": {"title": {"text": axis}, "hoverformat": ",.3~f" if axis == "epoch" else ",d"},
        "yaxis": {"title": {"text": title}, **(_logarithmic(data) if log else {"type": "linear"})},
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
    }
    if percent:
        layout["yaxis"] |= {"tickformat": ".0~%"}
    return figure(data, layout)


def _logarithmic(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An axis whose marks are written in full, where Plotly would write 5 for 0.05: over many powers of ten these, over
    few of them twice and five times that, too, over less than one whatever digits it takes. Values that lie closer
    together than these marks get an ordinary axis."""
    values = np.concatenate([trace["y"] for trace in data] or [np.empty(0)])
    values = values[np.isfinite(values) & (values > 0)]
    axis: dict[str, Any] = {"type": "log", "dtick": 1, "exponentformat": "none"}
    if not len(values) or values.max() > values.min() * 10**MOST_DECADES:
        return axis
    low, high = float(values.min()), float(values.max())
    powers = range(math.floor(math.log10(low)) - 1, math.floor(math.log10(high)) + 2)
    for digits in ((1, 2, 5), range(1, 10)):
        marks = [float(f"{digit}e{power}") for power in powers for digit in digits]
        if sum(low <= mark <= high for mark in marks) >= FEWEST_MARKS:
            return {"type": "log", "tickvals": marks, "ticktext": [f"{mark:g}" for mark in marks]}
    return {"type": "linear"}
