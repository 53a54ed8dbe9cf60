"""Pooling: the window, its winner, and what is discarded."""

from __future__ import annotations

import streamlit as st

from explorer.figures.theme import shape_text
from explorer.spec import Pool
from explorer.ui import microscope
from explorer.ui.lessons import convolution
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

LAYER, DEEPER = "pool1", "pool2"


def widget(scene: Scene) -> None:
    shape = scene.layer(LAYER)
    st.caption(f"{LAYER} takes {shape_text(shape.input)} numbers and gives {shape_text(shape.output)}. Choose a map.")
    convolution.kernel_wall(scene, key="lesson-kernels-pool")
    number = convolution.chosen_kernel(scene)
    microscope.show(scene.network, scene.pixels, LAYER, number, key="lesson-microscope-pool")


def question(scene: Scene) -> Question:
    shape = scene.layer(DEEPER)
    window = shape.layer.size if isinstance(shape.layer, Pool) else 1
    (maps, side, _), full = shape.output, shape.input[1]
    rounded = -(-full // window)
    return ask(
        f"The next convolution gives {shape_text(shape.input)}. What is left after pooling {window} × {window}, "
        f"stride {window}?",
        Choice(
            shape_text(shape.output),
            f"{shape.formula}: only whole windows count, so the last row and column are left out. All {maps} maps stay."
            if side < rounded
            else f"{shape.formula}. All {maps} maps stay.",
            2,
        ),
        Choice(
            shape_text((maps, rounded, rounded)),
            f"Half a window would be needed at the border. {full} / {window} is rounded down.",
            3,
        ),
        Choice(
            shape_text((maps // window, side, side)),
            "Pooling works on each map by itself: it never joins two maps, so their number stays.",
            1,
        ),
        Choice(
            shape_text((maps, full - window + 1, full - window + 1)),
            f"So it would be with stride 1. With stride {window} the windows don't overlap.",
            4,
        ),
    )
