"""What all figures are put together with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import theme


def figure(data: Sequence[dict[str, Any]], layout: dict[str, Any]) -> go.Figure:
    """A figure of the app's template. Plotly's validation would take ten times longer than all the rest, so it is left
    out here: the tests do it."""
    return go.Figure({"data": list(data), "layout": {"template": _template(), **layout}}, _validate=False)


def numbers(values: Iterable[float]) -> np.ndarray:
    """Numbers as float32: as much as a screen needs, and small on the way there."""
    return np.fromiter(values, np.float32)


@cache
def _template() -> dict[str, Any]:
    template: dict[str, Any] = theme.template().to_plotly_json()
    return template
