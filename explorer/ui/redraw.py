"""Editing the draft, and which parts of the page are drawn again for it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.draft import Draft
from explorer.ui import drafting, summaries


def edit(change: Callable[[Draft], Draft], *, hand: str = "", held: bool = False) -> None:
    """For callbacks: changes the draft as `drafting.edit` does, and draws again what shows the change."""
    redraw(lambda: drafting.edit(change, hand=hand, held=held))


def redraw(change: Callable[[], object]) -> None:
    """For callbacks: runs what may change the draft, then draws the drawing, the builder or the recipe again, those
    that show something else now, and nothing else of the page. The drawing comes first: it is what one looks at. Of the
    builder only what comes out of its blocks is drawn where no more changed, for the browser then keeps its sliders.

    Where nothing changes nothing is drawn: the browser may send the state of widgets that have gone, and Streamlit
    then calls their callbacks, again with each new run.
    """
    before = drafting.current()
    change()
    now = drafting.current()
    if now == before:
        return
    parts = [part for part, of in _SHOWN.items() if of(now) != of(before)]
    if "controls" not in parts:
        outcomes = summaries.outcomes(before)
        parts += [outcome_key(block) for block, text in summaries.outcomes(now).items() if text != outcomes[block]]
        parts += ["presets"] if now.preset_name != before.preset_name else []
    st.rerun(["design", *parts])


def _controls(draft: Draft) -> object:
    # A widget shows its user's own change by itself, and another draft's widgets are others by their ids.
    blocks = [*map(summaries.summary, draft.blocks.convs), *map(summaries.summary, draft.blocks.dense)]
    frozen = (draft.train.frozen_kernels, draft.frozen_fault)
    return blocks, draft.conv_ids, draft.dense_ids, draft.head_id, draft.data.dataset, summaries.fault(draft), frozen


# What of the draft these fragments show.
_SHOWN: dict[str, Callable[[Draft], object]] = {
    "controls": _controls,
    "recipe": lambda d: (d.train, d.data, d.head_id),
}


def outcome_key(block_id: int) -> str:
    """The key of the fragment that says what comes out of a block."""
    return f"outcome-{block_id}"
