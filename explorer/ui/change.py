"""Change it and see: kernels and units switched off, scaled or written by hand, weak weights pruned, and what that
does to the test digits and the current one."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer import edited
from explorer.data.cards import DataCard
from explorer.edits import Edits, History, Prune, PruneWhat
from explorer.errors import ExplorerError
from explorer.networks import Known
from explorer.ui import cache, change_effect, change_unit, changes, shell, state

LISTED = 12
MAX_NAME = 80


@shell.fragment()
def show(network: Known, card: DataCard, pixels: np.ndarray, label: int | None) -> None:
    """The whole tab, for the current digit ``pixels``, uint8 (C, H, W), of class ``label`` (None: the user's own)."""
    edits = changes.of(network).now
    _bar(network)
    effect = change_effect.headline(network, card, edits)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        change_unit.choose(network, edits)
        _prune(network, edits)
    with right:
        change_effect.digit(network, card, edits, pixels, label)
        _list(network, edits)
        _save(network, card, edits, effect)
    change_effect.classes(card, effect, bool(edits))


def _bar(network: Known) -> None:
    history = changes.of(network)

    def go(to: History) -> None:
        changes.keep(network, to)
        changes.show_anew()

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


# --- pruning ---


def _prune(network: Known, edits: Edits) -> None:
    st.header(
        "Prune the weakest",
        anchor=False,
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
        changes.make(network, Prune(what=what, layer=target, share=share or 1.0), wanted=share > 0)

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
    st.header("What is changed", anchor=False)
    if not edits:
        st.caption("Nothing yet. Switch a kernel off, and see what the network can't do without it.")
        return
    for place, (edit, told) in enumerate(zip(edits[:LISTED], edited.in_words(network, edits[:LISTED]), strict=True)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"change-edit-{place}"):
            st.markdown(told, width="stretch")
            st.button(
                "Take it back",
                icon=":material/close:",
                key=f"change-remove-{place}",
                type="tertiary",
                help=f"Take back: {told}",
                on_click=lambda edit=edit: changes.make(network, edit, wanted=False),
            )
    if len(edits) > LISTED:
        st.caption(f"and {len(edits) - LISTED} more")


def _save(network: Known, card: DataCard, edits: Edits, effect: change_effect.Effect) -> None:
    if not edits:
        return

    field = f"change-name-{network.id}"

    def save() -> None:
        name = st.session_state[field]  # not what it was when the button was drawn: it may come with this very click
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
        st.text_input("Name", value=first, max_chars=MAX_NAME, key=field)
        st.caption("It joins your runs, marked as edited by hand, and becomes the current network.")
        st.button("Save", key="change-save-it", type="primary", on_click=save)
