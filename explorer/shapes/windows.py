"""Windows that slide over maps: how many places they have, what they see, and what to say where they don't fit."""

from __future__ import annotations

import math
from typing import NamedTuple

from explorer.spec import Conv, Pool

Shape = tuple[int, ...]
"""(channels, height, width) of feature maps, or (units,) of a vector; never with the batch."""


def padding(layer: Conv) -> tuple[int, int]:
    """Rows of zeros (before, after) the map: above and below, left and right alike."""
    match layer.padding:
        case "valid":
            return 0, 0
        case "same":
            return (layer.kernel_size - 1) // 2, layer.kernel_size // 2
        case zeros:
            return zeros, zeros


def slide(side: int, window: int, stride: int, zeros: int) -> int:
    """Positions of a window that slides over ``side`` pixels and ``zeros`` more; none, or negative, if it can't."""
    return (side + zeros - window) // stride + 1


def size_formula(sides: Shape, window: int, stride: int, zeros: str, outputs: Shape) -> str:
    """``⌊(28 + 2·0 − 3) / 1⌋ + 1 = 26``, once for square maps, else for height and width."""
    height, width = (
        f"⌊({side} + {zeros} − {window}) / {stride}⌋ + 1 = {output}"
        for side, output in zip(sides, outputs, strict=True)
    )
    return height if height == width else f"height {height}; width {width}"


class Field(NamedTuple):
    """Receptive field of the units of one map, see :class:`LayerShape`."""

    size: int = 1
    jump: int = 1
    offset: int = 0

    def through(self, window: int, stride: int, before: int) -> Field:
        return Field(self.size + (window - 1) * self.jump, self.jump * stride, self.offset - before * self.jump)


def conv_fault(layer: Conv, name: str, shape: Shape) -> str:
    k, side, (zeros, _) = layer.kernel_size, min(shape[1:]), padding(layer)
    padded = f" with padding {zeros}" if zeros else ""
    return (
        f"{name}: {_a(k)} {k}×{k} kernel can't slide over a {shape[1]}×{shape[2]} map{padded}: "
        f"use padding {math.ceil((k - side) / 2)} or a kernel of {_or_less(side + 2 * zeros)}"
    )


def pool_fault(layer: Pool, name: str, shape: Shape) -> str:
    side = min(shape[1:])
    smaller = f"use a window of {_or_less(side)}, or " if side > 1 else ""
    return (
        f"{name}: {_a(layer.size)} {layer.size}×{layer.size} window can't slide over a {shape[1]}×{shape[2]} map: "
        f"{smaller}remove the pooling"
    )


def _or_less(size: int) -> str:
    return f"{size} or less" if size > 1 else "1"


def _a(number: int) -> str:
    return "an" if number in (8, 11, 18) else "a"
