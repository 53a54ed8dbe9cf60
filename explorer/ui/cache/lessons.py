"""What the lessons compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.runs import service
from explorer.runs.records import RunRecord
from explorer.spec import DataSpec
from explorer.ui.cache.digits import network_splits
from explorer.ui.cache.opened import dataset, kernels, network, of_images

if TYPE_CHECKING:
    from explorer.ui.lessons.step import Descent


@st.cache_data(show_spinner=False, max_entries=256)
def convolved(
    network_id: str,
    version: str,
    layer: str,
    number: int,
    stride: int,
    padding: int,
    dataset_name: str,
    pixels: bytes,
) -> np.ndarray:
    """The map (h, w) of one kernel of the first convolution on one image, slid with another stride and padding."""
    import torch
    from torch.nn import functional as F

    from explorer.analysis.capture import to_input

    card = find_card(dataset_name)
    weights, bias = kernels(network_id, version, layer)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(1, *card.shape)
    with torch.inference_mode():
        inputs = to_input(network(network_id, version), image, card)
        offset = None if bias is None else torch.tensor(bias[[number]])
        maps = F.conv2d(inputs, torch.tensor(weights[[number]]), offset, stride=stride, padding=padding)
    return maps[0, 0].numpy().copy()


@of_images
@st.cache_data(show_spinner=False, max_entries=128)
def descent(
    network_id: str, version: str, dataset_name: str, pixels: bytes, label: int, rates: tuple[float, ...]
) -> Descent:
    """One step of gradient descent on one image, with each of the rates, and what it does to 100 validation images."""
    from explorer.ui.lessons.step import descend

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    train = dataset(dataset_name).train
    numbers = network_splits(dataset_name, DataSpec(dataset=dataset_name)).validation[:100]
    others = np.asarray(train.pixels[numbers]), np.asarray(train.labels[numbers])
    return descend(network(network_id, version), image, label, card, rates, others)


@st.cache_data(ttl=0.4, show_spinner=False)
def runs_of(specs: tuple[str, ...]) -> tuple[RunRecord | None, ...]:
    """For each spec, given as JSON, the run of exactly that spec, or None: a finished one before an active one before
    any other, of equals the newest."""
    service.dispatch()
    found: dict[str, list[RunRecord]] = {}
    for record in service.local().store.list():
        found.setdefault(record.spec_json, []).append(record)

    def rank(record: RunRecord) -> int:
        return 0 if record.state == "finished" else 1 if record.active else 2

    return tuple(min(found.get(spec, []), key=rank, default=None) for spec in specs)
