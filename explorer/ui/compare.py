"""Compare: the current network beside others of its data set."""

from __future__ import annotations

import streamlit as st

from explorer import networks
from explorer.ui import compare_answers, compare_curves, compare_seeds, compare_table, html, sidebar, state
from explorer.ui.compared import MOST, others


def show() -> None:
    """The page."""
    network = sidebar.current_network()
    card = networks.data_card(network)
    here = others(network)
    if not here:
        st.info(
            f"There is no other network for {card.title} yet. Train one in Build & train: here stands then what "
            "differs, how both learned, and which images only one of them reads right.",
            icon=":material/compare_arrows:",
        )
        return
    beside = st.multiselect(
        "Compare with",
        list(here),
        format_func=lambda one: here[one].label,
        key=state.COMPARED,
        persist_state="session",
        max_selections=MOST,
        select_all=False,
        placeholder="Other networks",
        help=f"{html.escape_markdown(network.label)}, the current network, is always shown, and the others are held "
        "against it. The address says which are compared: copy it for others.",
    )
    if not beside:
        st.info("Choose one network or more to compare with.", icon=":material/compare_arrows:")
        return
    chosen = [network, *(here[one] for one in beside)]
    trained = [one.at(None) for one in chosen if one.trained_here]
    compare_table.show(chosen, card)
    compare_curves.show(trained, len(chosen))
    compare_seeds.show(trained)
    compare_answers.show(chosen, card)
