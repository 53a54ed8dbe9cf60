"""The terms that make each of a network's values: weight × value of positions one layer below, and constants.

A position is a layer's name and an index into its output: ``("conv1", (3, 5, 6))`` is map 3, row 5, column 6, and
``("input", (0, 5, 6))`` a pixel. An activation f(z) is the single term f(z)/z × z, a maximum its winner alone: the rule
z of layer-wise relevance propagation (LRP-0; Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier
Decisions by Layer-Wise Relevance Propagation"), with biases as terms of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import nn

from explorer.errors import SpecError
from explorer.models import Network
from explorer.modules import ChannelAffine, GlobalAveragePool2d, UnevenConv2d

INPUT = "input"

Position = tuple[str, tuple[int, ...]]
Outputs = Mapping[str, np.ndarray]


class Constant(NamedTuple):
    """A term without a source: a bias, a normalisation's shift, what an activation gives for 0."""

    name: str
    value: float


@dataclass(frozen=True, eq=False)
class Terms:
    """What makes the value at (``layer``, ``index``): T terms in the order of ``shape``, and the constants.

    ``value`` is PyTorch's own; ``total`` the terms' sum in float64, equal to it but for PyTorch's rounding.
    """

    layer: str
    index: tuple[int, ...]
    value: float
    source: str  # the layer below, or "input"
    positions: np.ndarray  # int64 (T, D), indices into the source's output
    padding: np.ndarray  # bool (T,): this term is one of the zeros around the map, and its position is outside
    weights: np.ndarray  # float64 (T,)
    values: np.ndarray  # float64 (T,), 0 for padding
    shape: tuple[int, ...]  # (C, k, k) of a convolution, (size, size) of a pooling window, (units,), (1,) …
    constants: tuple[Constant, ...] = ()

    @property
    def products(self) -> np.ndarray:
        """weight × value, float64 (T,)."""
        products: np.ndarray = self.weights * self.values
        return products

    @property
    def total(self) -> float:
        return math.fsum([*self.products.tolist(), *(constant.value for constant in self.constants)])

    @property
    def single(self) -> bool:
        """One source alone passes its value on: activation, max pooling, flatten, dropout, normalisation."""
        return len(self.weights) == 1

    def position(self, term: int) -> Position | None:
        """Where a term's value comes from; None for padding."""
        return None if self.padding[term] else (self.source, tuple(self.positions[term].tolist()))

    def find(self, position: Position) -> int:
        """The term whose value is at ``position``. Raises SpecError where there is none."""
        layer, index = position
        if layer == self.source and len(index) == self.positions.shape[1]:
            found = np.flatnonzero((self.positions == np.array(index)).all(1) & ~self.padding)
            if len(found):
                return int(found[0])
        raise SpecError(f"{self.layer} {self.index} has no term from {layer} {index}: choose one of its own sources")


def terms(network: Network, outputs: Outputs, layer: str, index: Sequence[int]) -> Terms:
    """The terms that make one value of a layer's output in evaluation mode.

    ``outputs`` holds the layers' outputs for one image by name, (C, H, W) or (units,), and the network's input as
    ``input``. Raises SpecError for a layer or index that the network doesn't have.
    """
    names = [name for name, _ in network.named_children()]
    if layer not in names:
        raise SpecError(f"there is no layer named {layer!r}; there are: {', '.join(names)}")
    place = names.index(layer)
    source = names[place - 1] if place else INPUT
    here, at = outputs[layer], tuple(int(number) for number in index)
    if len(at) != here.ndim or not all(0 <= number < size for number, size in zip(at, here.shape, strict=True)):
        raise SpecError(f"{layer} has the shape {here.shape}: there is no {at} in it")
    value = float(here[at])
    found = _sources(network.get_submodule(layer), outputs[source], at, value)
    inside: np.ndarray = np.all((found.positions >= 0) & (found.positions < np.array(outputs[source].shape)), axis=1)
    values = np.zeros(len(inside))
    values[inside] = outputs[source][tuple(found.positions[inside].T)]
    return Terms(
        layer, at, value, source, found.positions, ~inside, found.weights, values, found.shape, found.constants
    )


# --- layers ---------------------------------------------------------------------------------------------------------


class _Sources(NamedTuple):
    positions: np.ndarray  # int64 (T, D), of padding outside the map
    weights: np.ndarray  # float64 (T,)
    shape: tuple[int, ...]
    constants: tuple[Constant, ...] = ()


def _sources(module: nn.Module, below: np.ndarray, at: tuple[int, ...], value: float) -> _Sources:
    match module:
        case nn.Conv2d():
            return _convolution(module, at)
        case nn.Linear():
            weights = _array(module.weight[at[0]])
            return _Sources(np.arange(len(weights))[:, None], weights, weights.shape, _bias(module, at[0]))
        case nn.BatchNorm2d() | nn.BatchNorm1d():
            return _normalisation(module, at)
        case ChannelAffine():
            slope, shift = (float(values.detach()[at[0]]) for values in (module.weight, module.bias))
            return _Sources(np.array([at], np.int64), np.array([slope]), (1,), (Constant("shift", shift),))
        case nn.MaxPool2d():
            corners = _window(module, at)
            winner = int(below[tuple(corners.T)].argmax())  # the first of equals, as in PyTorch
            return _Sources(corners[winner : winner + 1], np.ones(1), (1,))
        case nn.AvgPool2d():
            corners = _window(module, at)
            side = math.isqrt(len(corners))
            return _Sources(corners, np.full(len(corners), 1 / len(corners)), (side, side))
        case GlobalAveragePool2d():
            height, width = below.shape[1:]
            positions = _grid((1, height, width)) + np.array([at[0], 0, 0])
            return _Sources(positions, np.full(height * width, 1 / (height * width)), (height, width))
        case nn.Flatten():
            return _Sources(np.array([np.unravel_index(at[0], below.shape)], np.int64), np.ones(1), (1,))
        case nn.Dropout():
            return _Sources(np.array([at], np.int64), np.ones(1), (1,))
        case _:
            slope, rest = secant(module, float(below[at]), value)
            return _Sources(np.array([at], np.int64), np.array([slope]), (1,), rest)


def _convolution(module: nn.Conv2d, at: tuple[int, ...]) -> _Sources:
    kernel, row, column = at
    weights = _array(module.weight[kernel])  # (C, k, k)
    if isinstance(module, UnevenConv2d):
        left, _, top, _ = module.uneven
    else:
        top, left = (int(zeros) for zeros in module.padding)
    corner = np.array([0, row * module.stride[0] - top, column * module.stride[1] - left])
    return _Sources(_grid(weights.shape) + corner, weights.reshape(-1), weights.shape, _bias(module, kernel))


def _bias(module: nn.Conv2d | nn.Linear, number: int) -> tuple[Constant, ...]:
    return () if module.bias is None else (Constant("bias", float(module.bias.detach()[number])),)


def _normalisation(module: nn.BatchNorm2d | nn.BatchNorm1d, at: tuple[int, ...]) -> _Sources:
    channel = at[0]
    mean, variance = module.running_mean, module.running_var
    assert mean is not None and variance is not None  # noqa: S101, PT018 ours always keep them
    scale = float(module.weight.detach()[channel]) / math.sqrt(float(variance[channel]) + module.eps)
    shift = float(module.bias.detach()[channel]) - scale * float(mean[channel])
    return _Sources(np.array([at], np.int64), np.array([scale]), (1,), (Constant("shift", shift),))


def secant(module: nn.Module, z: float, value: float) -> tuple[float, tuple[Constant, ...]]:
    """The slope f(z)/z of an activation whose value f(z) is known, and what is left over.

    At z = 0 (and so close to it that f(z)/z is no number) the slope is f'(0), and what remains of f(z) is a constant:
    a sigmoid's 0.5.
    """
    slope = value / z if z else math.inf
    if math.isfinite(slope):
        return slope, ()
    with torch.enable_grad():
        zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
        slope = float(torch.autograd.grad(module(zero), zero)[0])
    rest = value - slope * z
    return slope, (Constant("f(0)", rest),) if rest else ()


def window(size: int, stride: int, at: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the map below that a pooling window at (map, row, column) covers."""
    top, left = at[1] * stride, at[2] * stride
    return slice(top, top + size), slice(left, left + size)


def _window(module: nn.MaxPool2d | nn.AvgPool2d, at: tuple[int, ...]) -> np.ndarray:
    """All positions in a pooling window, int64 (size², 3), row by row."""
    size, stride = cast(int, module.kernel_size), cast(int, module.stride)
    rows, columns = window(size, stride, at)
    positions: np.ndarray = _grid((1, size, size)) + np.array([at[0], rows.start, columns.start])
    return positions


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    """All indices of an array of that shape, int64 (N, D), the last one running fastest."""
    indices: np.ndarray = np.indices(shape).reshape(len(shape), -1).T
    return indices


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().double().cpu().numpy()
    return array
