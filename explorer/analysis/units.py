"""The kernels and dense units of a network, and where their responses are to be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.errors import SpecError
from explorer.models import Network
from explorer.shapes import LayerShape, trace
from explorer.spec import Activation, Affine, BatchNorm, Conv, Dense, Output


@dataclass(frozen=True)
class Units:
    """The kernels of a convolution, or the units of a dense layer. Their response is the output of layer ``end``: what
    the layer gives with its bias and, where one follows at once, the normalisation, before the activation function.

    ``rectified``: a ReLU follows, so that a response of 0 or less is nothing to the layers above.
    """

    layer: LayerShape
    end: str
    rectified: bool

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def count(self) -> int:
        return self.layer.output[0]

    @property
    def maps(self) -> bool:
        """Kernels respond at every position of their map, units once."""
        return len(self.layer.output) == 3

    @property
    def word(self) -> str:
        """What one of them is called."""
        return "kernel" if self.maps else "class" if isinstance(self.layer.layer, Output) else "unit"


def units(network: Network) -> list[Units]:
    """Convolutions and dense layers, the output layer too, in their order."""
    layers = trace(network.spec, network.input_shape, network.classes)
    return [_units(layers, layer.index) for layer in layers if isinstance(layer.layer, Conv | Dense | Output)]


def find(network: Network, name: str) -> Units:
    """Those of the layer with that name. Raises SpecError where it has none."""
    found = {each.name: each for each in units(network)}
    if name not in found:
        raise SpecError(f"{name!r:.40} has no kernels or units; these layers have: {', '.join(found)}")
    return found[name]


def patch(image: np.ndarray, layer: LayerShape, row: int, column: int) -> np.ndarray:
    """What a map's unit at (row, column) sees of an image (C, H, W): float32 (C, r, r), r the receptive field's side.
    What lies outside the image, in the padding, is NaN. A layer without maps sees the whole image."""
    if len(layer.output) != 3:
        return image.astype(np.float32)
    side = layer.receptive_field
    seen = np.full((len(image), side, side), np.nan, np.float32)
    top, left = (layer.offset + place * layer.jump for place in (row, column))
    rows, columns = (
        slice(min(max(0, first), length), max(0, min(length, first + side)))
        for first, length in zip((top, left), image.shape[1:], strict=True)
    )
    inside = image[:, rows, columns]
    seen[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
    return seen


def _units(layers: tuple[LayerShape, ...], index: int) -> Units:
    following = [layer.layer for layer in layers[index + 1 : index + 3]]
    end = index
    if following and isinstance(following[0], BatchNorm | Affine):
        end, following = index + 1, following[1:]
    rectified = bool(following) and isinstance(following[0], Activation) and following[0].function == "relu"
    return Units(layers[index], layers[end].name, rectified)
