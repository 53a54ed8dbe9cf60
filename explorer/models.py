"""From a :class:`~explorer.spec.ModelSpec` to a PyTorch module, one readable submodule a layer."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn import init

from explorer.errors import SpecError, WeightsError
from explorer.modules import ChannelAffine, Codes, GlobalAveragePool2d, ScaledTanh, TableConv2d, UnevenConv2d
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
