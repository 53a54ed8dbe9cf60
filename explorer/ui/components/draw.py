"""A square of white paper to draw a digit on: pen, eraser, undo and redo, by mouse, finger, stylus or keyboard.

The browser keeps the strokes, also when the element goes and comes back; Python gets a small picture of them when the
pen is lifted, and while one draws at most four times a second.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import streamlit as st

from explorer.errors import PictureError
from explorer.figures import theme
from explorer.ui.components import assets

SIDE = 280
"""The picture's width and height in pixels."""
LONGEST = 400_000
"""Characters of a message: more than any picture of this size needs."""

_PREFIX = "data:image/png;base64,"
_SCRIPT = assets.script("pixels.js", "draw.js", palettes=assets.palettes(), side=SIDE)
_mount = st.components.v2.component(
    "kernelscope_draw",
    html=f'<div class="draw"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('draw.css')}",
    js=_SCRIPT.loader,
)


def draw(*, key: str, label: str) -> None:
    """Shows the paper, whose name for screen readers is ``label``; :func:`drawn` says what is drawn on it."""
    _SCRIPT.publish()
    _mount(key=key, data={"name": key, "label": label}, on_drawing_change=lambda: None)


def drawn(key: str) -> bytes | None:
    """What is drawn on the paper of that key, as the bytes of a PNG, black on white, ``SIDE`` pixels square; None where
    nothing is. It is known before :func:`draw` is called, also in the run that a stroke brings about.

    The bytes come from a browser: whoever decodes them treats them as untrusted. Raises PictureError where the message
    is no such picture at all.
    """
    return _picture(st.session_state.get(key, {}).get("drawing"))


def _picture(message: Any) -> bytes | None:
    """The browser's message as bytes, None where it says that nothing is drawn."""
    if message is None or message == "":
        return None
    if not isinstance(message, str) or len(message) > LONGEST or not message.startswith(_PREFIX):
        raise PictureError("The drawing did not arrive as a picture: change it, or reload the page.")
    try:
        return base64.b64decode(message.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise PictureError("The drawing did not arrive whole: change it, or reload the page.") from None
