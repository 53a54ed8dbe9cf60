"""Scrolling to what has just begun: an element that nobody sees."""

from __future__ import annotations

import streamlit as st

from explorer.ui.components import assets

_SCRIPT = assets.script("into_view.js")
_mount = st.components.v2.component(
    "kernelscope_into_view",
    html=f'{assets.FAULT}<p class="said" role="status"></p>',
    css=".said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }",
    js=_SCRIPT.loader,
)


def into_view(selector: str, content: str, *, said: str, key: str) -> None:
    """Scrolls to the page's first element that the CSS ``selector`` finds, as soon as it is there, whenever
    ``content``, a name for what is in it, is another one than before. Neither the first one of a page nor "" is
    scrolled to. ``said`` is read out by screen readers when it has changed."""
    _SCRIPT.publish()
    _mount(key=key, data={"selector": selector, "content": content, "said": said})
