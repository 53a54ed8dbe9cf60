"""The non-linear activation: its curve, and a map before and after it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.figures.maps import heatmap, limits
from explorer.figures.theme import significant
from explorer.ui.components import Click, chart
from explorer.ui.lessons import convolution, figures
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

Function = Callable[[np.ndarray], np.ndarray]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # tanh never overflows, unlike e to a large number.
    return 0.5 * (1 + np.tanh(x / 2))


FUNCTIONS: dict[str, Function] = {
    "ReLU": lambda x: np.maximum(x, 0.0),
    "leaky ReLU": lambda x: np.where(x > 0, x, 0.01 * x),
    "GELU": lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))),
    "tanh": np.tanh,
    "LeCun's tanh": lambda x: 1.7159 * np.tanh(x * 2 / 3),
    "sigmoid": _sigmoid,
}
"""As the app's networks compute them, on float64 of any shape."""


def widget(scene: Scene) -> None:
    name = st.segmented_control(
        "Function", list(FUNCTIONS), default="ReLU", required=True, key="lesson-function", persist_state="session"
    )
    number = convolution.chosen_kernel(scene)
    before = scene.outputs[convolution.LAYER][number].astype(np.float64)
    after = FUNCTIONS[name](before)
    at = st.session_state.get("lesson-pixel")
    if at is None or max(at[0] - before.shape[0], at[1] - before.shape[1]) >= 0:
        at = np.unravel_index(int(before.argmin()), before.shape)
    row, column = int(at[0]), int(at[1])

    def take(click: Click) -> None:
        st.session_state["lesson-pixel"] = (int(click["y"]), int(click["x"]))

    value, result = float(before[row, column]), float(after[row, column])
    chart(
        figures.function_curve(FUNCTIONS[name], name, value, reach=float(np.abs(before).max())),
        key="lesson-curve",
        height=230,
        alt=f"{name}: {significant(value)} becomes {significant(result)}",
    )
    st.markdown(f"Row {row}, column {column}: **{significant(value)}** becomes **{significant(result)}**.")
    bounds = limits(before, signed=True)
    left, right = st.container(key="lesson-row").columns(2, gap="medium", wrap=False)
    with left:
        st.caption(f"map {number} before: click a number")
        chart(
            heatmap(before, scale="signed", bounds=bounds), key="lesson-before", height=250, on_click=take, alt="Before"
        )
    with right:
        st.caption(f"after: {(after == 0).mean():.0%} of it is zero")
        chart(heatmap(after, scale="signed", bounds=bounds), key="lesson-after-map", height=250, alt="After")
    convolution.kernel_wall(scene, key="lesson-kernels-activation")


def question(scene: Scene) -> Question:
    values = scene.outputs[convolution.LAYER].astype(np.float64)
    value = float(values.min())
    right = max(value, 0.0)
    why = "Below zero ReLU gives exactly 0; above, it lets the number through." if value < 0 else "It is positive."
    squashed = float(_sigmoid(np.array(value)))
    return ask(
        f"Of all numbers that {convolution.LAYER} makes of this digit, the smallest is {significant(value)}. "
        "What does ReLU make of it?",
        Choice(significant(right), why, right),
        Choice(
            significant(abs(value)),
            "That is its absolute value. ReLU doesn't turn signs: it drops negatives.",
            abs(value),
        ),
        Choice(significant(value), "Then nothing would bend, and the layers would stay one linear function.", value),
        Choice(significant(squashed), "That is the sigmoid, which presses all numbers between 0 and 1.", squashed),
    )
