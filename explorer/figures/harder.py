"""How answers change while images get harder: accuracy of several networks, probabilities of one image."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme
from explorer.figures.frame import figure
from explorer.figures.theme import LIGHT

_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")


class Accuracy(NamedTuple):
    """A network's name; at each of the amounts (A,), rising, its accuracy as a fraction, and its interval (A, 2)."""

    name: str
    amounts: np.ndarray
    shares: np.ndarray
    intervals: np.ndarray


class Answer(NamedTuple):
    """A class's name in words, its probability at each amount (A,), and whether it is the true one (None: unknown)."""

    name: str
    shares: np.ndarray
    right: bool | None


def accuracy(curves: Sequence[Accuracy], *, unit: str, neutral: float) -> go.Figure:
    """Accuracy against the amount of a corruption, one line a network, with 95 % intervals as error bars; the amount
    that changes nothing is marked. A legend names the networks."""
    data = []
    for number, curve in enumerate(curves):
        low, high = curve.intervals[:, 0], curve.intervals[:, 1]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escape(curve.name, quote=False),  # Plotly reads markup in it
                "x": np.asarray(curve.amounts, np.float32),
                "y": np.asarray(curve.shares, np.float32),
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.asarray(high - curve.shares, np.float32),
                    "arrayminus": np.asarray(curve.shares - low, np.float32),
                    "thickness": 1,
                    "width": 0,
                },
                "line": {
                    "color": LIGHT.classes[number % len(LIGHT.classes)],
                    "width": 2,
                    "dash": _DASHES[number // len(LIGHT.classes) % len(_DASHES)],
                },
                "marker": {"size": 7, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
                "hovertemplate": "%{y:.2%}",
            }
        )
    layout: dict[str, Any] = {
        "uirevision": unit,
        "hovermode": "x unified",
        "showlegend": True,
        "xaxis": {"title": {"text": unit}, "hoverformat": ".3~g"},
        "yaxis": {"title": {"text": "accuracy"}, "tickformat": ".0%", "range": [0, 1.02]},
        "shapes": [_upright(neutral, "dot", LIGHT.muted)],
        "margin": {"l": 8, "r": 8, "t": 48, "b": 8},
    }
    return figure(data, layout)


def turning(amounts: np.ndarray, answers: Sequence[Answer], *, unit: str, at: float | None) -> go.Figure:
    """Probabilities of one picture against the amount of a change; a line stands ``at`` the amount that turns it."""
    data = []
    for answer in answers:
        colour = LIGHT.accent if answer.right is None else LIGHT.right if answer.right else LIGHT.wrong
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": answer.name,
                "x": np.asarray(amounts, np.float32),
                "y": np.asarray(answer.shares, np.float32),
                "line": {"color": colour, "width": 2, "dash": "solid" if answer.right is not False else "dash"},
                "text": [escape(theme.probability(float(share))) for share in answer.shares],
                "hovertemplate": "%{text}",
            }
        )
    layout: dict[str, Any] = {
        "uirevision": unit,
        "hovermode": "x unified",
        "showlegend": True,
        "xaxis": {"title": {"text": unit}, "hoverformat": ".3~g", "zeroline": False},
        "yaxis": {"tickformat": ".0%", "range": [0, 1.02]},
        "shapes": [] if at is None else [_upright(at, "solid", LIGHT.text)],
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
    }
    return figure(data, layout)


def table(curves: Sequence[Accuracy]) -> list[dict[str, object]]:
    """One row an amount: {"amount": x, network: accuracy, …}; networks without that amount have no entry."""
    rows: dict[float, dict[str, object]] = {}
    for curve in curves:
        for amount, share in zip(curve.amounts.tolist(), curve.shares.tolist(), strict=True):
            rows.setdefault(amount, {"amount": amount})[curve.name] = share
    return [rows[amount] for amount in sorted(rows)]


def _upright(x: float, dash: str, colour: str) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": float(x),
        "x1": float(x),
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": theme.faint(colour, 0.6), "width": 1, "dash": dash},
    }
