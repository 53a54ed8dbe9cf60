"""What every chapter works on: the bundled network of the article and the reader's current digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from explorer import networks
from explorer.data.cards import DataCard, find_card
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.ui import cache, sidebar

if TYPE_CHECKING:
    from explorer.analysis import Evaluation
    from explorer.data import Dataset

NETWORK = "article"


@dataclass(frozen=True, eq=False)
class Scene:
    """``pixels`` uint8 (C, H, W) with true class ``label`` (None: the reader's own digit); ``outputs``: what each layer
    makes of it, and ``probabilities``. Data set and answers to its test images take time, so they come when asked."""

    network: Known
    card: DataCard
    layers: tuple[LayerShape, ...]
    pixels: np.ndarray
    label: int | None
    outputs: Mapping[str, np.ndarray]
    dataset: Callable[[], Dataset]
    evaluation: Callable[[], Evaluation]

    def layer(self, name: str) -> LayerShape:
        return next(layer for layer in self.layers if layer.name == name)

    @property
    def logits(self) -> np.ndarray:
        """(classes,), float64."""
        return self.outputs["output"].astype(np.float64)

    @property
    def guess(self) -> int:
        """The class that the network reads."""
        return int(self.outputs["probabilities"].argmax())


def now() -> Scene:
    """The scene of this session at this moment."""
    listed = {network.id: network for network in cache.known_networks()}
    network = listed.get(NETWORK) or networks.find(NETWORK)
    card = find_card(network.spec.data.dataset)
    pixels, label = sidebar.current_digit(network)
    return Scene(
        network=network,
        card=card,
        layers=trace(network.spec.model, card.shape, len(card.classes)),
        pixels=pixels,
        label=label,
        outputs=cast(Mapping[str, np.ndarray], sidebar.answer(network, pixels)),
        dataset=partial(cache.dataset, card.name),
        evaluation=partial(cache.evaluation, network.id, network.version, card.name),
    )
