"""What is edited of a network, in the session: one history of edits, and how the page's parts change it."""

from __future__ import annotations

from typing import cast

import streamlit as st

from explorer.edits import Edit, Edits, History, add, remove
from explorer.errors import ExplorerError
from explorer.networks import Known

_HISTORY, _TURN = "change-history", "change-turn"


def of(network: Known) -> History:
    """Edits belong to a network, at whichever moment of its training it is looked at."""
    kept = cast("tuple[str, History] | None", st.session_state.get(_HISTORY))
    return kept[1] if kept is not None and kept[0] == network.id else History()


def keep(network: Known, history: History) -> None:
    st.session_state[_HISTORY] = (network.id, history)


def make(network: Known, edit: Edit, *, wanted: bool = True, turn: bool = True) -> None:
    """For callbacks: adds an edit, or takes it back where it is not ``wanted``. ``turn``: the matrix of weights is
    shown anew; its own changes leave it as it is, and with it the cell that one is in."""
    history = of(network)
    try:
        keep(network, history.then(add(history.now, edit) if wanted else _without(history.now, edit)))
    except ExplorerError as error:
        st.toast(str(error), icon=":material/error:")
    if turn:
        show_anew()


def _without(edits: Edits, edit: Edit) -> Edits:
    return remove(add(edits, edit), edit)


def show_anew() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def turn() -> int:
    """How often the matrix of weights was shown anew."""
    return cast(int, st.session_state.get(_TURN, 0))
