"""The drawing beside the builder: the architecture to scale, its numbers, and the button that trains it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import streamlit as st

from explorer.data.cards import find_card
from explorer.draft import Draft
from explorer.errors import SpecError
from explorer.figures import theme
from explorer.figures.network import architecture, describe
from explorer.runs import service
from explorer.shapes import LayerShape, describe_repair, totals
from explorer.ui import cache, drafting, html, state
from explorer.ui.block_controls import follow
from explorer.ui.components import chart
from explorer.ui.components.drag import drag
from explorer.ui.redraw import edit, redraw
from explorer.ui.summaries import fitted, mended, traced
from explorer.ui.text import duration

BATCH_RATIO = 2.0
ALIKE = 8.0
"""Networks whose multiply-adds differ by less than this factor are taken to be computed at one rate."""


def show() -> None:
    drag(key="drag", on_drag=follow)
    draft = drafting.current()
    card = find_card(draft.data.dataset)
    layers, error = traced(draft)
    model = draft.model
    rest = model.layers[len(layers) :]
    figure = architecture(layers, card.shape, error=error, rest=rest, rest_names=model.names[len(layers) :])
    chart(
        figure,
        key="architecture",
        height=figure.layout.height or 300,
        alt=f"Architecture of {draft.network_title}: {describe(layers, card.shape, error)}",
    )
    if error is None:
        _totals(draft, layers)
    else:
        st.error(str(error), icon=":material/error:")
        # Its block, which has this, too, may be out of sight.
        st.button(
            f"Make it fit: {describe_repair(draft.model, mended(draft))}",
            key="mend",
            icon=":material/build:",
            on_click=edit,
            args=(fitted,),
        )
    _actions(error)
    folder = st.expander("Every layer in numbers", key="layer-table", on_change="rerun")
    if folder.open:
        folder.html(_layer_table(layers))
        folder.caption(
            "The receptive field is the square of input pixels that one output number depends on. "
            "Multiply-adds and memory are for one image, in float32."
        )


def expected_speed(macs: int, batch_size: int, measured: Sequence[tuple[int, int, float]]) -> float | None:
    """Images a second that a network of so many multiply-adds will be trained with, from what others took (multiply-
    adds, batch size and images a second, newest first): of those with about such batches the one nearest in size tells,
    for small networks reach far fewer multiply-adds a second than large ones. None where none is alike: no number is
    better than a wrong one."""
    alike = [
        (max(macs, other) / min(macs, other), other, speed)
        for other, batch, speed in measured
        if max(batch, batch_size) <= BATCH_RATIO * min(batch, batch_size)
    ]
    ratio, other, speed = min(alike, key=lambda each: each[0], default=(inf, 0, 0.0))
    return speed * other / macs if ratio <= ALIKE else None


def _totals(draft: Draft, layers: Sequence[LayerShape]) -> None:
    sums = totals(layers)
    parts = [
        f"**{theme.count(sums.parameters)}** parameters",
        f"**{theme.compact(sums.macs)}** multiply-adds",
        f"**{theme.bytes_text(sums.activation_bytes + sums.parameter_bytes)}** memory",
    ]
    speed = expected_speed(sums.macs, draft.train.batch_size, cache.measured_speeds())
    if speed is not None:
        card = find_card(draft.data.dataset)
        seconds = (draft.data.train_size or card.train_images * (1 - draft.data.validation_share)) / speed
        said = duration(seconds) if seconds >= 60 else f"{theme.significant(seconds, 2)} s"
        parts.append(f"about **{said}** an epoch here")
    with st.container(key="totals"):
        st.markdown(" · ".join(parts))


def _actions(error: SpecError | None) -> None:
    moved = drafting.has_moved()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        big = st.container(width=200)
        if big.button(
            "Train",
            key="train",
            width="stretch",
            type="primary",
            icon=":material/play_arrow:",
            disabled=error is not None,
        ):
            if moved:
                st.rerun()
            run = service.start(drafting.current().run_spec())
            cache.known_networks.clear()
            state.select_network(run)
            st.rerun()
        history = drafting.history()
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            help="Undo the last change",
            disabled=not history.past,
            on_click=redraw,
            args=(lambda: drafting.undo(history),),
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            key="redo",
            help="Do it again",
            disabled=not history.future,
            on_click=redraw,
            args=(lambda: drafting.redo(history),),
        )
        st.text_input(
            "Name",
            value=drafting.current().name,
            placeholder=drafting.current().title,
            key=f"name-{drafting.current().head_id}",
            label_visibility="collapsed",
            max_chars=80,
            on_change=_rename,
            width=240,
        )


def _rename() -> None:
    draft = drafting.current()
    drafting.edit(lambda d: d.with_name(st.session_state[f"name-{draft.head_id}"]))


def _layer_table(layers: Sequence[LayerShape]) -> str:
    rows = [
        (
            layer.name,
            theme.shape_text(layer.output),
            layer.formula,
            theme.count(layer.parameters),
            layer.parameter_formula,
            theme.count(layer.macs),
            f"{layer.receptive_field} × {layer.receptive_field}",
            theme.bytes_text(layer.activation_bytes + layer.parameter_bytes),
        )
        for layer in layers
    ]
    head = ("Layer", "Output", "Output size", "Parameters", "How many", "Multiply-adds", "Sees", "Memory")
    return html.table(head, rows, caption="The layers from input to output", numeric=(3, 5, 7))
