"""The microscope: one map or unit, and for every position the calculation behind its number, down to one product.

The browser has all it needs and calculates by itself: no request while the pointer moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.figures import theme
from explorer.ui.components import assets, frames

if TYPE_CHECKING:
    from explorer.analysis.section import Section

_SCRIPT = assets.script(
    "pixels.js",
    "microscope_math.js",
    "microscope_draw.js",
    "microscope_parts.js",
    "microscope.js",
    palettes=assets.palettes(),
)
_mount = st.components.v2.component(
    "kernelscope_microscope",
    html=f'<div class="scope"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('microscope.css')}",
    js=_SCRIPT.loader,
)


def microscope(
    section: Section,
    *,
    key: str,
    scale: theme.Scale = "signed",
    classes: Sequence[str] = (),
    reveal: bool = False,
    on_choose: Callable[[int], None] | None = None,
) -> None:
    """Shows a section: hover, tap or move by arrow keys over its map, and every step to that number is written out.

    ``scale`` is how the section's own values are drawn; ``classes`` names the units of the output layer. With
    ``reveal`` the page scrolls to it. ``on_choose`` is a Streamlit callback, run with a unit's number where the reader
    picks another one of a vector.
    """
    _SCRIPT.publish()

    def heard() -> None:
        chosen = st.session_state[key].get("choose")
        units = section.arrays["values"].shape[0] if section.arrays["values"].ndim == 1 else 0
        whole = isinstance(chosen, int | float) and not isinstance(chosen, bool) and chosen == chosen // 1
        if on_choose is not None and whole and 0 <= chosen < units:
            on_choose(int(chosen))

    facts: dict[str, Any] = {
        **section.facts,
        "kind": section.kind,
        "layer": section.layer,
        "base": section.base,
        "number": section.number,
        "scale": scale,
        "classes": list(classes),
        "reveal": reveal,
    }
    _mount(key=key, data=pack(facts, section.arrays), on_choose_change=heard)


def pixel_numbers(pixels: np.ndarray, *, key: str, reveal: bool = False) -> None:
    """Shows a picture, uint8 (H, W), with the numbers over its pixels. With ``reveal`` the page scrolls to it."""
    _SCRIPT.publish()
    facts = {"kind": "pixels", "layer": "input", "base": "input", "number": 0, "steps": [], "reveal": reveal}
    _mount(key=key, data=pack(facts, {"values": pixels}), on_choose_change=lambda: None)


def pack(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """What the browser gets: the facts with every array's name, shape and first byte, and the arrays as float32."""
    places, blocks, offset = {}, [], 0
    for name, array in arrays.items():
        block = np.ascontiguousarray(array, np.dtype("<f4"))
        places[name] = {"shape": list(block.shape), "offset": offset}
        blocks.append(block.tobytes())
        offset += block.nbytes
    return frames.pack({**facts, "arrays": places}, *blocks)
