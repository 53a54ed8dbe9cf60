"""Pictures that users give, in the data set's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.spec import Augmentation
from explorer.ui.cache.opened import dataset, network, of_images

if TYPE_CHECKING:
    from explorer.digits import Prepared, Sheet
    from explorer.digits.batch import Gathering


@st.cache_data(show_spinner="Preparing the picture …", max_entries=128)
def prepared(data: bytes, name: str, shape: tuple[int, int, int], without: frozenset[str] = frozenset()) -> Prepared:
    """One uploaded picture of one digit in the data set's form, without some of the steps. Raises PictureError."""
    from explorer.digits import decode, prepare
    from explorer.ui.preparation import options

    return prepare(decode(data, name), options(without), shape=shape)


@st.cache_resource(show_spinner="Looking for what is drawn …", max_entries=8)
def surveyed(data: bytes, name: str) -> Sheet:
    """One uploaded picture and the boxes of its digits. Raises PictureError."""
    from explorer.digits import decode, survey

    return survey(decode(data, name))


@st.cache_resource(show_spinner=False, max_entries=64)  # it is under way: what is pushed out begins anew
def gathering(stamp: str, dataset_name: str, _files: list[tuple[str, bytes]]) -> Gathering:  # noqa: ARG001 the key
    """Many files, gathered for all who have uploaded the same; ``stamp`` changes with their contents."""
    from explorer.digits.batch import Gathering

    card = find_card(dataset_name)
    return Gathering(_files, shape=card.shape, classes=len(card.classes))


@st.cache_data(show_spinner=False, max_entries=8)
def picture_url(data: bytes, name: str) -> str:
    """An uploaded picture for the browser, upright and small. Raises PictureError."""
    from explorer.ui.components.boxes import as_url

    return as_url(surveyed(data, name).picture.rgb)


@st.cache_data(show_spinner=False, max_entries=2048)
def boxed(
    data: bytes, name: str, box: tuple[int, int, int, int], shape: tuple[int, int, int], without: frozenset[str]
) -> np.ndarray:
    """The digit in a box of an uploaded picture in the data set's form, uint8 (C, H, W). Raises PictureError."""
    from explorer.digits import Box, prepare_box
    from explorer.ui.preparation import options

    pixels = prepare_box(surveyed(data, name), Box(*box), shape, options(without)).pixels
    return np.repeat(pixels[None], shape[0], axis=0)


@st.cache_data(show_spinner=False, max_entries=64)
def batch(network_id: str, version: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """The probabilities (N, K) that a network gives images, given as the bytes of their uint8 pixels (N, C, H, W)."""
    from explorer.analysis import evaluate

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *card.shape)
    if not len(images):
        return np.empty((0, len(card.classes)), dtype=np.float32)
    nobody_knows = np.zeros(len(images), dtype=np.int64)  # the losses are not used
    return evaluate(network(network_id, version), images, nobody_knows, card).probabilities


@st.cache_resource(show_spinner=False, max_entries=64)
def drawing(data: bytes, shape: tuple[int, int, int], without: frozenset[str] = frozenset()) -> Prepared:
    """A drawing, the bytes of its PNG, in the data set's form: as :func:`prepared`, without a spinner at every stroke.
    Raises PictureError."""
    from explorer.digits import decode, prepare
    from explorer.ui.preparation import options

    return prepare(decode(data), options(without), shape=shape)


@of_images
@st.cache_data(show_spinner=False, max_entries=64)
def augmented(dataset_name: str, changes: Augmentation, count: int = 12) -> np.ndarray:
    """The first training digits, each changed once at random as in training: uint8 (count, H, W)."""
    import torch

    from explorer.data.augment import augment

    data = dataset(dataset_name)
    images = torch.tensor(np.asarray(data.train.pixels[:count])).float()
    changed = augment(images, changes, torch.Generator().manual_seed(0), fill=0.0)
    return changed.round().clamp(0, 255).byte().numpy()[:, 0]
