"""Walls of maps beside one another, each with a heading: a network's layers from its input on, as one element.

An element of Streamlit's own for each heading, caption and wall makes a page of fifty elements, and the browser needs
several milliseconds for each of them whenever anything on the page changes.

Streamlit sends an element as a whole, or only its name where it is the same as before. So which map is selected travels
beside the maps, in a small element of its own: a click does not send them all again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.figures import theme
from explorer.ui.components import assets, frames
from explorer.ui.components.wall import Payload, index_of

_SCRIPT = assets.script("pixels.js", "tiles.js", "strip.js", palettes=assets.palettes())
_mount = st.components.v2.component(
    "kernelscope_strip",
    html=f'<div class="strip"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('wall.css')}\n{assets.text('strip.css')}",
    js=_SCRIPT.loader,
)
# The same script, which tells both by their data. Where it is missing the strip says so.
_mark = st.components.v2.component(
    "kernelscope_strip_mark", html='<p class="ks-fault" hidden></p>', css="", js=_SCRIPT.loader
)


@dataclass(frozen=True, eq=False)
class Column:
    """A wall with what stands above it (``title``, ``about``) and below it (``after``), ``width`` CSS pixels wide, more
    in wide windows."""

    name: str
    title: str
    about: str
    wall: Payload
    width: int
    after: str = ""


def strip(
    columns: Sequence[Column],
    *,
    key: str,
    on_click: Callable[[str, int], None],
    selected: tuple[str, int] | None = None,
) -> None:
    """Shows walls from left to right; what is too wide scrolls sideways inside the strip. Their names differ.

    ``on_click`` is a Streamlit callback: it runs before the next script run and is given the column's name and the
    map's index. Maps can be clicked where their wall's header says so. ``selected`` names one in the same way, which is
    outlined; the walls themselves have none selected.
    """
    _SCRIPT.publish()

    def heard() -> None:
        chosen = _chosen(st.session_state[key].get("click"), columns)
        if chosen is not None:
            on_click(*chosen)

    with st.container(key=f"{key}-strip", gap=None):
        _mount(key=key, data=pack(columns, key), on_click_change=heard)
        _mark(key=f"{key}-mark", data={"strip": key, "selected": selected})


def pack(columns: Sequence[Column], key: str = "") -> bytes:
    """What the browser gets: the strip's key, an entry a column with the length of its wall in bytes, then the walls
    one after the other, each as :meth:`Payload.pack` has it."""
    walls = [column.wall.pack() for column in columns]
    entries = [
        {
            "name": column.name,
            "title": column.title,
            "about": column.about,
            "after": column.after,
            "width": column.width,
            "bytes": len(wall),
        }
        for column, wall in zip(columns, walls, strict=True)
    ]
    return frames.pack({"strip": key, "columns": entries}, *walls)


def unpack(data: bytes) -> dict[str, tuple[dict[str, Any], Payload]]:
    """The inverse of :func:`pack`, for tests of pages: each column's entry and wall by its name."""
    header, walls = frames.unpack(data)
    begin, found = 0, {}
    for entry in header["columns"]:
        end = begin + entry["bytes"]
        found[entry["name"]] = entry, Payload.unpack(walls[begin:end])
        begin = end
    return found


def _chosen(value: Any, columns: Sequence[Column]) -> tuple[str, int] | None:
    """The browser's message as a column's name and a map's index, None for anything else."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    name, place = value
    count = next((column.wall.pixels.shape[0] for column in columns if column.name == name), 0)
    index = index_of(place, count)
    return None if index is None else (name, index)
