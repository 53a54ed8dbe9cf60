"""What is opened once for all sessions: data sets, networks, and what a network makes of digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import streamlit as st

from explorer import networks
from explorer.data.cards import find_card
from explorer.networks import Known

if TYPE_CHECKING:
    from explorer.analysis import Evaluation
    from explorer.data import Dataset
    from explorer.models import Network
    from explorer.training.snapshots import Moment


class _Clearable(Protocol):
    def clear(self) -> None: ...


_Cached = TypeVar("_Cached", bound=_Clearable)
_derived: list[_Clearable] = []
_fingerprints: dict[str, str] = {}


def of_images(cached: _Cached) -> _Cached:
    """Marks a cached function that is computed from a data set's images by the set's name: what it holds is forgotten
    when other images are there, as after "Get all 70,000"."""
    _derived.append(cached)
    return cached


@st.cache_resource(show_spinner="Opening the images …", ttl=3600, max_entries=16)
def dataset(name: str) -> Dataset:
    """The data set, its images memory-mapped."""
    from explorer.data import load

    found = load(name)
    if _fingerprints.setdefault(name, found.fingerprint) != found.fingerprint:
        _fingerprints[name] = found.fingerprint
        for cached in _derived:
            cached.clear()
    return found


@st.cache_data(show_spinner=False)
def devices() -> dict[str, str]:
    """The devices that this machine has, by the names that a recipe uses."""
    from explorer.training.device import available

    return available()


@st.cache_resource(ttl=1.0, show_spinner=False)
def known_networks() -> tuple[Known, ...]:
    return networks.known()


@st.cache_resource(show_spinner="Opening the network …", max_entries=32)
def network(network_id: str, version: str) -> Network:
    """The trained network in evaluation mode; ``version`` changes with its weights, and has the moment of its training
    where it is not the end (see :meth:`explorer.networks.Known.at`)."""
    return networks.load_version(network_id, version)


@st.cache_resource(ttl=2.0, max_entries=256, show_spinner=False)
def moments(network_id: str, version: str) -> tuple[Moment, ...]:  # noqa: ARG001 version is the key
    """The snapshots of a network's training, by step, without one of its end."""
    return networks.moments(networks.find(network_id))


@of_images
@st.cache_resource(show_spinner="Reading the test set …", max_entries=32)
def evaluation(network_id: str, version: str, dataset_name: str) -> Evaluation:
    """The network's answers to the whole test set."""
    from explorer.analysis import evaluate

    data = dataset(dataset_name)
    return evaluate(network(network_id, version), data.test.pixels, data.test.labels, data.card)


@st.cache_data(show_spinner=False, max_entries=256)
def activations(network_id: str, version: str, dataset_name: str, pixels: bytes) -> dict[str, np.ndarray]:
    """What every layer makes of one image, given as the bytes of its uint8 pixels (C, H, W)."""
    from explorer.analysis import activations as run

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return run(network(network_id, version), image, card)


@st.cache_data(show_spinner=False, max_entries=256)
def normalised(dataset_name: str, pixels: bytes) -> np.ndarray:
    """An image, given as the bytes of its uint8 pixels, as every network gets it: float32 (C, H, W)."""
    import torch

    from explorer.data.tensors import normalise

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return normalise(torch.tensor(image[None]), card)[0].numpy()


@st.cache_data(show_spinner=False, max_entries=256)
def kernels(network_id: str, version: str, layer: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A convolution's kernels, float32 (kernels, C, k, k), and its biases (kernels,) or None."""
    module = network(network_id, version).get_submodule(layer)
    bias = module.bias
    return module.weight.detach().numpy(), None if bias is None else bias.detach().numpy()  # type: ignore[operator]
