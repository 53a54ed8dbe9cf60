"""The builder's left column: presets, convolution blocks, head. Every widget edits the draft in its callback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from explorer.blocks import MAX_BLOCKS, MAX_DENSE, ConvBlock, DenseBlock, Place, place
from explorer.data.cards import find_card
from explorer.draft import Draft, Part
from explorer.errors import SpecError
from explorer.figures.theme import shape_text
from explorer.presets import PRESETS
from explorer.shapes import LayerShape, describe_repair, partial, repair
from explorer.spec import ModelSpec
from explorer.ui import shell, state

KERNELS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512)
KERNEL_SIZES = tuple(range(1, 12))
STRIDES = (1, 2, 3, 4)
PADDINGS: tuple[str | int, ...] = ("valid", "same", 1, 2, 3, 4, 5)
POOL_SIZES = (2, 3, 4, 5, 6, 7)
POOL_STRIDES = (1, 2, 3, 4)
DROPOUTS = tuple(range(0, 95, 5))  # per cent
UNITS = (8, 10, 16, 24, 32, 48, 64, 84, 96, 120, 128, 192, 256, 384, 512, 768, 1024)
ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "gelu": "GELU",
    "tanh": "tanh",
    "scaled_tanh": "LeCun's tanh",
    "sigmoid": "sigmoid",
    "none": "none",
}
POOLS = {"none": "none", "max": "max", "average": "average"}
BRIDGES = {"flatten": "Flatten", "global_average_pool": "Global average pooling"}

HELP = {
    "kernels": "Hyperparameter, you choose it: how many kernels, and so how many feature maps come out. "
    "The numbers inside each kernel are parameters: training learns them.",
    "kernel_size": "Hyperparameter, you choose it: a kernel of size k looks at k × k pixels at a time. "
    "It sets how many weights each kernel learns.",
    "stride": "Hyperparameter, you choose it: how many pixels the kernel moves between two positions. "
    "It changes no number of parameters, only the size of the map.",
    "padding": "Hyperparameter, you choose it: rows and columns of zeros around the map. "
    "valid adds none, same keeps the map's size at stride 1.",
    "batch_norm": "Switching it on is a hyperparameter. It scales each map to a common mean and spread, "
    "then by two learned parameters a map.",
    "activation": "Hyperparameter, you choose it: the non-linear function applied to each number. It learns nothing.",
    "pool": "Hyperparameter, you choose it: keeps the largest number, or the mean, of each window and discards the "
    "rest. Pooling has no learnable parameter.",
    "pool_size": "Hyperparameter, you choose it: the side of the pooling window.",
    "pool_stride": "Hyperparameter, you choose it: how far the pooling window moves.",
    "dropout": "Hyperparameter, you choose it: the share of numbers set to zero at random in each training step, "
    "so that the network relies on no single one.",
    "bridge": "Hyperparameter, you choose it: flatten writes all maps out as one vector; global average pooling "
    "keeps one number a map. Neither learns anything.",
    "units": "Hyperparameter, you choose it: how many units. Every unit learns one weight per input, and a bias.",
}


def traced(draft: Draft) -> tuple[tuple[LayerShape, ...], SpecError | None]:
    """The layers of the draft as far as they work, and what is wrong with the next one."""
    card = find_card(draft.data.dataset)
    return partial(draft.model, card.shape, len(card.classes))


def show() -> None:
    """All controls of the network for the current draft."""
    draft = state.draft()
    _layers, error = traced(draft)
    st.session_state[_SLIDERS] = {}
    _presets()
    for number, (block_id, block) in enumerate(zip(draft.conv_ids, draft.blocks.convs, strict=True)):
        with st.container(border=True, key=f"block-{block_id}"):
            title = f"Convolution {number + 1}"
            _block_header("convs", block_id, number, len(draft.conv_ids), title, _summary(block))
            if number == 0:
                _frozen(draft)
            _conv_controls(block_id, block)
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
            args=(lambda d: d.added("convs"),),
            width="stretch",
        )
    with st.container(border=True, key="head"):
        st.markdown("**Head**")
        _choice(
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
            _block_header("dense", block_id, number, len(draft.dense_ids), title, _summary(dense))
            _dense_controls(block_id, dense)
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


def edit(change: Callable[[Draft], Draft], *, hand: str = "", held: bool = False) -> None:
    """For callbacks: changes the draft as `state.edit` does, and draws again what shows the change."""
    redraw(lambda: state.edit(change, hand=hand, held=held))


def follow(slider: str, step: int, done: bool) -> None:
    """For callbacks: a slider of a block is dragged to one of its steps, and may have been let go there."""
    known = st.session_state.get(_SLIDERS, {}).get(slider)
    if known and 0 <= step < len(known.options):
        edit(lambda draft: known.setter(draft, known.options[step]), hand=slider, held=not done)


def redraw(change: Callable[[], object]) -> None:
    """For callbacks: runs what may change the draft, then draws the drawing, the builder or the recipe again, those
    that show something else now, and nothing else of the page. The drawing comes first: it is what one looks at. Of the
    builder only what comes out of its blocks is drawn where no more changed, for the browser then keeps its sliders.

    Where nothing changes nothing is drawn: the browser may send the state of widgets that have gone, and Streamlit
    then calls their callbacks, again with each new run.
    """
    before = state.draft()
    change()
    now = state.draft()
    if now == before:
        return
    parts = [part for part, of in _SHOWN.items() if of(now) != of(before)]
    if "controls" not in parts:
        outcomes = _outcomes(before)
        parts += [_outcome_key(block) for block, text in _outcomes(now).items() if text != outcomes[block]]
        parts += ["presets"] if now.preset_name != before.preset_name else []
    st.rerun(["design", *parts])


def _controls(draft: Draft) -> object:
    # A widget shows its user's own change by itself, and another draft's widgets are others by their ids.
    blocks = [*map(_summary, draft.blocks.convs), *map(_summary, draft.blocks.dense)]
    frozen = (draft.train.frozen_kernels, draft.frozen_fault)
    return blocks, draft.conv_ids, draft.dense_ids, draft.head_id, draft.data.dataset, _fault_of(draft), frozen


# What of the draft these fragments show.
_SHOWN: dict[str, Callable[[Draft], object]] = {
    "controls": _controls,
    "recipe": lambda d: (d.train, d.data, d.head_id),
}


@shell.fragment(key="presets")
def _presets() -> None:
    draft = state.draft()
    known = draft.preset_name
    key = f"preset-{draft.head_id}-{known}"

    def take() -> None:
        name = st.session_state[key]
        now = state.draft()
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
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**  \n:small[:gray[{about}]]", width="stretch")
        for name, icon, change, disabled in (
            ("up", ":material/arrow_upward:", lambda d: d.moved(part, block_id, -1), number == 0),
            ("down", ":material/arrow_downward:", lambda d: d.moved(part, block_id, 1), number == count - 1),
            ("remove", ":material/close:", lambda d: d.removed(part, block_id), False),
        ):
            st.button(
                "",
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


def _conv_controls(block_id: int, block: ConvBlock) -> None:
    def steps(label: str, name: str, options: Sequence[Any], **more: Any) -> None:
        _steps(
            label, options, getattr(block, name), name, f"{name}-{block_id}", _setter("convs", block_id, name), **more
        )

    left, right = st.columns(2, gap="medium", wrap=False)
    with left:
        steps("Kernels", "kernels", KERNELS)
        steps("Stride", "stride", STRIDES)
    with right:
        steps("Kernel size", "kernel_size", KERNEL_SIZES, format_func=lambda size: f"{size} × {size}")
        steps("Padding", "padding", PADDINGS)
    # One label: with another one Streamlit would put another folder in its place, and the hand would lose its control.
    with st.expander("Activation, pooling and more", key=f"more-{block_id}", on_change="rerun") as folder:
        if not folder.open:
            return
        _choice(
            "Activation",
            ACTIVATIONS,
            block.activation,
            "activation",
            f"activation-{block_id}",
            _setter("convs", block_id, "activation"),
        )
        _switch(
            "Batch normalisation",
            block.batch_norm,
            "batch_norm",
            f"batch_norm-{block_id}",
            _setter("convs", block_id, "batch_norm"),
        )
        _choice("Pooling", POOLS, block.pool, "pool", f"pool-{block_id}", _setter("convs", block_id, "pool"))
        if block.pool != "none":
            left, right = st.columns(2, gap="medium", wrap=False)
            with left:
                steps("Pooling window", "pool_size", POOL_SIZES, format_func=lambda size: f"{size} × {size}")
            with right:
                steps("Pooling stride", "pool_stride", POOL_STRIDES)
        _dropout(block.dropout, f"dropout-{block_id}", _setter("convs", block_id, "dropout"))


def _dense_controls(block_id: int, block: DenseBlock) -> None:
    _steps("Units", UNITS, block.units, "units", f"units-{block_id}", _setter("dense", block_id, "units"))
    with st.expander("Activation and dropout", key=f"more-{block_id}", on_change="rerun") as folder:
        if not folder.open:
            return
        _choice(
            "Activation",
            ACTIVATIONS,
            block.activation,
            "activation",
            f"activation-{block_id}",
            _setter("dense", block_id, "activation"),
        )
        _dropout(block.dropout, f"dropout-{block_id}", _setter("dense", block_id, "dropout"))


def _summary(block: ConvBlock | DenseBlock) -> str:
    """What the folded part of a card says, in one line."""
    parts = [ACTIVATIONS[block.activation] if block.activation != "none" else "no activation"]
    if isinstance(block, ConvBlock):
        if block.batch_norm:
            parts.insert(0, "batch norm")
        if block.pool != "none":
            parts.append(f"{block.pool} pooling {block.pool_size}×{block.pool_size}")
    if block.dropout:
        parts.append(f"dropout {block.dropout:.0%}")
    return " · ".join(parts)


def _outcomes(draft: Draft) -> dict[int, str]:
    """What comes out of every block, with the formulas and their numbers, by the block's id; nothing where it can't
    work."""
    layers, _error = traced(draft)
    at: dict[Place, list[LayerShape]] = {}
    for layer in layers:
        at.setdefault(place(draft.blocks, layer.index), []).append(layer)
    places = [(block, Place("convs", number)) for number, block in enumerate(draft.conv_ids)]
    places += [(block, Place("dense", number)) for number, block in enumerate(draft.dense_ids)]
    return {block: _outcome_text(at.get(here, [])) for block, here in places}


def _outcome_text(layers: Sequence[LayerShape]) -> str:
    if not layers:
        return ""
    lines = [f"{shape_text(layers[0].input)} → **{shape_text(layers[-1].output)}**"]
    lines += [f"{layer.name}: {layer.formula}" for layer in layers if layer.formula]
    lines += [f"{layer.name}: {layer.parameter_formula} parameters" for layer in layers if layer.parameter_formula]
    return "  \n".join(lines)


def _outcome_key(block_id: int) -> str:
    return f"outcome-{block_id}"


def _outcome(block_id: int) -> None:
    def show() -> None:
        text = _outcomes(state.draft()).get(block_id)
        if text:
            st.caption(text)

    shell.fragment(key=_outcome_key(block_id))(show)()


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
        args=(lambda d: d.with_model(_mended(d)),),
    )
    st.caption(describe_repair(draft.model, _mended(draft)))


def _mended(draft: Draft) -> ModelSpec:
    card = find_card(draft.data.dataset)
    return repair(draft.model, card.shape, len(card.classes))


def _fault_of(draft: Draft) -> object:
    """All that is said of a fault, and where; None where there is none."""
    _layers, error = traced(draft)
    return error and (error.layer, str(error), describe_repair(draft.model, _mended(draft)))


# --- widgets whose callback edits the draft ---

Setter = Callable[[Draft, Any], Draft]


def _setter(part: Part, block_id: int, name: str) -> Setter:
    def change(draft: Draft, value: Any) -> Draft:
        # A click may arrive after its block has gone, by undo or in another tab's wake: then there is nothing to do.
        gone = block_id not in (draft.conv_ids if part == "convs" else draft.dense_ids)
        return draft if gone else draft.with_block(part, block_id, **{name: value})

    return change


def _on_change(key: str, setter: Setter) -> Callable[[], None]:
    return lambda: edit(lambda draft: setter(draft, st.session_state[key]), hand=key)


class _Slider(NamedTuple):
    """What a slider on the page chooses from, and what a choice does."""

    options: Sequence[Any]
    setter: Setter


_SLIDERS = "_sliders"  # where a session keeps those on its page, by key


def _steps(label: str, options: Sequence[Any], value: Any, name: str, key: str, setter: Setter, **more: Any) -> None:
    """A slider over fixed steps; a value from a link or a preset that is no step becomes one."""
    if value not in options:
        options = sorted([*options, value], key=lambda option: (isinstance(option, int), option))
    st.session_state[_SLIDERS][key] = _Slider(options, setter)
    st.select_slider(label, options, value=value, key=key, help=HELP[name], on_change=_on_change(key, setter), **more)


def _choice(label: str, options: dict[str, str], value: str, name: str, key: str, setter: Setter) -> None:
    st.segmented_control(
        label,
        list(options),
        default=value,
        required=True,
        key=key,
        format_func=options.__getitem__,
        help=HELP[name],
        on_change=_on_change(key, setter),
    )


def _switch(label: str, value: bool, name: str, key: str, setter: Setter) -> None:
    st.toggle(label, value=value, key=key, help=HELP[name], on_change=_on_change(key, setter))


def _dropout(value: float, key: str, setter: Setter) -> None:
    def change(draft: Draft, percent: int) -> Draft:
        return setter(draft, percent / 100)

    _steps("Dropout", DROPOUTS, round(100 * value), "dropout", key, change, format_func=lambda percent: f"{percent} %")
