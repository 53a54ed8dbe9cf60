"""One step of learning: parameters, gradients, what the optimiser remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.spec import DataSpec
from explorer.ui.cache.opened import dataset, network, of_images

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.training.one_step import Difference, Memory


@of_images
@st.cache_data(show_spinner=False, max_entries=32)
def first_training(dataset_name: str, chosen: DataSpec, number: int) -> tuple[bytes, tuple[int, ...]]:
    """The first images that a run trains on: the bytes of their pixels, uint8 (N, C, H, W), and their classes."""
    from explorer.data import split

    data = dataset(dataset_name)
    indices = split(data, chosen).train[:number]
    return np.asarray(data.train.pixels[indices]).tobytes(), tuple(data.train.labels[indices].tolist())


@st.cache_resource(show_spinner=False, max_entries=8)
def parameter(network_id: str, version: str, name: str) -> np.ndarray:
    """A parameter of the network by its name, float32."""
    values: np.ndarray = network(network_id, version).get_parameter(name).detach().numpy()
    return values


@st.cache_resource(show_spinner=False, max_entries=8)
def gradient(
    network_id: str,
    version: str,
    dataset_name: str,
    name: str,
    pixels: bytes,
    labels: tuple[int, ...],
    smoothing: float,
) -> tuple[float, np.ndarray]:
    """The loss on images, given as the bytes of their uint8 pixels, and its gradient by a parameter, float32."""
    from explorer.training import one_step

    images, classes = _labelled(dataset_name, pixels, labels)
    model = network(network_id, version)
    loss, slopes = one_step.gradient(model, name, images, classes, smoothing=smoothing)
    return loss, slopes.numpy()


@st.cache_data(show_spinner="Two more losses …", max_entries=64)
def finite_difference(
    network_id: str,
    version: str,
    dataset_name: str,
    name: str,
    index: tuple[int, ...],
    pixels: bytes,
    labels: tuple[int, ...],
    smoothing: float,
) -> Difference:
    """The loss's slope by one weight from its values on both sides, beside the gradient, in float64."""
    from explorer.training import one_step

    images, classes = _labelled(dataset_name, pixels, labels)
    model = network(network_id, version)
    return one_step.finite_difference(model, name, index, images, classes, smoothing=smoothing)


@st.cache_resource(show_spinner="Opening the checkpoint …", max_entries=4)
def optimizer_memory(run_id: str, version: str) -> Memory | None:  # noqa: ARG001 version is the key
    """What the optimiser remembers in a run's newest checkpoint; None where there is none."""
    from explorer.training import one_step

    return one_step.recall(run_id)


def _labelled(dataset_name: str, pixels: bytes, labels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Normalised images float32 (N, C, H, W) and their classes int64 (N,)."""
    import torch

    from explorer.data import as_tensor, normalise

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), *card.shape)
    return normalise(as_tensor(images), card), torch.tensor(labels)
