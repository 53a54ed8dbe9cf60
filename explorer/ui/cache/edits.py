"""Networks changed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.edits import from_json
from explorer.shapes import trace
from explorer.ui.cache.opened import dataset, network, of_images

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.analysis import Evaluation
    from explorer.models import Network


@st.cache_resource(show_spinner=False, max_entries=16)
def changed(network_id: str, version: str, edits: str) -> Network:
    """A copy of the network with edits, given as JSON."""
    from explorer.analysis import change

    return change.changed(network(network_id, version), from_json(edits))


@of_images
@st.cache_resource(show_spinner=False, max_entries=2)  # 50 MB each
def kept(network_id: str, version: str, dataset_name: str, every: int, place: int) -> Tensor:
    """The input of the layer at ``place`` for every so many-th test image, counted from the first."""
    from explorer.analysis import change

    data = dataset(dataset_name)
    return change.keep(network(network_id, version), data.test.pixels[::every], data.card, place)


@of_images
@st.cache_resource(show_spinner="Reading the test images …", max_entries=128)
def answers(network_id: str, version: str, edits: str, dataset_name: str, every: int) -> Evaluation:
    """The answers of a network with edits, given as JSON, to every so many-th test image."""
    from explorer.analysis import change

    data = dataset(dataset_name)
    pixels, labels = data.test.pixels[::every], data.test.labels[::every]
    done = from_json(edits)
    if not done:
        return change.answers(network(network_id, version), labels, pixels=pixels, card=data.card)
    model = changed(network_id, version, edits)
    layers = trace(model.spec, model.input_shape, model.classes)
    place = change.place_to_keep(layers, change.first_layer(model, done), len(pixels))
    before = kept(network_id, version, dataset_name, every, place) if place else None
    return change.answers(model, labels, pixels=pixels, card=data.card, kept=before, place=place)


@st.cache_data(show_spinner=False, max_entries=256)
def changed_probabilities(network_id: str, version: str, edits: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """The probabilities (classes,) of a network with edits for an image, given as the bytes of its uint8 pixels."""
    from explorer.analysis import activations as run

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return run(changed(network_id, version, edits), image, card)["probabilities"]
