"""An image is numbers: a window over the digit with its brightness from 0 to 255 written into each pixel."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from explorer.figures.maps import heatmap
from explorer.figures.theme import LIGHT, count
from explorer.ui.components import Click, chart
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

WINDOW = 12
BYTE = (0.0, 255.0)


def widget(scene: Scene) -> None:
    image = scene.pixels[0]
    tallest, widest = (max(1, side - WINDOW) for side in image.shape)
    st.session_state.setdefault("pixel-row", min(tallest, centre(image)[0]))
    st.session_state.setdefault("pixel-column", min(widest, centre(image)[1]))

    def move(click: Click) -> None:
        st.session_state["pixel-row"] = int(np.clip(click["y"] - WINDOW // 2, 0, tallest))
        st.session_state["pixel-column"] = int(np.clip(click["x"] - WINDOW // 2, 0, widest))

    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        top = st.slider("First row", 0, tallest, key="pixel-row", persist_state="session")
        start = st.slider("First column", 0, widest, key="pixel-column", persist_state="session")
        whole = heatmap(image, scale="brightness", bounds=BYTE, colorbar=False)
        corners = {"x0": start - 0.5, "x1": start + WINDOW - 0.5, "y0": top - 0.5, "y1": top + WINDOW - 0.5}
        whole.layout.shapes = [{"type": "rect", **corners, "line": {"color": LIGHT.signed[-2], "width": 3}}]
        chart(whole, key="pixel-image", height=260, on_click=move, alt="The digit, with the window framed")
        st.caption("Click the digit, or use the sliders, to move the window.")
    with right:
        part = image[top : top + WINDOW, start : start + WINDOW]
        close = heatmap(part, scale="brightness", bounds=BYTE, numbers=True, colorbar=False)
        close.data[0].update(texttemplate="%{z:d}", textfont={"size": 11}, hovertemplate="%{z:d}<extra></extra>")
        chart(close, key="pixel-numbers", height=440, alt=f"Rows from {top}, columns from {start}: {part.tolist()}")


def centre(image: np.ndarray) -> tuple[int, int]:
    """Where a window of 12 × 12 begins so that the middle of the ink is in its middle."""
    rows, columns = np.nonzero(image)
    if not len(rows):
        return 0, 0
    half = WINDOW // 2
    return max(0, int(rows.mean()) - half), max(0, int(columns.mean()) - half)


def question(scene: Scene) -> Question:
    channels, height, width = scene.card.shape
    total = math.prod(scene.card.shape)
    colours = 3 if channels == 1 else 1
    return ask(
        "How many numbers does the network get for this digit?",
        Choice(
            count(total), f"{height} rows × {width} columns × {channels} channel: one number for each pixel.", total
        ),
        Choice(
            "256", "That is how many different values one number can take, from 0 to 255, not how many there are.", 256
        ),
        Choice(
            count(height + width), "Rows and columns are multiplied: each row has a number in every column.", height
        ),
        Choice(
            count(total // channels * colours),
            "A colour picture would have three numbers a pixel. These digits are grey: one is enough.",
            total // channels * colours,
        ),
    )
