"""A picture with a box around each digit, to be corrected: moved, resized, deleted, added, split, merged, relabelled.

By mouse, finger, stylus and keyboard, with undo. The browser keeps the boxes as they are corrected, also when the
element goes and comes back; Python gets all of them after each change and gives their answers back.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import streamlit as st
from PIL import Image

from explorer.figures import theme
from explorer.ui.components import assets

MOST = 400
_SHOWN = 1280  # pixels on the longer side of the picture that the browser gets: for the eye
_SMALLEST = 3  # pixels of the picture, a box's sides

_SCRIPT = assets.script("pixels.js", "boxes.js", palettes=assets.palettes(), most=MOST)
_mount = st.components.v2.component(
    "kernelscope_boxes",
    html=f'<div class="boxes"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('boxes.css')}",
    js=_SCRIPT.loader,
)


@dataclass(frozen=True)
class Boxed:
    """A digit's box: its number in the browser, (left, top, right, bottom) in pixels of the picture, and the class that
    the user gave it, or None."""

    number: int
    box: tuple[int, int, int, int]
    label: int | None = None


@dataclass(frozen=True)
class Said:
    """What stands at a box, and what shows on hover. ``doubtful``: whether it is drawn so."""

    text: str
    detail: str
    doubtful: bool = False


def kept(key: str, stamp: str, boxes: Sequence[tuple[int, int, int, int]], size: tuple[int, int]) -> list[Boxed]:
    """The boxes as they are now: the user's, once one was changed on the picture ``stamp``, else the given ones."""
    state = st.session_state.get(key)
    message = None if state is None else state.get("boxes")
    found = corrected(message, stamp, size)
    return [Boxed(number, box) for number, box in enumerate(boxes[:MOST])] if found is None else found


def boxes(
    data: str,
    *,
    key: str,
    stamp: str,
    size: tuple[int, int],
    shown: Sequence[Boxed],
    answers: Sequence[Said],
    classes: Sequence[str],
    dark: bool,
    label: str,
) -> None:
    """Shows a picture, given as :func:`as_url` makes it, of ``size`` = (width, height) pixels, with boxes and answers.

    ``stamp`` changes with the picture. ``dark``: whether its ink is darker than the paper, for the place where a box is
    split. ``label`` names the whole for screen readers.
    """
    _SCRIPT.publish()
    header = {
        "name": key,
        "stamp": stamp,
        "picture": data,
        "size": list(size),
        "boxes": [{"id": one.number, "box": list(one.box), "label": one.label} for one in shown],
        "answers": {
            str(one.number): {"text": said.text, "detail": said.detail, "doubtful": said.doubtful}
            for one, said in zip(shown, answers, strict=True)
        },
        "classes": list(classes),
        "dark": dark,
        "label": label,
    }
    _mount(key=key, data=header, on_boxes_change=lambda: None)


def as_url(rgb: np.ndarray) -> str:
    """uint8 (H, W, 3) as a small JPEG in a data URL."""
    image = Image.fromarray(rgb)
    image.thumbnail((_SHOWN, _SHOWN))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def corrected(message: Any, stamp: str, size: tuple[int, int]) -> list[Boxed] | None:
    """The browser's message as boxes inside the picture; None where it is none, or of another picture."""
    if not isinstance(message, dict) or message.get("stamp") != stamp or not isinstance(message.get("boxes"), list):
        return None
    found: dict[int, Boxed] = {}
    for one in message["boxes"][:MOST]:
        if not isinstance(one, dict):
            return None
        number, box, label = one.get("id"), one.get("box"), one.get("label")
        if not _whole(number) or not isinstance(box, list) or len(box) != 4 or not all(map(_whole, box)):
            return None
        if label is not None and not (_whole(label) and 0 <= label < 1000):
            return None
        left, top = (min(max(0, side), most - _SMALLEST) for side, most in zip(box[:2], size, strict=True))
        right = min(max(left + _SMALLEST, box[2]), size[0])
        bottom = min(max(top + _SMALLEST, box[3]), size[1])
        found[number] = Boxed(number, (left, top, right, bottom), label)
    return list(found.values())


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1_000_000
