"""Where the parts of the architecture diagram stand: layers to boxes, in pixels, to one scale.

Feature maps (C, H, W) are boxes: H is their height, W recedes to the upper right, C is their width, compressed by a
root. Vectors are bars, their height a logarithm of the units. Layers that keep the shape (normalisation, affine,
activation, dropout) are slabs at their volume's right side. All volumes stand on one axis, y = 0, from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2, sqrt
from typing import Literal

from explorer.shapes import LayerShape, Shape
from explorer.spec import (
    Activation,
    Affine,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Output,
    Pool,
)

Kind = Literal[
    "input",
    "conv",
    "batch_norm",
    "affine",
    "activation",
    "pool",
    "dropout",
    "flatten",
    "global_average_pool",
    "dense",
    "output",
]
State = Literal["sound", "impossible", "unknown"]

PAGE = 770.0  # the width that the diagram fills when it can, in pixels
SIDE = 140.0  # of the largest map, in pixels
SLANT = (0.42, 0.27)  # what a pixel of a map's width adds to the right and upwards
SLAB = 5.0  # width of a folded layer
BAR = 9.0  # width of a vector's bar
BAR_SLANT = (5.0, 4.0)
GAP = 16.0  # between two volumes, at least
LABEL_GAP = 12.0  # between two labels, at least
SPREAD = 46.0  # what a gap may grow by to fill a wide place

_FOLDED = (BatchNorm, Affine, Activation, Dropout)


@dataclass(frozen=True)
class Part:
    """A slab: one layer, from ``left`` to ``left + width``."""

    name: str
    kind: Kind
    left: float
    width: float


@dataclass(frozen=True)
class Volume:
    """One box or bar; its parts stand side by side, the first one is its own layer."""

    shape: Shape
    state: State
    height: float
    slant: tuple[float, float]  # of the receding edge
    parts: tuple[Part, ...]
    window: float = 0.0  # the side of the window that slides over the volume before, in pixels; 0: it sees all

    @property
    def left(self) -> float:
        return self.parts[0].left

    @property
    def right(self) -> float:
        """The right edge of the front face."""
        return self.parts[-1].left + self.parts[-1].width

    @property
    def bottom(self) -> float:
        """The lower edge of the front face; the whole is centred on the axis."""
        return -(self.height + self.slant[1]) / 2

    @property
    def width(self) -> float:
        return self.right - self.left + self.slant[0]

    @property
    def centre(self) -> float:
        return self.left + self.width / 2


def volumes(
    layers: Sequence[LayerShape], input_shape: Shape, rest: Sequence[Layer] = (), rest_names: Sequence[str] = ()
) -> list[Volume]:
    """The network's volumes, input first, each with its left edge at 0 (see :func:`spread`).

    ``rest`` are the layers from the first impossible one on: it is drawn as large as its window is against the map,
    those after it in a size that is only a guess.
    """
    maps = [input_shape, *(entry.output for entry in layers)]
    window = max((_window(layer) for layer in rest[:1]), default=0)
    scale = SIDE / max(window, *(max(shape[1:], default=0) for shape in maps))
    found = [_volume(input_shape, "sound", scale, Part("input", "input", 0, 0))]
    for entry in layers:
        part = Part(entry.name, entry.layer.kind, 0, 0)
        if isinstance(entry.layer, _FOLDED):
            found[-1] = _with_slab(found[-1], part)
        else:
            found.append(_volume(entry.output, "sound", scale, part, _window(entry.layer) * scale))
    shape, state = found[-1].shape, found[-1].state
    for layer, name in zip(rest, rest_names, strict=True):
        state = "impossible" if state == "sound" else "unknown"
        part = Part(name, layer.kind, 0, 0)
        if state == "unknown" and isinstance(layer, _FOLDED):
            continue
        shape = _guess(layer, shape)
        drawn = (shape[0], _window(layer), _window(layer)) if state == "impossible" and _window(layer) else shape
        found.append(_volume(drawn, state, scale, part, _window(layer) * scale))
    return found


def spread(found: Sequence[Volume], label_widths: Sequence[float], width: float) -> tuple[list[Volume], float]:
    """Volumes side by side so that neither they nor their labels (centred under them) touch, and the whole width that
    this takes; where ``width`` is more, the gaps grow, up to a bound, and the whole is centred."""
    halves = [max(volume.width + GAP, label + LABEL_GAP) / 2 for volume, label in zip(found, label_widths, strict=True)]
    natural = 2 * sum(halves)
    extra = min(SPREAD, max(0.0, width - natural) / len(found))
    total = max(width, natural)
    x = (total - natural - extra * len(found)) / 2
    placed = []
    for volume, half in zip(found, halves, strict=True):
        placed.append(_moved(volume, x + half + extra / 2 - volume.centre))
        x += 2 * half + extra
    return placed, total


def depth(channels: int) -> float:
    """The width in pixels that stands for a number of maps: compressed by a root, so that 1 and 1,024 fit one page."""
    return 3 + 2.4 * sqrt(channels)


def bar_height(units: int) -> float:
    """The height in pixels that stands for a number of units: a logarithm, cut off where it would leave the page."""
    return min(11 * log2(1 + units), SIDE * (1 + SLANT[1]))


def _volume(shape: Shape, state: State, scale: float, part: Part, window: float = 0.0) -> Volume:
    if len(shape) == 1:
        return Volume(shape, state, bar_height(shape[0]), BAR_SLANT, (Part(part.name, part.kind, 0, BAR),))
    channels, height, width = shape
    slant = (SLANT[0] * width * scale, SLANT[1] * width * scale)
    own = Part(part.name, part.kind, 0, depth(channels))
    return Volume(shape, state, height * scale, slant, (own,), window)


def _with_slab(volume: Volume, part: Part) -> Volume:
    return replace(volume, parts=(*volume.parts, replace(part, left=volume.right, width=SLAB)))


def _moved(volume: Volume, by: float) -> Volume:
    return replace(volume, parts=tuple(replace(part, left=part.left + by) for part in volume.parts))


def _window(layer: Layer) -> int:
    match layer:
        case Conv():
            return layer.kernel_size
        case Pool():
            return layer.size
        case _:
            return 0


def _guess(layer: Layer, shape: Shape) -> Shape:
    match layer:
        case Conv():
            return (layer.kernels, *shape[1:])
        case Flatten() | GlobalAveragePool():
            return (shape[0],)
        case Dense():
            return (layer.units,)
        case Output():
            return (10,)
        case _:
            return shape
