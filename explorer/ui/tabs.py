"""A page's tabs, of which the address names the open one: a link leads to it, and reloading the page keeps it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.ui import state

if TYPE_CHECKING:
    from streamlit.elements.lib.mutable_tab_container import TabContainer


def tabs(titles: Sequence[str], *, key: str) -> Sequence[TabContainer]:
    """As ``st.tabs``, which run the script again when they are opened. The first one is meant where the address names
    none, or one that there is not. ``st.session_state[key]`` is the open one's title, and may be set by callbacks."""
    names = {_name(title): title for title in titles}
    wanted = state.wanted_tab()
    if wanted is not None:
        st.session_state[key] = names.get(wanted, titles[0])
    made = st.tabs(titles, key=key, on_change="rerun")
    open_one = st.session_state[key]
    state.put_in_address({state.TAB: None if open_one == titles[0] else _name(open_one)})
    return made


def _name(title: str) -> str:
    """'What it rests on' as an address has it: what-it-rests-on."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
