"""The sliders of the builder's blocks, heard while they are dragged: an element that nobody sees."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.ui.components import assets

# One element for both: stay.js needs none of its own.
_SCRIPT = assets.script(
    "stay.js",
    "drag.js",
    within='[class*="st-key-block-"]',
    stage=".st-key-stage",
    mends=".st-key-make-it-fit, .st-key-mend",
)
_mount = st.components.v2.component("kernelscope_drag", html=assets.FAULT, css="", js=_SCRIPT.loader)


def drag(*, key: str, on_drag: Callable[[str, int, bool], None]) -> None:
    """Calls ``on_drag`` with the slider's key, the number of the step that it is dragged to, from 0, and whether it
    was let go. That is said where it ends where it began; elsewhere Streamlit calls the slider's own callback.

    It is a Streamlit callback: it runs before the next script run.
    """
    _SCRIPT.publish()
    answered = f"_answered-{key}"

    def heard() -> None:
        match st.session_state.get(key, {}).get("held"):
            case {"asked": int(asked), "key": str(slider), "value": int(step), "done": bool(done)}:
                st.session_state[answered] = asked
                on_drag(slider, step, done)

    _mount(key=key, data={"answered": st.session_state.get(answered)}, on_held_change=heard)
