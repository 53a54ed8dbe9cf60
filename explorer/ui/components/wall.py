"""A wall of many small maps, drawn by the browser: crisp pixels, exact values on hover, one click for each map.

Sixty-four Plotly subplots take seconds; these take milliseconds. The maps travel as raw bytes behind a short header.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict, Unpack

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike

from explorer.figures import theme
from explorer.figures.theme import Scale
from explorer.ui.components import assets, frames

Mark = Literal["", "right", "wrong"]

_SCRIPT = assets.script("pixels.js", "tiles.js", "wall.js", palettes=assets.palettes())
_mount = st.components.v2.component(
    "kernelscope_wall",
    html=f'<div class="wall"></div>{assets.FAULT}',
    css=f":host {{ {theme.css_variables()} }}\n{assets.text('wall.css')}",
    js=_SCRIPT.loader,
)


class Look(TypedDict, total=False):
    """How maps are shown; :func:`tiles` says what each is."""

    limits: ArrayLike | None
    captions: Sequence[str] | None
    details: Sequence[str] | None
    marks: Sequence[Mark] | None
    tile: int
    columns: int | None
    selected: int | None
    label: Required[str]
    bar: bool | None


def wall(
    maps: np.ndarray,
    *,
    key: str,
    scale: Scale,
    on_click: Callable[[int], None] | None = None,
    clickable: bool = False,
    **look: Unpack[Look],
) -> int | None:
    """Shows maps (N, H, W), uint8 or float32, side by side in as many columns as there is room for: see :func:`tiles`.

    ``on_click`` is a Streamlit callback: it runs before the next script run and is given the map's index. The index is
    also returned, in that one run alone, if ``on_click`` is given or ``clickable`` is set.

    Raises ValueError where the lengths don't fit together.
    """
    count = len(maps)
    _SCRIPT.publish()

    def heard() -> None:
        index = index_of(st.session_state[key].get("click"), count)
        if on_click is not None and index is not None:
            on_click(index)

    shown = tiles(maps, scale=scale, clickable=clickable or on_click is not None, **look)
    result = _mount(key=key, data=shown.pack(), on_click_change=heard)
    return index_of(result.get("click"), count)


def tiles(
    maps: np.ndarray,
    *,
    scale: Scale,
    label: str,
    limits: ArrayLike | None = None,
    captions: Sequence[str] | None = None,
    details: Sequence[str] | None = None,
    marks: Sequence[Mark] | None = None,
    tile: int = 64,
    columns: int | None = None,
    selected: int | None = None,
    bar: bool | None = None,
    clickable: bool = False,
    units: bool = False,
) -> Payload:
    """Maps (N, H, W), uint8 or float32, for a wall.

    ``scale`` says what the numbers are (see :mod:`explorer.figures.theme`). ``limits`` are the values at the scale's
    ends, (low, high) for all maps or (N, 2) for one each; without, 0 to 255 for uint8, else the range of all values
    with zero included. Signed limits are made symmetric, so that zero is the page's background. NaN is left empty.

    A map's pixels are squares of whole screen pixels, so that it is about ``tile`` CSS pixels wide or a little more,
    up to twice as much where ``columns`` are fixed, and all of that larger in wide windows. What is too wide scrolls
    sideways inside the wall.

    ``captions`` stand under the maps, in up to three lines, ``details`` show on hover and are read to screen readers,
    ``marks`` put ✓ or ✗ before the caption, ``label`` names the whole. ``bar`` draws the scale with its limits (by
    default unless the maps are uint8). ``selected`` is outlined. ``units``: each pixel of a map is a unit of a vector,
    counted row by row.

    Raises ValueError where the lengths don't fit together.
    """
    count = len(maps)
    header = {
        "scale": scale,
        "captions": _texts(captions, count),
        "details": _texts(details, count),
        "marks": _texts(marks, count),
        "tile": tile,
        "columns": columns,
        "selected": None if selected is None else int(selected),
        "label": label,
        "bar": maps.dtype != np.uint8 if bar is None else bar,
        "clickable": clickable,
        "units": units,
    }
    return Payload.of(maps, scale, limits, header)


@dataclass(frozen=True, eq=False)
class Payload:
    """What the browser gets: a header and the pixels (N, H, W), uint8 or float32 in little-endian order."""

    header: dict[str, Any]
    pixels: np.ndarray

    @classmethod
    def of(cls, maps: np.ndarray, scale: Scale, limits: ArrayLike | None, header: dict[str, Any]) -> Payload:
        """Adds shape, type and limits to a header."""
        if maps.ndim != 3:
            raise ValueError(f"a wall needs maps of the shape (N, H, W), not {maps.shape}")
        pixels = np.ascontiguousarray(maps, np.uint8 if maps.dtype == np.uint8 else np.dtype("<f4"))
        ends = _limits(pixels, scale, limits)
        shape = {"shape": list(maps.shape), "type": pixels.dtype.name, "limits": ends.tolist()}
        return cls(shape | header, pixels)

    def pack(self) -> bytes:
        """The bytes: see :mod:`explorer.ui.components.frames`."""
        return frames.pack(self.header, self.pixels.tobytes())

    @classmethod
    def unpack(cls, data: bytes) -> Payload:
        """The inverse of :meth:`pack`, for tests of pages."""
        header, pixels = frames.unpack(data)
        kind = np.dtype(np.uint8 if header["type"] == "uint8" else "<f4")
        return cls(header, np.frombuffer(pixels, kind).reshape(header["shape"]))


def _limits(pixels: np.ndarray, scale: Scale, limits: ArrayLike | None) -> np.ndarray:
    """The ends of the scale, (2,) or (N, 2), finite float64."""
    if limits is not None:
        ends = np.asarray(limits, np.float64)
    elif pixels.dtype == np.uint8:
        ends = np.array([0.0, 255.0])
    else:
        finite = pixels[np.isfinite(pixels)]
        ends = np.array([finite.min(initial=0.0), finite.max(initial=0.0)], np.float64)
    if ends.shape not in {(2,), (len(pixels), 2)}:
        raise ValueError(
            f"limits are (low, high) or one such pair for each of the {len(pixels)} maps, not {ends.shape}"
        )
    if not np.isfinite(ends).all():
        raise ValueError("limits must be finite numbers")
    if scale == "signed":
        most = np.abs(ends).max(axis=-1, keepdims=True)
        ends = np.concatenate([-most, most], axis=-1)
    return ends


def _texts(texts: Sequence[str] | None, count: int) -> list[str] | None:
    if texts is None:
        return None
    if len(texts) != count:
        raise ValueError(f"{len(texts)} texts for {count} maps")
    return list(texts)


def index_of(value: Any, count: int) -> int | None:
    """The browser's message as an index, None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1 and 0 <= value < count:
        return int(value)
    return None
