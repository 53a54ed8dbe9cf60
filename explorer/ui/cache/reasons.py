"""Why a network answers so: attribution, flips, digits that look alike, corrupted digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import zoo
from explorer.data.cards import find_card
from explorer.ui.cache.opened import dataset, evaluation, network, normalised, of_images

if TYPE_CHECKING:
    from explorer.analysis.attribution import Attribution
    from explorer.analysis.flips import Flip
    from explorer.models import Network
    from explorer.zoo import Corrupted


@st.cache_resource(show_spinner="Loading the methods …")
def load_captum() -> None:
    """Imports captum, which takes seconds and is needed nowhere else."""
    import captum.attr  # noqa: F401


@st.cache_resource(show_spinner=False, max_entries=32)
def random_network(network_id: str, version: str) -> Network:
    """A network's architecture with random weights, always the same ones."""
    from explorer.analysis.attribution import random_weights

    return random_weights(network(network_id, version))


@st.cache_data(show_spinner=False, max_entries=1024)
def attribution(
    network_id: str,
    version: str,
    dataset_name: str,
    pixels: bytes,
    target: int,
    method: str,
    layer: str | None,
    random: bool,
) -> Attribution:
    """What one class's logit rests on for an image, given as the bytes of its uint8 pixels (C, H, W), in the network
    or, with ``random``, in its architecture with random weights."""
    from explorer.analysis.attribution import attribute

    card = find_card(dataset_name)
    model = random_network(network_id, version) if random else network(network_id, version)
    return attribute(model, normalised(dataset_name, pixels), target, method, card, layer=layer)


@st.cache_data(show_spinner=False, max_entries=2048)
def probabilities(network_id: str, version: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """A network's probabilities (K,) for one image, given as the bytes of its uint8 pixels (C, H, W)."""
    import torch

    model = network(network_id, version)
    with torch.inference_mode():
        logits = model(torch.from_numpy(normalised(dataset_name, pixels)[None]))
    shares: np.ndarray = logits[0].double().softmax(0).numpy()
    return shares


@st.cache_resource(show_spinner="Changing the image step by step …", max_entries=256)
def flip(network_id: str, version: str, dataset_name: str, pixels: bytes, wanted: int | None, name: str) -> Flip:
    """The smallest change of a kind that turns the answer to one image, given as the bytes of its uint8 pixels."""
    from explorer.analysis.flips import smallest

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return smallest(network(network_id, version), image, wanted, card, name)


@of_images
@st.cache_data(show_spinner=False, max_entries=256)
def look_alikes(
    network_id: str, version: str, dataset_name: str, pixels: bytes, without: int | None, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The test images, of those that the network reads right, that look most like one, given as the bytes of its uint8
    pixels: numbers and distances. ``without`` is its own number."""
    from explorer.analysis.neighbours import look_alikes as find

    card = find_card(dataset_name)
    found = evaluation(network_id, version, dataset_name)
    right = np.flatnonzero(found.labels == found.predictions)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return find(image, dataset(dataset_name).test.pixels, right[right != without], count)


@st.cache_data(show_spinner=False, max_entries=64)
def corrupted_card(name: str, version: str) -> Corrupted | None:  # noqa: ARG001 version is the key
    """What a bundled network's card says of its accuracy under corruptions."""
    return zoo.card(name).corrupted


@st.cache_data(show_spinner=False, max_entries=128)
def harder(
    network_id: str, version: str, dataset_name: str, pixels: bytes, label: int, trial: str, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """One image, given as the bytes of its uint8 pixels, at each amount of a trial: brightness (A, C, H, W), and the
    network's probabilities (A, K)."""
    from explorer.analysis.robust import examples

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return examples(network(network_id, version), image, label, card, trial, number)
