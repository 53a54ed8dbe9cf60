"""The data set itself, and where its digits lie in a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.data.splits import Splits, split, stratified_sample
from explorer.spec import DataSpec
from explorer.ui.cache.opened import dataset, network, of_images

if TYPE_CHECKING:
    from explorer.ui.components import Sprites


@of_images
@st.cache_data(show_spinner="Averaging the images …", max_entries=4)
def class_pictures(dataset_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each class's training images, (K, C, H, W) float32 each, in grey levels."""
    from explorer.analysis.collection import class_pictures as run

    data = dataset(dataset_name)
    return run(data.train.pixels, data.train.labels, len(data.card.classes))


@of_images
@st.cache_resource(show_spinner=False, max_entries=16)
def network_splits(dataset_name: str, chosen: DataSpec) -> Splits:
    """Which training images a network learns from and which validate."""
    return split(dataset(dataset_name), chosen)


@of_images
@st.cache_data(show_spinner=False, max_entries=32)
def test_sample(dataset_name: str, count: int) -> np.ndarray:
    """The numbers of ``count`` test images, each class with its share: int64, rising."""
    return stratified_sample(dataset(dataset_name).test.labels, count)


@of_images
@st.cache_resource(show_spinner=False, max_entries=4)
def sample_sprites(dataset_name: str, count: int) -> Sprites:
    """The pictures of :func:`test_sample` on one sheet."""
    from explorer.ui.components import sprites

    return sprites(np.asarray(dataset(dataset_name).test.pixels[test_sample(dataset_name, count)]))


@of_images
@st.cache_resource(show_spinner="Making the map …", max_entries=32)
def pca_points(
    network_id: str, version: str, reference: str, dataset_name: str, layer: str, count: int
) -> dict[str, np.ndarray]:
    """The PCA map of :func:`test_sample` after a layer, on the axes of the network's version ``reference``: see
    :func:`explorer.analysis.separation.pca_points`."""
    from explorer.analysis.separation import pca_points as run

    test, chosen = dataset(dataset_name).test, test_sample(dataset_name, count)
    pixels, labels = test.pixels[chosen], test.labels[chosen]
    axes = None if reference == version else network(network_id, reference)
    return run(network(network_id, version), pixels, labels, find_card(dataset_name), layer, reference=axes)
