"""What the builder says of a draft: of each block in one line, what comes out of it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.blocks import ConvBlock, DenseBlock, Place, place
from explorer.data.cards import find_card
from explorer.draft import Draft
from explorer.errors import SpecError
from explorer.figures.theme import shape_text
from explorer.shapes import LayerShape, describe_repair, partial, repair
from explorer.spec import ModelSpec

ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "gelu": "GELU",
    "tanh": "tanh",
    "scaled_tanh": "LeCun's tanh",
    "sigmoid": "sigmoid",
    "none": "none",
}
OPTIMIZERS = {
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "adam": "Adam",
    "adamw": "AdamW",
}


def traced(draft: Draft) -> tuple[tuple[LayerShape, ...], SpecError | None]:
    """The layers of the draft as far as they work, and what is wrong with the next one."""
    card = find_card(draft.data.dataset)
    return partial(draft.model, card.shape, len(card.classes))


def summary(block: ConvBlock | DenseBlock) -> str:
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


def outcomes(draft: Draft) -> dict[int, str]:
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


def mended(draft: Draft) -> ModelSpec:
    """The nearest network that works."""
    card = find_card(draft.data.dataset)
    return repair(draft.model, card.shape, len(card.classes))


def fitted(draft: Draft) -> Draft:
    """The draft with that network."""
    return draft.with_model(mended(draft))


def fault(draft: Draft) -> object:
    """All that is said of a fault, and where; None where there is none."""
    _layers, error = traced(draft)
    return error and (error.layer, str(error), describe_repair(draft.model, mended(draft)))
