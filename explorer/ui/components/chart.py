"""A Plotly figure that stays where it is: one DOM element over all updates, zoom kept, theme followed, clicks heard.

``st.plotly_chart`` makes a new chart whenever the data changes, which flickers and forgets the zoom, and it hears no
clicks on heatmaps. This component gives plotly.js, from the plotly package itself, to the browser once and then only
the figures. A figure is written in the light palette of :mod:`explorer.figures.theme`; the browser translates it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any, NamedTuple, TypedDict

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from explorer.figures import theme
from explorer.ui.components import assets
from explorer.ui.components.sprites import Sprites

_PLOTLY = f"plotly-{get_plotlyjs_version()}.min.js"
_SCRIPT = assets.script(
    "chart.js",
    plotly=_PLOTLY,
    template=to_json_plotly(theme.template()),
    translation=theme.translation(),
    background=theme.LIGHT.background,
    surface=theme.LIGHT.surface,
    text=theme.LIGHT.text,
)


def _component(name: str, style: str = "") -> Any:
    """A component of Streamlit's for charts whose frame has this ``style`` before anything is drawn."""
    return st.components.v2.component(
        name,
        html=f'<div class="ks-chart" style="{style}"><div class="ks-plot"></div><div class="ks-sprite" hidden></div>'
        f"{assets.FAULT}</div>",
        css=assets.text("chart.css"),
        js=_SCRIPT.loader,
        isolate_styles=False,  # plotly.js puts its style sheet into the document's head, out of a shadow root's sight
    )


_mount = _component("kernelscope_chart")


@cache
def _mount_growing(height: int) -> Any:
    """The component for charts that are as many times higher than ``height`` as the window is wide: a style sheet knows
    that factor, Streamlit does not."""
    return _component(f"kernelscope_chart_{height}", f"height: calc({height}px * var(--ks-grow, 1))")


class Click(TypedDict):
    """What was clicked: the point's coordinates as the figure has them (number, category or date), ``z`` for heatmaps,
    the trace's index, the point's index (a pair [row, column] in heatmaps), and its customdata."""

    x: Any
    y: Any
    z: Any
    curve: int
    point: Any
    customdata: Any


class Drawn(NamedTuple):
    """A figure as the browser is given it, for a cache that many viewers share."""

    json: str
    traces: int


Points = list[tuple[int, int]]
"""Points of a figure, each by its trace's index and its own in it."""

MOST_POINTS = 100_000


def drawn(figure: go.Figure) -> Drawn:
    """The figure for :func:`chart`, written out now."""
    return Drawn(figure_json(figure), len(figure.data))


def chart(
    figure: go.Figure | Drawn,
    *,
    key: str,
    height: int,
    alt: str,
    on_click: Callable[[Click], None] | None = None,
    clickable: bool = False,
    on_select: Callable[[Points], None] | None = None,
    sprites: Sprites | None = None,
    grows: bool = False,
) -> Click | None:
    """Shows a figure over the full width, ``height`` pixels high (reserved before anything is drawn), or more in wide
    windows if it ``grows``, as maps do.

    The figure's template, width and height are replaced by the app's; its colours follow the theme if they come from
    :mod:`explorer.figures.theme`. Zoom and hidden traces survive new data as long as ``layout.uirevision`` stays the
    same (by default the key); give it the run's or layer's id to start afresh with another one. Arrays travel as
    float32 at most.

    ``alt`` says in one sentence what is to be seen. ``on_click`` is a Streamlit callback: it runs before the next
    script run and is given the :class:`Click`. The click is also returned, in that one run alone, if ``on_click`` is
    given or ``clickable`` is set; otherwise clicks stay in the browser and None is returned.

    With ``on_select``, also a Streamlit callback, points of scatter traces are selected by a lasso or a box (the
    lasso is at hand at once where there is a mouse; Shift adds, two clicks on nothing select nothing). It is given all
    points that are then selected. To show them as selected also in other data, give the traces ``selectedpoints``,
    and the layout a ``selectionrevision`` that changes when they are to count instead of what was selected by hand.

    ``sprites`` are pictures: while the pointer is over a point whose ``customdata`` is the number n, or begins with it,
    picture n is shown beside it.
    """
    assets.publish(_PLOTLY, get_plotlyjs)
    _SCRIPT.publish()
    shown = figure if isinstance(figure, Drawn) else drawn(figure)

    def heard() -> None:
        click = _click(st.session_state[key].get("click"))
        if on_click is not None and click is not None:
            on_click(click)

    def gathered() -> None:
        points = _points(st.session_state[key].get("select"), shown.traces)
        if on_select is not None and points is not None:
            on_select(points)

    result = (_mount_growing(height) if grows else _mount)(
        key=key,
        height="content" if grows else height,
        data={
            "figure": shown.json,
            "alt": alt,
            "name": key,
            "height": height,
            "grows": grows,
            "clickable": clickable or on_click is not None,
            "selectable": on_select is not None,
            "sprites": None if sprites is None else asdict(sprites),
        },
        on_click_change=heard,
        on_select_change=gathered,
    )
    return _click(result.get("click"))


def figure_json(figure: go.Figure) -> str:
    """The figure without its template as plotly.js reads it, arrays in base64 and float64 narrowed to float32."""
    content = figure.to_dict()
    content["layout"].pop("template", None)
    _narrow(content)
    text: str = to_json_plotly(content)
    return text


def _narrow(value: Any) -> None:
    if isinstance(value, dict):
        if value.get("dtype") == "f8" and "bdata" in value:
            numbers = np.frombuffer(base64.b64decode(value["bdata"]), np.float64)
            with np.errstate(over="ignore"):
                value |= {"dtype": "f4", "bdata": base64.b64encode(numbers.astype(np.float32).tobytes()).decode()}
        else:
            for item in value.values():
                _narrow(item)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            _narrow(item)


def _click(value: Any) -> Click | None:
    """The browser's message as a Click, None for anything else."""
    if not isinstance(value, dict) or not isinstance(value.get("curve"), int | float):
        return None
    if not math.isfinite(value["curve"]):
        return None
    return Click(
        x=value.get("x"),
        y=value.get("y"),
        z=value.get("z"),
        curve=int(value["curve"]),
        point=value.get("point"),
        customdata=value.get("customdata"),
    )


def _points(value: Any, traces: int) -> Points | None:
    """The browser's message as points, None for anything else."""
    if not isinstance(value, list) or len(value) > MOST_POINTS:
        return None
    points = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            return None
        if not all(isinstance(each, int | float) and not isinstance(each, bool) and each // 1 == each for each in pair):
            return None
        curve, point = int(pair[0]), int(pair[1])
        if not (0 <= curve < traces and point >= 0):
            return None
        points.append((curve, point))
    return points
