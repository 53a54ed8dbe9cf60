"""Look inside: the current digit on its way through the current network, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import streamlit as st

from explorer.analysis.statistics import Statistics, statistics, strongest
from explorer.data.cards import DataCard, find_card
from explorer.figures import theme
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.spec import Dropout, Flatten
from explorer.ui import (
    attribution,
    change,
    gallery,
    html,
    kernel_bench,
    kernels,
    learning_step,
    microscope,
    moments,
    separation,
    sidebar,
    text,
    why,
)
from explorer.ui.components.microscope import pixel_numbers
from explorer.ui.components.strip import Column, strip
from explorer.ui.components.wall import tiles

INPUT = "input"
FIRST = 16
MOST = 512
SMALL, FEW = 14, 8
"""Maps of at most so many pixels a side are drawn smaller, four in a row, where there are more than so many."""
TILES = {1: 160, 2: 64, 4: 36}
SCALES = {"map": "each map", "layer": "each layer", "network": "whole network"}
ORDERS = {"strongest": "strongest first", "number": "by number"}

Outputs = Mapping[str, np.ndarray]


def show() -> None:
    network = sidebar.current_network()
    if not network.usable:
        st.info(
            f"{html.bold(network.title)} has no weights yet. Its maps appear with the first checkpoint; "
            "choose another network in the sidebar to look around meanwhile.",
            icon=":material/hourglass_empty:",
        )
        return
    card = find_card(network.spec.data.dataset)
    pixels, label = sidebar.current_digit(network)
    outputs = cast(Outputs, sidebar.answer(network, pixels))
    layers = trace(network.spec.model, card.shape, len(card.classes))
    gallery.show(card)
    moments.show(network)
    parts: dict[str, Callable[[], None]] = {
        "Maps": lambda: _maps(network, card, layers, outputs, pixels, label),
        "Kernels": lambda: kernels.show(network, layers),
        "Why this answer": lambda: why.show(network, card, layers, outputs, pixels, label),
        "What it rests on": lambda: attribution.show(network, card, layers, pixels, label),
        "One step of learning": lambda: learning_step.show(network, card, pixels, label),
        "Change it": lambda: change.show(network, card, pixels, label),
        "Where classes separate": lambda: separation.show(network, card, layers, pixels),
        "Kernel bench": lambda: kernel_bench.show(network, card, pixels),
    }
    tabs = st.tabs(list(parts), key="inside-tab", on_change="rerun")
    for tab, show_part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                show_part()


# --- maps ---


def _maps(
    network: Known,
    card: DataCard,
    layers: tuple[LayerShape, ...],
    outputs: Outputs,
    pixels: np.ndarray,
    label: int | None,
) -> None:
    with st.container(horizontal=True, gap="medium", key="map-options"):
        scale = st.segmented_control(
            "One scale for",
            list(SCALES),
            default="layer",
            required=True,
            format_func=SCALES.__getitem__,
            key="scale",
            persist_state="session",
            help="Each map: small differences show, sizes don't compare. Whole network: everything compares.",
        )
        order = st.segmented_control(
            "Maps in order",
            list(ORDERS),
            default="strongest",
            required=True,
            format_func=ORDERS.__getitem__,
            key="order",
            persist_state="session",
            help="Strongest: the largest mean of absolute values for this image.",
        )
        everything = st.toggle("All maps", key="all-maps", persist_state="session", help=f"Off shows {FIRST} a layer.")
    shown = [layer for layer in layers if not isinstance(layer.layer, Dropout | Flatten) and layer.name != "output"]
    limit = _network_limit(shown, outputs)
    through, end = st.columns([4, 1.25], gap="medium")
    # The answer first: it is on the screen while the browser still unpacks the maps.
    with end, st.container(key="output"):
        shares = html.probabilities(outputs["probabilities"], card.classes, label="Probabilities", true=label)
        st.html(f'<div class="ks-head"><h2>output</h2><p>softmax over {len(card.classes)} classes</p></div>{shares}')
        guess = int(outputs["probabilities"].argmax())
        st.button("Logits and softmax", key="open-output", type="tertiary", on_click=_take, args=("output", guess))
    with through:
        columns = [_input(card, pixels)]
        columns += [_column(layer, outputs[layer.name], scale, order, everything, limit) for layer in shown]
        strip([column for column, _ in columns], key="flow", on_click=_taker(columns), selected=_selected(columns))
    _detail(network, layers, outputs, pixels)


def _taker(columns: Sequence[tuple[Column, np.ndarray]]) -> Callable[[str, int], None]:
    """For the strip: opens the map that was clicked. Each column has the numbers that its maps have in their layer."""
    numbers = {column.name: theirs for column, theirs in columns}
    return lambda name, place: _take(name, int(numbers[name][place]))


def _input(card: DataCard, pixels: np.ndarray) -> tuple[Column, np.ndarray]:
    """The digit as the first column."""
    numbers = np.arange(len(pixels))
    shown = tiles(
        pixels,
        scale="brightness",
        captions=["as numbers"] * len(pixels),
        details=[f"The current {card.thing}: click to see its numbers"] * len(pixels),
        label=f"The current {card.thing}",
        tile=112,
        columns=1,
        clickable=True,
    )
    return Column(INPUT, INPUT, theme.shape_text(card.shape), shown, width=124), numbers


def _column(
    layer: LayerShape, values: np.ndarray, scale: str, order: str, everything: bool, limit: float
) -> tuple[Column, np.ndarray]:
    """A layer's maps, and their numbers."""
    vector = values.ndim == 1
    maps = _strip(values) if vector else values
    numbers = strongest(maps) if order == "strongest" and len(maps) > 1 else np.arange(len(maps))
    numbers = numbers[: MOST if everything else FIRST]
    columns = 1 if vector else 4 if max(maps.shape[1:]) <= SMALL and len(numbers) > FEW else 2
    shown = tiles(
        maps[numbers],
        scale=microscope.scale_of(layer, values),
        limits=_limits(maps, numbers, scale, limit),
        captions=None if vector else [str(number) for number in numbers],
        details=[f"{layer.name}, {len(values)} units" if vector else f"{layer.name}, map {n}" for n in numbers],
        label=f"Units of {layer.name}" if vector else f"Maps of {layer.name}",
        tile=TILES[columns],
        columns=columns,
        clickable=True,
        units=vector,
    )
    after = f"{len(numbers)} of {len(maps)}" if len(numbers) < len(maps) else ""
    column = Column(layer.name, layer.name, theme.shape_text(layer.output), shown, width=182, after=after)
    return column, np.array([np.abs(values).argmax()]) if vector else numbers


def _selected(columns: Sequence[tuple[Column, np.ndarray]]) -> tuple[str, int] | None:
    """For the strip: where the map stands that was clicked last. All units of a vector are one map there."""
    chosen = _chosen()
    for column, numbers in columns:
        if chosen is not None and column.name == chosen[0]:
            places = [0] if column.wall.header["units"] else np.flatnonzero(numbers == chosen[1])
            return next(((column.name, int(place)) for place in places), None)
    return None


def _strip(vector: np.ndarray) -> np.ndarray:
    """A vector (units,) as one map of eight columns, (1, ⌈units / 8⌉, 8); what is left over is NaN, drawn empty."""
    columns = 8
    rows = -(-len(vector) // columns)
    padded = np.full(rows * columns, np.nan, dtype=np.float32)
    padded[: len(vector)] = vector
    return padded.reshape(1, rows, columns)


def _network_limit(layers: list[LayerShape], outputs: Outputs) -> float:
    return max((float(np.abs(outputs[layer.name]).max()) for layer in layers), default=1.0)


def _limits(maps: np.ndarray, numbers: np.ndarray, scale: str, network: float) -> np.ndarray:
    """The scale's ends for the maps with these numbers: (2,) for the layer's or the network's one scale, (N, 2) for
    one of each map. Signed ones are symmetric and the others begin at 0, so that zero is always the same colour."""
    low = -1.0 if (maps < 0).any() else 0.0
    if scale == "map":
        largest = np.nanmax(np.abs(maps[numbers]), axis=(1, 2))
        largest = np.where(largest > 0, largest, 1.0)
        return np.stack([low * largest, largest], axis=1)
    limit = network if scale == "network" else float(np.nanmax(np.abs(maps)))
    limit = limit or 1.0
    return np.array([low * limit, limit])


def _chosen() -> tuple[str, int] | None:
    """Layer and number of the map that was clicked last."""
    return cast("tuple[str, int] | None", st.session_state.get("map"))


# --- one map, closely ---


def _detail(network: Known, layers: tuple[LayerShape, ...], outputs: Outputs, pixels: np.ndarray) -> None:
    chosen, reveal = _chosen(), st.session_state.pop("_reveal", False)
    if chosen is not None and chosen[0] == INPUT:
        st.divider()
        pixel_numbers(pixels[chosen[1]], key="microscope", reveal=reveal)
        return
    layer = next((layer for layer in layers if chosen and layer.name == chosen[0]), None)
    if chosen is None or layer is None or chosen[1] >= layer.output[0]:
        st.caption("Click a map: the microscope shows the calculation behind each of its numbers.")
        return
    name, number = chosen
    values = outputs[name]
    st.divider()
    microscope.show(
        network, pixels, name, number, key="microscope", reveal=reveal, on_choose=lambda unit: _choose(name, unit)
    )
    left, right = st.columns([1, 1], gap="large")
    with left:
        _statistics(
            statistics(values if values.ndim == 1 else values[number]), "units" if values.ndim == 1 else "values"
        )
    with right:
        kernels.of_map(network, layers, layer, number)


def _take(layer: str, number: int) -> None:
    """Opens the microscope there, and lets the page scroll to it."""
    _choose(layer, number)
    st.session_state["_reveal"] = True


def _choose(layer: str, number: int) -> None:
    st.session_state["map"] = (layer, number)


def _statistics(found: Statistics, what: str) -> None:
    rows = [
        ("smallest", text.number(found.minimum)),
        ("largest", text.number(found.maximum)),
        ("mean", text.number(found.mean)),
        ("standard deviation", text.number(found.std)),
        ("exactly zero", f"{found.zeros:.1%}"),
    ]
    st.html(html.table(("", ""), rows, caption=f"Statistics of its {what}", numeric=(1,)))
