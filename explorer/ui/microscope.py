"""The microscope on the current network: one map or unit of one layer, and the calculation behind every number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.data.cards import find_card
from explorer.figures.theme import Scale
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.spec import Activation
from explorer.ui import cache, sidebar
from explorer.ui.components.microscope import microscope

BRIGHT = ("relu", "sigmoid")


def show(
    network: Known,
    pixels: np.ndarray,
    layer: str,
    number: int,
    *,
    key: str,
    reveal: bool = False,
    on_choose: Callable[[int], None] | None = None,
) -> None:
    """Map or unit ``number`` of ``layer`` for a digit, uint8 (C, H, W). Nothing where the network has no weights yet.

    With ``reveal`` the page scrolls there. ``on_choose`` is a callback with the number of another unit that the reader
    picked. Raises SpecError for a layer or a number that the network does not have.
    """
    outputs = sidebar.answer(network, pixels)
    if outputs is None:
        return
    from explorer.analysis.section import section

    card = find_card(network.spec.data.dataset)
    layers = trace(network.spec.model, card.shape, len(card.classes))
    opened = cache.network(network.id, network.version)
    cut = section(opened, layers, cache.normalised(card.name, pixels.tobytes()), outputs, layer, number)
    chosen = next(one for one in layers if one.name == layer)
    scale = scale_of(chosen, outputs[layer])
    microscope(cut, key=key, scale=scale, classes=card.classes, reveal=reveal, on_choose=on_choose)


def scale_of(layer: LayerShape, values: np.ndarray) -> Scale:
    """Values that can't be negative are brightness, as in the digit itself; all others have a sign."""
    positive = isinstance(layer.layer, Activation) and layer.layer.function in BRIGHT
    return "brightness" if positive or not (values < 0).any() else "signed"
