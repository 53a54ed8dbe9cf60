"""The steps of *Why this answer*: what stands in each card, from the logit to the pixel."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.analysis.paths import Step, Walk
from explorer.analysis.terms import INPUT, Outputs, Position, Terms, window
from explorer.data.cards import DataCard
from explorer.figures.theme import Scale, count
from explorer.shapes import LayerShape
from explorer.spec import Activation, Affine, BatchNorm, Conv, Dropout, Flatten, GlobalAveragePool, Pool
from explorer.ui import html
from explorer.ui.components import wall
from explorer.ui.summaries import ACTIVATIONS
from explorer.ui.text import factor, number

CHANNELS = 8
WIDEST_WINDOW = 8


def heading(step: Step, walk: Walk, card: DataCard) -> None:
    """Where the step is, its value, and its part of the logit."""
    found = step.terms
    value = f"**{found.layer}**, {place_of(found.layer, found.index, card)} = **{number(found.value)}**"
    if found is walk.steps[0].terms:
        st.markdown(value)
    else:
        st.markdown(f"{value}, part of the logit so far: **{number(step.part)}**{_share_of(step.part, walk)}")


def passing(found: Terms, layer: LayerShape, seen: Outputs, card: DataCard) -> None:
    """A layer that passes one source on."""
    weight, value, total = factor(float(found.weights[0])), factor(float(found.values[0])), number(found.value)
    rest = "".join(f" + {factor(constant.value)}" for constant in found.constants)
    came = place_of(found.source, tuple(found.positions[0].tolist()), card)
    match layer.layer:
        case Activation(function=function):
            st.caption(f"{ACTIVATIONS[function]} as slope × input: {weight} × {value}{rest} = {total}")
        case BatchNorm() | Affine():
            st.caption(f"scale × input + shift: {weight} × {value}{rest} = {total}")
        case Pool():
            st.caption(f"The largest of its window wins: {found.source}, {came}. The others have no part.")
            _window(found, layer, seen)
        case Flatten():
            st.caption(f"Only the counting changes: {count(found.index[0])} in the vector is {came} of {found.source}.")
        case Dropout():
            st.caption("Passes everything on once training is over.")
        case _:
            st.caption(f"{weight} × {value}{rest} = {total}")


def summing(
    step: Step,
    layer: LayerShape,
    following: Position | None,
    walk: Walk,
    card: DataCard,
    pixels: np.ndarray,
    seen: Outputs,
) -> None:
    """A layer that sums: the equation, what it looks at, and the term that was taken."""
    found = step.terms
    products = len(found.weights) - int(found.padding.sum())
    if isinstance(layer.layer, Conv) and layer.layer.connections is not None:
        seen_maps = np.isin(found.positions[:, 0], layer.layer.connections[found.index[0]])
        products = int((seen_maps & ~found.padding).sum())
    kinds = {"Conv": "kernel weight × input", "Pool": "share × input", "GlobalAveragePool": "share × input"}
    what = kinds.get(type(layer.layer).__name__, "weight × activation")
    constants = "".join(f" + {constant.name} {factor(constant.value)}" for constant in found.constants)
    zeros = f", {count(int(found.padding.sum()))} more are zeros of the padding" if found.padding.any() else ""
    st.caption(f"= sum of {count(products)} products {what}{constants}{zeros}")
    chosen = None if following is None else found.find(following)
    if isinstance(layer.layer, Conv):
        _patch(found, layer, chosen, pixels)
    elif isinstance(layer.layer, Pool):
        _window(found, layer, seen, chosen)
    elif isinstance(layer.layer, GlobalAveragePool):
        maps = found.values.reshape(1, *found.shape).astype(np.float32)
        about = "The map that is averaged"
        wall(maps, key=f"why-map-{layer.name}", scale=_scale(maps), label=about, details=[about], tile=112)
    if following is not None and chosen is not None:
        part = float(step.parts[chosen])
        st.markdown(
            f":material/south: {following[0]}, {place_of(*following, card)}: {product(found, chosen)}, "
            f"part **{number(part)}**{_share_of(part, walk)}"
        )


def _patch(found: Terms, layer: LayerShape, chosen: int | None, pixels: np.ndarray) -> None:
    """Patch, kernel and products of the input maps that count most."""
    grid = found.shape
    patch = np.where(found.padding, np.nan, found.values).reshape(grid)
    order = np.argsort(-np.abs(found.products.reshape(grid).sum((1, 2))), kind="stable")[:CHANNELS]
    if chosen is not None and chosen // (grid[1] * grid[2]) not in order:
        order = np.append(order[: CHANNELS - 1], chosen // (grid[1] * grid[2]))
    captions = [f"map {channel}" for channel in order] if grid[0] > 1 else None
    left, right = st.columns([1, 5], gap="medium")
    with left:
        first = [layer.offset + place * layer.jump for place in found.index[1:]]
        rows, columns = ((at, at + layer.receptive_field) for at in first)
        st.html(_marked(pixels, rows, columns, size=96, alt=f"The image, and on it what {layer.name} sees here"))
    with right, st.container(horizontal=True, gap="medium"):
        kernel, products = found.weights.reshape(grid), found.products.reshape(grid)
        for name, values in (("input", patch), ("kernel", kernel), ("products", products)):
            shown = values[order].astype(np.float32)
            with st.container(width="content", key=f"why-{name}-box-{layer.name}"):
                st.caption(name)
                wall(
                    shown,
                    key=f"why-{name}-{layer.name}",
                    scale=_scale(shown) if name == "input" else "signed",
                    captions=captions,
                    details=[f"{layer.name}: {name}, input map {channel}" for channel in order],
                    tile=48,
                    columns=min(4, len(order)),
                    label=f"{name} of {layer.name}",
                )
    if len(order) < grid[0]:
        st.caption(f"{len(order)} of {count(grid[0])} input maps, those that add or take most.")


def _window(found: Terms, layer: LayerShape, seen: Outputs, chosen: int | None = None) -> None:
    """A pooling window with its winner, or with the term that was taken, as numbers."""
    if not isinstance(layer.layer, Pool):
        return
    rows, columns = window(layer.layer.size, layer.layer.stride, found.index)
    values = seen[found.source][found.index[0], rows, columns]
    if layer.layer.size > WIDEST_WINDOW:
        maps = values[None].astype(np.float32)
        about = f"The window of {layer.name}"
        wall(maps, key=f"why-map-{layer.name}", scale=_scale(maps), label=about, details=[about], tile=112)
        return
    marked = None
    if layer.layer.mode == "max" or chosen is not None:
        _, row, column = found.positions[chosen or 0]
        marked = (row - rows.start, column - columns.start)
    lines = []
    for at, line in enumerate(values):
        cells = "".join(_cell(float(value), (at, place) == marked) for place, value in enumerate(line))
        lines.append(f"<tr>{cells}</tr>")
    st.html(
        '<div class="ks-table"><table style="width:auto"><caption style="white-space:nowrap">The window'
        f"{', the winner outlined' if layer.layer.mode == 'max' else ''}</caption>{''.join(lines)}</table></div>"
    )


def _cell(value: float, marked: bool) -> str:
    outline = ";outline:2px solid var(--ks-accent);outline-offset:-2px;font-weight:600" if marked else ""
    return f'<td class="number" style="padding:0.3rem 0.6rem{outline}">{number(value)}</td>'


# --- the end ---


def ending(walk: Walk, pixels: np.ndarray, card: DataCard) -> None:
    """The pixel that the path has come to, marked on the digit."""
    channel, row, column = walk.end[1]
    with st.container(border=True, key="why-pixel"):
        left, right = st.columns([1, 3], gap="medium", vertical_alignment="center")
        with left:
            alt = f"The image with row {row}, column {column} marked"
            st.html(_marked(pixels, (row, row + 1), (column, column + 1), size=168, alt=alt))
        with right:
            last = walk.steps[-1]
            term = last.terms.find(walk.end)
            byte = int(pixels[channel, row, column])
            st.markdown(f"**{place_of(*walk.end, card)}**: {byte} of 255, normalised **{number(walk.value)}**")
            st.markdown(
                f"{product(last.terms, term)} in {last.terms.layer}. Along this path it explains "
                f"**{number(walk.part)}** of the logit of {number(walk.steps[0].part)}{_share_of(walk.part, walk)}."
            )
            if byte == 0:
                st.caption("Black has a part, too: normalised, it is not 0.")


def _marked(pixels: np.ndarray, rows: tuple[int, int], columns: tuple[int, int], *, size: int, alt: str) -> str:
    """The digit with a rectangle of its pixels outlined, as far as it lies inside: [first, last) rows and columns."""
    height, width = pixels.shape[1:]
    top, bottom = (min(max(edge, 0), height) / height for edge in rows)
    left, right = (min(max(edge, 0), width) / width for edge in columns)
    box = f"left:{left:.2%};top:{top:.2%};width:{right - left:.2%};height:{bottom - top:.2%}"
    return (
        f'<div style="position:relative;width:fit-content">{html.picture(pixels, size=size, alt=alt)}'
        f'<span style="position:absolute;{box};outline:2px solid var(--ks-class-1);outline-offset:-1px"></span></div>'
    )


# --- words ---


def place_of(layer: str, index: tuple[int, ...], card: DataCard) -> str:
    """A position in words: class 7, unit 12, map 3, row 5, column 6, or pixel row 5, column 6."""
    if layer == "output":
        return f"class {card.classes[index[0]]}"
    if len(index) == 1:
        return f"unit {index[0]}"
    channel, row, column = index
    if layer == INPUT:
        colour = f"channel {channel}, " if card.shape[0] > 1 else ""
        return f"pixel {colour}row {row}, column {column}"
    return f"map {channel}, row {row}, column {column}"


def product(found: Terms, term: int) -> str:
    """A term as weight × value = product."""
    weight, value = (factor(float(one[term])) for one in (found.weights, found.values))
    return f"{weight} × {value} = {number(float(found.products[term]))}"


def _percent(share: float) -> str:
    """A share of a logit, with one decimal: it may be more than all or less than nothing. One that is not 0 never
    reads so."""
    if share == 0 or abs(share) >= 0.0005:
        return f"{share:.1%}".replace("-", "−")
    return "< 0.1%" if share > 0 else "> −0.1%"


def _share_of(part: float, walk: Walk) -> str:
    whole = walk.steps[0].part
    return f" ({_percent(part / whole)})" if whole else ""


def _scale(values: np.ndarray) -> Scale:
    return "signed" if (values < 0).any() else "brightness"
