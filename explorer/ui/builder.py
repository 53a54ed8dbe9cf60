"""The builder's left column: presets, convolution blocks, head. Every widget edits the draft in its callback."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.blocks import MAX_BLOCKS, MAX_DENSE, Place, place
from explorer.data.cards import find_card
from explorer.draft import Draft, Part
from explorer.errors import SpecError
from explorer.presets import PRESETS
from explorer.shapes import describe_repair
from explorer.ui import block_controls, drafting, shell
from explorer.ui.redraw import edit, outcome_key
from explorer.ui.summaries import fitted, mended, outcomes, summary, traced

BRIDGES = {"flatten": "Flatten", "global_average_pool": "Global average pooling"}


def show() -> None:
    """All controls of the network for the current draft."""
    draft = drafting.current()
    _layers, error = traced(draft)
    block_controls.forget()
    _presets()
    for number, (block_id, block) in enumerate(zip(draft.conv_ids, draft.blocks.convs, strict=True)):
        with st.container(border=True, key=f"block-{block_id}"):
            title = f"Convolution {number + 1}"
            _block_header("convs", block_id, number, len(draft.conv_ids), title, summary(block))
            if number == 0:
                _frozen(draft)
            block_controls.convolution(block_id, block)
            _outcome(block_id)
            _fault(draft, error, Place("convs", number))
    if not draft.conv_ids:
        _frozen(draft)
    if len(draft.conv_ids) < MAX_BLOCKS:
        st.button(
            "Add a convolution block",
            icon=":material/add:",
            key="add-conv",
            on_click=edit,
            args=(_with_a_convolution,),
            width="stretch",
        )
    with st.container(border=True, key="head"):
        st.header("Head", anchor=False)
        block_controls.choice(
            "From maps to a vector",
            BRIDGES,
            draft.blocks.bridge,
            "bridge",
            f"bridge-{draft.head_id}",
            lambda now, bridge: now.with_bridge(bridge) if now.head_id == draft.head_id else now,
        )
        _fault(draft, error, Place("head", 0))
    for number, (block_id, dense) in enumerate(zip(draft.dense_ids, draft.blocks.dense, strict=True)):
        with st.container(border=True, key=f"block-{block_id}"):
            title = f"Fully connected {number + 1}"
            _block_header("dense", block_id, number, len(draft.dense_ids), title, summary(dense))
            block_controls.dense(block_id, dense)
            _outcome(block_id)
            _fault(draft, error, Place("dense", number))
    if len(draft.dense_ids) < MAX_DENSE:
        st.button(
            "Add a fully connected layer",
            icon=":material/add:",
            key="add-dense",
            on_click=edit,
            args=(lambda d: d.added("dense"),),
            width="stretch",
        )
    classes = len(find_card(draft.data.dataset).classes)
    st.caption(f"Then always: a fully connected output layer with {classes} units, one a class, and softmax.")


def _with_a_convolution(draft: Draft) -> Draft:
    """One more, like the last one; where that is too large for what is left of the map, one that fits."""
    grown = draft.added("convs")
    worked = traced(draft)[1] is None
    return fitted(grown) if worked and traced(grown)[1] is not None else grown


@shell.fragment(key="presets")
def _presets() -> None:
    draft = drafting.current()
    known = draft.preset_name
    key = f"preset-{draft.head_id}-{known}"

    def take() -> None:
        name = st.session_state[key]
        now = drafting.current()
        if name and (now.head_id, now.preset_name) == (draft.head_id, known):
            edit(lambda d: Draft.of(PRESETS[name].blocks, train=d.train, data=d.data))

    st.pills(
        "Start from",
        list(PRESETS),
        default=known,
        key=key,
        format_func=lambda name: PRESETS[name].title,
        on_change=take,
        help="Ready-made networks. Change anything afterwards.",
    )
    # Always there, so that what follows keeps its place, and with it the keyboard's focus.
    with st.container(key="preset-about"):
        st.caption(PRESETS[known].about if known else "Your own network.")


def _block_header(part: Part, block_id: int, number: int, count: int, title: str, about: str) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**  \n:small[:gray[{about}]]", width="stretch")
        for name, icon, change, disabled in (
            ("up", ":material/arrow_upward:", lambda d: d.moved(part, block_id, -1), number == 0),
            ("down", ":material/arrow_downward:", lambda d: d.moved(part, block_id, 1), number == count - 1),
            ("remove", ":material/close:", lambda d: d.removed(part, block_id), False),
        ):
            st.button(
                f"{title}: {name}",  # for screen readers: see style.css
                icon=icon,
                key=f"{name}-{block_id}",
                help={"up": "Move earlier", "down": "Move later", "remove": "Remove this block"}[name],
                type="tertiary",
                disabled=disabled,
                on_click=edit,
                args=(change,),
            )


def _frozen(draft: Draft) -> None:
    """The note on frozen kernels, with what keeps them from being used, and the button that removes them."""
    kernels = draft.train.frozen_kernels
    if not kernels:
        return
    from explorer.analysis.classic import resemblance  # behind it is torch, which the first page does not wait for

    names = [resemblance(np.array(kernel)).name or "one of your own" for kernel in kernels]
    what = f"**{len(kernels)} frozen kernel{'s' if len(kernels) > 1 else ''}**: {', '.join(names)}"
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key="frozen-kernels"):
        st.markdown(what, width="stretch", help="Given in the kernel bench. Training leaves them as they are.")
        st.button("Remove", key="remove-frozen", on_click=edit, args=(lambda d: d.without_frozen(),))
    if draft.frozen_fault:
        st.warning(f"Not used now: {draft.frozen_fault}.", icon=":material/ac_unit:")


def _outcome(block_id: int) -> None:
    def show() -> None:
        text = outcomes(drafting.current()).get(block_id)
        if text:
            st.caption(text)

    shell.fragment(key=outcome_key(block_id))(show)()


def _fault(draft: Draft, error: SpecError | None, here: Place) -> None:
    """The fault, where it happens, with the button that mends it."""
    if error is None or error.layer is None or place(draft.blocks, error.layer) != here:
        return
    st.error(str(error), icon=":material/error:")
    st.button(
        "Make it fit",
        key="make-it-fit",
        icon=":material/build:",
        type="primary",
        on_click=edit,
        args=(fitted,),
    )
    st.caption(describe_repair(draft.model, mended(draft)))
