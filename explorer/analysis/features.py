"""What a layer says of many images, as one row of numbers an image: what maps, probes and neighbours are made from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.random_projection import SparseRandomProjection

from explorer.analysis.capture import borrow, to_input
from explorer.data.cards import DataCard
from explorer.errors import SpecError
from explorer.models import Network
from explorer.spec import Dropout, Flatten

PIXELS = "input"
"""The layer before the first: the images themselves, brightness from 0 to 1."""
MOST = 2048
"""How many numbers an image has at most. A layer with more is first projected to so many, at random."""

Progress = Callable[[float], None]


def readable_layers(network: Network) -> list[str]:
    """The pixels and every layer that changes what is known: not dropout, which does nothing here, nor flattening."""
    kinds = zip(network.spec.names, network.spec.layers, strict=True)
    return [PIXELS, *(name for name, layer in kinds if not isinstance(layer, Dropout | Flatten))]


def penultimate(network: Network) -> str:
    """The last layer before the logits of those in :func:`readable_layers`: there the classes lie best apart."""
    return readable_layers(network)[-2]


def features(
    network: Network,
    pixels: np.ndarray,
    card: DataCard,
    layer: str,
    *,
    most: int = MOST,
    batch: int = 200,
    progress: Progress | None = None,
) -> np.ndarray:
    """The activations after a layer for images uint8 (N, C, H, W): float32 (N, D), the layer's numbers in their order.

    Where these are more than ``most``, D is ``most``: a sparse random projection, always the same one, which keeps all
    distances to within a few percent (Li, Hastie & Church 2006, 'Very sparse random projections'), so that memory
    stays bounded however wide the layer is. ``progress`` is told the share done after each batch.

    Raises SpecError for a layer that the network doesn't have, for activations that are not finite, and for no images.
    """
    names = list(network.spec.names)
    if layer != PIXELS and layer not in names:
        raise SpecError(f"there is no layer named {layer!r}; there are: {', '.join([PIXELS, *names])}")
    part = None if layer == PIXELS else network[: names.index(layer) + 1]
    rows: np.ndarray | None = None  # filled part by part: parts that are joined at the end take twice the memory
    for first in range(0, len(pixels), batch):
        images = pixels[first : first + batch]
        if part is None:
            values = np.asarray(images, np.float32).reshape(len(images), -1) / np.float32(255)
        else:
            with torch.inference_mode(), borrow(part):
                values = part(to_input(network, images, card)).flatten(1).float().cpu().numpy()
        if not np.isfinite(values).all():
            raise SpecError(f"{layer} gives numbers that are not finite: the training diverged, choose another network")
        if values.shape[1] > most:
            values = projection(values.shape[1], most).transform(values)
        if rows is None:
            rows = np.empty((len(pixels), values.shape[1]), np.float32)
        rows[first : first + len(images)] = values
        if progress is not None:
            progress(min(1.0, (first + batch) / len(pixels)))
    if rows is None:
        raise SpecError("there are no images to show to the network: give at least one")
    return rows


@lru_cache(maxsize=2)
def projection(numbers: int, most: int) -> SparseRandomProjection:
    """The projection of so many numbers to ``most``."""
    chosen = SparseRandomProjection(most, dense_output=True, random_state=0)
    return chosen.fit(np.zeros((1, numbers), np.float32))


def principal(rows: np.ndarray, components: int) -> tuple[np.ndarray, float]:
    """Rows (N, D) → their first principal components (N, k) float32, k at most ``components``, and the share of the
    whole variance that these hold, 0 to 1; nothing but zeros, and 0, where all rows are alike."""
    count = min(components, *rows.shape)
    if not np.ptp(rows, axis=0).any():
        return np.zeros((len(rows), count), np.float32), 0.0
    fitted = PCA(count, random_state=0).fit(rows)
    return fitted.transform(rows).astype(np.float32), min(1.0, float(fitted.explained_variance_ratio_.sum()))
