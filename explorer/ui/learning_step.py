"""One step of learning: a single weight, its gradient, the optimiser's arithmetic, the new value."""

from __future__ import annotations

from math import prod

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard
from explorer.figures.theme import count
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.spec import Affine, BatchNorm, Conv, Output
from explorer.training.one_step import Difference, Memory, fresh
from explorer.training.schedule import Rate
from explorer.training.updates import SYMBOLS, Update, update
from explorer.ui import cache, html, shell
from explorer.ui.summaries import OPTIMIZERS
from explorer.ui.text import number

BATCHES = (8, 32, 64, 128, 256)
REMEMBERED = {
    "momentum_buffer": (SYMBOLS["buffer"], "the direction of the steps so far"),
    "exp_avg": (SYMBOLS["first"], "running mean of the gradients"),
    "exp_avg_sq": (SYMBOLS["second"], "running mean of their squares"),
    "step": (SYMBOLS["step"], "steps taken"),
}
KINK = 1e-3
"""A relative difference that is neither rounding nor the curve's bend, in float64."""
FAINT = 0.01
"""At less than this share of the recipe's learning rate a step is hardly seen."""
_CHECKED = "step-checked"

Batch = tuple[bytes, tuple[int, ...]]
"""The pixels' bytes, uint8 (N, C, H, W), and the classes."""


@shell.fragment()
def show(network: Known, card: DataCard, pixels: np.ndarray, label: int | None) -> None:
    """The tab, for the digit ``pixels``, uint8 (C, H, W), of class ``label`` (None: the user's own)."""
    st.markdown(
        "Learning is this, for every weight at once, thousands of times: how does the loss change with the weight, "
        "and one step the other way. Take one weight and check the arithmetic."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="step-batch"):
        batch = _batch(network, card, pixels, label)
    traced = trace(network.spec.model, card.shape, len(card.classes))
    layers = {layer.name: layer for layer in traced if layer.parameters}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="step-weight"):
        layer = layers[st.selectbox("Layer", list(layers), key=f"step-layer-{network.id}", width=150)]
        kinds = ["weight", "bias"] if not isinstance(layer.layer, Conv) or layer.layer.bias else ["weight"]
        kind = st.segmented_control(
            "Parameter",
            kinds,
            default="weight",
            required=True,
            format_func=lambda one: _kind(layer, one),
            key=f"step-kind-{layer.name}-{len(kinds)}",
        )
        parameter = f"{layer.name}.{kind}"
        loss, slopes = cache.gradient(network.id, network.version, card.name, parameter, *batch, _smoothing(network))
        index = _index(layer, str(kind), slopes)
    if _is_missing(layer, index):
        st.info(f"Kernel {index[0]} does not see input map {index[1]}: there is no such weight.")
        return
    if _frozen(network, layer, parameter, index):
        st.info(
            f"The recipe freezes this kernel: training puts it back after every step. The loss is {number(loss)}, its "
            f"gradient by this weight {number(float(slopes[index]))}, and nothing follows from it.",
            icon=":material/ac_unit:",
        )
        return
    memory, rate = _memory(network)
    value = float(cache.parameter(network.id, network.version, parameter)[index])
    found = update(
        network.spec.train,
        rate,
        value=value,
        gradient=float(slopes[index]),
        memory=memory.at(parameter, index) if memory.tensors else {},
    )
    _result(network, found, rate, loss)
    _check(network, card, parameter, index, batch)


# --- choosing ---


def _batch(network: Known, card: DataCard, pixels: np.ndarray, label: int | None) -> Batch:
    what = st.segmented_control(
        "The loss is that of",
        ["digit", "batch"],
        default="digit",
        required=True,
        format_func={"digit": "this image", "batch": "a batch"}.__getitem__,
        key="step-source",
        persist_state="session",
    )
    if what == "batch":
        size = st.select_slider("First training images", BATCHES, value=32, key="step-size", width=240)
        return cache.first_training(card.name, network.spec.data, int(size))
    if label is None:
        label = st.selectbox(
            f"Your own {card.thing} is a",
            range(len(card.classes)),
            format_func=card.classes.__getitem__,
            key=f"step-class-{card.name}",
            width=150,
        )
    return pixels.tobytes(), (int(label),)


def _kind(layer: LayerShape, kind: str) -> str:
    if isinstance(layer.layer, BatchNorm | Affine):
        return {"weight": "scale", "bias": "shift"}[kind]
    return kind


def _axes(layer: LayerShape, kind: str) -> tuple[str, ...]:
    """What the parameter's dimensions are."""
    match layer.layer:
        case Conv():
            every: tuple[str, ...] = ("Kernel", "Input map", "Row", "Column")
        case BatchNorm() | Affine():
            every = ("Map",) if len(layer.output) == 3 else ("Unit",)
        case Output():
            every = ("Class", "Input")
        case _:
            every = ("Unit", "Input")
    return every if kind == "weight" else every[:1]


def _index(layer: LayerShape, kind: str, slopes: np.ndarray) -> tuple[int, ...]:
    axes = _axes(layer, kind)
    # A size in each key: a number that is too large for another network never meets it.
    keys = [f"step-{layer.name}-{axis}-{size}" for axis, size in zip(axes, slopes.shape, strict=True)]
    index = tuple(
        int(st.number_input(axis, 0, size - 1, step=1, key=key, width=110))
        for axis, size, key in zip(axes, slopes.shape, keys, strict=True)
    )
    best = np.unravel_index(int(np.abs(slopes).argmax()), slopes.shape)
    st.button(
        "Strongest gradient",
        key="step-strongest",
        help=f"Of the {count(_many(layer, slopes))} in this parameter, the one with the steepest slope.",
        on_click=_take,
        args=(dict(zip(keys, map(int, best), strict=True)),),
    )
    return index


def _many(layer: LayerShape, slopes: np.ndarray) -> int:
    """How many numbers the parameter has, without connections that are missing."""
    table = layer.layer.connections if isinstance(layer.layer, Conv) else None
    if table is None or slopes.ndim == 1:
        return int(slopes.size)
    return sum(map(len, table)) * int(prod(slopes.shape[2:]))


def _is_missing(layer: LayerShape, index: tuple[int, ...]) -> bool:
    return isinstance(layer.layer, Conv) and len(index) > 1 and not layer.layer.sees(index[0], index[1])


def _take(numbers: dict[str, int]) -> None:
    st.session_state.update(numbers)


def _frozen(network: Known, layer: LayerShape, parameter: str, index: tuple[int, ...]) -> bool:
    first = next((place for place, one in enumerate(network.spec.model.layers) if isinstance(one, Conv)), None)
    frozen = len(network.spec.train.frozen_kernels)
    return layer.index == first and parameter.endswith(".weight") and index[0] < frozen


def _smoothing(network: Known) -> float:
    return network.spec.train.label_smoothing


# --- the optimiser ---


def _memory(network: Known) -> tuple[Memory, Rate]:
    """The optimiser's memory, and the rate that the reader chooses; both with a sentence on where they come from."""
    recipe = network.spec.train
    new = fresh(recipe)
    now = network.kind == "run" and network.snapshot is None
    kept = cache.optimizer_memory(network.id, network.version) if now else None
    optimizer = OPTIMIZERS[recipe.optimizer]
    if kept is None:
        why = (
            "A snapshot"
            if network.snapshot is not None
            else "A bundled network"
            if network.kind == "zoo"
            else "A network edited by hand"
            if network.edited
            else "An imported network"
            if network.imported
            else "This run has no checkpoint any more: it"
        )
        st.caption(
            f"{why} comes without its optimiser's memory. {optimizer} is fresh here, as at step 1, "
            f"at the recipe's learning rate of {number(new.rate.learning_rate)}."
        )
        return new, new.rate
    later = network.spec.train.patience is not None and network.state == "finished"
    best = " The weights are those of the best epoch, which may be an earlier one." if later else ""
    st.caption(f"{optimizer}, with its memory after step {count(kept.steps)} of this run.{best}")
    chosen = st.segmented_control(
        "Learning rate",
        ["schedule", "highest"],
        default="schedule" if kept.rate.learning_rate >= FAINT * recipe.learning_rate else "highest",
        required=True,
        format_func={
            "schedule": f"{number(kept.rate.learning_rate)}, at this step",
            "highest": f"{number(recipe.learning_rate)}, the recipe's highest",
        }.__getitem__,
        key=f"step-rate-{network.id}",
        help="At the end of a schedule the learning rate is close to 0, and so is the step.",
    )
    return kept, kept.rate if chosen == "schedule" else kept.rate._replace(learning_rate=recipe.learning_rate)


# --- the arithmetic ---


def _result(network: Known, found: Update, rate: Rate, loss: float) -> None:
    recipe = network.spec.train
    smoothed = f", label smoothing {recipe.label_smoothing:g}" if recipe.label_smoothing else ""
    given = [
        ("loss", f"cross-entropy{smoothed}, mean over the images", number(loss)),
        ("w", "the weight", number(found.value)),
        ("g", "its gradient: how the loss grows with it", number(found.gradient)),
        (SYMBOLS["rate"], "learning rate", number(rate.learning_rate)),
    ]
    if recipe.weight_decay:
        given.append((SYMBOLS["decay"], "weight decay", number(recipe.weight_decay)))
    for key, value in found.before.items():
        symbol, about = REMEMBERED[key]
        given.append((symbol, f"remembered: {about}", number(value)))
    with st.columns([1, 1])[0]:
        st.html(html.table(("Term", "What it is", "Value"), given, caption="Before", numeric=(2,)))
    caption = "The step, line by line"
    rows = [(line.name, line.symbols(), line.numbers(number), number(line.result), line.about) for line in found.lines]
    st.html(html.table(("Term", "Formula", "In numbers", "Result", "What it is"), rows, caption=caption, numeric=(3,)))
    change = found.new - found.value
    digits = _digits(found.value, found.new)
    st.markdown(
        f"w goes from **{number(found.value, digits)}** to **{number(found.new, digits)}**, "
        f"a change of **{number(change)}**. "
        f"By this weight alone the loss would change by about gradient × change = {number(found.gradient * change)}."
    )
    if found.after:
        told = ", ".join(f"{REMEMBERED[key][0]} = {number(value)}" for key, value in found.after.items())
        st.caption(f"Remembered for the next step: {told}.")
    if found.gradient == 0:
        st.caption(
            "The gradient is exactly 0: the loss does not depend on this weight here. A ReLU that is off or a maximum "
            "that lost stands between, or its input is 0."
        )
    st.caption(
        "Computed in evaluation mode: dropout off, batch normalisation with its running statistics, no augmentation."
    )


def _digits(old: float, new: float) -> int:
    """Significant digits in which two different numbers differ, as far as float32 has any."""
    return next((digits for digits in range(6, 9) if number(old, digits) != number(new, digits)), 9)


# --- the check ---


def _check(network: Known, card: DataCard, parameter: str, index: tuple[int, ...], batch: Batch) -> None:
    token = (network.id, network.version, parameter, index, hash(batch))

    def ask() -> None:
        st.session_state[_CHECKED] = token

    st.button("Check by finite difference", key="step-check", icon=":material/straighten:", on_click=ask)
    if st.session_state.get(_CHECKED) != token:
        return
    found: Difference = cache.finite_difference(
        network.id, network.version, card.name, parameter, index, *batch, _smoothing(network)
    )
    rows = [
        ("f(w + h)", f"loss with w + {number(found.h)}", number(found.above, 12)),
        ("f(w − h)", f"loss with w − {number(found.h)}", number(found.below, 12)),
        ("(f(w + h) − f(w − h)) / 2h", "slope between them", number(found.slope, 9)),
        ("g", "gradient by autograd, in float64", number(found.gradient, 9)),
        ("difference", "absolute", number(found.absolute)),
        ("", "as a share of the larger", number(found.relative)),
    ]
    with st.columns([1.2, 1])[0]:
        st.html(html.table(("", "", ""), rows, caption="Two more losses, in float64", numeric=(2,)))
    if found.relative > KINK and found.absolute > KINK * abs(found.h):
        st.caption(
            "They differ: a ReLU turns on, or another maximum wins, between w − h and w + h. At such a kink the slope "
            "jumps, and autograd takes one side's."
        )
