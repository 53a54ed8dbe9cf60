"""Convolution, several kernels, stride and padding: the first layer's kernels on the current digit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.figures.maps import heatmap, limits
from explorer.figures.theme import count, shape_text
from explorer.shapes import LayerShape, trace
from explorer.spec import Conv, Flatten, ModelSpec, Output
from explorer.ui import cache, html, microscope
from explorer.ui.components import chart, wall
from explorer.ui.components.microscope import microscope as component
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

if TYPE_CHECKING:
    from explorer.analysis.section import Section

LAYER = "conv1"
KERNEL = "lesson-kernel"


def weights(scene: Scene) -> np.ndarray:
    """The first layer's kernels, (kernels, C, k, k)."""
    return cache.kernels(scene.network.id, scene.network.version, LAYER)[0]


def chosen_kernel(scene: Scene) -> int:
    """The kernel that all chapters show: the one clicked last, at first the one that fits somewhere best."""
    best = int(scene.outputs[LAYER].max((1, 2)).argmax())
    number = int(st.session_state.get(KERNEL, best))
    return min(number, len(weights(scene)) - 1)


def kernel_wall(scene: Scene, *, key: str, tile: int = 28) -> None:
    """All kernels of the first layer; a click chooses one."""

    def take(number: int) -> None:
        st.session_state[KERNEL] = number

    kernels = weights(scene)[:, 0]
    wall(
        kernels,
        key=key,
        scale="signed",
        details=[f"kernel {number}" for number in range(len(kernels))],
        tile=tile,
        selected=chosen_kernel(scene),
        label="Kernels of the first layer",
        on_click=take,
    )


# --- one kernel ---


def one_widget(scene: Scene) -> None:
    st.caption("Choose a kernel. Blue weights are negative, orange ones positive.")
    kernel_wall(scene, key="lesson-kernels")
    microscope.show(scene.network, scene.pixels, LAYER, chosen_kernel(scene), key="lesson-microscope-conv")


def one_question(scene: Scene) -> Question:
    shape = scene.layer(LAYER)
    size, channels, places = _size(shape), shape.input[0], math.prod(shape.output[1:])
    inside = size * size * channels
    per_map = (inside + 1) * places
    return ask(
        f"One {size} × {size} kernel slides over the whole digit. How many numbers must training learn for it?",
        Choice(
            count(inside + 1),
            f"{size} · {size} · {channels} weights and one bias. The same {inside + 1} serve all "
            f"{count(places)} positions: weight sharing.",
            inside + 1,
        ),
        Choice(count(inside), "The weights are right. One bias is added to the sum, and it is learned, too.", inside),
        Choice(
            count(per_map),
            "That would be new weights at each position. The kernel keeps its weights while it moves.",
            per_map,
        ),
        Choice(count(places), "That is how many numbers come out. They are computed, not learned.", places),
    )


# --- several kernels ---


def several_widget(scene: Scene) -> None:
    number = chosen_kernel(scene)
    kernel, maps = weights(scene)[number, 0], scene.outputs[LAYER]
    bound = limits(maps, signed=True)
    with st.container(key="lesson-row"):
        whole, close, result = st.columns(3, gap="medium", wrap=False)
    with whole:
        st.caption("the digit")
        st.html(html.picture(scene.pixels, size=140, alt="The current digit"))
    with close:
        st.caption(f"kernel {number}")
        figure = heatmap(kernel, scale="signed", bounds=limits(weights(scene), signed=True), colorbar=False)
        chart(figure, key="lesson-kernel-close", height=140, alt=f"Kernel {number}: {kernel.round(3).tolist()}")
    with result:
        st.caption("its map")
        figure = heatmap(maps[number], scale="signed", bounds=bound, colorbar=False)
        chart(figure, key="lesson-map-close", height=140, alt=f"The map of kernel {number}")
    st.markdown(f"**{len(maps)} kernels**")
    kernel_wall(scene, key="lesson-kernels-all")
    st.markdown(f"**{len(maps)} maps**, on one scale")

    def take(chosen: int) -> None:
        st.session_state[KERNEL] = chosen

    wall(
        maps,
        key="lesson-maps-all",
        scale="signed",
        limits=bound,
        details=[f"the map of kernel {index}" for index in range(len(maps))],
        tile=48,
        selected=number,
        label="Maps of the first layer",
        on_click=take,
    )


def several_question(scene: Scene) -> Question:
    shape = scene.layer(LAYER)
    (maps, side, _), (channels, full, _) = shape.output, shape.input
    return ask(
        f"{maps} kernels of {_size(shape)} × {_size(shape)} slide over the digit, stride 1, no padding. "
        "What comes out (height × width × maps)?",
        Choice(
            shape_text(shape.output),
            f"Each side loses {full - side}: {shape.formula}. Each of the {maps} kernels gives one map.",
            2,
        ),
        Choice(
            shape_text((maps, full, full)),
            "The depth is right. But without padding the kernel's centre can't stand on the border.",
            3,
        ),
        Choice(shape_text((channels, side, side)), "The side is right. But each kernel keeps its map for itself.", 1),
        Choice(
            shape_text((maps * channels, side * 2, side * 2)) if maps == 1 else shape_text((_size(shape), side, side)),
            "The depth is the number of kernels. The size of the kernels only decides the side.",
            0,
        ),
    )


# --- stride and padding ---


def slid(scene: Scene, stride: int, padding: int, *, size: int | None = None) -> LayerShape:
    """The first layer with one kernel, slid otherwise. Raises SpecError where it can't slide."""
    conv = Conv(kernels=1, kernel_size=size or _size(scene.layer(LAYER)), stride=stride, padding=padding)
    model = ModelSpec(layers=(conv, Flatten(), Output()))
    return trace(model, scene.card.shape, len(scene.card.classes))[0]


def stride_widget(scene: Scene) -> None:
    left, right = st.container(key="lesson-row").columns(2, gap="medium", wrap=False)
    stride = left.slider("Stride", 1, 6, 1, key="lesson-stride", persist_state="session")
    padding = right.slider("Padding", 0, 4, 0, key="lesson-padding", persist_state="session")
    number = chosen_kernel(scene)
    shape = slid(scene, stride, padding)
    side = shape.input[1]
    st.html(
        f'<p class="ks-formula">⌊(side + 2 · padding − kernel) / stride⌋ + 1 = output<br><b>{shape.formula}</b></p>'
    )
    values = cache.convolved(
        scene.network.id,
        scene.network.version,
        LAYER,
        number,
        stride,
        padding,
        scene.card.name,
        scene.pixels.tobytes(),
    )
    st.caption(
        f"Kernel {number} on the {side} × {side} digit: {count(values.size)} positions, as many numbers. "
        "Play moves it. The dashed rim is the padding."
    )
    component(_slid_section(scene, number, stride, padding, values), key="lesson-strided")
    kernel_wall(scene, key="lesson-kernels-stride")


def _slid_section(scene: Scene, number: int, stride: int, padding: int, values: np.ndarray) -> Section:
    """One kernel of the first layer on the digit, slid otherwise than in the network, for the microscope."""
    from explorer.analysis.section import Section

    kernels, biases = cache.kernels(scene.network.id, scene.network.version, LAYER)
    bias = None if biases is None else float(biases[number])
    seen = list(range(kernels.shape[1]))
    return Section(
        kind="convolution",
        layer=LAYER,
        base=LAYER,
        number=number,
        facts={"stride": stride, "pad": padding, "bias": bias, "seen": seen, "first": True, "steps": []},
        arrays={
            "inputs": cache.normalised(scene.card.name, scene.pixels.tobytes()),
            "kernel": kernels[number],
            "values": values,
        },
    )


def stride_question(scene: Scene) -> Question:
    size, stride, padding = 5, 2, 2
    shape = slid(scene, stride, padding, size=size)
    side, output = shape.input[1], shape.output[1]
    unpadded = slid(scene, stride, 0, size=size).output[1]
    return ask(
        f"A {size} × {size} kernel slides over the digit with stride {stride} and padding {padding}. "
        "How long is each side of its map?",
        Choice(f"{output}", f"{shape.formula}.", output),
        Choice(
            f"{side}",
            f"Padding {padding} keeps the side at stride 1. Stride {stride} skips every second position.",
            side,
        ),
        Choice(f"{output - 1}", "The first position counts, too: that is the + 1 of the formula.", output - 1),
        Choice(f"{unpadded}", f"So it would be without padding. Here {padding} zeros stand on both sides.", unpadded),
    )


def _size(shape: LayerShape) -> int:
    return shape.layer.kernel_size if isinstance(shape.layer, Conv) else 1
