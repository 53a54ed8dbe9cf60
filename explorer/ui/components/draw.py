"""A square of white paper to draw a digit on, and beside it what is read there: pen, eraser, undo and redo, by mouse,
finger, stylus or keyboard.

The browser keeps the strokes, also when the element goes and comes back. While one draws, and when the pen is lifted,
it asks the server's address for answers (:mod:`explorer.ui.server`) and shows what that replies; a script run only
follows when the pen is up, for all else on the page. A run costs Streamlit's page in the browser several times what the
answer takes.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import streamlit as st

from explorer.errors import PictureError
from explorer.figures import theme
from explorer.ui.components import assets, frames
from explorer.ui.components.wall import Payload

SIDE = 280
"""The picture's width and height in pixels."""
LONGEST = 400_000
"""Characters of a message: more than any picture of this size needs."""

_PREFIX = "data:image/png;base64,"
_SCRIPT = assets.script("pixels.js", "tiles.js", "draw.js", palettes=assets.palettes(), side=SIDE)
_mount = st.components.v2.component(
    "kernelscope_draw",
    html=f'<div class="draw"></div>{assets.FAULT}',
    css="\n".join([f":host {{ {theme.css_variables()} }}", *map(assets.text, ("wall.css", "bars.css", "draw.css"))]),
    js=_SCRIPT.loader,
)


class Message(NamedTuple):
    """What the browser last said: the drawing's ``number``, which grows with each change, and the ``picture`` as it
    came, for :func:`decoded`; 0 and '' before anything was drawn."""

    number: int = 0
    picture: Any = ""


def draw(*, key: str, label: str, help: str, address: str, number: int, reply: bytes) -> None:  # noqa: A002
    """Shows the paper, whose name for screen readers is ``label``.

    ``reply`` is what :func:`replied` made of the drawing with that ``number``; ``address`` gives the same for a picture
    that is posted there, relative to the app's root; ``help`` is what can be unfolded under the answer.
    """
    _SCRIPT.publish()
    given = {"name": key, "label": label, "help": help, "address": address, "number": number}
    _mount(key=key, data=frames.pack(given, reply), on_drawing_change=lambda: None)


def replied(answer: str, bars: str, because: str, maps: str, wall: Payload | None) -> bytes:
    """What stands beside the paper: ``answer``, which is read to who can't see it, and ``bars`` in HTML, one plain
    sentence under them and one above the maps."""
    texts = {"answer": answer, "bars": bars, "because": because, "maps": maps}
    return frames.pack(texts, b"" if wall is None else wall.pack())


def drawn(key: str) -> Message:
    """What is drawn on the paper of that key. It is known before :func:`draw` is called, also in the run that a stroke
    brings about."""
    match st.session_state.get(key, {}).get("drawing"):
        case {"number": int(number), "picture": picture} if number >= 0:
            return Message(number, picture)
        case None:
            return Message()
        case other:
            return Message(0, other)


def decoded(picture: Any) -> bytes | None:
    """The browser's picture as the bytes of a PNG, black on white, ``SIDE`` pixels square; None where nothing is drawn.

    Whoever decodes them treats them as untrusted. Raises PictureError where this is no such picture at all.
    """
    if picture is None or picture == "":
        return None
    if not isinstance(picture, str) or len(picture) > LONGEST or not picture.startswith(_PREFIX):
        raise PictureError("The drawing did not arrive as a picture: change it, or reload the page.")
    try:
        return base64.b64decode(picture.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise PictureError("The drawing did not arrive whole: change it, or reload the page.") from None
