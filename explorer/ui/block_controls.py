"""The builder's controls of a block. Every one edits the draft in its callback; sliders do while they are dragged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import streamlit as st

from explorer.blocks import ConvBlock, DenseBlock
from explorer.draft import Draft, Part
from explorer.ui.redraw import edit
from explorer.ui.summaries import ACTIVATIONS

KERNELS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512)
KERNEL_SIZES = tuple(range(1, 12))
STRIDES = (1, 2, 3, 4)
PADDINGS: tuple[str | int, ...] = ("valid", "same", 1, 2, 3, 4, 5)
POOL_SIZES = (2, 3, 4, 5, 6, 7)
POOL_STRIDES = (1, 2, 3, 4)
DROPOUTS = tuple(range(0, 95, 5))  # per cent
UNITS = (8, 10, 16, 24, 32, 48, 64, 84, 96, 120, 128, 192, 256, 384, 512, 768, 1024)
POOLS = {"none": "none", "max": "max", "average": "average"}

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

Setter = Callable[[Draft, Any], Draft]
_SLIDERS = "_sliders"  # where a session keeps those on its page, by key


class _Slider(NamedTuple):
    """What a slider on the page chooses from, and what a choice does."""

    options: Sequence[Any]
    setter: Setter


def forget() -> None:
    """Before the controls are drawn again: none is on the page."""
    st.session_state[_SLIDERS] = {}


def follow(slider: str, step: int, done: bool) -> None:
    """For callbacks: a slider of a block is dragged to one of its steps, and may have been let go there."""
    known = st.session_state.get(_SLIDERS, {}).get(slider)
    if known and 0 <= step < len(known.options):
        edit(lambda draft: known.setter(draft, known.options[step]), hand=slider, held=not done)


def convolution(block_id: int, block: ConvBlock) -> None:
    """Of a convolution: four sliders, and the rest in a folder."""

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
        _activation("convs", block_id, block.activation)
        _switch(
            "Batch normalisation",
            block.batch_norm,
            "batch_norm",
            f"batch_norm-{block_id}",
            _setter("convs", block_id, "batch_norm"),
        )
        choice("Pooling", POOLS, block.pool, "pool", f"pool-{block_id}", _setter("convs", block_id, "pool"))
        if block.pool != "none":
            left, right = st.columns(2, gap="medium", wrap=False)
            with left:
                steps("Pooling window", "pool_size", POOL_SIZES, format_func=lambda size: f"{size} × {size}")
            with right:
                steps("Pooling stride", "pool_stride", POOL_STRIDES)
        _dropout(block.dropout, f"dropout-{block_id}", _setter("convs", block_id, "dropout"))


def dense(block_id: int, block: DenseBlock) -> None:
    """Of a fully connected layer."""
    _steps("Units", UNITS, block.units, "units", f"units-{block_id}", _setter("dense", block_id, "units"))
    with st.expander("Activation and dropout", key=f"more-{block_id}", on_change="rerun") as folder:
        if not folder.open:
            return
        _activation("dense", block_id, block.activation)
        _dropout(block.dropout, f"dropout-{block_id}", _setter("dense", block_id, "dropout"))


def _activation(part: Part, block_id: int, value: str) -> None:
    setter = _setter(part, block_id, "activation")
    choice("Activation", ACTIVATIONS, value, "activation", f"activation-{block_id}", setter)


def _setter(part: Part, block_id: int, name: str) -> Setter:
    def change(draft: Draft, value: Any) -> Draft:
        # A click may arrive after its block has gone, by undo or in another tab's wake: then there is nothing to do.
        gone = block_id not in (draft.conv_ids if part == "convs" else draft.dense_ids)
        return draft if gone else draft.with_block(part, block_id, **{name: value})

    return change


def _on_change(key: str, setter: Setter) -> Callable[[], None]:
    return lambda: edit(lambda draft: setter(draft, st.session_state[key]), hand=key)


def _steps(label: str, options: Sequence[Any], value: Any, name: str, key: str, setter: Setter, **more: Any) -> None:
    """A slider over fixed steps; a value from a link or a preset that is no step becomes one."""
    if value not in options:
        options = sorted([*options, value], key=lambda option: (isinstance(option, int), option))
    st.session_state[_SLIDERS][key] = _Slider(options, setter)
    st.select_slider(label, options, value=value, key=key, help=HELP[name], on_change=_on_change(key, setter), **more)


def choice(label: str, options: dict[str, str], value: str, name: str, key: str, setter: Setter) -> None:
    """One of a few, all in sight; ``name`` is the help's in :data:`HELP`."""
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
