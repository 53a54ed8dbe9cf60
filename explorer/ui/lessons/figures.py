"""The lessons' own figures: an activation's curve, the loss after a step, the lab's runs, a map over its digit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT

MARGIN = {"l": 8, "r": 8, "t": 12, "b": 8}
Metric = Literal["loss", "accuracy"]


class Trace(NamedTuple):
    """One run in the lab: its name, and epochs and values of training and validation, each (N,)."""

    name: str
    colour: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]


def function_curve(function: Callable[[np.ndarray], np.ndarray], name: str, value: float, *, reach: float) -> go.Figure:
    """A function (N,) → (N,) from −``reach`` to ``reach``, with the place of ``value`` marked."""
    reach = reach or 1.0
    x = np.linspace(-reach, reach, 201)
    at = np.array([value])
    curve = {
        "type": "scatter",
        "mode": "lines",
        "x": x.astype(np.float32),
        "y": function(x).astype(np.float32),
        "line": {"color": LIGHT.kinds["activation"], "width": 2.5},
        "hovertemplate": "%{x:.3~g} → %{y:.3~g}<extra></extra>",
    }
    mark = {
        "type": "scatter",
        "mode": "markers",
        "x": at.astype(np.float32),
        "y": function(at).astype(np.float32),
        "marker": {"size": 12, "color": LIGHT.accent},
        "hovertemplate": "%{x:.4~g} → %{y:.4~g}<extra></extra>",
    }
    layout = {
        "showlegend": False,
        "xaxis": {"title": {"text": "before"}, "zeroline": True},
        "yaxis": {"title": {"text": f"after {name}"}, "zeroline": True},
        "margin": MARGIN,
        "uirevision": f"function-{name}",
    }
    return figure([curve, mark], layout)


def descent_curve(
    rates: Sequence[float], losses: np.ndarray, before: float, others: np.ndarray, chosen: float
) -> go.Figure:
    """Loss after one step (R,) against the learning rate, on the digit and on ``others`` (R,), the loss before it as a
    line, the chosen rate marked. What is far above the loss of guessing leaves the figure."""
    x = np.asarray(rates, np.float32)
    ends = x[[0, -1]]
    place = list(rates).index(chosen)
    ticks = [10.0**power for power in range(-9, 4) if ends[0] * 0.99 <= 10.0**power <= ends[1] * 1.01]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "this digit before",
            "x": ends,
            "y": np.array([before, before], np.float32),
            "line": {"color": LIGHT.train, "width": 1.5, "dash": "dash"},
            "hovertemplate": "%{y:.4~g}<extra>before</extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "after",
            "x": x,
            "y": losses.astype(np.float32),
            "line": {"color": LIGHT.accent, "width": 2},
            "hovertemplate": "rate %{x:.3~g}<br>loss %{y:.4~g}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "100 others after",
            "x": x,
            "y": others.astype(np.float32),
            "line": {"color": LIGHT.classes[1], "width": 2},
            "hovertemplate": "rate %{x:.3~g}<br>loss %{y:.4~g}<extra>100 others</extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "x": x[[place]],
            "y": losses[[place]].astype(np.float32),
            "marker": {"size": 12, "color": LIGHT.accent},
            "hovertemplate": "rate %{x:.3~g}<br>loss %{y:.4~g}<extra></extra>",
        },
    ]
    layout = {
        "xaxis": {
            "title": {"text": "learning rate"},
            "type": "log",
            "tickvals": ticks,
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
        "yaxis": {"title": {"text": "loss"}, "range": [0, 1.15 * max(before, float(losses.max()), 2.5)]},
        "margin": {**MARGIN, "t": 28},
        "uirevision": "descent",
    }
    return figure(data, layout)


def lab(runs: Sequence[Trace], metric: Metric, *, epochs: int) -> go.Figure:
    """All runs' curves over ``epochs`` in one figure: validation drawn through, training dotted in the same colour."""
    data: list[dict[str, Any]] = []
    number = ".3~g" if metric == "loss" else ".1~%"
    for run in runs:
        for part, dash, width in ((run.train, "dot", 1.5), (run.validation, "solid", 2.5)):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": run.name,
                    "legendgroup": run.name,
                    "showlegend": dash == "solid",
                    "x": part[0].astype(np.float32),
                    "y": part[1].astype(np.float32),
                    "line": {"color": run.colour, "width": width, "dash": dash},
                    "hovertemplate": f"%{{y:{number}}}<extra>{run.name}, "
                    f"{'validation' if dash == 'solid' else 'training'}</extra>",
                }
            )
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "epoch"}, "range": [0, epochs]},
        "yaxis": {
            "title": {"text": metric},
            "rangemode": "tozero",
            **({"tickformat": ".0~%"} if metric == "accuracy" else {}),
        },
        "margin": {**MARGIN, "t": 28},
        "uirevision": f"lab-{metric}",
    }
    return figure(data, layout)


def response(image: np.ndarray, values: np.ndarray, *, offset: float, jump: float) -> go.Figure:
    """A map (h, w) laid over its image (H, W) where its units look: unit i has its centre at ``offset + i·jump``
    pixels. Only what is positive is drawn, the stronger the less transparent."""
    height, width = image.shape
    clear, full = theme.faint(LIGHT.signed[-2], 0), LIGHT.signed[-2]
    digit = {
        "type": "heatmap",
        "z": image.astype(np.float32),
        "colorscale": theme.scale("brightness"),
        "zmin": 0,
        "zmax": 255,
        "showscale": False,
        "hoverinfo": "skip",
    }
    over = {
        "type": "heatmap",
        "z": np.maximum(values, 0).astype(np.float32),
        "x0": offset,
        "dx": jump,
        "y0": offset,
        "dy": jump,
        "colorscale": [[0, clear], [1, full]],
        "zmin": 0,
        "zmax": float(values.max()) if (values > 0).any() else 1.0,
        "showscale": False,
        "hovertemplate": "answer %{z:.4~g}<extra></extra>",
    }
    hidden = {"visible": False, "constrain": "domain"}
    layout = {
        "xaxis": {**hidden, "range": [-0.5, width - 0.5]},
        "yaxis": {**hidden, "range": [height - 0.5, -0.5], "scaleanchor": "x"},
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "uirevision": "response",
    }
    return figure([digit, over], layout)
