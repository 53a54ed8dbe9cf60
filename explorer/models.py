"""From a :class:`~explorer.spec.ModelSpec` to a PyTorch module, one readable submodule a layer."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn import functional, init

from explorer.bitmaps import CODES
from explorer.errors import SpecError, WeightsError
from explorer.shapes import LayerShape, Shape, padding, trace
from explorer.spec import (
    Activation,
    ActivationName,
    Affine,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    InitializationName,
    ModelSpec,
    Output,
    Pool,
)

Table = tuple[tuple[int, ...], ...]


class UnevenConv2d(nn.Conv2d):
    """A convolution with ``uneven`` zeros (left, right, top, bottom): "same" padding of an even kernel.

    ``nn.Conv2d(padding="same")`` would do it for stride 1 alone, and with a warning.
    """

    def __init__(
        self, channels: int, kernels: int, kernel_size: int, *, stride: int, uneven: tuple[int, int], bias: bool
    ) -> None:
        super().__init__(channels, kernels, kernel_size, stride=stride, bias=bias)
        self.uneven = (*uneven, *uneven)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return super().forward(functional.pad(input, self.uneven))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, uneven={self.uneven}"  # type: ignore[no-untyped-call]


class TableConv2d(nn.Conv2d):
    """A convolution whose kernels see only some of the input maps. The weights for the others are there, as zeros: no
    gradient reaches them."""

    table: Tensor

    def __init__(
        self, channels: int, kernels: int, kernel_size: int, *, stride: int, padding: int, bias: bool, table: Table
    ) -> None:
        super().__init__(channels, kernels, kernel_size, stride=stride, padding=padding, bias=bias)
        seen = torch.zeros(kernels, channels, 1, 1)
        for kernel, maps in enumerate(table):
            seen[kernel, list(maps)] = 1.0
        self.register_buffer("table", seen, persistent=False)
        with torch.no_grad():
            self.weight *= self.table

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        maps: Tensor = self._conv_forward(input, self.weight * self.table, self.bias)
        return maps


class ChannelAffine(nn.Module):
    """Each map or unit times a learned coefficient, and a learned bias: (N, C, H, W) or (N, C) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        shape = (-1, *[1] * (input.dim() - 2))
        return input * self.weight.view(shape) + self.bias.view(shape)


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3) (LeCun et al. 1998, appendix A)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return torch.tanh(input * (2 / 3)) * 1.7159


class Codes(nn.Linear):
    """Logits 2 c·x of the digits' fixed codes c, which are not learned: see :class:`explorer.spec.Output`."""

    def __init__(self) -> None:
        super().__init__(len(CODES[0]), len(CODES), bias=False)
        self.weight = nn.Parameter(2.0 * torch.tensor(CODES), requires_grad=False)


class GlobalAveragePool2d(nn.Module):
    """Each map's mean, (N, C, H, W) → (N, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


class Network(nn.Sequential):
    """Images (N, C, H, W), normalised float, → logits (N, classes).

    Each layer is a submodule with its name in ``spec.names`` (``network.conv1``), in order, one module a layer; none
    works in place, so that every layer's output can be looked at. A slice (``network[:3]``) is a plain Sequential.
    """

    def __init__(self, spec: ModelSpec, input_shape: Shape, classes: int) -> None:
        """PyTorch's own random weights, drawn from its global generator. Raises SpecError as ``shapes.trace`` does."""
        layers = trace(spec, input_shape, classes)
        super().__init__(OrderedDict((layer.name, _module(layer)) for layer in layers))
        self.spec = spec
        self.input_shape = input_shape
        self.classes = classes

    @overload
    def __getitem__(self, idx: slice) -> nn.Sequential: ...
    @overload
    def __getitem__(self, idx: int) -> nn.Module: ...
    def __getitem__(self, idx: slice | int) -> nn.Sequential | nn.Module:
        if isinstance(idx, slice):
            return nn.Sequential(OrderedDict(list(self._modules.items())[idx]))
        return super().__getitem__(idx)


def build(
    model: ModelSpec,
    input_shape: Shape,
    classes: int,
    *,
    initialization: InitializationName = "default",
    seed: int | None = None,
) -> Network:
    """The network with fresh weights, float32 on the CPU, in training mode.

    The same ``seed`` gives the same weights; None draws one. PyTorch's global generators stay as they are.
    ``default`` is PyTorch's own: weights and biases uniform within ±1/√fan_in. The others set the weights of
    convolutions and dense layers (Kaiming with ReLU's gain, Xavier and orthogonal with gain 1) and zero the biases.

    Raises SpecError as ``shapes.trace`` does, and for an unknown initialisation.
    """
    if initialization not in INITIALIZATIONS:
        raise SpecError(f"there is no initialisation {initialization!r}; there are: {', '.join(INITIALIZATIONS)}")
    with torch.random.fork_rng(devices=[]):  # the modules draw weights while they are made
        network = Network(model, input_shape, classes)
    # A generator of our own, not the global one reseeded: other threads of a server draw from that one meanwhile.
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    for module in network:
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.requires_grad:
            INITIALIZATIONS[initialization](module, generator)
        if isinstance(module, TableConv2d):
            with torch.no_grad():
                module.weight *= module.table
    return network


def twin(network: Network) -> Network:
    """The network once more, in evaluation mode, on the same tensors: what is shared between sessions gets neither
    hooks nor gradients nor another mode. (On the meta device nothing is drawn at random and no memory taken.)"""
    with torch.device("meta"):
        other = Network(network.spec, network.input_shape, network.classes)
    other.load_state_dict(network.state_dict(), assign=True)
    for own, its in zip(other, network, strict=True):
        if isinstance(own, TableConv2d) and isinstance(its, TableConv2d):
            own.table = its.table  # no part of the state
    return other.eval()


# --- layers ---------------------------------------------------------------------------------------------------------

_ACTIVATIONS: dict[ActivationName, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "scaled_tanh": ScaledTanh,
    "sigmoid": nn.Sigmoid,
}


def _module(shape: LayerShape) -> nn.Module:
    width = shape.input[0]
    match shape.layer:
        case Conv(kernels=kernels, kernel_size=size, stride=stride, bias=bias) as conv:
            before, after = padding(conv)
            if before != after:
                return UnevenConv2d(width, kernels, size, stride=stride, uneven=(before, after), bias=bias)
            if conv.connections is not None:
                return TableConv2d(
                    width, kernels, size, stride=stride, padding=before, bias=bias, table=conv.connections
                )
            return nn.Conv2d(width, kernels, size, stride=stride, padding=before, bias=bias)
        case BatchNorm():
            return nn.BatchNorm2d(width) if len(shape.input) == 3 else nn.BatchNorm1d(width)
        case Affine():
            return ChannelAffine(width)
        case Activation(function=function):
            return _ACTIVATIONS[function]()
        case Pool(mode="max", size=size, stride=stride):
            return nn.MaxPool2d(size, stride)
        case Pool(size=size, stride=stride):
            return nn.AvgPool2d(size, stride)
        case Dropout(rate=rate):
            return nn.Dropout(rate)
        case Flatten():
            return nn.Flatten()
        case GlobalAveragePool():
            return GlobalAveragePool2d()
        case Output(codes=True):
            return Codes()
        case Dense() | Output():
            return nn.Linear(width, shape.output[0])


# --- initialisation -------------------------------------------------------------------------------------------------

Weighted = nn.Conv2d | nn.Linear


def _default(module: Weighted, generator: torch.Generator) -> None:
    """What ``reset_parameters`` of both does, which takes no generator."""
    init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
    if module.bias is not None:
        bound = 1 / math.sqrt(module.weight[0].numel())
        init.uniform_(module.bias, -bound, bound, generator=generator)


def _zero_bias(draw: Callable[[Tensor, torch.Generator], Tensor]) -> Callable[[Weighted, torch.Generator], None]:
    def initialize(module: Weighted, generator: torch.Generator) -> None:
        draw(module.weight, generator)
        if module.bias is not None:
            init.zeros_(module.bias)

    return initialize


INITIALIZATIONS: dict[InitializationName, Callable[[Weighted, torch.Generator], None]] = {
    "default": _default,
    "kaiming_normal": _zero_bias(lambda w, g: init.kaiming_normal_(w, nonlinearity="relu", generator=g)),
    "kaiming_uniform": _zero_bias(lambda w, g: init.kaiming_uniform_(w, nonlinearity="relu", generator=g)),
    "xavier_normal": _zero_bias(lambda w, g: init.xavier_normal_(w, generator=g)),
    "xavier_uniform": _zero_bias(lambda w, g: init.xavier_uniform_(w, generator=g)),
    "orthogonal": _zero_bias(lambda w, g: init.orthogonal_(w, generator=g)),
}


# --- weights --------------------------------------------------------------------------------------------------------


def load_weights(network: Network, tensors: Mapping[str, Tensor]) -> None:
    """Copies parameters and buffers, named as in ``state_dict``, into the network.

    Nothing is trusted: names, shapes and types must be exactly the network's, every number finite, variances not
    negative, and the memory really there (no strides of zero). Raises WeightsError, with the network untouched.
    """
    wanted = network.state_dict()
    for name in wanted:
        if name not in tensors:
            raise WeightsError(f"these weights have no {name}: they belong to another network")
    for name, given in tensors.items():
        if name not in wanted:
            raise WeightsError(f"these weights have {name[:60]!r}, this network has not: they belong to another one")
        _check(name, given, wanted[name])
    for name, module in network.named_children():
        if isinstance(module, TableConv2d) and bool((tensors[f"{name}.weight"] * (1 - module.table)).any()):
            raise WeightsError(f"{name}.weight connects maps that this network does not: the weights belong to another")
    network.load_state_dict(dict(tensors))


def is_dense(tensor: Tensor) -> bool:
    """Whether the memory of all its numbers is there, without gaps: also of a tensor in channels-last order, but not of
    a sparse or expanded one."""
    return (
        tensor.layout == torch.strided
        and not tensor.is_meta
        and (tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)))
    )


def _check(name: str, given: Tensor, wanted: Tensor) -> None:
    if not isinstance(given, Tensor):
        raise WeightsError(f"{name} is a {type(given).__name__}, not a tensor: the file is not a network's weights")
    if given.shape != wanted.shape:
        raise WeightsError(
            f"{name} is {_shape(given)}, this network needs {_shape(wanted)}: the weights belong to another one"
        )
    if not is_dense(given):
        raise WeightsError(f"{name} does not hold all of its numbers: save the weights as contiguous tensors")
    if given.dtype != wanted.dtype:
        raise WeightsError(
            f"{name} holds {_dtype(given)}, this network needs {_dtype(wanted)}: convert the weights first"
        )
    if not bool(given.isfinite().all()):
        raise WeightsError(f"{name} has numbers that are not finite: the file is damaged, or the training diverged")
    if name.endswith((".running_var", ".num_batches_tracked")) and bool((given < 0).any()):
        raise WeightsError(f"{name} is negative, which it can't be: the file is damaged")


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
