"""The browser's back and forward buttons, heard: an element that nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import streamlit as st

from explorer.ui.components import assets

LONGEST = 20_000
"""Characters of an address's query that are looked at: more than browsers and servers let through."""

_SCRIPT = assets.script("menu.js", "history.js")  # both of every page, and one element
_mount = st.components.v2.component("kernelscope_history", html=assets.FAULT, css="", js=_SCRIPT.loader)


def history(*, key: str, on_return: Callable[[Mapping[str, str]], None]) -> None:
    """Calls ``on_return`` with the address's parameters when the reader went back or forward to it.

    It is a Streamlit callback: it runs before the next script run.
    """
    _SCRIPT.publish()

    answered = f"_answered-{key}"

    def heard() -> None:
        match st.session_state.get(key, {}).get("went"):
            case {"search": str(search), "asked": asked} if len(search) <= LONGEST:
                st.session_state[answered] = asked
                on_return(dict(parse_qsl(search.removeprefix("?"), keep_blank_values=True)))

    _mount(key=key, data={"answered": st.session_state.get(answered)}, on_went_change=heard)
