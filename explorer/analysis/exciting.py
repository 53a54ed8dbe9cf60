"""What each kernel looks for: the images, and the places in them, that excite it most, and how it responds to each
class.

An image excites a kernel as much as its largest response in it. The nine best patches are how Zeiler & Fergus show what
features stand for (2014, "Visualizing and Understanding Convolutional Networks", section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from explorer.analysis.capture import capture, to_input
from explorer.analysis.units import Units, units
from explorer.data.cards import DataCard
from explorer.errors import DataError
from explorer.models import Network

TOP = 9
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class Exciting:
    """How K kernels or units respond to N images in C classes. T = min(9, N)."""

    images: np.ndarray  # int64 (K, T), the most exciting first, of equals the first
    values: np.ndarray  # float32 (K, T), the response there
    positions: np.ndarray  # int64 (K, T, 2), row and column in the map; 0, 0 of units
    quantiles: np.ndarray  # float32 (K, C, 7), of the images' largest responses in each class; NaN for an empty class
    active: np.ndarray  # float32 (K, C), the share of each class's images that excite it above 0; NaN likewise
    dead: np.ndarray  # bool (K,): nothing of its response reaches the layers above in any image, see :func:`exciting`

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """As arrays by name, each with ``name/`` before its own."""
        return {f"{name}/{field}": getattr(self, field) for field in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], name: str) -> Exciting:
        """The inverse of :meth:`arrays`."""
        return cls(**{field: arrays[f"{name}/{field}"] for field in cls.__dataclass_fields__})


def exciting(
    network: Network,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    *,
    batch: int = 200,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Exciting]:
    """For every layer with kernels or units, by name, how they respond to images uint8 (N, C, H, W) with classes
    int (N,).

    A kernel before a ReLU is dead if its response is nowhere above 0; any other if it is the same everywhere.
    ``progress`` is told the share done after each batch, and ends the work by raising; the network comes back
    untouched. Raises DataError where there are no images, or not as many labels.
    """
    if len(pixels) == 0 or len(pixels) != len(labels):
        raise DataError(f"{len(pixels):,} images with {len(labels):,} labels: give at least one, and as many of each")
    found = {each.end: _Gathered(each, len(pixels)) for each in units(network)}
    with torch.inference_mode(), capture(network, found) as seen:
        for first in range(0, len(pixels), batch):
            network(to_input(network, pixels[first : first + batch], card))
            for end, gathered in found.items():
                gathered.add(first, seen[end])
            if progress is not None:
                progress(min(1.0, (first + batch) / len(pixels)))
    return {gathered.units.name: gathered.sum_up(np.asarray(labels), len(card.classes)) for gathered in found.values()}


class _Gathered:
    """The largest response of each unit in each image, and where."""

    def __init__(self, of: Units, images: int) -> None:
        self.units = of
        self._values = np.empty((images, of.count), np.float32)
        self._places = np.zeros((images, of.count), np.int32)
        self._lowest = np.full(of.count, np.inf, np.float32)

    def add(self, first: int, responses: torch.Tensor) -> None:
        """``responses`` (n, K, H, W) or (n, K) to the images from number ``first`` on."""
        flat = responses.float().flatten(2) if responses.dim() == 4 else responses.float()[:, :, None]  # (n, K, H·W)
        values, places = flat.max(2)
        rows = slice(first, first + len(flat))
        self._values[rows], self._places[rows] = values.cpu().numpy(), places.cpu().numpy()
        self._lowest = np.minimum(self._lowest, flat.amin((0, 2)).cpu().numpy())

    def sum_up(self, labels: np.ndarray, classes: int) -> Exciting:
        ranks = np.argsort(-self._values, axis=0, kind="stable")[:TOP]  # (T, K)
        best = np.take_along_axis(self._values, ranks, 0).T
        places = np.take_along_axis(self._places, ranks, 0).T.astype(np.int64)
        width = self.units.layer.output[2] if self.units.maps else 1
        highest = best[:, 0]
        quantiles = np.full((self.units.count, classes, len(QUANTILES)), np.nan, np.float32)
        active = np.full((self.units.count, classes), np.nan, np.float32)
        for number in range(classes):
            of_class = self._values[labels == number]
            if len(of_class):
                quantiles[:, number] = np.quantile(of_class, QUANTILES, axis=0).T
                active[:, number] = (of_class > 0).mean(0)
        return Exciting(
            images=ranks.T.astype(np.int64),
            values=best,
            positions=np.stack([places // width, places % width], axis=2),
            quantiles=quantiles,
            active=active,
            dead=highest <= 0 if self.units.rectified else highest == self._lowest,
        )
