"""Change it and see: kernels and units switched off, scaled or written by hand, weak weights pruned, and what that
does to the test digits and the current one."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer import edited
from explorer.data.cards import DataCard
from explorer.edits import (
    Bias,
    Edit,
    Edits,
    History,
    Off,
    Prune,
    PruneWhat,
    Scale,
    Write,
    add,
    of_unit,
    remove,
    to_json,
)
from explorer.errors import ExplorerError
from explorer.models import Network
from explorer.networks import Known
from explorer.ui import cache, change_effect, shell, state
from explorer.ui.components import wall

MOST = 512
LISTED = 12
MAX_NAME = 80
_HISTORY, _UNIT, _TURN, _BASE = "change-history", "change-unit", "change-turn", "change-base"

Unit = tuple[str, int]
"""Layer and number of a kernel or unit."""


@shell.fragment()
def show(network: Known, card: DataCard, pixels: np.ndarray, label: int | None) -> None:
    """The whole tab, for the current digit ``pixels``, uint8 (C, H, W), of class ``label`` (None: the user's own)."""
    edits = _history(network).now
    _bar(network)
    effect = change_effect.headline(network, card, edits)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        _choose(network, edits)
        _prune(network, edits)
    with right:
        change_effect.digit(network, card, edits, pixels, label)
        _list(network, edits)
        _save(network, card, edits, effect)
    change_effect.classes(card, effect, bool(edits))


# --- what is edited ---


def _history(network: Known) -> History:
    """Edits belong to a network, at whichever moment of its training it is looked at."""
    kept = cast("tuple[str, History] | None", st.session_state.get(_HISTORY))
    return kept[1] if kept is not None and kept[0] == network.id else History()


def _keep(network: Known, history: History) -> None:
    st.session_state[_HISTORY] = (network.id, history)


def _edit(network: Known, edit: Edit, *, wanted: bool = True, turn: bool = True) -> None:
    """For callbacks: adds an edit, or takes it back where it is not ``wanted``. ``turn``: the matrix of weights is
    shown anew; its own changes leave it as it is, and with it the cell that one is in."""
    history = _history(network)
    try:
        _keep(network, history.then(add(history.now, edit) if wanted else _without(history.now, edit)))
    except ExplorerError as error:
        st.toast(str(error), icon=":material/error:")
    if turn:
        _show_anew()


def _without(edits: Edits, edit: Edit) -> Edits:
    return remove(add(edits, edit), edit)


def _show_anew() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _bar(network: Known) -> None:
    history = _history(network)

    def go(to: History) -> None:
        _keep(network, to)
        _show_anew()

    with st.container(horizontal=True, gap="small", key="change-bar"):
        for name, icon, to, possible in (
            ("Undo", "undo", history.undo(), bool(history.past)),
            ("Redo", "redo", history.redo(), bool(history.future)),
            ("Reset", "restart_alt", history.then(()), bool(history.now)),
        ):
            st.button(
                name,
                icon=f":material/{icon}:",
                key=f"change-{name.lower()}",
                disabled=not possible,
                on_click=go,
                args=(to,),
                help="Back to the network as it was trained; undo brings the edits back." if name == "Reset" else None,
            )


# --- one kernel or unit ---


def _choose(network: Known, edits: Edits) -> None:
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
        _edit(network, Off(layer=layer, number=number), wanted=st.session_state["change-off"])

    def scale() -> None:
        wanted = float(st.session_state["change-factor"])
        _edit(network, Scale(layer=layer, number=number, factor=wanted), wanted=wanted != 1.0)

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
            else "Its logit is 0 for every digit.",
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
    written = tuple(edit for edit in edits if edit.kind in ("prune", "write", "bias"))
    model = cache.changed(network.id, network.version, to_json(written))
    turn = (network.id, network.version, unit, channel, st.session_state.get(_TURN, 0))
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
        _edit(network, Write(layer=layer, number=number, channel=channel, weights=flat), turn=False)

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
    if value is None:
        return
    st.session_state["change-bias"] = value

    def biased() -> None:
        _edit(network, Bias(layer=layer, number=number, value=st.session_state["change-bias"]))

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


# --- pruning ---


def _prune(network: Known, edits: Edits) -> None:
    st.markdown(
        "**Prune the weakest**",
        help="Weakest is smallest in size: of weights their absolute value, of kernels and units the sum of the "
        "absolute values of their weights (L1 norm).",
    )
    chosen = {what: "weights" if what == "weights" else "kernels and units" for what in ("weights", "kernels")}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        what = cast(
            PruneWhat,
            st.segmented_control(
                "What", list(chosen), default="weights", required=True, format_func=chosen.__getitem__, key="prune-what"
            ),
        )
        layer = st.session_state["change-layer"]
        where = st.segmented_control(
            "Where",
            ["network", "layer"],
            default="network",
            required=True,
            key="prune-where",
            format_func={"network": "whole network", "layer": f"in {layer}"}.__getitem__,
        )
    target = layer if where == "layer" else None
    now = next((e for e in edits if isinstance(e, Prune) and (e.what, e.layer) == (what, target)), None)
    st.session_state["prune-share"] = round(100 * now.share) if now else 0

    def pruned() -> None:
        share = st.session_state["prune-share"] / 100
        _edit(network, Prune(what=what, layer=target, share=share or 1.0), wanted=share > 0)

    st.slider(
        "Share that goes",
        0,
        100,
        key="prune-share",
        format="%d%%",
        on_change=pruned,
        help="Of weights in the whole network the smallest of all layers together; of kernels and units the same share "
        "in each layer but the output.",
    )


# --- what was done ---


def _list(network: Known, edits: Edits) -> None:
    st.markdown("**What is changed**")
    if not edits:
        st.caption("Nothing yet. Switch a kernel off, and see what the network can't do without it.")
        return
    for place, (edit, told) in enumerate(zip(edits[:LISTED], edited.in_words(network, edits[:LISTED]), strict=True)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"change-edit-{place}"):
            st.markdown(told, width="stretch")
            st.button(
                "",
                icon=":material/close:",
                key=f"change-remove-{place}",
                type="tertiary",
                help=f"Take back: {told}",
                on_click=lambda edit=edit: _edit(network, edit, wanted=False),
            )
    if len(edits) > LISTED:
        st.caption(f"and {len(edits) - LISTED} more")


def _save(network: Known, card: DataCard, edits: Edits, effect: change_effect.Effect) -> None:
    if not edits:
        return

    def save(name: str) -> None:
        counted = change_effect.all_counted(card, effect)
        try:
            made = edited.save(network, edits, name, counted=counted)
        except ExplorerError as error:
            st.toast(str(error), icon=":material/error:")
            return
        cache.known_networks.clear()
        state.select_network(made)
        st.rerun()  # the button is in a fragment, the network on the whole page

    with st.popover("Save as a network of its own", icon=":material/save:", key="change-save"):
        first = f"{network.title[: MAX_NAME - 8]}, edited"
        name = st.text_input("Name", value=first, max_chars=MAX_NAME, key=f"change-name-{network.id}")
        st.caption("It joins your runs, marked as edited by hand, and becomes the current network.")
        st.button("Save", key="change-save-it", type="primary", on_click=save, args=(name,))
