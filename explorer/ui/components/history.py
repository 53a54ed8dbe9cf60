"""The browser's back and forward buttons, and which changes of the address are steps for them.

Streamlit hears the buttons and runs the page with the address that they lead to, and says that it is such a run.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.ui.components import assets

_SCRIPT = assets.script("menu.js", "history.js")  # both of every page, and one element
_mount = st.components.v2.component("kernelscope_history", html=assets.FAULT, css="", js=_SCRIPT.loader)
_RETURN = "_return"


def history(*, key: str) -> None:
    """An element that nobody sees. With it a change of the address that is no step of the reader's makes no entry of
    the browser's history, and the buttons are heard from the page's first moment on."""
    _SCRIPT.publish()
    _mount(key=key, data={"address": st.query_params.to_dict()})


def notice_return() -> None:
    """The first thing in every run, before anything is sent: a run may be broken off there, and the next one, of some
    other cause, has to go on with it."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and context.is_history_navigation:
        st.session_state[_RETURN] = True


def is_return() -> bool:
    """Whether the reader went back or forward to the address that the browser has now; once."""
    return bool(st.session_state.pop(_RETURN, False))
