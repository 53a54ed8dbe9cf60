"""Compare: the current network beside others of its data set."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from explorer import networks
from explorer.networks import Known
from explorer.ui import cache, compare_answers, compare_curves, compare_seeds, compare_table, html, sidebar, state

MOST = 5
"""Networks beside the current one: more columns and colours nobody tells apart."""


def show() -> None:
    """The page."""
    network = sidebar.current_network()
    card = networks.data_card(network)
    listed = _others(network)
    if not set(st.session_state.get(state.COMPARED, ())) <= {network.id, *listed}:  # made a moment ago, perhaps
        cache.known_networks.clear()
        listed = _others(network)
    if not listed:
        st.info(
            f"There is no other network for {card.title} yet. Train one in Build & train: here stands then what "
            "differs, how both learned, and which digits only one of them reads right.",
            icon=":material/compare_arrows:",
        )
        return
    beside = _beside(network, listed)
    if not beside:
        st.info("Choose one network or more to compare with.", icon=":material/compare_arrows:")
        return
    chosen = [network, *beside]
    compare_table.show(chosen, card)
    compare_curves.show(chosen)
    compare_seeds.show(chosen)
    compare_answers.show(chosen, card)


def _others(network: Known) -> dict[str, Known]:
    """The networks of the same data set by id, one's own first."""
    return {
        one.id: one
        for one in sorted(cache.known_networks(), key=lambda one: one.kind == "zoo")
        if one.spec.data.dataset == network.spec.data.dataset and one.id != network.id
    }


def _beside(network: Known, listed: Mapping[str, Known]) -> list[Known]:
    """The networks that are chosen beside the current one: at first the reader's last run, else a bundled one."""
    wanted = st.session_state.setdefault(state.COMPARED, [next(iter(listed))])
    there = [one for one in wanted if one in listed][:MOST]
    if there != wanted:  # a link's is not here, a run was deleted, or one of them is the current network now
        missing = [one for one in wanted if one not in listed and one != network.id]
        if missing:
            names = ", ".join(html.escape_markdown(one[:40]) for one in missing)
            st.toast(f"Not here, or of another data set, and left out: {names}.", icon=":material/info:")
        st.session_state[state.COMPARED] = there
    numbers = st.multiselect(
        "Compare with",
        list(listed),
        format_func=lambda one: listed[one].label,
        key=state.COMPARED,
        persist_state="session",
        max_selections=MOST,
        placeholder="Other networks",
        help=f"{html.escape_markdown(network.label)}, the current network, is always shown, and the others are held "
        "against it. The address says which are compared: copy it for others.",
    )
    return [listed[one] for one in numbers]
