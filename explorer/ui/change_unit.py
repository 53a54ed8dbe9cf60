"""One kernel or unit of a network, chosen from its wall: switched off, scaled, or its weights written by hand."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer.edits import Bias, Edits, Off, Scale, Write, of_unit, to_json
from explorer.models import Network
from explorer.networks import Known
from explorer.spec import Conv
from explorer.ui import cache, changes
from explorer.ui.components import wall

MOST = 512
_UNIT, _BASE = "change-unit", "change-base"

Unit = tuple[str, int]
"""Layer and number of a kernel or unit."""


def choose(network: Known, edits: Edits) -> None:
    from explorer.analysis import change

    model = cache.changed(network.id, network.version, to_json(edits))
    layers = change.editable(model)
    layer, number = _unit(model, layers)
    st.session_state["change-layer"] = layer
    st.segmented_control(
        "Layer",
        layers,
        key="change-layer",
        required=True,
        on_change=lambda: _take(st.session_state["change-layer"], 0),
    )
    noun = "kernel" if layer.startswith("conv") else "unit"
    weights = change.weights(model, layer)
    channel = _channel(network, layer, weights.shape[1])
    shown = min(MOST, len(weights))
    wall(
        weights[:shown, channel],
        key=f"change-wall-{layer}",
        scale="signed",
        captions=[_caption(edits, layer, one) for one in range(shown)],
        details=[f"{layer}, {noun} {one}" for one in range(shown)],
        tile=44,
        label=f"The {noun}s of {layer}",
        selected=number if number < shown else None,
        on_click=lambda one: _take(layer, one),
    )
    if shown < len(weights):
        st.caption(f"The first {shown} of {len(weights):,}. The number below reaches all.")
    with st.container(border=True, key="change-one"):
        _one(network, edits, (layer, number), len(weights), noun)
        with st.expander("Its weights as numbers", key=f"change-numbers-{noun}", on_change="rerun") as folder:
            pass
        if folder.open:
            with folder:
                _matrix(network, edits, (layer, number), channel, noun)


def _unit(model: Network, layers: list[str]) -> Unit:
    chosen = cast("Unit | None", st.session_state.get(_UNIT))
    if chosen is None or chosen[0] not in layers:
        return layers[0], 0
    return chosen[0], min(chosen[1], len(model.get_parameter(f"{chosen[0]}.weight")) - 1)


def _take(layer: str, number: int) -> None:
    st.session_state[_UNIT] = (layer, number)


def _channel(network: Known, layer: str, channels: int) -> int:
    if channels == 1:
        return 0
    return int(st.slider("Weights for input map", 0, channels - 1, key=f"change-channel-{network.id}-{layer}"))


def _caption(edits: Edits, layer: str, number: int) -> str:
    """The number, and what was done to it."""
    done = {edit.kind: edit for edit in of_unit(edits, layer, number)}
    match done.get("off") or done.get("scale"):
        case Off():
            return f"{number} off"
        case Scale(factor=factor):
            return f"{number} × {factor:g}".replace("-", "−")
    return f"{number} edited" if done else str(number)


def _one(network: Known, edits: Edits, unit: Unit, count: int, noun: str) -> None:
    """Number, switch and factor of the chosen kernel or unit."""
    layer, number = unit
    done = {edit.kind: edit for edit in of_unit(edits, layer, number)}
    off, scaled = "off" in done, done.get("scale")
    factor = scaled.factor if isinstance(scaled, Scale) else 1.0
    for key, value in (("change-number", number), ("change-off", off), ("change-factor", factor)):
        st.session_state[key] = value

    def switch() -> None:
        changes.make(network, Off(layer=layer, number=number), wanted=st.session_state["change-off"])

    def scale() -> None:
        wanted = float(st.session_state["change-factor"])
        changes.make(network, Scale(layer=layer, number=number, factor=wanted), wanted=wanted != 1.0)

    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.number_input(
            f"{noun.capitalize()} of {layer}",
            0,
            count - 1,
            key="change-number",
            width=150,
            on_change=lambda: _take(layer, st.session_state["change-number"]),
        )
        st.toggle(
            "Switched off",
            key="change-off",
            on_change=switch,
            help=f"As if the network had been built without this {noun}: nothing after it reads its output any more."
            if layer != "output"
            else "Its logit is 0 for every image.",
        )
    st.slider(
        "Times",
        -3.0,
        3.0,
        step=0.1,
        key="change-factor",
        disabled=off,
        on_change=scale,
        help="Multiplies what it hands to its activation: its weights and bias or, where batch normalisation follows, "
        "that one's scale and shift. 1 is as trained.",
    )


def _matrix(network: Known, edits: Edits, unit: Unit, channel: int, noun: str) -> None:
    """The weights for one input as a table to edit. It starts from the weights before scaling and switching off."""
    from explorer.analysis import change

    layer, number = unit
    model_spec = network.spec.model
    kind = dict(zip(model_spec.names, model_spec.layers, strict=True))[layer]
    if isinstance(kind, Conv) and not kind.sees(number, channel):
        st.caption(f"Kernel {number} does not see input map {channel}: there are no weights.")
        return
    written = tuple(edit for edit in edits if edit.kind in ("prune", "write", "bias"))
    model = cache.changed(network.id, network.version, to_json(written))
    turn = (network.id, network.version, unit, channel, changes.turn())
    if st.session_state.get(_BASE, (None,))[0] != turn:
        st.session_state[_BASE] = (turn, change.weights(model, layer)[number, channel])
    base = cast("np.ndarray", st.session_state[_BASE][1])
    key = f"change-matrix-{abs(hash(turn))}"

    def taken() -> None:
        matrix = base.astype(np.float64)
        for row, cells in st.session_state[key]["edited_rows"].items():
            for column, value in cells.items():
                if value is not None and not np.isnan(matrix[int(row), int(column)]):
                    matrix[int(row), int(column)] = value
        flat = tuple(matrix[~np.isnan(matrix)].tolist())
        changes.make(network, Write(layer=layer, number=number, channel=channel, weights=flat), turn=False)

    st.data_editor(
        base,
        key=key,
        hide_index=True,
        num_rows="fixed",
        on_change=taken,
        column_config={
            str(column): st.column_config.NumberColumn(width=72, format="%.4f", min_value=-1000.0, max_value=1000.0)
            for column in range(base.shape[1])
        },
    )
    later = {edit.kind for edit in of_unit(edits, *unit)} & {"scale", "off"}
    told = " These are its weights before it is scaled or switched off." if later else ""
    st.caption(f"Rows from top to bottom. Click a number, or go there with the arrow keys, and type.{told}")
    value = change.bias(model, layer, number)
    if value is not None:
        _bias(network, unit, value, noun)


def _bias(network: Known, unit: Unit, value: float, noun: str) -> None:
    layer, number = unit
    st.session_state["change-bias"] = value

    def biased() -> None:
        changes.make(network, Bias(layer=layer, number=number, value=st.session_state["change-bias"]))

    st.number_input(
        "Bias",
        -1000.0,
        1000.0,
        key="change-bias",
        format="%.4f",
        step=0.1,
        width=170,
        on_change=biased,
        help=f"Added to every sum that the {noun} forms.",
    )
