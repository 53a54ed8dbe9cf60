"""A small app around the two components, for tests/browser/test_components.py."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.figures import curves, theme
from explorer.ui.components import Click, Points, chart, sprites, wall

st.set_page_config(layout="wide")
state = st.session_state
turn = int(st.number_input("turn", 0, 9, key="turn"))
st.button("again", key="again")
state["runs"] = state.get("runs", 0) + 1


def signed_maps(count: int, size: int = 4) -> np.ndarray:
    """Maps from −1 to 1, each row another value, the middle ones zero; map i is scaled by i + 1."""
    rows = np.linspace(-1, 1, size * size, dtype=np.float32).reshape(size, size)
    rows[0, 1] = 0
    return rows * np.arange(1, count + 1, dtype=np.float32)[:, None, None]


def remember_click(click: Click) -> None:
    state["clicked"] = click


def remember_map(index: int) -> None:
    state["map"] = index


def remember_points(points: Points) -> None:
    state["selected"] = points


part = st.query_params.get("part", "charts")

if part == "charts":
    steps = np.arange(4000 + turn, dtype=np.float64)
    curve = go.Figure(go.Scatter(x=steps, y=np.cos(steps / 500), name="loss", line={"color": theme.LIGHT.validation}))
    returned = chart(curve, key="curve", height=240, alt="A wave", clickable=True)
    matrix = go.Figure(
        go.Heatmap(
            z=np.arange(-4, 5, dtype=np.float32).reshape(3, 3) + (turn == 5),
            x=["a", "b", "c"],
            y=["p", "q", "r"],
            customdata=np.arange(100, 109).reshape(3, 3),
            colorscale=theme.scale("signed"),
            zmin=-4,
            zmax=4,
        )
    )
    chart(matrix, key="matrix", height=300, alt="A matrix", on_click=remember_click)
    st.html(f"<p id='clicked'>{state.get('clicked')}</p><p id='returned'>{returned}</p><p id='turn'>{turn}</p>")
    one, two = st.tabs(["one", "two"])
    with two:
        bars = go.Figure(go.Bar(x=["a", "b"], y=np.array([1.0, 2.0]), marker={"color": list(theme.LIGHT.classes[:2])}))
        chart(bars, key="bars", height=200, alt="Bars")
    st.html(f"<p id='runs'>{state['runs']}</p>")

if part == "legends":
    epochs = np.arange(1, 9, dtype=np.float64)

    def falling(name: str) -> curves.Series:
        return curves.Series(name, epochs, 1 / epochs)

    with st.container(width=340):  # as beside the kernels of a run
        loss = curves.loss(falling("training"), falling("validation"))
        chart(loss, key="loss", height=280, alt="Loss")
        norms = curves.gradient_norms([falling(f"conv{number}") for number in range(1, 8)])
        chart(norms, key="norms", height=280, alt="Norms")

if part == "points":
    # Two traces of a grid of points; the picture of number n has the brightness 10 n.
    grid = [
        go.Scatter(
            x=np.arange(5.0),
            y=np.full(5, row),
            mode="markers",
            marker={"size": 12},
            customdata=np.arange(5) + 5 * row,
            selectedpoints=[0] if turn else None,
        )
        for row in range(2)
    ]
    layout = {"showlegend": False, "selectionrevision": turn}
    pictures = np.tile((10 * np.arange(10, dtype=np.uint8))[:, None, None, None], (1, 1, 28, 28))
    returned = chart(
        go.Figure(grid, layout),
        key="points",
        height=400,
        alt="Points",
        clickable=True,
        on_select=remember_points,
        sprites=sprites(pictures),
    )
    st.html(f"<p id='points'>{state.get('selected')}</p><p id='returned'>{returned}</p><p id='turn'>{turn}</p>")

if part == "walls":
    count = 40 if turn == 0 else 30
    returned = wall(
        signed_maps(count) * (1 if turn < 5 else -1),
        key="signed",
        scale="signed",
        captions=[f"number {index}, a caption too long for its map" for index in range(count)],
        details=[f"layer, map {index}" for index in range(count)],
        marks=["", "right", "wrong"] * 10 + [""] * (count - 30),
        limits=(-2, 1),
        label="Kernels",
        selected=state.get("map"),
        on_click=remember_map,
    )
    st.html(f"<p id='returned'>{returned}</p><p id='map'>{state.get('map')}</p><p id='turn'>{turn}</p>")
    gaps = np.array([[[0, 0.5], [np.nan, 1]], [[0, 50], [100, 25]]], np.float32)
    wall(gaps, key="own", label="Own", scale="sequential", limits=np.array([[0, 1], [0, 100]]), details=["one", "two"])
    digits = np.arange(28 * 28, dtype=np.uint16).reshape(1, 28, 28).astype(np.uint8).repeat(3, 0)
    wall(digits, key="digits", label="Digits", scale="brightness", clickable=True, tile=30, captions=["7", "8", "9"])
    clothes = ["T-shirt/top", "Ankle boot → Sneaker, > 99%", "Bag · 12"]
    wall(digits, key="clothes", label="Clothes", scale="brightness", clickable=True, tile=72, captions=clothes)
    wall(np.ones((1, 1, 64), np.float32), key="wide", label="Wide", scale="sequential", tile=2000)
    wall(np.zeros((0, 5, 5), np.float32), key="empty", label="Empty", scale="signed")

if part == "many":
    many = np.tile(np.array([[0, 0, 10], [20, 30, 40]], np.uint8), (512, 1, 1))
    many[:, 0, 0] = np.arange(512) % 256
    many[:, 0, 1] = 255 - many[:, 0, 0]
    wall(many, key="many", label="Many", scale="brightness", captions=[str(index) for index in range(512)], tile=60)
